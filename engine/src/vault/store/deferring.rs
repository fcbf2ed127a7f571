//! What a prune removes through: a file under a lock stays for a later prune.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use rustic_core::Id;

use super::super::progress::Cancel;
use super::{Claim, Kind, Locks, Store, StoreError};

/// A store that leaves what is locked where it is.
pub(in super::super) struct Deferring {
    inner: Arc<dyn Store>,
    deferred: Arc<AtomicU64>,
}

impl Deferring {
    /// Counts in `deferred` what it leaves.
    pub(in super::super) fn new(inner: Arc<dyn Store>, deferred: Arc<AtomicU64>) -> Self {
        Self { inner, deferred }
    }
}

impl Store for Deferring {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn list(&self, kind: Kind) -> Result<Vec<(Id, u32)>, StoreError> {
        self.inner.list(kind)
    }

    fn read(&self, kind: Kind, id: &Id) -> Result<Bytes, StoreError> {
        self.inner.read(kind, id)
    }

    fn read_range(&self, kind: Kind, id: &Id, offset: u32, length: u32) -> Result<Bytes, StoreError> {
        self.inner.read_range(kind, id, offset, length)
    }

    fn write(&self, kind: Kind, id: &Id, content: &[Bytes]) -> Result<(), StoreError> {
        self.inner.write(kind, id, content)
    }

    fn remove(&self, kind: Kind, id: &Id) -> Result<(), StoreError> {
        let refused = match self.inner.remove(kind, id) {
            Err(error @ StoreError::Denied { .. }) => error,
            other => return other,
        };
        let Some(locks) = self.inner.locks() else {
            return Err(refused);
        };
        match locks.until(kind, id) {
            Ok(Some(until)) if until > locks.now()? => {
                tracing::debug!(place = %self.location(), ?kind, %until, "a locked file is left for a later prune");
                self.deferred.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            _ => Err(refused),
        }
    }

    fn create(&self) -> Result<(), StoreError> {
        self.inner.create()
    }

    fn under(&self, cancel: &Cancel) -> Option<Arc<dyn Store>> {
        let inner = self.inner.under(cancel)?;
        Some(Arc::new(Self::new(inner, Arc::clone(&self.deferred))))
    }

    fn claim(&self) -> Result<Claim, StoreError> {
        self.inner.claim()
    }

    fn tidy(&self, now: SystemTime) {
        self.inner.tidy(now);
    }

    fn written(&self, kind: Kind, id: &Id) -> Result<Option<SystemTime>, StoreError> {
        self.inner.written(kind, id)
    }

    fn locks(&self) -> Option<&dyn Locks> {
        self.inner.locks()
    }
}
