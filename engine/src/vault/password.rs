//! The password of a repository. It is never printed.

use std::fmt;

use super::error::VaultError;

/// A repository's password: one line of text.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Takes what a file or a variable held; a line end at the end is not part of it.
    ///
    /// # Errors
    /// If it is empty or not UTF-8, which the repository format requires.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, VaultError> {
        let text = std::str::from_utf8(bytes).map_err(|_| VaultError::InvalidPassword {
            reason: "is not UTF-8 text",
        })?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            return Err(VaultError::InvalidPassword { reason: "is empty" });
        }
        Ok(Self(text.to_owned()))
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(redacted)")
    }
}
