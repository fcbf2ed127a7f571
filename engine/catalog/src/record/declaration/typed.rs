//! The door in the compiler's types.

use dram_compiler::model::{Declaration, KindName};
use serde_json::Value;

use super::{DeclareError, Declared, Manager, Standing, Stated, Subject, Survey, Withdrawn};
use crate::catalog::Catalog;
use crate::error::CatalogError;
use crate::layout::Folder;
use crate::name::{KindTag, Name};
use crate::record::observation::{Observation, Observed};

impl Catalog {
    /// Declares. `base` is the number that the writer saw last: `None` creates for Terraform, and for the others changes
    /// whatever stands. `take_over` makes `manager` the manager of what another manages.
    ///
    /// The same declaration by the same manager writes nothing, so repeating a declaration whose answer got lost is safe.
    pub fn declare(
        &self,
        declaration: &Declaration,
        manager: &Manager,
        base: Option<u64>,
        take_over: bool,
    ) -> Result<Declared, DeclareError> {
        self.declare_stated(&stated(declaration)?, manager, base, take_over)
    }

    /// Withdraws: writes a tombstone that keeps the last declaration. Refused while other declarations refer to the object
    /// or a run works on it. Points stay.
    pub fn withdraw(
        &self,
        kind: KindName,
        name: &str,
        manager: &Manager,
        base: Option<u64>,
    ) -> Result<Withdrawn, DeclareError> {
        self.withdraw_subject(&subject(kind, name)?, manager, base)
    }

    /// What stands under that name; `None` when it was never declared or has been withdrawn.
    pub fn declared(&self, kind: KindName, name: &str) -> Result<Option<Standing<Declaration>>, CatalogError> {
        match self.head(&subject(kind, name)?)? {
            Some(head) if !head.destroyed => self.typed(head.standing).map(Some),
            _ => Ok(None),
        }
    }

    /// What stood under that name before it was withdrawn; `None` when it stands or was never declared. Number, writer and
    /// time are the tombstone's.
    pub fn tombstone(&self, kind: KindName, name: &str) -> Result<Option<Standing<Declaration>>, CatalogError> {
        match self.head(&subject(kind, name)?)? {
            Some(head) if head.destroyed => self.typed(head.standing).map(Some),
            _ => Ok(None),
        }
    }

    /// All that is declared, by kind and name.
    pub fn declarations(&self) -> Result<Survey<Declaration>, CatalogError> {
        self.typed_survey(false)
    }

    /// All that was declared, has been withdrawn and was not declared again: the last words of each, by kind and name.
    pub fn tombstones(&self) -> Result<Survey<Declaration>, CatalogError> {
        self.typed_survey(true)
    }

    fn typed_survey(&self, destroyed: bool) -> Result<Survey<Declaration>, CatalogError> {
        let Survey { live, mut unreadable } = self.survey(destroyed)?;
        let mut typed = Vec::with_capacity(live.len());
        for standing in live {
            match self.typed(standing) {
                Ok(standing) => typed.push(standing),
                Err(error) => unreadable.push(error),
            }
        }
        Ok(Survey {
            live: typed,
            unreadable,
        })
    }

    /// Writes down what an engine observed of a declared object; `false` when that stood last already.
    pub fn observe(&self, kind: KindName, name: &str, observation: &Observation) -> Result<bool, CatalogError> {
        let Subject { kind, name } = subject(kind, name)?;
        self.observe_subject(&kind, &name, observation)
    }

    /// What an engine observed last of a declared object; `None` when none has looked at it yet.
    pub fn observed(&self, kind: KindName, name: &str) -> Result<Option<Observed>, CatalogError> {
        let Subject { kind, name } = subject(kind, name)?;
        self.observed_of(&kind, &name)
    }

    fn typed(&self, standing: Standing<Value>) -> Result<Standing<Declaration>, CatalogError> {
        let Standing {
            subject,
            number,
            manager,
            by,
            at,
            declaration,
            references,
        } = standing;
        let declaration = Declaration::from_json(&declaration).map_err(|diagnostics| {
            let why = diagnostics
                .first()
                .map(|first| first.message.clone())
                .unwrap_or_default();
            let key = Folder::declaration(self.tenant(), &subject.kind, &subject.name).number(number);
            self.corrupt(&key, format!("what it declares is not valid: {why}"))
        })?;
        Ok(Standing {
            subject,
            number,
            manager,
            by,
            at,
            declaration,
            references,
        })
    }
}

fn subject(kind: KindName, name: &str) -> Result<Subject, crate::BadName> {
    Ok(Subject {
        kind: KindTag::new(kind.as_str())?,
        name: Name::new("name", name)?,
    })
}

fn stated(declaration: &Declaration) -> Result<Stated, crate::BadName> {
    let mut references = Vec::new();
    for (kind, name) in declaration.references() {
        let reference = subject(kind, &name)?;
        if !references.contains(&reference) {
            references.push(reference);
        }
    }
    references.sort();
    let subject = subject(declaration.kind(), declaration.name())?;
    Ok(Stated {
        subject,
        body: declaration.to_json(),
        references,
    })
}

#[cfg(test)]
mod tests;
