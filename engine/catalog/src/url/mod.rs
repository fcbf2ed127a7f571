//! The address of a catalog.

mod percent;
mod postgres;

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use dram_storage::{Address, BadAddress};

pub use postgres::{BadPostgres, PostgresAddress, SslMode};

/// The address of a catalog, such as `file:///var/lib/dram/catalog`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogUrl {
    /// A directory of this machine, absolute and without `..`.
    File(PathBuf),
    /// A bucket of an object store and a prefix in it: `s3://bucket/prefix?endpoint=&region=&profile=&pathStyle=`.
    S3(Address),
    /// A schema of a PostgreSQL database.
    Postgres(PostgresAddress),
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
    /// An `s3://` address that names no bucket.
    #[error(transparent)]
    S3(#[from] BadAddress),
    /// A `postgres://` address that names no schema of a database.
    #[error(transparent)]
    Postgres(#[from] BadPostgres),
}

/// How addresses of directories are written.
const FILE_FORM: &str = "`file:///absolute/path`";
/// How addresses of buckets are written.
const S3_FORM: &str = "`s3://bucket/prefix?endpoint=URL&region=NAME&profile=NAME&pathStyle=false`";
/// How addresses of databases are written.
const POSTGRES_FORM: &str = "`postgres://user@host:port/database?schema=dram&sslmode=verify-full`";

impl BadUrl {
    /// The way out.
    pub fn help(&self) -> String {
        match self {
            BadUrl::NotYet { .. } | BadUrl::Scheme { .. } => {
                format!("give a directory as {FILE_FORM}, a bucket as {S3_FORM} or a database as {POSTGRES_FORM}")
            }
            BadUrl::File { .. } => format!("give a directory as {FILE_FORM}"),
            BadUrl::S3(_) => format!(
                "give a bucket as {S3_FORM}; keys come from the environment, a profile or the machine, never from the address"
            ),
            BadUrl::Postgres(_) => format!(
                "give a database as {POSTGRES_FORM}; the password comes from `PGPASSWORD`, from the file that `PGPASSFILE` names, or from `~/.pgpass`"
            ),
        }
    }
}

impl FromStr for CatalogUrl {
    type Err = BadUrl;

    fn from_str(url: &str) -> Result<Self, BadUrl> {
        let Some((scheme, rest)) = url.split_once("://") else {
            // Where an `@` stands, a password may stand before it.
            let shown = if url.contains('@') { "…" } else { url };
            return Err(BadUrl::Scheme { url: shown.to_owned() });
        };
        match scheme {
            "file" => directory(url, rest),
            "s3" => Ok(CatalogUrl::S3(url.parse()?)),
            "postgres" | "postgresql" => Ok(CatalogUrl::Postgres(url.parse()?)),
            "kubernetes" => Err(BadUrl::NotYet {
                scheme: scheme.to_owned(),
            }),
            // An address of another scheme may carry a password: nothing after the scheme is repeated.
            _ => Err(BadUrl::Scheme {
                url: format!("{scheme}://…"),
            }),
        }
    }
}

/// The directory that `rest`, the part of `url` behind its scheme, names.
fn directory(url: &str, rest: &str) -> Result<CatalogUrl, BadUrl> {
    let refuse = |why| {
        Err(BadUrl::File {
            url: url.to_owned(),
            why,
        })
    };
    if url.contains(char::is_control) {
        return Err(BadUrl::File {
            url: url.escape_debug().to_string(),
            why: "it holds a control character",
        });
    }
    if !rest.starts_with('/') {
        return refuse("the path is not absolute (three slashes follow `file:`)");
    }
    if rest.contains(['?', '#']) {
        return refuse("it carries a `?` or a `#`");
    }
    let Some(path) = percent::decoded(rest) else {
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
            CatalogUrl::S3(address) => address.fmt(f),
            CatalogUrl::Postgres(address) => address.fmt(f),
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
    fn buckets_and_databases() {
        for url in [
            "s3://bucket/a/b?endpoint=http://127.0.0.1:7480&region=eu-west-1",
            "postgres://dram@db/dram?schema=shop",
        ] {
            assert_eq!(url.parse::<CatalogUrl>().unwrap().to_string(), url);
        }
    }

    #[test]
    fn what_is_no_catalog_is_refused_in_words() {
        for (url, message) in [
            ("kubernetes://c/n", "catalogs at `kubernetes://` are not there yet"),
            (
                "s3://AKIA:hunter2@bucket",
                "`s3://…` is not the address of a bucket: keys do not stand in an address: give them by environment or profile",
            ),
            (
                "postgres://dram:hunter2@db/dram",
                "`postgres://…` is not the address of a catalog: a password does not stand in an address",
            ),
            ("dram:hunter2@db", "`…` does not begin with a known scheme"),
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
            assert!(error.help().contains("give a "), "{}", error.help());
        }
    }
}
