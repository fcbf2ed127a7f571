//! Log lines for the host: one JSON object a line on standard error, in the layout of its own logger.
//!
//! The host filters by level and shows what it was asked for; asked for nothing, we do not even
//! format. `TF_LOG_PROVIDER_DRAM` goes before `TF_LOG_PROVIDER`, and that before `TF_LOG`.

use std::io::Write as _;
use std::sync::atomic::{AtomicU8, Ordering};

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Every step.
    Trace = 1,
    /// What helps to understand a failure.
    Debug = 2,
    /// What happened.
    Info = 3,
    /// What may be wrong.
    Warn = 4,
    /// What is wrong.
    Error = 5,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Level::Trace => "trace",
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

const OFF: u8 = u8::MAX;
static LEAST: AtomicU8 = AtomicU8::new(OFF);

/// The host reads lines of at most 64 KiB; a value longer than this is cut.
const VALUE_BYTES: usize = 4096;

/// Takes the level from the environment.
pub fn start(variable: impl Fn(&str) -> Option<String>) {
    let asked = ["TF_LOG_PROVIDER_DRAM", "TF_LOG_PROVIDER", "TF_LOG"]
        .into_iter()
        .find_map(|name| variable(name).filter(|value| !value.is_empty()));
    LEAST.store(least(asked.as_deref()), Ordering::Relaxed);
}

fn least(asked: Option<&str>) -> u8 {
    let Some(asked) = asked else { return OFF };
    match asked.to_ascii_uppercase().as_str() {
        "DEBUG" => Level::Debug as u8,
        "INFO" => Level::Info as u8,
        "WARN" => Level::Warn as u8,
        "ERROR" => Level::Error as u8,
        "OFF" => OFF,
        // `JSON` asks for everything in that format, and so does any word that the host does not know.
        _ => Level::Trace as u8,
    }
}

/// Writes a line if its level was asked for.
pub fn line(level: Level, message: &str, fields: &[(&str, &dyn std::fmt::Display)]) {
    if (level as u8) < LEAST.load(Ordering::Relaxed) {
        return;
    }
    let text = format_line(level, message, fields, jiff::Timestamp::now());
    // Nobody is left to be told that standard error is gone.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

fn format_line(level: Level, message: &str, fields: &[(&str, &dyn std::fmt::Display)], now: jiff::Timestamp) -> String {
    let mut entries = serde_json::Map::new();
    let mut put = |name: &str, value: String| entries.insert(name.to_owned(), value.into());
    put("@level", level.name().to_owned());
    put("@message", cut(message.to_owned()));
    put("@module", "provider.dram".to_owned());
    put("@timestamp", now.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string());
    for (name, value) in fields {
        put(name, cut(value.to_string()));
    }
    let mut text = serde_json::Value::Object(entries).to_string();
    text.push('\n');
    text
}

fn cut(mut text: String) -> String {
    if text.len() > VALUE_BYTES {
        let end = (0..=VALUE_BYTES)
            .rev()
            .find(|end| text.is_char_boundary(*end))
            .unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Makes a panic speak as the host expects it of a crash: `panic: …`, then where it came from.
///
/// The call that panicked still answers, with a diagnostic; see [`crate::server`].
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic_message(panic.payload());
        let place = panic
            .location()
            .map_or_else(String::new, |place| format!(" at {place}"));
        let trace = std::backtrace::Backtrace::force_capture();
        let _ = writeln!(std::io::stderr().lock(), "panic: {message}{place}\n\n{trace}");
    }));
}

/// What a panic said, if it said it in words.
#[must_use]
pub fn panic_message(payload: &(dyn std::any::Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "no message"
    }
}

#[cfg(test)]
mod tests {
    use super::{Level, OFF, format_line, least};

    #[test]
    fn the_layout_is_the_hosts() {
        let now = "2026-03-04T05:06:07.000089Z".parse().unwrap();
        let line = format_line(Level::Info, "declared", &[("name", &"shop")], now);
        let json: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(json["@timestamp"], "2026-03-04T05:06:07.000089Z");
        assert_eq!(json["@level"], "info");
        assert_eq!(json["@message"], "declared");
        assert_eq!(json["name"], "shop");
        assert!(line.ends_with('\n'));
    }

    #[test]
    fn a_line_stays_below_what_the_host_reads() {
        let now = "2026-03-04T05:06:07Z".parse().unwrap();
        let long = "ä".repeat(100_000);
        assert!(format_line(Level::Info, &long, &[("long", &long)], now).len() < 64 * 1024);
    }

    #[test]
    fn levels_are_words_of_the_host() {
        assert_eq!(least(None), OFF);
        assert_eq!(least(Some("off")), OFF);
        assert_eq!(least(Some("warn")), Level::Warn as u8);
        assert_eq!(least(Some("JSON")), Level::Trace as u8);
    }
}
