//! The password of a kit: made by chance, and typed by a person from paper.

use crate::vault::{Password, VaultError};
use rand::RngCore;
use std::fmt;

/// Digits and letters that are not taken for each other, 32 of them: five bits each.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const GROUPS: usize = 8;
const GROUP: usize = 4;

/// A password of 160 bits in eight groups of four. It is shown where it is put on paper, and nowhere else.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(String);

impl Passphrase {
    /// A new one.
    #[must_use]
    pub fn new() -> Self {
        let mut chance = [0_u8; GROUPS * GROUP];
        rand::rng().fill_bytes(&mut chance);
        let symbol = |byte: &u8| ALPHABET.get(usize::from(*byte % 32)).copied().unwrap_or(b'0');
        let symbols: Vec<char> = chance.iter().map(symbol).map(char::from).collect();
        let groups: Vec<String> = symbols.chunks(GROUP).map(|group| group.iter().collect()).collect();
        Self(groups.join("-"))
    }

    /// The text, for the sheet.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }

    /// The same as a vault takes it.
    ///
    /// # Errors
    /// None that a password made here meets.
    pub fn password(&self) -> Result<Password, VaultError> {
        Password::from_bytes(self.0.as_bytes())
    }
}

impl Default for Passphrase {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_person_can_type_it_and_nobody_can_guess_it() {
        let all: Vec<Passphrase> = (0..200).map(|_| Passphrase::new()).collect();
        let mut seen = HashSet::new();
        for one in &all {
            let groups: Vec<&str> = one.reveal().split('-').collect();
            assert!(
                groups.len() == 8 && groups.iter().all(|group| group.len() == 4),
                "{groups:?}"
            );
            assert!(
                one.reveal()
                    .bytes()
                    .all(|byte| byte == b'-' || ALPHABET.contains(&byte))
            );
            seen.extend(one.reveal().bytes());
            assert_eq!(format!("{one:?}"), "Passphrase(redacted)");
        }
        assert_eq!(seen.len(), 33, "every symbol occurs");
        assert_eq!(
            all.iter().map(|one| one.reveal()).collect::<HashSet<_>>().len(),
            all.len()
        );
        assert_eq!(ALPHABET.iter().collect::<HashSet<_>>().len(), 32);
    }
}
