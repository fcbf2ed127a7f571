//! The wish to stop, shared by whoever acts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that ends an operation. Clones share it; it cannot be taken back.
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    raised: Arc<AtomicBool>,
    above: Option<Arc<Cancel>>,
}

impl Cancel {
    /// A flag that is not raised.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises the flag: operations that hold a clone end soon, with an error.
    pub fn cancel(&self) {
        self.raised.store(true, Ordering::SeqCst);
    }

    /// Whether the flag is raised.
    #[must_use]
    pub fn is_canceled(&self) -> bool {
        self.raised.load(Ordering::SeqCst) || self.above.as_ref().is_some_and(|above| above.is_canceled())
    }

    /// A flag for a part of the operation: it ends with the whole, and can end before.
    #[must_use]
    pub fn part(&self) -> Self {
        Self {
            raised: Arc::default(),
            above: Some(Arc::new(self.clone())),
        }
    }
}

/// How long a raised flag may go unnoticed by a call that waits for an answer.
const NOTICED_WITHIN: std::time::Duration = std::time::Duration::from_millis(25);

impl Cancel {
    /// Ends soon after the flag is raised.
    pub async fn canceled(&self) {
        while !self.is_canceled() {
            tokio::time::sleep(NOTICED_WITHIN).await;
        }
    }
}
