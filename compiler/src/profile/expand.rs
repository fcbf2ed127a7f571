//! Components with their profiles put in.

use super::argument::Argument;
use super::built_in::built_in;
use super::check::faults;
use super::fill::{Filler, Place};
use super::merge::refined;
use crate::diagnostic::{Diagnostic, compiler_codes as codes};
use crate::model::{
    Application, Component, Declaration, KindName, Metadata, Profile, ProfileComponent, ProfileUse, Spec,
};
use crate::syntax::Document;
use dram_fields::{
    Block as _, Cx, Data, Entry, Fix, Name, Node, Shape as _, Span, Step, closest, misspelled, path_text,
};
use std::collections::{BTreeMap, BTreeSet};

/// The profiles that components may use.
#[derive(Debug, Default)]
pub struct Profiles {
    declared: BTreeMap<Name, Profile>,
    /// Those with errors of their own, which say enough.
    broken: BTreeSet<String>,
    /// Whether there is one whose name cannot be told.
    nameless: bool,
    /// Where something of a profile stands, and of which.
    places: BTreeMap<Span, Name>,
}

impl Profiles {
    /// Those that are built in.
    #[must_use]
    pub fn built_in() -> Self {
        Self::default()
    }

    /// Those that are built in, and those of these documents.
    #[must_use]
    pub fn of(documents: &[Document]) -> Self {
        let mut profiles = Self::default();
        for Document { root, broken } in documents {
            let kind = root.get("kind").and_then(Node::as_text);
            // A document whose kind cannot be told may be one.
            if kind.is_some_and(|kind| kind.parse().is_ok_and(|kind: KindName| kind != KindName::Profile)) {
                continue;
            }
            let decoded = (!*broken).then(|| Declaration::decode(root.clone()).value).flatten();
            if let Some(Declaration {
                metadata: Metadata { name, .. },
                spec: Spec::Profile(profile),
            }) = decoded
            {
                let spec = root.get("spec").unwrap_or(root);
                if faults(&name, &profile, spec).is_empty() {
                    profiles.declared.insert(name, profile);
                    continue;
                }
            }
            let name = root.get("metadata").and_then(|metadata| metadata.get("name"));
            let name = name.and_then(Node::as_text).filter(|name| name.parse::<Name>().is_ok());
            profiles.nameless |= name.is_none();
            profiles.broken.extend(name.map(str::to_owned));
        }
        profiles
    }

    /// Puts profiles into the components of a document that declares an application.
    pub fn expand_document(&mut self, document: &mut Document, out: &mut Vec<Diagnostic>) {
        let root = &mut document.root;
        if root.get("kind").and_then(Node::as_text) == Some(KindName::Application.as_str())
            && let Some(spec) = value_of(root, "spec")
        {
            self.expand(spec, out);
        }
    }

    /// Puts profiles into the components of an application's `spec`. Of a component whose profile cannot be put in, the
    /// profile becomes unknown, so that nothing else is said of what it lacks.
    pub fn expand(&mut self, spec: &mut Node, out: &mut Vec<Diagnostic>) {
        let Some(Node {
            data: Data::List(components),
            ..
        }) = value_of(spec, Application::COMPONENTS.name)
        else {
            return;
        };
        for (index, component) in components.iter_mut().enumerate() {
            let Some(written) = component.entry(Component::PROFILE.name) else {
                continue;
            };
            // What is wrong with these fields themselves is said when the component is decoded.
            let mut wrong = Vec::new();
            let used = ProfileUse::decode(&written.value, &mut Cx::new(&mut wrong, written.span()));
            let Some(used) = used.filter(|_| wrong.is_empty()) else {
                continue;
            };
            let path = vec![
                Step::Field(Application::COMPONENTS),
                Step::Index(index),
                Step::Field(Component::PROFILE),
            ];
            let request = Request {
                used: &used,
                written: &written.value,
                path,
            };
            match self.given(&request, out) {
                Some(given) => {
                    let mut own = component.clone();
                    if let Data::Map(entries) = &mut own.data {
                        entries.retain(|entry| entry.name != Component::PROFILE.name);
                    }
                    *component = refined(Component::kind(), given, &own);
                }
                None => {
                    if let Some(profile) = value_of(component, Component::PROFILE.name) {
                        profile.data = Data::Unknown;
                    }
                }
            }
        }
    }

    /// What a profile says of a component, with its values; nothing after its errors were said.
    fn given(&mut self, request: &Request<'_>, out: &mut Vec<Diagnostic>) -> Option<Node> {
        let name = &request.used.r#use;
        if self.broken.contains(name.as_ref() as &str) {
            return None;
        }
        let Some(profile) = self.find(name) else {
            if !self.nameless {
                out.push(self.unknown(request));
            }
            return None;
        };
        let before = out.len();
        let arguments = request.arguments(profile, out);
        if out.len() > before {
            return None;
        }
        let place = request.place(&[Step::Field(ProfileUse::USE)]);
        let mut filler = Filler::new(&arguments, Place::Use(place));
        let node = filler.block(ProfileComponent::kind(), &profile.component.node);
        let given = arguments.values().filter_map(|argument| match argument {
            Argument::One { span, .. } | Argument::Lines { span, .. } => *span,
            Argument::Absent | Argument::Unknown | Argument::UnknownLines => None,
        });
        let places = given.chain([place]).filter(|span| span.is_some());
        self.places.extend(places.map(|span| (span, name.clone())));
        Some(node)
    }

    fn find(&self, name: &Name) -> Option<&Profile> {
        let declared = self.declared.get(name);
        declared.or_else(|| {
            let mut all = built_in().iter();
            all.find(|built_in| built_in.name == name.as_ref() as &str)
                .map(|built_in| &built_in.profile)
        })
    }

    fn unknown(&self, request: &Request<'_>) -> Diagnostic {
        let name = &request.used.r#use;
        let listed = |names: Vec<&str>| {
            let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
            quoted.join(", ")
        };
        let built_in: Vec<&str> = built_in().iter().map(|built_in| built_in.name).collect();
        let declared: Vec<&str> = self.declared.keys().map(AsRef::as_ref).collect();
        let only = misspelled(name, declared.iter().chain(&built_in).copied());
        let help = match closest(name, declared.iter().chain(&built_in).copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if declared.is_empty() => format!("built in are {}", listed(built_in)),
            None => format!("declared are {}; built in are {}", listed(declared), listed(built_in)),
        };
        let message = format!("there is no profile `{name}`");
        let finding = request.error(codes::UNKNOWN_PROFILE, &[Step::Field(ProfileUse::USE)], message, help);
        let fix = only.map(|only| Fix::word(finding.span, only));
        finding.fix(fix)
    }

    /// Says of findings about what a profile has put somewhere that it was the profile.
    pub fn tell(&self, findings: &mut [Diagnostic]) {
        for finding in findings {
            let Some(name) = self.places.get(&finding.span) else {
                continue;
            };
            // What stands in the text there is not what the finding is about.
            finding.fix = None;
            if finding.label.is_empty() {
                finding.label = from_profile(name, &finding.path);
            }
        }
    }
}

/// A profile that is used.
struct Request<'r> {
    used: &'r ProfileUse,
    written: &'r Node,
    /// The way to it from the root of the `spec`.
    path: Vec<Step>,
}

impl Request<'_> {
    fn place(&self, inside: &[Step]) -> Span {
        self.written.at(inside)
    }

    fn error(
        &self,
        code: &'static crate::diagnostic::Code,
        inside: &[Step],
        message: String,
        help: impl Into<String>,
    ) -> Diagnostic {
        let path = [&self.path, inside].concat();
        Diagnostic::error(code, self.place(inside), message)
            .help(help)
            .path(path)
    }

    fn arguments(&self, profile: &Profile, out: &mut Vec<Diagnostic>) -> BTreeMap<String, Argument> {
        let name = &self.used.r#use;
        let names = || {
            profile
                .parameters
                .iter()
                .map(|parameter| parameter.name.as_ref() as &str)
        };
        let with = |key: &str| vec![Step::Field(ProfileUse::WITH), Step::Key(key.to_owned())];
        // What is misspelled is not missing as well.
        let mut meant: Vec<&str> = Vec::new();
        for key in self.used.with.keys().filter(|key| !names().any(|name| name == *key)) {
            let near = closest(key, names()).filter(|near| !self.used.with.contains_key(*near));
            meant.extend(near);
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it has {}", names().collect::<Vec<_>>().join(", ")),
            };
            let only = misspelled(key, names()).filter(|only| !self.used.with.contains_key(*only));
            let message = format!("profile `{name}` has no parameter `{key}`");
            let mut finding = self.error(codes::UNKNOWN_PARAMETER, &with(key), message, help);
            if let Some(entry) = self.written.get(ProfileUse::WITH.name).and_then(|with| with.entry(key)) {
                finding.span = entry.name_span;
                finding.fix = only.map(|only| Fix::word(entry.name_span, only));
                if dram_fields::looks_secret(key) {
                    finding.masked.push(entry.value.span);
                }
            }
            out.push(finding);
        }
        let mut arguments = BTreeMap::new();
        for parameter in &profile.parameters {
            let key: &str = parameter.name.as_ref();
            let argument = match self.used.with.get(key) {
                Some(value) => {
                    let place = self.place(&with(key));
                    match Argument::read(parameter.r#type, value, Some(place)) {
                        Ok(argument) => argument,
                        Err(takes) => {
                            let message = format!("parameter `{key}` of profile `{name}` takes {takes}");
                            let mut finding = self.error(codes::WRONG_ARGUMENT, &with(key), message, "");
                            finding.help = parameter
                                .doc
                                .clone()
                                .map(|doc| doc.trim().trim_end_matches('.').to_owned());
                            out.push(finding);
                            continue;
                        }
                    }
                }
                None if meant.contains(&key) => continue,
                None if parameter.required => {
                    let message = format!("profile `{name}` needs `{key}`");
                    let mut finding =
                        self.error(codes::UNKNOWN_PARAMETER, &[Step::Field(ProfileUse::USE)], message, "");
                    let doc = parameter
                        .doc
                        .as_deref()
                        .unwrap_or_default()
                        .trim()
                        .trim_end_matches('.');
                    finding.help = Some(match doc {
                        "" => format!("give it under `with`: `{key}: …`"),
                        doc => format!("give it under `with`, `{key}: …`: {doc}"),
                    });
                    out.push(finding);
                    continue;
                }
                None => Argument::of_default(parameter, None),
            };
            arguments.insert(key.to_owned(), argument);
        }
        arguments
    }
}

/// Moves a finding about what a profile has put into a component to where the component names the profile. `written` is
/// the `spec` before profiles were put in.
#[must_use]
pub fn told_at_the_profile(written: &Node, finding: Diagnostic) -> Diagnostic {
    let [components @ Step::Field(_), index @ Step::Index(_), ..] = finding.path.as_slice() else {
        return finding;
    };
    let component = [components.clone(), index.clone()];
    let name = written
        .find(&component)
        .and_then(|component| component.get(Component::PROFILE.name))
        .and_then(|profile| profile.get(ProfileUse::USE.name))
        .and_then(Node::as_text);
    match name {
        Some(name) if written.find(&finding.path).is_none() => Diagnostic {
            label: from_profile(name, &finding.path),
            path: [&component[..], &[Step::Field(Component::PROFILE)]].concat(),
            ..finding
        },
        _ => finding,
    }
}

/// `from profile \`files\`: host.paths[0]`
fn from_profile(name: &str, path: &[Step]) -> String {
    let inside = path
        .iter()
        .position(|step| matches!(step, Step::Index(_)))
        .and_then(|index| path.get(index + 1..))
        .map(path_text)
        .unwrap_or_default();
    match inside.as_str() {
        "" => format!("from profile `{name}`"),
        inside => format!("from profile `{name}`: `{inside}`"),
    }
}

fn value_of<'n>(node: &'n mut Node, name: &str) -> Option<&'n mut Node> {
    let Data::Map(entries) = &mut node.data else {
        return None;
    };
    let found = entries.iter_mut().find(|entry: &&mut Entry| entry.name == name);
    found.map(|entry| &mut entry.value)
}
