//! Quantities that are spelled right and still cannot be meant, and texts with a format that only a rule knows.

use super::Written;
use crate::diagnostic::{Diagnostic, compiler_codes as codes};
use crate::model::{
    Anomaly, Application, Body, Command, Component, DataHints, Dump, Health, Hook, HookDeed, HookRequest, Host, Http,
    Lock, LogicalPath, Mappings, Objectives, PathMapping, Probe, ProtectionPolicy, RecoveryPlan, RecoverySite,
    Retention, Schedule, Service, Spec, Transfer, Vault, VaultUse, Verify, VerifyLevel, When,
};
use dram_fields::{Duration, Field, Rate, Step};

pub(super) fn sensible(document: &Written, spec: &Spec, out: &mut Vec<Diagnostic>) {
    let mut rule = Rule { document, out };
    match spec {
        Spec::RecoverySite(site) => rule.rate(&[Step::Field(RecoverySite::BANDWIDTH)], site.bandwidth),
        Spec::Catalog(_) | Spec::Profile(_) => {}
        Spec::Vault(vault) => rule.vault(vault),
        Spec::ProtectionPolicy(policy) => rule.policy(policy),
        Spec::Application(application) => {
            for (index, component) in application.components.iter().enumerate() {
                rule.component(&[Step::Field(Application::COMPONENTS), Step::Index(index)], component);
            }
            for (index, hook) in application.hooks.iter().enumerate() {
                rule.hook(&[Step::Field(Application::HOOKS), Step::Index(index)], hook);
            }
        }
        Spec::RecoveryPlan(plan) => rule.plan(plan),
    }
}

struct Rule<'r> {
    document: &'r Written,
    out: &'r mut Vec<Diagnostic>,
}

fn under(at: &[Step], fields: &[&'static Field]) -> Vec<Step> {
    at.iter()
        .cloned()
        .chain(fields.iter().map(|field| Step::Field(field)))
        .collect()
}

impl Rule<'_> {
    fn zero(&mut self, path: Vec<Step>, what: &str) {
        let finding = self
            .document
            .error(codes::ZERO, path, format!("{what} of zero cannot be kept"));
        self.out.push(finding.help("state the real number"));
    }

    fn bad_url(&mut self, path: &[Step], url: &str, help: &str) {
        let error = |message: String| self.document.error(codes::BAD_URL, path.to_vec(), message);
        // It may carry a password, which no finding repeats.
        let finding = if url.contains('@') {
            let finding = error("this cannot be used as an address".to_owned());
            let span = finding.span;
            finding.mask(span)
        } else {
            error(format!("`{url}` cannot be used as an address"))
        };
        self.out.push(finding.help(help));
    }

    fn duration(&mut self, path: Vec<Step>, what: &str, duration: Duration) {
        if duration.seconds == 0 {
            self.zero(path, what);
        }
    }

    fn count(&mut self, path: Vec<Step>, count: Option<u32>) {
        if count == Some(0) {
            let finding = self
                .document
                .error(codes::ZERO, path, "a count of zero keeps no point".to_owned());
            self.out
                .push(finding.help("state the real number, or remove the field"));
        }
    }

    fn rate(&mut self, path: &[Step], rate: Option<Rate>) {
        if rate.is_some_and(|rate| rate.seconds_for(1).is_none()) {
            self.zero(path.to_vec(), "a bandwidth");
        }
    }

    fn policy(&mut self, policy: &ProtectionPolicy) {
        let objectives = |field| vec![Step::Field(ProtectionPolicy::OBJECTIVES), Step::Field(field)];
        self.duration(objectives(Objectives::RPO), "an objective", policy.objectives.rpo);
        if let Some(rto) = policy.objectives.rto {
            self.duration(objectives(Objectives::RTO), "an objective", rto);
        }
        self.duration(
            objectives(Objectives::MAX_FREEZE),
            "a freeze",
            policy.objectives.max_freeze,
        );
        for (index, schedule) in policy.schedule.iter().enumerate() {
            let at = [Step::Field(ProtectionPolicy::SCHEDULE), Step::Index(index)];
            if let When::Every(every) = schedule.when {
                self.duration(under(&at, &[When::EVERY]), "an interval", every);
            }
            if let Some(jitter) = schedule.jitter {
                self.duration(under(&at, &[Schedule::JITTER]), "a jitter", jitter);
            }
        }
        if let Some(retention) = &policy.retention {
            self.retention(&[Step::Field(ProtectionPolicy::RETENTION)], retention);
        }
        for (index, used) in policy.vaults.iter().enumerate() {
            let at = [Step::Field(ProtectionPolicy::VAULTS), Step::Index(index)];
            if let Some(delay) = used.delay {
                self.duration(under(&at, &[VaultUse::DELAY]), "a delay", delay);
            }
            if let Some(retention) = &used.retention {
                self.retention(&under(&at, &[VaultUse::RETENTION]), retention);
            }
        }
        if let Some(verify) = &policy.verify {
            let at = under(&[], &[ProtectionPolicy::VERIFY, Verify::EVERY]);
            self.duration(at, "an interval", verify.every);
            if verify.sample.is_some() && verify.level == VerifyLevel::Restore {
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
        if let Some(anomaly) = &policy.anomaly {
            let at = under(&[], &[ProtectionPolicy::ANOMALY, Anomaly::CHANGE_RATE]);
            self.rate(&at, Some(anomaly.change_rate));
        }
        if let Some(transfer) = &policy.transfer {
            let at = under(&[], &[ProtectionPolicy::TRANSFER, Transfer::BANDWIDTH]);
            self.rate(&at, transfer.bandwidth);
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
        if let Some(within) = retention.within {
            self.duration(under(at, &[Retention::WITHIN]), "an age", within);
        }
        self.count(under(at, &[Retention::KEEP_VERIFIED]), Some(retention.keep_verified));
    }

    fn vault(&mut self, vault: &Vault) {
        if let Some(lock) = &vault.lock {
            self.duration(under(&[], &[Vault::LOCK, Lock::PERIOD]), "a lock", lock.period);
        }
        if vault.capacity.is_some_and(|capacity| capacity.bytes == 0) {
            self.zero(under(&[], &[Vault::CAPACITY]), "a capacity");
        }
    }

    fn component(&mut self, at: &[Step], component: &Component) {
        if let Some(Body::Host(host)) = &component.body {
            let at = under(at, &[Body::HOST]);
            for (index, pattern) in host.exclude.iter().enumerate() {
                if pattern.trim().is_empty() {
                    let mut path = under(&at, &[Host::EXCLUDE]);
                    path.push(Step::Index(index));
                    let finding =
                        self.document
                            .error(codes::BAD_PATTERN, path, "an empty pattern excludes nothing".to_owned());
                    self.out
                        .push(finding.help("give a pattern such as `*.log`, or remove it"));
                }
            }
            if let Some(dump) = &host.dump {
                self.command(under(&at, &[Host::DUMP, Dump::COMMAND]), &dump.command);
                self.command(under(&at, &[Host::DUMP, Dump::RESTORE]), &dump.restore);
            }
            if let Some(service) = &host.service {
                self.command(under(&at, &[Host::SERVICE, Service::START]), &service.start);
                if let Some(stop) = &service.stop {
                    self.command(under(&at, &[Host::SERVICE, Service::STOP]), stop);
                }
            }
        }
        if let Some(DataHints {
            change_rate: Some(rate),
            ..
        }) = &component.data
            && rate.seconds_for(1).is_none()
        {
            self.zero(under(at, &[Component::DATA, DataHints::CHANGE_RATE]), "a change rate");
        }
        for (index, health) in component.health.iter().enumerate() {
            let mut at = under(at, &[Component::HEALTH]);
            at.push(Step::Index(index));
            self.check(&at, health);
        }
    }

    fn check(&mut self, at: &[Step], health: &Health) {
        self.duration(under(at, &[Health::TIMEOUT]), "a timeout", health.timeout);
        match &health.probe {
            Probe::Http(http) => self.url(
                &under(at, &[Probe::HTTP, Http::URL]),
                &http.url,
                "a health check asks `http://…` or `https://…`",
            ),
            Probe::Exec(command) => self.command(under(at, &[Probe::EXEC]), command),
        }
    }

    fn url(&mut self, path: &[Step], url: &str, help: &str) {
        if !(url.starts_with("http://") || url.starts_with("https://")) {
            self.bad_url(path, url, help);
        }
    }

    fn hook(&mut self, at: &[Step], hook: &Hook) {
        self.duration(under(at, &[Hook::TIMEOUT]), "a timeout", hook.timeout);
        match &hook.deed {
            HookDeed::Run(_) | HookDeed::Shell(_) => {}
            HookDeed::Http(request) => self.url(
                &under(at, &[HookDeed::HTTP, HookRequest::URL]),
                &request.url,
                "a hook sends to `http://…` or `https://…`",
            ),
            HookDeed::Wait(health) => self.check(&under(at, &[HookDeed::WAIT]), health),
        }
    }

    fn command(&mut self, at: Vec<Step>, command: &Command) {
        self.duration(under(&at, &[Command::TIMEOUT]), "a timeout", command.timeout);
    }

    fn plan(&mut self, plan: &RecoveryPlan) {
        let Some(mapping) = plan.mappings.as_ref().and_then(|mappings| mappings.path.as_ref()) else {
            return;
        };
        let at = under(&[], &[RecoveryPlan::MAPPINGS, Mappings::PATH, PathMapping::VALUES]);
        for (from, to) in &mapping.values {
            let entry: Vec<Step> = at.iter().cloned().chain([Step::Key(from.clone())]).collect();
            let key = self.document.spec.key_at(&at, from);
            let value = self.document.spec.at(&entry);
            for (path, span) in [(from, key), (to, value)] {
                if let Err(why) = path.parse::<LogicalPath>() {
                    let message = format!("`{path}` is not an absolute path: {why}");
                    let finding = Diagnostic::error(codes::BAD_MAPPING, span, message).path(entry.clone());
                    self.out.push(finding.help("for example `/srv/shop: /opt/shop`"));
                }
            }
        }
    }
}
