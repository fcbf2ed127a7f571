//! When applications are protected: as their policies state, else at an interval that the RPO allows beside what the others of the
//! site move.

use super::Engine;
use super::closure::Closure;
use super::known::Known;
use crate::error::Error;
use dram_compiler::calendar::Calendar;
use dram_compiler::model::Name;
use dram_compiler::prove::{Loads, Subject, firings};
use std::collections::BTreeMap;

/// The firings of each application, by its name; none where no interval meets the objective and none is stated.
pub(super) fn calendars(closures: &[Closure]) -> BTreeMap<Name, Option<Calendar>> {
    let subjects: Vec<Subject<'_>> = closures.iter().map(subject).collect();
    // Only an interval that is derived depends on others.
    let loads = match closures.iter().any(is_derived) {
        true => Loads::of(&subjects),
        false => Loads::none(),
    };
    let calendars = closures.iter().zip(&subjects);
    calendars
        .map(|(closure, subject)| (closure.name.clone(), firings(subject, &loads)))
        .collect()
}

fn is_derived(closure: &Closure) -> bool {
    closure.policy.schedule.is_empty()
}

fn subject(closure: &Closure) -> Subject<'_> {
    let site = closure.sites.get_key_value(&*closure.active());
    Subject::new(
        (&closure.name, &closure.labels),
        &closure.application,
        &closure.policy,
        site,
    )
}

impl Engine {
    /// The firings of applications, whose closures are known. `known` holds all that is declared, where it was read.
    ///
    /// # Errors
    /// An interval is derived, and what else is declared cannot be read.
    pub(super) fn calendars(
        &self,
        closures: &[Closure],
        known: Option<&Known>,
    ) -> Result<BTreeMap<Name, Option<Calendar>>, Error> {
        if known.is_some() || !closures.iter().any(is_derived) {
            return Ok(calendars(closures));
        }
        // The others share the lines of the sites; one that cannot be read moves nothing.
        let known = self.known()?;
        let mut all = closures.to_vec();
        for name in known.applications() {
            if !closures.iter().any(|closure| closure.name == name)
                && let Ok(closure) = self.closure_among(&name, Some(&known))
            {
                all.push(closure);
            }
        }
        Ok(calendars(&all))
    }
}
