//! What changed from one point to another.

use super::Engine;
use super::points::Source;
use super::restore::holding;
use crate::error::Error;
use crate::vault::{Cancel, Difference, Differs, Item, Manifest, Owners, Selection};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// Which points are compared, and what of them.
#[derive(Debug, Clone)]
pub struct DiffRequest {
    /// The earlier one, most often.
    pub before: String,
    /// The later one.
    pub after: String,
    /// Only what these paths and patterns take; everything when empty.
    pub paths: Vec<String>,
}

/// What is told of a comparison.
#[derive(Debug)]
pub enum DiffTold<'a> {
    /// An item that only one of the points has, with all that is in it.
    Item(ItemDiff),
    /// What differs at a path of this item.
    Entry(&'a str, &'a Difference),
}

/// An item that only one point has.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ItemDiff {
    /// Its name.
    pub item: String,
    /// [`Differs::Added`] or [`Differs::Removed`].
    #[serde(flatten)]
    pub how: Differs,
    /// The bytes of its files.
    pub bytes: u64,
}

/// How much differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiffCounts {
    /// Entries that only the second point has.
    pub added: u64,
    /// Their bytes.
    pub added_bytes: u64,
    /// Entries that only the first point has.
    pub removed: u64,
    /// Their bytes.
    pub removed_bytes: u64,
    /// Entries whose content differs.
    pub content: u64,
    /// Their bytes in the second point.
    pub content_bytes: u64,
    /// Entries that differ in metadata alone.
    pub metadata: u64,
}

impl Engine {
    /// Tells what changed from one point of an application to another, item by item. The cost follows what differs.
    ///
    /// # Errors
    /// A point is not there or belongs to another application, a pattern fits neither of them, or the vault cannot be read.
    pub fn diff(
        &self,
        request: &DiffRequest,
        source: Source<'_>,
        cancel: &Cancel,
        told: &mut dyn FnMut(DiffTold<'_>),
    ) -> Result<DiffCounts, Error> {
        let (before, repository) = self.point(&request.before, source)?;
        let (after, _) = self.point(&request.after, source)?;
        if before.application != after.application {
            return Err(Error::Usage {
                why: format!(
                    "point {} is one of application `{}`, and point {} of `{}`",
                    before.point, before.application, after.point, after.application
                ),
                help: "compare two points of one application".to_owned(),
            });
        }
        let items: Vec<&Item> = before.items.iter().chain(&after.items).collect();
        holding(&repository, &items, &request.paths, &Owners::default())?;
        let only = Selection::new(&request.paths)?;
        let mut counts = DiffCounts::default();
        let names: BTreeSet<&str> = items.iter().map(|item| item.name.as_str()).collect();
        for name in names {
            let (one, other) = (item(&before, name), item(&after, name));
            if let Some((found, how)) = alone(one, other).filter(|_| only.is_all()) {
                told(DiffTold::Item(ItemDiff {
                    item: name.to_owned(),
                    how,
                    bytes: found.bytes,
                }));
            }
            let tree = |item: Option<&Item>| item.map(|item| item.tree.clone());
            let (one, other) = (tree(one), tree(other));
            repository.diff(one.as_deref(), other.as_deref(), &only, cancel, &mut |difference| {
                counts.add(&difference);
                told(DiffTold::Entry(name, &difference));
            })?;
        }
        Ok(counts)
    }
}

fn item<'m>(manifest: &'m Manifest, name: &str) -> Option<&'m Item> {
    manifest.items.iter().find(|item| item.name == name)
}

fn alone<'i>(before: Option<&'i Item>, after: Option<&'i Item>) -> Option<(&'i Item, Differs)> {
    match (before, after) {
        (Some(item), None) => Some((item, Differs::Removed)),
        (None, Some(item)) => Some((item, Differs::Added)),
        _ => None,
    }
}

impl DiffCounts {
    fn add(&mut self, difference: &Difference) {
        let (entries, bytes, more) = match difference.how {
            Differs::Added => (&mut self.added, &mut self.added_bytes, difference.after),
            Differs::Removed => (&mut self.removed, &mut self.removed_bytes, difference.before),
            Differs::Content => (&mut self.content, &mut self.content_bytes, difference.after),
            Differs::Metadata(_) => {
                self.metadata += 1;
                return;
            }
        };
        *entries += 1;
        *bytes = bytes.saturating_add(more);
    }
}
