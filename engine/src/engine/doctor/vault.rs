//! What can be said of a vault itself.

use super::super::reconcile::{kept_there, only_of, with_way_out};
use super::{Finding, bad, good, look};
use crate::error::Error;
use crate::opening;
use crate::run::vault_ref;
use crate::runbook::VaultRef;
use crate::vault::{Adopted, Diagnosis, LockCheck, Right, Rights, Used, Versioning};
use dram_compiler::model::{Name, Store, Vault};
use indicatif::HumanBytes;
use jiff::SignedDuration;

/// A clock that is wrong by more makes locks end at another time than people think.
const SKEW_SEEN: SignedDuration = SignedDuration::from_secs(30);
/// A clock that is wrong by more has its signatures refused.
const SKEW_BAD: SignedDuration = SignedDuration::from_secs(600);

/// Looks at a vault and tries out what may be done there.
pub(super) fn vault_findings(subject: &str, name: &Name, vault: &Vault, tenant: &str) -> Vec<Finding> {
    let reference = vault_ref(name, vault);
    let asked = || -> Result<Diagnosis, Error> {
        opening::password(&reference)?;
        // The credentials of a prune may be on another machine: then what they may do is not asked here.
        let place = opening::vault_to_prune(&reference).or_else(|_| opening::vault(&reference))?;
        Ok(place.diagnose())
    };
    let diagnosis = match asked() {
        Err(error) => return vec![bad(subject, error.to_string())],
        Ok(diagnosis) => diagnosis,
    };
    if let Err(error) = &diagnosis.reached {
        return vec![bad(subject, error.to_string())];
    }
    let mut findings = vec![reading_and_writing(subject, &reference.address(), &diagnosis)];
    findings.extend(adopted(subject, &reference, tenant));
    findings.extend(removing(subject, vault, &diagnosis));
    findings.extend(lock(subject, vault, &diagnosis));
    findings.extend(diagnosis.skew.and_then(|skew| clock(subject, skew)));
    findings.extend(space(subject, vault, &diagnosis));
    findings
}

/// What is to be known of a repository that other programs use too.
fn adopted(subject: &str, reference: &VaultRef, tenant: &str) -> Vec<Finding> {
    let Some(application) = &reference.adopts else {
        return Vec::new();
    };
    let asked = || -> Result<Adopted, Error> {
        let password = opening::password(reference)?;
        let adopted = opening::vault(reference)?.itself().adopt(&password)?;
        only_of(reference, application, tenant, &adopted)?;
        Ok(adopted)
    };
    let adopted = match asked() {
        Ok(adopted) => adopted,
        Err(error) => return vec![bad(subject, with_way_out(&error))],
    };
    let mut findings = vec![good(
        subject,
        format!(
            "{}; other programs must not prune it while `dram` works, and must leave the snapshots with the tag `dram`",
            kept_there(application, &adopted)
        ),
    )];
    for notice in adopted.notices.iter().filter(|notice| notice.exclusive) {
        findings.push(if notice.is_stale {
            let help =
                "its lock is stale: `restic unlock` removes it; until then `dram protect` and `dram prune` are refused";
            bad(subject, format!("locked by {notice}: {help}"))
        } else {
            let until = "until it has ended `dram protect` and `dram prune` are refused";
            look(subject, format!("locked by {notice}: {until}"))
        });
    }
    findings
}

fn reading_and_writing(subject: &str, address: &str, diagnosis: &Diagnosis) -> Finding {
    let Rights { list, read, write, .. } = &diagnosis.writer;
    let mut missing = Vec::new();
    for (right, word) in [(list, "list"), (read, "read"), (write, "write")] {
        match right {
            Right::Yes => {}
            Right::No => missing.push(format!("may not {word}")),
            Right::Unknown(why) if why.is_empty() => missing.push(format!("cannot tell whether it may {word}")),
            Right::Unknown(why) => missing.push(format!("cannot tell whether it may {word}: {why}")),
        }
    }
    if missing.is_empty() {
        good(
            subject,
            format!("`{address}` can be listed, read and written; its password can be read"),
        )
    } else {
        bad(
            subject,
            format!("whoever protects into `{address}` {}", missing.join(", and ")),
        )
    }
}

/// Whoever protects should not be able to destroy; whoever prunes has to.
fn removing(subject: &str, vault: &Vault, diagnosis: &Diagnosis) -> Vec<Finding> {
    let mut findings = Vec::new();
    let writer_removes = diagnosis.writer.remove == Right::Yes;
    let pruner = diagnosis.pruner.as_ref().map(|pruner| &pruner.remove);
    match (&vault.store, writer_removes, pruner) {
        (Store::S3(_), true, Some(_)) => findings.push(look(
            subject,
            "whoever protects can also remove points: take the right to delete from `credentials`".to_owned(),
        )),
        (Store::S3(_), true, None) => findings.push(look(
            subject,
            "whoever protects can also remove points: give `credentials` no right to delete, and `pruneCredentials` that have it"
                .to_owned(),
        )),
        (Store::Swift(_), true, _) => findings.push(look(
            subject,
            "whoever protects can also remove points; Swift cannot keep the two apart: keep a copy in another vault".to_owned(),
        )),
        (_, false, None) if vault.lock.is_none() => findings.push(look(
            subject,
            "nobody here can remove anything: `dram prune` will be refused; name `pruneCredentials`".to_owned(),
        )),
        _ => {}
    }
    if pruner == Some(&Right::No) {
        findings.push(bad(
            subject,
            "`pruneCredentials` may not remove anything: `dram prune` will fail".to_owned(),
        ));
    }
    findings
}

fn lock(subject: &str, vault: &Vault, diagnosis: &Diagnosis) -> Option<Finding> {
    let without = "without versions nothing can be locked, and what is overwritten is gone";
    match &diagnosis.lock {
        LockCheck::Holds => Some(good(
            subject,
            "a locked object was not removed: the lock holds".to_owned(),
        )),
        LockCheck::Broken(why) => Some(bad(subject, format!("the lock does not hold: {why}"))),
        LockCheck::Unknown(why) => Some(look(subject, format!("cannot tell whether the lock holds: {why}"))),
        LockCheck::NotAsked => match (&vault.store, diagnosis.versioning) {
            (Store::S3(_), Some(Versioning::Never | Versioning::Suspended)) => {
                Some(look(subject, format!("the bucket keeps no versions: {without}")))
            }
            _ => None,
        },
    }
}

fn clock(subject: &str, skew: SignedDuration) -> Option<Finding> {
    let seconds = skew.as_secs();
    let text = format!(
        "its clock is {} s {} ours",
        seconds.abs(),
        if seconds > 0 { "ahead of" } else { "behind" }
    );
    if skew.abs() > SKEW_BAD {
        Some(bad(subject, format!("{text}: calls will be refused")))
    } else if skew.abs() > SKEW_SEEN {
        Some(look(subject, text))
    } else {
        None
    }
}

fn space(subject: &str, vault: &Vault, diagnosis: &Diagnosis) -> Option<Finding> {
    let Some(Used { files, bytes }) = diagnosis.used else {
        return vault.capacity.map(|_| {
            look(
                subject,
                "how much it holds cannot be told, so `capacity` is not watched".to_owned(),
            )
        });
    };
    let free = diagnosis
        .free_bytes
        .map_or_else(String::new, |free| format!(", {} are free", HumanBytes(free)));
    let held = format!("it holds {} in {files} files{free}", HumanBytes(bytes));
    let Some(capacity) = vault.capacity else {
        return Some(good(subject, held));
    };
    let part = bytes.saturating_mul(100) / capacity.bytes.max(1);
    let of = format!("{held}: {part} % of its capacity");
    let warn_at = vault
        .warn_at
        .map_or(capacity.bytes, |percent| percent.of(capacity).bytes);
    Some(if bytes >= capacity.bytes {
        bad(subject, of)
    } else if bytes >= warn_at {
        look(subject, of)
    } else {
        good(subject, of)
    })
}
