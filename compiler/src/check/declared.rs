//! What is declared, by kind and name, with what labels choose.

use super::Written;
use super::names::Nameless;
use crate::model::{Application, Applications, KindName, Name, ProtectionPolicy, RecoverySite, Spec, Vault};
use std::collections::{BTreeMap, BTreeSet};

/// The decoded declarations by kind and name; first ones win, duplicates were reported.
pub(super) struct Declared<'d> {
    named: BTreeMap<(KindName, &'d str), &'d Written>,
    documents: &'d [Written],
}

impl<'d> Declared<'d> {
    pub(super) fn of(documents: &'d [Written]) -> Self {
        let mut map = BTreeMap::new();
        for document in documents {
            if let (Some(kind), Some(name)) = (document.kind, &document.name) {
                map.entry((kind, name.as_ref())).or_insert(document);
            }
        }
        Self { named: map, documents }
    }

    /// Whether a declaration of a kind is broken, so that what labels choose cannot be told.
    pub(super) fn is_broken(&self, kind: KindName) -> bool {
        let mut broken = self.documents.iter().filter(|document| document.declaration.is_none());
        broken.any(|document| document.kind.is_none_or(|of| of == kind))
    }

    /// Whether a document whose kind or name cannot be told may declare this.
    pub(super) fn may_be(&self, kind: KindName, name: &str) -> bool {
        Nameless::of(self.documents).may_be(kind, name)
    }

    fn spec(&self, kind: KindName, name: &str) -> Option<(&'d Written, &'d Spec)> {
        let document = self.named.get(&(kind, name)).copied()?;
        let declaration = document.declaration.as_ref()?;
        Some((document, &declaration.spec))
    }

    /// All declarations of a kind that hold, by name.
    pub(super) fn all(&self, kind: KindName) -> impl Iterator<Item = (&'d Written, &'d Spec)> + '_ {
        let of_kind = self.named.iter().filter(move |((of, _), _)| *of == kind);
        of_kind.filter_map(|(_, document)| Some((*document, &document.declaration.as_ref()?.spec)))
    }

    pub(super) fn site(&self, name: &str) -> Option<(&'d Written, &'d RecoverySite)> {
        match self.spec(KindName::RecoverySite, name)? {
            (document, Spec::RecoverySite(site)) => Some((document, site)),
            _ => None,
        }
    }

    pub(super) fn policy(&self, name: &str) -> Option<(&'d Written, &'d ProtectionPolicy)> {
        match self.spec(KindName::ProtectionPolicy, name)? {
            (document, Spec::ProtectionPolicy(policy)) => Some((document, policy)),
            _ => None,
        }
    }

    pub(super) fn policies(&self) -> impl Iterator<Item = (&'d Written, &'d ProtectionPolicy)> + '_ {
        self.all(KindName::ProtectionPolicy)
            .filter_map(|(document, spec)| match spec {
                Spec::ProtectionPolicy(policy) => Some((document, policy)),
                _ => None,
            })
    }

    /// The policies that choose an application by its labels.
    pub(super) fn policies_for(&self, application: &Written) -> Vec<(&'d Written, &'d ProtectionPolicy)> {
        self.policies()
            .filter(|(_, policy)| policy.applies_to(application.labels()))
            .collect()
    }

    /// The policy of an application: the one that it names, or the first that chooses it.
    pub(super) fn policy_of(
        &self,
        document: &Written,
        application: &Application,
    ) -> Option<(&'d Written, &'d ProtectionPolicy)> {
        match &application.policy {
            Some(name) => self.policy(name),
            None => self.policies_for(document).into_iter().next(),
        }
    }

    /// The names of the declarations of a kind, those of broken ones too.
    pub(super) fn names(&self, kind: KindName) -> BTreeSet<&'d str> {
        let names = self.named.keys().filter(|(of, _)| *of == kind);
        names.map(|(_, name)| *name).collect()
    }

    pub(super) fn vault(&self, name: &str) -> Option<(&'d Written, &'d Vault)> {
        match self.spec(KindName::Vault, name)? {
            (document, Spec::Vault(vault)) => Some((document, vault)),
            _ => None,
        }
    }

    pub(super) fn application(&self, name: &str) -> Option<(&'d Written, &'d Application)> {
        match self.spec(KindName::Application, name)? {
            (document, Spec::Application(application)) => Some((document, application)),
            _ => None,
        }
    }

    pub(super) fn applications(&self) -> impl Iterator<Item = (&'d Written, &'d Application)> + '_ {
        self.all(KindName::Application)
            .filter_map(|(document, spec)| match spec {
                Spec::Application(application) => Some((document, application)),
                _ => None,
            })
    }

    /// The applications that a choice chooses, with the position of each name where they are named.
    pub(super) fn chosen(&self, choice: &Applications) -> Vec<Chosen<'d>> {
        let of = |position: Option<usize>, name: &'d Name, document, application| Chosen {
            position,
            name,
            document,
            application,
        };
        match choice.names() {
            [] => self
                .applications()
                .filter(|(document, _)| choice.chooses("", document.labels()))
                .filter_map(|(document, application)| Some(of(None, document.name.as_ref()?, document, application)))
                .collect(),
            names => names
                .iter()
                .enumerate()
                .filter_map(|(position, name)| {
                    let (document, application) = self.application(name)?;
                    Some(of(Some(position), document.name.as_ref()?, document, application))
                })
                .collect(),
        }
    }
}

/// An application that is chosen.
pub(super) struct Chosen<'d> {
    /// Its position among the names, where it is chosen by name.
    pub(super) position: Option<usize>,
    pub(super) name: &'d Name,
    pub(super) document: &'d Written,
    pub(super) application: &'d Application,
}
