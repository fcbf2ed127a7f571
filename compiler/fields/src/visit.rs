//! A walk over what is written, led by the tables.

use crate::{Data, Field, Kind, Node, Step, Ty};

/// A plain value (no block, list or map) that stands in a field.
#[derive(Debug)]
pub struct Visited<'v> {
    /// The field; of an element or a map's value, the field that holds the list or map.
    pub field: &'static Field,
    /// Its shape.
    pub ty: &'v Ty,
    /// What is written.
    pub node: &'v Node,
    /// The way to it from the root.
    pub path: &'v [Step],
}

/// Shows every plain value of a block that a table knows, in the order in which they are written. Templates are not
/// entered: what stands in them is no value yet.
pub fn visit(kind: &'static Kind, node: &Node, see: &mut dyn FnMut(&Visited<'_>)) {
    in_block(kind, node, &mut Vec::new(), see);
}

fn in_block(kind: &'static Kind, node: &Node, path: &mut Vec<Step>, see: &mut dyn FnMut(&Visited<'_>)) {
    for entry in node.entries() {
        let Some(field) = kind.field(&entry.name) else { continue };
        path.push(Step::Field(field));
        in_value(field, &field.ty, &entry.value, path, see);
        path.pop();
    }
}

fn in_value(field: &'static Field, ty: &Ty, node: &Node, path: &mut Vec<Step>, see: &mut dyn FnMut(&Visited<'_>)) {
    match (ty, &node.data) {
        (Ty::Block(kind) | Ty::Secret(kind), Data::Map(_)) => in_block(kind(), node, path, see),
        (Ty::List(ty), Data::List(elements)) => {
            for (index, element) in elements.iter().enumerate() {
                path.push(Step::Index(index));
                in_value(field, ty, element, path, see);
                path.pop();
            }
        }
        (Ty::Map(ty), Data::Map(entries)) => {
            for entry in entries {
                path.push(Step::Key(entry.name.clone()));
                in_value(field, ty, &entry.value, path, see);
                path.pop();
            }
        }
        (Ty::Template(_) | Ty::Block(_) | Ty::Secret(_) | Ty::List(_) | Ty::Map(_), _) => {}
        (Ty::Text(_) | Ty::Bool | Ty::Int { .. } | Ty::Word(_) | Ty::Scalar, _) => {
            see(&Visited { field, ty, node, path });
        }
    }
}
