//! Shapes of plain values: text, numbers, truth values, lists, maps, what may be absent.

use crate::{Code, Cx, Data, Diagnostic, Entry, Fix, Format, Node, Shape, Step, Ty};
use std::collections::BTreeMap;

/// Text of any content.
pub const PLAIN: Format = Format {
    name: "text",
    pattern: None,
    example: "",
    canonical: |text| Ok(text.to_owned()),
};

impl Shape for String {
    const TY: Ty = Ty::Text(&PLAIN);

    fn decode(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        match &node.data {
            Data::Text(text) => Some(text.clone()),
            Data::Unknown => {
                cx.unknown();
                None
            }
            _ => {
                cx.wrong_shape(node, "text");
                None
            }
        }
    }

    fn encode(&self) -> Option<Node> {
        Some(Node::text(self.as_str()))
    }
}

impl Shape for bool {
    const TY: Ty = Ty::Bool;

    fn decode(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        match &node.data {
            Data::Bool(value) => Some(*value),
            Data::Unknown => {
                cx.unknown();
                None
            }
            _ => {
                let message = format!("expected `true` or `false`, found {}", node.describe());
                let fix = node.as_text().and_then(truth).map(|word| Fix::plain(node.span, word));
                cx.report(Diagnostic::error(Code::WRONG_SHAPE, node.span, message).fix(fix));
                None
            }
        }
    }

    fn encode(&self) -> Option<Node> {
        Some(Node::new(Data::Bool(*self)))
    }
}

/// What a word means where `true` or `false` belongs.
fn truth(text: &str) -> Option<&'static str> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Some("true"),
        "false" | "no" | "off" => Some("false"),
        _ => None,
    }
}

impl Shape for u32 {
    const TY: Ty = Ty::Int {
        least: Self::MIN,
        most: Self::MAX,
    };

    fn decode(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        whole_from(node, Self::MIN, Self::MAX, cx)
    }

    fn encode(&self) -> Option<Node> {
        Some(Node::new(Data::Number(self.to_string())))
    }
}

/// A whole number from `LEAST` to `MOST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Whole<const LEAST: u32, const MOST: u32>(u32);

impl<const LEAST: u32, const MOST: u32> Whole<LEAST, MOST> {
    /// The number, if it lies within the limits.
    #[must_use]
    pub fn new(number: u32) -> Option<Self> {
        (LEAST..=MOST).contains(&number).then_some(Self(number))
    }

    /// The number; of one out of range, the nearest within.
    #[must_use]
    pub const fn clamped(number: u32) -> Self {
        if number < LEAST {
            Self(LEAST)
        } else if number > MOST {
            Self(MOST)
        } else {
            Self(number)
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<const LEAST: u32, const MOST: u32> Shape for Whole<LEAST, MOST> {
    const TY: Ty = Ty::Int {
        least: LEAST,
        most: MOST,
    };

    fn decode(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        whole_from(node, LEAST, MOST, cx).map(Self)
    }

    fn encode(&self) -> Option<Node> {
        self.0.encode()
    }
}

fn whole_from(node: &Node, least: u32, most: u32, cx: &mut Cx<'_>) -> Option<u32> {
    let message = match &node.data {
        Data::Number(text) => match whole(text).filter(|number| (least..=most).contains(number)) {
            Some(number) => return Some(number),
            None => format!("expected a whole number from {least} to {most}, found `{text}`"),
        },
        Data::Unknown => {
            cx.unknown();
            return None;
        }
        _ => format!("expected a whole number, found {}", node.describe()),
    };
    let meant = match &node.data {
        Data::Text(text) => whole(text),
        Data::Number(text) => text.strip_prefix('+').and_then(whole),
        _ => None,
    };
    let fix = meant
        .filter(|number| (least..=most).contains(number))
        .map(|number| Fix::plain(node.span, &number.to_string()));
    cx.report(Diagnostic::error(Code::WRONG_SHAPE, node.span, message).fix(fix));
    None
}

/// A whole number in its one spelling. `+5` and `010` are refused: other readers of YAML take them for text or for 8,
/// and what is written is also written into HCL.
fn whole(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// Text, a number or a truth value as it is written: what a value is, is said elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scalar(pub String);

impl Shape for Scalar {
    const TY: Ty = Ty::Scalar;

    fn decode(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        match &node.data {
            Data::Text(text) | Data::Number(text) => Some(Self(text.clone())),
            Data::Bool(value) => Some(Self(value.to_string())),
            Data::Unknown => {
                cx.unknown();
                None
            }
            Data::Null => {
                let finding = Diagnostic::error(Code::EMPTY, node.span, "a value is empty");
                cx.report(finding.help("give it a value (`\"\"` for empty text), or remove it"));
                None
            }
            Data::List(_) | Data::Map(_) => {
                cx.wrong_shape(node, "text, a number or a truth value");
                None
            }
        }
    }

    fn encode(&self) -> Option<Node> {
        Some(Node::text(self.0.as_str()))
    }
}

impl<T: Shape> Shape for Option<T> {
    const TY: Ty = T::TY;
    const REQUIRED: bool = false;

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn decode(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        T::decode(node, cx).map(Some)
    }

    fn encode(&self) -> Option<Node> {
        self.as_ref().and_then(Shape::encode)
    }
}

impl<T: Shape> Shape for Vec<T> {
    const TY: Ty = Ty::List(&T::TY);
    const REQUIRED: bool = false;

    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn decode(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        match &node.data {
            Data::List(elements) => {
                // Every element is decoded before the first failure counts, so that all are reported.
                let decoded: Vec<Option<T>> = elements
                    .iter()
                    .enumerate()
                    .map(|(index, element)| cx.within(Step::Index(index), element.span, |cx| T::decode(element, cx)))
                    .collect();
                decoded.into_iter().collect()
            }
            Data::Unknown => {
                cx.unknown();
                None
            }
            _ => {
                cx.report(
                    Diagnostic::error(
                        Code::WRONG_SHAPE,
                        node.span,
                        format!("expected a list, found {}", node.describe()),
                    )
                    .help("write a list, `[…]`, also for one element")
                    .fix(one_element(&T::TY, node)),
                );
                None
            }
        }
    }

    fn encode(&self) -> Option<Node> {
        if self.is_empty() {
            return None;
        }
        Some(Node::new(Data::List(self.iter().filter_map(Shape::encode).collect())))
    }
}

/// What stands in the place of a list may be its only element.
fn one_element(of: &Ty, node: &Node) -> Option<Fix> {
    let fits = match node.data {
        Data::Text(_) => matches!(of, Ty::Text(_) | Ty::Word(_) | Ty::Scalar),
        Data::Number(_) => matches!(of, Ty::Int { .. } | Ty::Scalar),
        Data::Map(_) => matches!(of, Ty::Block(_)),
        _ => false,
    };
    fits.then(|| Fix::list(node.span))
}

impl<T: Shape> Shape for BTreeMap<String, T> {
    const TY: Ty = Ty::Map(&T::TY);
    const REQUIRED: bool = false;

    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn decode(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        match &node.data {
            Data::Map(entries) => {
                crate::check::given_once(entries, cx);
                let decoded: Vec<Option<(String, T)>> = entries
                    .iter()
                    .map(|entry| {
                        cx.within(Step::Key(entry.name.clone()), entry.span(), |cx| {
                            T::decode(&entry.value, cx).map(|value| (entry.name.clone(), value))
                        })
                    })
                    .collect();
                decoded.into_iter().collect()
            }
            Data::Unknown => {
                cx.unknown();
                None
            }
            _ => {
                cx.wrong_shape(node, "keys and values");
                None
            }
        }
    }

    fn encode(&self) -> Option<Node> {
        if self.is_empty() {
            return None;
        }
        let entries = self
            .iter()
            .filter_map(|(name, value)| value.encode().map(|value| Entry::new(name.as_str(), value)))
            .collect();
        Some(Node::new(Data::Map(entries)))
    }
}
