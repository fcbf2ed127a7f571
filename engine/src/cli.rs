//! The command line.

mod arguments;
mod commands;
mod lines;
mod output;
mod progress;

use crate::error::Error;
use crate::exit::Exit;
use crate::site;
use crate::vault::Cancel;
use arguments::{Arguments, Command};
use clap::Parser;
use output::Output;
use tracing_subscriber::EnvFilter;

/// Reads the arguments, does what they say, and tells how it ended.
#[must_use]
pub fn main() -> Exit {
    let arguments = Arguments::parse();
    if matches!(arguments.command, Command::Freezer) {
        return freezer();
    }
    let output = Output::new(&arguments.global);
    log_to_standard_error(&arguments.global.log_level);
    let cancel = Cancel::new();
    let raised = cancel.clone();
    // The first Ctrl-C asks the run to stop where it can be taken up again, the second ends the program.
    let handled = ctrlc::set_handler(move || {
        if raised.is_canceled() {
            std::process::exit(Exit::Interrupted as i32);
        }
        raised.cancel();
    });
    if let Err(why) = handled {
        output.note(&format!("Ctrl-C ends the program at once: {why}"));
    }
    match commands::run(arguments, &output, &cancel) {
        Ok(exit) => exit,
        Err(error) => {
            output.error(&error);
            error.exit()
        }
    }
}

/// A freeze ends when whoever wanted it says so or is gone, or when it has lasted too long; not by a signal that stops a service
/// with all its processes.
fn freezer() -> Exit {
    let heedless = ctrlc::set_handler(|| {});
    drop(heedless);
    site::freezer(std::io::BufReader::new(std::io::stdin()), std::io::stdout());
    Exit::Done
}

fn log_to_standard_error(level: &str) {
    let filter = EnvFilter::try_new(logged(level)).unwrap_or_else(|_| EnvFilter::new("off"));
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
    if let Err(why) = started {
        eprintln!("note: no log: {why}");
    }
}

/// What is logged at a level: our own crates, and of the library that writes repositories its warnings. Other libraries print
/// what they send, and with it keys and tokens.
fn logged(level: &str) -> String {
    const OURS: [&str; 3] = ["dram_engine", "dram_catalog", "dram_storage"];
    let library = match level {
        "off" | "error" => level,
        _ => "warn",
    };
    let ours = OURS.map(|name| format!("{name}={level}"));
    format!("off,rustic_core={library},{}", ours.join(","))
}

/// Who asks: the user and the machine.
fn who() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    let user = user.unwrap_or_else(|_| format!("uid {}", rustix::process::getuid().as_raw()));
    format!("{user}@{}", rustix::system::uname().nodename().to_string_lossy())
}

type Done = Result<Exit, Error>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_library_that_sends_anything_is_ever_logged() {
        for level in ["off", "error", "warn", "info", "debug", "trace"] {
            let directives = logged(level);
            assert!(EnvFilter::try_new(&directives).is_ok(), "{directives}");
            assert!(directives.starts_with("off,"), "{directives}");
            assert!(directives.contains(&format!("dram_engine={level}")), "{directives}");
        }
    }
}
