//! Locks: until when nothing that a sealed point needs can be removed, whoever asks.
//!
//! What is written lies unlocked until a point is sealed, so that an unfinished capture costs no space for the lock's time.
//! Before the seal, everything that the point refers to is locked, old packs too, and then the seal is written under a lock
//! from its first byte on. Locks are only ever made longer, so a killed sealing is simply run again.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use rustic_core::repofile::IndexFile;
use rustic_core::{Id, TreeId};

use super::blob::Blobs;
use super::error::VaultError;
use super::manifest::{Durability, MANIFEST, Manifest, SEAL_TAG};
use super::parallel::each;
use super::point::tagged;
use super::progress::Cancel;
use super::repository::{Repository, TAG};
use super::store::{Kind, Store, StoreError};

/// Files locked at the same time; the vault's own limit of calls counts too.
const WORKERS: usize = 16;

impl Repository {
    /// Until when a point that is sealed now is locked, by the store's clock; nothing in a vault without a lock.
    pub(super) fn lock_ends(&self) -> Result<Option<Timestamp>, VaultError> {
        let stores = self.stores();
        let Some((lock, locks)) = stores.lock.zip(stores.writer.locks()) else {
            return Ok(None);
        };
        let period = jiff::SignedDuration::try_from(lock.period).unwrap_or(jiff::SignedDuration::MAX);
        Ok(Some(locks.now()?.saturating_add(period).unwrap_or(Timestamp::MAX)))
    }

    /// The same repository; what is written there is locked until then from its writing on.
    pub(super) fn retaining(&self, until: Option<Timestamp>) -> Self {
        let stores = self.stores();
        match until.zip(stores.writer.locks()) {
            None => self.clone(),
            Some((until, locks)) => self.with_writer(locks.retaining(until)),
        }
    }

    /// Locks everything that a manifest's items need until then: their snapshots, the packs of their trees and data, the index
    /// files that name these, the configuration and the keys. Begin or continue.
    pub(super) fn lock_items(
        &self,
        blobs: &Blobs,
        manifest: &Manifest,
        until: Timestamp,
        cancel: &Cancel,
    ) -> Result<(), VaultError> {
        let mut found = BTreeMap::new();
        let tag = format!("point={}", manifest.point);
        for snapshot in blobs.session().snapshots(&[TAG, &tag])? {
            let is_item = tagged(&snapshot, "item=").is_some_and(|name| {
                let tree = snapshot.tree.to_hex();
                let items = manifest
                    .items
                    .iter()
                    .filter(|item| item.durability == Durability::Vault);
                items.into_iter().any(|item| item.name == name && *item.tree == *tree)
            });
            if is_item {
                found.insert(*snapshot.id, snapshot.tree);
            }
        }
        self.lock_trees(blobs, found, until, cancel)
    }

    fn lock_trees(
        &self,
        blobs: &Blobs,
        snapshots: BTreeMap<Id, TreeId>,
        until: Timestamp,
        cancel: &Cancel,
    ) -> Result<(), VaultError> {
        let mut packs = HashSet::new();
        for tree in snapshots.values() {
            packs_of(blobs, *tree, &mut packs)?;
        }
        self.lock_packs(blobs, &packs, snapshots.into_keys().collect(), until, cancel)
    }

    /// Locks what a record lies in, before the snapshot is written that makes it count: a killed attempt may have stored the
    /// same bytes under an earlier lock, and what is there is not written again.
    pub(super) fn lock_record(&self, tree: TreeId, until: Timestamp) -> Result<(), VaultError> {
        let cancel = Cancel::new();
        let blobs = self.blobs(&cancel)?;
        let mut packs = HashSet::new();
        packs_of(&blobs, tree, &mut packs)?;
        let Some(locks) = self.stores().writer.locks() else {
            return Ok(());
        };
        for pack in &packs {
            let there = locks.until(Kind::Pack, pack)?;
            // Stores keep whole seconds.
            if there.is_none_or(|there| there.as_second() < until.as_second()) {
                return self.lock_packs(&blobs, &packs, Vec::new(), until, &cancel);
            }
        }
        // What was written just now has its lock, and so has the index that names it.
        Ok(())
    }

    /// Locks packs, the index files that name them, snapshots, the configuration and the keys.
    fn lock_packs(
        &self,
        blobs: &Blobs,
        packs: &HashSet<Id>,
        snapshots: Vec<Id>,
        until: Timestamp,
        cancel: &Cancel,
    ) -> Result<(), VaultError> {
        let indexes = blobs.session().run("read the index", |library| {
            let mut named = Vec::new();
            for file in library.stream_files::<IndexFile>()? {
                let (id, index) = file?;
                if index.packs.iter().any(|pack| packs.contains(&*pack.id)) {
                    named.push(*id);
                }
            }
            Ok(named)
        })?;
        let store = under(&self.stores().writer, cancel);
        let keys = store.list(Kind::Key)?;
        let files: Vec<(Kind, Id)> = std::iter::once((Kind::Config, Id::default()))
            .chain(keys.into_iter().map(|(id, _)| (Kind::Key, id)))
            .chain(packs.iter().map(|id| (Kind::Pack, *id)))
            .chain(indexes.into_iter().map(|id| (Kind::Index, id)))
            .chain(snapshots.into_iter().map(|id| (Kind::Snapshot, id)))
            .collect();
        let Some(locks) = store.locks() else { return Ok(()) };
        each(&files, WORKERS, &|| Ok(()), |(), (kind, id)| {
            locks.extend(*kind, id, until)
        })?;
        Ok(())
    }

    /// Locks a sealed point until then, its seal too.
    pub(super) fn lock_point(&self, point: &str, until: Timestamp, cancel: &Cancel) -> Result<(), VaultError> {
        let blobs = self.blobs(cancel)?;
        let tag = format!("point={point}");
        let seals = blobs.session().snapshots(&[TAG, SEAL_TAG, &tag])?;
        let mut manifest = None;
        for seal in &seals {
            manifest = Some(blobs.record::<Manifest>(seal.tree, MANIFEST, "the manifest", point)?);
        }
        let manifest = manifest.ok_or_else(|| VaultError::UnknownPoint {
            point: point.to_owned(),
        })?;
        self.lock_trees(
            &blobs,
            seals.iter().map(|seal| (*seal.id, seal.tree)).collect(),
            until,
            cancel,
        )?;
        self.lock_items(&blobs, &manifest, until, cancel)
    }

    /// Until when the seal of a point is locked, if that is still to come.
    pub(super) fn locked_until(&self, seal: &Id) -> Result<Option<Timestamp>, VaultError> {
        still_locked(&self.stores().writer, Kind::Snapshot, seal)
    }

    /// Until when what a prune writes has to be locked: as long as the index that it replaces.
    pub(super) fn index_locked_until(&self, cancel: &Cancel) -> Result<Option<Timestamp>, VaultError> {
        let store = under(&self.stores().pruner, cancel);
        let Some(locks) = store.locks() else { return Ok(None) };
        let files = store.list(Kind::Index)?;
        let ends = each(&files, WORKERS, &|| Ok(()), |(), (id, _)| {
            match locks.until(Kind::Index, id) {
                Err(StoreError::Missing { .. }) => Ok(None),
                other => other,
            }
        })?;
        match ends.into_iter().flatten().max() {
            Some(until) if until > locks.now()? => Ok(Some(until)),
            _ => Ok(None),
        }
    }
}

/// Until when a file is locked, if that is still to come by the store's clock.
pub(super) fn still_locked(store: &Arc<dyn Store>, kind: Kind, id: &Id) -> Result<Option<Timestamp>, VaultError> {
    let Some(locks) = store.locks() else { return Ok(None) };
    let until = match locks.until(kind, id) {
        Err(StoreError::Missing { .. }) => None,
        other => other?,
    };
    match until {
        Some(until) if until > locks.now()? => Ok(Some(until)),
        _ => Ok(None),
    }
}

/// The store as one operation sees it.
pub(super) fn under(store: &Arc<dyn Store>, cancel: &Cancel) -> Arc<dyn Store> {
    store.under(cancel).unwrap_or_else(|| Arc::clone(store))
}

/// Adds the packs of a tree, of all trees below it, and of their files.
pub(super) fn packs_of(blobs: &Blobs, tree: TreeId, packs: &mut HashSet<Id>) -> Result<(), VaultError> {
    let tree_pack = |id: &TreeId, path: &Path| {
        blobs.tree_pack(id).ok_or_else(|| VaultError::Damaged {
            file: Some(path.to_owned()),
            pack: None,
            reason: "its tree is not in the index".to_owned(),
            more: 0,
        })
    };
    packs.insert(tree_pack(&tree, Path::new("/"))?);
    blobs.walk(tree, &mut |path, node| {
        if let Some(subtree) = &node.subtree {
            packs.insert(tree_pack(subtree, path)?);
        }
        for id in node.content.iter().flatten() {
            let spot = blobs.spot(id).map_err(|fault| fault.of(Some(path.to_owned())))?;
            packs.insert(spot.pack);
        }
        Ok(true)
    })
}
