//! What a parameter is given.

use crate::model::{LogicalPath, Parameter, ParameterType};
use dram_fields::{Data, Scalar, Span};

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Argument {
    /// One value, as plain text and as it stands in a tree.
    One {
        /// As it stands inside text.
        text: String,
        /// What it is where it stands alone.
        is: Plain,
        /// Where it was given.
        span: Option<Span>,
    },
    /// Elements of a list.
    Lines {
        /// The elements.
        lines: Vec<String>,
        /// Where they were given.
        span: Option<Span>,
    },
    /// It has no value, and needs none.
    Absent,
    /// A value that only those who use the profile know.
    Unknown,
    /// Elements of a list that only those who use the profile know.
    UnknownLines,
}

/// What a value is where it stands alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    /// Text.
    Text,
    /// A number.
    Number,
    /// A truth value.
    Bool(bool),
}

impl Plain {
    /// The value in a tree.
    pub(super) fn data(self, text: &str) -> Data {
        match self {
            Self::Text => Data::Text(text.to_owned()),
            Self::Number => Data::Number(text.to_owned()),
            Self::Bool(value) => Data::Bool(value),
        }
    }
}

impl Argument {
    /// What a value means for a parameter of that type.
    ///
    /// # Errors
    /// What the parameter takes instead, when the value is not of its type.
    pub(super) fn read(of: ParameterType, Scalar(text): &Scalar, span: Option<Span>) -> Result<Self, &'static str> {
        let one = |is| Self::One {
            text: text.clone(),
            is,
            span,
        };
        match of {
            ParameterType::Text => Ok(one(Plain::Text)),
            ParameterType::Path => match text.parse::<LogicalPath>() {
                Ok(path) => Ok(Self::One {
                    text: path.to_string(),
                    is: Plain::Text,
                    span,
                }),
                Err(_) => Err("an absolute path"),
            },
            ParameterType::Lines => Ok(Self::Lines {
                lines: text
                    .lines()
                    .filter(|line| !line.is_empty())
                    .map(str::to_owned)
                    .collect(),
                span,
            }),
            ParameterType::Int => match text.parse::<u32>() {
                Ok(number) if number.to_string() == *text => Ok(one(Plain::Number)),
                _ => Err("a whole number"),
            },
            ParameterType::Bool => match text.as_str() {
                "true" => Ok(one(Plain::Bool(true))),
                "false" => Ok(one(Plain::Bool(false))),
                _ => Err("`true` or `false`"),
            },
        }
    }

    /// What holds where nothing is given. A default that is not of the type was told at the profile.
    pub(super) fn of_default(parameter: &Parameter, span: Option<Span>) -> Self {
        match &parameter.default {
            Some(default) => Self::read(parameter.r#type, default, span).unwrap_or(Self::Unknown),
            None => match (parameter.r#type, parameter.required) {
                (ParameterType::Lines, true) => Self::UnknownLines,
                (ParameterType::Lines, false) => Self::Lines {
                    lines: Vec::new(),
                    span: None,
                },
                (_, true) => Self::Unknown,
                (_, false) => Self::Absent,
            },
        }
    }
}
