//! `dram`: protects, verifies and recovers applications.

use std::process::ExitCode;

fn main() -> ExitCode {
    dram_engine::cli::main().into()
}
