//! What a capture produced, and how it is recorded beside the snapshot, so that a resumed run finds it.

use jiff::Timestamp;
use rustic_core::repofile::SnapshotFile;
use rustic_core::{Id, Open};
use serde::{Deserialize, Serialize};

use super::error::VaultError;
use super::place::check_name;
use super::progress::Cancel;
use super::repository::{Repository, Session};
use super::source::Note;

/// An item in the vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// The snapshot's id, 64 hexadecimal digits.
    pub snapshot: String,
    /// The id of its tree, 64 hexadecimal digits; equal in every vault of the application.
    pub tree: String,
    /// The bytes of its files.
    pub bytes: u64,
    /// The number of entries that are not directories.
    pub files: u64,
    /// The bytes that had to be added to the vault for it, compressed and encrypted.
    pub new_bytes: u64,
    /// The logical paths, or the one name of a stream, from the root.
    pub paths: Vec<String>,
    /// What has to be said about it.
    pub notes: Vec<Note>,
}

/// What stands in a snapshot's description. The format's own fields cannot hold the length of a stream or the notes.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    format: u32,
    bytes: u64,
    files: u64,
    new_bytes: u64,
    #[serde(default)]
    notes: Vec<Note>,
}

const FORMAT: u32 = 1;

/// The tags of an item's snapshot.
pub(super) fn item_tags(point: &str, item: &str) -> Result<Vec<String>, VaultError> {
    check_name("a point", point)?;
    check_item(item)?;
    Ok(vec![format!("point={point}"), format!("item={item}")])
}

/// An item's name stands in a tag, which ends at a comma.
pub(super) fn check_item(item: &str) -> Result<(), VaultError> {
    if item.is_empty() || item.len() > 200 || item.chars().any(|c| c == ',' || c.is_control()) {
        return Err(VaultError::InvalidName {
            what: "an item",
            name: item.to_owned(),
        });
    }
    Ok(())
}

/// What the library's result says, before it is a snapshot.
pub(super) struct Draft {
    pub(super) snapshot: SnapshotFile,
    pub(super) bytes: u64,
    pub(super) files: u64,
    pub(super) notes: Vec<Note>,
}

/// Writes the snapshot: the last step of every capture, taken only when all else is known to be right.
pub(super) fn commit<S: Open>(session: &Session<S>, draft: Draft) -> Result<Captured, VaultError> {
    let Draft {
        mut snapshot,
        bytes,
        files,
        notes,
    } = draft;
    let new_bytes = snapshot.summary.as_ref().map_or(0, |summary| summary.data_added_packed);
    let record = Record {
        format: FORMAT,
        bytes,
        files,
        new_bytes,
        notes,
    };
    let text = serde_json::to_string(&record).map_err(|error| VaultError::Record {
        what: "the description",
        place: "a new snapshot".into(),
        reason: error.to_string(),
    })?;
    snapshot.description = Some(text);
    let tree = snapshot.tree.to_hex().to_string();
    let paths = snapshot.paths.iter().cloned().collect();
    let id: Id = session.save(snapshot)?;
    Ok(Captured {
        snapshot: id.to_hex().to_string(),
        tree,
        bytes,
        files,
        new_bytes,
        paths,
        notes: record.notes,
    })
}

/// Reads back what [`commit`] wrote. A snapshot of the stock program has no record; its summary does.
pub(super) fn captured(snapshot: &SnapshotFile) -> Captured {
    let record = snapshot
        .description
        .as_deref()
        .and_then(|text| serde_json::from_str::<Record>(text).ok());
    let summary = snapshot.summary.as_ref();
    let (bytes, files, new_bytes, notes) = match record {
        Some(record) => (record.bytes, record.files, record.new_bytes, record.notes),
        None => summary.map_or((0, 0, 0, Vec::new()), |summary| {
            let files = summary.total_files_processed;
            (
                summary.total_bytes_processed,
                files,
                summary.data_added_packed,
                Vec::new(),
            )
        }),
    };
    Captured {
        snapshot: snapshot.id.to_hex().to_string(),
        tree: snapshot.tree.to_hex().to_string(),
        bytes,
        files,
        new_bytes,
        paths: snapshot.paths.iter().cloned().collect(),
        notes,
    }
}

impl Repository {
    /// The item of a point, if it was captured to the end: a resumed run does not capture it again.
    ///
    /// # Errors
    /// If the snapshots cannot be read.
    pub fn find_item(&self, point: &str, item: &str) -> Result<Option<Captured>, VaultError> {
        let tags = item_tags(point, item)?;
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        let session = self.session(&Cancel::new())?;
        Ok(session.snapshots(&tags)?.first().map(captured))
    }

    /// The snapshot of an item, by its id.
    ///
    /// # Errors
    /// If it is not there or cannot be read.
    pub fn item(&self, snapshot: &str) -> Result<Captured, VaultError> {
        Ok(captured(&self.session(&Cancel::new())?.snapshot(snapshot)?))
    }
}

/// Who and when stands in a snapshot.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The host or site that the data come from.
    pub host: String,
    /// When they were frozen or read.
    pub time: Timestamp,
}
