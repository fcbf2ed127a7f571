//! The door itself, on JSON. References and their targets lie in different series, which no single create can join: so both
//! sides look before they write and again afterwards, and whoever then finds the other takes his own record back.

use std::collections::BTreeMap;

use serde_json::Value;

use super::decide::{self, Declaring};
use super::{DeclareError, Declared, Head, Manager, Standing, Stated, Subject, Survey, Wire, Withdrawn};
use crate::catalog::Catalog;
use crate::error::CatalogError;
use crate::layout::{Folder, Key, number_of};
use crate::record::feed::Change;
use crate::record::series::{Appended, Numbered, Series};
use crate::record::{body_of, read_body};

/// How often a writer without a base of its own tries again when others are faster.
const TRIES: u32 = 32;

impl Catalog {
    /// What declaring and reading do, on JSON.
    pub(crate) fn declare_stated(
        &self,
        stated: &Stated,
        manager: &Manager,
        base: Option<u64>,
        take_over: bool,
    ) -> Result<Declared, DeclareError> {
        self.may_change()?;
        let subject = &stated.subject;
        for _ in 0..TRIES {
            let head = self.head(subject)?;
            let base = match decide::declaring(head.as_ref(), stated, manager, base, take_over)? {
                Declaring::Unchanged => {
                    // Only a live head is ever unchanged.
                    let Some(head) = head else { continue };
                    let Standing { number, manager, .. } = head.standing;
                    return Ok(Declared {
                        number,
                        manager,
                        changed: false,
                    });
                }
                Declaring::Write { base } => base,
            };
            self.check_references(stated)?;
            let wire = wire_of(stated, manager, false);
            match self.declarations_of(subject).append(base, body_of(&wire))? {
                Appended::Won { number } => {
                    if let Err(error) = self.check_references(stated) {
                        self.take_back(subject, number, head.as_ref(), &wire)?;
                        return Err(error);
                    }
                    self.announce(&Change::Declared {
                        subject: subject.clone(),
                        number,
                    });
                    return Ok(Declared {
                        number,
                        manager: manager.clone(),
                        changed: true,
                    });
                }
                // Another was faster. Whether that matters is decided anew on what stands now.
                Appended::Superseded { .. } => {}
            }
        }
        Err(DeclareError::Contended {
            subject: subject.clone(),
        })
    }

    /// Writes a tombstone with the last declaration.
    pub(crate) fn withdraw_subject(
        &self,
        subject: &Subject,
        manager: &Manager,
        base: Option<u64>,
    ) -> Result<Withdrawn, DeclareError> {
        self.may_change()?;
        for _ in 0..TRIES {
            let Some(head) = self.head(subject)?.filter(|head| !head.destroyed) else {
                return Ok(Withdrawn::Before);
            };
            decide::withdrawing(&head, manager, base)?;
            self.check_unused(subject)?;
            let standing = &head.standing;
            let stated = Stated {
                subject: subject.clone(),
                body: standing.declaration.clone(),
                references: standing.references.clone(),
            };
            let wire = wire_of(&stated, manager, true);
            match self
                .declarations_of(subject)
                .append(Some(standing.number), body_of(&wire))?
            {
                Appended::Won { number } => {
                    if let Err(error) = self.check_unused(subject) {
                        self.take_back(subject, number, Some(&head), &wire)?;
                        return Err(error);
                    }
                    self.announce(&Change::Withdrawn {
                        subject: subject.clone(),
                        number,
                    });
                    return Ok(Withdrawn::Now { number });
                }
                Appended::Superseded { .. } => {}
            }
        }
        Err(DeclareError::Contended {
            subject: subject.clone(),
        })
    }

    /// The last record of an object, tombstone or not.
    pub(crate) fn head(&self, subject: &Subject) -> Result<Option<Head>, CatalogError> {
        match self.declarations_of(subject).latest()? {
            Some(last) => self.read_head(subject, last).map(Some),
            None => Ok(None),
        }
    }

    fn read_head(&self, subject: &Subject, last: Numbered) -> Result<Head, CatalogError> {
        let Numbered { number, record } = last;
        let key = self.declarations_of(subject).key(number);
        let wire: Wire = read_body(self.store(), &key, &record)?;
        let mut references = Vec::with_capacity(wire.references.len());
        for (kind, name) in &wire.references {
            references.push(Subject::new(kind, name).map_err(|error| self.corrupt(&key, error.to_string()))?);
        }
        let standing = Standing {
            subject: subject.clone(),
            number,
            manager: wire.manager,
            by: record.by,
            at: record.at,
            declaration: wire.declaration,
            references,
        };
        Ok(Head {
            standing,
            destroyed: wire.destroyed,
        })
    }

    /// What is declared, of all kinds; with `destroyed`, what was withdrawn and has not been declared again.
    pub(crate) fn survey(&self, destroyed: bool) -> Result<Survey<Value>, CatalogError> {
        let mut survey = Survey {
            live: Vec::new(),
            unreadable: Vec::new(),
        };
        let last = self.last_numbers()?;
        let keys: Vec<Key> = last
            .iter()
            .map(|(subject, number)| self.declarations_of(subject).key(*number))
            .collect();
        for ((subject, number), record) in last.into_iter().zip(self.fetch_many(&keys)?) {
            let head = match record {
                Ok(Some(record)) => self.read_head(&subject, Numbered { number, record }).map(Some),
                // It was compacted since it was listed; a later one stands.
                Ok(None) => self.head(&subject),
                Err(error) => Err(error),
            };
            match head {
                Ok(Some(head)) if head.destroyed == destroyed => survey.live.push(head.standing),
                Ok(_) => {}
                // One record's trouble is told beside the others; a store that does not answer is everybody's.
                Err(error @ (CatalogError::TooNew { .. } | CatalogError::Corrupt { .. })) => {
                    survey.unreadable.push(error)
                }
                Err(error) => return Err(error),
            }
        }
        Ok(survey)
    }

    /// The last number of every object that has ever been declared, by kind and name.
    fn last_numbers(&self) -> Result<BTreeMap<Subject, u64>, CatalogError> {
        let mut last = BTreeMap::new();
        for path in self.walk(&Folder::declared(self.tenant()))? {
            // What is not named as we name records was not written by us.
            let mut words = path.splitn(3, '/');
            let (Some(kind), Some(name), Some(number)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            let (Ok(subject), Some(number)) = (Subject::new(kind, name), number_of(number)) else {
                continue;
            };
            let highest = last.entry(subject).or_insert(number);
            *highest = number.max(*highest);
        }
        Ok(last)
    }

    fn declarations_of(&self, subject: &Subject) -> Series<'_> {
        self.series(Folder::declaration(self.tenant(), &subject.kind, &subject.name))
    }

    fn check_references(&self, stated: &Stated) -> Result<(), DeclareError> {
        for reference in &stated.references {
            if self.head(reference)?.is_none_or(|head| head.destroyed) {
                let (subject, missing) = (stated.subject.clone(), reference.clone());
                return Err(DeclareError::Dangling { subject, missing });
            }
        }
        Ok(())
    }

    fn check_unused(&self, subject: &Subject) -> Result<(), DeclareError> {
        // An unreadable declaration may refer to it, so it blocks.
        let all = self.survey(false)?.whole()?;
        let referrers: Vec<Subject> = all
            .into_iter()
            .filter(|other| other.subject != *subject && other.references.contains(subject))
            .map(|other| other.subject)
            .collect();
        if !referrers.is_empty() {
            return Err(DeclareError::Referred {
                subject: subject.clone(),
                referrers,
            });
        }
        match self.working_on(subject)? {
            Some(run) => Err(DeclareError::Working {
                subject: subject.clone(),
                run: run.to_string(),
            }),
            None => Ok(()),
        }
    }

    /// Follows our own record `number` with what stood before it. If somebody has built on it meanwhile, his record stands.
    fn take_back(
        &self,
        subject: &Subject,
        number: u64,
        before: Option<&Head>,
        written: &Wire,
    ) -> Result<(), CatalogError> {
        let wire = match before {
            Some(head) => {
                let Standing {
                    declaration,
                    references,
                    ..
                } = &head.standing;
                let (body, references) = (declaration.clone(), references.clone());
                let stated = Stated {
                    subject: subject.clone(),
                    body,
                    references,
                };
                wire_of(&stated, &head.standing.manager, head.destroyed)
            }
            None => Wire {
                manager: written.manager.clone(),
                destroyed: true,
                declaration: written.declaration.clone(),
                references: written.references.clone(),
            },
        };
        self.declarations_of(subject)
            .append(Some(number), body_of(&wire))
            .map(|_| ())
    }
}

fn wire_of(stated: &Stated, manager: &Manager, destroyed: bool) -> Wire {
    Wire {
        manager: manager.clone(),
        destroyed,
        declaration: stated.body.clone(),
        references: stated
            .references
            .iter()
            .map(|reference| (reference.kind.to_string(), reference.name.to_string()))
            .collect(),
    }
}
