//! What a run tells while it goes.

use crate::vault::{Progress, Silent};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

/// One thing that happened. Serialised, a line of `--json`.
#[derive(Debug, Clone, JsonSchema, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A run began, or was taken up again.
    #[serde(rename_all = "camelCase")]
    Started {
        /// Its id, when it has one in a catalog.
        run: Option<String>,
        /// What it is for.
        verb: String,
        /// The application.
        application: String,
        /// The point that is made or restored.
        point: String,
        /// How many steps it has.
        steps: usize,
        /// Whether it continues an earlier one.
        resumed: bool,
    },
    /// A step began.
    #[serde(rename_all = "camelCase")]
    Step {
        /// From 1.
        number: usize,
        /// Of how many.
        of: usize,
        /// What it does.
        text: String,
        /// Bytes that it will move, where known.
        bytes: Option<u64>,
        /// Bytes that it will move by what it moved before, where that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        expected_bytes: Option<u64>,
        /// How long it will take by what it took before, in seconds, where that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        expected_seconds: Option<u64>,
        /// How long the run will take from here on by what its steps took before, in seconds, where all are known.
        #[serde(skip_serializing_if = "Option::is_none")]
        left_seconds: Option<u64>,
    },
    /// A step is done.
    Done {
        /// From 1.
        number: usize,
        /// Of how many.
        of: usize,
        /// What it did.
        text: String,
        /// What came of it.
        detail: String,
        /// How long it took.
        seconds: f64,
        /// Whether an earlier attempt had done it.
        before: bool,
    },
    /// Something that must not pass in silence.
    Note {
        /// What.
        text: String,
    },
    /// The run ended.
    Ended {
        /// `success`, `failed` or `interrupted`.
        result: &'static str,
        /// What came of it.
        detail: String,
    },
}

/// Whoever watches a run.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event);

    /// A display for the bytes of the step that has just begun.
    fn progress(&self) -> Arc<dyn Progress> {
        Silent::shared()
    }
}

/// Nobody watches.
#[derive(Debug, Clone, Copy)]
pub struct Quiet;

impl Observer for Quiet {
    fn event(&self, _: &Event) {}
}
