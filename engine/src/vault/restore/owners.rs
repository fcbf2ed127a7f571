//! Who owns what is restored on a machine whose users have other numbers.

use std::collections::HashMap;

use rustic_core::repofile::Metadata;
use serde::{Deserialize, Serialize};

use super::super::accounts::{AccountKind, Accounts};

/// Whose files become whose. Without any of it, files belong to the numbers that they belonged to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Owners {
    /// Where this machine knows the name of a saved owner, its number here holds.
    pub by_name: bool,
    /// What becomes of users; of several that fit the first counts, and each goes before the name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<OwnerRule>,
    /// The same of groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<OwnerRule>,
}

/// One owner that becomes another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerRule {
    /// The saved owner's name or number.
    pub from: String,
    /// The number here.
    pub to: u32,
}

impl Owners {
    /// Whether everything keeps its number.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        !self.by_name && self.users.is_empty() && self.groups.is_empty()
    }
}

impl OwnerRule {
    pub(super) fn fits(&self, id: u32, name: Option<&str>) -> bool {
        name == Some(self.from.as_str()) || self.from.parse() == Ok(id)
    }
}

/// Who is known here, and what was seen of owners that are somebody else here.
pub(super) struct Ownership<'a> {
    owners: &'a Owners,
    users: Side,
    groups: Side,
}

struct Side {
    here: Accounts,
    /// Owners whose number means another one here: each once.
    strangers: HashMap<(u32, String), u32>,
}

impl<'a> Ownership<'a> {
    pub(super) fn new(owners: &'a Owners) -> Self {
        let side = |kind| Side {
            here: Accounts::of_this_machine(kind),
            strangers: HashMap::new(),
        };
        Self {
            owners,
            users: side(AccountKind::User),
            groups: side(AccountKind::Group),
        }
    }

    /// Gives metadata the owner that holds here.
    pub(super) fn apply(&mut self, meta: &mut Metadata) {
        let by_name = self.owners.by_name;
        let (user, group) = (meta.user.as_deref(), meta.group.as_deref());
        meta.uid = meta
            .uid
            .map(|id| self.users.owner(&self.owners.users, by_name, id, user));
        meta.gid = meta
            .gid
            .map(|id| self.groups.owner(&self.owners.groups, by_name, id, group));
    }

    /// What has to be said about owners who are somebody else here.
    pub(super) fn strangers(&self) -> Vec<String> {
        let mut told = Vec::new();
        for (what, option, side) in [
            ("user", "--owner-map", &self.users),
            ("group", "--group-map", &self.groups),
        ] {
            let mut found: Vec<_> = side.strangers.iter().collect();
            found.sort();
            told.extend(found.into_iter().map(|((id, name), here)| {
                format!(
                    "what belonged to {what} `{name}` keeps its number {id}, and `{name}` has {here} here: `{option} \
                     {name}={name}`, or `--ownership-by-name` for everything, gives it to `{name}`"
                )
            }));
        }
        told
    }
}

impl Side {
    fn owner(&mut self, rules: &[OwnerRule], by_name: bool, id: u32, name: Option<&str>) -> u32 {
        if let Some(rule) = rules.iter().find(|rule| rule.fits(id, name)) {
            return rule.to;
        }
        let Some((name, here)) = name.and_then(|name| Some((name, self.here.id(name)?))) else {
            return id;
        };
        if by_name {
            return here;
        }
        if here != id {
            self.strangers.entry((id, name.to_owned())).or_insert(here);
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_go_before_names_and_names_before_numbers() {
        let here = || Accounts::of_text("root:x:0:0::/:/bin/sh\npostgres:x:115:120::/:/bin/sh\n");
        let rule = |from: &str, to| OwnerRule {
            from: from.to_owned(),
            to,
        };
        let cases = [
            (vec![], false, Some("postgres"), 113),
            (vec![], true, Some("postgres"), 115),
            (vec![], true, Some("gone"), 113),
            (vec![], true, None, 113),
            (vec![rule("postgres", 7)], true, Some("postgres"), 7),
            (vec![rule("113", 8)], false, None, 8),
            (
                vec![rule("11", 8), rule("113", 9), rule("postgres", 10)],
                false,
                Some("postgres"),
                9,
            ),
        ];
        for (rules, by_name, name, expected) in cases {
            let mut side = Side {
                here: here(),
                strangers: HashMap::new(),
            };
            assert_eq!(side.owner(&rules, by_name, 113, name), expected, "{rules:?} {name:?}");
            let is_told = rules.is_empty() && !by_name;
            assert_eq!(side.strangers.len(), usize::from(is_told), "{rules:?} {name:?}");
        }
    }
}
