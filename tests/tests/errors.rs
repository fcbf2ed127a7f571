//! What goes wrong on a machine: each says what, where and what next, ends with its code, loses nothing, and is over once its cause
//! is gone.

use std::path::PathBuf;

use dram_tests::call::{Call, Done};
use dram_tests::error::{Doing as _, Result, claim};
use dram_tests::lab::{clock, skip, system};
use dram_tests::world::{FILES, Stores, World, read, write};

/// A user who is not root and has no name.
const USER: &str = "12321";
const LARGE: usize = 12 << 20;

/// One thing that goes wrong.
struct Case {
    name: &'static str,
    /// Texts of the model and what stands in their place.
    changes: &'static [(&'static str, &'static str)],
    /// A shell's script in mounts of its own; `$DRAM` is the program, and its last line the command that goes wrong.
    script: &'static str,
    /// The documented exit code.
    code: i32,
    /// What stands in the message: what, and where.
    words: &'static [&'static str],
    /// What goes well once the cause is gone.
    after: &'static [&'static str],
}

const PROTECT: &[&str] = &["protect", "files"];
const RESTORE: &[&str] = &["restore", "files", "--into", "third"];
const AT_REST: (&str, &str) = (
    "      host: { paths: [/data] }",
    "      host: { paths: [/data] }\n  hooks:\n    - { at: before-freeze, shell: \"true\" }\n    \
     - { at: after-thaw, shell: \"true\" }",
);

const CASES: [Case; 12] = [
    Case {
        name: "no permission at the source",
        changes: &[],
        script: "chown -R $USER:$USER .; chown root: office/data/notes; chmod 600 office/data/notes
            exec setpriv --reuid $USER --regid $USER --clear-groups $DRAM protect files",
        code: 1,
        words: &["/data/notes", "ermission denied"],
        after: PROTECT,
    },
    Case {
        name: "no space at the vault",
        changes: &[],
        script: "mount -t tmpfs -o size=18m tmpfs small; cp -a vault/. small; mount --bind small vault; exec $DRAM protect files",
        code: 1,
        words: &["no space", "vault"],
        after: PROTECT,
    },
    Case {
        name: "no space at the catalog",
        changes: &[],
        script: "mount -t tmpfs -o size=1m,nr_inodes=200 tmpfs small; cp -a catalog/. small; mount --bind small catalog
            head -c 2m /dev/zero > catalog/filler || true; exec $DRAM protect files",
        code: 1,
        words: &["catalog", "space"],
        after: PROTECT,
    },
    Case {
        name: "no space at the target",
        changes: &[],
        script: "mkdir third; mount -t tmpfs -o size=4m tmpfs third; exec $DRAM restore files --into third",
        code: 1,
        words: &["third", "space"],
        after: RESTORE,
    },
    Case {
        name: "no space in the spool",
        changes: &[AT_REST],
        script: "mount -t tmpfs -o size=4m tmpfs small; DRAM_SPOOL=$PWD/small exec $DRAM protect files",
        code: 1,
        words: &["no space", "small"],
        after: PROTECT,
    },
    Case {
        name: "no space for temporary files",
        changes: &[],
        script: "mount -t tmpfs -o size=4m tmpfs small; TMPDIR=$PWD/small exec $DRAM verify files --level restore",
        code: 1,
        words: &["small", "space"],
        after: &["verify", "files", "--level", "restore"],
    },
    Case {
        name: "a target that is read only",
        changes: &[],
        script: "mkdir third; mount -t tmpfs -o ro tmpfs third; exec $DRAM restore files --into third",
        code: 1,
        words: &["third", "ead-only"],
        after: RESTORE,
    },
    Case {
        name: "a target that another user owns",
        changes: &[],
        script: "chown -R $USER:$USER .; mkdir third; chown root: third; chmod 755 third
            exec setpriv --reuid $USER --regid $USER --clear-groups $DRAM restore files --into third",
        code: 1,
        words: &["third", "ermission denied"],
        after: &["restore", "files", "--into", "third"],
    },
    Case {
        name: "a path that is longer than paths may be",
        changes: &[],
        script: "long=$(printf 'a%.0s' $(seq 200)); path=third; for i in $(seq 21); do path=$path/$long; done
            exec $DRAM restore files --into $path",
        code: 1,
        words: &["too long"],
        after: RESTORE,
    },
    Case {
        name: "a dump command that is killed",
        changes: &[(
            "host: { paths: [/data] }",
            "host: { paths: [/data], dump: { command: { shell: \"echo x; test -e $DRAM_ROOT/well || kill -9 $$\" }, \
             restore: { run: [cat] } } }",
        )],
        script: "rm -f office/well; exec $DRAM protect files",
        code: 1,
        words: &["dump", "data", "signal 9"],
        after: PROTECT,
    },
    Case {
        name: "a child of a dump command that is killed",
        changes: &[(
            "host: { paths: [/data] }",
            "host: { paths: [/data], dump: { command: { shell: \"echo x; test -e $DRAM_ROOT/well || sh -c 'kill -9 $$'\" }, \
             restore: { run: [cat] } } }",
        )],
        script: "rm -f office/well; exec $DRAM protect files",
        code: 1,
        words: &["dump", "data", "137"],
        after: PROTECT,
    },
    Case {
        name: "a hook that is killed",
        changes: &[(
            "      host: { paths: [/data] }",
            "      host: { paths: [/data] }\n  hooks:\n    \
             - { at: before-freeze, shell: \"test -e $DRAM_ROOT/well || kill -9 $$\" }\n    \
             - { at: after-thaw, shell: \"true\" }",
        )],
        script: "rm -f office/well; exec $DRAM protect files",
        code: 1,
        words: &["hook", "files", "office", "signal 9"],
        after: PROTECT,
    },
];

/// A world with one point, more data since, and a copy of the program that anybody may run.
fn world(case: &Case) -> Result<World> {
    let world = World::on(FILES, Stores::Directories)?;
    world.change_model(case.changes)?;
    write(&world.dir().join("office/data/notes"), "first\n")?;
    write(&world.dir().join("office/data").join("n".repeat(255)), "a long name\n")?;
    write(&world.dir().join("office/well"), "")?;
    let large = world.dir().join("office/data/large");
    std::fs::write(&large, dram_tests::chance::Chance::of(1).noise(LARGE)).doing(|| "write a file".to_owned())?;
    let built = world.programs().folder().join("dram");
    std::fs::copy(&built, world.dir().join("program")).doing(|| "copy the program".to_owned())?;
    std::fs::create_dir(world.dir().join("small")).doing(|| "make a folder".to_owned())?;
    world.declare()?;
    world.dram().args(PROTECT).ok()?;
    write(&world.dir().join("office/data/notes"), "second\n")?;
    std::fs::write(&large, dram_tests::chance::Chance::of(2).noise(LARGE)).doing(|| "write a file".to_owned())?;
    Ok(world)
}

/// The script in mounts of its own, which are gone with it.
fn in_own_mounts(world: &World, script: &str) -> Call {
    let call = Call::new("unshare").arg("--mount").args(["sh", "-euc", script]);
    let program: PathBuf = world.dir().join("program");
    world
        .in_environment(call)
        .dir(world.dir())
        .env("DRAM", program)
        .env("USER", USER)
        .env("DRAM_CATALOG", world.catalog_url())
}

/// It said what, where and what next, and ended by its own will.
fn check_message(case: &Case, done: Done) -> Result<()> {
    let said = done.both();
    let done = done.expect_code(case.code)?;
    let error = said.lines().any(|line| line.starts_with("error: "));
    let help = said.lines().any(|line| line.trim_start().starts_with("help: "));
    claim("it says what is wrong", error, || said.clone())?;
    claim("it says what to do", help, || said.clone())?;
    for words in case.words {
        claim(format!("it says `{words}`"), said.contains(words), || said.clone())?;
    }
    claim("nothing panicked", !done.both().contains("panicked"), || said.clone())
}

fn check(case: &Case) -> Result<()> {
    let world = world(case)?;
    let before = world.points("files")?;
    check_message(case, in_own_mounts(&world, case.script).run()?)?;
    let points = world.points("files")?;
    claim("no point is lost, and none is half", points == before, || {
        format!("{points:?}")
    })?;
    // The cause goes.
    write(&world.dir().join("office/well"), "")?;
    world.dram().args(case.after).ok()?;
    let into = world.dir().join("look");
    let protected = case.after == PROTECT;
    if protected {
        world.dram().args(PROTECT).run()?.expect_code(0)?;
    }
    world.dram().args(["restore", "files", "--into"]).arg(&into).ok()?;
    let expected = if protected { "second\n" } else { "first\n" };
    let notes = read(&into.join("data/notes"))?;
    claim("the newest point holds what was there", notes == expected, || notes)?;
    let long = read(&into.join("data").join("n".repeat(255)))?;
    claim("the longest name came back", long == "a long name\n", || long)
}

#[test]
fn what_goes_wrong_is_said_and_over_when_its_cause_is_gone() -> Result<()> {
    let test = "what_goes_wrong_is_said_and_over_when_its_cause_is_gone";
    let tried = match rustix::process::geteuid().is_root() {
        true => system::needed("mounts of one's own", Call::new("unshare").args(["--mount", "true"])),
        false => Err(system::unavailable("mounts and users", "the test does not run as root")),
    };
    if skip(test, tried)?.is_none() {
        return Ok(());
    }
    let mut wrong = Vec::new();
    for case in &CASES {
        if let Err(error) = check(case) {
            wrong.push(format!("{}: {error}", case.name));
        }
    }
    claim("each error is as it should be", wrong.is_empty(), || wrong.join("\n\n"))
}

#[test]
fn a_clock_that_goes_back_by_a_year_loses_no_point() -> Result<()> {
    let test = "a_clock_that_goes_back_by_a_year_loses_no_point";
    let Some(clock) = skip(test, clock::clock())? else {
        return Ok(());
    };
    let world = World::protected(Stores::Directories)?;
    let first = world.points("files")?;
    write(&world.dir().join("office/data/notes"), "second\n")?;
    let then = |words: &[&str]| clock.shifted(world.dram(), "-365d").args(words);
    let said = then(PROTECT).ok()?.both();
    let both = world.points("files")?;
    claim(
        "both points are offered",
        both.len() == 2 && both.ends_with(&first),
        || format!("{both:?}, and it said {said}"),
    )?;
    then(&["verify", "files"]).ok()?;
    then(&["prune", "files"]).ok()?;
    world.dram().args(["prune", "files"]).ok()?;
    claim("pruning takes neither", world.points("files")? == both, String::new)?;
    write(&world.dir().join("office/data/notes"), "third\n")?;
    world.dram().args(PROTECT).ok()?;
    let into = world.dir().join("look");
    world.dram().args(["restore", "files", "--into"]).arg(&into).ok()?;
    let notes = read(&into.join("data/notes"))?;
    claim(
        "with the right time again the newest is the newest",
        notes == "third\n",
        || notes,
    )
}
