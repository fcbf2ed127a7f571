//! What must hold of a pair of sites.

use super::declared::{Chosen, Declared};
use super::domains::chosen_at;
use super::{Written, under};
use crate::diagnostic::{Diagnostic, compiler_codes as codes};
use crate::model::{KindName, Name, ReplicationMode, ReplicationPair, Spec, Via};
use dram_fields::{Field, Step};
use std::collections::BTreeMap;

/// The rules of all pairs.
pub(super) fn fit(declared: &Declared<'_>, out: &mut Vec<Diagnostic>) {
    let mut paired: BTreeMap<&Name, (&Written, Vec<Step>)> = BTreeMap::new();
    for (document, spec) in declared.all(KindName::ReplicationPair) {
        let Spec::ReplicationPair(pair) = spec else { continue };
        options(document, pair, out);
        sites(declared, document, pair, out);
        let chosen = declared.chosen(&pair.applications);
        let is_known = !declared.is_broken(KindName::Application);
        if chosen.is_empty() && pair.applications.names().is_empty() && is_known {
            let path = chosen_at(ReplicationPair::APPLICATIONS, None);
            out.push(document.chooses_nothing(path, "no application has these labels"));
        }
        for one in &chosen {
            let path = chosen_at(ReplicationPair::APPLICATIONS, one.position);
            at_one_of_them(declared, document, pair, one, &path, out);
            if let Some((first, first_path)) = paired.get(one.name) {
                let message = format!("application `{}` is replicated by two pairs", one.name);
                out.push(
                    document
                        .error(codes::BAD_PAIR, path, message)
                        .related(first.spec.at(first_path), "by this one first")
                        .help("keep one pair for it"),
                );
            } else {
                paired.insert(one.name, (document, path));
            }
        }
    }
}

fn bad(document: &Written, fields: &[&'static Field], message: String, help: &str) -> Diagnostic {
    document.error(codes::BAD_PAIR, under(&[], fields), message).help(help)
}

/// Options that the mode has, and ways that can do it.
fn options(document: &Written, pair: &ReplicationPair, out: &mut Vec<Diagnostic>) {
    use ReplicationMode::{Async, Journal, Sync};
    let Some(mode) = pair.mode else {
        if pair.journal.is_some() && pair.interval.is_some() {
            let message = "`interval` belongs to `mode: async`, and `journal` to `mode: journal`".to_owned();
            out.push(bad(
                document,
                &[ReplicationPair::INTERVAL],
                message,
                "say the `mode`, and remove the other",
            ));
        }
        return;
    };
    if pair.interval.is_some() && mode != Async {
        let message = format!("`mode: {}` has no interval", mode.word());
        out.push(bad(
            document,
            &[ReplicationPair::INTERVAL],
            message,
            "remove it, or say `mode: async`",
        ));
    }
    if pair.journal.is_some() && mode != Journal {
        let message = format!("`mode: {}` keeps no journal", mode.word());
        out.push(bad(
            document,
            &[ReplicationPair::JOURNAL],
            message,
            "remove it, or say `mode: journal`",
        ));
    }
    let able = match pair.via {
        Via::Auto => true,
        Via::Vault | Via::Volsync => mode == Async,
        Via::CsiAddons | Via::Rbd => matches!(mode, Sync | Async),
        Via::Block => matches!(mode, Async | Journal),
    };
    if !able {
        let message = format!("`via: {}` cannot do `mode: {}`", pair.via.word(), mode.word());
        let help = match mode {
            Sync => "only storage that replicates itself can: `csi-addons` or `rbd`",
            Async => "choose another way, or `via: auto`",
            Journal => "only changed blocks can: `via: block`",
        };
        out.push(bad(document, &[ReplicationPair::VIA], message, help));
    }
}

fn sites(declared: &Declared<'_>, document: &Written, pair: &ReplicationPair, out: &mut Vec<Diagnostic>) {
    let [one, other] = pair.sites.as_slice() else { return };
    let at = vec![Step::Field(ReplicationPair::SITES), Step::Index(1)];
    if one == other {
        let message = format!("site `{one}` is paired with itself");
        out.push(document.error(codes::BAD_PAIR, at, message).help("name another site"));
        return;
    }
    let (Some((_, first)), Some((_, second))) = (declared.site(one), declared.site(other)) else {
        return;
    };
    if first.failure_domain == second.failure_domain {
        let message = format!(
            "site `{other}` is lost together with site `{one}`: both fail with `{}`",
            first.failure_domain
        );
        let finding = document.error(codes::SAME_FAILURE_DOMAIN, at, message);
        out.push(finding.help("name a site in another failure domain"));
    }
}

fn at_one_of_them(
    declared: &Declared<'_>,
    document: &Written,
    pair: &ReplicationPair,
    one: &Chosen<'_>,
    path: &[Step],
    out: &mut Vec<Diagnostic>,
) {
    let Chosen { name, application, .. } = one;
    if !pair.sites.contains(&application.site) {
        let message = format!(
            "application `{name}` runs at site `{}`, which is none of the pair's",
            application.site
        );
        let finding = document.error(codes::BAD_PAIR, path.to_vec(), message);
        out.push(finding.help("pair the site where it runs, or leave the application out"));
        return;
    }
    // What is derived must be possible as well.
    let Some((_, policy)) = declared.policy_of(one.document, application) else {
        return;
    };
    if pair.mode.is_none() && pair.interval.is_none() && pair.journal.is_none() {
        let derived = ReplicationMode::that_keeps(policy.objectives.rpo);
        let able = match derived {
            ReplicationMode::Async => true,
            ReplicationMode::Sync => matches!(pair.via, Via::Auto | Via::CsiAddons | Via::Rbd),
            ReplicationMode::Journal => matches!(pair.via, Via::Auto | Via::Block),
        };
        if !able {
            let message = format!(
                "the RPO of {} of application `{name}` needs `mode: {}`, which `via: {}` cannot do",
                policy.objectives.rpo,
                derived.word(),
                pair.via.word()
            );
            let path = vec![Step::Field(ReplicationPair::VIA)];
            let finding = document.error(codes::BAD_PAIR, path, message);
            out.push(finding.help("choose another way, state the `mode`, or state an objective that the way can keep"));
        }
    }
}
