//! The tables that the derive writes and every writer reads.

use crate::Node;

/// A block of the language: a struct with its fields.
#[derive(Debug)]
pub struct Kind {
    /// Name of the Rust type, unique in the language; a definition's name in JSON Schema.
    pub name: &'static str,
    /// What it is, from the type's doc comment (Markdown).
    pub doc: &'static str,
    /// Fields and choices in the order in which they are written.
    pub items: &'static [Item],
}

/// One entry of a [`Kind`].
#[derive(Debug)]
pub enum Item {
    /// A field of its own.
    Field(&'static Field),
    /// Fields that exclude each other: *exactly one of*, or *at most one of*.
    OneOf {
        /// Whether one of them must be given.
        required: bool,
        /// The candidates.
        variants: &'static [&'static Field],
    },
}

/// A field of the language, with everything that any output needs to know of it.
#[derive(Debug)]
pub struct Field {
    /// Name in a document, camelCase.
    pub name: &'static str,
    /// Terraform's name where it is not the snake_case of `name`: the singular of a list of blocks.
    pub block: Option<&'static str>,
    /// For lists of blocks: the field by which elements are known. It is unique among them.
    pub key: Option<&'static str>,
    /// For names: the kind of declaration that the name refers to.
    pub refers: Option<&'static str>,
    /// What it is, from the doc comment (Markdown).
    pub doc: &'static str,
    /// Shape of the value.
    pub ty: Ty,
    /// Whether it must be given. Variants of a choice are never required by themselves.
    pub required: bool,
    /// Value that holds when it is absent.
    pub default: Option<fn() -> Node>,
    /// Fewest elements of a list, or keys of a map.
    pub min: u32,
    /// Most elements of a list, or keys of a map; 0 is without limit.
    pub max: u32,
}

/// Shape of a field's value.
#[derive(Debug, Clone, Copy)]
pub enum Ty {
    /// Text of a format.
    Text(&'static Format),
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int {
        /// The smallest.
        least: u32,
        /// The largest.
        most: u32,
    },
    /// One of a set of words.
    Word(&'static [Word]),
    /// A list.
    List(&'static Ty),
    /// Text, a number or a truth value, kept as it is written.
    Scalar,
    /// Keys and values.
    Map(&'static Ty),
    /// A block with fields of its own. A function, so that a block may hold itself.
    Block(fn() -> &'static Kind),
    /// A block that refers to a secret; a literal in its place is an error that hides what was written.
    Secret(fn() -> &'static Kind),
    /// A block in which `${parameter}` may stand in the place of plain values. No Terraform table holds one.
    Template(fn() -> &'static Kind),
}

/// A word that a [`Ty::Word`] field may hold.
#[derive(Debug)]
pub struct Word {
    /// The word, kebab-case.
    pub name: &'static str,
    /// What it means.
    pub doc: &'static str,
}

/// A format of text.
#[derive(Debug)]
pub struct Format {
    /// How messages call it, with its article: `a duration`.
    pub name: &'static str,
    /// Regular expression (ECMA 262) that every valid text matches; JSON Schema's `pattern`.
    pub pattern: Option<&'static str>,
    /// A valid text; empty for plain text.
    pub example: &'static str,
    /// The canonical spelling (`60m` becomes `1h`), or what is wrong in one clause.
    pub canonical: fn(&str) -> Result<String, String>,
}

impl Field {
    /// Whether it is this field. A constant has no address of its own, so name and words tell.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.name == other.name && self.doc == other.doc
    }

    /// The name of the attribute or block in Terraform.
    #[must_use]
    pub fn terraform_name(&self) -> String {
        self.block.map_or_else(|| snake_case(self.name), str::to_owned)
    }
}

impl Kind {
    /// All fields, those of choices included, in order.
    pub fn fields(&self) -> impl Iterator<Item = &'static Field> + use<> {
        self.items.iter().flat_map(|item| match item {
            Item::Field(field) => std::slice::from_ref(field).iter().copied(),
            Item::OneOf { variants, .. } => variants.iter().copied(),
        })
    }

    /// The field of that document name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields().find(|field| field.name == name)
    }
}

/// `failureDomain` → `failure_domain`.
#[must_use]
pub fn snake_case(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    for c in camel.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}
