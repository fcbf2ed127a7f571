//! Text with a format: how it is decoded, kept as what it means and printed canonically.

use std::fmt;
use std::str::FromStr;

/// Text with a format: decoding reads it with `FromStr`, whose error is one clause, and prints it canonically.
#[macro_export]
macro_rules! text_shape {
    ($type:ty, $expected:literal, $format:expr) => {
        impl $crate::Shape for $type {
            const TY: $crate::Ty = $crate::Ty::Text(&$format);

            fn decode(node: &$crate::Node, cx: &mut $crate::Cx<'_>) -> Option<Self> {
                match &node.data {
                    $crate::Data::Text(text) => match text.parse::<Self>() {
                        Ok(value) => Some(value),
                        Err(_) if cx.is_hidden() || $crate::hides_a_secret(text) => {
                            cx.report(
                                $crate::Diagnostic::error(
                                    $crate::Code::WRONG_FORMAT,
                                    node.span,
                                    format!("not {}", $format.name),
                                )
                                .help(format!("for example `{}`", $format.example))
                                .mask(node.span),
                            );
                            None
                        }
                        Err(why) => {
                            cx.report(
                                $crate::Diagnostic::error(
                                    $crate::Code::WRONG_FORMAT,
                                    node.span,
                                    format!("`{text}` is not {}: {why}", $format.name),
                                )
                                .help(format!("for example `{}`", $format.example)),
                            );
                            None
                        }
                    },
                    $crate::Data::Number(text) if !cx.is_hidden() => {
                        let help = match text.parse::<Self>() {
                            Ok(_) => format!("quote it: \"{text}\""),
                            Err(_) => format!("for example `{}`", $format.example),
                        };
                        cx.report(
                            $crate::Diagnostic::error(
                                $crate::Code::WRONG_FORMAT,
                                node.span,
                                format!("expected {}, found the number {text}", $format.name),
                            )
                            .help(help),
                        );
                        None
                    }
                    $crate::Data::Unknown => {
                        cx.unknown();
                        None
                    }
                    _ => {
                        cx.wrong_shape(node, $expected);
                        None
                    }
                }
            }

            fn encode(&self) -> Option<$crate::Node> {
                Some($crate::Node::text(self.to_string()))
            }
        }
    };
}

pub(crate) use text_shape;

/// Whether a text may hold a secret that a finding must not repeat: a field swallowed by a quote in the wrong place, or
/// an address that carries a password.
#[must_use]
pub fn hides_a_secret(text: &str) -> bool {
    crate::check::swallowed(text) || (text.contains("://") && text.contains('@'))
}

pub(crate) fn canonical<T: FromStr<Err = String> + fmt::Display>(text: &str) -> Result<String, String> {
    text.parse::<T>().map(|value| value.to_string())
}
