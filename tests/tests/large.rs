//! Memory does not grow with what is protected: many files, a large sparse image, a long dump.
//!
//! A tenth or less runs with all tests; `cargo verify --long` runs a million files, an image of 100 GiB and a dump of 20 GiB.
//! `DRAM_LARGE=10 DRAM_PROGRAMS=$PWD/target/release cargo test --workspace --test large -- --nocapture` measures a release build;
//! it takes 15 GB of the folder for temporary files.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use dram_tests::Result;
use dram_tests::call::Call;
use dram_tests::error::{Doing as _, claim};
use dram_tests::verify::LARGE;
use dram_tests::world::{FILES, World};
use wait4::Wait4 as _;

const MIB: u64 = 1 << 20;
/// No command about files holds more, whatever there is.
const MOST: u64 = 400 * MIB;
/// So much more may a long dump take than one of a few bytes.
const GROWTH: u64 = 64 * MIB;

/// The size of everything: 10 for the whole, less for every day.
fn scale() -> u64 {
    std::env::var(LARGE)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1)
}

/// What a command cost.
struct Cost {
    time: Duration,
    /// The most that it held, in bytes.
    memory: u64,
}

/// Runs a command to its end.
fn cost(call: Call) -> Result<Cost> {
    let line = call.line();
    let begun = Instant::now();
    let mut child = call
        .into_command()
        .stdout(std::process::Stdio::null())
        .spawn()
        .doing(|| format!("start `{line}`"))?;
    let end = child.wait4().doing(|| format!("wait for `{line}`"))?;
    claim(format!("`{line}` succeeds"), end.status.success(), || {
        end.status.to_string()
    })?;
    Ok(Cost {
        time: begun.elapsed(),
        memory: end.rusage.maxrss,
    })
}

fn holds(what: &str, cost: &Cost, most: u64) -> Result<()> {
    println!("{what}: {} MiB, {:.1} s", cost.memory / MIB, cost.time.as_secs_f64());
    claim(
        format!("{what} holds at most {} MiB", most / MIB),
        cost.memory <= most,
        || format!("it held {} MiB", cost.memory / MIB),
    )
}

/// Small files, a tenth of them in one folder, the others a thousand to a folder.
fn many_files(folder: &Path, count: u64) -> Result<()> {
    for number in 0..count {
        let below = match number < count / 10 {
            true => folder.join("one"),
            false => folder.join((number / 1000).to_string()),
        };
        if number % 1000 == 0 {
            std::fs::create_dir_all(&below).doing(|| format!("make {}", below.display()))?;
        }
        let path = below.join(format!("file-{number}"));
        std::fs::write(&path, number.to_le_bytes()).doing(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

/// A file of which a hundredth is data, in pieces of one MiB.
fn sparse(path: &Path, bytes: u64) -> Result<()> {
    let fill = || -> std::io::Result<()> {
        let file = File::create(path)?;
        file.set_len(bytes)?;
        let mut state = 1_u64;
        for place in (0..bytes).step_by(100 * MIB as usize) {
            let noise = std::iter::repeat_with(|| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                state.to_be_bytes()
            });
            let data: Vec<u8> = noise.take(MIB as usize / 8).flatten().collect();
            file.write_all_at(&data, place)?;
        }
        Ok(())
    };
    fill().doing(|| format!("fill {}", path.display()))
}

#[test]
fn files_and_images_without_number() -> Result<()> {
    let world = World::temporary(FILES)?;
    world.declare()?;
    let data = world.dir().join("office/data");
    many_files(&data.join("many"), 40_000 * scale().pow(2).min(25))?;
    sparse(&data.join("image"), 10 * scale() * 1024 * MIB)?;
    let protect = || cost(world.dram().args(["protect", "files"]));
    holds("a first protect", &protect()?, MOST)?;
    holds("one with nothing changed", &protect()?, MOST)?;
    std::fs::write(data.join("many/one/file-1"), "changed").doing(|| "change a file".to_owned())?;
    holds("one with one file changed", &protect()?, MOST)?;
    let into = world.dir().join("back");
    let restore = world.dram().args(["restore", "files", "--into"]).arg(&into);
    holds("a restore", &cost(restore)?, MOST)?;
    let differ = Call::new("diff")
        .args(["--recursive", "--brief"])
        .arg(&data)
        .arg(into.join("data"));
    let said = differ.text()?;
    claim("what is restored is what was there", said.is_empty(), || said.clone())?;
    let blocks = Call::new("du")
        .args(["--block-size=1", "--summarize"])
        .arg(into.join("data/image"))
        .text()?;
    let used: u64 = blocks
        .split_whitespace()
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(u64::MAX);
    let most = 10 * scale() * 1024 * MIB / 50;
    claim("holes stay holes", used < most, || format!("{used} bytes are used"))
}

#[test]
fn a_dump_without_end_goes_through_a_pipe() -> Result<()> {
    let world = World::temporary(FILES)?;
    let size = world.dir().join("size");
    // Bytes that do not repeat. Where they are many they are such as take little room.
    let source = match scale() {
        1 => "cat /dev/urandom",
        _ => "seq -f %040.0f 1 1e12",
    };
    let command = format!(
        "{source} 2> /dev/null | head --bytes=$(cat '{}') || true",
        size.display()
    );
    let dump = format!(
        "dump: {{ command: {{ shell: \"{command}\" }}, restore: {{ shell: \"wc --bytes > '{}'\" }} }}",
        world.dir().join("loaded").display()
    );
    world.change_model(&[("paths: [/data]", dump.as_str())])?;
    world.declare()?;
    let protect = |bytes: u64| -> Result<Cost> {
        let mut file = File::create(&size).doing(|| "write the size".to_owned())?;
        write!(file, "{bytes}").doing(|| "write the size".to_owned())?;
        cost(world.dram().args(["protect", "files"]))
    };
    let long = match scale() {
        1 => 300 * MIB,
        scale => 2 * scale * 1024 * MIB,
    };
    let least = protect(8)?;
    holds("a dump of eight bytes", &least, MOST)?;
    let most = least.memory + GROWTH;
    holds("a long dump", &protect(long)?, most)?;
    let restore = world.dram().args(["restore", "files", "--overwrite"]);
    holds("loading it", &cost(restore)?, most)?;
    let loaded = std::fs::read_to_string(world.dir().join("loaded")).doing(|| "read what was loaded".to_owned())?;
    claim("all of it is loaded", loaded.trim() == long.to_string(), || {
        loaded.clone()
    })
}
