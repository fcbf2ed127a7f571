//! The wish to stop, shared by whoever acts.

pub use dram_storage::Cancel;
