//! What becomes of a request: a pure function of seed, number and weather.

use std::time::Duration;

use super::Weather;
use crate::chance::Chance;

/// What becomes of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It passes, and so does its answer.
    Passes,
    /// It is answered with this status and never reaches the server.
    Refused(u16),
    /// The connection ends, and the request never reaches the server.
    Reset,
    /// Half of its body reaches the server, then both connections end.
    CutOnTheWay,
    /// The server does it, and its answer never comes.
    Swallowed,
    /// The server does it, and half of its answer comes.
    CutOnTheWayBack,
}

const BAD: [Fate; 6] = [
    Fate::Refused(500),
    Fate::Refused(503),
    Fate::Reset,
    Fate::CutOnTheWay,
    Fate::Swallowed,
    Fate::CutOnTheWayBack,
];

/// The fate of the request of this number, and how long it waits.
pub(super) fn of(seed: u64, number: u64, weather: Weather) -> (Fate, Duration) {
    let mut chance = Chance::of(seed ^ number.wrapping_mul(0xd134_2543_de82_ef95));
    // Neighbouring seeds of such a stream begin alike.
    for _ in 0..8 {
        chance.number();
    }
    let fails = chance.below(100) < u64::from(weather.failing_percent);
    let which = usize::try_from(chance.below(BAD.len() as u64)).unwrap_or_default();
    let micros = u64::try_from(weather.delay.as_micros()).unwrap_or(u64::MAX);
    let delay = Duration::from_micros(chance.below(micros.saturating_add(1)));
    let fate = BAD.get(which).copied().filter(|_| fails);
    (fate.unwrap_or(Fate::Passes), delay)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_the_weather_and_every_bad_fate_comes() {
        let weather = Weather {
            failing_percent: 30,
            delay: Duration::from_millis(5),
            ..Weather::default()
        };
        let fates: Vec<_> = (0..2000).map(|number| of(3, number, weather)).collect();
        assert_eq!(
            fates,
            (0..2000).map(|number| of(3, number, weather)).collect::<Vec<_>>()
        );
        for bad in BAD {
            let share = fates.iter().filter(|(fate, _)| *fate == bad).count();
            assert!((50..150).contains(&share), "{bad:?}: {share}");
        }
        assert!(fates.iter().all(|(_, delay)| *delay <= weather.delay));
    }
}
