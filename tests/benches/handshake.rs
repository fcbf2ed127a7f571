//! From the start of a provider's process to its handshake, against the smallest providers that can be written in Go.
//!
//! Every walk of Terraform starts the provider afresh, three to seven times a command, so this is what a user waits for.
//! Run it with `cargo bench -p dram-tests --bench handshake`; the runs are interleaved, so that a busy moment hits all.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use dram_tests::call::Call;
use dram_tests::error::{Doing as _, Result, claim};
use dram_tests::lab::go;
use dram_tests::programs::{Programs, repository};

const RUNS: usize = 60;
/// What a provider needs at most of the time of the raw Go one.
const TARGET: f64 = 0.3;

/// The value by which a provider knows that its parent speaks the protocol.
const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";
/// A certificate as hosts make them for each process: P-521, self-signed. Its key is nowhere.
const CLIENT: &str = include_str!("client.pem");

fn main() -> ExitCode {
    match bench() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench() -> Result<()> {
    let peers = repository().join("tests/benches/peers");
    let raw = go::ours("peer-raw", &peers.join("raw"))?;
    let framework = go::ours("peer-framework", &peers.join("framework"))?;
    let ours = Programs::build()?.provider();
    let contestants: [(&str, PathBuf); 3] = [("dram", ours), ("raw Go", raw), ("framework Go", framework)];
    // Their sockets lie here; a killed process leaves its own behind.
    let sockets = tempfile::tempdir().doing(|| "make a temporary folder".to_owned())?;
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); contestants.len()];
    // The first round only warms the caches.
    for round in 0..=RUNS {
        for ((_, program), times) in contestants.iter().zip(&mut times) {
            let took = handshake(program, sockets.path())?;
            if round > 0 {
                times.push(took);
            }
        }
    }
    println!("exec to handshake, {RUNS} interleaved runs, milliseconds\n");
    println!("| provider | median | least | bytes | median against dram |");
    println!("|---|---|---|---|---|");
    let own = median(times.first().map(Vec::as_slice).unwrap_or_default());
    let mut ratio = f64::INFINITY;
    for ((name, program), times) in contestants.iter().zip(&times) {
        let (median, least) = (median(times), times.iter().min().copied().unwrap_or_default());
        let bytes = program
            .metadata()
            .doing(|| format!("look at `{}`", program.display()))?
            .len();
        let against = median.as_secs_f64() / own.as_secs_f64();
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        println!(
            "| {name} | {:.1} | {:.1} | {bytes} | {against:.1} × |",
            milliseconds(median),
            milliseconds(least)
        );
        if *name == "raw Go" {
            ratio = 1.0 / against;
        }
    }
    println!("\ndram / raw Go = {ratio:.2} (target: at most {TARGET})");
    claim(
        format!("the handshake takes at most {TARGET} of the raw Go provider's"),
        ratio <= TARGET,
        || format!("{ratio:.2}"),
    )
}

/// Starts a provider as a host does and waits for the line that says where it listens.
fn handshake(program: &Path, sockets: &Path) -> Result<Duration> {
    let call = Call::new(program)
        .env("TF_PLUGIN_MAGIC_COOKIE", COOKIE)
        .env("PLUGIN_MIN_PORT", "10000")
        .env("PLUGIN_MAX_PORT", "25000")
        .env("PLUGIN_PROTOCOL_VERSIONS", "5,6")
        .env("PLUGIN_CLIENT_CERT", CLIENT)
        .env("TMPDIR", sockets);
    let line = call.line();
    let mut command = call.into_command();
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let begun = Instant::now();
    let mut child = command.spawn().doing(|| format!("start `{line}`"))?;
    let mut said = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout)
            .read_line(&mut said)
            .doing(|| format!("read from `{line}`"))?;
    }
    let took = begun.elapsed();
    child.kill().doing(|| format!("end `{line}`"))?;
    child.wait().doing(|| format!("wait for `{line}`"))?;
    claim(format!("`{line}` shakes hands"), said.starts_with("1|5|"), || {
        format!("`{}`", said.trim_end())
    })?;
    Ok(took)
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
