//! Quantities as people write them, in the language's spelling: only what can mean nothing else.

use crate::Duration;

/// `60 min` is `60m`, `1.5h` is `90m`. An `M` could be months, and stays what it is.
pub(crate) fn duration(text: &str) -> Option<String> {
    let terms = terms(text)?;
    if let [(number, unit)] = terms.as_slice()
        && number.tenth == 0
    {
        return Some(format!("{}{}", number.digits, time_unit(unit)?.0));
    }
    let mut seconds = 0u64;
    for (number, unit) in terms {
        seconds = seconds.checked_add(number.times(time_unit(&unit)?.1)?)?;
    }
    Some(Duration::seconds(seconds).to_string())
}

/// `4 GiB` is `4Gi`. A `GB` is another amount than a `Gi`: which of them is meant, only its author knows.
pub(crate) fn bytes(text: &str) -> Option<String> {
    let terms = terms(text)?;
    let [(number, unit)] = terms.as_slice() else {
        return None;
    };
    let (name, factor) = byte_unit(unit)?;
    if number.tenth == 0 {
        return Some(format!("{}{name}", number.digits));
    }
    let amount = crate::Bytes {
        bytes: number.times(factor)?,
    };
    Some(amount.to_string())
}

/// `50 MiB/sec` is `50Mi/s`.
pub(crate) fn rate(text: &str) -> Option<String> {
    let (amount, unit) = text.split_once('/')?;
    Some(format!("{}/{}", bytes(amount)?, time_unit(unit.trim())?.0))
}

/// `80` and `80 %` are `80%`.
pub(crate) fn percent(text: &str) -> Option<String> {
    let number = text.trim().trim_end_matches('%').trim_end();
    let number: u8 = number.parse().ok()?;
    (1..=100).contains(&number).then(|| format!("{number}%"))
}

/// A number as it is written: its digits without the point, and how many of them stand behind it.
struct Number {
    digits: u64,
    tenth: u32,
}

impl Number {
    fn read(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        if whole.is_empty() || (part.is_empty() && text.ends_with('.')) {
            return None;
        }
        Some(Self {
            digits: format!("{whole}{part}").parse().ok()?,
            tenth: u32::try_from(part.len()).ok()?,
        })
    }

    /// So many times an amount, when that is whole.
    fn times(&self, amount: u64) -> Option<u64> {
        let all = self.digits.checked_mul(amount)?;
        let parts = 10u64.checked_pow(self.tenth)?;
        all.is_multiple_of(parts).then(|| all / parts)
    }
}

/// Numbers with the word behind each.
fn terms(text: &str) -> Option<Vec<(Number, String)>> {
    let mut terms = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (number, after) = split(rest, |c| c.is_ascii_digit() || c == '.');
        let (unit, after) = split(after.trim_start(), |c| c.is_ascii_alphabetic());
        if number.is_empty() {
            return None;
        }
        terms.push((Number::read(number)?, unit.to_owned()));
        rest = after.trim_start();
    }
    (!terms.is_empty()).then_some(terms)
}

/// The part whose characters are of a kind, and what follows.
fn split(text: &str, of: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !of(c)).unwrap_or(text.len());
    text.split_at(end)
}

fn time_unit(word: &str) -> Option<(&'static str, u64)> {
    let small = word.to_ascii_lowercase();
    Some(match small.as_str() {
        "s" | "sec" | "secs" | "second" | "seconds" => ("s", 1),
        "min" | "mins" | "minute" | "minutes" => ("m", 60),
        "m" if word == "m" => ("m", 60),
        "h" | "hr" | "hrs" | "hour" | "hours" => ("h", 3_600),
        "d" | "day" | "days" => ("d", 86_400),
        "w" | "week" | "weeks" => ("w", 604_800),
        _ => return None,
    })
}

fn byte_unit(word: &str) -> Option<(&'static str, u64)> {
    Some(match word.to_ascii_lowercase().as_str() {
        "ki" | "kib" => ("Ki", 1 << 10),
        "mi" | "mib" => ("Mi", 1 << 20),
        "gi" | "gib" => ("Gi", 1 << 30),
        "ti" | "tib" => ("Ti", 1 << 40),
        "pi" | "pib" => ("Pi", 1 << 50),
        "" | "byte" | "bytes" => ("", 1),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{bytes, duration, percent, rate};

    fn check(read: fn(&str) -> Option<String>, cases: &[(&str, Option<&str>)]) {
        for (text, expected) in cases {
            assert_eq!(read(text).as_deref(), *expected, "{text}");
        }
    }

    #[test]
    fn durations_are_read_as_they_are_said() {
        check(
            duration,
            &[
                ("60 min", Some("60m")),
                ("75min", Some("75m")),
                ("1 Hour", Some("1h")),
                ("1.5h", Some("90m")),
                ("0.25 days", Some("6h")),
                ("1h30m", Some("90m")),
                ("1 h 30 min", Some("90m")),
                ("0.001s", None),
                ("5M", None),
                ("5", None),
                ("5 months", None),
                ("h", None),
                ("1.h", None),
                (".5h", None),
                ("1.2.3h", None),
                ("", None),
                ("99999999999999999999 min", None),
                ("9999999999999999999.5 weeks", None),
            ],
        );
    }

    #[test]
    fn amounts_are_read_where_the_unit_is_sure() {
        check(
            bytes,
            &[
                ("4 GiB", Some("4Gi")),
                ("4gi", Some("4Gi")),
                ("1.5Ti", Some("1536Gi")),
                ("100 bytes", Some("100")),
                ("4GB", None),
                ("4G", None),
                ("4 Gi 5 Mi", None),
                ("", None),
            ],
        );
        check(
            rate,
            &[
                ("50 MiB/sec", Some("50Mi/s")),
                ("20Gi / day", Some("20Gi/d")),
                ("50Mi", None),
                ("50MB/s", None),
            ],
        );
        check(
            percent,
            &[
                ("80", Some("80%")),
                ("80 %", Some("80%")),
                ("0", None),
                ("101%", None),
                ("0.8", None),
            ],
        );
    }
}
