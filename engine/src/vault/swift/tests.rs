//! Against real servers, whose addresses the environment gives.

mod keystone;
mod login;
mod objects;
mod vault;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use dram_skips::variable;

use super::super::progress::Cancel;
use super::account::Account;
use super::cloud::{Cloud, Identity, Interface, Trust};
use super::container::Container;
use super::secret::Secret;

fn cloud(identity: Identity) -> Cloud {
    Cloud {
        name: "lab".into(),
        identity,
        region: None,
        interface: Interface::Public,
        endpoint: None,
        trust: Trust::Machine,
    }
}

/// The lab's object store with users of its own.
fn lab() -> Option<Cloud> {
    Some(cloud(Identity::V1 {
        auth_url: variable("DRAM_LAB_SWIFT_AUTH")?,
        user: variable("DRAM_LAB_SWIFT_USER")?,
        key: Secret::new(variable("DRAM_LAB_SWIFT_KEY")?),
    }))
}

/// A container for one test, removed with all that is in it.
struct Fresh(Container);

impl Fresh {
    fn new(cloud: Cloud) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("f-{}-{number}", std::process::id());
        let account = Arc::new(Account::of(cloud).unwrap());
        let container = Container::new(account, name, Cancel::new());
        container.create().unwrap();
        Self(container)
    }
}

impl std::ops::Deref for Fresh {
    type Target = Container;

    fn deref(&self) -> &Container {
        &self.0
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let mut names = Vec::new();
        let listed = self.0.list("", None, &mut |listed| {
            if let super::container::Listed::Object { name, .. } = listed {
                names.push(name);
            }
            Ok(())
        });
        for name in names {
            let _ = self.0.delete(&name);
        }
        let _ = listed.and_then(|()| self.0.remove());
    }
}
