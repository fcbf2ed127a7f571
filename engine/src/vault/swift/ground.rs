//! A vault in a container.

use std::sync::{Arc, OnceLock};

use super::super::address::VaultOptions;
use super::super::diagnose::Diagnosis;
use super::super::error::VaultError;
use super::super::ground::{Ground, Stores};
use super::super::progress::Cancel;
use super::super::store::StoreError;
use super::account::Account;
use super::container::{Container, Listed};
use super::fault::Fault;
use super::place::SwiftPlace;
use super::store::{SwiftStore, joined, within};

/// The vault below a prefix of a container. Its repositories share one login and its connections.
#[derive(Debug)]
pub(in super::super) struct SwiftGround {
    pub(super) place: SwiftPlace,
    pub(super) container: Container,
    options: VaultOptions,
    answered: OnceLock<()>,
}

impl SwiftGround {
    /// The vault at a place. Nothing is read or connected yet.
    pub(in super::super) fn new(place: &SwiftPlace, options: &VaultOptions) -> Self {
        Self::of(place, options, Account::new(place.cloud.clone()))
    }

    pub(super) fn of(place: &SwiftPlace, options: &VaultOptions, account: Account) -> Self {
        Self {
            container: Container::new(Arc::new(account), place.container.clone(), Cancel::new()),
            options: options.clone(),
            place: place.clone(),
            answered: OnceLock::new(),
        }
    }

    pub(super) fn failed(&self, action: &'static str, fault: &Fault) -> VaultError {
        match fault {
            Fault::Missing => VaultError::MissingVault {
                place: self.place.to_string(),
                is_directory: false,
            },
            fault => StoreError::from(fault.told(action, &self.place.to_string())).into(),
        }
    }

    pub(super) fn store(&self, folder: &[&str]) -> SwiftStore {
        let folder = folder.join("/");
        let location = joined(&self.place.to_string(), &folder);
        let folder = joined(&self.place.prefix, &folder);
        SwiftStore::new(self.container.clone(), location, folder, Arc::clone(&self.options.flow))
    }
}

impl Ground for SwiftGround {
    fn place(&self) -> String {
        self.place.to_string()
    }

    fn require(&self) -> Result<(), VaultError> {
        if self.answered.get().is_none() {
            self.container.used().map_err(|fault| self.failed("open", &fault))?;
        }
        self.answered.get_or_init(|| ());
        Ok(())
    }

    fn prepare(&self) -> Result<(), VaultError> {
        self.container.create().map_err(|fault| self.failed("make", &fault))?;
        self.require()
    }

    fn folders(&self, folder: &[&str]) -> Result<Vec<String>, VaultError> {
        let prefix = within(&joined(&self.place.prefix, &folder.join("/")));
        let mut names = Vec::new();
        let listed = self.container.list(&prefix, Some('/'), &mut |listed| {
            if let Listed::Folder(name) = listed
                && let Some(name) = name.strip_prefix(&prefix)
            {
                names.push(name.trim_end_matches('/').to_owned());
            }
            Ok(())
        });
        listed.map_err(|fault| self.failed("list", &fault))?;
        Ok(names)
    }

    fn stores(&self, folder: &[&str]) -> Stores {
        Stores::same(self.options.cached(Arc::new(self.store(folder))))
    }

    fn diagnose(&self) -> Diagnosis {
        self.probe()
    }
}
