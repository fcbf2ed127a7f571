//! What can be said of a vault itself: asked first, then judged by a function of what was found.

mod space;
#[cfg(test)]
mod tests;

use super::super::reconcile::{kept_there, only_of, with_way_out};
use super::{Finding, bad, good, look};
use crate::error::Error;
use crate::opening;
use crate::run::vault_ref;
use crate::runbook::{PlaceRef, VaultRef};
use crate::vault::{Adopted, Diagnosis, LockCheck, Right, Rights, Versioning};
use dram_compiler::model::{Name, Store, Vault};
use jiff::SignedDuration;

/// A clock that is wrong by more makes locks end at another time than people think.
const SKEW_SEEN: SignedDuration = SignedDuration::from_secs(30);
/// A clock that is wrong by more has its signatures refused.
const SKEW_BAD: SignedDuration = SignedDuration::from_secs(600);

/// Who prunes a vault, as far as it is known here.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Pruner {
    /// Whoever protects.
    Writer,
    /// Somebody whose credentials are here.
    Here,
    /// Somebody whose credentials cannot be read here; why.
    Elsewhere(String),
}

/// Looks at a vault and tries out what may be done there.
pub(super) fn vault_findings(subject: &str, name: &Name, vault: &Vault, tenant: &str) -> Vec<Finding> {
    let reference = vault_ref(name, vault);
    match ask(&reference) {
        Err(error) => vec![bad(subject, error.to_string())],
        Ok((diagnosis, pruner)) => {
            let mut findings = judge(subject, &reference.address(), vault, &diagnosis, &pruner);
            if diagnosis.reached.is_ok() {
                findings.extend(adopted(subject, &reference, tenant));
            }
            findings
        }
    }
}

fn ask(reference: &VaultRef) -> Result<(Diagnosis, Pruner), Error> {
    opening::password(reference)?;
    let is_named = matches!(&reference.place, PlaceRef::S3(s3) if s3.prune_credentials.is_some());
    if !is_named {
        return Ok((opening::vault(reference)?.diagnose(), Pruner::Writer));
    }
    Ok(match opening::vault_to_prune(reference) {
        Ok(vault) => (vault.diagnose(), Pruner::Here),
        // If it is not theirs that are missing, the vault does not open without them either.
        Err(why) => (
            opening::vault(reference)?.diagnose(),
            Pruner::Elsewhere(why.to_string()),
        ),
    })
}

/// What was found, in words and graded.
fn judge(subject: &str, address: &str, vault: &Vault, found: &Diagnosis, pruner: &Pruner) -> Vec<Finding> {
    if let Err(error) = &found.reached {
        return vec![bad(subject, error.to_string())];
    }
    let mut findings = vec![reading_and_writing(subject, address, found)];
    findings.extend(removing_as_writer(subject, &vault.store, &found.writer, pruner));
    findings.extend(removing_as_pruner(subject, found.pruner.as_ref(), pruner));
    findings.extend(lock(subject, vault, found));
    findings.extend(found.skew.and_then(|skew| clock(subject, skew)));
    findings.extend(space::space(subject, vault, found));
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

/// Whoever protects should not be able to destroy, as far as the store can tell the two apart; somebody has to be able to prune.
fn removing_as_writer(subject: &str, store: &Store, writer: &Rights, pruner: &Pruner) -> Option<Finding> {
    let text = match (&writer.remove, store, pruner) {
        (Right::Yes, Store::Directory(_), _) | (Right::No, Store::S3(_), Pruner::Here | Pruner::Elsewhere(_)) => {
            return None;
        }
        (Right::Yes, Store::S3(_), Pruner::Here | Pruner::Elsewhere(_)) => {
            "whoever protects can also remove points: take the right to delete from `credentials`".to_owned()
        }
        (Right::Yes, Store::S3(_), Pruner::Writer) => {
            "whoever protects can also remove points: give `credentials` no right \
             to delete, and `pruneCredentials` that have it"
                .to_owned()
        }
        (Right::Yes, Store::Swift(_), _) => {
            "whoever protects can also remove points; Swift cannot keep the two apart: keep a \
             copy in another vault"
                .to_owned()
        }
        (Right::No, Store::S3(_), Pruner::Writer) => {
            "nobody who is named can remove anything: `dram prune` will be refused; name `pruneCredentials`".to_owned()
        }
        (Right::No, Store::Directory(_) | Store::Swift(_), _) => {
            "whoever protects may not remove anything: `dram prune` will be refused".to_owned()
        }
        // Where nothing could be written, nothing could be removed either; the first is said already.
        (Right::Unknown(_), _, _) if writer.write != Right::Yes => return None,
        (Right::Unknown(why), _, _) => told("cannot tell whether whoever protects can also remove points", why),
    };
    Some(look(subject, text))
}

fn removing_as_pruner(subject: &str, rights: Option<&Rights>, pruner: &Pruner) -> Option<Finding> {
    match (pruner, rights) {
        (Pruner::Writer, _) | (Pruner::Here, None) => None,
        (Pruner::Elsewhere(why), _) => Some(look(
            subject,
            format!(
                "the credentials of prune are not on this machine: ask there whether `dram prune` may remove ({why})"
            ),
        )),
        (Pruner::Here, Some(rights)) => match &rights.remove {
            Right::Yes => None,
            Right::No => Some(bad(
                subject,
                "`pruneCredentials` may not remove anything for good: `dram prune` will fail".to_owned(),
            )),
            Right::Unknown(_) => {
                // What failed before a removal could be tried is the reason.
                let tried = [&rights.list, &rights.write, &rights.remove];
                let why = tried.into_iter().find_map(|right| match right {
                    Right::Unknown(why) if !why.is_empty() => Some(why.as_str()),
                    Right::No => Some("they may not even write a probe"),
                    Right::Unknown(_) | Right::Yes => None,
                });
                let text = told(
                    "cannot tell whether `pruneCredentials` may remove",
                    why.unwrap_or_default(),
                );
                Some(look(subject, text))
            }
        },
    }
}

/// A statement with its reason, where there is one.
fn told(what: &str, why: &str) -> String {
    if why.is_empty() {
        what.to_owned()
    } else {
        format!("{what}: {why}")
    }
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
