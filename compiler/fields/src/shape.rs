//! What can be decoded from a node and encoded to one.

use crate::{Code, Data, Diagnostic, Entry, Field, Fix, Kind, Node, Span, Step, Ty};

/// A type of the language: scalars, quantities, lists, maps, optional values, derived structs.
pub trait Shape: Sized {
    /// Its shape in the tables.
    const TY: Ty;
    /// Whether a field of this type must be given. False for what can be absent.
    const REQUIRED: bool = true;

    /// The value that an absent field holds, for types that can be absent.
    #[must_use]
    fn absent() -> Option<Self> {
        None
    }

    /// Reads the value, reporting everything that is wrong with it. `None` when something was reported, or when a
    /// part is unknown.
    fn decode(node: &Node, cx: &mut Cx<'_>) -> Option<Self>;

    /// The value in its canonical spelling, defaults written out; `None` for what is absent.
    fn encode(&self) -> Option<Node>;
}

/// A struct of the language.
pub trait Block: Shape {
    /// Its table.
    fn kind() -> &'static Kind;
}

/// An enum whose variants stand as fields of the block that holds it: *exactly one of*.
pub trait Choice: Sized {
    /// The variants as fields.
    const VARIANTS: &'static [&'static Field];
    /// Whether one must be given.
    const REQUIRED: bool = true;

    /// Reads the variant that is given in `parent`.
    fn read(parent: &Node, cx: &mut Cx<'_>) -> Option<Self>;

    /// Adds the variant to its parent's entries.
    fn write(&self, out: &mut Vec<Entry>);
}

impl<C: Choice> Choice for Option<C> {
    const VARIANTS: &'static [&'static Field] = C::VARIANTS;
    const REQUIRED: bool = false;

    fn read(parent: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        if C::VARIANTS.iter().any(|field| crate::present(parent, field).is_some()) {
            C::read(parent, cx).map(Some)
        } else {
            Some(None)
        }
    }

    fn write(&self, out: &mut Vec<Entry>) {
        if let Some(choice) = self {
            choice.write(out);
        }
    }
}

/// Where decoding stands, and what it has found.
#[derive(Debug)]
pub struct Cx<'o> {
    out: &'o mut Vec<Diagnostic>,
    path: Vec<Step>,
    here: Span,
    unknown: Vec<Vec<Step>>,
    hidden: bool,
}

impl<'o> Cx<'o> {
    /// At the root of a value; findings go to `out`.
    pub const fn new(out: &'o mut Vec<Diagnostic>, here: Span) -> Self {
        Self {
            out,
            path: Vec::new(),
            here,
            unknown: Vec::new(),
            hidden: false,
        }
    }

    /// Decodes a part: `step` leads to it, `here` is underlined when the part lacks something.
    pub fn within<R>(&mut self, step: Step, here: Span, decode: impl FnOnce(&mut Self) -> R) -> R {
        self.path.push(step);
        let outer = std::mem::replace(&mut self.here, here);
        let result = decode(self);
        self.here = outer;
        self.path.pop();
        result
    }

    /// Decodes a reference to a secret. Somebody may have written the secret itself into it, so that no finding
    /// repeats what stands there.
    pub fn hidden<R>(&mut self, decode: impl FnOnce(&mut Self) -> R) -> R {
        let outer = std::mem::replace(&mut self.hidden, true);
        let result = decode(self);
        self.hidden = outer;
        result
    }

    /// Whether findings must not repeat what is written.
    #[must_use]
    pub const fn is_hidden(&self) -> bool {
        self.hidden
    }

    /// The place of the block that is being decoded, as its parent names it.
    #[must_use]
    pub const fn here(&self) -> Span {
        self.here
    }

    /// Adds a finding about the current value.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        let path = self.path.clone();
        self.out.push(Diagnostic { path, ..diagnostic });
    }

    /// Adds a finding about a part of the current value.
    pub fn report_at(&mut self, step: Step, diagnostic: Diagnostic) {
        self.report_part(Some(step), diagnostic);
    }

    /// Adds a finding about a part of the current value, or about the value where the part must not be named.
    pub(crate) fn report_part(&mut self, step: Option<Step>, diagnostic: Diagnostic) {
        let mut path = self.path.clone();
        path.extend(step);
        self.out.push(Diagnostic { path, ..diagnostic });
    }

    /// How many findings there are.
    pub(crate) fn findings(&self) -> usize {
        self.out.len()
    }

    /// Decodes a part whose unknown values are nobody's business.
    pub(crate) fn forgetting_unknown<R>(&mut self, decode: impl FnOnce(&mut Self) -> R) -> R {
        let known = self.unknown.len();
        let result = decode(self);
        self.unknown.truncate(known);
        result
    }

    /// Says that the current value is not known yet.
    pub fn unknown(&mut self) {
        self.unknown.push(self.path.clone());
    }

    /// Reports a value of another shape.
    pub fn wrong_shape(&mut self, node: &Node, expected: &str) {
        let mut finding = Diagnostic::error(
            Code::WRONG_SHAPE,
            node.span,
            format!("expected {expected}, found {}", node.describe()),
        );
        match &node.data {
            _ if self.hidden => finding = finding.mask(node.span),
            Data::Number(text) if expected.starts_with("text") || expected.starts_with("a ") => {
                finding = finding.help(format!("quote it: \"{text}\""));
            }
            Data::Bool(value) => finding = finding.help(format!("quote it if the text is meant: \"{value}\"")),
            _ => {}
        }
        // Any text may be one that looks like a number or a truth value.
        let is_plain = matches!(node.data, Data::Number(_) | Data::Bool(_));
        let fix = (is_plain && expected == "text" && !self.hidden).then(|| Fix::quote(node.span));
        self.report(finding.fix(fix));
    }
}

/// What came of decoding a root.
#[derive(Debug)]
pub struct Decoded<T> {
    /// The value, when nothing was reported and every part was known.
    pub value: Option<T>,
    /// The tree it was read from.
    pub source: Node,
    /// Everything that is wrong.
    pub diagnostics: Vec<Diagnostic>,
    /// Paths of the parts that are not known yet.
    pub unknown: Vec<Vec<Step>>,
}

/// Decodes a whole value.
#[must_use]
pub fn decode<T: Shape>(source: Node) -> Decoded<T> {
    let mut diagnostics = Vec::new();
    let mut cx = Cx::new(&mut diagnostics, source.span);
    let value = T::decode(&source, &mut cx);
    let unknown = std::mem::take(&mut cx.unknown);
    let value = value.filter(|_| diagnostics.is_empty() && unknown.is_empty());
    Decoded {
        value,
        source,
        diagnostics,
        unknown,
    }
}
