//! Commands that only show.

use super::{Context, Done};
use crate::cli::lines::LsRow;
use crate::cli::progress::{about, bytes};
use crate::engine::{Answer, Finding, Source, vault_points};
use crate::error::Error;
use crate::exit::Exit;
use crate::vault::{Entry, EntryKind};
use jiff::Timestamp;
use std::path::Path;

impl Context<'_> {
    pub(super) fn findings(&self, findings: &[Finding]) {
        self.output.rows(&["what", "answer", "detail"], findings, |finding| {
            let answer = match finding.answer {
                Answer::Good => "good",
                Answer::Look => "look",
                Answer::Bad => "bad",
            };
            vec![finding.subject.clone(), answer.to_owned(), finding.detail.clone()]
        });
    }

    pub(super) fn points(
        &self,
        application: Option<&str>,
        from: Option<&str>,
        as_of: Option<Timestamp>,
        vault: Option<(&str, &Path)>,
    ) -> Done {
        let rows = match (vault, application) {
            (Some((vault, key)), _) => vault_points(vault, key, &self.global.tenant, application, as_of)?.1,
            (None, Some(application)) => self.engine()?.points(application, from, as_of)?,
            (None, None) => {
                return Err(Error::Usage {
                    why: "no application is named".to_owned(),
                    help: "`dram status` lists them; with `--vault` it may be left out".to_owned(),
                });
            }
        };
        self.output.rows(
            &[
                "point",
                "frozen at",
                "site",
                "epoch",
                "class",
                "consistency",
                "size",
                "state",
            ],
            &rows,
            |row| {
                vec![
                    row.point.clone(),
                    row.frozen_at.clone(),
                    row.site.clone(),
                    row.epoch.to_string(),
                    row.class.clone(),
                    row.consistency.clone(),
                    bytes(row.bytes),
                    row.state.clone(),
                ]
            },
        );
        Ok(Exit::Done)
    }

    pub(super) fn list(&self, point: &str, path: &Path, recursive: bool, source: Source<'_>) -> Done {
        let items = self.engine()?.list(point, path, recursive, source)?;
        let row = |item: &str, entry: &Entry| LsRow {
            item: item.to_owned(),
            path: entry.path.display().to_string(),
            kind: kind(&entry.kind),
            size: entry.size,
            uid: entry.uid,
            gid: entry.gid,
            user: entry.user.clone(),
            group: entry.group.clone(),
        };
        let rows: Vec<LsRow> = items
            .iter()
            .flat_map(|(item, entries)| entries.iter().map(move |entry| row(item, entry)))
            .collect();
        self.output.rows(&["item", "kind", "size", "path"], &rows, |row| {
            // A name with a line break stays in its line.
            let path = row.path.replace('\n', "\\n");
            vec![row.item.clone(), row.kind.to_owned(), bytes(row.size), path]
        });
        Ok(Exit::Done)
    }

    pub(super) fn runs(&self, most: usize) -> Done {
        let rows = self.engine()?.runs(most)?;
        self.output.rows(
            &["run", "verb", "application", "asked at", "by", "state"],
            &rows,
            |row| {
                let state = match (row.error.as_str(), row.left_seconds.and_then(about)) {
                    ("", None) => row.state.to_string(),
                    ("", Some(left)) => format!("{}, {left}", row.state),
                    (error, _) => format!("{}: {error}", row.state),
                };
                vec![
                    row.run.clone(),
                    row.verb.clone(),
                    row.application.clone(),
                    in_seconds(&row.at),
                    row.by.clone(),
                    state,
                ]
            },
        );
        Ok(Exit::Done)
    }
}

/// A moment without what is less than a second; programs get the whole.
fn in_seconds(moment: &str) -> String {
    match moment.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => moment.to_owned(),
    }
}

const fn kind(kind: &EntryKind) -> &'static str {
    match kind {
        EntryKind::File => "file",
        EntryKind::Directory => "directory",
        EntryKind::Link(_) => "link",
        EntryKind::Fifo => "fifo",
        EntryKind::BlockDevice | EntryKind::CharacterDevice => "device",
        EntryKind::Socket => "socket",
    }
}
