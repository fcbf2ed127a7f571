//! Two trees, compared in archive mode.

use std::fmt;

use super::observe::{Entry, Kind, Tree};

/// A restored file may take this much more of the disk than the original: file systems allocate in their own units.
const ALLOCATION_SLACK: u64 = 1 << 20;

/// One difference between two trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The path, relative to the roots.
    pub path: Vec<u8>,
    /// What differs, as `expected, found`.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.path.escape_ascii(), self.what)
    }
}

/// All differences between what was and what came back: names, types, contents, modes, owners, times of modification
/// in nanoseconds, extended attributes, which names are one file, and files that were sparse and are no longer.
pub fn differences(expected: &Tree, found: &Tree) -> Vec<Difference> {
    let mut all = Vec::new();
    for (path, before) in &expected.entries {
        let mut differ = |what: String| {
            all.push(Difference {
                path: path.clone(),
                what,
            })
        };
        match found.entries.get(path) {
            None => differ(format!("is missing ({})", word(&before.kind))),
            Some(after) => compare(before, after, &mut differ),
        }
    }
    for (path, after) in &found.entries {
        if !expected.entries.contains_key(path) {
            let what = format!("was not there before ({})", word(&after.kind));
            all.push(Difference {
                path: path.clone(),
                what,
            });
        }
    }
    all
}

fn compare(before: &Entry, after: &Entry, differ: &mut impl FnMut(String)) {
    match (&before.kind, &after.kind) {
        (
            Kind::File {
                size,
                allocated,
                digest,
            },
            Kind::File {
                size: size_after,
                allocated: allocated_after,
                digest: digest_after,
            },
        ) => {
            if size != size_after {
                differ(format!("size {size}, found {size_after}"));
            } else if digest != digest_after {
                differ("the bytes differ".to_owned());
            }
            if *allocated_after > allocated + ALLOCATION_SLACK {
                differ(format!(
                    "takes {allocated} bytes of the disk, found {allocated_after}: its holes are filled"
                ));
            }
        }
        (before, after) if before != after => differ(format!("{}, found {}", word(before), word(after))),
        _ => {}
    }
    if before.mode != after.mode {
        differ(format!("mode {:04o}, found {:04o}", before.mode, after.mode));
    }
    if (before.uid, before.gid) != (after.uid, after.gid) {
        differ(format!(
            "owner {}:{}, found {}:{}",
            before.uid, before.gid, after.uid, after.gid
        ));
    }
    if before.modified != after.modified {
        let time = |(seconds, nanos): (i64, i64)| format!("{seconds}.{nanos:09}");
        differ(format!(
            "modified at {}, found {}",
            time(before.modified),
            time(after.modified)
        ));
    }
    if before.linked_to != after.linked_to {
        let name = |link: &Option<Vec<u8>>| match link {
            Some(path) => format!("one file with `{}`", path.escape_ascii()),
            None => "a file of its own".to_owned(),
        };
        differ(format!("{}, found {}", name(&before.linked_to), name(&after.linked_to)));
    }
    for (name, value) in &before.attributes {
        match after.attributes.get(name) {
            Some(found) if found == value => {}
            Some(_) => differ(format!("the value of attribute `{}` differs", name.escape_ascii())),
            None => differ(format!("attribute `{}` is missing", name.escape_ascii())),
        }
    }
    for name in after
        .attributes
        .keys()
        .filter(|name| !before.attributes.contains_key(*name))
    {
        differ(format!("attribute `{}` was not there before", name.escape_ascii()));
    }
}

fn word(kind: &Kind) -> String {
    match kind {
        Kind::File { size, .. } => format!("a file of {size} bytes"),
        Kind::Folder => "a folder".to_owned(),
        Kind::Link { target } => format!("a link to `{}`", target.escape_ascii()),
        Kind::Pipe => "a named pipe".to_owned(),
        Kind::Socket => "a socket".to_owned(),
        Kind::Device { block: true, number } => format!("block device {number:#x}"),
        Kind::Device { block: false, number } => format!("character device {number:#x}"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    use std::process::Command;

    use super::*;
    use crate::tree::{make_nasty, observe};

    fn check(spoil: impl FnOnce(&Path), expected: &[&str]) {
        let dir = tempfile::tempdir().unwrap();
        let (before, after) = (dir.path().join("before"), dir.path().join("after"));
        std::fs::create_dir(&before).unwrap();
        make_nasty(&before).unwrap();
        let copied = Command::new("cp")
            .args(["-a", "--sparse=always"])
            .arg(&before)
            .arg(&after)
            .status()
            .unwrap();
        assert!(copied.success());
        spoil(&after);
        let found = differences(&observe(&before).unwrap(), &observe(&after).unwrap());
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found} does not say {expected}");
        }
    }

    #[test]
    fn a_faithful_copy_has_no_difference() {
        check(|_| {}, &[]);
    }

    #[test]
    fn a_mode_is_seen() {
        let spoil = |root: &Path| {
            let file = root.join("empty-file");
            std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o604)).unwrap();
        };
        check(spoil, &["`empty-file`: mode 0644, found 0604"]);
    }

    #[test]
    fn a_nanosecond_is_seen() {
        let spoil = |root: &Path| {
            let file = std::fs::File::options()
                .write(true)
                .open(root.join("times/nanoseconds"))
                .unwrap();
            let modified = file.metadata().unwrap().modified().unwrap();
            file.set_modified(modified + std::time::Duration::from_nanos(1))
                .unwrap();
        };
        check(
            spoil,
            &["`times/nanoseconds`: modified at 1700000000.123456789, found 1700000000.123456790"],
        );
    }

    #[test]
    fn bytes_and_holes_are_seen() {
        let spoil = |root: &Path| {
            let options = || {
                std::fs::File::options()
                    .write(true)
                    .open(root.join("sparse/3GiB"))
                    .unwrap()
            };
            let modified = options().metadata().unwrap().modified().unwrap();
            let zeros = vec![0; 4 << 20];
            std::os::unix::fs::FileExt::write_all_at(&options(), &zeros, 8 << 20).unwrap();
            options().set_modified(modified).unwrap();
        };
        check(spoil, &["its holes are filled"]);
        let spoil = |root: &Path| {
            let file = std::fs::File::options()
                .write(true)
                .open(root.join("sparse/3GiB"))
                .unwrap();
            let modified = file.metadata().unwrap().modified().unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, b"!", 5).unwrap();
            file.set_modified(modified).unwrap();
        };
        check(spoil, &["`sparse/3GiB`: the bytes differ"]);
    }

    #[test]
    fn a_broken_hard_link_is_seen() {
        let spoil = |root: &Path| {
            let folder = root.join("links");
            let times = folder.metadata().unwrap().modified().unwrap();
            let (name, fresh) = (folder.join("hard-2"), folder.join("fresh"));
            let copied = Command::new("cp").args(["-a"]).arg(&name).arg(&fresh).status().unwrap();
            assert!(copied.success());
            std::fs::rename(fresh, name).unwrap();
            std::fs::File::open(folder).unwrap().set_modified(times).unwrap();
        };
        check(
            spoil,
            &["`links/hard-2`: one file with `links/elsewhere/hard-3`, found a file of its own"],
        );
    }

    #[test]
    fn names_are_bytes_and_missing_or_new_ones_are_seen() {
        let spoil = |root: &Path| {
            let times = root.metadata().unwrap().modified().unwrap();
            std::fs::remove_file(root.join("pipe")).unwrap();
            std::fs::write(root.join("pipes"), b"").unwrap();
            std::fs::File::open(root).unwrap().set_modified(times).unwrap();
        };
        check(
            spoil,
            &[
                "`pipe`: is missing (a named pipe)",
                "`pipes`: was not there before (a file of 0 bytes)",
            ],
        );
    }
}
