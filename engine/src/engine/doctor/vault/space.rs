//! How full a vault is, and when it will be.

use super::super::{Finding, bad, good, look};
use crate::vault::{Diagnosis, Growth};
use dram_compiler::model::Vault;
use indicatif::HumanBytes;

/// One that is full earlier than in so many days is told of: enough to buy something in.
const SOON: u64 = 14;
/// Nobody plans for longer, in days.
const FAR: u64 = 3650;

/// When a vault will be full, should it go on growing as it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forecast {
    /// It is too young to tell.
    NoHistory,
    /// It does not grow.
    Never,
    /// In about so many days.
    Days(u64),
}

/// When so much room will be filled.
fn forecast(room: u64, growth: Option<Growth>) -> Forecast {
    match growth {
        None => Forecast::NoHistory,
        Some(growth) => room
            .checked_div(growth.bytes_per_day)
            .map_or(Forecast::Never, Forecast::Days),
    }
}

/// What can be said of a vault's room: what is left of its capacity, or of the place that it lies on, whichever is less.
pub(super) fn space(subject: &str, vault: &Vault, found: &Diagnosis) -> Option<Finding> {
    let Some(used) = found.used else {
        return unknown(subject, vault, found.free_bytes);
    };
    let mut text = format!("it holds {} in {} files", HumanBytes(used.bytes), used.files);
    if let Some(free) = found.free_bytes {
        text.push_str(&format!(", {} are free", HumanBytes(free)));
    }
    if let Some(capacity) = vault.capacity {
        let part = u128::from(used.bytes) * 100 / u128::from(capacity.bytes.max(1));
        text.push_str(&format!(", {part} % of its capacity"));
    }
    let left = vault.capacity.map(|capacity| capacity.bytes.saturating_sub(used.bytes));
    let Some(room) = left.into_iter().chain(found.free_bytes).min() else {
        return Some(good(subject, text));
    };
    let forecast = forecast(room, found.growth);
    text.push_str(&told(forecast, room, found.growth));
    let warn_at = vault
        .capacity
        .zip(vault.warn_at)
        .map(|(capacity, percent)| percent.of(capacity));
    let is_high = warn_at.is_some_and(|warn_at| used.bytes >= warn_at.bytes);
    Some(match forecast {
        _ if room == 0 => bad(subject, text),
        Forecast::Days(0) => bad(subject, text),
        Forecast::Days(1..=SOON) => look(subject, text),
        Forecast::NoHistory | Forecast::Never | Forecast::Days(_) if is_high => look(subject, text),
        Forecast::NoHistory | Forecast::Never | Forecast::Days(_) => good(subject, text),
    })
}

/// Where nobody says what the vault holds.
fn unknown(subject: &str, vault: &Vault, free: Option<u64>) -> Option<Finding> {
    if free == Some(0) {
        return Some(bad(subject, "nothing is free".to_owned()));
    }
    vault.capacity.map(|_| {
        let text = "how much it holds cannot be told, so `capacity` is not watched";
        look(subject, text.to_owned())
    })
}

/// The forecast in words.
fn told(forecast: Forecast, room: u64, growth: Option<Growth>) -> String {
    let (daily, days) = growth.map_or((0, 0), |growth| (growth.bytes_per_day, growth.days));
    let daily = format!("it grew by {} a day in the last {days} days", HumanBytes(daily));
    match forecast {
        _ if room == 0 => "; it is full".to_owned(),
        Forecast::NoHistory => "; it is too young for a forecast".to_owned(),
        Forecast::Never => format!("; it did not grow in the last {days} days"),
        Forecast::Days(0) => format!("; {daily}: full within a day"),
        Forecast::Days(days) if days > FAR => format!("; {daily}: not full for years"),
        Forecast::Days(left) => format!("; {daily}: full in about {left} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_filled_at_the_pace_that_was_seen() {
        let pace = |bytes_per_day| {
            Some(Growth {
                bytes_per_day,
                days: 30,
            })
        };
        let table = [
            (1000, None, Forecast::NoHistory),
            (0, None, Forecast::NoHistory),
            (1000, pace(0), Forecast::Never),
            (1000, pace(100), Forecast::Days(10)),
            (1099, pace(100), Forecast::Days(10)),
            (99, pace(100), Forecast::Days(0)),
            (0, pace(100), Forecast::Days(0)),
        ];
        for (room, growth, expected) in table {
            assert_eq!(forecast(room, growth), expected, "{room} at {growth:?}");
        }
    }
}
