//! Days of the civil calendar, one after the other.

use crate::model::Cron;
use jiff::Span;
use jiff::civil::Date;

/// A day: its number since 1970-01-01, and its date.
#[derive(Debug, Clone, Copy)]
pub(super) struct Day {
    pub(super) number: i64,
    date: Date,
}

impl Day {
    /// The day of a number; none beyond the years that have a name.
    pub(super) fn of(number: i64) -> Option<Self> {
        let date = Date::constant(1970, 1, 1);
        let date = date.checked_add(Span::new().try_days(number).ok()?).ok()?;
        Some(Self { number, date })
    }

    pub(super) fn tomorrow(self) -> Option<Self> {
        Some(Self {
            number: self.number + 1,
            date: self.date.tomorrow().ok()?,
        })
    }

    fn yesterday(self) -> Option<Self> {
        Some(Self {
            number: self.number - 1,
            date: self.date.yesterday().ok()?,
        })
    }

    /// Whether a cron expression names it.
    pub(super) fn is_named(self, cron: &Cron) -> bool {
        // 1970-01-01 was a Thursday, the fourth after Sunday.
        let weekday = (self.number + 4).rem_euclid(7);
        let [month, day] = [self.date.month(), self.date.day()].map(|part| u8::try_from(part).unwrap_or(0));
        cron.names_day(month, day, u8::try_from(weekday).unwrap_or(0))
    }

    fn is_in_named_month(self, cron: &Cron) -> bool {
        u8::try_from(self.date.month()).is_ok_and(|month| cron.names_month(month))
    }

    /// The first day that is named, from this one up to a number.
    pub(super) fn first_named(self, cron: &Cron, last: i64) -> Option<Self> {
        let after = |day: &Self| {
            if day.is_in_named_month(cron) {
                return day.tomorrow();
            }
            let date = day.date.last_of_month().tomorrow().ok()?;
            let days = i64::from(date.day()) + i64::from(day.date.days_in_month()) - i64::from(day.date.day());
            Some(Self {
                number: day.number + days,
                date,
            })
        };
        std::iter::successors(Some(self), after)
            .take_while(|day| day.number <= last)
            .find(|day| day.is_named(cron))
    }

    /// The last day that is named, from this one down to a number.
    pub(super) fn last_named(self, cron: &Cron, first: i64) -> Option<Self> {
        let before = |day: &Self| {
            if day.is_in_named_month(cron) {
                return day.yesterday();
            }
            let date = day.date.first_of_month().yesterday().ok()?;
            Some(Self {
                number: day.number - i64::from(day.date.day()),
                date,
            })
        };
        std::iter::successors(Some(self), before)
            .take_while(|day| day.number >= first)
            .find(|day| day.is_named(cron))
    }
}
