//! The address of a bucket and a prefix in it: `s3://bucket/prefix?endpoint=…&region=…&profile=…&pathStyle=true`.

use std::fmt;
use std::str::FromStr;

/// Where objects lie.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// The bucket's name.
    pub bucket: String,
    /// What stands before every key, without slashes at its ends; may be empty.
    pub prefix: String,
    /// The region; without it the environment's or the profile's.
    pub region: Option<String>,
    /// `http://host:port` or `https://host` of another store than that of AWS.
    pub endpoint: Option<String>,
    /// The profile of the shared configuration files that credentials and region come from.
    pub profile: Option<String>,
    /// Whether the bucket's name stands in the path and not in the host's name. Unless it is said, it does where an endpoint is
    /// named: few stores other than that of AWS have a host name for each bucket.
    pub path_style: bool,
}

/// A text that is no address of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{address}` is not the address of a bucket: {why}")]
pub struct BadAddress {
    /// The address, without what may be secret in it.
    pub address: String,
    /// What is wrong with it.
    pub why: String,
}

impl Address {
    /// The full key of `key`.
    #[must_use]
    pub fn key(&self, key: &str) -> String {
        match (self.prefix.is_empty(), key.is_empty()) {
            (true, _) => key.to_owned(),
            (false, true) => self.prefix.clone(),
            (false, false) => format!("{}/{key}", self.prefix),
        }
    }

    /// The key below the prefix, if a full key lies there.
    #[must_use]
    pub fn below<'k>(&self, full: &'k str) -> Option<&'k str> {
        if self.prefix.is_empty() {
            return Some(full);
        }
        full.strip_prefix(&self.prefix)?.strip_prefix('/')
    }

    /// The address of one key, for people.
    #[must_use]
    pub fn place(&self, key: &str) -> String {
        let full = self.key(key);
        if full.is_empty() {
            format!("s3://{}", self.bucket)
        } else {
            format!("s3://{}/{full}", self.bucket)
        }
    }

    /// The same bucket, below a further folder.
    #[must_use]
    pub fn join(&self, folder: &str) -> Self {
        Self {
            prefix: self.key(folder),
            ..self.clone()
        }
    }
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let (place, query) = text
            .split_once('?')
            .map_or((text, None), |(place, query)| (place, Some(query)));
        // A password may hide in what is refused: only the plain part is repeated.
        let refuse = |why: String| {
            let shown = if place.contains('@') { "s3://…" } else { place };
            BadAddress {
                address: shown.to_owned(),
                why,
            }
        };
        let Some(rest) = place.strip_prefix("s3://") else {
            return Err(refuse("it does not begin with `s3://`".to_owned()));
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.contains('@') || bucket.contains(':') {
            return Err(refuse(
                "keys do not stand in an address: give them by environment or profile".to_owned(),
            ));
        }
        check_bucket(bucket).map_err(refuse)?;
        let prefix = decoded(prefix.trim_end_matches('/')).map_err(refuse)?;
        if !prefix.is_empty() && prefix.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(refuse("its prefix holds an empty part, `.` or `..`".to_owned()));
        }
        let mut address = Self {
            bucket: bucket.to_owned(),
            prefix,
            region: None,
            endpoint: None,
            profile: None,
            path_style: false,
        };
        let mut path_style = None;
        for pair in query.into_iter().flat_map(|query| query.split('&')) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value).map_err(refuse)?;
            let said_before = match name {
                "region" => address
                    .region
                    .replace(checked_name(name, value).map_err(refuse)?)
                    .is_some(),
                "endpoint" => address
                    .endpoint
                    .replace(checked_endpoint(value).map_err(refuse)?)
                    .is_some(),
                "profile" => address
                    .profile
                    .replace(checked_name(name, value).map_err(refuse)?)
                    .is_some(),
                "pathStyle" => {
                    let said = value.parse::<bool>();
                    path_style
                        .replace(said.map_err(|_| refuse("`pathStyle` is `true` or `false`".to_owned()))?)
                        .is_some()
                }
                other => {
                    let known = "`endpoint`, `region`, `profile` and `pathStyle`";
                    return Err(refuse(format!(
                        "it says `{}`, where {known} are known",
                        other.escape_debug()
                    )));
                }
            };
            if said_before {
                return Err(refuse(format!("it says `{name}` twice")));
            }
        }
        address.path_style = path_style.unwrap_or(address.endpoint.is_some());
        Ok(address)
    }
}

/// A bucket's name as every store accepts it.
fn check_bucket(bucket: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let ends = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if (3..=63).contains(&bucket.len())
        && bucket.chars().all(plain)
        && bucket.starts_with(ends)
        && bucket.ends_with(ends)
        && !bucket.contains("..")
    {
        return Ok(());
    }
    Err(format!(
        "`{}` is no bucket: 3 to 63 of a-z, 0-9, `-` and `.`, with a letter or digit at both ends",
        bucket.escape_debug()
    ))
}

/// The name of a region or a profile.
fn checked_name(what: &str, name: String) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let begins = |c: char| c.is_ascii_alphanumeric();
    if (1..=63).contains(&name.len()) && name.chars().all(plain) && name.starts_with(begins) {
        Ok(name)
    } else {
        Err(format!(
            "its {what} is no name of 1 to 63 letters, digits, `.`, `-` and `_`"
        ))
    }
}

fn checked_endpoint(endpoint: String) -> Result<String, String> {
    let rest = endpoint
        .strip_prefix("https://")
        .or_else(|| endpoint.strip_prefix("http://"));
    // What follows the last `:` is a port, unless it stands inside the brackets of an address.
    let is_port_sound = |host: &str| match host.rsplit_once(':') {
        Some((_, port)) if !port.ends_with(']') => port.parse::<u16>().is_ok_and(|port| port != 0),
        _ => true,
    };
    match rest.map(|rest| rest.trim_end_matches('/')) {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']) && is_port_sound(host) => {
            Ok(endpoint.trim_end_matches('/').to_owned())
        }
        _ => Err("its endpoint is not `http://host:port` or `https://host:port`".to_owned()),
    }
}

fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let value = digit(rest.next())
            .zip(digit(rest.next()))
            .map(|(high, low)| high * 16 + low);
        match value.and_then(|value| u8::try_from(value).ok()) {
            Some(value) => bytes.push(value),
            None => return Err("a `%` is not followed by two hexadecimal digits".to_owned()),
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => Ok(text),
        _ => Err("it holds what is no plain text".to_owned()),
    }
}

fn encoded(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for byte in text.bytes() {
        match byte {
            b'%' | b'?' | b'&' | b'#' | b'=' | b'+' => write!(f, "%{byte:02X}")?,
            byte if byte.is_ascii_graphic() => fmt::Write::write_char(f, char::from(byte))?,
            byte => write!(f, "%{byte:02X}")?,
        }
    }
    Ok(())
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        if !self.prefix.is_empty() {
            f.write_str("/")?;
            encoded(f, &self.prefix)?;
        }
        let path_style = match (self.path_style, self.endpoint.is_some()) {
            (true, false) => Some("true"),
            (false, true) => Some("false"),
            (true, true) | (false, false) => None,
        };
        let pairs = [
            ("endpoint", self.endpoint.as_deref()),
            ("region", self.region.as_deref()),
            ("profile", self.profile.as_deref()),
            ("pathStyle", path_style),
        ];
        let mut mark = '?';
        for (name, value) in pairs {
            if let Some(value) = value {
                write!(f, "{mark}{name}=")?;
                encoded(f, value)?;
                mark = '&';
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_as_they_are_shown() {
        for text in [
            "s3://bucket",
            "s3://bucket/a/b",
            "s3://my.bucket-1/a%20b?endpoint=http://127.0.0.1:7480&region=eu-west-1&profile=backup",
            "s3://bucket?pathStyle=true",
            "s3://bucket?endpoint=https://s3.example&pathStyle=false",
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        let address: Address = "s3://bucket/a/b/?pathStyle=false&endpoint=https://s3.example/"
            .parse()
            .unwrap();
        assert_eq!(address.prefix, "a/b");
        assert_eq!(address.endpoint.as_deref(), Some("https://s3.example"));
        assert!(!address.path_style);
    }

    #[test]
    fn keys_lie_below_the_prefix_and_nowhere_else() {
        let address: Address = "s3://bucket/a".parse().unwrap();
        assert_eq!(address.key("b/c"), "a/b/c");
        assert_eq!(address.below("a/b/c"), Some("b/c"));
        assert_eq!(address.below("ab/c"), None);
        assert_eq!(address.join("t").key("c"), "a/t/c");
        let whole: Address = "s3://bucket".parse().unwrap();
        assert_eq!(whole.key("b"), "b");
        assert_eq!(whole.below("b"), Some("b"));
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_a_secret() {
        for (text, why) in [
            ("s3://AKIA:hunter2@bucket/x", "keys do not stand"),
            ("s3://Bucket", "is no bucket"),
            ("s3://ab", "is no bucket"),
            ("s3://bucket/a//b", "empty part"),
            ("s3://bucket/../b", "empty part"),
            ("s3://bucket?endpoint=ftp://x", "endpoint"),
            ("s3://bucket?endpoint=http://u:hunter2@x", "endpoint"),
            ("s3://bucket?secret=hunter2", "`secret`"),
            ("s3://bucket?pathStyle=yes", "`true` or `false`"),
            ("s3://bucket?region=a&region=b", "it says `region` twice"),
            ("s3://bucket?region=", "its region is no name"),
            ("s3://bucket?profile=-a", "its profile is no name"),
            ("s3://bucket?region=a b", "its region is no name"),
            ("s3://bucket?endpoint=http://host:0", "endpoint"),
            ("s3://bucket?", "it says ``"),
            ("s3://bucket/%zz", "hexadecimal"),
            ("http://bucket", "does not begin"),
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
