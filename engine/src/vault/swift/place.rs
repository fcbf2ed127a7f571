//! Where a vault lies in Swift, as people write it.

use std::fmt;
use std::str::FromStr;

/// A vault in a container. Who goes there, `clouds.yaml` or the variables `OS_*` say.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SwiftPlace {
    /// The cloud's name in `clouds.yaml`; `envvars` for the variables `OS_*`; empty for the one that OpenStack's clients
    /// would take.
    pub cloud: String,
    /// The container.
    pub container: String,
    /// What the names of all objects begin with, without slashes at its ends; empty for the whole container.
    pub prefix: String,
}

impl FromStr for SwiftPlace {
    type Err = &'static str;

    /// `swift://<cloud>/<container>`, and `/<prefix>` if there is one. The cloud may be left out: `swift:///<container>`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text
            .strip_prefix("swift://")
            .ok_or("it does not begin with `swift://`")?;
        if rest.contains(['?', '#', '@']) {
            return Err("it names a cloud, a container and a prefix, and nothing else");
        }
        let (cloud, rest) = rest.split_once('/').ok_or("it names no container")?;
        let (container, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if container.is_empty() || container.len() > 256 {
            return Err("it names no container");
        }
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let is_step = |step: &str| !matches!(step, "" | "." | "..");
        if !prefix.is_empty() && !prefix.split('/').all(is_step) {
            return Err("its prefix has an empty step, or one of dots");
        }
        Ok(Self {
            cloud: cloud.to_owned(),
            container: container.to_owned(),
            prefix: prefix.to_owned(),
        })
    }
}

impl fmt::Display for SwiftPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "swift://{}/{}", self.cloud, self.container)?;
        if self.prefix.is_empty() {
            Ok(())
        } else {
            write!(f, "/{}", self.prefix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_and_nonsense_is_refused() {
        for text in ["swift://prod/vault", "swift:///vault", "swift://prod/vault/a/b"] {
            assert_eq!(text.parse::<SwiftPlace>().unwrap().to_string(), text);
        }
        assert_eq!("swift://c/v/a/".parse::<SwiftPlace>().unwrap().prefix, "a");
        for text in [
            "s3://a/b",
            "swift://c",
            "swift://c/",
            "swift://c//p",
            "swift://c/v//p",
            "swift://c/v/../p",
            "swift://u@c/v",
            "swift://c/v?region=x",
        ] {
            assert!(text.parse::<SwiftPlace>().is_err(), "{text}");
        }
    }
}
