//! `dramc graph`: a model as a picture, for Mermaid and for Graphviz.
//!
//! Arrows are the references that the language's tables know, so a kind or a field that comes later is drawn as well.

mod dot;
mod mermaid;

use crate::model::{Component, Declaration, KindName, Model, after_order, references};
use dram_fields::{Node, Step, snake_case};
use std::collections::BTreeSet;

pub use dot::dot;
pub use mermaid::mermaid;

/// What of a model is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Everything.
    Whole,
    /// Applications with their components, what protects them, and where their points lie.
    Applications,
    /// Sites, vaults and catalog in their failure domains, what runs at them, and what comes back at them.
    Sites,
    /// Components in the waves in which they start.
    Waves,
}

/// A picture: boxes, some of them in frames, and arrows. Its order depends on the model alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    /// Frames with boxes.
    pub frames: Vec<Frame>,
    /// Boxes outside of frames.
    pub boxes: Vec<Shape>,
    /// Arrows.
    pub arrows: Vec<Arrow>,
}

/// A frame around boxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its identifier: letters, digits and `_`.
    pub id: String,
    /// What stands at it.
    pub label: String,
    /// What is in it.
    pub boxes: Vec<Shape>,
}

/// A box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Its identifier: letters, digits and `_`.
    pub id: String,
    /// What stands in it; may have several lines.
    pub label: String,
    /// Its outline.
    pub outline: Outline,
}

/// How a box looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outline {
    /// Something that runs, or a place.
    Plain,
    /// Something that keeps data.
    Store,
    /// A rule.
    Rule,
    /// A part of an application.
    Part,
}

/// An arrow from one box to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrow {
    /// The box where it begins.
    pub from: String,
    /// The box where it ends.
    pub to: String,
    /// What stands at it; may be empty.
    pub label: String,
}

/// Draws a model.
#[must_use]
pub fn graph(model: &Model, view: View) -> Graph {
    if view == View::Waves {
        return waves(model);
    }
    let drawn = drawn(model, view);
    let mut graph = Graph {
        frames: Vec::new(),
        boxes: Vec::new(),
        arrows: Vec::new(),
    };
    for declaration in model
        .declarations()
        .filter(|declaration| drawn.contains(&id_of(declaration)))
    {
        graph.declare(&declaration, view);
        for arrow in arrows(&declaration) {
            if drawn.contains(&arrow.to) {
                graph.arrows.push(arrow);
            }
        }
    }
    graph
}

impl Graph {
    fn declare(&mut self, declaration: &Declaration, view: View) {
        let shape = shape(declaration);
        let domain = failure_domain(&declaration.spec.encode()).filter(|_| view != View::Applications);
        let components = match &declaration.spec {
            crate::model::Spec::Application(application) if view != View::Sites => application.components.as_slice(),
            _ => &[],
        };
        if let Some(domain) = domain {
            let label = format!("failure domain {domain}");
            self.frame(&format!("domain_{}", identifier(&domain)), &label)
                .push(shape);
        } else if components.is_empty() {
            self.boxes.push(shape);
        } else {
            let name = declaration.name();
            let frame = self.frame(&format!("parts_{}", identifier(name)), &format!("application {name}"));
            frame.push(shape);
            frame.extend(components.iter().map(|component| part(name, component)));
            self.start_order(name, components);
        }
    }

    /// The boxes of a frame, which is made when it is not there.
    fn frame(&mut self, id: &str, label: &str) -> &mut Vec<Shape> {
        let at = self.frames.iter().position(|frame| frame.id == id);
        let at = at.unwrap_or_else(|| {
            self.frames.push(Frame {
                id: id.to_owned(),
                label: label.to_owned(),
                boxes: Vec::new(),
            });
            self.frames.len() - 1
        });
        // The frame was found or pushed just now; without it the box goes outside of all.
        match self.frames.get_mut(at) {
            Some(frame) => &mut frame.boxes,
            None => &mut self.boxes,
        }
    }

    /// Arrows from each component to those that wait for it.
    fn start_order(&mut self, application: &str, components: &[Component]) {
        for component in components {
            for before in &component.after {
                self.arrows.push(Arrow {
                    from: part_id(application, before.as_ref()),
                    to: part_id(application, &component.name),
                    label: "then".to_owned(),
                });
            }
        }
    }
}

fn waves(model: &Model) -> Graph {
    let mut graph = Graph {
        frames: Vec::new(),
        boxes: Vec::new(),
        arrows: Vec::new(),
    };
    for (name, application) in model.applications() {
        // A model's order exists: it was checked.
        let waves = after_order(&application.components).unwrap_or_default();
        for (number, wave) in (1..).zip(waves) {
            graph.frames.push(Frame {
                id: format!("wave_{}_{number}", identifier(name)),
                label: format!("{name}, wave {number}"),
                boxes: wave.into_iter().map(|component| part(name, component)).collect(),
            });
        }
        graph.start_order(name, &application.components);
    }
    graph
}

/// The identifiers of the declarations that a view shows.
fn drawn(model: &Model, view: View) -> BTreeSet<String> {
    let all: Vec<Declaration> = model.declarations().collect();
    let is_place = |declaration: &Declaration| failure_domain(&declaration.spec.encode()).is_some();
    let mut drawn: BTreeSet<String> = match view {
        View::Whole | View::Waves => all.iter().map(id_of).collect(),
        View::Applications => all
            .iter()
            .filter(|one| one.kind() == KindName::Application)
            .map(id_of)
            .collect(),
        View::Sites => {
            let at_a_site =
                |one: &Declaration| one.references().iter().any(|(kind, _)| *kind == KindName::RecoverySite);
            all.iter()
                .filter(|one| is_place(one) || at_a_site(one))
                .map(id_of)
                .collect()
        }
    };
    if view == View::Applications {
        // What they refer to, and what that refers to; where they run is another view's matter.
        let mut before = 0;
        while drawn.len() > before {
            before = drawn.len();
            for declaration in all.iter().filter(|one| drawn.contains(&id_of(one))).collect::<Vec<_>>() {
                let further = declaration
                    .references()
                    .into_iter()
                    .filter(|(kind, _)| *kind != KindName::RecoverySite);
                let further: Vec<String> = further.map(|(kind, name)| id(kind, &name)).collect();
                drawn.extend(further);
            }
        }
    }
    drawn
}

fn arrows(declaration: &Declaration) -> Vec<Arrow> {
    let spec = declaration.spec.encode();
    let references = references(declaration.kind().table(), &spec).into_iter();
    references
        .map(|reference| Arrow {
            from: id_of(declaration),
            to: id(reference.kind, &reference.name),
            label: role(&spec, &reference.path),
        })
        .collect()
}

/// What a reference is, from the fields on the way to it: `site`, or `vaults 2` of several.
fn role(spec: &Node, path: &[Step]) -> String {
    let mut words: Vec<String> = Vec::new();
    for (at, step) in path.iter().enumerate() {
        let list = path.get(..at).and_then(|path| spec.find(path));
        match step {
            Step::Field(field) if words.is_empty() || !matches!(field.name, "name" | "names") => {
                words.push(field.name.to_owned());
            }
            Step::Index(index) if list.is_some_and(|list| list.elements().len() > 1) => {
                words.push((index + 1).to_string());
            }
            Step::Field(_) | Step::Index(_) | Step::Key(_) => {}
        }
    }
    words.join(" ")
}

fn shape(declaration: &Declaration) -> Shape {
    let kind = declaration.kind();
    let words = snake_case(kind.as_str()).trim_start_matches('_').replace('_', " ");
    let spec = declaration.spec.encode();
    let objectives = spec.get("objectives").map(|objectives| {
        let objective = |name: &str| Some(format!("{} {}", name.to_uppercase(), objectives.get(name)?.as_text()?));
        ["rpo", "rto"]
            .into_iter()
            .filter_map(objective)
            .collect::<Vec<_>>()
            .join(", ")
    });
    let objectives = objectives.map(|objectives| format!("\n{objectives}"));
    Shape {
        id: id_of(declaration),
        label: format!("{words} {}{}", declaration.name(), objectives.unwrap_or_default()),
        outline: match kind {
            KindName::Vault | KindName::Catalog => Outline::Store,
            KindName::ProtectionPolicy | KindName::RecoveryPlan => Outline::Rule,
            _ => Outline::Plain,
        },
    }
}

fn part(application: &str, component: &Component) -> Shape {
    Shape {
        id: part_id(application, &component.name),
        label: component.name.to_string(),
        outline: Outline::Part,
    }
}

fn failure_domain(spec: &Node) -> Option<String> {
    spec.get("failureDomain").and_then(Node::as_text).map(str::to_owned)
}

fn id_of(declaration: &Declaration) -> String {
    id(declaration.kind(), declaration.name())
}

fn id(kind: KindName, name: &str) -> String {
    format!(
        "{}_{}",
        snake_case(kind.as_str()).trim_start_matches('_'),
        identifier(name)
    )
}

/// Two underscores, which no name holds, keep `a-b` of `c` and `b` of `c-a` apart.
fn part_id(application: &str, component: &str) -> String {
    format!("part_{}__{}", identifier(application), identifier(component))
}

/// Names have no `_`, so that no two become one.
fn identifier(name: &str) -> String {
    name.replace('-', "_")
}
