//! What must hold of a profile before anybody uses it.

use super::argument::Argument;
use super::built_in::built_in;
use super::fill::{Filler, Place};
use crate::diagnostic::{Diagnostic, compiler_codes as codes};
use crate::model::{Parameter, Profile, ProfileComponent};
use dram_fields::{Block as _, Field, Node, Step, decode};
use std::collections::BTreeMap;

/// Everything that is wrong with a profile whose fields hold. `spec` is the text that it was read from.
pub(crate) fn faults(name: &str, profile: &Profile, spec: &Node) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if built_in().iter().any(|built_in| built_in.name == name) {
        let message = format!("profile `{name}` is built in");
        let help = "give yours another name; `dramc profiles` lists those that are built in";
        found.push(Diagnostic::error(codes::BUILT_IN_PROFILE, spec.span, message).help(help));
    }
    let mut arguments = BTreeMap::new();
    for (index, parameter) in profile.parameters.iter().enumerate() {
        let at = |field: &'static Field| parameter_path(index, field);
        let place = |field| spec.at(&at(field));
        if let (true, Some(_)) = (parameter.required, &parameter.default) {
            let message = format!(
                "parameter `{}` is required, so that its default never holds",
                parameter.name
            );
            let finding = Diagnostic::error(codes::BAD_PROFILE, place(Parameter::DEFAULT), message);
            let finding = finding.related(place(Parameter::REQUIRED), "required here");
            found.push(finding.help("remove one of the two").path(at(Parameter::DEFAULT)));
        }
        if let Some(default) = &parameter.default
            && let Err(takes) = Argument::read(parameter.r#type, default, None)
        {
            let message = format!("the default of parameter `{}` is not {takes}", parameter.name);
            let finding = Diagnostic::error(codes::WRONG_ARGUMENT, place(Parameter::DEFAULT), message);
            found.push(finding.path(at(Parameter::DEFAULT)));
        }
        let argument = Argument::of_default(parameter, Some(place(Parameter::DEFAULT)));
        arguments.insert(parameter.name.to_string(), argument);
    }
    let mut filler = Filler::new(&arguments, Place::Profile);
    let filled = filler.block(ProfileComponent::kind(), &profile.component.node);
    let used = std::mem::take(&mut filler.used);
    found.append(&mut filler.findings);
    for (index, parameter) in profile.parameters.iter().enumerate() {
        if !used.contains(parameter.name.as_ref() as &str) {
            let path = parameter_path(index, Parameter::NAME);
            let message = format!("parameter `{}` stands nowhere in the component", parameter.name);
            let finding = Diagnostic::error(codes::BAD_PROFILE, spec.at(&path), message).path(path);
            found.push(finding.help(format!(
                "write `${{{}}}` where its value belongs, or remove it",
                parameter.name
            )));
        }
    }
    if found.is_empty() {
        // What parameters give that have no default is not known here, and silences its own place alone.
        for finding in decode::<ProfileComponent>(filled).diagnostics {
            let message = format!("with its defaults, the profile is no component: {}", finding.message);
            found.push(Diagnostic {
                message,
                code: codes::BAD_PROFILE,
                path: [vec![Step::Field(Profile::COMPONENT)], finding.path.clone()].concat(),
                ..finding
            });
        }
    }
    found
}

fn parameter_path(index: usize, field: &'static Field) -> Vec<Step> {
    vec![Step::Field(Profile::PARAMETERS), Step::Index(index), Step::Field(field)]
}
