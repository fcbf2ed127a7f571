//! Cron expressions. `cronexpr` reads each field; what a field means is asked of it value by value, and everything else
//! (which moments those are, what daylight saving does to them) is the calendar's business, not the library's.

use cronexpr::{FallbackTimezoneOption, MakeTimestamp, ParseOptions, parse_crontab_with};
use dram_fields::{Format, text_shape};
use std::fmt;
use std::str::FromStr;

/// A cron expression of five fields, as what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    text: String,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    follows_the_clock: bool,
    needs_both_days: bool,
}

const CRON: Format = Format {
    name: "a cron expression",
    pattern: Some(r"^\s*[0-9A-Za-z*,/-]+(\s+[0-9A-Za-z*,/-]+){4}\s*$"),
    example: "30 2 * * mon-fri",
    canonical: |text| text.parse::<Cron>().map(|cron| cron.text),
};

text_shape!(Cron, "text", CRON);

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Cron {
    /// The minutes after midnight that it names, in order.
    pub fn minutes_of_day(&self) -> impl Iterator<Item = u16> + '_ {
        let hours = (0..24).filter(|hour| has(self.hours, *hour));
        hours.flat_map(|hour| {
            let minutes = (0..60).filter(|minute| has(self.minutes, *minute));
            minutes.map(move |minute| u16::from(hour) * 60 + u16::from(minute))
        })
    }

    /// Whether it names a day: its month and day of the month from 1, its weekday from Sunday, which is 0.
    ///
    /// As everywhere in cron, a day has to fit the day of the month or the weekday where both are restricted, and both
    /// where one of the two begins with `*`.
    #[must_use]
    pub const fn names_day(&self, month: u8, day: u8, weekday: u8) -> bool {
        let (day, weekday) = (has(self.days, day), has(self.weekdays, weekday));
        let fits = if self.needs_both_days {
            day && weekday
        } else {
            day || weekday
        };
        fits && has(self.months, month)
    }

    /// Whether it names any day of a month, from 1.
    #[must_use]
    pub const fn names_month(&self, month: u8) -> bool {
        has(self.months, month)
    }

    /// Whether its minute or hour begins with `*`: it goes with the clock, whatever daylight saving does to that. Any
    /// other names fixed times, each of which comes once a day.
    #[must_use]
    pub const fn follows_the_clock(&self) -> bool {
        self.follows_the_clock
    }
}

const fn has(set: u64, value: u8) -> bool {
    set & (1 << value) != 0
}

/// One of the five, with the moment at which it has a value while all others are `*`.
struct Part {
    name: &'static str,
    least: u8,
    most: u8,
    /// The seconds since 1970 of a value.
    moment: fn(i64) -> i64,
}

const DAY: i64 = 86_400;

const PARTS: [Part; 5] = [
    Part {
        name: "minute",
        least: 0,
        most: 59,
        moment: |minute| minute * 60,
    },
    Part {
        name: "hour",
        least: 0,
        most: 23,
        moment: |hour| hour * 3600,
    },
    Part {
        name: "day of the month",
        least: 1,
        most: 31,
        moment: |day| (day - 1) * DAY,
    },
    Part {
        name: "month",
        least: 1,
        most: 12,
        // Any day of it: 1970-01-15 and every 30 days on lie in January, February, and so on.
        moment: |month| (14 + (month - 1) * 30) * DAY,
    },
    Part {
        name: "weekday",
        least: 0,
        most: 6,
        // 1970-01-04 was a Sunday.
        moment: |weekday| (3 + weekday) * DAY,
    },
];

/// What a field means.
struct Read {
    set: u64,
    begins_with_star: bool,
    text: String,
}

impl FromStr for Cron {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let count = fields.len();
        let Ok(fields) = <[&str; 5]>::try_from(fields) else {
            return Err(format!(
                "it has {count} fields, where five say minute, hour, day of the month, month and weekday"
            ));
        };
        let mut read = Vec::new();
        for (at, (part, field)) in PARTS.iter().zip(fields).enumerate() {
            // A week may end with its Sunday.
            let field = field.to_ascii_lowercase().replace("-sun", "-7");
            read.push(
                part.read(at, &field)
                    .map_err(|why| format!("its {} `{field}`: {why}", part.name))?,
            );
        }
        let Ok([minutes, hours, days, months, weekdays]) = <[Read; 5]>::try_from(read) else {
            return Err("it has not five fields".to_owned());
        };
        Ok(Self {
            text: [&minutes, &hours, &days, &months, &weekdays]
                .map(|read| read.text.as_str())
                .join(" "),
            follows_the_clock: minutes.begins_with_star || hours.begins_with_star,
            needs_both_days: days.begins_with_star || weekdays.begins_with_star,
            minutes: minutes.set,
            hours: hours.set,
            days: days.set,
            months: months.set,
            weekdays: weekdays.set,
        })
    }
}

impl Part {
    fn read(&self, at: usize, field: &str) -> Result<Read, String> {
        let word = |c: char| c.is_ascii_alphabetic();
        let strange = |c: &char| !(word(*c) || c.is_ascii_digit() || matches!(c, '*' | ',' | '-' | '/'));
        if let Some(bad) = field.chars().find(strange) {
            return Err(format!("`{}` has no meaning there", bad.escape_debug()));
        }
        // `L` and `W` stand for other days in every month, and not every cron knows them.
        if let Some(bad) = field.split(|c| !word(c)).find(|run| !run.is_empty() && run.len() != 3) {
            return Err(format!("`{bad}` is no name"));
        }
        let mut whole = ["*"; 5];
        if let Some(place) = whole.get_mut(at) {
            *place = field;
        }
        let mut options = ParseOptions::default();
        options.fallback_timezone_option = FallbackTimezoneOption::UTC;
        let crontab = parse_crontab_with(&whole.join(" "), options).map_err(|error| clause(&error.to_string()))?;
        let mut set = 0;
        for value in self.least..=self.most {
            let moment = MakeTimestamp::from_second((self.moment)(i64::from(value)));
            if moment.and_then(|moment| crontab.matches(moment)).unwrap_or(false) {
                set |= 1 << value;
            }
        }
        let begins_with_star = field.starts_with('*');
        Ok(Read {
            set,
            begins_with_star,
            text: if begins_with_star {
                self.with_star(field, set)
            } else {
                self.listed(set)
            },
        })
    }

    /// The one spelling of a set: numbers, and runs of three and more as ranges.
    fn listed(&self, set: u64) -> String {
        let mut parts = Vec::new();
        let mut value = self.least;
        while value <= self.most {
            if !has(set, value) {
                value += 1;
                continue;
            }
            let last = (value..=self.most)
                .take_while(|next| has(set, *next))
                .last()
                .unwrap_or(value);
            match last - value {
                0 => parts.push(value.to_string()),
                1 => parts.extend([value.to_string(), last.to_string()]),
                _ => parts.push(format!("{value}-{last}")),
            }
            value = last + 1;
        }
        parts.join(",")
    }

    /// That of a field that begins with `*`, which means more than its set.
    fn with_star(&self, field: &str, set: u64) -> String {
        if (self.least..=self.most).all(|value| has(set, value)) {
            return "*".to_owned();
        }
        let mut parts: Vec<&str> = field.split(',').collect();
        parts.sort_unstable();
        parts.dedup();
        parts.join(",")
    }
}

/// What the library says, without the picture before it.
fn clause(error: &str) -> String {
    let why = error.rsplit_once("^ ").map_or(error, |(_, why)| why);
    why.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_meaning_becomes_one() {
        for (text, canonical) in [
            ("30 2 * * *", "30 2 * * *"),
            ("  30\t2  * * * ", "30 2 * * *"),
            ("0 9 * * MON-FRI", "0 9 * * 1-5"),
            ("0 9 * * fri,mon,tue,wed,thu", "0 9 * * 1-5"),
            ("0 9 1 JAN,jul 7", "0 9 1 1,7 0"),
            ("0 9 * * sun", "0 9 * * 0"),
            ("0 9 * * fri-SUN", "0 9 * * 0,5,6"),
            ("3/20 * * * *", "3,23,43 * * * *"),
            ("*/15 * * * *", "*/15 * * * *"),
            ("*/1 * * * *", "* * * * *"),
            ("0-59 0-23 1-31 1-12 0-6", "0-59 0-23 1-31 1-12 0-6"),
            ("10-50/20,05 1,2 * * *", "5,10,30,50 1,2 * * *"),
            ("0 0 */2 * 1", "0 0 */2 * 1"),
        ] {
            assert_eq!(
                text.parse::<Cron>().map(|cron| cron.to_string()).as_deref(),
                Ok(canonical),
                "{text}"
            );
            let again: Cron = canonical.parse().unwrap();
            assert_eq!(text.parse::<Cron>().unwrap(), again, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_of_its_field() {
        for (text, why) in [
            (
                "",
                "it has 0 fields, where five say minute, hour, day of the month, month and weekday",
            ),
            (
                "@daily",
                "it has 1 fields, where five say minute, hour, day of the month, month and weekday",
            ),
            (
                "0 0 0 * * *",
                "it has 6 fields, where five say minute, hour, day of the month, month and weekday",
            ),
            ("60 * * * *", "its minute `60`: value must be in range 0..=59; found 60"),
            ("* 24 * * *", "its hour `24`: value must be in range 0..=23; found 24"),
            (
                "* * 0 * *",
                "its day of the month `0`: value must be in range 1..=31; found 0",
            ),
            ("* * L * *", "its day of the month `l`: `l` is no name"),
            ("* * 15w * *", "its day of the month `15w`: `w` is no name"),
            ("* * * mon *", "its month `mon`: malformed expression"),
            ("* * * 13 *", "its month `13`: value must be in range 1..=12; found 13"),
            ("* * * * jan", "its weekday `jan`: malformed expression"),
            ("* * * * 8", "its weekday `8`: value must be in range 0..=7; found 8"),
            ("* * * * 5#2", "its weekday `5#2`: `#` has no meaning there"),
            ("? * * * *", "its minute `?`: `?` has no meaning there"),
            ("1,,2 * * * *", "its minute `1,,2`: malformed expression"),
            (
                "5-1 * * * *",
                "its minute `5-1`: range must be in ascending order; found 5-1",
            ),
            ("*/0 * * * *", "its minute `*/0`: step must be greater than 0"),
            (
                "*/99 * * * *",
                "its minute `*/99`: step must be in range 0..=59; found 99",
            ),
            (
                "* * * * fri-mon",
                "its weekday `fri-mon`: range must be in ascending order; found 5-1",
            ),
            ("+1 * * * *", "its minute `+1`: `+` has no meaning there"),
            ("h * * * *", "its minute `h`: `h` is no name"),
        ] {
            assert_eq!(text.parse::<Cron>(), Err(why.to_owned()), "{text}");
        }
    }
}
