//! Schemas, as the host and the reference pages need them.

use crate::value::Type;

/// The shape of a configuration: the provider's or a resource's.
#[derive(Clone, Debug)]
pub struct Schema {
    /// Counts the shapes that stored state may have; state of an older number is upgraded.
    pub version: i64,
    /// What stands at the root.
    pub block: Block,
}

/// Attributes and blocks that stand together.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// What it is, Markdown.
    pub description: String,
    /// Its attributes, in the order of the reference.
    pub attributes: Vec<Attribute>,
    /// Its blocks, in the order of the reference.
    pub blocks: Vec<NestedBlock>,
}

/// A value with a name.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// Its name, snake_case.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Who gives it its value.
    pub giver: Giver,
    /// What it is, Markdown.
    pub description: String,
}

/// Who gives an attribute its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Giver {
    /// The user, always.
    Required,
    /// The user, or nobody.
    Optional,
    /// The provider.
    Computed,
    /// The user, or else the provider.
    OptionalComputed,
}

impl Giver {
    /// Whether the provider may give the value.
    #[must_use]
    pub fn computed(self) -> bool {
        matches!(self, Giver::Computed | Giver::OptionalComputed)
    }

    /// Whether the user may leave the value out, and may give it.
    #[must_use]
    pub fn optional(self) -> bool {
        matches!(self, Giver::Optional | Giver::OptionalComputed)
    }
}

/// A block within a block. Other nestings of the protocol have traps of their own and are not used:
/// maps of blocks cannot be filled by a `dynamic` block over a variable, groups are always there,
/// and elements of sets cannot be pointed at.
#[derive(Clone, Debug)]
pub struct NestedBlock {
    /// Its name, snake_case.
    pub name: String,
    /// How many there are.
    pub nesting: Nesting,
    /// What stands in it.
    pub block: Block,
}

/// How many blocks of a name stand in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    /// One, or none if it is not required.
    Single {
        /// Whether there must be one.
        required: bool,
    },
    /// Any number, in their order.
    List {
        /// The fewest.
        min: u32,
        /// The most; 0 is without limit.
        max: u32,
    },
}

impl Block {
    /// The type of its values.
    #[must_use]
    pub fn ty(&self) -> Type {
        let attributes = self
            .attributes
            .iter()
            .map(|attribute| (attribute.name.clone(), attribute.ty.clone()));
        let blocks = self.blocks.iter().map(|nested| {
            let ty = nested.block.ty();
            let ty = match nested.nesting {
                Nesting::Single { .. } => ty,
                Nesting::List { .. } => Type::List(Box::new(ty)),
            };
            (nested.name.clone(), ty)
        });
        Type::object(attributes.chain(blocks))
    }

    /// The attribute of that name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }
}
