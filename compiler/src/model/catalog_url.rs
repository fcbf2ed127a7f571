//! The address of a catalog, as far as its text tells. What opens it reads it with a parser of its own.

use crate::diagnostic::compiler_codes as codes;
use dram_fields::{
    Bucket, Code, Cx, Data, Diagnostic, Endpoint, Format, Node, Prefix, ProfileName, Region, Shape, Ty, closest,
    host_and_port, looks_secret,
};
use std::fmt;
use std::str::FromStr;

/// The address of a catalog, without a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogUrl(String);

impl CatalogUrl {
    /// Whether a text that was meant as an address may hold a password, so that no message repeats it.
    #[must_use]
    pub fn may_hold_a_secret(text: &str) -> bool {
        // Behind `user:` stands a password also where the `@` was forgotten.
        let other = |rest: &str, scheme: &str| !matches!(scheme, "file" | "s3") && rest.contains(':');
        let unescaped = text.split_once("://").is_some_and(|(scheme, rest)| other(rest, scheme));
        text.contains('@')
            || unescaped
            || looks_secret(text)
            || matches!(text.parse(), Err::<Self, _>(BadCatalogUrl::Secret(_)))
    }

    /// The address as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CatalogUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::ops::Deref for CatalogUrl {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

const CATALOG_URL: Format = Format {
    name: "the address of a catalog",
    pattern: Some("^(file:///|s3://|postgres://|postgresql://)"),
    example: "file:///var/lib/dram/catalog",
    canonical: |text| {
        text.parse::<CatalogUrl>()
            .map(|url| url.0)
            .map_err(|bad| bad.why().to_owned())
    },
};

/// What is wrong with an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadCatalogUrl {
    /// It carries a secret; the way out.
    Secret(&'static str),
    /// It is no address of a catalog; why, in one clause.
    Address(String),
}

impl BadCatalogUrl {
    fn why(&self) -> &str {
        match self {
            Self::Secret(help) => help,
            Self::Address(why) => why,
        }
    }
}

const NO_PASSWORD: &str =
    "remove the password: the engine reads it from `PGPASSWORD` or from the file that `PGPASSFILE` names";
const NO_KEYS: &str =
    "remove the keys: name a profile of the AWS configuration with `?profile=NAME`, or set them in the environment";
const SCHEMA: &str =
    "its `schema` is no name of up to 63 lower case letters, digits and `_` that PostgreSQL leaves to its users";
const NO_SCHEME: &str = "it begins with none of `file://`, `s3://` and `postgres://`";
const SCHEMES: &str = "a catalog is `file:///…`, `s3://bucket/prefix` or `postgres://user@host/database`";

impl FromStr for CatalogUrl {
    type Err = BadCatalogUrl;

    fn from_str(text: &str) -> Result<Self, BadCatalogUrl> {
        let (scheme, rest) = text
            .split_once("://")
            .ok_or(BadCatalogUrl::Address(NO_SCHEME.to_owned()))?;
        if text.chars().any(char::is_control) {
            return address("it holds a control character");
        }
        match scheme {
            "file" => file(rest),
            "s3" => s3(rest),
            "postgres" | "postgresql" => postgres(rest),
            _ => address(NO_SCHEME),
        }?;
        Ok(Self(text.to_owned()))
    }
}

fn address<T>(why: impl Into<String>) -> Result<T, BadCatalogUrl> {
    Err(BadCatalogUrl::Address(why.into()))
}

fn file(rest: &str) -> Result<(), BadCatalogUrl> {
    if !rest.starts_with('/') {
        return address("its path is not absolute: three slashes follow `file:`");
    }
    if rest.contains(['?', '#']) {
        return address("it carries a `?` or a `#`");
    }
    match decoded(rest) {
        None => address("a `%` in it is not followed by two hexadecimal digits"),
        Some(path) if path.contains('\0') => address("it holds a zero byte"),
        Some(path) if path.split('/').any(|part| part == "..") => address("it goes upwards (`..`)"),
        Some(_) => Ok(()),
    }
}

fn s3(rest: &str) -> Result<(), BadCatalogUrl> {
    let (place, query) = rest
        .split_once('?')
        .map_or((rest, None), |(place, query)| (place, Some(query)));
    if place.contains('@') {
        return Err(BadCatalogUrl::Secret(NO_KEYS));
    }
    let (bucket, prefix) = place
        .split_once('/')
        .map_or((place, ""), |(bucket, prefix)| (bucket, prefix));
    part::<Bucket>("bucket", bucket)?;
    let prefix = prefix.trim_end_matches('/');
    if !prefix.is_empty() {
        part::<Prefix>("prefix", prefix)?;
    }
    const KEYS: [&str; 4] = ["endpoint", "region", "profile", "pathStyle"];
    for (key, value) in pairs(query, &KEYS, NO_KEYS)? {
        match key {
            "endpoint" if value.contains('@') => return Err(BadCatalogUrl::Secret(NO_KEYS)),
            "endpoint" => part::<Endpoint>(key, &value)?,
            "region" => part::<Region>(key, &value)?,
            "profile" => part::<ProfileName>(key, &value)?,
            _ if matches!(value.as_str(), "true" | "false") => {}
            _ => return address("its `pathStyle` is neither `true` nor `false`"),
        }
    }
    Ok(())
}

fn postgres(rest: &str) -> Result<(), BadCatalogUrl> {
    let (place, query) = rest
        .split_once('?')
        .map_or((rest, None), |(place, query)| (place, Some(query)));
    // A password may hold a `/` or a `@` that nobody escaped: everything before the last `@` counts as the user's part.
    let (user, server) = place
        .rsplit_once('@')
        .map_or((None, place), |(user, server)| (Some(user), server));
    if user.is_some_and(|user| user.contains([':', '/', '@'])) {
        return Err(BadCatalogUrl::Secret(NO_PASSWORD));
    }
    if user == Some("") {
        return address("no user stands before the `@`");
    }
    let Some((host, database)) = server.split_once('/').filter(|(_, database)| !database.is_empty()) else {
        return address("it names no database: `postgres://user@host:5432/database`");
    };
    if database.contains(['/', '#']) || decoded(database).is_none_or(|name| name.contains('\0')) {
        return address("its database is no plain text");
    }
    host_and_port(host).or_else(address)?;
    const MODES: [&str; 4] = ["disable", "prefer", "require", "verify-full"];
    for (key, value) in pairs(query, &["schema", "sslmode"], NO_PASSWORD)? {
        match key {
            "schema" if schema(&value) => {}
            "schema" => return address(SCHEMA),
            _ if MODES.contains(&value.as_str()) => {}
            _ => return address(format!("its `sslmode` is none of {}", MODES.join(", "))),
        }
    }
    Ok(())
}

fn schema(name: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let reserved = name.starts_with("pg_") || name == "information_schema";
    let first = |c: char| c.is_ascii_lowercase() || c == '_';
    name.len() <= 63 && name.chars().all(word) && name.starts_with(first) && !reserved
}

fn part<T: FromStr<Err = String>>(what: &str, text: &str) -> Result<(), BadCatalogUrl> {
    match text.parse::<T>() {
        Ok(_) => Ok(()),
        Err(why) => address(format!("its {what}: {why}")),
    }
}

/// The keys and values after the `?`, each key once and one that is known.
fn pairs<'q>(
    query: Option<&'q str>,
    known: &[&'static str],
    way_out: &'static str,
) -> Result<Vec<(&'static str, String)>, BadCatalogUrl> {
    let mut found: Vec<(&'static str, String)> = Vec::new();
    for pair in query.into_iter().flat_map(|query: &'q str| query.split('&')) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Some(key) = known.iter().copied().find(|name| *name == key) else {
            if looks_secret(key) || key.to_ascii_lowercase().contains("key") {
                return Err(BadCatalogUrl::Secret(way_out));
            }
            let way_out = match closest(key, known.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("it takes {}", known.join(", ")),
            };
            return address(format!("a key after its `?` is not known; {way_out}"));
        };
        if found.iter().any(|(name, _)| *name == key) {
            return address(format!("its `{key}` is given twice"));
        }
        if value.is_empty() {
            return address(format!("its `{key}` is empty"));
        }
        match decoded(value) {
            Some(value) => found.push((key, value)),
            None => {
                return address(format!(
                    "a `%` in its `{key}` is not followed by two hexadecimal digits"
                ));
            }
        }
    }
    Ok(found)
}

/// Text with `%3A` and the like read.
fn decoded(text: &str) -> Option<String> {
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

impl Shape for CatalogUrl {
    const TY: Ty = Ty::Text(&CATALOG_URL);

    fn decode(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        match &node.data {
            Data::Text(text) => match text.parse::<Self>() {
                Ok(url) => Some(url),
                Err(BadCatalogUrl::Secret(way_out)) => {
                    let message = "a secret stands in the address of the catalog";
                    cx.report(
                        Diagnostic::error(Code::LITERAL_SECRET, node.span, message)
                            .help(way_out)
                            .mask(node.span),
                    );
                    None
                }
                // What is no address may still carry a secret.
                Err(BadCatalogUrl::Address(why)) if Self::may_hold_a_secret(text) => {
                    let message = format!("this cannot be used as an address: {why}");
                    cx.report(
                        Diagnostic::error(codes::BAD_URL, node.span, message)
                            .help(SCHEMES)
                            .mask(node.span),
                    );
                    None
                }
                Err(BadCatalogUrl::Address(why)) => {
                    let message = format!("`{text}` cannot be used as an address: {why}");
                    cx.report(Diagnostic::error(codes::BAD_URL, node.span, message).help(SCHEMES));
                    None
                }
            },
            Data::Unknown => {
                cx.unknown();
                None
            }
            _ => {
                cx.wrong_shape(node, "text (the address of a catalog)");
                None
            }
        }
    }

    fn encode(&self) -> Option<Node> {
        Some(Node::text(self.0.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn catalogs_of_three_kinds() {
        for text in [
            "file:///var/lib/dram/catalog",
            "s3://records",
            "s3://records/dram/shops",
            "s3://records/dram?endpoint=http://127.0.0.1:7480&region=eu-central-1&profile=dram&pathStyle=true",
            "s3://records/dram?endpoint=https%3A%2F%2Fs3.example",
            "postgres://db.example/dram",
            "postgres://dram@db.example:5432/dram?schema=records&sslmode=verify-full",
            "postgres://dram@[::1]:5432/dram",
            "postgresql://db/a%2Fb",
            "s3://records/dram/",
            "file:///srv/my shelf",
        ] {
            assert_eq!(text.parse::<CatalogUrl>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_secret_in_an_address_is_told_from_a_mistake() {
        for text in [
            "postgres://dram:hunter2@db/dram",
            "postgres://dram:hun/ter2@db/dram",
            "postgres://dram:hun@ter2@db/dram",
            "postgres://dram@db/dram?password=hunter2",
            "s3://AKIA:hunter2@records/dram",
            "s3://records/dram?secretKey=hunter2",
            "s3://records/dram?accessKey=hunter2",
            "s3://records/dram?endpoint=http://a:hunter2@host",
        ] {
            let bad = text.parse::<CatalogUrl>().unwrap_err();
            assert!(matches!(bad, BadCatalogUrl::Secret(_)), "{text}: {bad:?}");
            assert!(CatalogUrl::may_hold_a_secret(text));
        }
        for text in [
            "postgres://dram:hunter2",
            "postgres://dram:hunter2/dram",
            "mysql://a:hunter2@b",
            "dram:hunter2@db",
        ] {
            assert!(text.parse::<CatalogUrl>().is_err() && CatalogUrl::may_hold_a_secret(text));
        }
        for text in ["/var/lib/dram", "file:///a?b", "s3://a", "s3://abc?endpoint=http://h"] {
            assert!(!CatalogUrl::may_hold_a_secret(text), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_in_a_clause() {
        for (text, why) in [
            ("/var/lib", NO_SCHEME),
            ("ftp://x", NO_SCHEME),
            (
                "file://catalog",
                "its path is not absolute: three slashes follow `file:`",
            ),
            ("file:///a?b", "it carries a `?` or a `#`"),
            ("s3://Ab1", "its bucket: `A` is none of a-z, 0-9, `.` and `-`"),
            ("s3://records/a//b", "its prefix: a part between two `/` is empty"),
            ("s3://records/", ""),
            (
                "s3://records?regoin=x",
                "a key after its `?` is not known; did you mean `region`?",
            ),
            (
                "s3://records?pathStyle=yes",
                "its `pathStyle` is neither `true` nor `false`",
            ),
            ("s3://records?region=a&region=b", "its `region` is given twice"),
            ("s3://records?region=", "its `region` is empty"),
            (
                "s3://records?region=%4",
                "a `%` in its `region` is not followed by two hexadecimal digits",
            ),
            (
                "postgres://db",
                "it names no database: `postgres://user@host:5432/database`",
            ),
            ("postgres://@db/x", "no user stands before the `@`"),
            ("postgres:///x", "its host is missing"),
            ("file:///a/../b", "it goes upwards (`..`)"),
            ("file:///a/%2e%2e/b", "it goes upwards (`..`)"),
            ("file:///a%2", "a `%` in it is not followed by two hexadecimal digits"),
            ("postgres://db/a#b", "its database is no plain text"),
            ("postgres://db/x?schema=1", SCHEMA),
            ("postgres://db/x?schema=pg_x", SCHEMA),
            ("postgres://db/x?schema=Shop", SCHEMA),
            ("postgres://db/x?schema=information_schema", SCHEMA),
            (
                "postgres://db/x?sslmode=on",
                "its `sslmode` is none of disable, prefer, require, verify-full",
            ),
        ] {
            match text.parse::<CatalogUrl>() {
                Err(BadCatalogUrl::Address(found)) => assert_eq!(found, why, "{text}"),
                Ok(_) => assert!(why.is_empty(), "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
