//! Paths: absolute, without `..`, in one spelling.

use crate::Format;
use crate::text::{canonical, text_shape};
use std::fmt;
use std::str::FromStr;

/// An absolute path on the machine where the engine runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AbsolutePath(String);

/// An absolute path as the application sees it: mappings and the site's root are applied to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogicalPath(String);

macro_rules! path_shape {
    ($type:ident, $expected:literal, $example:literal) => {
        text_shape!(
            $type,
            $expected,
            Format {
                name: "an absolute path",
                pattern: Some("^/"),
                example: $example,
                canonical: canonical::<$type>,
            }
        );

        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                normal_path(text).map(Self)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<std::path::Path> for $type {
            fn as_ref(&self) -> &std::path::Path {
                std::path::Path::new(&self.0)
            }
        }

        impl $type {
            /// `/`
            #[must_use]
            pub fn root() -> Self {
                Self("/".to_owned())
            }

            /// The path as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

path_shape!(AbsolutePath, "text (an absolute path)", "/mnt/nas/dram");
path_shape!(LogicalPath, "text (an absolute path)", "/srv/shop");

fn normal_path(text: &str) -> Result<String, String> {
    if !text.starts_with('/') {
        return Err("it does not begin with `/`".to_owned());
    }
    if text.contains('\0') {
        return Err("it holds a zero byte".to_owned());
    }
    let mut path = String::with_capacity(text.len());
    for part in text.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            return Err("it goes upwards (`..`)".to_owned());
        }
        path.push('/');
        path.push_str(part);
    }
    if path.is_empty() {
        path.push('/');
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: FromStr<Err = String> + fmt::Display>(text: &str, expected: Result<&str, &str>) {
        let read = text.parse::<T>().map(|value| value.to_string());
        assert_eq!(read.as_deref().map_err(String::as_str), expected, "{text}");
    }

    #[test]
    fn paths_are_safe() {
        check::<AbsolutePath>("/srv//shop/./x/", Ok("/srv/shop/x"));
        check::<AbsolutePath>("/", Ok("/"));
        check::<AbsolutePath>("srv", Err("it does not begin with `/`"));
        check::<LogicalPath>("/srv/../etc", Err("it goes upwards (`..`)"));
    }
}
