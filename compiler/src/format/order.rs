//! The order of fields: that in which the language declares them.

use crate::model::{KindName, Metadata};
use crate::syntax::layout::{Content, Group, Item, Piece, Sheet};
use dram_fields::write::block_of;
use dram_fields::{Block as _, Field, Kind, Ty};
use std::collections::BTreeMap;

/// The fields of a document.
const DOCUMENT: [&str; 4] = ["apiVersion", "kind", "metadata", "spec"];

/// Brings the fields of a document into their order. Lists and texts by name keep theirs, and so does a block with a
/// field that the language does not know. A document keeps its order as a whole where an alias would come before what it
/// repeats.
pub(super) fn sort(sheet: &mut Sheet) {
    let mut sorted = sheet.root.clone();
    sort_document(&mut sorted);
    if resolved(sheet, &sorted) == resolved(sheet, &sheet.root) {
        sheet.root = sorted;
    }
}

fn sort_document(root: &mut Piece) {
    let Some(group) = root.group_mut().filter(|group| group.is_map) else {
        return;
    };
    let kind = group.items.iter().find(|item| key(item) == Some("kind"));
    let kind = kind
        .and_then(|item| text(&item.value))
        .and_then(|word| word.parse::<KindName>().ok());
    for item in &mut group.items {
        match (key(item), kind) {
            (Some("metadata"), _) => sort_block(&mut item.value, Metadata::kind()),
            (Some("spec"), Some(kind)) => sort_block(&mut item.value, kind.table()),
            _ => {}
        }
    }
    by_place(group, |name| DOCUMENT.iter().position(|field| *field == name));
}

fn sort_block(piece: &mut Piece, kind: &'static Kind) {
    let Some(group) = piece.group_mut().filter(|group| group.is_map) else {
        return;
    };
    let fields: Vec<&'static Field> = kind.fields().collect();
    for item in &mut group.items {
        let field = key(item).and_then(|name| fields.iter().find(|field| field.name == name));
        if let Some(field) = field {
            sort_value(&mut item.value, &field.ty);
        }
    }
    by_place(group, |name| fields.iter().position(|field| field.name == name));
}

fn sort_value(piece: &mut Piece, ty: &Ty) {
    match (ty, &mut piece.content) {
        (Ty::List(ty), Content::Group(group)) if !group.is_map => {
            group.items.iter_mut().for_each(|item| sort_value(&mut item.value, ty));
        }
        (Ty::Map(ty), Content::Group(group)) if group.is_map => {
            group.items.iter_mut().for_each(|item| sort_value(&mut item.value, ty));
        }
        (Ty::List(_) | Ty::Map(_), _) => {}
        _ => {
            if let Some(kind) = block_of(ty) {
                sort_block(piece, kind);
            }
        }
    }
}

/// Sorts entries by their fields' places, where every key is a field and none is there twice.
fn by_place(group: &mut Group, place: impl Fn(&str) -> Option<usize>) {
    let places: Option<Vec<usize>> = group.items.iter().map(|item| place(key(item)?)).collect();
    let Some(mut places) = places else { return };
    places.sort_unstable();
    if places.windows(2).any(|pair| pair.first() == pair.last()) {
        return;
    }
    group.items.sort_by_key(|item| key(item).and_then(&place));
}

fn key(item: &Item) -> Option<&str> {
    item.key.as_ref().and_then(text)
}

fn text(piece: &Piece) -> Option<&str> {
    match &piece.content {
        Content::Scalar { value, .. } => Some(value),
        _ => None,
    }
}

/// What each alias of a tree repeats, by the alias's place; whatever a reader of that tree's text would make of it.
fn resolved(sheet: &Sheet, root: &Piece) -> BTreeMap<usize, Option<usize>> {
    let mut found = BTreeMap::new();
    resolve(sheet, root, &mut BTreeMap::new(), &mut found);
    found
}

fn resolve<'s>(
    sheet: &'s Sheet,
    piece: &Piece,
    known: &mut BTreeMap<&'s str, usize>,
    found: &mut BTreeMap<usize, Option<usize>>,
) {
    let name = |number: &usize| sheet.anchors.get(number).map_or("", String::as_str);
    if piece.anchor != 0 {
        known.insert(name(&piece.anchor), piece.anchor);
    }
    match &piece.content {
        Content::Alias(number) => drop(found.insert(piece.start, known.get(name(number)).copied())),
        Content::Scalar { .. } => {}
        Content::Group(group) => {
            for item in &group.items {
                item.key.iter().for_each(|key| resolve(sheet, key, known, found));
                resolve(sheet, &item.value, known, found);
            }
        }
    }
}
