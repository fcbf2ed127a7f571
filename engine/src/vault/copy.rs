//! Copies a point into another vault, where it is complete without the first.
//!
//! Flow: blobs that the target lacks → items, each a snapshot, once every byte of them is found in the target → the seal, last.
//! Killed at any moment and run again, it goes on: what has arrived is in the target's index and does not travel twice, and a
//! point without its seal is not offered there. Trees keep their ids, snapshots get new ones.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustic_core::TreeId;
use rustic_core::repofile::SnapshotFile;

use super::attestation::{Attestation, Hold, Statement};
use super::blob::Blobs;
use super::capture::Origin;
use super::error::VaultError;
use super::manifest::{Durability, Manifest};
use super::point::{SealedPoint, tagged};
use super::progress::{Basis, Cancel, Progress};
use super::repository::Repository;

/// What a copy did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copied {
    /// The bytes of the point's files and streams.
    pub bytes: u64,
    /// The bytes that travelled, as they lie in the vault.
    pub new_bytes: u64,
}

/// Copies a sealed point, begin or continue. `under` is the epoch of whoever copies: the target asks for it, and not for that
/// of the point's writer, when it judges whether the seal came too late there.
///
/// # Errors
/// If the point is not offered by `from`, if anything of it cannot be read whole, if a vault fails, or if canceled.
pub fn copy_point(
    from: &Repository,
    to: &Repository,
    sealed: &SealedPoint,
    under: u64,
    origin: &Origin,
    progress: &Arc<dyn Progress>,
    cancel: &Cancel,
) -> Result<Copied, VaultError> {
    let Some(manifest) = sealed.manifest.as_ref().filter(|_| sealed.is_restorable()) else {
        return Err(VaultError::UnknownPoint {
            point: sealed.point.clone(),
        });
    };
    let travelled = Arc::new(Travelled {
        bytes: AtomicU64::new(0),
        shown: Arc::clone(progress),
    });
    copy_items(from, to, manifest, &travelled, cancel)?;
    to.seal_under(manifest, under, origin)?;
    if let Some(held) = sealed.held_at(origin.time) {
        hold(to, &sealed.point, held, origin)?;
    }
    Ok(Copied {
        bytes: manifest.items.iter().map(|item| item.bytes).sum(),
        new_bytes: travelled.bytes.load(Ordering::SeqCst),
    })
}

fn copy_items(
    from: &Repository,
    to: &Repository,
    manifest: &Manifest,
    travelled: &Arc<Travelled>,
    cancel: &Cancel,
) -> Result<(), VaultError> {
    let tag = format!("point={}", manifest.point);
    // An item counts as there when all of it is: its snapshot alone may have outlived its data.
    let known: HashSet<(String, TreeId)> = {
        let there = to.blobs(cancel)?;
        let mut known = HashSet::new();
        for snapshot in there.session().snapshots(&[&tag])? {
            if let Some(item) = tagged(&snapshot, "item=")
                && require_whole(&there, snapshot.tree).is_ok()
            {
                known.insert((item, snapshot.tree));
            }
        }
        known
    };
    let source = from.blobs(cancel)?;
    let snapshots = source.session().snapshots(&[&tag])?;
    let mut missing: Vec<SnapshotFile> = Vec::new();
    for item in manifest
        .items
        .iter()
        .filter(|item| item.durability == Durability::Vault)
    {
        let found = snapshots.iter().find(|snapshot| {
            tagged(snapshot, "item=").as_deref() == Some(&item.name) && *snapshot.tree.to_hex() == *item.tree
        });
        let Some(snapshot) = found else {
            return Err(VaultError::UnknownSnapshot {
                snapshot: item.snapshot.clone(),
            });
        };
        if !known.contains(&(item.name.clone(), snapshot.tree)) {
            missing.push(snapshot.clone());
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    // The library leaves out what the source's index does not name.
    for snapshot in &missing {
        require_whole(&source, snapshot.tree)?;
    }
    let progress: Arc<dyn Progress> = Arc::clone(travelled) as _;
    let target = to.watched(cancel, &progress)?.indexed_ids()?;
    target.guard.withhold(true);
    let origin = from.session(cancel)?.indexed()?;
    let copied = target.run("copy the point", |library| origin.library.copy(library, missing.iter()));
    // Where the source cannot be read, its own words say why.
    copied.map_err(|error| origin.guard.take_error().map_or(error, VaultError::from))?;
    if target.guard.is_spoiled() || cancel.is_canceled() {
        return Err(target.guard.take_error().map_or(VaultError::Canceled, VaultError::from));
    }
    let arrived = to.blobs(cancel)?;
    for mut snapshot in missing {
        require_whole(&arrived, snapshot.tree)?;
        snapshot.id = Default::default();
        snapshot.parent = None;
        snapshot.parents = Vec::new();
        arrived.session().save(snapshot)?;
    }
    Ok(())
}

/// That everything below a tree is in the repository's index.
fn require_whole(blobs: &Blobs, tree: TreeId) -> Result<(), VaultError> {
    blobs.walk(tree, &mut |path, node| {
        for id in node.content.iter().flatten() {
            blobs.spot(id).map_err(|fault| fault.of(Some(path.to_owned())))?;
        }
        Ok(true)
    })?;
    blobs.tree(&tree, Path::new("/")).map(drop)
}

/// A hold goes with its point: retention must not take the copy either.
fn hold(to: &Repository, point: &str, held: &Hold, origin: &Origin) -> Result<(), VaultError> {
    let is_held = to
        .points()?
        .iter()
        .any(|sealed| sealed.point == point && sealed.held.as_ref() == Some(held));
    if is_held {
        return Ok(());
    }
    let attestation = Attestation {
        point: point.to_owned(),
        by: origin.host.clone(),
        at: origin.time.to_string(),
        statement: Statement::Held {
            reason: held.reason.clone(),
            until: held.until,
        },
    };
    to.attest(&attestation, origin).map(drop)
}

/// Counts what travels on its way to the display.
struct Travelled {
    bytes: AtomicU64,
    shown: Arc<dyn Progress>,
}

impl Progress for Travelled {
    fn total(&self, bytes: u64, basis: Basis) {
        self.shown.total(bytes, basis);
    }

    fn advance(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::SeqCst);
        self.shown.advance(bytes);
    }
}
