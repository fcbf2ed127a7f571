//! From the model's terms to those of sites and vaults, which know neither model nor runbook.

use super::capture::is_partial;
use crate::error::Error;
use crate::runbook::{
    Candidate, CopyRef, CredentialsRef, LockRef, PlaceRef, RetentionRef, S3Ref, SecretPlace, SiteRef, TransferRef,
    VaultRef,
};
use crate::site::{self, HostSite, PathMappings};
use crate::vault::{SealedPoint, Verification};
use dram_compiler::derive::place_of;
use dram_compiler::model::{
    Action, Command, CredentialSource, Credentials, Health, Hook, HookDeed, HttpMethod, LockMode, Name, OnError,
    OnMissing, Place, Platform, Probe, ProtectionPolicy, RecoveryPlan, RecoverySite, S3, SecretRef, SecretSource,
    Store, Vault,
};
use dram_storage::Address;
use jiff::{SignedDuration, Timestamp};
use std::path::PathBuf;

pub(super) fn command(command: &Command) -> site::Command {
    site::Command {
        action: match &command.action {
            Action::Run(argv) => site::Action::Run(argv.clone()),
            Action::Shell(text) => site::Action::Shell(text.clone()),
        },
        dir: command.dir.as_ref().map(|dir| PathBuf::from(dir.as_str())),
        timeout: command.timeout.to_std(),
        on_engine: false,
    }
}

pub(super) fn check(health: &Health) -> Result<site::Check, Error> {
    Ok(site::Check {
        probe: match &health.probe {
            Probe::Http(http) => site::Probe::Http(site::HttpCheck {
                url: http.url.clone(),
                // A status beyond 65535 is never answered, so the check fails as it should.
                status: u16::try_from(http.status).unwrap_or(u16::MAX),
                body: http.body.clone(),
            }),
            Probe::Tcp(tcp) => site::Probe::Tcp(tcp.address.to_string()),
            Probe::Exec(exec) => site::Probe::Exec(command(exec)),
            Probe::Ready(_) => return Err(not_of_hosts("a health check by `ready`")),
        },
        timeout: health.timeout.to_std(),
        start_period: health.start_period.to_std(),
    })
}

/// What is declared only of other platforms: whoever declares it was told.
fn not_of_hosts(what: &str) -> Error {
    Error::NotYet { what: what.to_owned() }
}

/// A hook of an application.
pub(super) fn hook(hook: &Hook) -> Result<site::Hook, Error> {
    let on_engine = place_of(hook) == Place::Engine;
    let command = |action| {
        site::HookDeed::Command(site::Command {
            action,
            dir: hook.dir.as_ref().map(|dir| PathBuf::from(dir.as_str())),
            timeout: hook.timeout.to_std(),
            on_engine,
        })
    };
    Ok(site::Hook {
        component: hook.component.as_ref().map(ToString::to_string),
        deed: match &hook.deed {
            HookDeed::Run(argv) => command(site::Action::Run(argv.clone())),
            HookDeed::Shell(text) => command(site::Action::Shell(text.clone())),
            HookDeed::Http(request) => site::HookDeed::Request(site::Request {
                url: request.url.clone(),
                method: match request.method {
                    HttpMethod::Get => "GET",
                    HttpMethod::Post => "POST",
                    HttpMethod::Put => "PUT",
                }
                .to_owned(),
                body: request.body.clone(),
                status: request.status.map(|status| u16::try_from(status).unwrap_or(u16::MAX)),
                timeout: hook.timeout.to_std(),
            }),
            HookDeed::Scale(_) => return Err(not_of_hosts("a hook that scales")),
            HookDeed::Wait(health) => {
                let check = check(health)?;
                site::HookDeed::Wait(site::Check {
                    timeout: check.timeout.min(hook.timeout.to_std()),
                    ..check
                })
            }
        },
        may_fail: hook.on_error == OnError::Continue,
    })
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
pub(crate) fn site_ref(name: &Name, site: &RecoverySite, plan: Option<&RecoveryPlan>) -> Result<SiteRef, Error> {
    let Platform::Host(host) = &site.platform else {
        return Err(Error::NotYet {
            what: format!("`{}` of site `{name}`", site.platform.word()),
        });
    };
    let mapping = plan
        .filter(|plan| plan.targets.iter().any(|target| target.site == *name))
        .and_then(|plan| plan.mappings.as_ref()?.path.as_ref());
    Ok(SiteRef {
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
    })
}

/// A vault as runbooks hold it.
pub(crate) fn vault_ref(name: &Name, vault: &Vault) -> VaultRef {
    VaultRef {
        name: name.to_string(),
        place: match &vault.store {
            Store::Directory(directory) => PlaceRef::Directory(directory.path.as_str().to_owned()),
            Store::S3(s3) => PlaceRef::S3(S3Ref {
                address: address(s3).to_string(),
                credentials: s3.credentials.as_ref().map(credentials),
                prune_credentials: s3.prune_credentials.as_ref().map(credentials),
            }),
            Store::Swift(swift) => PlaceRef::Swift {
                cloud: swift.cloud.as_str().to_owned(),
                container: swift.container.as_str().to_owned(),
                prefix: swift
                    .prefix
                    .as_ref()
                    .map(|prefix| prefix.as_str().to_owned())
                    .unwrap_or_default(),
            },
        },
        password: secret(&vault.password),
        adopts: vault.adopt.as_ref().map(ToString::to_string),
        lock: vault.lock.as_ref().map(|lock| LockRef {
            compliance: lock.mode == LockMode::Compliance,
            seconds: lock.period.seconds,
        }),
        transfer: TransferRef::default(),
    }
}

fn address(s3: &S3) -> Address {
    Address {
        bucket: s3.bucket.as_str().to_owned(),
        prefix: s3
            .prefix
            .as_ref()
            .map(|prefix| prefix.as_str().to_owned())
            .unwrap_or_default(),
        region: s3.region.as_ref().map(|region| region.as_str().to_owned()),
        endpoint: s3.endpoint.as_ref().map(|endpoint| endpoint.as_str().to_owned()),
        profile: None,
        path_style: s3.uses_path_style(),
    }
}

fn credentials(credentials: &Credentials) -> CredentialsRef {
    match &credentials.source {
        CredentialSource::SharedProfile(name) => CredentialsRef::Profile(name.as_str().to_owned()),
        CredentialSource::Keys(keys) => CredentialsRef::Keys {
            access: secret(&keys.access_key),
            secret: secret(&keys.secret_key),
        },
    }
}

fn secret(reference: &SecretRef) -> SecretPlace {
    match &reference.source {
        SecretSource::Env(name) => SecretPlace::Env(name.as_ref().to_owned()),
        SecretSource::File(path) => SecretPlace::File(path.as_str().to_owned()),
        SecretSource::Kubernetes(secret) => {
            SecretPlace::Kubernetes(format!("{}/{}/{}", secret.namespace, secret.name, secret.key))
        }
    }
}

/// The vaults of a policy as runbooks hold them, the first one first; how data moves is the policy's.
pub(crate) fn vault_refs(policy: &ProtectionPolicy, vaults: &[(Name, Vault)]) -> Vec<CopyRef> {
    let transfer = policy
        .transfer
        .as_ref()
        .map_or_else(TransferRef::default, |transfer| TransferRef {
            parallel: transfer
                .parallel
                .as_ref()
                .map(|parallel| usize::try_from(parallel.get()).unwrap_or(1)),
            bytes_per_second: transfer.bandwidth.map(|rate| rate.bytes_in(1)),
        });
    let uses = policy.vaults.iter().zip(vaults);
    uses.map(|(used, (name, vault))| CopyRef {
        vault: VaultRef {
            transfer,
            ..vault_ref(name, vault)
        },
        delay: used.delay.as_ref().map_or(0, |delay| delay.seconds),
        retention: used
            .retention
            .as_ref()
            .or(policy.retention.as_ref())
            .map(RetentionRef::from),
    })
    .collect()
}

/// A point as retention sees it. Whether its vault has locked it is told by the moment it was sealed; the vault itself has the
/// last word.
pub(crate) fn candidate(point: &SealedPoint, lock: Option<LockRef>, now: Timestamp) -> Candidate {
    let manifest = point.manifest.as_ref();
    let frozen = manifest.map_or(point.sealed_at.as_str(), |manifest| manifest.frozen_at.as_str());
    let locked = lock.is_some_and(|lock| {
        let sealed: Option<Timestamp> = point.sealed_at.parse().ok();
        let period = SignedDuration::from_secs(i64::try_from(lock.seconds).unwrap_or(i64::MAX));
        sealed
            .and_then(|sealed| sealed.checked_add(period).ok())
            .is_none_or(|until| until > now)
    });
    Candidate {
        point: point.point.clone(),
        class: manifest
            .and_then(|manifest| serde_json::to_value(manifest.class).ok()?.as_str().map(str::to_owned))
            .unwrap_or_default(),
        // A time that cannot be read counts as the newest: it is not the reason to remove anything.
        frozen_at: frozen.parse().unwrap_or(Timestamp::MAX),
        verified: point.verified.iter().any(Verification::is_whole),
        held: point.held_at(now).is_some() || point.quarantined.is_some(),
        restorable: point.is_restorable(),
        whole: manifest.is_some_and(|manifest| !is_partial(manifest)),
        locked,
        awaited: false,
        used: false,
    }
}
