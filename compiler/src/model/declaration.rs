//! A declaration: kind, name and what is declared.

use super::{Application, Catalog, Profile, ProtectionPolicy, RecoveryPlan, RecoverySite, ReplicationPair, Vault};
use dram_fields::{
    Block, Code, Cx, Data, Decoded, Diagnostic, Entry, Field, Fields, Fix, Item, Kind, Name, Node, Scalar, Shape, Span,
    Step, Ty,
};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The version of the language, as every document names it.
pub const API_VERSION: &str = "dram.dev/v1";

/// What a declaration is called.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Metadata {
    /// Its name, unique among the declarations of its kind.
    pub name: Name,
    /// Words by which declarations are chosen: policies and plans name labels of applications.
    pub labels: Labels,
    /// Words for people and programs beside this one. Nothing is chosen by them.
    pub annotations: Labels,
}

/// Words of a declaration and their values.
pub type Labels = BTreeMap<String, Scalar>;

/// A named declaration.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration {
    /// What it is called.
    pub metadata: Metadata,
    /// What is declared.
    pub spec: Spec,
}

macro_rules! kinds {
    ($($kind:ident, $terraform:literal, $doc:literal;)*) => {
        /// The kinds of declarations.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum KindName {
            $(#[doc = $doc] $kind),*
        }

        /// What is declared.
        #[derive(Debug, Clone, PartialEq)]
        #[expect(clippy::large_enum_variant, reason = "a model holds few of each, and never a list of them")]
        pub enum Spec {
            $(#[doc = $doc] $kind($kind)),*
        }

        impl KindName {
            /// All kinds, in the order in which they build upon each other.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// The word in a document.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$kind => stringify!($kind)),* }
            }

            /// The Terraform resource; empty for what is none.
            #[must_use]
            pub const fn terraform_type(self) -> &'static str {
                match self { $(Self::$kind => $terraform),* }
            }

            /// The table of its `spec`.
            #[must_use]
            pub fn table(self) -> &'static Kind {
                match self { $(Self::$kind => <$kind as Block>::kind()),* }
            }

            /// Decodes a `spec`.
            pub fn decode(self, node: &Node, cx: &mut Cx<'_>) -> Option<Spec> {
                match self { $(Self::$kind => $kind::decode(node, cx).map(Spec::$kind)),* }
            }
        }

        impl Spec {
            /// Its kind.
            #[must_use]
            pub const fn kind(&self) -> KindName {
                match self { $(Self::$kind(_) => KindName::$kind),* }
            }

            /// In its canonical spelling, defaults written out.
            #[must_use]
            pub fn encode(&self) -> Node {
                match self { $(Self::$kind(spec) => spec.encode()),* }.unwrap_or(Node::new(Data::Map(Vec::new())))
            }
        }

        $(
            impl From<$kind> for Spec {
                fn from(spec: $kind) -> Self {
                    Self::$kind(spec)
                }
            }
        )*
    };
}

kinds! {
    Catalog, "", "Where the records live.";
    RecoverySite, "dram_recovery_site", "A place that runs or can run an application.";
    Vault, "dram_vault", "Where protected data lies.";
    ProtectionPolicy, "dram_protection_policy", "How well applications must survive.";
    Profile, "", "How a kind of application docks.";
    Application, "dram_application", "What is protected.";
    ReplicationPair, "dram_replication_pair", "How two sites are kept in step.";
    RecoveryPlan, "dram_recovery_plan", "How applications come back elsewhere.";
}

impl Metadata {
    /// A name, and nothing else.
    #[must_use]
    pub const fn named(name: Name) -> Self {
        Self {
            name,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
        }
    }
}

impl fmt::Display for KindName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KindName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or(())
    }
}

impl KindName {
    /// The kinds that are Terraform resources.
    pub fn resources() -> impl Iterator<Item = Self> {
        Self::ALL
            .iter()
            .copied()
            .filter(|kind| !kind.terraform_type().is_empty())
    }
}

impl Declaration {
    /// A declaration with a name, and no labels.
    #[must_use]
    pub fn new(name: Name, spec: impl Into<Spec>) -> Self {
        Self {
            metadata: Metadata::named(name),
            spec: spec.into(),
        }
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> KindName {
        self.spec.kind()
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.metadata.name
    }

    /// The whole document in its canonical spelling, defaults written out. Two declarations that mean the same have
    /// the same. Holds references to secrets, never a secret.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        self.encode().to_json()
    }

    /// The same as a tree, in the order in which people write it.
    #[must_use]
    pub fn encode(&self) -> Node {
        Node::new(Data::Map(vec![
            Entry::new("apiVersion", Node::text(API_VERSION)),
            Entry::new("kind", Node::text(self.kind().as_str())),
            Entry::new(
                "metadata",
                self.metadata.encode().unwrap_or(Node::new(Data::Map(Vec::new()))),
            ),
            Entry::new("spec", self.spec.encode()),
        ]))
    }

    /// Reads a whole document back.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_json(json: &serde_json::Value) -> Result<Self, Vec<Diagnostic>> {
        let decoded = Self::decode(Node::from_json(json));
        decoded.value.ok_or(decoded.diagnostics)
    }

    /// Decodes a whole document: envelope and `spec`.
    #[must_use]
    pub fn decode(source: Node) -> Decoded<Self> {
        let decoded = dram_fields::decode::<Envelope>(source);
        Decoded {
            value: decoded.value.map(|envelope| envelope.0),
            source: decoded.source,
            diagnostics: decoded.diagnostics,
            unknown: decoded.unknown,
        }
    }

    /// The declarations that this one refers to.
    #[must_use]
    pub fn references(&self) -> Vec<(KindName, String)> {
        references(self.kind().table(), &self.spec.encode())
            .into_iter()
            .map(|reference| (reference.kind, reference.name))
            .collect()
    }
}

/// The envelope of a document. Its `spec` has the shape that `kind` says: the one place of the language where a word
/// decides about a shape elsewhere, so it is written by hand.
struct Envelope(Declaration);

impl Envelope {
    const API_VERSION: &'static Field =
        &envelope_field("apiVersion", "The version of the language, `dram.dev/v1`.", String::TY);
    const KIND: &'static Field = &envelope_field("kind", "What is declared.", String::TY);
    const METADATA: &'static Field = &envelope_field("metadata", "What it is called.", Metadata::TY);
    const SPEC: &'static Field = &envelope_field("spec", "What is declared of it.", Ty::Block(|| &ANY));
    const ITEMS: &'static [Item] = &[
        Item::Field(Self::API_VERSION),
        Item::Field(Self::KIND),
        Item::Field(Self::METADATA),
        Item::Field(Self::SPEC),
    ];
}

static ANY: Kind = Kind {
    name: "Spec",
    doc: "What is declared.",
    items: &[],
};
static DOCUMENT: Kind = Kind {
    name: "Document",
    doc: "A declaration.",
    items: Envelope::ITEMS,
};

const fn envelope_field(name: &'static str, doc: &'static str, ty: Ty) -> Field {
    Field {
        name,
        block: None,
        key: None,
        refers: None,
        doc,
        ty,
        required: true,
        default: None,
        min: 0,
        max: 0,
    }
}

/// The kind that a word must mean: a slip of the pen, or the end of one name, as *Site* and *Policy* are.
fn kind_meant(word: &str) -> Option<&'static str> {
    let names = || KindName::ALL.iter().map(|kind| kind.as_str());
    let mut ends = names().filter(|name| word.len() > 3 && name.to_lowercase().ends_with(&word.to_lowercase()));
    match (dram_fields::misspelled(word, names()), ends.next(), ends.next()) {
        (Some(name), ..) | (None, Some(name), None) => Some(name),
        (None, ..) => None,
    }
}

impl Shape for Envelope {
    const TY: Ty = Ty::Block(|| &DOCUMENT);

    fn decode(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        if !dram_fields::open(&DOCUMENT, node, cx) {
            return None;
        }
        let version = dram_fields::field::<String>(Self::API_VERSION, node, cx);
        if version.as_deref().is_some_and(|version| version != API_VERSION) {
            let span = node.get("apiVersion").map_or(Span::NONE, |node| node.span);
            cx.report_at(
                Step::Field(Self::API_VERSION),
                Diagnostic::error(
                    Code::UNKNOWN_WORD,
                    span,
                    format!(
                        "`{}` is not a version of the language",
                        version.as_deref().unwrap_or_default()
                    ),
                )
                .help(format!("this program reads `{API_VERSION}`"))
                .fix(
                    version
                        .as_deref()
                        .and_then(|version| dram_fields::misspelled(version, std::iter::once(API_VERSION)))
                        .map(|version| Fix::word(span, version)),
                ),
            );
        }
        let kind = dram_fields::field::<String>(Self::KIND, node, cx);
        let metadata = dram_fields::field::<Metadata>(Self::METADATA, node, cx);
        let kind = kind.and_then(|word| match word.parse::<KindName>() {
            Ok(kind) => Some(kind),
            Err(()) => {
                let span = node.get("kind").map_or(Span::NONE, |node| node.span);
                let names = KindName::ALL.iter().map(|kind| kind.as_str());
                let fix = kind_meant(&word).map(|name| Fix::word(span, name));
                let help = match dram_fields::closest(&word, names.clone()) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => format!("kinds are {}", names.collect::<Vec<_>>().join(", ")),
                };
                cx.report_at(
                    Step::Field(Self::KIND),
                    Diagnostic::error(Code::UNKNOWN_WORD, span, format!("`{word}` is not a kind"))
                        .help(help)
                        .fix(fix),
                );
                None
            }
        })?;
        let here = node.get("kind").map_or(node.span, |node| node.span);
        let spec = dram_fields::present(node, Self::SPEC)
            .and_then(|entry| cx.within(Step::Field(Self::SPEC), here, |cx| kind.decode(&entry.value, cx)));
        Some(Self(Declaration {
            metadata: metadata?,
            spec: spec?,
        }))
    }

    fn encode(&self) -> Option<Node> {
        Some(self.0.encode())
    }
}

/// A name that refers to another declaration, with its place.
#[derive(Debug, Clone)]
pub struct Reference {
    /// The kind it refers to.
    pub kind: KindName,
    /// The name it refers to.
    pub name: String,
    /// The way to it from the root of the `spec`.
    pub path: Vec<Step>,
    /// Where it stands.
    pub span: Span,
}

/// All references in a `spec`, found by its table.
#[must_use]
pub fn references(kind: &'static Kind, node: &Node) -> Vec<Reference> {
    let mut found = Vec::new();
    dram_fields::visit(kind, node, &mut |visited| {
        let refers = visited.field.refers.and_then(|kind| kind.parse().ok());
        if let (Some(kind), Some(name)) = (refers, visited.node.as_text()) {
            found.push(Reference {
                kind,
                name: name.to_owned(),
                path: visited.path.to_vec(),
                span: visited.node.span,
            });
        }
    });
    found
}
