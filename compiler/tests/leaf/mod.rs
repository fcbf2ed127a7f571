//! The leaves of documents, found by the tables of the language, and other values for them.

use dram_fields::{Data, Entry, Kind, Node, Span, Ty};

/// A value of a document with the shape that the tables give it.
pub(crate) struct Leaf {
    /// `Kind.field`, with `[]` for elements and `{}` for values of maps.
    pub(crate) name: String,
    pub(crate) ty: Ty,
    pub(crate) value: Node,
    /// Of a field: the place of its name.
    pub(crate) key: Option<Span>,
}

/// The span of block text begins below its `|`, which goes with it when it is replaced.
pub(crate) fn whole(text: &str, span: Span) -> Span {
    let before = text[..span.start as usize].trim_end();
    let start = if before.ends_with('|') {
        before.len() as u32 - 1
    } else {
        span.start
    };
    Span { start, ..span }
}

/// All of a block, and of the blocks in it.
pub(crate) fn in_block(kind: &'static Kind, node: &Node, found: &mut Vec<Leaf>) {
    for Entry { name, name_span, value } in node.entries() {
        let field = kind.field(name).unwrap();
        let name = format!("{}.{name}", kind.name);
        found.push(Leaf {
            name: name.clone(),
            ty: field.ty,
            value: value.clone(),
            key: Some(*name_span),
        });
        inside(name, &field.ty, value, found);
    }
}

fn inside(name: String, ty: &Ty, value: &Node, found: &mut Vec<Leaf>) {
    let mut part = |name: String, ty: &Ty, value: &Node| {
        found.push(Leaf {
            name: name.clone(),
            ty: *ty,
            value: value.clone(),
            key: None,
        });
        inside(name, ty, value, found);
    };
    match ty {
        Ty::List(ty) => value
            .elements()
            .iter()
            .for_each(|element| part(format!("{name}[]"), ty, element)),
        Ty::Map(ty) => value
            .entries()
            .iter()
            .for_each(|entry| part(format!("{name}{{}}"), ty, &entry.value)),
        Ty::Block(kind) | Ty::Secret(kind) | Ty::Template(kind) => in_block(kind(), value, found),
        Ty::Text(_) | Ty::Bool | Ty::Int { .. } | Ty::Word(_) | Ty::Scalar => {}
    }
}

/// A valid value other than the one that is written.
pub(crate) fn another(ty: &Ty, value: &Node) -> Option<String> {
    match (ty, &value.data) {
        (Ty::Text(format), Data::Text(text)) => {
            // In a template a parameter may stand in its place.
            let old = (format.canonical)(text).unwrap_or_else(|_| text.clone());
            let pool = [format.example, "7m", "3Gi", "11Mi/s", "other", "/other", "OTHER"];
            // Where they are of no use, one like it.
            let like_it = [text.replace('0', "1"), text.replace('1', "2"), format!("{text}x")];
            let new = pool
                .into_iter()
                .chain(like_it.iter().map(String::as_str))
                .find(|new| !new.is_empty() && (format.canonical)(new).is_ok_and(|new| new != old));
            Some(format!(
                "{:?}",
                new.unwrap_or_else(|| unreachable!("no other {}", format.name))
            ))
        }
        (Ty::Int { .. }, Data::Number(number)) => Some((number.parse::<u32>().unwrap() + 1).to_string()),
        (Ty::Bool, Data::Bool(value)) => Some((!value).to_string()),
        (Ty::Word(words), Data::Text(text)) => {
            // Some have one word only.
            let other = words.iter().find(|word| word.name != text);
            other.map(|word| word.name.to_owned())
        }
        (Ty::Scalar, Data::Text(text)) => Some(format!("{:?}", format!("{text}x"))),
        (Ty::Scalar, Data::Number(number)) => Some(format!("{number}0")),
        (Ty::List(_) | Ty::Map(_) | Ty::Block(_) | Ty::Secret(_) | Ty::Template(_), _) => None,
        _ => unreachable!("a value of another shape"),
    }
}
