//! Vaults that no declaration names: their address and their password say everything.

use crate::error::Error;
use crate::opening;
use crate::runbook::VaultRef;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The applications of a tenant in a vault that no declaration names, each with the reference that opens its repository. A
/// place that is a repository itself is taken as adopted: its seals name the application.
///
/// # Errors
/// The vault cannot be read; it is a repository that holds no point of the tenant.
pub(super) fn applications(
    vault: &VaultRef,
    tenant: &str,
    as_of: Option<Timestamp>,
) -> Result<BTreeMap<String, VaultRef>, Error> {
    let place = opening::vault_as_of(vault, as_of)?;
    if !place.itself().exists()? {
        let found = place.applications(tenant)?.into_iter();
        return Ok(found.map(|name| (name, vault.clone())).collect());
    }
    let adopted = place.itself().adopt(&opening::password(vault)?)?;
    if adopted.applications.is_empty() {
        let made = match adopted.foreign {
            1 => "the snapshot in it was".to_owned(),
            count => format!("the {count} snapshots in it were"),
        };
        return Err(Error::NoPoint {
            what: format!("the repository `{}` holds no point", vault.name),
            help: format!("{made} made by another program, such as `restic`, which restores them"),
        });
    }
    let named = adopted.applications.into_iter().filter(|(of, _)| of == tenant);
    Ok(named
        .map(|(_, application)| {
            let adopting = VaultRef {
                adopts: Some(application.clone()),
                ..vault.clone()
            };
            (application, adopting)
        })
        .collect())
}
