//! Another time on the wall, for one program: `faketime`.

use super::system;
use crate::call::Call;
use crate::error::Result;

/// The library that answers what time it is.
#[derive(Debug, Clone)]
pub struct Clock {
    library: String,
}

/// Debian's `faketime`, installed if need be.
///
/// # Errors
/// It cannot be installed here.
pub fn clock() -> Result<Clock> {
    let program = system::debian("another time on the wall", "faketime", "faketime")?;
    let asked = Call::new(program).args(["-f", "+0d", "sh", "-c", "echo $LD_PRELOAD"]);
    let library = system::needed("another time on the wall", asked)?.stdout_text();
    Ok(Clock {
        library: library.trim().to_owned(),
    })
}

impl Clock {
    /// The same call at another time, such as `+2d`. Time that passes, and times of files, stay as they are.
    pub fn shifted(&self, call: Call, by: &str) -> Call {
        call.env("LD_PRELOAD", &self.library)
            .env("FAKETIME", by)
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1")
    }
}
