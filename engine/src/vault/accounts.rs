//! Users and groups of this machine, by name and by number.

use std::collections::HashMap;

/// Users or groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountKind {
    /// Users, of `/etc/passwd`.
    User,
    /// Groups, of `/etc/group`.
    Group,
}

/// The users or the groups that this machine's own files name; a directory service is not asked.
#[derive(Debug, Default)]
pub struct Accounts {
    names: HashMap<u32, String>,
    ids: HashMap<String, u32>,
}

impl Accounts {
    /// Those of this machine; none where the file cannot be read.
    #[must_use]
    pub fn of_this_machine(kind: AccountKind) -> Self {
        let path = match kind {
            AccountKind::User => "/etc/passwd",
            AccountKind::Group => "/etc/group",
        };
        Self::of_text(&String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()))
    }

    pub(super) fn of_text(text: &str) -> Self {
        let mut accounts = Self::default();
        for line in text.lines() {
            let mut fields = line.split(':');
            if let (Some(name), Some(_), Some(id)) = (fields.next(), fields.next(), fields.next())
                && let Ok(id) = id.parse()
            {
                accounts.names.entry(id).or_insert_with(|| name.to_owned());
                accounts.ids.entry(name.to_owned()).or_insert(id);
            }
        }
        accounts
    }

    /// The name of a number: the first where it has several.
    #[must_use]
    pub fn name(&self, id: u32) -> Option<&str> {
        self.names.get(&id).map(String::as_str)
    }

    /// The number of a name.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<u32> {
        self.ids.get(name).copied()
    }
}
