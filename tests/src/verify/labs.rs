//! The labs of a whole run, prepared while cargo compiles.

use std::thread::JoinHandle;
use std::time::Instant;

use crate::error::{Error, Result};
use crate::lab::{deny, go, restic, terraform};

/// A lab's name and what became of it: a word about it, or why it is not there.
type Outcome = (String, Result<String>);

/// Labs in preparation.
pub(super) struct Labs {
    threads: Vec<JoinHandle<Vec<Outcome>>>,
}

/// Begins to prepare all labs: what only downloads beside what builds. Builds come one after the other, the most useful
/// first, because they share the processors with cargo.
pub(super) fn prepare() -> Labs {
    let downloads = || {
        vec![
            lab("Terraform", || Ok(terraform::older()?.title())),
            lab("a newer Terraform", || Ok(terraform::newer()?.title())),
            lab("Debian's restic", || Ok(restic::debian()?.version)),
        ]
    };
    let builds = || {
        let built = vec![
            lab("cargo-deny", || Ok(deny::program()?.display().to_string())),
            lab("the newest restic", || Ok(restic::newest()?.version)),
            lab("OpenTofu", || Ok(terraform::opentofu()?.title())),
        ];
        // What stays behind is only space on the disk.
        let _ = go::tidy_up();
        built
    };
    Labs {
        threads: vec![std::thread::spawn(downloads), std::thread::spawn(builds)],
    }
}

impl Labs {
    /// Waits for all of them.
    pub(super) fn finish(self) -> Vec<Outcome> {
        let died = || vec![("labs".to_owned(), Err(Error::Interrupted))];
        self.threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|_| died()))
            .collect()
    }
}

fn lab(name: &str, prepare: impl FnOnce() -> Result<String>) -> Outcome {
    let begun = Instant::now();
    let outcome = prepare();
    (format!("lab: {name} ({:.1} s)", begun.elapsed().as_secs_f64()), outcome)
}
