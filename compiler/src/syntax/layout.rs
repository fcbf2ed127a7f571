//! YAML text with all that its meaning does not need: how values are written, anchors, comments, markers. For those who
//! write the text again.

use std::collections::BTreeMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, StructureStyle};

/// A text with its documents and its comments, each in the order of the text.
#[derive(Debug)]
pub struct Layout {
    /// The documents.
    pub sheets: Vec<Sheet>,
    /// The comments.
    pub comments: Vec<Comment>,
}

/// A document as it is written.
#[derive(Debug)]
pub struct Sheet {
    /// The lines that begin with `%` before it.
    pub directives: Vec<String>,
    /// Where its `---` begins, when it has one.
    pub marker: Option<usize>,
    /// Where its `...` begins, when it has one.
    pub end_marker: Option<usize>,
    /// The names of its anchors, by their numbers.
    pub anchors: BTreeMap<usize, String>,
    /// What it holds.
    pub root: Piece,
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Comment {
    /// Its `#`, in bytes from the begin of the text.
    pub start: usize,
    /// From the `#` to the end of the line.
    pub text: String,
}

/// A value as it is written.
#[derive(Debug, Clone)]
pub struct Piece {
    /// First byte of the value, after anchor and tag.
    pub start: usize,
    /// Byte after the last of the value.
    pub end: usize,
    /// The number of its anchor; 0 without one.
    pub anchor: usize,
    /// Whether a tag says that it is text.
    pub is_text: bool,
    /// What it is.
    pub content: Content,
}

/// What a [`Piece`] is.
#[derive(Debug, Clone)]
pub enum Content {
    /// The number of an anchor.
    Alias(usize),
    /// A value without parts.
    Scalar {
        /// How it is written.
        style: Style,
        /// What it says.
        value: String,
    },
    /// Keys with values, or elements.
    Group(Group),
}

/// How a value without parts is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As it is.
    Plain,
    /// In quotes of either kind.
    Quoted,
    /// As a block of lines after `|` or `>`.
    Block,
}

/// A map or a list.
#[derive(Debug, Clone)]
pub struct Group {
    /// Whether it stands in braces or brackets.
    pub is_flow: bool,
    /// Whether it is a map.
    pub is_map: bool,
    /// Its parts.
    pub items: Vec<Item>,
    /// Lines of comments after the last part.
    pub after: Vec<Line>,
}

/// An entry of a map, or an element of a list, with what is said about it.
#[derive(Debug, Clone)]
pub struct Item {
    /// First byte, of the key or the dash.
    pub start: usize,
    /// The key of an entry.
    pub key: Option<Piece>,
    /// The value.
    pub value: Piece,
    /// Lines of comments above it.
    pub before: Vec<Line>,
    /// Whether an empty line stands right above it.
    pub blank: bool,
    /// The comment on the line of its key or dash, when the value begins below.
    pub head: Option<String>,
    /// The comment on the line on which its value ends.
    pub trailing: Option<String>,
}

/// A line that is a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Whether an empty line stands right above it.
    pub blank: bool,
    /// The comment, `#` included.
    pub text: String,
}

impl Item {
    fn new(start: usize, key: Option<Piece>, value: Piece) -> Self {
        Self {
            start,
            key,
            value,
            before: Vec::new(),
            blank: false,
            head: None,
            trailing: None,
        }
    }

    /// Where it ends.
    #[must_use]
    pub fn end(&self) -> usize {
        self.value.end.max(self.key.as_ref().map_or(0, |key| key.end))
    }
}

impl Piece {
    /// Its parts, when it has some.
    #[must_use]
    pub const fn group(&self) -> Option<&Group> {
        match &self.content {
            Content::Group(group) => Some(group),
            _ => None,
        }
    }

    /// Its parts, to be changed.
    pub const fn group_mut(&mut self) -> Option<&mut Group> {
        match &mut self.content {
            Content::Group(group) => Some(group),
            _ => None,
        }
    }
}

/// Reads the layout of a text; `None` when it is no YAML.
#[must_use]
pub fn layout(text: &str) -> Option<Layout> {
    let mut options = Options::default();
    options.set_emit_comments(true);
    options.emit_anchor_events = true;
    options.max_buffered_comment_events = usize::MAX;
    let mut reader = Reader {
        text,
        cursor: 0,
        open: Vec::new(),
        sheets: Vec::new(),
        comments: Vec::new(),
    };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.ok()?;
        let start = span.start.byte_offset()?;
        let end = span.end.byte_offset()?;
        reader.event(event, start, end)?;
    }
    reader.comments.sort();
    Some(Layout {
        sheets: reader.sheets,
        comments: reader.comments,
    })
}

/// A map or list that is still open.
struct Open {
    piece: Piece,
    /// Where its next part begins, and its key, when they are known.
    item: Option<(usize, Option<Piece>)>,
}

struct Reader<'t> {
    text: &'t str,
    /// Up to here the text is understood.
    cursor: usize,
    open: Vec<Open>,
    sheets: Vec<Sheet>,
    comments: Vec<Comment>,
}

impl Reader<'_> {
    fn event(&mut self, event: Event<'_>, start: usize, end: usize) -> Option<()> {
        match event {
            Event::Comment(..) => {
                let text = self.text.get(start..end)?.trim_end().to_owned();
                self.comments.push(Comment { start, text });
            }
            Event::Anchor(number, name) => {
                self.cursor = self.cursor.max(end);
                self.sheets.last_mut()?.anchors.insert(number, name.into_owned());
            }
            Event::DocumentStart(is_explicit, _) => self.document(is_explicit, start)?,
            Event::DocumentEnd => self.document_end(start, end)?,
            Event::Scalar(value, style, anchor, tag) => {
                let mut scalar = self.scalar(value.into_owned(), style, start, end);
                scalar.anchor = anchor;
                scalar.is_text = tag.is_some();
                self.add(scalar);
            }
            Event::Alias(number) => {
                self.begin_item();
                self.cursor = end;
                self.add(piece(start, end, Content::Alias(number)));
            }
            Event::SequenceStart(style, anchor, _) => self.group(false, style, anchor, start, end),
            Event::MappingStart(style, anchor, _) => self.group(true, style, anchor, start, end),
            Event::SequenceEnd | Event::MappingEnd => self.close(end)?,
            _ => {}
        }
        Some(())
    }

    fn document(&mut self, is_explicit: bool, start: usize) -> Option<()> {
        let before = self.text.get(self.cursor..start).unwrap_or_default();
        let directives = before.lines().filter(|line| line.starts_with('%'));
        let sheet = Sheet {
            directives: directives.map(|line| line.trim_end().to_owned()).collect(),
            marker: is_explicit.then_some(start),
            end_marker: None,
            anchors: BTreeMap::new(),
            root: piece(start, start, Content::Alias(0)),
        };
        self.sheets.push(sheet);
        if is_explicit {
            self.cursor = start + "---".len();
        }
        Some(())
    }

    fn document_end(&mut self, start: usize, end: usize) -> Option<()> {
        if self.text.get(start..end)?.starts_with("...") {
            self.sheets.last_mut()?.end_marker = Some(start);
            self.cursor = end;
        }
        Some(())
    }

    fn scalar(&mut self, value: String, style: ScalarStyle, start: usize, end: usize) -> Piece {
        self.begin_item();
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
            ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
        };
        // Of a block of lines the parser says where the lines are, not where it is said to be one.
        let start = if style == Style::Block {
            self.block_begin().unwrap_or(start)
        } else {
            start
        };
        let written = self.text.get(start..end).unwrap_or_default();
        let is_empty = style == Style::Plain && written.trim().is_empty();
        // What is not written stands where it would be; a block of lines ends with its last line that is not empty.
        let (start, end) = if is_empty {
            (self.cursor, self.cursor)
        } else {
            (start, start + without_empty_lines(written).len())
        };
        self.cursor = self.cursor.max(end);
        let value = if is_empty { String::new() } else { value };
        piece(start, end, Content::Scalar { style, value })
    }

    /// Where the `|` or `>` of a block of lines stands, after what may be said about it.
    fn block_begin(&self) -> Option<usize> {
        let mut at = self.next_token();
        loop {
            let rest = self.text.get(at..)?;
            if rest.starts_with(['|', '>']) {
                return Some(at);
            }
            let word = rest.find(char::is_whitespace)?;
            let spaces = rest.get(word..)?;
            at += word + spaces.len() - spaces.trim_start().len();
        }
    }

    fn group(&mut self, is_map: bool, style: StructureStyle, anchor: usize, start: usize, end: usize) {
        self.begin_item();
        let is_flow = matches!(style, StructureStyle::Flow);
        if is_flow {
            self.cursor = self.cursor.max(end);
        }
        let group = Group {
            is_flow,
            is_map,
            items: Vec::new(),
            after: Vec::new(),
        };
        let mut piece = piece(start, end, Content::Group(group));
        piece.anchor = anchor;
        self.open.push(Open { piece, item: None });
    }

    fn close(&mut self, end: usize) -> Option<()> {
        let mut open = self.open.pop()?;
        let group = open.piece.group()?;
        let last = group.items.last().map(Item::end);
        // The parser ends what stands without braces at the next token, which may be lines below.
        let is_closed = self
            .text
            .get(..end)
            .is_some_and(|text| group.is_flow && text.ends_with(['}', ']']) && Some(end) > last);
        open.piece.end = if is_closed { end } else { last.unwrap_or(end) };
        self.cursor = self.cursor.max(open.piece.end);
        self.add(open.piece);
        Some(())
    }

    /// Where the next part of what is open begins, found before the value is read.
    fn begin_item(&mut self) {
        let at = self.next_token();
        let text = self.text;
        let Some(open) = self.open.last_mut() else { return };
        if open.item.is_some() {
            return;
        }
        let rest = text.get(at..).unwrap_or_default();
        let indicator = |mark: char| {
            rest.strip_prefix(mark)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
        };
        if indicator('-') || indicator('?') {
            self.cursor = at + 1;
        }
        open.item = Some((at, None));
    }

    /// The first byte from the cursor on that is no space, comment or separator.
    fn next_token(&self) -> usize {
        let mut at = self.cursor;
        loop {
            let rest = self.text.get(at..).unwrap_or_default();
            match rest.chars().next() {
                Some('#') => at += rest.find('\n').unwrap_or(rest.len()),
                Some(c) if c.is_whitespace() || c == ',' || c == ':' || c == '\u{feff}' => at += c.len_utf8(),
                _ => return at,
            }
        }
    }

    fn add(&mut self, piece: Piece) {
        let Some(open) = self.open.last_mut() else {
            if let Some(sheet) = self.sheets.last_mut() {
                sheet.root = piece;
            }
            return;
        };
        let Some(group) = open.piece.group_mut() else { return };
        let (start, key) = open.item.take().unwrap_or((piece.start, None));
        if group.is_map && key.is_none() {
            open.item = Some((start, Some(piece)));
        } else {
            group.items.push(Item::new(start, key, piece));
        }
    }
}

/// A text up to the end of its last line that is not empty.
fn without_empty_lines(text: &str) -> &str {
    let mut rest = text;
    while let Some((above, last)) = rest.rsplit_once('\n') {
        if !last.trim().is_empty() {
            break;
        }
        rest = above;
    }
    rest.trim_end_matches('\r')
}

const fn piece(start: usize, end: usize, content: Content) -> Piece {
    Piece {
        start,
        end,
        anchor: 0,
        is_text: false,
        content,
    }
}
