//! A template with the values of its parameters put in.

use super::argument::Argument;
use super::shell::{Reader, quoted};
use crate::diagnostic::{Diagnostic, compiler_codes as codes};
use crate::model::Action;
use dram_fields::write::block_of;
use dram_fields::{Data, Entry, Field, Kind, Node, Piece, Span, Ty, closest, pieces};
use std::collections::BTreeMap;

/// Where what is put together stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// Where the profile is used.
    Use(Span),
    /// Where the profile says it.
    Profile,
}

/// Puts values into a template.
pub(super) struct Filler<'a> {
    /// The values by the names of their parameters.
    pub(super) arguments: &'a BTreeMap<String, Argument>,
    /// Where what comes of it stands.
    pub(super) place: Place,
    /// Which parameters stood somewhere.
    pub(super) used: std::collections::BTreeSet<String>,
    /// What cannot stand where it stands.
    pub(super) findings: Vec<Diagnostic>,
}

impl<'a> Filler<'a> {
    pub(super) fn new(arguments: &'a BTreeMap<String, Argument>, place: Place) -> Self {
        Self {
            arguments,
            place,
            used: std::collections::BTreeSet::new(),
            findings: Vec::new(),
        }
    }

    /// A block with its values.
    pub(super) fn block(&mut self, kind: &'static Kind, node: &Node) -> Node {
        let mut entries = Vec::new();
        for entry in node.entries() {
            let Some(field) = kind.field(&entry.name) else { continue };
            if let Some(value) = self.value(field, &field.ty, &entry.value) {
                entries.push(Entry {
                    name: entry.name.clone(),
                    name_span: self.here(entry.name_span),
                    value,
                });
            }
        }
        Node {
            data: Data::Map(entries),
            span: self.here(node.span),
        }
    }

    fn value(&mut self, field: &'static Field, ty: &Ty, node: &Node) -> Option<Node> {
        let data = match (ty, &node.data) {
            (Ty::Block(kind), _) => return Some(self.block(kind(), node)),
            (Ty::List(of), Data::List(elements)) if block_of(of).is_some() => Data::List(
                elements
                    .iter()
                    .filter_map(|element| self.value(field, of, element))
                    .collect(),
            ),
            (Ty::List(of), Data::List(elements)) => {
                let elements = elements.iter().map(|element| match element.as_text() {
                    Some(text) => self.text(Where::Element, text, element.span),
                    None => self.value(field, of, element).into_iter().collect(),
                });
                Data::List(elements.collect::<Vec<_>>().concat())
            }
            (Ty::List(_), Data::Text(text)) => return self.text(Where::List, text, node.span).pop(),
            (_, Data::Text(text)) => {
                let at = if field.name == Action::SHELL.name {
                    Where::Shell
                } else {
                    Where::Scalar
                };
                return self.text(at, text, node.span).pop();
            }
            (_, data) => data.clone(),
        };
        Some(Node {
            data,
            span: self.here(node.span),
        })
    }

    /// What a text becomes: for an element of a list any number of nodes, else one or none.
    fn text(&mut self, at: Where, text: &str, span: Span) -> Vec<Node> {
        let pieces = pieces(text).unwrap_or_default();
        if let ([Piece::Parameter(name)], Where::Scalar | Where::Element | Where::List) = (pieces.as_slice(), at) {
            return self.alone(at, name, span);
        }
        let (mut whole, mut known, mut given) = (String::new(), true, None);
        let mut reader = Reader::default();
        for piece in &pieces {
            match piece {
                Piece::Text(text) => {
                    reader.read(text);
                    whole.push_str(text);
                }
                Piece::Parameter(name) => match self.argument(name, span) {
                    Some(Argument::Lines { .. } | Argument::UnknownLines) => {
                        known = false;
                        let message = format!("`${{{name}}}` stands for several lines, and this is one text");
                        self.misplaced(span, message, "a list may hold it, as an element that is nothing else");
                    }
                    Some(_) if at == Where::Shell && !reader.takes_a_word() => {
                        known = false;
                        let message = format!("`${{{name}}}` stands where the shell would interpret its value");
                        let help = format!(
                            "assign it first, outside of quotes: `value=${{{name}}}`, and write \"$value\" here"
                        );
                        self.misplaced(span, message, help);
                    }
                    Some(argument) => {
                        reader.read_value();
                        let value = match argument {
                            Argument::One { text, span, .. } => {
                                given = given.or(*span);
                                text.as_str()
                            }
                            Argument::Unknown => {
                                known = false;
                                ""
                            }
                            Argument::Absent | Argument::Lines { .. } | Argument::UnknownLines => "",
                        };
                        if at == Where::Shell {
                            whole.push_str(&quoted(value));
                        } else {
                            whole.push_str(value);
                        }
                    }
                    None => known = false,
                },
            }
        }
        vec![Node {
            data: if known { Data::Text(whole) } else { Data::Unknown },
            span: self.given(given, span),
        }]
    }

    /// What a parameter that is all of a text becomes.
    fn alone(&mut self, at: Where, name: &str, span: Span) -> Vec<Node> {
        let unknown = vec![Node {
            data: Data::Unknown,
            span: self.here(span),
        }];
        let Some(argument) = self.argument(name, span) else {
            return unknown;
        };
        let several = matches!(argument, Argument::Lines { .. } | Argument::UnknownLines);
        match (at, several) {
            (Where::List, false) => {
                let message = format!("`${{{name}}}` stands for one value, and this is a list");
                self.misplaced(
                    span,
                    message,
                    "write it in brackets, as an element, or give it the type `lines`",
                );
                return unknown;
            }
            (Where::Scalar | Where::Shell, true) => {
                let message = format!("`${{{name}}}` stands for several lines, and this is one value");
                self.misplaced(span, message, "a list may hold it");
                return unknown;
            }
            _ => {}
        }
        match argument {
            Argument::Absent => Vec::new(),
            Argument::Unknown | Argument::UnknownLines => unknown,
            Argument::One { text, is, span: given } => vec![Node {
                data: is.data(text),
                span: self.given(*given, span),
            }],
            Argument::Lines { lines, span: given } => {
                let here = self.given(*given, span);
                let elements: Vec<Node> = lines
                    .iter()
                    .map(|line| Node {
                        data: Data::Text(line.clone()),
                        span: here,
                    })
                    .collect();
                if at == Where::List {
                    return vec![Node {
                        data: Data::List(elements),
                        span: here,
                    }];
                }
                elements
            }
        }
    }

    fn argument(&mut self, name: &str, span: Span) -> Option<&'a Argument> {
        self.used.insert(name.to_owned());
        let found = self.arguments.get(name);
        if found.is_none() {
            let names = || self.arguments.keys().map(String::as_str);
            let help = match closest(name, names()) {
                Some(near) => format!("did you mean `${{{near}}}`? a `${{` that is meant as it is is written `$${{`"),
                None => "declare it under `parameters`; a `${` that is meant as it is is written `$${`".to_owned(),
            };
            self.misplaced(span, format!("`${{{name}}}` names no parameter of the profile"), help);
        }
        found
    }

    fn misplaced(&mut self, span: Span, message: String, help: impl Into<String>) {
        self.findings
            .push(Diagnostic::error(codes::BAD_PLACEHOLDER, span, message).help(help));
    }

    const fn here(&self, own: Span) -> Span {
        match self.place {
            Place::Use(span) => span,
            Place::Profile => own,
        }
    }

    fn given(&self, given: Option<Span>, own: Span) -> Span {
        given.unwrap_or_else(|| self.here(own))
    }
}

/// Where a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    /// It is the value of a field.
    Scalar,
    /// It is the text that a shell reads.
    Shell,
    /// It is an element of a list.
    Element,
    /// It stands in the place of a list.
    List,
}
