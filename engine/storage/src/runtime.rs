//! Where asynchronous clients run for callers that block.

use std::future::Future;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};

use crate::error::{Fault, StorageError};

/// Threads that answers are awaited on. The work itself is done by the callers' threads.
const THREADS: usize = 2;

static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();

/// Waits for a future on the calling thread, which must not be one that runs futures itself. The runtime behind it is made at
/// the first call and shared by the process.
///
/// # Errors
/// The system gives no threads.
pub fn block_on<T>(future: impl Future<Output = T>) -> Result<T, StorageError> {
    let make = || {
        Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("storage")
            .enable_all()
            .build()
            .map_err(|error| error.to_string())
    };
    match RUNTIME.get_or_init(make) {
        Ok(runtime) => Ok(runtime.block_on(future)),
        Err(why) => Err(StorageError {
            fault: Fault::Failed,
            action: "start",
            place: "the clients of object stores".to_owned(),
            why: why.clone(),
        }),
    }
}
