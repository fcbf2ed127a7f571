//! How a kind of application docks.

use super::{Body, DataHints, Health};
use dram_fields::{Fields, Name, Scalar, Template};
use std::collections::BTreeMap;

/// The profile by which a component docks, and what it is given.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct ProfileUse {
    /// Name of the profile: a built-in one, which `dramc profiles` lists, or one that the given files declare.
    pub r#use: Name,
    /// Values of its parameters, by their names. A value is taken as it is: nothing in it is interpreted again.
    pub with: BTreeMap<String, Scalar>,
}

/// How a kind of application docks: fields of a component in which parameters stand for values. It is no resource and
/// never in the catalog: the compiler puts it into the components that use it.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Profile {
    /// What it is for, and what it needs.
    pub doc: Option<String>,
    /// What those who use it say.
    #[field(key = "name")]
    pub parameters: Vec<Parameter>,
    /// The fields. `${parameter}` stands for a value or stands inside text; `$${` is a `${` that is meant as it is. In
    /// the text of a `shell` the value is quoted, so it stands outside of quotes. A field that is a parameter without a
    /// value is left out.
    pub component: Template<ProfileComponent>,
}

/// What those who use a profile say.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: Name,
    /// What may be given.
    #[field(default = ParameterType::Text)]
    pub r#type: ParameterType,
    /// The value where none is given.
    pub default: Option<Scalar>,
    /// Whether it must be given.
    #[field(default = false)]
    pub required: bool,
    /// What it is.
    pub doc: Option<String>,
}

/// What a parameter takes.
#[derive(Fields, Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterType {
    /// Any text.
    Text,
    /// An absolute path as the application sees it.
    Path,
    /// The elements of a list, one in each line. It stands for a whole list or for elements of one.
    Lines,
    /// A whole number.
    Int,
    /// `true` or `false`.
    Bool,
}

/// What a profile says of a component. Its name and its place in the order are the application's to say.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct ProfileComponent {
    /// What it consists of.
    #[field(one_of)]
    pub body: Option<Body>,
    /// What is known of its data before anything was observed.
    pub data: Option<DataHints>,
    /// How to tell that it is up.
    pub health: Vec<Health>,
}
