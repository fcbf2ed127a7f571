//! What an engine observed of a declared object: whether it is ready, and if not, why.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::error::CatalogError;
use crate::layout::Folder;
use crate::name::{KindTag, Name};
use crate::record::series::{Appended, Keep, Numbered};
use crate::record::{body_of, read_body};

/// Observations that stay when newer ones are written: what flaps would otherwise fill its history.
const KEPT: u64 = 16;

/// What an engine found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Whether the object can do what it is declared for.
    pub ready: bool,
    /// Why, in words; empty when there is nothing to say.
    pub reason: String,
    /// The number of the declaration that was observed, so that nobody takes an answer about an older one for its own.
    pub declaration: Option<u64>,
}

/// An observation and its circumstances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// What was found.
    pub observation: Observation,
    /// By whom.
    pub by: String,
    /// When it was first found so, by the observer's wall clock.
    pub at: Timestamp,
}

impl Catalog {
    /// Writes an observation down. One that says what the last one said is not written again and answers `false`, so that
    /// whoever polls sees no change where there is none.
    pub(crate) fn observe_subject(
        &self,
        kind: &KindTag,
        name: &Name,
        observation: &Observation,
    ) -> Result<bool, CatalogError> {
        let series = self
            .series(Folder::observed(self.tenant(), kind, name))
            .keeping(Keep::Last(KEPT));
        loop {
            let last = series.latest()?;
            if let Some(Numbered { number, record }) = &last {
                let standing: Observation = read_body(self.store(), &series.key(*number), record)?;
                if standing == *observation {
                    return Ok(false);
                }
            }
            match series.append(last.map(|last| last.number), body_of(observation))? {
                Appended::Won { .. } => return Ok(true),
                // Another engine observed at the same moment. Each loss is another's success, so this ends.
                Appended::Superseded { .. } => {}
            }
        }
    }

    /// The last observation of an object; `None` when no engine has looked at it yet.
    pub(crate) fn observed_of(&self, kind: &KindTag, name: &Name) -> Result<Option<Observed>, CatalogError> {
        let series = self.series(Folder::observed(self.tenant(), kind, name));
        let Some(Numbered { number, record }) = series.latest()? else {
            return Ok(None);
        };
        let observation = read_body(self.store(), &series.key(number), &record)?;
        Ok(Some(Observed {
            observation,
            by: record.by,
            at: record.at,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn the_last_observation_stands_and_old_ones_go() {
        let catalog = testing::catalog("acme");
        let (kind, name) = (KindTag::new("Vault").unwrap(), Name::new("vault", "nas").unwrap());
        assert_eq!(catalog.observed_of(&kind, &name).unwrap(), None);
        for round in 0..40 {
            let seen = Observation {
                ready: round % 2 == 0,
                reason: format!("round {round}"),
                declaration: Some(3),
            };
            assert!(catalog.observe_subject(&kind, &name, &seen).unwrap());
            assert!(!catalog.observe_subject(&kind, &name, &seen).unwrap());
            assert_eq!(catalog.observed_of(&kind, &name).unwrap().unwrap().observation, seen);
        }
        let numbers = catalog
            .series(Folder::observed(catalog.tenant(), &kind, &name))
            .numbers()
            .unwrap();
        let kept = usize::try_from(KEPT).unwrap();
        assert!((kept..=2 * kept).contains(&numbers.len()), "{numbers:?}");
        assert_eq!(numbers.last(), Some(&40));
        assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{numbers:?}");
    }
}
