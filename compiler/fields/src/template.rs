//! A block with holes: `${parameter}` stands in the place of plain values, and inside text.

use crate::{Block, Code, Cx, Data, Diagnostic, Entry, Kind, Node, Shape, Ty};
use std::marker::PhantomData;

/// What a text in which a parameter stands matches (ECMA 262): `$${` is a `${` that stands for itself.
pub(crate) const HAS_PARAMETER: &str =
    r"^(?:[^$]|\$(?!\$?\{)|\$\$\{)*\$\{[^}]*\}(?:[^$]|\$(?!\$?\{)|\$\$\{|\$\{[^}]*\})*$";

/// A part of a text of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text as it is.
    Text(String),
    /// The value of the parameter of that name.
    Parameter(String),
}

/// Takes the text of a template apart: `${name}` is a parameter, `$${` the text `${`.
///
/// # Errors
/// A `${` that nothing closes.
pub fn pieces(text: &str) -> Result<Vec<Piece>, &'static str> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            plain.push_str(before);
            plain.push_str("${");
            rest = after;
            continue;
        }
        plain.push_str(before);
        let (name, after) = after.split_once('}').ok_or("a `${` that no `}` closes")?;
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
        }
        pieces.push(Piece::Parameter(name.to_owned()));
        rest = after;
    }
    plain.push_str(rest);
    if !plain.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(pieces)
}

/// A block of the language in which parameters stand for values. Everything else in it has been checked.
#[derive(Debug)]
pub struct Template<T> {
    /// The block as it is written, with its places.
    pub node: Node,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Template<T> {
    fn clone(&self) -> Self {
        Self {
            node: self.node.clone(),
            of: PhantomData,
        }
    }
}

/// Two are the same that say the same, wherever they stand.
impl<T> PartialEq for Template<T> {
    fn eq(&self, other: &Self) -> bool {
        self.node.to_json() == other.node.to_json()
    }
}

impl<T: Block> Shape for Template<T> {
    const TY: Ty = Ty::Template(T::kind);

    fn decode(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let before = cx.findings();
        // A value that a parameter gives is one that is not known yet, and says nothing about the template.
        let settled = settled(T::kind(), node, cx);
        cx.forgetting_unknown(|cx| T::decode(&settled, cx));
        (cx.findings() == before && !matches!(node.data, Data::Unknown)).then(|| Self {
            node: node.clone(),
            of: PhantomData,
        })
    }

    fn encode(&self) -> Option<Node> {
        Some(self.node.without_places())
    }
}

/// The block with what stands for itself as it is, and what parameters give as unknown.
fn settled(kind: &'static Kind, node: &Node, cx: &mut Cx<'_>) -> Node {
    let Data::Map(entries) = &node.data else {
        return node.clone();
    };
    let entries = entries.iter().map(|entry| Entry {
        value: match kind.field(&entry.name) {
            Some(field) => settled_value(&field.ty, &entry.value, cx),
            None => entry.value.clone(),
        },
        ..entry.clone()
    });
    Node {
        data: Data::Map(entries.collect()),
        span: node.span,
    }
}

fn settled_value(ty: &Ty, node: &Node, cx: &mut Cx<'_>) -> Node {
    let data = match (ty, &node.data) {
        (Ty::Block(kind) | Ty::Secret(kind) | Ty::Template(kind), _) => return settled(kind(), node, cx),
        (Ty::List(of), Data::List(elements)) => {
            Data::List(elements.iter().map(|element| settled_value(of, element, cx)).collect())
        }
        (Ty::List(of), _) if crate::write::block_of(of).is_some() => node.data.clone(),
        (Ty::List(_), Data::Text(text)) if !text.contains("${") => node.data.clone(),
        (Ty::Map(of), Data::Map(entries)) => {
            let settled = |entry: &Entry| Entry {
                value: settled_value(of, &entry.value, cx),
                ..entry.clone()
            };
            Data::Map(entries.iter().map(settled).collect())
        }
        (Ty::Map(_), _) => node.data.clone(),
        (_, Data::Text(text)) => match pieces(text) {
            Ok(found) => match found.as_slice() {
                [Piece::Text(text)] => Data::Text(text.clone()),
                _ => Data::Unknown,
            },
            Err(why) => {
                let finding = Diagnostic::error(Code::WRONG_FORMAT, node.span, why);
                cx.report(
                    finding.help("`${name}` stands for a parameter; a `${` that is meant as it is is written `$${`"),
                );
                Data::Unknown
            }
        },
        (_, data) => data.clone(),
    };
    Node { data, span: node.span }
}

#[cfg(test)]
mod tests {
    use super::{Piece, pieces};

    fn parameter(name: &str) -> Piece {
        Piece::Parameter(name.to_owned())
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    #[test]
    fn a_text_is_taken_apart() {
        for (written, expected) in [
            ("", vec![text("")]),
            ("a $b $$ {c}", vec![text("a $b $$ {c}")]),
            ("${a}", vec![parameter("a")]),
            ("x${a}y${b}", vec![text("x"), parameter("a"), text("y"), parameter("b")]),
            ("$${a}${b}", vec![text("${a}"), parameter("b")]),
            ("${}", vec![parameter("")]),
        ] {
            assert_eq!(pieces(written), Ok(expected), "{written}");
        }
        assert!(pieces("a ${b").is_err());
    }
}
