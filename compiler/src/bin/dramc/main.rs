//! `dramc`: checks a DRAM model, proves its objectives and compiles it.

mod arguments;
mod commands;
mod files;
mod fmt;
mod init;

use arguments::Arguments;
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match commands::run(arguments) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            files::complain(&format!("error: {failure}\n"));
            Exit::Failed.into()
        }
    }
}

/// How the program ends. The numbers are those of `dram`; docs/exit-codes.md lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// Done.
    Done = 0,
    /// The model has errors, or a file cannot be read or written.
    Failed = 1,
    /// An objective does not hold.
    Refused = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
