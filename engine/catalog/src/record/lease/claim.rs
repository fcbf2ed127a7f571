//! A lease without the thread that keeps it: taking, heartbeats, giving back.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::holder::{Holder, Life};
use super::{LONGEST, LeaseError, SHORTEST, Silent};
use crate::catalog::Catalog;
use crate::error::CatalogError;
use crate::layout::Folder;
use crate::name::LeaseName;
use crate::record::series::{Appended, Numbered, Series};
use crate::record::{body_of, read_body};

/// Numbers below the newest that stay, for people. A writer that lags behind is caught by looking again after writing.
const KEPT: u64 = 8;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Wire {
    holder: Holder,
    duration_ms: u64,
    held: bool,
}

/// What the last record of a lease says.
#[derive(Debug)]
pub(super) struct Last {
    number: u64,
    wire: Wire,
}

impl Last {
    /// Whether the holder it names may still hold it, as far as `me` knows.
    pub(super) fn is_held(&self, me: &Holder) -> bool {
        self.wire.held && me.life_of(&self.wire.holder) != Life::Gone
    }
}

/// The last record of a lease.
pub(super) fn last(series: &Series<'_>, catalog: &Catalog) -> Result<Option<Last>, CatalogError> {
    let Some(Numbered { number, record }) = series.latest()? else {
        return Ok(None);
    };
    let wire = read_body(catalog.store(), &series.key(number), &record)?;
    Ok(Some(Last { number, wire }))
}

/// A lease that was taken.
#[derive(Debug)]
pub(super) struct Claim {
    catalog: Catalog,
    name: LeaseName,
    holder: Holder,
    duration: Duration,
    taken: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    last_number: u64,
    /// When the last heartbeat that succeeded was begun, on our monotonic clock.
    renewed: Duration,
    /// Another's record was seen, or it was given back.
    over: bool,
}

/// Somebody who waits for a lease, and what he has seen of it so far.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The last number, and when on our own clock it was first seen.
    seen: Option<(u64, Duration)>,
}

/// How one attempt at a lease ended.
#[derive(Debug)]
pub(super) enum Attempt {
    /// It is ours.
    Taken(Claim),
    /// Another holds it until `expiry` on our clock, unless something changes.
    Held {
        holder: Holder,
        duration: Duration,
        expiry: Duration,
    },
}

impl Watch {
    /// Takes the lease if it is free or has expired while this watched.
    pub(super) fn attempt(
        &mut self,
        catalog: &Catalog,
        name: &LeaseName,
        holder: &Holder,
        duration: Duration,
    ) -> Result<Attempt, LeaseError> {
        let series = catalog.series(Folder::lease(name));
        loop {
            let now = catalog.clock().monotonic();
            let standing = last(&series, catalog)?;
            if let Some(other) = standing.as_ref().filter(|last| last.is_held(holder)) {
                let since = match self.seen {
                    Some((number, since)) if number == other.number => since,
                    // The end of the look, not its beginning: the holder may have begun this heartbeat while we looked.
                    _ => catalog.clock().monotonic(),
                };
                self.seen = Some((other.number, since));
                let duration = Duration::from_millis(other.wire.duration_ms).min(LONGEST);
                let expiry = since.saturating_add(duration.saturating_mul(3) / 2);
                if now < expiry {
                    return Ok(Attempt::Held {
                        holder: other.wire.holder.clone(),
                        duration,
                        expiry,
                    });
                }
            }
            let claim = Claim {
                catalog: catalog.clone(),
                name: name.clone(),
                holder: holder.clone(),
                duration,
                taken: 0,
                state: Mutex::new(State {
                    last_number: standing.map(|last| last.number).unwrap_or_default(),
                    renewed: now,
                    over: false,
                }),
            };
            match claim.write(true) {
                Ok(taken) => return Ok(Attempt::Taken(Claim { taken, ..claim })),
                // Somebody was faster; what stands now is looked at afresh.
                Err(LeaseError::Lost { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Claim {
    /// Takes the lease, waiting for at most `patience`.
    pub(super) fn acquire(
        catalog: &Catalog,
        name: &LeaseName,
        holder: &Holder,
        duration: Duration,
        patience: Duration,
    ) -> Result<Self, LeaseError> {
        Self::acquire_or(catalog, name, holder, duration, patience, |_, _| true, &mut |_| {})
    }

    /// The same, but a holder that shows no life is waited for until its lease has expired. `waits` is told so once.
    pub(super) fn outlast(
        catalog: &Catalog,
        name: &LeaseName,
        holder: &Holder,
        duration: Duration,
        patience: Duration,
        waits: &mut dyn FnMut(&Silent),
    ) -> Result<Self, LeaseError> {
        let mut first = None;
        let gives_up = |other: &Holder, number| {
            let first = *first.get_or_insert(number);
            first != number || holder.life_of(other) == Life::Working
        };
        Self::acquire_or(catalog, name, holder, duration, patience, gives_up, waits)
    }

    /// Takes the lease; once `patience` is over, gives up as soon as `gives_up` says so of the holder and its last number.
    fn acquire_or(
        catalog: &Catalog,
        name: &LeaseName,
        holder: &Holder,
        duration: Duration,
        patience: Duration,
        mut gives_up: impl FnMut(&Holder, u64) -> bool,
        waits: &mut dyn FnMut(&Silent),
    ) -> Result<Self, LeaseError> {
        if !(SHORTEST..=LONGEST).contains(&duration) {
            return Err(LeaseError::Duration { duration });
        }
        catalog.may_change()?;
        let clock = catalog.clock();
        let end = clock.monotonic().saturating_add(patience);
        let mut watch = Watch::default();
        let mut is_told = false;
        loop {
            let (other, other_duration, expiry) = match watch.attempt(catalog, name, holder, duration)? {
                Attempt::Taken(claim) => return Ok(claim),
                Attempt::Held {
                    holder,
                    duration,
                    expiry,
                } => (holder, duration, expiry),
            };
            let now = clock.monotonic();
            let number = watch.seen.map(|(number, _)| number).unwrap_or_default();
            let gives_up = gives_up(&other, number);
            if now >= end && gives_up {
                return Err(LeaseError::Held {
                    name: name.clone(),
                    host: other.host,
                    pid: other.pid,
                });
            }
            if now >= end && !is_told {
                is_told = true;
                waits(&Silent {
                    host: other.host.clone(),
                    pid: other.pid,
                    at_most: expiry.saturating_sub(now),
                });
            }
            let step = (other_duration / 8).clamp(Duration::from_millis(10), Duration::from_secs(5));
            // After the end there is nothing but the expiry to wait for.
            let until = if now < end { end.min(expiry) } else { expiry };
            let rest = until.saturating_sub(now).max(Duration::from_millis(1));
            clock.sleep(step.min(rest));
        }
    }

    /// One heartbeat.
    pub(super) fn beat(&self) -> Result<(), LeaseError> {
        self.write(true).map(|_| ())
    }

    /// Gives it back. Nothing is written if it was lost before.
    pub(super) fn release(&self) -> Result<(), LeaseError> {
        {
            let mut state = self.state();
            if state.over {
                return Ok(());
            }
            // Before it is written: as soon as it is, another may hold it.
            state.over = true;
        }
        match self.write(false) {
            Ok(_) | Err(LeaseError::Lost { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether it is no longer surely ours.
    pub(super) fn lost(&self) -> bool {
        let state = self.state();
        state.over || self.catalog.clock().monotonic().saturating_sub(state.renewed) >= self.duration
    }

    pub(super) fn number(&self) -> u64 {
        self.taken
    }

    pub(super) fn name(&self) -> &LeaseName {
        &self.name
    }

    pub(super) fn duration(&self) -> Duration {
        self.duration
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes our record under the next number, and looks whether it is the last.
    fn write(&self, held: bool) -> Result<u64, LeaseError> {
        let lost = || LeaseError::Lost {
            name: self.name.clone(),
        };
        let base = {
            let state = self.state();
            if held && state.over {
                return Err(lost());
            }
            Some(state.last_number).filter(|number| *number > 0)
        };
        // Others may count from the moment they see the record, which is not before this one.
        let begun = self.catalog.clock().monotonic();
        let series = self.catalog.series(Folder::lease(&self.name));
        let duration_ms = u64::try_from(self.duration.as_millis()).unwrap_or(u64::MAX);
        let wire = Wire {
            holder: self.holder.clone(),
            duration_ms,
            held,
        };
        match series.beat(base, KEPT, body_of(&wire))? {
            Appended::Won { number } => {
                let mut state = self.state();
                state.last_number = number;
                state.renewed = begun;
                Ok(number)
            }
            Appended::Superseded { number, .. } if self.adopt(&series, number)? => match held {
                true => Ok(number),
                // That record says that we hold it.
                false => self.write(false),
            },
            Appended::Superseded { .. } => {
                self.state().over = true;
                Err(lost())
            }
        }
    }

    /// Whether the record that superseded us is one of our own, written although the store had answered with an error.
    fn adopt(&self, series: &Series<'_>, number: u64) -> Result<bool, LeaseError> {
        let ours = match last(series, &self.catalog)? {
            Some(last) if last.number == number => last.wire.held && last.wire.holder == self.holder,
            _ => false,
        };
        if ours {
            // It is older than this moment by an unknown time, so it does not count as a renewal.
            self.state().last_number = number;
        }
        Ok(ours)
    }
}
