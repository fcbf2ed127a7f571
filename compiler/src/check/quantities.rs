//! Quantities that are spelled right and still cannot be meant, and texts with a format that only a rule knows.

use super::plans::sorts;
use super::{Written, under};
use crate::diagnostic::{Diagnostic, compiler_codes as codes};
use crate::model::{
    Application, Body, Bytes, DataHints, Duration, Health, HookRequest, Host, Http, LogicalPath, Mapping, Mappings,
    Objectives, ProtectionPolicy, Rate, RecoveryPlan, Retention, Scale, Spec, Traffic, VaultUse, Verify, VerifyLevel,
    Webhook,
};
use dram_fields::{Field, Shape, Step, Ty, Visited, visit};

/// Where nothing is an answer.
const MAY_BE_ZERO: &[&Field] = &[
    Health::START_PERIOD,
    DataHints::SIZE,
    Traffic::TTL,
    Scale::REPLICAS,
    Objectives::RPO,
];

/// Addresses for HTTP, with who asks them.
const ADDRESSES: &[(&Field, &str)] = &[
    (Http::URL, "a health check asks `http://…` or `https://…`"),
    (HookRequest::URL, "a hook sends to `http://…` or `https://…`"),
    (Webhook::URL, "a document is sent to `http://…` or `https://…`"),
];

pub(super) fn sensible(document: &Written, spec: &Spec, out: &mut Vec<Diagnostic>) {
    let Some(kind) = document.kind else { return };
    visit(kind.table(), &document.spec, &mut |visited| {
        zero(document, visited, out);
        address(document, visited, out);
    });
    let mut rule = Rule { document, out };
    match spec {
        Spec::Catalog(_) | Spec::RecoverySite(_) | Spec::Vault(_) | Spec::Profile(_) | Spec::ReplicationPair(_) => {}
        Spec::ProtectionPolicy(policy) => rule.policy(policy),
        Spec::Application(application) => rule.patterns(application),
        Spec::RecoveryPlan(plan) => rule.plan(plan),
    }
}

/// Whether a field holds this type.
fn is<T: Shape>(ty: &Ty) -> bool {
    matches!((ty, T::TY), (Ty::Text(one), Ty::Text(other)) if one.name == other.name)
}

fn zero(document: &Written, visited: &Visited<'_>, out: &mut Vec<Diagnostic>) {
    if MAY_BE_ZERO.iter().any(|field| field.is(visited.field)) {
        return;
    }
    let Some(text) = visited.node.as_text() else { return };
    let is_zero = if is::<Duration>(visited.ty) {
        text.parse::<Duration>().is_ok_and(|duration| duration.seconds == 0)
    } else if is::<Bytes>(visited.ty) {
        text.parse::<Bytes>().is_ok_and(|bytes| bytes.bytes == 0)
    } else {
        is::<Rate>(visited.ty) && text.parse::<Rate>().is_ok_and(|rate| rate.seconds_for(1).is_none())
    };
    if is_zero {
        let message = format!("`{}` of zero cannot be kept", visited.field.name);
        let finding = document.error(codes::ZERO, visited.path.to_vec(), message);
        out.push(finding.help("state the real number"));
    }
}

fn address(document: &Written, visited: &Visited<'_>, out: &mut Vec<Diagnostic>) {
    let Some((_, help)) = ADDRESSES.iter().find(|(field, _)| field.is(visited.field)) else {
        return;
    };
    let Some(url) = visited.node.as_text() else { return };
    if url.starts_with("http://") || url.starts_with("https://") {
        return;
    }
    let error = |message: String| document.error(codes::BAD_URL, visited.path.to_vec(), message);
    // It may carry a password, which no finding repeats.
    let finding = if url.contains('@') {
        let finding = error("this cannot be used as an address".to_owned());
        let span = finding.span;
        finding.mask(span)
    } else {
        error(format!("`{url}` cannot be used as an address"))
    };
    out.push(finding.help(*help));
}

struct Rule<'r> {
    document: &'r Written,
    out: &'r mut Vec<Diagnostic>,
}

impl Rule<'_> {
    fn count(&mut self, path: Vec<Step>, count: Option<u32>) {
        if count == Some(0) {
            let message = "a count of zero keeps no point".to_owned();
            let finding = self.document.error(codes::ZERO, path, message);
            self.out
                .push(finding.help("state the real number, or remove the field"));
        }
    }

    fn policy(&mut self, policy: &ProtectionPolicy) {
        if let Some(retention) = &policy.retention {
            self.retention(&[Step::Field(ProtectionPolicy::RETENTION)], retention);
        }
        for (index, used) in policy.vaults.iter().enumerate() {
            let at = [Step::Field(ProtectionPolicy::VAULTS), Step::Index(index)];
            if let Some(retention) = &used.retention {
                self.retention(&under(&at, &[VaultUse::RETENTION]), retention);
            }
        }
        if let Some(verify) = &policy.verify
            && verify.sample.is_some()
            && verify.level != VerifyLevel::Checksum
        {
            let path = under(&[], &[ProtectionPolicy::VERIFY, Verify::SAMPLE]);
            let message = "a sample has no effect where a point is restored".to_owned();
            let finding = self.document.error(codes::SAMPLE_WITHOUT_EFFECT, path, message);
            let level = under(&[], &[ProtectionPolicy::VERIFY, Verify::LEVEL]);
            let level = self.document.spec.at(&level);
            self.out.push(
                finding
                    .related(level, "all of a point is restored")
                    .help("remove `sample`, or say `level: checksum`"),
            );
        }
    }

    fn retention(&mut self, at: &[Step], retention: &Retention) {
        for (field, count) in [
            (Retention::LAST, retention.last),
            (Retention::HOURLY, retention.hourly),
            (Retention::DAILY, retention.daily),
            (Retention::WEEKLY, retention.weekly),
            (Retention::MONTHLY, retention.monthly),
            (Retention::YEARLY, retention.yearly),
        ] {
            self.count(under(at, &[field]), count);
        }
        self.count(under(at, &[Retention::KEEP_VERIFIED]), Some(retention.keep_verified));
    }

    fn patterns(&mut self, application: &Application) {
        for (index, component) in application.components.iter().enumerate() {
            let Some(Body::Host(host)) = &component.body else {
                continue;
            };
            let at = [Step::Field(Application::COMPONENTS), Step::Index(index)];
            for (index, pattern) in host.exclude.iter().enumerate() {
                if pattern.trim().is_empty() {
                    let mut path = under(&at, &[Body::HOST, Host::EXCLUDE]);
                    path.push(Step::Index(index));
                    let message = "an empty pattern excludes nothing".to_owned();
                    let finding = self.document.error(codes::BAD_PATTERN, path, message);
                    self.out
                        .push(finding.help("give a pattern such as `*.log`, or remove it"));
                }
            }
        }
    }

    fn plan(&mut self, plan: &RecoveryPlan) {
        let Some(mappings) = &plan.mappings else { return };
        for (field, mapping) in sorts(mappings) {
            let at = under(&[], &[RecoveryPlan::MAPPINGS, field, Mapping::VALUES]);
            for (from, to) in &mapping.values {
                let entry: Vec<Step> = at.iter().cloned().chain([Step::Key(from.clone())]).collect();
                let key = self.document.spec.key_at(&at, from);
                let value = self.document.spec.at(&entry);
                for (text, span) in [(from, key), (to, value)] {
                    if let Some((message, help)) = bad_mapping(field, text) {
                        let finding = Diagnostic::error(codes::BAD_MAPPING, span, message).path(entry.clone());
                        self.out.push(finding.help(help));
                    }
                }
                if field.is(Mappings::CIDR)
                    && let (Some((_, from)), Some((_, to))) = (cidr(from), cidr(to))
                    && from != to
                {
                    let message = "the two ranges are not of the same size".to_owned();
                    let finding = Diagnostic::error(codes::BAD_MAPPING, value, message).path(entry.clone());
                    self.out.push(finding.help(format!(
                        "an address keeps its place in the range: end it with `/{from}`"
                    )));
                }
            }
        }
    }
}

/// What is wrong with one side of a mapping, and the way out.
fn bad_mapping(field: &'static Field, text: &str) -> Option<(String, &'static str)> {
    if field.is(Mappings::PATH) {
        let why = text.parse::<LogicalPath>().err()?;
        return Some((
            format!("`{text}` is not an absolute path: {why}"),
            "for example `/srv/shop: /opt/shop`",
        ));
    }
    if field.is(Mappings::CIDR) {
        return match cidr(text) {
            Some(_) => None,
            None => Some((
                format!("`{text}` is not a range of addresses"),
                "for example `10.1.0.0/16: 10.2.0.0/16`",
            )),
        };
    }
    text.is_empty().then(|| {
        (
            "an empty name maps nothing".to_owned(),
            "give the name, or remove the entry",
        )
    })
}

/// A range of addresses: its first one, and how many bits all share.
fn cidr(text: &str) -> Option<(std::net::IpAddr, u8)> {
    let (address, bits) = text.split_once('/')?;
    let address: std::net::IpAddr = address.parse().ok()?;
    let bits: u8 = bits.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    (bits <= most).then_some((address, bits))
}
