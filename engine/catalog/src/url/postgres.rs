//! The address of a schema in a PostgreSQL database.

use std::fmt;
use std::str::FromStr;

use super::percent;

const PORT: u16 = 5432;
const SCHEMA: &str = "dram";

/// The longest name that PostgreSQL keeps whole, in bytes.
const LONGEST_NAME: usize = 63;

/// `postgres://[user@]host[:port]/database?schema=dram&sslmode=prefer`: each schema is a catalog of its own. It holds no
/// password: that comes from `PGPASSWORD` or a password file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresAddress {
    /// Who connects; without it `PGUSER`, else the user of this process.
    pub user: Option<String>,
    /// The server: a name or an address, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The database.
    pub database: String,
    /// The schema: lower case letters, digits and `_`.
    pub schema: String,
    /// How the connection is protected.
    pub sslmode: SslMode,
}

/// How a connection is protected. The words are those of PostgreSQL's own clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SslMode {
    /// Never encrypted.
    Disable,
    /// Encrypted if the server can. Somebody in between can read along or turn it off.
    #[default]
    Prefer,
    /// Encrypted. Whoever answers is believed to be the server.
    Require,
    /// Encrypted, and the server proves its name by a certificate that this machine's roots vouch for.
    VerifyFull,
}

/// A text that is no address of a schema. It does not repeat the text, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`postgres://…` is not the address of a catalog: {why}")]
pub struct BadPostgres {
    /// What is wrong with it.
    pub why: String,
}

fn refuse<T>(why: impl Into<String>) -> Result<T, BadPostgres> {
    Err(BadPostgres { why: why.into() })
}

impl FromStr for PostgresAddress {
    type Err = BadPostgres;

    fn from_str(text: &str) -> Result<Self, BadPostgres> {
        let rest = text.strip_prefix("postgres://");
        let Some(rest) = rest.or_else(|| text.strip_prefix("postgresql://")) else {
            return refuse("it does not begin with `postgres://`");
        };
        if rest.contains('#') {
            return refuse("it carries a `#`");
        }
        let (place, query) = rest
            .split_once('?')
            .map_or((rest, None), |(place, query)| (place, Some(query)));
        // The last `@` ends the user, whatever stands in a password that should not be there at all.
        let (user, place) = match place.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, place),
        };
        if user.is_some_and(|user| user.contains(':')) {
            return refuse("a password does not stand in an address");
        }
        let Some((server, database)) = place.split_once('/') else {
            return refuse("it names no database (`postgres://host/database`)");
        };
        if database.contains('/') {
            return refuse("a `/` stands in its database: write it as `%2F`");
        }
        let (host, port) = server_of(server)?;
        let database = plain("database", database)?;
        let user = user.map(|user| plain("user", user)).transpose()?;
        let (mut schema, mut sslmode) = (None, None);
        for pair in query.into_iter().flat_map(|query| query.split('&')) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let said_before = match name {
                "schema" => schema.replace(schema_of(value)?).is_some(),
                "sslmode" => sslmode.replace(value.parse()?).is_some(),
                "password" => return refuse("a password does not stand in an address"),
                other => {
                    let other = other.escape_debug();
                    return refuse(format!("it says `{other}`, where `schema` and `sslmode` are known"));
                }
            };
            if said_before {
                return refuse(format!("it says `{name}` twice"));
            }
        }
        Ok(PostgresAddress {
            user,
            host,
            port,
            database,
            schema: schema.unwrap_or_else(|| SCHEMA.to_owned()),
            sslmode: sslmode.unwrap_or_default(),
        })
    }
}

fn server_of(server: &str) -> Result<(String, u16), BadPostgres> {
    let (host, port) = match server.strip_prefix('[') {
        Some(rest) => {
            let Some((host, after)) = rest.split_once(']') else {
                return refuse("a `[` is not closed");
            };
            if host.parse::<std::net::Ipv6Addr>().is_err() {
                return refuse("no IPv6 address stands in the brackets");
            }
            match after.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if after.is_empty() => (host, None),
                None => return refuse("something follows the `]`"),
            }
        }
        None => match server.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (server, None),
        },
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if host.is_empty() {
        return refuse("it names no host");
    }
    if !server.starts_with('[') && !host.chars().all(fits) {
        return refuse("its host is no name of one machine");
    }
    let port = match port {
        None => PORT,
        Some(port) => match port.parse() {
            Ok(port) if port != 0 => port,
            _ => return refuse("its port is no number from 1 to 65535"),
        },
    };
    Ok((host.to_owned(), port))
}

fn plain(what: &str, text: &str) -> Result<String, BadPostgres> {
    match percent::decoded(text) {
        Some(text) if !text.is_empty() && !text.chars().any(char::is_control) => Ok(text),
        _ => refuse(format!("its {what} is empty or no plain text")),
    }
}

fn schema_of(text: &str) -> Result<String, BadPostgres> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let reserved = text.starts_with("pg_") || text == "information_schema";
    if text.is_empty()
        || text.len() > LONGEST_NAME
        || !text.chars().all(fits)
        || text.starts_with(|c: char| c.is_ascii_digit())
        || reserved
    {
        return refuse(format!(
            "its schema is no name of up to {LONGEST_NAME} lower case letters, digits and `_` that PostgreSQL leaves to its users"
        ));
    }
    Ok(text.to_owned())
}

impl FromStr for SslMode {
    type Err = BadPostgres;

    fn from_str(text: &str) -> Result<Self, BadPostgres> {
        Ok(match text {
            "disable" => SslMode::Disable,
            "prefer" => SslMode::Prefer,
            "require" => SslMode::Require,
            "verify-full" => SslMode::VerifyFull,
            _ => return refuse("its `sslmode` is none of `disable`, `prefer`, `require` and `verify-full`"),
        })
    }
}

impl SslMode {
    const fn as_str(self) -> &'static str {
        match self {
            SslMode::Disable => "disable",
            SslMode::Prefer => "prefer",
            SslMode::Require => "require",
            SslMode::VerifyFull => "verify-full",
        }
    }
}

impl fmt::Display for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(user) = &self.user {
            percent::encode(f, user)?;
            f.write_str("@")?;
        }
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)?;
        } else {
            f.write_str(&self.host)?;
        }
        if self.port != PORT {
            write!(f, ":{}", self.port)?;
        }
        f.write_str("/")?;
        percent::encode(f, &self.database)?;
        let schema = (self.schema != SCHEMA).then_some(("schema", self.schema.as_str()));
        let sslmode = (self.sslmode != SslMode::default()).then_some(("sslmode", self.sslmode.as_str()));
        let mut mark = '?';
        for (name, value) in schema.into_iter().chain(sslmode) {
            write!(f, "{mark}{name}={value}")?;
            mark = '&';
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_as_they_are_shown() {
        for (text, shown) in [
            ("postgres://db/dram", "postgres://db/dram"),
            (
                "postgresql://db:5432/dram?schema=dram&sslmode=prefer",
                "postgres://db/dram",
            ),
            (
                "postgres://back%40up@db.example:6432/a%2Fb?sslmode=verify-full&schema=shop_1",
                "postgres://back%40up@db.example:6432/a%2Fb?schema=shop_1&sslmode=verify-full",
            ),
            (
                "postgres://u@[::1]:1/d?sslmode=disable",
                "postgres://u@[::1]:1/d?sslmode=disable",
            ),
            (
                "postgres://10.0.0.1/d?sslmode=require",
                "postgres://10.0.0.1/d?sslmode=require",
            ),
        ] {
            let address: PostgresAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(shown.parse::<PostgresAddress>().unwrap(), address);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_a_secret() {
        for (text, why) in [
            ("postgres://dram:hunter2@db/dram", "a password does not stand"),
            ("postgres://dram:hun@ter2@db/dram", "a password does not stand"),
            ("postgres://db/dram?password=hunter2", "a password does not stand"),
            ("postgres://dram:hunter2/x@db/dram", "a password does not stand"),
            ("postgres://dram:hunter2", "no database"),
            ("postgres://dram:hunter2/dram", "port"),
            ("postgres://db", "no database"),
            ("postgres://db/", "database is empty"),
            ("postgres:///dram", "no host"),
            ("postgres://a,b/dram", "one machine"),
            ("postgres://%2Frun/dram", "one machine"),
            ("postgres://[::1/dram", "not closed"),
            ("postgres://[x]/dram", "IPv6"),
            ("postgres://[::1]x/dram", "follows"),
            ("postgres://db:0/dram", "port"),
            ("postgres://db:70000/dram", "port"),
            ("postgres://@db/dram", "user is empty"),
            ("postgres://db/a%00b", "no plain text"),
            ("postgres://db/dram#x", "`#`"),
            ("postgres://db/dram?sslmode=verify-ca", "`verify-full`"),
            ("postgres://db/dram?sslmode=require&sslmode=disable", "`sslmode` twice"),
            ("postgres://db/dram?hunter=hunter2", "it says `hunter`,"),
            ("postgres://db/dram?schema=", "its schema"),
            ("postgres://db/dram?schema=Dram", "its schema"),
            ("postgres://db/dram?schema=a\"b", "its schema"),
            ("postgres://db/dram?schema=1a", "its schema"),
            ("postgres://db/dram?schema=pg_x", "its schema"),
            ("postgres://db/dram?schema=information_schema", "its schema"),
            ("mysql://db/dram", "does not begin"),
        ] {
            let error = text.parse::<PostgresAddress>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        let long = format!("postgres://db/dram?schema={}", "a".repeat(64));
        assert!(long.parse::<PostgresAddress>().is_err());
    }
}
