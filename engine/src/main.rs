//! `dram`: protects, verifies and recovers applications.

use std::process::ExitCode;

fn main() -> ExitCode {
    dram_engine::memory::give_back_large_blocks();
    dram_engine::cli::main().into()
}
