//! Figures that were observed, in the place of hints.

use super::{DataHints, Model};
use dram_fields::{Bytes, Field, Fields, Name, Node, Rate, Span, Step};

/// What was observed of a model's applications and sites. A file of it is one document.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Observed {
    /// Applications.
    #[field(block = "application", key = "name")]
    pub applications: Vec<ObservedApplication>,
    /// Sites.
    #[field(block = "site", key = "name")]
    pub sites: Vec<ObservedSite>,
}

/// What was observed of an application.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct ObservedApplication {
    /// Its name.
    pub name: Name,
    /// Its components.
    #[field(block = "component", key = "name", min = 1)]
    pub components: Vec<ObservedComponent>,
}

/// What was observed of a component's data.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct ObservedComponent {
    /// Its name.
    pub name: Name,
    /// How much it is.
    pub size: Option<Bytes>,
    /// How much of it changes, at most.
    pub change_rate: Option<Rate>,
}

/// What was observed of a site.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct ObservedSite {
    /// Its name.
    pub name: Name,
    /// How fast data leaves and reaches it, at least.
    pub bandwidth: Rate,
}

/// Something observed of what the model does not declare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// Where it is named.
    pub span: Span,
    /// What it would be: `site`, `application`, `component`.
    pub what: &'static str,
    /// The name.
    pub name: Name,
}

impl Model {
    /// The model with what was observed in the place of its hints.
    ///
    /// # Errors
    /// What was observed of things that are not declared; `source` is the tree that `observed` was read from.
    pub fn with(mut self, observed: &Observed, source: &Node) -> Result<Self, Vec<Unknown>> {
        let mut unknown = Vec::new();
        let mut missing = |path: Vec<Step>, what, name: &Name| {
            unknown.push(Unknown {
                span: source.at(&path),
                what,
                name: name.clone(),
            });
        };
        let at = |list: &'static Field, index: usize, then: Vec<Step>| {
            [Step::Field(list), Step::Index(index)]
                .into_iter()
                .chain(then)
                .collect::<Vec<_>>()
        };
        for (index, of) in observed.sites.iter().enumerate() {
            match self.site_mut(&of.name) {
                Some(site) => site.bandwidth = Some(of.bandwidth),
                None => missing(
                    at(Observed::SITES, index, vec![Step::Field(ObservedSite::NAME)]),
                    "site",
                    &of.name,
                ),
            }
        }
        for (index, of) in observed.applications.iter().enumerate() {
            let Some(application) = self.application_mut(&of.name) else {
                let path = at(
                    Observed::APPLICATIONS,
                    index,
                    vec![Step::Field(ObservedApplication::NAME)],
                );
                missing(path, "application", &of.name);
                continue;
            };
            for (part, of) in of.components.iter().enumerate() {
                let mut components = application.components.iter_mut();
                let Some(component) = components.find(|component| component.name == of.name) else {
                    let then = at(
                        ObservedApplication::COMPONENTS,
                        part,
                        vec![Step::Field(ObservedComponent::NAME)],
                    );
                    missing(at(Observed::APPLICATIONS, index, then), "component", &of.name);
                    continue;
                };
                let hints = component.data.get_or_insert(DataHints {
                    size: None,
                    change_rate: None,
                });
                hints.size = of.size.or(hints.size);
                hints.change_rate = of.change_rate.or(hints.change_rate);
            }
        }
        if unknown.is_empty() { Ok(self) } else { Err(unknown) }
    }
}
