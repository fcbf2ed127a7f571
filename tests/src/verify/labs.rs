//! The labs of a whole run, prepared while cargo compiles.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Instant;

use crate::error::{Error, Result, claim};
use crate::lab::store::{Running, Store};
use crate::lab::{deny, etcd, go, mariadb, node, redis, restic, system, terraform};

/// A lab's name and what became of it: a word about it, or why it is not there.
type Outcome = (String, Result<String>);

/// Labs in preparation, and servers that run until the value goes.
pub(super) struct Labs {
    threads: Vec<JoinHandle<Vec<Outcome>>>,
    /// Closed when what tests need of Debian is there, or cannot be.
    witness: Receiver<()>,
    store: Option<Starting>,
}

/// The servers of the store lab, on their way or there.
enum Starting {
    Begun(JoinHandle<Result<Running>>),
    Ended(Box<Result<Running>>),
}

/// Begins to prepare all labs: what only downloads beside what builds. Builds come one after the other, the most useful
/// first, because they share the processors with cargo.
pub(super) fn prepare() -> Labs {
    let (ended, witness) = channel();
    let downloads = || {
        let btrfs = lab("the tools of btrfs", || {
            Ok(system::debian("btrfs", "btrfs-progs", "mkfs.btrfs")?
                .display()
                .to_string())
        });
        let witness = lab("Debian's restic", || Ok(restic::debian()?.version));
        drop::<Sender<()>>(ended);
        vec![
            btrfs,
            witness,
            lab("MariaDB, Redis and etcd", || {
                mariadb::install()?;
                redis::install()?;
                etcd::install().map(|()| "their servers".to_owned())
            }),
            lab("Terraform", || Ok(terraform::older()?.title())),
            lab("a newer Terraform", || Ok(terraform::newer()?.title())),
            lab("Graphviz", || {
                Ok(system::debian("Graphviz", "graphviz", "dot")?.display().to_string())
            }),
            lab("the YAML language server", || Ok(node::yaml_language_server()?.line())),
            lab("Mermaid", || node::mermaid().map(|_| "its parser".to_owned())),
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
        // Before what downloads, because both may want the package manager, and the tests wait for this one.
        store: Some(Starting::Begun(std::thread::spawn(Running::start))),
        threads: vec![std::thread::spawn(downloads), std::thread::spawn(builds)],
        witness,
    }
}

impl Starting {
    /// Waits until they are there, or cannot be.
    fn ended(self) -> Result<Running> {
        match self {
            Starting::Begun(thread) => thread.join().unwrap_or(Err(Error::Interrupted)),
            Starting::Ended(ended) => *ended,
        }
    }
}

impl Labs {
    /// Where the stores are, once they are there; nothing if they cannot be had, which [`Labs::finish`] reports.
    pub(super) fn stores(&mut self) -> Option<Store> {
        let ended = self.store.take()?.ended();
        let stores = ended.as_ref().ok().map(|running| running.store.clone());
        self.store = Some(Starting::Ended(Box::new(ended)));
        stores
    }

    /// Waits until Debian's restic is where tests look for it, or cannot be had, which [`Labs::finish`] reports.
    pub(super) fn wait_for_witness(&self) {
        // Nothing is ever sent: the end of the other side is the message.
        let _ = self.witness.recv();
    }

    /// Waits for all of them, and stops the servers.
    pub(super) fn finish(mut self) -> Vec<Outcome> {
        let stores = self.store.take().map(Starting::ended);
        let stores = match stores.unwrap_or(Err(Error::Interrupted)) {
            Ok(running) => {
                let took = running.took.as_secs_f64();
                (format!("lab: stores ({took:.1} s)"), lasted(&running))
            }
            Err(error) => ("lab: stores".to_owned(), Err(error)),
        };
        let died = || vec![("labs".to_owned(), Err(Error::Interrupted))];
        let others = self
            .threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|_| died()));
        std::iter::once(stores).chain(others).collect()
    }
}

/// A word about servers that lasted; those that died took tests with them.
fn lasted(running: &Running) -> Result<String> {
    claim("the stores answer after all tests", running.store.is_up(), || {
        "the gateway does not".to_owned()
    })?;
    Ok("S3, Swift, Keystone and PostgreSQL, up to the end".to_owned())
}

fn lab(name: &str, prepare: impl FnOnce() -> Result<String>) -> Outcome {
    let begun = Instant::now();
    let outcome = prepare();
    (format!("lab: {name} ({:.1} s)", begun.elapsed().as_secs_f64()), outcome)
}
