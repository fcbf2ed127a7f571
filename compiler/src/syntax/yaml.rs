//! YAML 1.2 to positioned nodes, document by document, resuming after a syntax error.

use super::Document;
use super::secret::SecretWords;
use crate::diagnostic::compiler_codes as codes;
use dram_fields::{Data, Diagnostic, Entry, Node, Span};
use granit_parser::{Event, Options, Parser, ScalarStyle};
use std::collections::BTreeMap;

/// Nodes that aliases may add to all documents of a text: far above any model, far below what hurts.
const ALIAS_BUDGET: usize = 100_000;

/// Levels to which aliases may nest a document. The parser limits those that are written.
const ALIAS_DEPTH: usize = 255;

pub(super) fn read(words: &SecretWords, source: u32, text: &str, out: &mut Vec<Diagnostic>) -> Vec<Document> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut documents = Vec::new();
    let mut builder = Builder::new(words, source, text);
    // Where the document that is being read begins, at the latest.
    let mut begin = 0;
    loop {
        match parser.next_event() {
            None | Some(Ok((Event::StreamEnd, _))) => break,
            Some(Ok((Event::DocumentEnd, span))) => {
                begin = span.end.byte_offset().unwrap_or(begin);
                let finished = builder.next();
                documents.extend(finished.finish(false, out));
            }
            Some(Ok((event, span))) => builder.event(event, &span, out),
            Some(Err(error)) => {
                let at = error.marker().byte_offset().unwrap_or(text.len());
                let span = place(source, at, (at + 1).min(text.len()));
                let line_end = text
                    .get(at..)
                    .and_then(|rest| rest.find('\n'))
                    .map_or(text.len(), |end| at + end);
                let mut finding = Diagnostic::error(codes::SYNTAX, span, format!("not YAML: {}", error.info()))
                    .help("the rest of this document is not checked");
                finding.masked = super::secret::in_text(words, source, text, begin, line_end);
                out.push(finding);
                begin = at;
                let finished = builder.next();
                documents.extend(finished.finish(true, out));
                if !matches!(parser.proceed_next_document(), Ok(true)) {
                    break;
                }
            }
        }
    }
    documents
}

pub(super) fn place(source: u32, start: usize, end: usize) -> Span {
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span {
        source,
        start: offset(start),
        end: offset(end.max(start)),
    }
}

/// A list or map that is still open.
struct Open {
    data: Data,
    start: usize,
    anchor: usize,
    /// In a map: the key that waits for its value.
    key: Option<Key>,
}

/// A key; without a name when it was refused, and its value is left out with it.
struct Key {
    name: Option<String>,
    span: Span,
}

struct Builder<'t> {
    words: &'t SecretWords,
    source: u32,
    text: &'t str,
    stack: Vec<Open>,
    root: Option<Node>,
    anchors: BTreeMap<usize, Node>,
    aliased: usize,
}

impl<'t> Builder<'t> {
    const fn new(words: &'t SecretWords, source: u32, text: &'t str) -> Self {
        Self {
            words,
            source,
            text,
            stack: Vec::new(),
            root: None,
            anchors: BTreeMap::new(),
            aliased: 0,
        }
    }

    /// What was built, leaving a builder for the next document. What aliases added goes on counting.
    fn next(&mut self) -> Self {
        let next = Self {
            aliased: self.aliased,
            ..Self::new(self.words, self.source, self.text)
        };
        std::mem::replace(self, next)
    }

    fn event(&mut self, event: Event<'_>, span: &granit_parser::Span, out: &mut Vec<Diagnostic>) {
        let start = span.start.byte_offset().unwrap_or_default();
        let end = span.end.byte_offset().unwrap_or(start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let mut end = end;
                if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
                    let written = self.text.get(start..end).unwrap_or_default();
                    end = start + written.trim_end().len();
                }
                let span = place(self.source, start, end);
                let is_text = tag.as_ref().is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
                if let Some(tag) = tag.filter(|_| !is_text) {
                    self.refuse(span, format!("the tag `{}` has no meaning here", tag.original()), out);
                }
                let data = if matches!(style, ScalarStyle::Plain) && !is_text {
                    plain(&text)
                } else {
                    Data::Text(text.into_owned())
                };
                self.add(Node { data, span }, anchor, out);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.open(Data::List(Vec::new()), start, end, anchor, tag.is_some(), out)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.open(Data::Map(Vec::new()), start, end, anchor, tag.is_some(), out)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(end, out),
            Event::Alias(id) => {
                let span = place(self.source, start, end);
                // In the place of what was refused stands something that nobody complains about a second time.
                let nothing = Node {
                    data: Data::Unknown,
                    span,
                };
                let node = match self.anchors.get(&id) {
                    None => {
                        self.refuse(span, "an alias of what encloses it".to_owned(), out);
                        nothing
                    }
                    Some(node) => {
                        self.aliased = self.aliased.saturating_add(size(node));
                        if self.aliased > ALIAS_BUDGET {
                            self.refuse(span, "aliases make this text too large".to_owned(), out);
                            nothing
                        } else if self.stack.len() + depth(node) > ALIAS_DEPTH {
                            self.refuse(span, "aliases nest this document too deeply".to_owned(), out);
                            nothing
                        } else {
                            node.clone()
                        }
                    }
                };
                self.add(node, 0, out);
            }
            _ => {}
        }
    }

    fn refuse(&self, span: Span, message: String, out: &mut Vec<Diagnostic>) {
        out.push(Diagnostic::error(codes::UNSUPPORTED_YAML, span, message).help("write it out"));
    }

    fn open(&mut self, data: Data, start: usize, end: usize, anchor: usize, tagged: bool, out: &mut Vec<Diagnostic>) {
        if tagged {
            self.refuse(
                place(self.source, start, end),
                "a tag has no meaning here".to_owned(),
                out,
            );
        }
        // Of a list that stands as deep as its key the parser gives the first element's place: the dash is before it.
        let before = self.text.get(..start).unwrap_or_default().trim_end_matches(' ');
        let indentless =
            matches!(data, Data::List(_)) && !self.text.get(start..).unwrap_or_default().starts_with(['[', '-']);
        let start = if indentless && before.ends_with('-') {
            before.len() - 1
        } else {
            start
        };
        self.stack.push(Open {
            data,
            start,
            anchor,
            key: None,
        });
    }

    fn close(&mut self, end: usize, out: &mut Vec<Diagnostic>) {
        let Some(open) = self.stack.pop() else { return };
        // The parser ends a block collection at the next token, which may be lines below: its last child tells better.
        let written = self.text.get(open.start..end).unwrap_or_default();
        let flow = written.ends_with(['}', ']']) && written.starts_with(['{', '[']);
        let last = match &open.data {
            Data::List(elements) => elements.last().map(|node| node.span.end as usize),
            Data::Map(entries) => entries
                .last()
                .map(|entry| entry.value.span.end.max(entry.name_span.end) as usize),
            _ => None,
        };
        let end = if flow { end } else { last.unwrap_or(end) };
        let node = Node {
            data: open.data,
            span: place(self.source, open.start, end),
        };
        self.add(node, open.anchor, out);
    }

    fn add(&mut self, node: Node, anchor: usize, out: &mut Vec<Diagnostic>) {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut open.data {
            Data::List(elements) => elements.push(node),
            Data::Map(entries) => match open.key.take() {
                Some(Key { name: Some(name), span }) => entries.push(Entry {
                    name,
                    name_span: span,
                    value: node,
                }),
                // What is left out with a refused key is shown all the same, beside what is wrong.
                Some(Key { name: None, .. }) => {
                    if let Some(finding) = out.last_mut() {
                        finding.masked.extend(super::secret::in_tree(self.words, &node));
                    }
                }
                None => {
                    let span = node.span;
                    open.key = Some(Key {
                        name: key(self.words, node, out),
                        span,
                    });
                }
            },
            _ => {}
        }
    }

    /// The document; `None` when nothing was written at all.
    fn finish(mut self, broken: bool, out: &mut Vec<Diagnostic>) -> Option<Document> {
        if broken {
            // What was open is closed where it stands, so that the document's name still resolves.
            while let Some(open) = self.stack.last_mut() {
                open.key = None;
                let end = open.start;
                self.close(end, out);
            }
        }
        let root = self.root?;
        let nothing = matches!(root.data, Data::Null);
        (!nothing).then_some(Document { root, broken })
    }
}

/// The name that a key says.
fn key(words: &SecretWords, node: Node, out: &mut Vec<Diagnostic>) -> Option<String> {
    let (message, help) = match node.data {
        Data::Text(name) if name != "<<" => return Some(name),
        Data::Number(name) => return Some(name),
        Data::Bool(value) => return Some(value.to_string()),
        Data::Text(_) => ("merge keys (`<<`) are not part of the language", "write the fields out"),
        _ => ("a key that is not text", "keys are plain words"),
    };
    let mut finding = Diagnostic::error(codes::UNSUPPORTED_YAML, node.span, message).help(help);
    finding.masked = super::secret::in_tree(words, &node);
    out.push(finding);
    None
}

fn size(node: &Node) -> usize {
    1 + node.elements().iter().map(size).sum::<usize>()
        + node.entries().iter().map(|entry| size(&entry.value)).sum::<usize>()
}

fn depth(node: &Node) -> usize {
    let inner = node
        .elements()
        .iter()
        .chain(node.entries().iter().map(|entry| &entry.value));
    1 + inner.map(depth).max().unwrap_or_default()
}

/// The core schema of YAML 1.2 (§10.3.2): what a plain scalar means.
pub(crate) fn plain(text: &str) -> Data {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Data::Null,
        "true" | "True" | "TRUE" => Data::Bool(true),
        "false" | "False" | "FALSE" => Data::Bool(false),
        _ if is_number(text) => Data::Number(text.to_owned()),
        _ => Data::Text(text.to_owned()),
    }
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if let Some(hex) = text.strip_prefix("0x") {
        return !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit());
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return !octal.is_empty() && octal.bytes().all(|b| (b'0'..=b'7').contains(&b));
    }
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let mantissa = match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            (digits(whole) && (fraction.is_empty() || digits(fraction))) || (whole.is_empty() && digits(fraction))
        }
        None => digits(mantissa),
    };
    mantissa && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)))
}
