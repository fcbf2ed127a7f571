//! What is in a tree: everything that a restore in archive mode must bring back.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::SeekFrom;
use sha2::{Digest as _, Sha256};

use crate::error::{Doing as _, Result};

/// Zeros are skipped in pieces of this many bytes, so that a hole and written zeros have one digest.
const PIECE: usize = 4096;

/// A tree by relative path; the root itself has the empty path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// The entries.
    pub entries: BTreeMap<Vec<u8>, Entry>,
}

/// One entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is, with what it holds.
    pub kind: Kind,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// Time of last modification: seconds since 1970, nanoseconds.
    pub modified: (i64, i64),
    /// Extended attributes, access control lists and capabilities among them.
    pub attributes: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The first path of the same file, when it has several names in this tree.
    pub linked_to: Option<Vec<u8>>,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File {
        /// Bytes that it seems to hold.
        size: u64,
        /// Bytes that it takes on the disk.
        allocated: u64,
        /// Digest of offsets and bytes of all pieces that are not zero.
        digest: [u8; 32],
    },
    /// A folder.
    Folder,
    /// A symbolic link.
    Link {
        /// Where it points, byte for byte.
        target: Vec<u8>,
    },
    /// A named pipe.
    Pipe,
    /// A socket.
    Socket,
    /// A block or character device.
    Device {
        /// Whether it is a block device.
        block: bool,
        /// Its number.
        number: u64,
    },
}

/// Looks at everything below `root`, the root's own metadata included. Nothing is followed and nothing is changed but
/// access times.
///
/// # Errors
/// Something cannot be read.
pub fn observe(root: &Path) -> Result<Tree> {
    let mut entries = BTreeMap::new();
    let mut first_names: BTreeMap<(u64, u64), Vec<u8>> = BTreeMap::new();
    let mut waiting: Vec<PathBuf> = vec![PathBuf::new()];
    while let Some(path) = waiting.pop() {
        let full = if path.as_os_str().is_empty() {
            root.to_owned()
        } else {
            root.join(&path)
        };
        let found = full
            .symlink_metadata()
            .doing(|| format!("look at `{}`", full.display()))?;
        if found.is_dir() {
            let folder = std::fs::read_dir(&full).doing(|| format!("list `{}`", full.display()))?;
            for child in folder {
                waiting.push(path.join(child.doing(|| format!("list `{}`", full.display()))?.file_name()));
            }
        }
        if !found.is_dir() && found.nlink() > 1 {
            let name = path.as_os_str().as_bytes().to_vec();
            let first = first_names
                .entry((found.dev(), found.ino()))
                .or_insert_with(|| name.clone());
            if name < *first {
                *first = name;
            }
        }
        let entry = Entry {
            kind: kind(&full, &found)?,
            mode: found.mode() & 0o7777,
            uid: found.uid(),
            gid: found.gid(),
            modified: (found.mtime(), found.mtime_nsec()),
            attributes: attributes(&full)?,
            linked_to: None,
        };
        entries.insert(path.into_os_string().into_vec(), (entry, (found.dev(), found.ino())));
    }
    let mut names: BTreeMap<(u64, u64), u32> = BTreeMap::new();
    for (_, inode) in entries.values() {
        *names.entry(*inode).or_default() += 1;
    }
    let entries = entries.into_iter().map(|(path, (mut entry, inode))| {
        // Names outside of the tree do not count: a restore cannot know them.
        if names.get(&inode).is_some_and(|count| *count > 1) {
            entry.linked_to = first_names.get(&inode).cloned();
        }
        (path, entry)
    });
    Ok(Tree {
        entries: entries.collect(),
    })
}

impl Kind {
    /// Whether two entries hold the same, however much of the disk they take.
    pub fn holds_the_same(&self, other: &Kind) -> bool {
        match (self, other) {
            (
                Kind::File { size, digest, .. },
                Kind::File {
                    size: other_size,
                    digest: other_digest,
                    ..
                },
            ) => size == other_size && digest == other_digest,
            (one, other) => one == other,
        }
    }
}

impl Tree {
    /// The part of the tree that lies at or below a path, with paths as they were.
    #[must_use]
    pub fn below(&self, path: &str) -> Tree {
        let inside = |name: &[u8]| {
            name.strip_prefix(path.as_bytes())
                .is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/'))
        };
        let kept = self.entries.iter().filter(|(name, _)| inside(name));
        Tree {
            entries: kept.map(|(name, entry)| (name.clone(), entry.clone())).collect(),
        }
    }

    /// The tree without entries whose path says no.
    #[must_use]
    pub fn without(mut self, excluded: impl Fn(&[u8]) -> bool) -> Tree {
        self.entries.retain(|path, _| !excluded(path));
        self
    }
}

fn kind(full: &Path, found: &Metadata) -> Result<Kind> {
    let what = found.file_type();
    Ok(if what.is_dir() {
        Kind::Folder
    } else if what.is_symlink() {
        let target = std::fs::read_link(full).doing(|| format!("read the link `{}`", full.display()))?;
        Kind::Link {
            target: target.into_os_string().into_vec(),
        }
    } else if what.is_fifo() {
        Kind::Pipe
    } else if what.is_socket() {
        Kind::Socket
    } else if what.is_block_device() || what.is_char_device() {
        Kind::Device {
            block: what.is_block_device(),
            number: found.rdev(),
        }
    } else {
        let digest = digest(full).doing(|| format!("read `{}`", full.display()))?;
        Kind::File {
            size: found.len(),
            allocated: found.blocks() * 512,
            digest,
        }
    })
}

/// Reads only what is written, so that a sparse file of any size costs what its data costs.
fn digest(path: &Path) -> std::io::Result<[u8; 32]> {
    let file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    let mut offset = 0;
    loop {
        let begin = match rustix::fs::seek(&file, SeekFrom::Data(offset)) {
            // Aligned, so that holes of another size give the same pieces.
            Ok(begin) => begin - begin % PIECE as u64,
            Err(rustix::io::Errno::NXIO) => return Ok(hash.finalize().into()),
            Err(error) => return Err(error.into()),
        };
        let end = rustix::fs::seek(&file, SeekFrom::Hole(begin.max(offset)))?;
        rustix::fs::seek(&file, SeekFrom::Start(begin))?;
        offset = begin;
        while offset < end {
            let read = read_piece(&file, &mut piece)?;
            let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else {
                break;
            };
            if bytes.iter().any(|byte| *byte != 0) {
                hash.update(offset.to_le_bytes());
                hash.update(bytes);
            }
            offset += read as u64;
        }
        if offset < end {
            // It became shorter meanwhile.
            return Ok(hash.finalize().into());
        }
    }
}

fn read_piece(mut file: &File, piece: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = piece.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn attributes(path: &Path) -> Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let names = match xattr::list(path) {
        Ok(names) => names,
        Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(BTreeMap::new()),
        Err(error) => return Err(error).doing(|| format!("list the attributes of `{}`", path.display())),
    };
    let value = |name: OsString| {
        let value = xattr::get(path, &name).doing(|| format!("read attributes of `{}`", path.display()))?;
        Ok((name.into_vec(), value.unwrap_or_default()))
    };
    names.map(value).collect()
}
