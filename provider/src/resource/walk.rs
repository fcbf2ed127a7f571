//! What this process has seen since it was configured.
//!
//! In one walk of its graph a host asks one process about every resource, those first to which others refer. So when the
//! application is planned, its site, vault and policy have been: they are remembered here, and what was not planned is
//! completed from the catalog.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dram_compiler::model::{Declaration, KindName};

use super::settings::{Settings, Unusable};

/// What has been planned or seen.
#[derive(Debug, Default)]
pub(super) struct Walk {
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    planned: BTreeMap<(KindName, String), Planned>,
    managers: BTreeSet<String>,
}

/// What is planned under a name.
#[derive(Clone, Debug)]
pub(super) enum Planned {
    /// This will stand.
    Known(Box<Declaration>),
    /// Something will stand, but a part of it is not known yet.
    Unknown,
    /// It will be destroyed.
    Gone,
}

/// A declaration that another one refers to.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// It is planned in this walk.
    Planned(Box<Declaration>),
    /// It stands in the catalog, and this walk has not planned it.
    Standing(Box<Declaration>),
    /// Nobody can say yet.
    Unseen,
}

impl Part {
    /// The declaration, if there is one.
    #[must_use]
    pub(super) fn declaration(&self) -> Option<&Declaration> {
        match self {
            Part::Planned(declaration) | Part::Standing(declaration) => Some(declaration),
            Part::Unseen => None,
        }
    }
}

impl Walk {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        // A panic elsewhere leaves at worst an entry out.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets everything: a new walk begins.
    pub(super) fn begin(&self) {
        *self.seen() = Seen::default();
    }

    /// Remembers what is planned under a name.
    pub(super) fn plan(&self, kind: KindName, name: &str, planned: Planned) {
        self.seen().planned.insert((kind, name.to_owned()), planned);
    }

    /// Remembers that a resource of this state is the manager of that id.
    pub(super) fn manages(&self, manager: &str) {
        self.seen().managers.insert(manager.to_owned());
    }

    /// Whether a resource of this state is the manager of that id.
    #[must_use]
    pub(super) fn is_managed_here(&self, manager: &str) -> bool {
        self.seen().managers.contains(manager)
    }

    /// The declaration of that name: as planned in this walk, else as it stands in the catalog.
    ///
    /// # Errors
    /// If the catalog had to be asked and did not answer.
    pub(super) fn part(&self, settings: &Settings, kind: KindName, name: &str) -> Result<Part, Unusable> {
        let planned = self.seen().planned.get(&(kind, name.to_owned())).cloned();
        match planned {
            Some(Planned::Known(declaration)) => Ok(Part::Planned(declaration)),
            Some(Planned::Unknown | Planned::Gone) => Ok(Part::Unseen),
            None => match settings.catalog() {
                Ok(catalog) => Ok(match catalog.declared(kind, name)? {
                    Some(standing) => Part::Standing(Box::new(standing.declaration)),
                    None => Part::Unseen,
                }),
                // Not known yet is no error while planning.
                Err(Unusable::Unknown) => Ok(Part::Unseen),
                Err(error) => Err(error),
            },
        }
    }
}
