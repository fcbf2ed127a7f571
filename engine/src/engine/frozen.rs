//! What earlier runs left frozen, because all that should have thawed it was lost.

use super::Engine;
use super::closure::Closure;
use crate::error::Error;
use crate::run::host_site;
use crate::site::Site;

impl Engine {
    /// That an application may still be frozen at its active site, in words; nothing where it is not, or where that site is out of
    /// reach from here.
    pub(super) fn left_frozen(&self, closure: &Closure) -> Option<String> {
        let site = closure.active();
        let is_left = || -> Result<bool, Error> {
            let site = host_site(&closure.site(&site)?)?;
            Ok(site.is_left_frozen(self.catalog.tenant().as_str(), &closure.name)?)
        };
        match is_left() {
            Ok(true) => Some(format!(
                "it may still be frozen at site `{site}`: a run was killed there with all that should have thawed it; the next protect \
                 or restore thaws it: `dram protect {}`",
                closure.name
            )),
            Ok(false) => None,
            Err(error) => {
                tracing::debug!(%error, "whether something was left frozen is not known");
                None
            }
        }
    }
}
