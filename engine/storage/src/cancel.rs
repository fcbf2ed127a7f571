//! The wish to stop, shared by whoever acts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that ends an operation. Clones share it; it cannot be taken back.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// A flag that is not raised.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises the flag: operations that hold a clone end soon, with an error.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether the flag is raised.
    #[must_use]
    pub fn is_canceled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
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
