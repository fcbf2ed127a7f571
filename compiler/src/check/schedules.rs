//! Schedules that are spelled right and still do not fire as they say.

use super::Written;
use crate::calendar::Calendar;
use crate::diagnostic::{Diagnostic, compiler_codes as codes};
use crate::model::{ProtectionPolicy, Schedule, Spec, When, Window};
use dram_fields::{Duration, Field, Step};
use jiff::Timestamp;

/// A firing is looked for from here on; what never fires in four hundred years has not fired before either.
const START: Timestamp = Timestamp::UNIX_EPOCH;

pub(super) fn fire(document: &Written, spec: &Spec, out: &mut Vec<Diagnostic>) {
    let Spec::ProtectionPolicy(policy) = spec else { return };
    let mut all_fire = true;
    for (index, schedule) in policy.schedule.iter().enumerate() {
        let at = |fields: &[&'static Field]| path(index, fields);
        let window = schedule.window.as_ref();
        if schedule.timezone.is_some() && window.is_none() && matches!(schedule.when, When::Every(_)) {
            let message = "`every` counts the time that passes, the same in every time zone".to_owned();
            let finding = document.error(codes::TIMEZONE_WITHOUT_EFFECT, at(&[Schedule::TIMEZONE]), message);
            out.push(
                finding
                    .related(document.spec.at(&at(&[When::EVERY])), "an interval")
                    .help("remove `timezone`, or write the times as `cron`"),
            );
        }
        if let Some(window) = window.filter(|window| window.from == window.to) {
            let message = format!(
                "a window from {} to {} could be all day or none of it",
                window.from, window.to
            );
            let finding = document.error(codes::EMPTY_WINDOW, at(&[Schedule::WINDOW, Window::TO]), message);
            out.push(finding.help("remove the window to have firings all day, or say when it ends"));
            all_fire = false;
        } else if is_zero(schedule) {
            all_fire = false;
        } else if Calendar::of(std::slice::from_ref(schedule)).is_some_and(|one| one.next(START).is_none()) {
            out.push(never(document, index, schedule));
            all_fire = false;
        }
    }
    if all_fire {
        jitters(document, policy, out);
    }
}

/// An interval of zero is a finding of its own.
const fn is_zero(schedule: &Schedule) -> bool {
    matches!(schedule.when, When::Every(Duration { seconds: 0 }))
}

fn path(index: usize, fields: &[&'static Field]) -> Vec<Step> {
    let at = [Step::Field(ProtectionPolicy::SCHEDULE), Step::Index(index)];
    at.into_iter()
        .chain(fields.iter().map(|field| Step::Field(field)))
        .collect()
}

/// The field that says when.
const fn when_field(when: &When) -> &'static Field {
    match when {
        When::Every(_) => When::EVERY,
        When::Cron(_) => When::CRON,
    }
}

fn never(document: &Written, index: usize, schedule: &Schedule) -> Diagnostic {
    let without_window = Schedule {
        window: None,
        ..schedule.clone()
    };
    let fires = Calendar::of(&[without_window]).is_some_and(|one| one.next(START).is_some());
    match (&schedule.when, &schedule.window) {
        (when, Some(window)) if fires => {
            let what = match when {
                When::Every(every) => format!("the multiples of {every}"),
                When::Cron(cron) => format!("the times of `{cron}`"),
            };
            let message = format!(
                "none of {what} lies in the window from {} to {}",
                window.from, window.to
            );
            let finding = document.error(codes::NEVER_FIRES, path(index, &[Schedule::WINDOW]), message);
            let when = document.spec.at(&path(index, &[when_field(when)]));
            let finding = finding.related(when, "the times");
            finding.help("widen the window, or choose times within it")
        }
        (When::Cron(cron), _) => {
            let message = format!("no year has a day that `{cron}` names");
            let finding = document.error(codes::NEVER_FIRES, path(index, &[When::CRON]), message);
            finding.help("correct the day of the month or the month")
        }
        (When::Every(every), _) => {
            let message = format!("`{every}` is longer than any calendar");
            document.error(codes::NEVER_FIRES, path(index, &[When::EVERY]), message)
        }
    }
}

fn jitters(document: &Written, policy: &ProtectionPolicy, out: &mut Vec<Diagnostic>) {
    if policy.schedule.iter().all(|schedule| schedule.jitter.is_none()) {
        return;
    }
    let room = Calendar::of(&policy.schedule)
        .map(|calendar| calendar.room())
        .unwrap_or_default();
    for (index, (schedule, room)) in policy.schedule.iter().zip(room).enumerate() {
        let Some((jitter, room)) = schedule.jitter.zip(room.map(Duration::seconds)) else {
            continue;
        };
        if jitter >= room {
            let message = format!("a jitter of {jitter} reaches the next firing, which may come {room} later");
            let when = document.spec.at(&path(index, &[when_field(&schedule.when)]));
            let finding = document
                .error(codes::JITTER_TOO_LONG, path(index, &[Schedule::JITTER]), message)
                .related(when, "the firings");
            out.push(finding.help(format!("state less than {room}")));
        }
    }
}
