//! How long the compiler takes for a large model, how that grows, and how it compares with Terraform on what it emits.
//!
//! Run it with `cargo bench -p dram-tests --bench compiler`. Each figure is the median of several processes from start to end;
//! what is told is the time of processors, which a busy machine hardly changes. It fails when a target is missed.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{ExitCode, Stdio};

use dram_tests::call::{self, Call};
use dram_tests::error::{Doing as _, Result, claim};
use dram_tests::lab::terraform;
use dram_tests::programs::Programs;
use wait4::Wait4 as _;

const RUNS: usize = 7;
const SMALL: u64 = 1_000;
const LARGE: u64 = 10_000;
/// Components of each application.
const EACH: u64 = 100;

/// Seconds of processors for the large model: check, proof and build.
const SECONDS: f64 = 1.0;
/// How much more the large model takes than one of a tenth.
const GROWTH: f64 = 12.0;
/// Memory against the text of the model.
const MEMORY: f64 = 30.0;
/// How much longer Terraform takes to validate what is emitted.
const AGAINST: f64 = 10.0;
/// Seconds until the program has said its version.
const START: f64 = 0.005;

fn main() -> ExitCode {
    match bench() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Seconds of processors, and bytes at most.
#[derive(Clone, Copy)]
struct Cost {
    seconds: f64,
    bytes: f64,
}

fn bench() -> Result<()> {
    let programs = Programs::build()?;
    let dramc = programs.folder().join("dramc");
    let folder = tempfile::tempdir().doing(|| "make a temporary folder".to_owned())?;
    println!("processors, median of {RUNS} runs\n");
    println!("| components | bytes of text | command | milliseconds | MiB | memory / text |");
    println!("|---|---|---|---|---|---|");
    let mut built: Vec<(Cost, f64)> = Vec::new();
    for components in [SMALL, LARGE] {
        let text = model(components);
        let file = folder.path().join(format!("{components}.yaml"));
        std::fs::write(&file, &text).doing(|| format!("write `{}`", file.display()))?;
        let out = folder.path().join(format!("out-{components}"));
        let verb = |words: &[&str]| Call::new(&dramc).args(words).arg(&file);
        for name in ["check", "prove", "build"] {
            let cost = median(|| match name {
                "build" => cost(verb(&["build", "--target", "terraform", "-o", &out.to_string_lossy()])),
                name => cost(verb(&[name])),
            })?;
            let part = cost.bytes / text.len() as f64;
            println!(
                "| {components} | {} | {name} | {:.0} | {:.0} | {part:.0} |",
                text.len(),
                cost.seconds * 1e3,
                cost.bytes / f64::from(1 << 20)
            );
            if name == "build" {
                built.push((cost, part));
            }
        }
    }
    let (Some((small, _)), Some((large, part))) = (built.first(), built.last()) else {
        return Ok(());
    };
    let growth = large.seconds / small.seconds;
    println!("\n{LARGE} / {SMALL} components = {growth:.1} (target: at most {GROWTH})");
    let validate = validate(&folder.path().join(format!("out-{SMALL}")), &programs)?;
    let against = validate.seconds / small.seconds;
    println!("terraform validate / dramc build, {SMALL} components = {against:.0} (target: at least {AGAINST})");
    let version = median(|| cost(Call::new(&dramc).arg("--version")))?;
    println!(
        "dramc --version: {:.1} ms (target: below {:.0})",
        version.seconds * 1e3,
        START * 1e3
    );
    let holds = |what: &str, is: bool, found: f64| claim(what.to_owned(), is, || format!("{found:.3}"));
    holds(
        "a large model takes less than a second",
        large.seconds < SECONDS,
        large.seconds,
    )?;
    holds("time grows as the model does", growth <= GROWTH, growth)?;
    holds("memory is a multiple of the text", *part <= MEMORY, *part)?;
    holds("Terraform takes ten times as long", against >= AGAINST, against)?;
    holds("the program starts at once", version.seconds < START, version.seconds)
}

/// A model as people write them: applications whose components wait for each other, with data and health, and one plan.
fn model(components: u64) -> String {
    let mut text = String::new();
    let mut document = |kind: &str, name: &str, spec: &str| {
        let _ = write!(
            text,
            "apiVersion: dram.dev/v1\nkind: {kind}\nmetadata: {{ name: {name} }}\nspec:\n{spec}---\n"
        );
    };
    for site in ["office", "branch"] {
        let spec = format!("  host: {{ root: /srv/{site} }}\n  failureDomain: {site}\n  bandwidth: 5Gi/s\n");
        document("RecoverySite", site, &spec);
    }
    let vault = "  directory: { path: /mnt/nas }\n  failureDomain: nas\n  password: { file: /etc/dram/key }\n";
    document("Vault", "nas", vault);
    let policy = "  objectives: { rpo: 75m, rto: 1d }\n  schedule: [{ every: 1h }]\n  vaults: [{ name: nas }]\n";
    document("ProtectionPolicy", "hourly", policy);
    let names: Vec<String> = (0..components / EACH).map(|number| format!("shop-{number}")).collect();
    for name in &names {
        let mut spec = "  site: office\n  policy: hourly\n  components:\n".to_owned();
        for part in 0..EACH {
            let after = match part % 7 {
                0 => String::new(),
                _ => format!("      after: [part-{}]\n", part - 1),
            };
            let _ = write!(
                spec,
                "    - name: part-{part}\n{after}      host:\n        paths: [/srv/{name}/part-{part}]\n        exclude: [\"*.log\"]\n      data: {{ size: 1Gi, changeRate: 10Mi/d }}\n      health: [{{ tcp: {{ address: \"127.0.0.1:80\" }} }}]\n"
            );
        }
        document("Application", name, &spec);
    }
    let plan = format!(
        "  applications: {{ names: [{}] }}\n  targets: [{{ site: branch }}]\n",
        names.join(", ")
    );
    document("RecoveryPlan", "all", &plan);
    text
}

/// What Terraform takes to validate a module.
fn validate(module: &Path, programs: &Programs) -> Result<Cost> {
    let host = terraform::any(&call::path())?;
    let configuration = host.install(&programs.provider(), module)?;
    let call = |words: &[&str]| host.call(module, &configuration).args(words);
    call(&["init", "-no-color"]).ok()?;
    median(|| cost(call(&["validate", "-no-color"])))
}

fn median(mut run: impl FnMut() -> Result<Cost>) -> Result<Cost> {
    let mut costs = (0..RUNS).map(|_| run()).collect::<Result<Vec<Cost>>>()?;
    costs.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    let middle = costs.get(costs.len() / 2).copied();
    Ok(middle.unwrap_or(Cost {
        seconds: f64::NAN,
        bytes: f64::NAN,
    }))
}

/// Runs a command to its end, with all that it starts and waits for.
fn cost(call: Call) -> Result<Cost> {
    let line = call.line();
    let mut command = call.into_command();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().doing(|| format!("run `{line}`"))?;
    let end = child.wait4().doing(|| format!("wait for `{line}`"))?;
    if !end.status.success() {
        return Err(std::io::Error::other(end.status.to_string())).doing(|| format!("run `{line}`"));
    }
    Ok(Cost {
        seconds: (end.rusage.utime + end.rusage.stime).as_secs_f64(),
        bytes: end.rusage.maxrss as f64,
    })
}
