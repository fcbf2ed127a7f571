//! What a component says itself, over what its profile says.

use dram_fields::{Data, Entry, Item, Kind, Node, Ty};

/// The block `own` over the block `given`: its fields win, its lists replace, blocks merge, and of a choice its way holds.
pub(super) fn refined(kind: &'static Kind, given: Node, own: &Node) -> Node {
    let (Data::Map(under), Data::Map(over)) = (given.data, &own.data) else {
        return own.clone();
    };
    let mut entries: Vec<Entry> = over.clone();
    for entry in under {
        match entries.iter_mut().find(|own| own.name == entry.name) {
            Some(own) => {
                if let Some(Ty::Block(inner)) = kind.field(&entry.name).map(|field| field.ty) {
                    own.value = refined(inner(), entry.value, &own.value);
                }
            }
            None if excluded(kind, &entry.name, over) => {}
            None => entries.push(entry),
        }
    }
    Node {
        data: Data::Map(entries),
        span: own.span,
    }
}

/// Whether a field belongs to a choice of which another way is taken.
fn excluded(kind: &'static Kind, name: &str, over: &[Entry]) -> bool {
    kind.items.iter().any(|item| match item {
        Item::Field(_) => false,
        Item::OneOf { variants, .. } => {
            variants.iter().any(|field| field.name == name)
                && variants
                    .iter()
                    .any(|field| over.iter().any(|entry| entry.name == field.name))
        }
    })
}
