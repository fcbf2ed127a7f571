//! Objects larger than the server takes in one piece: segments, and a manifest that names each with its checksum ("static
//! large objects"). The manifest is written last and is refused by the server unless every segment is there as named, so
//! that a reader sees the whole or nothing. The other kind ("dynamic"), which finds its segments by listing, is not used:
//! what it returns may lack what a listing does not show yet.
//!
//! Segments lie in a folder of their own beside the repository's others, named after the object. The object's name is the
//! hash of its content, so that writing it once more writes the same segments.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::json;

use super::container::{Container, Listed, checksum};
use super::fault::Fault;

/// The folder of the segments.
pub(super) const FOLDER: &str = "segments";

/// Where an object lies, and where its segments would.
pub(super) struct Place<'p> {
    /// The object.
    pub(super) object: &'p str,
    /// What the names of its segments begin with, with a slash at the end.
    pub(super) segments: &'p str,
}

/// Writes an object of more bytes than `largest`.
///
/// # Errors
/// If the server takes no such object; if a segment or the manifest cannot be written. Segments may be left then.
pub(super) fn put(container: &Container, place: &Place<'_>, content: &[Bytes], largest: u64) -> Result<(), Fault> {
    let limits = container.account.limits(&container.cancel)?;
    let segments = split(content, largest);
    if segments.len() as u64 > limits.segments {
        return Err(Fault::TooLarge);
    }
    let mut manifest = Vec::with_capacity(segments.len());
    for (number, parts) in segments.iter().enumerate() {
        let name = format!("{}{largest}-{number:08}", place.segments);
        container.put(&name, parts)?;
        let bytes: usize = parts.iter().map(Bytes::len).sum();
        manifest.push(json!({
            "path": format!("/{}/{name}", container.name()),
            "etag": checksum(parts),
            "size_bytes": bytes,
        }));
    }
    let body = Bytes::from(serde_json::Value::from(manifest).to_string());
    container.put_with(place.object, "?multipart-manifest=put", &[body], None)
}

/// Removes a large object, its manifest first: what a reader still finds is whole.
///
/// # Errors
/// If it cannot be removed. Segments may be left, which [`sweep`] finds.
pub(super) fn delete(container: &Container, place: &Place<'_>) -> Result<(), Fault> {
    container.delete(place.object)?;
    let mut names = Vec::new();
    container.list(place.segments, None, &mut |listed| {
        if let Listed::Object { name, .. } = listed {
            names.push(name);
        }
        Ok(())
    })?;
    names.iter().try_for_each(|name| container.discard(name))
}

/// Removes segments of objects that are not there, if all that is known of each is older than `age`, by the server's clock.
///
/// # Errors
/// If the container cannot be read, or a segment cannot be removed.
pub(super) fn sweep(
    container: &Container,
    folder: &str,
    object_of: &dyn Fn(&str) -> String,
    age: jiff::SignedDuration,
) -> Result<u64, Fault> {
    let mut left: BTreeMap<String, Vec<(String, Option<jiff::civil::DateTime>)>> = BTreeMap::new();
    container.list(folder, None, &mut |listed| {
        if let Listed::Object { name, modified, .. } = listed
            && let Some((owner, _)) = name.strip_prefix(folder).and_then(|rest| rest.split_once('/'))
        {
            left.entry(owner.to_owned()).or_default().push((name, modified));
        }
        Ok(())
    })?;
    if left.is_empty() {
        return Ok(0);
    }
    let Some(now) = container.used()?.now else {
        return Ok(0);
    };
    let mut removed = 0_u64;
    for (owner, segments) in left {
        let is_old = |modified: &Option<jiff::civil::DateTime>| {
            modified.is_some_and(|modified| now.duration_since(modified) > age)
        };
        if !segments.iter().all(|(_, modified)| is_old(modified)) {
            continue;
        }
        if container.head(&object_of(&owner))?.is_some() {
            continue;
        }
        for (name, _) in &segments {
            container.discard(name)?;
            removed = removed.saturating_add(1);
        }
    }
    Ok(removed)
}

/// Cuts content into pieces of `largest` bytes, without copying it.
fn split(content: &[Bytes], largest: u64) -> Vec<Vec<Bytes>> {
    let largest = usize::try_from(largest.max(1)).unwrap_or(usize::MAX);
    let mut pieces = Vec::new();
    let mut piece = Vec::new();
    let mut room = largest;
    for part in content {
        let mut rest = part.clone();
        while !rest.is_empty() {
            let taken = rest.split_to(rest.len().min(room));
            room = room.saturating_sub(taken.len());
            piece.push(taken);
            if room == 0 {
                pieces.push(std::mem::take(&mut piece));
                room = largest;
            }
        }
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_cut_anywhere_and_loses_nothing() {
        let content = [&b"abc"[..], b"", b"defghij", b"k"].map(Bytes::from_static);
        for largest in 1..=13 {
            let pieces = split(&content, largest);
            let joined: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.concat()).collect();
            assert_eq!(joined.concat(), b"abcdefghijk", "{largest}");
            let (last, others) = joined.split_last().unwrap();
            assert!(others.iter().all(|piece| piece.len() as u64 == largest), "{largest}");
            assert!(!last.is_empty() && last.len() as u64 <= largest, "{largest}");
        }
        assert!(split(&[], 5).is_empty());
    }
}
