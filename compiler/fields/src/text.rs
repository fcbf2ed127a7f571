//! Text with a format: how it is decoded, kept as what it means and printed canonically.

use crate::{Code, Diagnostic, Fix, Format, Span};
use std::fmt;
use std::str::FromStr;

/// Text with a format: decoding reads it with `FromStr`, whose error is one clause, and prints it canonically. A fourth
/// part tells what a text that is not of the format must have meant, `fn(&str) -> Option<String>`.
#[macro_export]
macro_rules! text_shape {
    ($type:ty, $expected:literal, $format:expr) => {
        $crate::text_shape!($type, $expected, $format, |_: &str| None);
    };
    ($type:ty, $expected:literal, $format:expr, $respelled:expr) => {
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
                            let message = format!("`{text}` is not {}: {why}", $format.name);
                            let fix = $crate::respelled::<Self>(node.span, text, $respelled);
                            cx.report($crate::wrong_format(node.span, message, &$format, fix));
                            None
                        }
                    },
                    $crate::Data::Number(text) if !cx.is_hidden() => {
                        let message = format!("expected {}, found the number {text}", $format.name);
                        let fix = match text.parse::<Self>() {
                            Ok(_) => Some($crate::Fix::quote(node.span)),
                            Err(_) => $crate::respelled::<Self>(node.span, text, $respelled),
                        };
                        cx.report($crate::wrong_format(node.span, message, &$format, fix));
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

/// A finding about text that is not of a format: the way out is the fix, or else an example.
#[must_use]
pub fn wrong_format(span: Span, message: String, format: &Format, fix: Option<Fix>) -> Diagnostic {
    let help = match &fix {
        Some(fix) => fix.why.clone(),
        None => format!("for example `{}`", format.example),
    };
    Diagnostic::error(Code::WRONG_FORMAT, span, message).help(help).fix(fix)
}

/// The fix of a text that must have meant another one, which is of the format.
#[must_use]
pub fn respelled<T: FromStr>(span: Span, text: &str, meant: impl Fn(&str) -> Option<String>) -> Option<Fix> {
    let meant = meant(text).filter(|meant| meant.parse::<T>().is_ok())?;
    Some(Fix::word(span, &meant))
}

/// Whether a text may hold a secret that a finding must not repeat: a field swallowed by a quote in the wrong place, or
/// an address that carries a password.
#[must_use]
pub fn hides_a_secret(text: &str) -> bool {
    crate::check::swallowed(text) || (text.contains("://") && text.contains('@'))
}

pub(crate) fn canonical<T: FromStr<Err = String> + fmt::Display>(text: &str) -> Result<String, String> {
    text.parse::<T>().map(|value| value.to_string())
}
