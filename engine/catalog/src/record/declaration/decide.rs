//! What a declaration or a withdrawal comes to, given what stands. Decided without touching anything.

use super::{DeclareError, Head, Manager, ManagerKind, Stated, Subject};

/// What declaring comes to.
#[derive(Debug)]
pub(super) enum Declaring {
    /// It stands so already.
    Unchanged,
    /// A record is to follow this number.
    Write { base: Option<u64> },
}

/// Decides on a declaration.
pub(super) fn declaring(
    head: Option<&Head>,
    stated: &Stated,
    manager: &Manager,
    base: Option<u64>,
    take_over: bool,
) -> Result<Declaring, DeclareError> {
    let subject = || stated.subject.clone();
    let Some(head) = head else {
        return match base {
            None => Ok(Declaring::Write { base: None }),
            Some(base) => Err(DeclareError::Unheard {
                subject: subject(),
                base,
            }),
        };
    };
    let standing = &head.standing;
    if head.destroyed {
        return match base {
            None => Ok(Declaring::Write {
                base: Some(standing.number),
            }),
            Some(base) => {
                let (by, at) = (standing.by.clone(), standing.at);
                Err(DeclareError::Destroyed {
                    subject: subject(),
                    base,
                    by,
                    at,
                })
            }
        };
    }
    let same = standing.declaration == stated.body && standing.references == stated.references;
    if same && manager.stands_as(&standing.manager) {
        // Also what a writer finds who repeats a declaration whose answer got lost.
        return Ok(Declaring::Unchanged);
    }
    let creating = manager.kind == ManagerKind::Terraform && base.is_none();
    if creating && !take_over {
        return Err(DeclareError::Exists {
            subject: subject(),
            manager: standing.manager.clone(),
        });
    }
    may_change(head, &stated.subject, manager, base, take_over)?;
    Ok(Declaring::Write {
        base: Some(standing.number),
    })
}

/// Decides whether what stands may be withdrawn; it is not destroyed.
pub(super) fn withdrawing(head: &Head, manager: &Manager, base: Option<u64>) -> Result<(), DeclareError> {
    may_change(head, &head.standing.subject, manager, base, false)
}

fn may_change(
    head: &Head,
    subject: &Subject,
    manager: &Manager,
    base: Option<u64>,
    take_over: bool,
) -> Result<(), DeclareError> {
    let standing = &head.standing;
    if !take_over && !manager.owns(&standing.manager) {
        let (subject, asked) = (subject.clone(), manager.kind);
        return Err(DeclareError::Managed {
            subject,
            manager: standing.manager.clone(),
            asked,
        });
    }
    match base {
        Some(base) if base != standing.number => Err(DeclareError::Changed {
            subject: subject.clone(),
            base,
            number: standing.number,
            by: standing.by.clone(),
            at: standing.at,
        }),
        _ => Ok(()),
    }
}
