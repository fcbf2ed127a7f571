//! Which policy protects what, and by which methods.

use super::declared::Declared;
use super::names::Meant;
use super::{Written, under};
use crate::diagnostic::{Diagnostic, compiler_codes as codes};
use crate::model::{
    Application, AppliesTo, Component, KindName, MethodMatch, MethodRule, ProtectionPolicy, has_labels,
};
use dram_fields::{Field, Step};
use std::collections::BTreeSet;

/// Each application has one policy, labels choose something, and methods are for what there is.
pub(super) fn chosen(declared: &Declared<'_>, out: &mut Vec<Diagnostic>) {
    for (document, application) in declared.applications() {
        if application.policy.is_none() {
            one_policy(declared, document, out);
        }
    }
    for (document, policy) in declared.policies() {
        applies(declared, document, policy, out);
        methods(declared, document, policy, out);
    }
}

fn one_policy(declared: &Declared<'_>, document: &Written, out: &mut Vec<Diagnostic>) {
    let at = vec![Step::Field(Application::POLICY)];
    if declared.is_broken(KindName::ProtectionPolicy) {
        return;
    }
    let labels_of = |policy: &Written| policy.spec.at(&under(&[], &[ProtectionPolicy::APPLIES_TO]));
    match declared.policies_for(document).as_slice() {
        [] => {
            let message = format!("{} names no policy, and none applies to its labels", document.words());
            let names = declared.names(KindName::ProtectionPolicy);
            let help = match names.first() {
                Some(name) => format!("name one, `policy: {name}`, or give it labels that a policy's `appliesTo` has"),
                None => "declare a policy".to_owned(),
            };
            out.push(document.error(codes::POLICY_UNDECIDED, at, message).help(help));
        }
        [_] => {}
        [(first, _), (second, _), ..] => {
            let message = format!(
                "{} names no policy, and {} and {} apply to its labels",
                document.words(),
                first.words(),
                second.words()
            );
            out.push(
                document
                    .error(codes::POLICY_UNDECIDED, at, message)
                    .related(labels_of(first), "applies here")
                    .related(labels_of(second), "and here")
                    .help("name the one that is meant with `policy`, or make the labels differ"),
            );
        }
    }
}

fn applies(declared: &Declared<'_>, document: &Written, policy: &ProtectionPolicy, out: &mut Vec<Diagnostic>) {
    let Some(AppliesTo { labels }) = &policy.applies_to else {
        return;
    };
    let some = declared
        .applications()
        .any(|(application, _)| has_labels(application.labels(), labels));
    if !some && !declared.is_broken(KindName::Application) {
        let path = under(&[], &[ProtectionPolicy::APPLIES_TO, AppliesTo::LABELS]);
        out.push(document.chooses_nothing(path, "no application has these labels"));
    }
}

fn methods(declared: &Declared<'_>, document: &Written, policy: &ProtectionPolicy, out: &mut Vec<Diagnostic>) {
    let protected: Vec<(&Written, &Application)> = declared
        .applications()
        .filter(|(application, spec)| {
            let its = declared.policy_of(application, spec);
            its.is_some_and(|(its, _)| its.name == document.name)
        })
        .collect();
    // Of what is broken nobody knows what it would have had.
    let is_partial = declared.is_broken(KindName::Application);
    for (index, rule) in policy.methods.iter().enumerate() {
        let at = vec![Step::Field(ProtectionPolicy::METHODS), Step::Index(index)];
        method(document, rule, &at, (&protected, is_partial), out);
    }
}

fn method(
    document: &Written,
    rule: &MethodRule,
    at: &[Step],
    (protected, is_partial): (&[(&Written, &Application)], bool),
    out: &mut Vec<Diagnostic>,
) {
    let word = rule.method.word();
    let mut bad = |field: Option<&'static Field>, message: String, help: String| {
        let fields: Vec<&'static Field> = field.into_iter().flat_map(|field| [MethodRule::MATCH, field]).collect();
        let finding = document.error(codes::BAD_METHOD, under(at, &fields), message);
        out.push(finding.help(help));
    };
    let matched = rule.r#match.as_ref();
    if let Some(kind) = matched.and_then(|matched| matched.kind)
        && !rule.method.captures().contains(&kind)
    {
        let words: Vec<&str> = rule.method.captures().iter().map(|kind| kind.word()).collect();
        return bad(
            Some(MethodMatch::KIND),
            format!("`{word}` cannot capture data of kind `{}`", kind.word()),
            format!("it captures {}", words.join(", ")),
        );
    }
    let components = || protected.iter().flat_map(|(_, application)| &application.components);
    if let Some(name) = matched.and_then(|matched| matched.component.as_ref())
        && !components().any(|component| component.name == *name)
        && !protected.is_empty()
        && !is_partial
    {
        let names: BTreeSet<&str> = components().map(|component| &*component.name).collect();
        return bad(
            Some(MethodMatch::COMPONENT),
            format!("no application under this policy has a component `{name}`"),
            Meant::of(name, &names).help("components are"),
        );
    }
    let captured = |component: &Component| {
        let kinds = component.kinds_of_data();
        let ours = matched.is_none_or(|matched| matched.component.as_ref().is_none_or(|name| *name == component.name));
        ours && kinds.iter().any(|kind| {
            rule.method.captures().contains(kind) && matched.and_then(|m| m.kind).is_none_or(|k| k == *kind)
        })
    };
    let mut of_kind = protected
        .iter()
        .filter(|(_, application)| application.components.iter().any(captured))
        .peekable();
    let is_nothing = of_kind.peek().is_none();
    let labels = matched.map(|matched| &matched.labels);
    let any = of_kind.any(|(application, _)| labels.is_none_or(|labels| has_labels(application.labels(), labels)));
    if any || protected.is_empty() || is_partial {
        return;
    }
    if is_nothing {
        bad(
            None,
            format!("nothing under this policy is captured by `{word}`: no data matches"),
            "remove the rule, or correct what it matches".to_owned(),
        );
    } else {
        bad(
            Some(MethodMatch::LABELS),
            format!("no application with data for `{word}` has these labels"),
            "correct the labels, or remove the rule".to_owned(),
        );
    }
}
