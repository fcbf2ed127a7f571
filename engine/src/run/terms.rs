//! From the model's terms to those of sites and vaults, which know neither model nor runbook.

use crate::error::Error;
use crate::runbook::{PasswordRef, SiteRef, VaultRef};
use crate::site::{self, HostSite, PathMappings};
use dram_compiler::model::{
    Action, Command, Health, Name, OnMissing, Platform, Probe, RecoveryPlan, RecoverySite, SecretSource, Store, Vault,
};
use std::path::PathBuf;

pub(super) fn command(command: &Command) -> site::Command {
    site::Command {
        action: match &command.action {
            Action::Run(argv) => site::Action::Run(argv.clone()),
            Action::Shell(text) => site::Action::Shell(text.clone()),
        },
        dir: command.dir.as_ref().map(|dir| PathBuf::from(dir.as_str())),
        timeout: command.timeout.to_std(),
    }
}

pub(super) fn check(health: &Health) -> site::Check {
    site::Check {
        probe: match &health.probe {
            Probe::Http(http) => site::Probe::Http(site::HttpCheck {
                url: http.url.clone(),
                // A status beyond 65535 is never answered, so the check fails as it should.
                status: u16::try_from(http.status).unwrap_or(u16::MAX),
                body: http.body.clone(),
            }),
            Probe::Exec(exec) => site::Probe::Exec(command(exec)),
        },
        timeout: health.timeout.to_std(),
        start_period: health.start_period.to_std(),
    }
}

/// The driver of a site.
pub(crate) fn host_site(site: &SiteRef) -> Result<HostSite, Error> {
    let on_missing = match site.on_missing() {
        OnMissing::Fail => site::OnMissing::Fail,
        OnMissing::Keep => site::OnMissing::Keep,
    };
    let entries = site
        .mappings
        .iter()
        .map(|(from, to)| (PathBuf::from(from), PathBuf::from(to)));
    let mappings = PathMappings::new(entries, on_missing)?;
    Ok(HostSite::new(&site.name, PathBuf::from(&site.root)).with_mappings(mappings))
}

/// A site as runbooks hold it; the plan's mappings hold at its targets, not at home.
pub(crate) fn site_ref(name: &Name, site: &RecoverySite, plan: Option<&RecoveryPlan>) -> SiteRef {
    let Platform::Host(host) = &site.platform;
    let mapping = plan
        .filter(|plan| plan.targets.iter().any(|target| target.site == *name))
        .and_then(|plan| plan.mappings.as_ref()?.path.as_ref());
    SiteRef {
        name: name.to_string(),
        root: host.root.as_str().to_owned(),
        mappings: mapping
            .map(|mapping| {
                mapping
                    .values
                    .iter()
                    .map(|(from, to)| (from.clone(), to.clone()))
                    .collect()
            })
            .unwrap_or_default(),
        fail_on_missing: mapping.is_some_and(|mapping| mapping.on_missing == OnMissing::Fail),
    }
}

/// A vault as runbooks hold it.
pub(crate) fn vault_ref(name: &Name, vault: &Vault) -> VaultRef {
    let Store::Directory(directory) = &vault.store;
    VaultRef {
        name: name.to_string(),
        path: directory.path.as_str().to_owned(),
        password: match &vault.password.source {
            SecretSource::Env(name) => PasswordRef::Env(name.as_ref().to_owned()),
            SecretSource::File(path) => PasswordRef::File(path.as_str().to_owned()),
        },
    }
}
