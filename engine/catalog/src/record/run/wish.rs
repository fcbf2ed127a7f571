//! What somebody wishes of a run that another works at: that it pauses, that it ends, that it goes on.
//!
//! Wishes of a run are a series; the newest counts. One that it ends is the last: it is not taken back.

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::catalog::Catalog;
use crate::error::CatalogError;
use crate::layout::Folder;
use crate::record::series::{Appended, Numbered};
use crate::record::{body_of, read_body};

/// What is wished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wish {
    /// It goes on.
    Go,
    /// It stops where it can go on from, and waits.
    Pause,
    /// It ends.
    Cancel,
}

/// A wish that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wished {
    /// What.
    pub wish: Wish,
    /// By whom.
    pub by: String,
}

#[derive(Serialize, Deserialize)]
struct WishWire {
    wish: Wish,
}

/// So often a wish is tried that others overtake.
const TRIES: usize = 16;

impl Catalog {
    /// Wishes something of a run; what stands then, which is an earlier wish that it ends, if there is one.
    pub fn wish(&self, run: Ulid, wish: Wish) -> Result<Wished, CatalogError> {
        let folder = Folder::wishes(self.tenant(), run);
        for _ in 0..TRIES {
            let last = self.series(folder.clone()).latest()?;
            let base = last.as_ref().map(|last| last.number);
            if let Some(last) = last {
                let stands = self.read_wish(&folder, last)?;
                if stands.wish == wish || stands.wish == Wish::Cancel {
                    return Ok(stands);
                }
            }
            let body = body_of(&WishWire { wish });
            if let Appended::Won { .. } = self.series(folder.clone()).append(base, body)? {
                return self.wished(run).map(|wished| {
                    wished.unwrap_or(Wished {
                        wish,
                        by: String::new(),
                    })
                });
            }
        }
        Err(CatalogError::Unsteady {
            location: self.location(),
            folder: folder.to_string(),
        })
    }

    /// What is wished of a run; nothing where nobody wished anything.
    pub fn wished(&self, run: Ulid) -> Result<Option<Wished>, CatalogError> {
        let folder = Folder::wishes(self.tenant(), run);
        let last = self.series(folder.clone()).latest()?;
        last.map(|last| self.read_wish(&folder, last)).transpose()
    }

    fn read_wish(&self, folder: &Folder, Numbered { number, record }: Numbered) -> Result<Wished, CatalogError> {
        let wire: WishWire = read_body(self.store(), &folder.number(number), &record)?;
        Ok(Wished {
            wish: wire.wish,
            by: record.by,
        })
    }
}
