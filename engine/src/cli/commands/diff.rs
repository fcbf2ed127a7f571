//! Telling what changed from one point to another.

use super::restore::aspect_word;
use super::{Context, Done};
use crate::cli::arguments::DiffArguments;
use crate::cli::lines::{DiffCountsLine, DiffEntryLine, DiffItemLine};
use crate::cli::progress::bytes;
use crate::engine::{DiffCounts, DiffRequest, DiffTold, ItemDiff, Source};
use crate::exit::Exit;
use crate::vault::{Difference, Differs};

impl Context<'_> {
    pub(super) fn diff(&self, arguments: DiffArguments) -> Done {
        let request = DiffRequest {
            before: arguments.before,
            after: arguments.after,
            paths: arguments.path,
        };
        let source = Source {
            vault: arguments.from.as_deref(),
            as_of: arguments.as_of,
        };
        let counts = self
            .engine()?
            .diff(&request, source, self.cancel, &mut |told| match told {
                DiffTold::Item(item) => {
                    let line = DiffItemLine {
                        event: "item",
                        found: &item,
                    };
                    self.output.one(&line, &item_text(&item));
                }
                DiffTold::Entry(item, difference) => {
                    let line = DiffEntryLine {
                        event: "entry",
                        item,
                        path: difference.path.to_string_lossy().into_owned(),
                        how: &difference.how,
                        before: difference.before,
                        after: difference.after,
                    };
                    self.output.one(&line, &entry_text(item, difference));
                }
            })?;
        let line = DiffCountsLine {
            event: "counts",
            counts: &counts,
        };
        self.output.one(&line, &counts_text(&counts));
        Ok(Exit::Done)
    }
}

fn item_text(item: &ItemDiff) -> String {
    let how = match item.how {
        Differs::Added => "only the second point has",
        _ => "only the first point has",
    };
    format!("{how} item {} ({})", item.item, bytes(item.bytes))
}

fn entry_text(item: &str, difference: &Difference) -> String {
    // Names of files are other people's: a terminal finds nothing to obey in them.
    let path = difference.path.to_string_lossy().escape_debug().to_string();
    let (before, after) = (bytes(difference.before), bytes(difference.after));
    match &difference.how {
        Differs::Added => format!("added     {item} {path} ({after})"),
        Differs::Removed => format!("removed   {item} {path} ({before})"),
        Differs::Content => format!("content   {item} {path} ({before}, then {after})"),
        Differs::Metadata(aspects) => {
            let of: Vec<&str> = aspects.iter().map(|aspect| aspect_word(*aspect)).collect();
            format!("metadata  {item} {path} ({})", of.join(", "))
        }
    }
}

fn counts_text(counts: &DiffCounts) -> String {
    if *counts == DiffCounts::default() {
        return "nothing differs".to_owned();
    }
    format!(
        "{} added ({}), {} removed ({}), {} with other content ({}), {} with other metadata",
        counts.added,
        bytes(counts.added_bytes),
        counts.removed,
        bytes(counts.removed_bytes),
        counts.content,
        bytes(counts.content_bytes),
        counts.metadata
    )
}
