//! The address of a catalog.

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

/// The address of a catalog, such as `file:///var/lib/dram/catalog`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogUrl {
    /// A directory of this machine, absolute and without `..`.
    File(PathBuf),
}

/// An address that names no catalog.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// A store that this release does not have.
    #[error("catalogs at `{scheme}://` are not there yet")]
    NotYet {
        /// Its scheme.
        scheme: String,
    },
    /// A scheme that names no store.
    #[error("`{url}` does not begin with a known scheme")]
    Scheme {
        /// The address as given, without what follows its scheme.
        url: String,
    },
    /// A `file://` address that is no absolute path.
    #[error("`{url}` is not the address of a directory: {why}")]
    File {
        /// The address as given.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl BadUrl {
    /// The way out.
    pub fn help(&self) -> String {
        "give a directory as `file:///absolute/path`".to_owned()
    }
}

impl FromStr for CatalogUrl {
    type Err = BadUrl;

    fn from_str(url: &str) -> Result<Self, BadUrl> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(BadUrl::Scheme { url: url.to_owned() });
        };
        match scheme {
            "file" => {}
            "s3" | "postgres" | "kubernetes" => {
                return Err(BadUrl::NotYet {
                    scheme: scheme.to_owned(),
                });
            }
            // An address of another scheme may carry a password: nothing after the scheme is repeated.
            _ => {
                return Err(BadUrl::Scheme {
                    url: format!("{scheme}://…"),
                });
            }
        }
        let refuse = |why| {
            Err(BadUrl::File {
                url: url.to_owned(),
                why,
            })
        };
        if !rest.starts_with('/') {
            return refuse("the path is not absolute (three slashes follow `file:`)");
        }
        if rest.contains(['?', '#']) {
            return refuse("it carries a `?` or a `#`");
        }
        let Some(path) = percent_decoded(rest) else {
            return refuse("a `%` is not followed by two hexadecimal digits of a UTF-8 text");
        };
        if path.contains('\0') {
            return refuse("it holds a zero byte");
        }
        let path = Path::new(&path);
        if path.components().any(|part| part == Component::ParentDir) {
            return refuse("it holds `..`");
        }
        Ok(CatalogUrl::File(path.components().collect()))
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

impl fmt::Display for CatalogUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CatalogUrl::File(path) => {
                f.write_str("file://")?;
                for char in path.to_string_lossy().chars() {
                    match char {
                        '%' => f.write_str("%25")?,
                        '?' => f.write_str("%3F")?,
                        '#' => f.write_str("%23")?,
                        other => fmt::Write::write_char(f, other)?,
                    }
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_of_this_machine() {
        for (url, path, shown) in [
            ("file:///var/lib/dram", "/var/lib/dram", "file:///var/lib/dram"),
            ("file:///var//lib/./dram/", "/var/lib/dram", "file:///var/lib/dram"),
            ("file:///a%20b%23", "/a b#", "file:///a b%23"),
        ] {
            let parsed: CatalogUrl = url.parse().unwrap();
            assert_eq!(parsed, CatalogUrl::File(path.into()));
            assert_eq!(parsed.to_string(), shown);
            assert_eq!(shown.parse::<CatalogUrl>().unwrap(), parsed);
        }
    }

    #[test]
    fn what_is_no_catalog_is_refused_in_words() {
        for (url, message) in [
            ("s3://bucket/prefix", "catalogs at `s3://` are not there yet"),
            (
                "postgres://dram:hunter2@db/dram",
                "catalogs at `postgres://` are not there yet",
            ),
            (
                "mysql://dram:hunter2@db/dram",
                "`mysql://…` does not begin with a known scheme",
            ),
            ("/var/lib/dram", "`/var/lib/dram` does not begin with a known scheme"),
            ("", "`` does not begin with a known scheme"),
            (
                "file://catalog",
                "`file://catalog` is not the address of a directory: the path is not absolute (three slashes follow `file:`)",
            ),
            (
                "file:///a/../b",
                "`file:///a/../b` is not the address of a directory: it holds `..`",
            ),
            (
                "file:///a/%2e%2e/b",
                "`file:///a/%2e%2e/b` is not the address of a directory: it holds `..`",
            ),
            (
                "file:///a?b",
                "`file:///a?b` is not the address of a directory: it carries a `?` or a `#`",
            ),
        ] {
            let error = url.parse::<CatalogUrl>().unwrap_err();
            assert_eq!(error.to_string(), message);
            assert!(error.help().contains("file:///"));
        }
    }
}
