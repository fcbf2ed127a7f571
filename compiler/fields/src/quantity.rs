//! Names and quantities: text with a format, kept as what it means.

use crate::Format;
use crate::text::{canonical, text_shape};
use std::fmt;
use std::str::FromStr;

/// The name of a declaration or component: lower case letters, digits and dashes, 63 at most, no dash at an end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

text_shape!(
    Name,
    "text (a name)",
    Format {
        name: "a name",
        pattern: Some("^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"),
        example: "orders-db",
        canonical: canonical::<Name>,
    }
);

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > 63 {
            return Err("a name has 1 to 63 characters".to_owned());
        }
        if let Some(bad) = text
            .chars()
            .find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-'))
        {
            return Err(format!("`{}` is none of a-z, 0-9 and `-`", bad.escape_debug()));
        }
        if text.starts_with('-') || text.ends_with('-') {
            return Err("it begins or ends with a dash".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::ops::Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A length of time, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration {
    /// The length in seconds.
    pub seconds: u64,
}

const TIME_UNITS: [(&str, u64); 5] = [("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

impl Duration {
    /// That many seconds.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Self { seconds }
    }

    /// As the standard library's type.
    #[must_use]
    pub const fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_secs(self.seconds)
    }
}

text_shape!(
    Duration,
    "text (a duration)",
    Format {
        name: "a duration",
        pattern: Some("^[0-9]+[smhdw]$"),
        example: "15m",
        canonical: canonical::<Duration>,
    },
    crate::loose::duration
);

impl FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = number_and_unit(text)?;
        let Some((_, factor)) = TIME_UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(if unit.is_empty() {
                "it lacks its unit: `s`, `m`, `h`, `d` or `w`".to_owned()
            } else {
                format!("the unit `{unit}` is none of `s`, `m`, `h`, `d` or `w`")
            });
        };
        let seconds = number.checked_mul(*factor).ok_or("it is too long to count")?;
        Ok(Self { seconds })
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, factor) = largest_unit(self.seconds, &TIME_UNITS);
        write!(f, "{}{unit}", self.seconds / factor)
    }
}

/// An amount of data, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes {
    /// The amount in bytes.
    pub bytes: u64,
}

const BYTE_UNITS: [(&str, u64); 6] = [
    ("Pi", 1 << 50),
    ("Ti", 1 << 40),
    ("Gi", 1 << 30),
    ("Mi", 1 << 20),
    ("Ki", 1 << 10),
    ("", 1),
];

text_shape!(
    Bytes,
    "text (an amount of data)",
    Format {
        name: "an amount of data",
        pattern: Some("^[0-9]+(Ki|Mi|Gi|Ti|Pi)?$"),
        example: "10Gi",
        canonical: canonical::<Bytes>,
    },
    crate::loose::bytes
);

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = number_and_unit(text)?;
        let Some((_, factor)) = BYTE_UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(format!("the unit `{unit}` is none of `Ki`, `Mi`, `Gi`, `Ti` or `Pi`"));
        };
        let bytes = number.checked_mul(*factor).ok_or("it is too large to count")?;
        Ok(Self { bytes })
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, factor) = largest_unit(self.bytes, &BYTE_UNITS);
        write!(f, "{}{unit}", self.bytes / factor)
    }
}

/// An amount of data in a unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    amount: Bytes,
    unit: &'static str,
    seconds: u64,
}

impl Rate {
    /// Seconds of a week: every unit of time divides it, so that rates add up without a rest.
    pub const WEEK: u64 = 604_800;

    /// Bytes that go by in a week, exactly.
    #[must_use]
    pub fn bytes_in_a_week(self) -> u128 {
        u128::from(self.amount.bytes) * u128::from(Self::WEEK / self.seconds)
    }

    /// Whether less goes by at this rate than at another.
    #[must_use]
    pub fn is_slower_than(self, other: Self) -> bool {
        let scaled = |rate: Self, by: Self| u128::from(rate.amount.bytes) * u128::from(by.seconds);
        scaled(self, other) < scaled(other, self)
    }

    /// Bytes that go by in this many seconds, rounded up.
    #[must_use]
    pub fn bytes_in(self, seconds: u64) -> u64 {
        let bytes = u128::from(self.amount.bytes) * u128::from(seconds);
        u64::try_from(bytes.div_ceil(u128::from(self.seconds))).unwrap_or(u64::MAX)
    }

    /// Seconds that this many bytes take, rounded up; `None` for a rate of nothing.
    #[must_use]
    pub fn seconds_for(self, bytes: u64) -> Option<u64> {
        if self.amount.bytes == 0 {
            return None;
        }
        let seconds = (u128::from(bytes) * u128::from(self.seconds)).div_ceil(u128::from(self.amount.bytes));
        Some(u64::try_from(seconds).unwrap_or(u64::MAX))
    }
}

impl Rate {
    /// Seconds that it takes at this rate to move what others change in a time, rounded up once at the end, so that
    /// the result is proportional to the time; `None` for a rate of nothing.
    #[must_use]
    pub fn seconds_to_move(self, changes: &[Self], seconds: u64) -> Option<u64> {
        if self.amount.bytes == 0 {
            return None;
        }
        let moving = || {
            let changed: u128 = changes.iter().map(|rate| rate.bytes_in_a_week()).sum();
            let moved = changed
                .checked_mul(u128::from(seconds))?
                .checked_mul(u128::from(self.seconds))?;
            let week = u128::from(Self::WEEK);
            u64::try_from(moved.div_ceil(week * u128::from(self.amount.bytes))).ok()
        };
        Some(moving().unwrap_or(u64::MAX))
    }
}

text_shape!(
    Rate,
    "text (a rate)",
    Format {
        name: "a rate",
        pattern: Some("^[0-9]+(Ki|Mi|Gi|Ti|Pi)?/[smhdw]$"),
        example: "50Mi/s",
        canonical: canonical::<Rate>,
    },
    crate::loose::rate
);

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (amount, unit) = text.split_once('/').ok_or("it lacks `/` and a unit of time")?;
        let Some((unit, seconds)) = TIME_UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(format!(
                "the unit of time `{unit}` is none of `s`, `m`, `h`, `d` or `w`"
            ));
        };
        Ok(Self {
            amount: amount.parse()?,
            unit,
            seconds: *seconds,
        })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.amount, self.unit)
    }
}

/// A part of a whole, 1 to 100 percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(u8);

impl Percent {
    /// So many hundredths; of a number out of range, the nearest within.
    #[must_use]
    pub const fn clamped(hundredths: u8) -> Self {
        match hundredths {
            0 => Self(1),
            1..=100 => Self(hundredths),
            _ => Self(100),
        }
    }

    /// How many hundredths: from 1 to 100.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The part of an amount, rounded down.
    #[must_use]
    pub fn of(self, amount: Bytes) -> Bytes {
        let bytes = u128::from(amount.bytes) * u128::from(self.0) / 100;
        Bytes {
            bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
        }
    }
}

text_shape!(
    Percent,
    "text (a percentage)",
    Format {
        name: "a percentage",
        pattern: Some("^(100|[1-9][0-9]?)%$"),
        example: "80%",
        canonical: canonical::<Percent>,
    },
    crate::loose::percent
);

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix('%').ok_or("it does not end with `%`")?;
        match number.parse::<u8>() {
            Ok(percent @ 1..=100) if percent.to_string() == number => Ok(Self(percent)),
            _ => Err("it is no whole number from 1 to 100 before the `%`".to_owned()),
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

fn number_and_unit(text: &str) -> Result<(u64, &str), String> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    if digits.is_empty() {
        return Err("it does not begin with a whole number".to_owned());
    }
    let number = digits
        .parse()
        .map_err(|_| "its number is too large to count".to_owned())?;
    Ok((number, unit))
}

/// The largest unit that divides the amount; the last one, which is 1, for 0.
fn largest_unit(amount: u64, units: &[(&'static str, u64)]) -> (&'static str, u64) {
    units
        .iter()
        .find(|(_, factor)| amount != 0 && amount.is_multiple_of(*factor))
        .or(units.last())
        .copied()
        .unwrap_or(("", 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: FromStr<Err = String> + fmt::Display>(text: &str, expected: Result<&str, &str>) {
        let read = text.parse::<T>().map(|value| value.to_string());
        assert_eq!(read.as_deref().map_err(String::as_str), expected, "{text}");
    }

    #[test]
    fn durations_have_one_spelling() {
        check::<Duration>("60m", Ok("1h"));
        check::<Duration>("90m", Ok("90m"));
        check::<Duration>("14d", Ok("2w"));
        check::<Duration>("0s", Ok("0s"));
        check::<Duration>("75min", Err("the unit `min` is none of `s`, `m`, `h`, `d` or `w`"));
        check::<Duration>("75", Err("it lacks its unit: `s`, `m`, `h`, `d` or `w`"));
        check::<Duration>("m", Err("it does not begin with a whole number"));
        check::<Duration>("99999999999999999999s", Err("its number is too large to count"));
        check::<Duration>("9999999999999999999w", Err("it is too long to count"));
    }

    #[test]
    fn amounts_and_rates_have_one_spelling() {
        check::<Bytes>("1024Mi", Ok("1Gi"));
        check::<Bytes>("1000", Ok("1000"));
        check::<Bytes>("5GB", Err("the unit `GB` is none of `Ki`, `Mi`, `Gi`, `Ti` or `Pi`"));
        check::<Rate>("1024Ki/s", Ok("1Mi/s"));
        check::<Rate>("50Mi", Err("it lacks `/` and a unit of time"));
        let rate: Rate = "10Gi/d".parse().unwrap();
        assert_eq!(rate.bytes_in(86_400), 10 << 30);
        assert_eq!(rate.bytes_in(1), (10u64 << 30).div_ceil(86_400));
        assert_eq!(rate.seconds_for(10 << 30), Some(86_400));
        assert_eq!("0/s".parse::<Rate>().unwrap().seconds_for(1), None);
    }

    #[test]
    fn percentages_are_parts() {
        check::<Percent>("80%", Ok("80%"));
        check::<Percent>("100%", Ok("100%"));
        for bad in ["0%", "101%", "08%", "+8%", "1.5%", "%"] {
            check::<Percent>(bad, Err("it is no whole number from 1 to 100 before the `%`"));
        }
        check::<Percent>("80", Err("it does not end with `%`"));
        let bytes = u64::MAX;
        assert_eq!("100%".parse::<Percent>().unwrap().of(Bytes { bytes }), Bytes { bytes });
        assert_eq!("80%".parse::<Percent>().unwrap().of(Bytes { bytes: 10 }).bytes, 8);
    }

    #[test]
    fn names_are_safe() {
        check::<Name>("orders-db", Ok("orders-db"));
        check::<Name>("Orders", Err("`O` is none of a-z, 0-9 and `-`"));
        check::<Name>("-a", Err("it begins or ends with a dash"));
        check::<Name>("", Err("a name has 1 to 63 characters"));
        check::<Name>("a/../b", Err("`/` is none of a-z, 0-9 and `-`"));
    }
}
