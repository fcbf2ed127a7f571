//! How a run is shown: bars on a terminal, plain lines elsewhere, events for programs.

use super::output::Output;
use crate::run::{Event, Observer};
use crate::vault::{Basis, Progress};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Shows a run on standard error, or as JSON lines on standard output.
pub(crate) struct Show {
    output: Output,
    bar: Mutex<Option<Bar>>,
}

impl Show {
    pub(crate) fn new(output: &Output) -> Self {
        Self {
            output: output.clone(),
            bar: Mutex::new(None),
        }
    }

    fn bar(&self, text: &str, bytes: Option<u64>, left: Option<u64>) {
        let bar = ProgressBar::with_draw_target(bytes, ProgressDrawTarget::stderr());
        let template = match (bytes, left) {
            (Some(_), _) => with_total("", left),
            (None, Some(_)) => "{spinner} {msg} {elapsed} {left}".to_owned(),
            (None, None) => "{spinner} {msg} {elapsed}".to_owned(),
        };
        set_style(&bar, &template, left);
        bar.set_message(text.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = Some(Bar { bar, left });
    }

    fn clear(&self) {
        if let Some(bar) = self.bar.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.bar.finish_and_clear();
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
                left_seconds,
                ..
            } => {
                if self.output.terminal && !self.output.quiet {
                    self.bar(&format!("{number}/{of} {text}"), *bytes, *left_seconds);
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
            Some(bar) => Arc::new(bar.clone()),
            None => Arc::new(crate::vault::Silent),
        }
    }
}

/// A bar, and the seconds that were left of the run when it began.
#[derive(Clone)]
struct Bar {
    bar: ProgressBar,
    left: Option<u64>,
}

fn with_total(about: &str, left: Option<u64>) -> String {
    let end = if left.is_some() { "left" } else { "eta" };
    format!("{{spinner}} {{msg}} {{wide_bar}} {{bytes}}/{about}{{total_bytes}} {{bytes_per_sec}} {{{end}}}")
}

fn set_style(bar: &ProgressBar, template: &str, left: Option<u64>) {
    let Ok(mut style) = ProgressStyle::with_template(template) else {
        return;
    };
    if let Some(left) = left {
        style = style.with_key("left", move |state: &ProgressState, out: &mut dyn fmt::Write| {
            let still = left.saturating_sub(state.elapsed().as_secs());
            // What cannot be written is drawn again in a moment.
            let _ = out.write_str(&about(still).unwrap_or_default());
        });
    }
    bar.set_style(style);
}

/// How long a run will still take, for people; nothing once that is over.
pub(crate) fn about(seconds: u64) -> Option<String> {
    const MINUTE: u64 = 60;
    Some(match seconds {
        0 => return None,
        1..=50 => format!("~{} s left", seconds.next_multiple_of(10)),
        51..=5_399 => format!("~{} min left", (seconds + MINUTE / 2) / MINUTE),
        _ => {
            let tens = (seconds + 5 * MINUTE) / (10 * MINUTE);
            format!("~{} h {} min left", tens / 6, tens % 6 * 10)
        }
    })
}

impl Progress for Bar {
    fn total(&self, bytes: u64, basis: Basis) {
        self.bar.set_length(bytes);
        let about = match basis {
            Basis::Counted => "",
            Basis::Parent => "~",
        };
        set_style(&self.bar, &with_total(about, self.left), self.left);
    }

    fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
    }
}

/// Bytes for people.
pub(crate) fn bytes(bytes: u64) -> String {
    HumanBytes(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_told_no_more_precisely_than_it_is_known() {
        let cases = [
            (0, None),
            (1, Some("~10 s left")),
            (10, Some("~10 s left")),
            (41, Some("~50 s left")),
            (51, Some("~1 min left")),
            (89, Some("~1 min left")),
            (90, Some("~2 min left")),
            (5_399, Some("~90 min left")),
            (5_400, Some("~1 h 30 min left")),
            (7_000, Some("~2 h 0 min left")),
        ];
        for (seconds, text) in cases {
            assert_eq!(about(seconds).as_deref(), text, "{seconds}");
        }
    }

    #[test]
    fn the_templates_of_bars_are_templates() {
        for (about, left) in [("", None), ("~", None), ("", Some(1)), ("~", Some(1))] {
            assert!(ProgressStyle::with_template(&with_total(about, left)).is_ok());
        }
    }
}
