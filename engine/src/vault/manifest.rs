//! The seal: the last snapshot of a point, which says what the point is.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rustic_core::repofile::SnapshotFile;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::blob::Blobs;
use super::capture::{Captured, Origin};
use super::error::VaultError;
use super::image::IMAGE_FILE;
use super::place::check_name;
use super::point::tagged;
use super::progress::{Cancel, Silent};
use super::repository::{Repository, blank};

/// The format that this version writes.
pub const MANIFEST_FORMAT: u32 = 1;
/// The format of a point with images, which readers of format 1 do not know.
pub const MANIFEST_FORMAT_WITH_IMAGES: u32 = 2;
/// The newest format that this version reads.
pub(super) const READS: u32 = 2;
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const SEAL_TAG: &str = "seal";
/// Begins the tag of a seal that was written under a later epoch than its point.
pub(super) const UNDER: &str = "sealed-under=";
/// A record is a few kilobytes; what is longer than this is none of ours.
const LONGEST: u64 = 256 * 1024 * 1024;

/// How far the data of a point belongs together, in the model's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consistency {
    /// It was read while the application ran.
    #[default]
    None,
    /// The data of each component stems from one moment.
    Crash,
    /// That of all components does.
    Group,
    /// And their file systems were at rest.
    Filesystem,
    /// And so were the applications.
    Application,
}

impl Consistency {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Crash => "crash",
            Self::Group => "group",
            Self::Filesystem => "filesystem",
            Self::Application => "application",
        }
    }
}

/// How a point came about; classes are retained apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// By the schedule of its policy.
    Scheduled,
    /// By a person.
    Manual,
    /// By a replication pair.
    Replica,
}

/// How an item was captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Files, with their metadata.
    Files,
    /// A device or disk image, byte by byte.
    Image,
    /// One stream that a command wrote.
    Dump,
}

/// Where an item's bytes survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// In this vault.
    Vault,
    /// In another system's store.
    External,
    /// Only at the site.
    Site,
}

/// Who wrote a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    /// The application's epoch under which it was written.
    pub epoch: u64,
    /// The number of the lease that the writer held.
    pub lease: u64,
}

/// One item of a point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The item's name, as in the snapshot's tag.
    pub name: String,
    /// The component that it belongs to.
    pub component: String,
    /// How it was captured.
    pub method: Method,
    /// Where its bytes survive.
    pub durability: Durability,
    /// The snapshot's id in the vault that was sealed first.
    pub snapshot: String,
    /// The tree's id, equal in every vault.
    pub tree: String,
    /// The bytes of its files; for a dump or an image its true length.
    pub bytes: u64,
    /// The number of entries that are not directories.
    #[serde(default)]
    pub files: u64,
    /// Logical paths, for files; the one of the device, for an image.
    #[serde(default)]
    pub paths: Vec<String>,
    /// The name of the one file, for a dump or an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
}

/// What a point is: the content of `/manifest.json` in its seal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format of this record.
    pub format: u32,
    /// The oldest reader's format that understands it.
    pub min_reader: u32,
    /// The point, a ULID.
    pub point: String,
    /// The tenant.
    pub tenant: String,
    /// The application.
    pub application: String,
    /// The application's epoch when it was frozen.
    pub epoch: u64,
    /// The site that it was frozen at.
    pub site: String,
    /// How it came about.
    pub class: Class,
    /// When it was frozen, RFC 3339.
    pub frozen_at: String,
    /// How far its data belongs together.
    pub consistency: Consistency,
    /// Who wrote it.
    pub writer: Writer,
    /// What it consists of.
    pub items: Vec<Item>,
    /// The declarations that the application needs, as the catalog's records hold them.
    #[serde(default)]
    pub declarations: Vec<Value>,
    /// Logical paths that lay elsewhere at the site, with where.
    #[serde(default)]
    pub mappings: BTreeMap<String, String>,
    /// What else the writer has to say; kept as it is.
    #[serde(flatten)]
    pub more: serde_json::Map<String, Value>,
}

impl Repository {
    /// Seals a point, begin or continue: sealing again with the same manifest answers the seal that is there.
    /// The seal is written last, and only if every item that this vault should hold is in it.
    ///
    /// # Errors
    /// If an item is missing, if the point is sealed differently, or if the store fails.
    pub fn seal(&self, manifest: &Manifest, origin: &Origin) -> Result<String, VaultError> {
        self.seal_under(manifest, manifest.epoch, origin)
    }

    /// Seals a point that was made under another epoch than the one that acts now: a copy of an older point.
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub(super) fn seal_under(&self, manifest: &Manifest, under: u64, origin: &Origin) -> Result<String, VaultError> {
        check_name("a point", &manifest.point)?;
        let tag = format!("point={}", manifest.point);
        let blobs = self.blobs(&Cancel::new())?;
        let snapshots = blobs.session().snapshots(&[&tag])?;
        for item in manifest
            .items
            .iter()
            .filter(|item| item.durability == Durability::Vault)
        {
            let tag = format!("item={}", item.name);
            let present = snapshots.iter().any(|snapshot| {
                snapshot.tags.contains(&tag) && *snapshot.tree.to_hex() == *item.tree && blobs.has_tree(&snapshot.tree)
            });
            if !present {
                return Err(VaultError::UnknownSnapshot {
                    snapshot: item.snapshot.clone(),
                });
            }
        }
        // A seal under an older epoch may have come too late to count: then this one has to stand beside it.
        let is_enough = |snapshot: &&SnapshotFile| {
            let written = tagged(snapshot, UNDER).or_else(|| tagged(snapshot, "epoch="));
            written
                .and_then(|epoch| epoch.parse::<u64>().ok())
                .is_none_or(|epoch| epoch >= under)
        };
        let mut seals = snapshots.iter().filter(|snapshot| snapshot.tags.contains(SEAL_TAG));
        if let Some(snapshot) = seals.rfind(is_enough) {
            let existing: Manifest = blobs.record(snapshot.tree, MANIFEST, "the manifest", &manifest.point)?;
            if existing == *manifest {
                return Ok(snapshot.id.to_hex().to_string());
            }
            return Err(VaultError::AlreadySealed {
                point: manifest.point.clone(),
            });
        }
        let until = self.lock_ends()?;
        if let Some(until) = until {
            self.lock_items(&blobs, manifest, until, &Cancel::new())?;
        }
        // The epoch counts even for a reader that is too old for the rest.
        let mut tags = vec![tag, SEAL_TAG.to_owned(), format!("epoch={}", manifest.epoch)];
        if under != manifest.epoch {
            tags.push(format!("{UNDER}{under}"));
        }
        let record = Record {
            file: MANIFEST,
            what: "the manifest",
            place: &manifest.point,
            body: manifest,
        };
        self.write_record(&record, origin, &tags, until)
    }

    /// Keeps bytes, such as the log of a run, as a snapshot with one file at its root.
    ///
    /// # Errors
    /// If a name or tag cannot be used, or the store fails.
    pub fn store_log(
        &self,
        name: &str,
        bytes: Vec<u8>,
        tags: &[String],
        origin: &Origin,
    ) -> Result<String, VaultError> {
        check_name("a log", name)?;
        for tag in tags {
            super::capture::check_item(tag)?;
        }
        self.write_file(name, bytes, origin, tags, None)
    }

    /// Writes a record; all of it is locked until then, where the vault has locks.
    pub(super) fn write_record<T: Serialize>(
        &self,
        record: &Record<'_, T>,
        origin: &Origin,
        tags: &[String],
        until: Option<Timestamp>,
    ) -> Result<String, VaultError> {
        let bytes = serde_json::to_vec_pretty(record.body).map_err(|error| VaultError::Record {
            what: record.what,
            place: record.place.to_owned(),
            reason: error.to_string(),
        })?;
        self.retaining(until)
            .write_file(record.file, bytes, origin, tags, until)
    }

    fn write_file(
        &self,
        name: &str,
        bytes: Vec<u8>,
        origin: &Origin,
        tags: &[String],
        until: Option<Timestamp>,
    ) -> Result<String, VaultError> {
        let session = self.session(&Cancel::new())?;
        let expected = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let snapshot = blank("write a record", &origin.host, origin.time, tags)?;
        let path = std::path::Path::new("/").join(name);
        let mut reader = std::io::Cursor::new(bytes);
        let snapshot = self.store_file(&session, snapshot, &path, &mut reader, origin.time, &Silent::shared())?;
        let stored = snapshot
            .summary
            .as_ref()
            .map_or(0, |summary| summary.total_bytes_processed);
        if session.guard.is_spoiled() || stored != expected {
            return Err(session.guard.take_error().map_or(
                VaultError::Incomplete {
                    item: name.to_owned(),
                    expected,
                    stored,
                },
                VaultError::from,
            ));
        }
        if let Some(until) = until {
            self.lock_record(snapshot.tree, until)?;
        }
        Ok(session.save(snapshot)?.to_hex().to_string())
    }
}

/// What is written as one small file: the file's name, and how it is called in messages.
pub(super) struct Record<'a, T> {
    pub(super) file: &'a str,
    pub(super) what: &'static str,
    pub(super) place: &'a str,
    pub(super) body: &'a T,
}

#[derive(Deserialize)]
struct Envelope {
    format: u32,
    min_reader: u32,
}

impl Blobs {
    /// Reads a record of ours, refusing what a newer version wrote for newer readers.
    pub(super) fn record<T: DeserializeOwned>(
        &self,
        tree: rustic_core::TreeId,
        file: &str,
        what: &'static str,
        place: &str,
    ) -> Result<T, VaultError> {
        let unusable = |reason: String| VaultError::Record {
            what,
            place: place.to_owned(),
            reason,
        };
        let bytes = self.small_file(tree, file, LONGEST)?;
        let envelope: Envelope = serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))?;
        if envelope.min_reader > READS {
            return Err(unusable(format!(
                "its format {} needs a reader of format {}, this version reads {READS}",
                envelope.format, envelope.min_reader
            )));
        }
        serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))
    }
}

impl Item {
    /// The item of a manifest that a capture of files makes.
    #[must_use]
    pub fn of_files(name: &str, component: &str, captured: &Captured) -> Self {
        Self {
            name: name.to_owned(),
            component: component.to_owned(),
            method: Method::Files,
            durability: Durability::Vault,
            snapshot: captured.snapshot.clone(),
            tree: captured.tree.clone(),
            bytes: captured.bytes,
            files: captured.files,
            paths: captured.paths.clone(),
            file_name: None,
        }
    }

    /// The item of a manifest that a capture of a stream makes.
    #[must_use]
    pub fn of_stream(name: &str, component: &str, file_name: &str, captured: &Captured) -> Self {
        Self {
            method: Method::Dump,
            paths: Vec::new(),
            file_name: Some(file_name.to_owned()),
            ..Self::of_files(name, component, captured)
        }
    }

    /// The item of a manifest that a capture of a device makes.
    #[must_use]
    pub fn of_image(name: &str, component: &str, device: &str, captured: &Captured) -> Self {
        Self {
            method: Method::Image,
            paths: vec![device.to_owned()],
            file_name: Some(IMAGE_FILE.to_owned()),
            ..Self::of_files(name, component, captured)
        }
    }
}
