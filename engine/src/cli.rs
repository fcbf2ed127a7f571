//! The command line.

mod arguments;
mod commands;
mod output;
mod progress;

use crate::error::Error;
use crate::exit::Exit;
use crate::vault::Cancel;
use arguments::Arguments;
use clap::Parser;
use output::Output;
use tracing_subscriber::EnvFilter;

/// Reads the arguments, does what they say, and tells how it ended.
#[must_use]
pub fn main() -> Exit {
    let arguments = Arguments::parse();
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

fn log_to_standard_error(level: &str) {
    // Libraries speak only when asked for: theirs are not the words of our messages.
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("off"));
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
    if let Err(why) = started {
        eprintln!("note: no log: {why}");
    }
}

/// Who asks: the user and the machine.
fn who() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    let user = user.unwrap_or_else(|_| format!("uid {}", rustix::process::getuid().as_raw()));
    format!("{user}@{}", rustix::system::uname().nodename().to_string_lossy())
}

type Done = Result<Exit, Error>;
