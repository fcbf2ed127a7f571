//! Names of places in object stores: buckets, containers, prefixes, endpoints, and who is asked for them.

use crate::text::{canonical, text_shape};
use crate::{Format, Name};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Text that was checked and is kept as it is.
macro_rules! named_place {
    ($(#[doc = $doc:literal])* $type:ident, $name:literal, $pattern:literal, $example:literal, $check:ident) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        text_shape!(
            $type,
            "text",
            Format {
                name: $name,
                pattern: Some($pattern),
                example: $example,
                canonical: canonical::<$type>,
            }
        );

        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                $check(text).map(Self)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl $type {
            /// As text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

named_place!(
    /// The name of a bucket, as every S3 service accepts it: 3 to 63 lower case letters, digits, dots and dashes.
    Bucket,
    "the name of a bucket",
    "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
    "dram-vault",
    bucket
);

named_place!(
    /// The name of a Swift container: 1 to 256 bytes without `/`.
    Container,
    "the name of a container",
    "^[^/]{1,256}$",
    "dram-vault",
    container
);

named_place!(
    /// Folders in a bucket or container, without a `/` at either end.
    Prefix,
    "a prefix",
    "^[A-Za-z0-9._=+~-]+(/[A-Za-z0-9._=+~-]+)*$",
    "dram/shops",
    prefix
);

named_place!(
    /// The address of an S3 service: scheme, host and port.
    Endpoint,
    "the address of a service",
    "^https?://[^/?#@]+/?$",
    "https://s3.example:9000",
    endpoint
);

named_place!(
    /// The name of a region.
    Region,
    "the name of a region",
    "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
    "eu-central-1",
    word
);

named_place!(
    /// The name of a profile in the AWS configuration files.
    ProfileName,
    "the name of a profile",
    "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
    "dram-writer",
    word
);

named_place!(
    /// The name of a cloud in `clouds.yaml`.
    CloudName,
    "the name of a cloud",
    "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
    "backup-cloud",
    word
);

named_place!(
    /// Where a host is reached: `ssh://`, perhaps a user, a host, perhaps a port. It carries no password.
    SshAddress,
    "the address of a host",
    "^ssh://([A-Za-z0-9._-]+@)?[^/?#@]+$",
    "ssh://dram@branch.example:22",
    ssh_address
);

named_place!(
    /// A host and a port.
    HostAndPort,
    "a host and a port",
    "^[^/?#@]+:[0-9]+$",
    "127.0.0.1:5432",
    with_port
);

named_place!(
    /// An application, or a component of one: `shop`, `shop/db`.
    MemberName,
    "the name of an application or of a component",
    "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(/[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$",
    "shop/db",
    member_name
);

impl HostAndPort {
    /// The host, without the brackets of an IPv6 address, and the port.
    #[must_use]
    pub fn parts(&self) -> (&str, &str) {
        let (host, port) = self.0.rsplit_once(':').unwrap_or((&self.0, ""));
        (host.trim_start_matches('[').trim_end_matches(']'), port)
    }
}

impl MemberName {
    /// The application, and the component where one is named.
    #[must_use]
    pub fn parts(&self) -> (&str, Option<&str>) {
        match self.0.split_once('/') {
            Some((application, component)) => (application, Some(component)),
            None => (&self.0, None),
        }
    }
}

fn bucket(text: &str) -> Result<String, String> {
    if !(3..=63).contains(&text.len()) {
        return Err("it has 3 to 63 characters".to_owned());
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if let Some(bad) = text.chars().find(|c| !(plain(*c) || matches!(c, '.' | '-'))) {
        return Err(format!("`{}` is none of a-z, 0-9, `.` and `-`", bad.escape_debug()));
    }
    if !(text.starts_with(plain) && text.ends_with(plain)) {
        return Err("it begins and ends with a letter or digit".to_owned());
    }
    if text.contains("..") {
        return Err("two dots follow each other".to_owned());
    }
    if text.parse::<IpAddr>().is_ok() {
        return Err("it looks like an address".to_owned());
    }
    Ok(text.to_owned())
}

fn container(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 256 {
        return Err("it has 1 to 256 bytes".to_owned());
    }
    if text.contains('/') {
        return Err("it holds a `/`: what follows it belongs into `prefix`".to_owned());
    }
    if matches!(text, "." | "..") || text.chars().any(char::is_control) {
        return Err("no name on its way through an address".to_owned());
    }
    Ok(text.to_owned())
}

fn prefix(text: &str) -> Result<String, String> {
    if text.starts_with('/') || text.ends_with('/') {
        return Err("it begins or ends with `/`".to_owned());
    }
    if text.len() > 512 {
        return Err("it has 512 bytes at most".to_owned());
    }
    for part in text.split('/') {
        match part {
            "" => return Err("a part between two `/` is empty".to_owned()),
            "." | ".." => return Err(format!("it holds `{part}`")),
            _ => {}
        }
        let plain = |c: &char| c.is_ascii_alphanumeric() || "._=+~-".contains(*c);
        if let Some(bad) = part.chars().find(|c| !plain(c)) {
            let bad = bad.escape_debug();
            return Err(format!("`{bad}` is none of letters, digits and `._=+~-`"));
        }
    }
    Ok(text.to_owned())
}

fn endpoint(text: &str) -> Result<String, String> {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme @ ("http" | "https"), rest)) => (scheme, rest),
        _ => return Err("it does not begin with `https://` or `http://`".to_owned()),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains('/') {
        return Err("it holds a path: the bucket and the prefix are fields of their own".to_owned());
    }
    host_and_port(rest)?;
    Ok(format!("{scheme}://{rest}"))
}

fn ssh_address(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("ssh://").ok_or("it does not begin with `ssh://`")?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let host = match rest.split_once('@') {
        Some((user, _)) if user.contains(':') => {
            return Err("it holds a password: the key is a field of its own, `identity`".to_owned());
        }
        Some((user, host)) => {
            word(user).map_err(|why| format!("its user: {why}"))?;
            host
        }
        None => rest,
    };
    if host.contains('/') {
        return Err("it holds a path: where components lie is said by `root`".to_owned());
    }
    host_and_port(host)?;
    Ok(format!("ssh://{rest}"))
}

fn with_port(text: &str) -> Result<String, String> {
    host_and_port(text)?;
    let after_host = text.rsplit_once(']').map_or(text, |(_, rest)| rest);
    if after_host.contains(':') {
        Ok(text.to_owned())
    } else {
        Err("its port is missing".to_owned())
    }
}

fn member_name(text: &str) -> Result<String, String> {
    let mut parts = text.splitn(2, '/');
    let sound = parts.all(|part| part.parse::<Name>().is_ok());
    if sound {
        Ok(text.to_owned())
    } else {
        Err("it is `application` or `application/component`".to_owned())
    }
}

/// Checks the `host[:port]` of an address.
///
/// # Errors
/// What is wrong with it, in one clause that does not repeat it.
pub fn host_and_port(text: &str) -> Result<(), String> {
    if text.contains('@') {
        return Err("it holds a user: credentials are fields of their own".to_owned());
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or("its `[` is not closed")?;
            host.parse::<std::net::Ipv6Addr>()
                .map_err(|_| "no IPv6 address stands between `[` and `]`".to_owned())?;
            match port {
                "" => (host, None),
                port => (host, Some(port.strip_prefix(':').ok_or("no port follows the `]`")?)),
            }
        }
        None => {
            let (host, port) = match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            };
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            if !host.chars().all(plain) || host.starts_with(['.', '-']) {
                return Err("its host is no name and no address".to_owned());
            }
            (host, port)
        }
    };
    if host.is_empty() {
        return Err("its host is missing".to_owned());
    }
    let sound = |port: &str| {
        port.parse::<u16>()
            .is_ok_and(|number| number > 0 && number.to_string() == port)
    };
    if port.is_some_and(|port| !sound(port)) {
        return Err("its port is no number from 1 to 65535".to_owned());
    }
    Ok(())
}

fn word(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if text.is_empty() || text.len() > 63 {
        return Err("it has 1 to 63 characters".to_owned());
    }
    if let Some(bad) = text.chars().find(|c| !plain(*c)) {
        let bad = bad.escape_debug();
        return Err(format!("`{bad}` is none of letters, digits, `.`, `_` and `-`"));
    }
    if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err("it does not begin with a letter or digit".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: FromStr<Err = String> + fmt::Display>(text: &str, expected: Result<&str, &str>) {
        let read = text.parse::<T>().map(|value| value.to_string());
        assert_eq!(read.as_deref().map_err(String::as_str), expected, "{text}");
    }

    #[test]
    fn buckets_and_containers() {
        check::<Bucket>("dram.vault-1", Ok("dram.vault-1"));
        check::<Bucket>("ab", Err("it has 3 to 63 characters"));
        check::<Bucket>(&"a".repeat(64), Err("it has 3 to 63 characters"));
        check::<Bucket>("Dram", Err("`D` is none of a-z, 0-9, `.` and `-`"));
        check::<Bucket>("a_b", Err("`_` is none of a-z, 0-9, `.` and `-`"));
        check::<Bucket>("dram-", Err("it begins and ends with a letter or digit"));
        check::<Bucket>("a..b", Err("two dots follow each other"));
        check::<Bucket>("192.168.0.1", Err("it looks like an address"));
        check::<Container>("Dram vault", Ok("Dram vault"));
        check::<Container>("a/b", Err("it holds a `/`: what follows it belongs into `prefix`"));
        check::<Container>("", Err("it has 1 to 256 bytes"));
        check::<Container>("..", Err("no name on its way through an address"));
    }

    #[test]
    fn prefixes() {
        check::<Prefix>("a/b.c/d=1", Ok("a/b.c/d=1"));
        check::<Prefix>("/a", Err("it begins or ends with `/`"));
        check::<Prefix>("a/", Err("it begins or ends with `/`"));
        check::<Prefix>("a//b", Err("a part between two `/` is empty"));
        check::<Prefix>("a/../b", Err("it holds `..`"));
        check::<Prefix>("a/./b", Err("it holds `.`"));
        check::<Prefix>("a b", Err("` ` is none of letters, digits and `._=+~-`"));
        check::<Prefix>("", Err("a part between two `/` is empty"));
    }

    #[test]
    fn endpoints() {
        check::<Endpoint>("https://s3.example", Ok("https://s3.example"));
        check::<Endpoint>("http://127.0.0.1:7480/", Ok("http://127.0.0.1:7480"));
        check::<Endpoint>("http://[::1]:7480", Ok("http://[::1]:7480"));
        for (text, why) in [
            ("s3.example", "it does not begin with `https://` or `http://`"),
            ("ftp://s3.example", "it does not begin with `https://` or `http://`"),
            (
                "https://s3.example/bucket",
                "it holds a path: the bucket and the prefix are fields of their own",
            ),
            (
                "https://key:hunter2@s3.example",
                "it holds a user: credentials are fields of their own",
            ),
            ("https://s3.example?a", "its host is no name and no address"),
            ("https://", "its host is missing"),
            ("https://s3.example:0", "its port is no number from 1 to 65535"),
            ("https://s3.example:+1", "its port is no number from 1 to 65535"),
            ("https://[::g]", "no IPv6 address stands between `[` and `]`"),
            ("https://[::1]7", "no port follows the `]`"),
            ("https://[::1", "its `[` is not closed"),
        ] {
            check::<Endpoint>(text, Err(why));
        }
    }

    #[test]
    fn ssh_addresses() {
        check::<SshAddress>("ssh://branch.example", Ok("ssh://branch.example"));
        check::<SshAddress>("ssh://dram@branch.example:22/", Ok("ssh://dram@branch.example:22"));
        check::<SshAddress>("ssh://dram@[::1]:22", Ok("ssh://dram@[::1]:22"));
        for (text, why) in [
            ("branch.example", "it does not begin with `ssh://`"),
            (
                "ssh://dram:hunter2@branch.example",
                "it holds a password: the key is a field of its own, `identity`",
            ),
            ("ssh://-x@branch", "its user: it does not begin with a letter or digit"),
            (
                "ssh://dram@branch/srv",
                "it holds a path: where components lie is said by `root`",
            ),
            ("ssh://dram@", "its host is missing"),
        ] {
            check::<SshAddress>(text, Err(why));
        }
    }

    #[test]
    fn hosts_with_ports() {
        check::<HostAndPort>("db.example:5432", Ok("db.example:5432"));
        check::<HostAndPort>("[::1]:5432", Ok("[::1]:5432"));
        check::<HostAndPort>("db.example", Err("its port is missing"));
        check::<HostAndPort>("[::1]", Err("its port is missing"));
        check::<HostAndPort>(":80", Err("its host is missing"));
    }

    #[test]
    fn members() {
        check::<MemberName>("shop", Ok("shop"));
        check::<MemberName>("shop/db", Ok("shop/db"));
        for text in ["", "shop/", "/db", "shop/db/x", "Shop"] {
            check::<MemberName>(text, Err("it is `application` or `application/component`"));
        }
        let member: MemberName = "shop/db".parse().unwrap();
        assert_eq!(member.parts(), ("shop", Some("db")));
    }

    #[test]
    fn words() {
        check::<Region>("eu-central-1", Ok("eu-central-1"));
        check::<ProfileName>("-x", Err("it does not begin with a letter or digit"));
        check::<CloudName>("a b", Err("` ` is none of letters, digits, `.`, `_` and `-`"));
        check::<CloudName>("", Err("it has 1 to 63 characters"));
    }
}
