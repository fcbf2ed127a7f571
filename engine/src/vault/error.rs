//! What can go wrong with a vault, in the words of whoever has to do something about it.

use std::any::Any;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use rustic_core::RusticError;

use super::notice::Notice;
use super::store::StoreError;

/// So many names are told of a list; the rest is a number.
const NAMED: usize = 8;

/// One thing that could not be captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFault {
    /// The logical path.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

impl fmt::Display for SourceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.path.display(), self.reason)
    }
}

/// An operation on a vault that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The store did not do what was asked.
    #[error(transparent)]
    Store(StoreError),
    /// The vault does not exist.
    #[error("the vault {}`{place}` does not exist", if *is_directory { "directory " } else { "" })]
    MissingVault {
        /// Path or address.
        place: String,
        /// Whether it is a directory of this machine.
        is_directory: bool,
    },
    /// An address names no vault.
    #[error("`{place}` is not the address of a vault: {reason}")]
    BadPlace {
        /// The address, without what may be secret in it.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something was asked that has no effect there.
    #[error("{option} has no effect in the vault `{place}`")]
    UselessOption {
        /// What was asked.
        option: &'static str,
        /// Path or address.
        place: String,
    },
    /// The vault's path is no directory.
    #[error("the vault `{}` is not a directory", path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// A name cannot be a folder or a tag.
    #[error("`{name}` cannot be the name of {what} in a vault")]
    InvalidName {
        /// What it would name.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// There is no repository of the application.
    #[error("the vault holds no repository of this application: `{place}` has none")]
    NoRepository {
        /// Path or address of the repository.
        place: String,
    },
    /// There is data, yet no configuration.
    #[error("the repository `{place}` has data but no `config`")]
    MissingConfig {
        /// Path or address of the repository.
        place: String,
    },
    /// A repository that should be adopted is not there.
    #[error("there is no repository to adopt at `{place}`")]
    NothingToAdopt {
        /// Path or address of the vault.
        place: String,
    },
    /// A repository that should be adopted has a format of the past.
    #[error("the repository `{place}` has format 1, and only format 2 is adopted")]
    OldFormat {
        /// Path or address of the repository.
        place: String,
    },
    /// The one repository of the vault is another application's.
    #[error(
        "the vault `{place}` adopts a repository for application `{adopts}`: nothing of application `{application}` lies there"
    )]
    AdoptedForAnother {
        /// Path or address of the vault.
        place: String,
        /// Whom it is adopted for.
        adopts: String,
        /// Who was asked for.
        application: String,
    },
    /// Another program works on the repository, or says so.
    #[error("the repository `{place}` is locked by {notice}")]
    InUse {
        /// Path or address of the repository.
        place: String,
        /// What the other program says.
        notice: Notice,
    },
    /// None of the repository's keys opens with the password.
    #[error("the password does not open the repository `{place}`")]
    WrongPassword {
        /// Path or address of the repository.
        place: String,
    },
    /// The password cannot be used.
    #[error("the password {reason}")]
    InvalidPassword {
        /// What is wrong with it; never the password.
        reason: &'static str,
    },
    /// A key was to be removed and stays.
    #[error("the key `{key}` of `{place}` is not removed: {reason}")]
    KeyStays {
        /// The key's id.
        key: String,
        /// Path or address of the repository.
        place: String,
        /// Why.
        reason: String,
    },
    /// The source could not be captured whole, so no snapshot was written.
    #[error("`{item}` was not captured: {}{}", listed(faults), rest(*more))]
    Source {
        /// The item.
        item: String,
        /// What failed, with names.
        faults: Vec<SourceFault>,
        /// How many more failed that are not named.
        more: usize,
    },
    /// A pattern has no meaning.
    #[error("the pattern `{pattern}` is not valid: {reason}")]
    InvalidPattern {
        /// The pattern.
        pattern: String,
        /// Why.
        reason: String,
    },
    /// The library left out entries without saying why, so no snapshot was written.
    #[error("`{item}` was not captured: {expected} entries were read, {stored} were stored")]
    Incomplete {
        /// The item.
        item: String,
        /// Read from the source.
        expected: u64,
        /// Found in the result.
        stored: u64,
    },
    /// The point is not in the vault, or has no seal.
    #[error("the vault holds no sealed point `{point}`")]
    UnknownPoint {
        /// The point.
        point: String,
    },
    /// The item is not in the vault.
    #[error("the vault holds no snapshot `{snapshot}`")]
    UnknownSnapshot {
        /// The snapshot.
        snapshot: String,
    },
    /// The path is not in the item.
    #[error("`{}` is not in the item", path.display())]
    UnknownPath {
        /// The path.
        path: PathBuf,
    },
    /// A dump was asked for, and the item is none.
    #[error("the item is not a single stream: `{tree}` does not hold exactly one file")]
    NotADump {
        /// The id of its tree.
        tree: String,
    },
    /// A point is sealed once.
    #[error("the point `{point}` is already sealed with another manifest")]
    AlreadySealed {
        /// The point.
        point: String,
    },
    /// A point that must stay was to be forgotten.
    #[error("the point `{point}` is not forgotten: {reason}")]
    Protected {
        /// The point.
        point: String,
        /// Why it stays.
        reason: String,
    },
    /// A record in the vault cannot be read or written.
    #[error("{what} of `{place}` cannot be used: {reason}")]
    Record {
        /// Which record.
        what: &'static str,
        /// The point or snapshot.
        place: String,
        /// Why.
        reason: String,
    },
    /// Stored data are damaged or missing.
    #[error("{} cannot be read back{}: {reason}{}", subject(file.as_ref()), pack.as_ref().map(|pack| format!(" from pack `{pack}`")).unwrap_or_default(), rest(*more))]
    Damaged {
        /// The first file that needs it.
        file: Option<PathBuf>,
        /// The pack that it lies in.
        pack: Option<String>,
        /// Why.
        reason: String,
        /// How many more are affected.
        more: usize,
    },
    /// The index names packs, and none of them is there.
    #[error("`{place}` holds none of the {packs} packs that its index names")]
    NothingLeft {
        /// Path or address of the repository.
        place: String,
        /// How many the index names.
        packs: usize,
    },
    /// Files of others are in the way of a restore.
    #[error("{} in the way: {}{}", if paths.len() + more == 1 { "a file is" } else { "files are" }, listed(paths), rest(*more))]
    Conflicts {
        /// What is in the way, with the reason.
        paths: Vec<SourceFault>,
        /// How many more.
        more: usize,
    },
    /// A restore was asked to write where it must not.
    #[error("`{}` cannot be restored to `{}`: {reason}", path.display(), target.display())]
    BadTarget {
        /// The logical path.
        path: PathBuf,
        /// The physical path.
        target: PathBuf,
        /// Why.
        reason: String,
    },
    /// The operating system refused a step of a restore.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Target {
        /// The verb of what was tried.
        action: &'static str,
        /// The physical path.
        path: PathBuf,
        /// The answer.
        source: io::Error,
    },
    /// An image cannot be restored to a place.
    #[error("`{}` cannot take the image: {reason}", path.display())]
    NoPlaceForImage {
        /// The physical path.
        path: PathBuf,
        /// Why.
        reason: String,
        /// The way out.
        help: String,
    },
    /// The operation was canceled.
    #[error("the operation was canceled")]
    Canceled,
    /// The library failed.
    #[error("cannot {action} in `{place}`: {reason}")]
    Library {
        /// The verb of what was tried.
        action: &'static str,
        /// Path or address of the repository.
        place: String,
        /// The library's words.
        reason: String,
    },
    /// The library broke off.
    #[error("cannot {action}: the repository's library broke off: {reason}")]
    Broken {
        /// The verb of what was tried.
        action: &'static str,
        /// Its last words.
        reason: String,
    },
    /// Whoever receives a stream failed.
    #[error("the stream could not be handed on: {source}")]
    Sink {
        /// The answer.
        source: io::Error,
    },
}

impl VaultError {
    /// The way out, where there is one.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.help(),
            Self::MissingVault {
                place,
                is_directory: true,
            } => Some(format!(
                "create `{place}`, or mount what belongs there: a vault's directory is never made silently"
            )),
            Self::MissingVault { .. } => Some("make it first, and look at its spelling".into()),
            Self::BadPlace { .. } => Some("give a path, or `s3://bucket/prefix?endpoint=…&region=…`".into()),
            Self::UselessOption { .. } => Some("leave it out, or choose a vault on a store that knows it".into()),
            Self::NotADirectory { .. } => Some("give the directory that holds the repositories".into()),
            Self::InvalidName { .. } => Some("use letters, digits, `-`, `_` and `.`, not beginning with a dot".into()),
            Self::NoRepository { .. } => {
                Some("check tenant, application and vault; the first `dram protect` makes the repository".into())
            }
            Self::NothingToAdopt { .. } => Some(
                "correct the place or the prefix, or mount what belongs there; to begin with a repository of our own, \
                 remove `adopt` from the vault"
                    .into(),
            ),
            Self::OldFormat { .. } => Some("bring it up to date first: `restic migrate upgrade_repo_v2`".into()),
            Self::AdoptedForAnother { .. } => {
                Some("give this application a policy with another vault, or correct `adopt`".into())
            }
            Self::InUse { notice, .. } if notice.is_stale => Some(
                "this lock is stale: see that the program really ended, then remove it with `restic unlock`".into(),
            ),
            Self::InUse { .. } => Some("run again when that program has ended".into()),
            Self::MissingConfig { .. } => Some(
                "restore `config` from another copy of the repository; it is never made anew over existing data".into(),
            ),
            Self::WrongPassword { .. } => Some("use the password that this repository was made with".into()),
            Self::KeyStays { .. } => Some(
                "whoever has its password needs to read the vault too: take the vault's credentials from them instead".into(),
            ),
            Self::InvalidPassword { .. } => Some("put one line of UTF-8 text into the password file".into()),
            Self::Source { .. } => Some(
                "make these readable, or exclude them in words; data already stored is kept for the next try".into(),
            ),
            Self::InvalidPattern { .. } => Some("patterns follow the rules of `.gitignore`; `\\` before `*`, `?` or `[` takes it as it is".into()),
            Self::Damaged { .. } => {
                Some("run `dram verify` on the vault and restore from another copy of the point".into())
            }
            Self::NothingLeft { place, .. } => Some(format!(
                "mount or bring back what belongs into its `data` folder; if it is really lost, move all of `{place}` away, and \
                 `dram reconcile` makes a new repository there"
            )),
            Self::Conflicts { .. } => Some(
                "move these away, or restore elsewhere with `--into`; `--overwrite` replaces files that differ, but no \
                 directory"
                    .into(),
            ),
            Self::NoPlaceForImage { help, .. } => Some(help.clone()),
            Self::Target { source, .. } => target_help(source.kind()).map(str::to_owned),
            _ => None,
        }
    }

    /// Whether the same call may succeed later without anybody changing the input.
    #[must_use]
    pub fn is_canceled(&self) -> bool {
        matches!(self, Self::Canceled | Self::Store(StoreError::Canceled))
    }
}

impl From<StoreError> for VaultError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Canceled => Self::Canceled,
            other => Self::Store(other),
        }
    }
}

/// What helps where the target of a restore cannot be used.
fn target_help(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space and run again: what is restored already is kept"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "mount it so that it can be written to, or restore elsewhere with `--into`"
        }
        io::ErrorKind::PermissionDenied => {
            "let the user who runs this write there, restore as root, or elsewhere with `--into`"
        }
        io::ErrorKind::InvalidFilename => "restore below a shorter path, or on a file system that knows such names",
        _ => return None,
    })
}

fn listed<T: fmt::Display>(things: &[T]) -> String {
    let mut text = String::new();
    for (index, thing) in things.iter().take(NAMED).enumerate() {
        if index > 0 {
            text.push_str("; ");
        }
        text.push_str(&thing.to_string());
    }
    if let Some(more) = things.len().checked_sub(NAMED)
        && more > 0
    {
        text.push_str(&rest(more));
    }
    text
}

fn rest(more: usize) -> String {
    if more == 0 {
        String::new()
    } else {
        format!(" and {more} more")
    }
}

fn subject(file: Option<&PathBuf>) -> String {
    file.map_or_else(|| "stored data".into(), |file| format!("`{}`", file.display()))
}

/// The library's error in one line, without advice to report it elsewhere.
pub(super) fn plain(error: &RusticError) -> String {
    let text = error.display_log();
    let text = text.strip_prefix("Error: ").unwrap_or(&text);
    without_context(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// What happened, without what the library adds for its own developers: links, nonces, a backtrace.
fn without_context(text: &str) -> String {
    let marks = [
        " For more information, see:",
        " Some additional details",
        " Context:",
        " Backtrace:",
    ];
    let end = marks.iter().filter_map(|mark| text.find(mark)).min();
    let kept = end.and_then(|end| text.get(..end)).unwrap_or(text);
    kept.trim_end_matches(['.', ' ']).to_owned()
}

/// Runs the library where it can panic on bad data, and turns a panic into an error.
pub(super) fn contained<T>(action: &'static str, run: impl FnOnce() -> T) -> Result<T, VaultError> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| VaultError::Broken {
        action,
        reason: last_words(&*panic),
    })
}

fn last_words(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "it said nothing".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_librarys_words_end_before_its_own_context() {
        let cases = [
            (
                "error processing Pack:b94a: Message: Data decryption failed, MAC check failed. For more information, \
                 see: https://example.org Some additional details ... Context: - nonce: [3] Caused by: aead::Error \
                 Backtrace: 0: main",
                "error processing Pack:b94a: Message: Data decryption failed, MAC check failed",
            ),
            ("the index is broken. Backtrace: 0: main", "the index is broken"),
            ("plain words", "plain words"),
        ];
        for (said, kept) in cases {
            assert_eq!(without_context(said), kept);
        }
    }
}
