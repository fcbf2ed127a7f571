//! Where a clock hangs, and what it shows: time zones and times of the day.

use dram_fields::{Format, closest, text_shape};
use jiff::tz::TimeZoneDatabase;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

/// The time zones of the IANA database, as the program brings them with it. What the machine has is not asked.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time zone by its IANA name.
#[derive(Debug, Clone, PartialEq)]
pub struct Timezone {
    name: String,
    rules: jiff::tz::TimeZone,
}

const TIMEZONE: Format = Format {
    name: "the name of a time zone",
    pattern: Some("^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$"),
    example: "Europe/Berlin",
    canonical: |text| text.parse::<Timezone>().map(|zone| zone.name),
};

text_shape!(Timezone, "text", TIMEZONE);

impl Timezone {
    /// Coordinated universal time, which knows no daylight saving.
    #[must_use]
    pub fn utc() -> Self {
        Self {
            name: "UTC".to_owned(),
            rules: jiff::tz::TimeZone::UTC,
        }
    }

    /// When its clocks are put forward and back.
    #[must_use]
    pub const fn rules(&self) -> &jiff::tz::TimeZone {
        &self.rules
    }
}

impl fmt::Display for Timezone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl FromStr for Timezone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || match likely(text) {
            Some(name) => format!("the IANA database has none of that name; did you mean `{name}`?"),
            None => "the IANA database has none of that name".to_owned(),
        };
        let rules = ZONES.get(text).map_err(|_| unknown())?;
        let name = rules.iana_name().ok_or_else(unknown)?.to_owned();
        Ok(Self { name, rules })
    }
}

/// The name that was meant: that of the city alone, or the closest.
fn likely(text: &str) -> Option<String> {
    let names: Vec<String> = ZONES.available().map(|name| name.as_str().to_owned()).collect();
    let city = |name: &&String| {
        let last = name.rsplit('/').next().unwrap_or_default();
        last.eq_ignore_ascii_case(&text.replace(' ', "_"))
    };
    let meant = names.iter().find(city).map(String::as_str);
    let meant = meant.or_else(|| closest(text, names.iter().map(String::as_str)));
    meant.map(str::to_owned)
}

/// A time of the day, to the minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay {
    /// Minutes after midnight.
    pub minute: u16,
}

const TIME_OF_DAY: Format = Format {
    name: "a time of the day",
    pattern: Some("^([01][0-9]|2[0-3]):[0-5][0-9]$"),
    example: "22:30",
    canonical: |text| text.parse::<TimeOfDay>().map(|time| time.to_string()),
};

text_shape!(TimeOfDay, "text", TIME_OF_DAY);

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minute / 60, self.minute % 60)
    }
}

impl FromStr for TimeOfDay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let two = |digits: &str, below: u16| {
            let plain = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            let number = digits.parse::<u16>().ok().filter(|number| plain && *number < below);
            number.ok_or_else(|| "it has two digits from 00 to 23, a colon, and two from 00 to 59".to_owned())
        };
        let (hour, minute) = text.split_once(':').unwrap_or((text, ""));
        Ok(Self {
            minute: two(hour, 24)? * 60 + two(minute, 60)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_those_of_the_database_in_its_spelling() {
        for (text, name) in [
            ("UTC", Ok("UTC")),
            ("europe/berlin", Ok("Europe/Berlin")),
            ("America/Argentina/Ushuaia", Ok("America/Argentina/Ushuaia")),
            (
                "Europe/Berln",
                Err("the IANA database has none of that name; did you mean `Europe/Berlin`?"),
            ),
            (
                "Berlin",
                Err("the IANA database has none of that name; did you mean `Europe/Berlin`?"),
            ),
            (
                "new york",
                Err("the IANA database has none of that name; did you mean `America/New_York`?"),
            ),
            ("nowhere at all", Err("the IANA database has none of that name")),
        ] {
            let found = text.parse::<Timezone>().map(|zone| zone.to_string());
            assert_eq!(found.as_deref().map_err(String::as_str), name, "{text}");
        }
    }

    #[test]
    fn times_are_of_one_spelling() {
        for text in ["00:00", "09:05", "23:59"] {
            assert_eq!(text.parse::<TimeOfDay>().unwrap().to_string(), text);
        }
        for text in ["24:00", "9:00", "09:60", "0900", "+9:00", "09:00:00", "", ":"] {
            assert!(text.parse::<TimeOfDay>().is_err(), "{text}");
        }
    }
}
