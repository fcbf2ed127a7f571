//! Names as they may stand in a key: whoever holds one of these types holds a name that cannot leave its folder.

use std::fmt;

/// A text that may not be used as the name it was meant to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a valid {what}")]
pub struct BadName {
    /// What it was meant to name, such as `tenant`.
    pub what: &'static str,
    /// The text, made printable and shortened.
    pub given: String,
    rule: &'static str,
}

impl BadName {
    fn new(what: &'static str, given: &str, rule: &'static str) -> Self {
        let mut shown: String = given.chars().take(80).flat_map(char::escape_debug).collect();
        if given.chars().nth(80).is_some() {
            shown.push('…');
        }
        BadName {
            what,
            given: shown,
            rule,
        }
    }

    /// The way out.
    pub fn help(&self) -> String {
        self.rule.to_owned()
    }
}

const NAME_RULE: &str =
    "a name has 1 to 63 lower-case letters, digits and hyphens, and neither begins nor ends with a hyphen";
const KIND_RULE: &str = "a kind is a word of letters and digits such as `RecoverySite`";
const LEASE_RULE: &str = "a lease is one or two names with a dot between them";

/// The name of a tenant, an application or a declared object: `^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// Checks `text`; `what` says in the error what it was meant to name.
    pub fn new(what: &'static str, text: &str) -> Result<Self, BadName> {
        if is_name(text) {
            Ok(Name(text.to_owned()))
        } else {
            Err(BadName::new(what, text, NAME_RULE))
        }
    }

    /// A tenant's name.
    pub fn tenant(text: &str) -> Result<Self, BadName> {
        Name::new("tenant name", text)
    }

    /// An application's name.
    pub fn application(text: &str) -> Result<Self, BadName> {
        Name::new("application name", text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_name(text: &str) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && bytes.first().is_some_and(allowed)
        && bytes.last().is_some_and(allowed)
        && bytes.iter().all(|byte| allowed(byte) || *byte == b'-')
}

/// The kind of a declared object as it stands in a key, such as `RecoverySite`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindTag(String);

impl KindTag {
    /// Checks `text`: letters and digits, beginning with a letter.
    pub fn new(text: &str) -> Result<Self, BadName> {
        let bytes = text.as_bytes();
        let fits = bytes.len() <= 63
            && bytes.first().is_some_and(u8::is_ascii_alphabetic)
            && bytes.iter().all(u8::is_ascii_alphanumeric);
        if fits {
            Ok(KindTag(text.to_owned()))
        } else {
            Err(BadName::new("kind", text, KIND_RULE))
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a lease. Leases are shared by all tenants, so an application's carries its tenant.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseName(String);

impl LeaseName {
    /// The lease of a duty of the whole catalog, such as `prune`, or one spelled out as `tenant.application`.
    pub fn new(text: &str) -> Result<Self, BadName> {
        let fits = match text.split_once('.') {
            Some((first, second)) => is_name(first) && is_name(second),
            None => is_name(text),
        };
        if fits {
            Ok(LeaseName(text.to_owned()))
        } else {
            Err(BadName::new("lease name", text, LEASE_RULE))
        }
    }

    /// The lease under which runs change one application of one tenant.
    pub fn application(tenant: &Name, application: &Name) -> Self {
        // A name never holds a dot, so no two pairs share a lease.
        LeaseName(format!("{tenant}.{application}"))
    }

    /// The lease of whoever acts by the schedules of a tenant.
    pub fn scheduler(tenant: &Name) -> Self {
        // No application's name begins with a hyphen.
        LeaseName(format!("{tenant}.-scheduler"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! shown {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "`{}`", self.0)
            }
        }
    )*};
}

shown!(Name, KindTag, LeaseName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        for good in ["a", "shop", "a-b", "0", "x1-2y", &"a".repeat(63)] {
            assert!(Name::tenant(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            "../a",
            "a\\b",
            "-a",
            "a-",
            "A",
            "foo_bar",
            "a.b",
            "ä",
            "a\0",
            "a b",
            &"a".repeat(64),
        ] {
            assert!(Name::tenant(bad).is_err(), "{bad:?}");
        }
        assert!(KindTag::new("RecoverySite").is_ok());
        for bad in ["", "Recovery-Site", "../x", "1a", "a/b"] {
            assert!(KindTag::new(bad).is_err(), "{bad:?}");
        }
        for bad in ["", ".", "a.", ".a", "a.b.c", "a/b"] {
            assert!(LeaseName::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_bad_name_is_shown_printable_and_short() {
        let error = Name::tenant(&format!("\u{1b}[31m{}", "x".repeat(500))).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("`\\u{1b}[31mxxx") && text.ends_with("…` is not a valid tenant name"),
            "{text}"
        );
        assert!(error.help().contains("63"));
    }
}
