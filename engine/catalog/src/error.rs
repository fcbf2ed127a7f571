//! What goes wrong with a catalog as a whole or with one of its records.

use crate::layout::Key;
use crate::name::BadName;
use crate::record::READER;
use crate::store::{Fault, StoreError};
use crate::url::BadUrl;

/// A catalog or a record of it cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The address names no catalog.
    #[error(transparent)]
    Url(#[from] BadUrl),
    /// A name cannot be a name.
    #[error(transparent)]
    Name(#[from] BadName),
    /// The store did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no catalog at that address. This is never the same as an empty one.
    #[error("there is no catalog at `{location}`")]
    Missing {
        /// The address.
        location: String,
    },
    /// The place is in use for something else.
    #[error("`{location}` holds `{found}`, which no catalog holds")]
    Foreign {
        /// The address.
        location: String,
        /// A name that was found there.
        found: String,
    },
    /// The store overwrites records when several writers meet, so nothing may be changed in it.
    #[error("the store at `{location}` cannot serve more than one writer: {seen}")]
    NotAtomic {
        /// The address.
        location: String,
        /// What the probe saw.
        seen: String,
    },
    /// A newer release wrote a record that this one cannot read. It blocks changing, never restoring.
    #[error("`{key}` in `{location}` needs a release that reads format {min_reader}; this one reads up to {READER}")]
    TooNew {
        /// The address of the catalog.
        location: String,
        /// The record.
        key: Key,
        /// The oldest format number whose readers understand it.
        min_reader: u32,
    },
    /// A record does not read as one.
    #[error("`{key}` in `{location}` is corrupt: {why}")]
    Corrupt {
        /// The address of the catalog.
        location: String,
        /// The record.
        key: Key,
        /// What is wrong with it.
        why: String,
    },
    /// A record is listed but does not stay long enough to be read.
    #[error("the records in `{folder}` of `{location}` change faster than they can be read")]
    Unsteady {
        /// The address of the catalog.
        location: String,
        /// The folder.
        folder: String,
    },
    /// A writer was suspended for so long that what it wrote, or what it would have had to stand behind, was compacted.
    #[error("`{key}` in `{location}` was compacted while it was being written: whether it has stood is not known")]
    Slept {
        /// The address of the catalog.
        location: String,
        /// The record.
        key: Key,
    },
    /// The index already holds this point with another content.
    #[error("point `{point}` of `{application}` stands in the catalog's index with another content")]
    PointDiffers {
        /// The application.
        application: String,
        /// The point.
        point: String,
    },
    /// No run or request of that id.
    #[error("there is no run `{run}` in `{location}`")]
    NoRun {
        /// The address of the catalog.
        location: String,
        /// The run.
        run: String,
    },
}

impl CatalogError {
    /// Whether this is a record of a newer release: changing is blocked, restoring is not.
    pub fn is_too_new(&self) -> bool {
        matches!(self, CatalogError::TooNew { .. })
    }

    /// Whether the catalog could not be asked, so that nothing is known of what it holds.
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            CatalogError::Store(StoreError {
                fault: Fault::Unreachable | Fault::Busy,
                ..
            })
        )
    }

    /// The way out.
    pub fn help(&self) -> String {
        match self {
            CatalogError::Url(error) => error.help(),
            CatalogError::Name(error) => error.help(),
            CatalogError::Store(error) => error.help(),
            CatalogError::Missing { location } => format!(
                "if it should exist, look at the address and see that its storage is mounted; a new one is made with `dram catalog init --catalog {location}`"
            ),
            CatalogError::Foreign { .. } => "give the catalog an empty directory, prefix or schema of its own".to_owned(),
            CatalogError::NotAtomic { .. } => {
                "keep the catalog where a create never overwrites: in Amazon's S3 or a Ceph gateway (in a bucket without \
                 versions), in PostgreSQL, in a local directory or on NFS; Garage, Swift and s3s cannot"
                    .to_owned()
            }
            CatalogError::TooNew { .. } => {
                "use the newer release to change anything; points can still be restored from the vault".to_owned()
            }
            CatalogError::Corrupt { .. } => {
                "restore this record from a copy of the catalog, or rebuild with `dram catalog rebuild`".to_owned()
            }
            CatalogError::Slept { .. } => {
                "look at what stands now, then run the same command again if it is still wanted".to_owned()
            }
            CatalogError::Unsteady { .. } => "run the same command again".to_owned(),
            CatalogError::PointDiffers { application, .. } => {
                format!(
                    "the vault is the truth: drop the entry and index it again with `dram catalog rebuild`, then look at `dram points {application}`"
                )
            }
            CatalogError::NoRun { .. } => "`dram runs` lists them".to_owned(),
        }
    }
}
