//! How a run is shown: bars on a terminal, plain lines elsewhere, events for programs.

use super::output::Output;
use crate::run::{Event, Observer};
use crate::vault::{Basis, Progress};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Shows a run on standard error, or as JSON lines on standard output.
pub(crate) struct Show {
    output: Output,
    bar: Mutex<Option<ProgressBar>>,
}

impl Show {
    pub(crate) fn new(output: &Output) -> Self {
        Self {
            output: output.clone(),
            bar: Mutex::new(None),
        }
    }

    fn bar(&self, text: &str, bytes: Option<u64>) {
        let bar = ProgressBar::with_draw_target(bytes, ProgressDrawTarget::stderr());
        let with_total = "{spinner} {msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        let template = if bytes.is_some() {
            with_total
        } else {
            "{spinner} {msg} {elapsed}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(text.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar);
    }

    fn clear(&self) {
        if let Some(bar) = self.bar.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Show {
    fn event(&self, event: &Event) {
        if self.output.json {
            self.output.line(&serde_json::to_string(event).unwrap_or_default());
            return;
        }
        match event {
            Event::Started {
                run,
                verb,
                application,
                point,
                resumed,
                ..
            } => {
                if !self.output.quiet {
                    let run = run.as_ref().map(|run| format!(" (run {run})")).unwrap_or_default();
                    let resumed = if *resumed { "continuing " } else { "" };
                    self.output
                        .say(&format!("{resumed}{verb} {application}, point {point}{run}"));
                }
            }
            Event::Step {
                number,
                of,
                text,
                bytes,
            } => {
                if self.output.terminal && !self.output.quiet {
                    self.bar(&format!("{number}/{of} {text}"), *bytes);
                }
            }
            Event::Done {
                number,
                of,
                text,
                detail,
                seconds,
                before,
            } => {
                self.clear();
                if !self.output.quiet {
                    let detail = if detail.is_empty() {
                        String::new()
                    } else {
                        format!(": {detail}")
                    };
                    let time = if *before {
                        "done before".to_owned()
                    } else {
                        format!("{seconds:.1} s")
                    };
                    self.output.say(&format!("  {number}/{of} {text}{detail} ({time})"));
                }
            }
            Event::Note { text } => {
                self.clear();
                self.output.say(&format!("  note: {text}"));
            }
            Event::Ended { result, detail } => {
                self.clear();
                if !self.output.quiet || *result != "success" {
                    self.output.say(&format!("{result}: {detail}"));
                }
            }
        }
    }

    fn progress(&self) -> Arc<dyn Progress> {
        match self.bar.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            Some(bar) => Arc::new(Bar(bar.clone())),
            None => Arc::new(crate::vault::Silent),
        }
    }
}

struct Bar(ProgressBar);

impl Progress for Bar {
    fn total(&self, bytes: u64, basis: Basis) {
        self.0.set_length(bytes);
        let about = match basis {
            Basis::Counted => "",
            Basis::Parent => "~",
        };
        let template =
            format!("{{spinner}} {{msg}} {{wide_bar}} {{bytes}}/{about}{{total_bytes}} {{bytes_per_sec}} {{eta}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            self.0.set_style(style);
        }
    }

    fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }
}

/// Bytes for people.
pub(crate) fn bytes(bytes: u64) -> String {
    HumanBytes(bytes).to_string()
}
