//! What a declaration may ask for that this engine does not carry out yet.
//!
//! The language is ahead of the engine: the compiler checks, proves and compiles all of it. What would have no effect here is
//! refused by name, never ignored: where it is declared, where the engine is examined, and before it acts.

use dram_compiler::model::{Declaration, KindName};
use dram_fields::{Data, Node};

/// Fields that nobody here reads yet, as paths from the `spec`: `[]` stands for each element, `=word` for one value of a field.
const NOT_YET: &[(KindName, &[&str])] = &[
    (
        KindName::RecoverySite,
        &[
            "kubernetes",
            "openstack",
            "driver",
            "host.address",
            "host.identity",
            "engine",
            "fencing.guard",
            "fencing.power",
            "fencing.network",
            "fencing.command",
        ],
    ),
    (
        KindName::Vault,
        &[
            "password.kubernetes",
            "s3.credentials.keys.accessKey.kubernetes",
            "s3.credentials.keys.secretKey.kubernetes",
            "s3.pruneCredentials.keys.accessKey.kubernetes",
            "s3.pruneCredentials.keys.secretKey.kubernetes",
        ],
    ),
    (
        KindName::ProtectionPolicy,
        &[
            "methods",
            "transfer.window",
            "verify.level=boot",
            "verify.level=health",
            "alerts",
        ],
    ),
    (
        KindName::Application,
        &[
            "components[].kubernetes",
            "components[].openstack",
            "components[].critical=false",
            "components[].images",
            "components[].health[].ready",
            "hooks[].container",
            "hooks[].pod",
            "hooks[].scale",
            "hooks[].wait.ready",
            "hooks[].at=before-traffic",
            "hooks[].at=after-traffic",
            "hooks[].at=drill-cleanup",
            "definition",
        ],
    ),
    (KindName::ReplicationPair, &[""]),
    (
        KindName::RecoveryPlan,
        &[
            "strategy=pilot-light",
            "strategy=warm-standby",
            "strategy=hot-standby",
            "strategy=active-active",
            "mappings.namespace",
            "mappings.storageClass",
            "mappings.network",
            "mappings.subnet",
            "mappings.flavor",
            "mappings.image",
            "mappings.zone",
            "mappings.registry",
            "mappings.cidr",
            "mappings.dns",
            "waves",
            "traffic",
            "drill",
            "failback",
            "automation",
            "approvals",
        ],
    ),
];

/// The fields of a declaration that this engine does not carry out yet, as a person writes their paths: `hooks[2].scale`. A kind
/// that it does not know at all is said by an empty path.
#[must_use]
pub fn not_yet(declaration: &Declaration) -> Vec<String> {
    let patterns = NOT_YET.iter().find(|(kind, _)| *kind == declaration.kind());
    let spec = declaration.spec.encode();
    let mut found = Vec::new();
    for pattern in patterns.map_or(&[][..], |(_, patterns)| patterns) {
        let (path, word) = match pattern.split_once('=') {
            Some((path, word)) => (path, Some(word)),
            None => (*pattern, None),
        };
        look(&spec, path, word, "", &mut found);
    }
    found
}

/// Follows a pattern from a node, and notes every place to which it leads.
fn look(node: &Node, pattern: &str, word: Option<&str>, way: &str, found: &mut Vec<String>) {
    if pattern.is_empty() {
        match word {
            Some(word) if !says(node, word) => {}
            Some(word) => found.push(format!("{way}: {word}")),
            None => found.push(way.to_owned()),
        }
        return;
    }
    let (step, rest) = pattern.split_once('.').unwrap_or((pattern, ""));
    let (name, each) = match step.strip_suffix("[]") {
        Some(name) => (name, true),
        None => (step, false),
    };
    let Some(value) = node.get(name) else { return };
    let here = if way.is_empty() {
        name.to_owned()
    } else {
        format!("{way}.{name}")
    };
    if each {
        for (index, element) in value.elements().iter().enumerate() {
            look(element, rest, word, &format!("{here}[{index}]"), found);
        }
    } else {
        look(value, rest, word, &here, found);
    }
}

fn says(node: &Node, word: &str) -> bool {
    match &node.data {
        Data::Text(text) => text == word,
        Data::Bool(value) => value.to_string() == word,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dram_fields::{Kind, Ty};
    use serde_json::{Value, json};

    /// Whether a pattern leads to a field of the language, and its word to one of the field's words.
    fn leads_somewhere(kind: &'static Kind, pattern: &str) -> bool {
        let (path, word) = match pattern.split_once('=') {
            Some((path, word)) => (path, Some(word)),
            None => (pattern, None),
        };
        let mut kind = Some(kind);
        let mut ty = None;
        for step in path.split('.').filter(|step| !step.is_empty()) {
            let Some(field) = kind.and_then(|kind| kind.field(step.trim_end_matches("[]"))) else {
                return false;
            };
            let inner = match (step.ends_with("[]"), &field.ty) {
                (true, Ty::List(inner)) => *inner,
                (false, inner) => inner,
                (true, _) => return false,
            };
            ty = Some(inner);
            kind = match inner {
                Ty::Block(kind) | Ty::Secret(kind) => Some(kind()),
                _ => None,
            };
        }
        match (word, ty) {
            (None, _) => true,
            (Some(word), Some(Ty::Word(words))) => words.iter().any(|known| known.name == word),
            (Some(word), Some(Ty::Bool)) => word == "false",
            (Some(_), _) => false,
        }
    }

    #[test]
    fn every_pattern_names_a_field_of_the_language() {
        for (kind, patterns) in NOT_YET {
            for pattern in *patterns {
                assert!(leads_somewhere(kind.table(), pattern), "{kind} {pattern}");
            }
        }
    }

    fn found(kind: &str, spec: Value) -> Vec<String> {
        let document = json!({
            "apiVersion": "dram.dev/v1", "kind": kind, "metadata": {"name": "it"}, "spec": spec,
        });
        not_yet(&Declaration::from_json(&document).unwrap())
    }

    #[test]
    fn what_has_no_effect_is_named() {
        let site = |platform: Value| json!({"failureDomain": "one", "fencing": {"manual": {}}, "host": platform});
        assert!(found("RecoverySite", site(json!({"root": "/srv"}))).is_empty());
        assert_eq!(
            found("RecoverySite", site(json!({"address": "ssh://branch.example"}))),
            ["host.address"]
        );
        assert_eq!(
            found("RecoverySite", json!({"failureDomain": "one", "kubernetes": {}})),
            ["kubernetes"]
        );
        let application = json!({
            "site": "office", "policy": "hourly",
            "components": [
                {"name": "web", "host": {"paths": ["/srv/web"]}},
                {"name": "extra", "critical": false, "host": {"paths": ["/srv/extra"]}, "health": [{"ready": {}}]},
            ],
            "hooks": [{"at": "after-start", "run": ["true"]}, {"at": "after-traffic", "run": ["true"]}],
        });
        assert_eq!(
            found("Application", application),
            [
                "components[1].critical: false",
                "components[1].health[0].ready",
                "hooks[1].at: after-traffic"
            ]
        );
        let pair = json!({"applications": {"names": ["shop"]}, "sites": ["office", "branch"]});
        assert_eq!(found("ReplicationPair", pair), [""]);
    }
}
