//! Everything that is written from the tables.

pub mod hcl;
pub mod json_schema;
pub mod markdown;

use crate::{Field, Kind, Ty};

/// Every kind that can be reached from `root`, itself included, each once, in the order of first mention.
#[must_use]
pub fn reachable(root: &'static Kind) -> Vec<&'static Kind> {
    let mut found: Vec<&'static Kind> = Vec::new();
    let mut waiting = vec![root];
    while let Some(kind) = waiting.pop() {
        if found.iter().any(|known| known.name == kind.name) {
            continue;
        }
        found.push(kind);
        let mut inner: Vec<&'static Kind> = kind.fields().filter_map(|field| block_of(&field.ty)).collect();
        inner.reverse();
        waiting.extend(inner);
    }
    found
}

/// The block that a shape holds, in a list or by itself.
#[must_use]
pub fn block_of(ty: &Ty) -> Option<&'static Kind> {
    match ty {
        Ty::Block(kind) | Ty::Secret(kind) | Ty::Template(kind) => Some(kind()),
        Ty::List(ty) | Ty::Map(ty) => block_of(ty),
        Ty::Text(_) | Ty::Bool | Ty::Int { .. } | Ty::Word(_) | Ty::Scalar => None,
    }
}

/// A field's default as people write it, when it has one.
#[must_use]
pub fn default_text(field: &Field) -> Option<String> {
    let node = field.default?();
    Some(match &node.data {
        crate::Data::Text(text) => text.clone(),
        _ => node.to_json().to_string(),
    })
}
