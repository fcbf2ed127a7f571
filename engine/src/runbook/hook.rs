//! Hooks as steps of a runbook.

use super::Step;
use dram_compiler::model::{Application, HookDeed, Moment, Name};

/// The hooks of a moment that are about this component, or about the whole application; as steps, in the order in which they are
/// written.
pub(super) fn hooks<'a>(
    application: &'a Application,
    at: Moment,
    component: Option<&'a Name>,
) -> impl Iterator<Item = Step> + use<'a> {
    let hooks = application.hooks.iter().enumerate();
    hooks
        .filter(move |(_, hook)| hook.at == at && hook.component.as_ref() == component)
        .map(move |(position, hook)| {
            let deed = match &hook.deed {
                HookDeed::Run(argv) => format!("run `{}`", argv.first().map(String::as_str).unwrap_or_default()),
                HookDeed::Shell(_) => "run a text for the shell".to_owned(),
                HookDeed::Http(_) => "send a request".to_owned(),
                HookDeed::Scale(_) => "scale workloads".to_owned(),
                HookDeed::Wait(_) => "wait for a check".to_owned(),
            };
            let when = match at {
                Moment::BeforeFreeze => "before the freeze",
                Moment::AfterThaw => "after the thaw",
                Moment::BeforeRestore => "before the restore",
                Moment::AfterRestore => "after the restore",
                Moment::BeforeStart => "before the start",
                Moment::AfterStart => "after the start",
                Moment::BeforeTraffic => "before users are led here",
                Moment::AfterTraffic => "after users were led here",
                Moment::DrillCleanup => "when the drill is over",
            };
            let of = component
                .map(|component| format!(" of {component}"))
                .unwrap_or_default();
            Step::Hook {
                hook: position,
                text: format!("{when}{of}: {deed}"),
            }
        })
}
