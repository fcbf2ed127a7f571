use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use tempfile::TempDir;

use super::super::clock::SystemClock;
use super::super::mapping::OnMissing;
use super::*;

const LONG: Duration = Duration::from_secs(60);

struct Fixture {
    home: TempDir,
    site: HostSite,
    cancel: Cancel,
    around: Surroundings,
}

fn fixture() -> Fixture {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("office");
    fs::create_dir(&root).unwrap();
    let around = Surroundings {
        application: "shop".to_owned(),
        component: "web".to_owned(),
        run: "01HRUN".to_owned(),
    };
    Fixture {
        site: HostSite::new("office", root),
        home,
        cancel: Cancel::default(),
        around,
    }
}

fn shell(text: &str) -> Command {
    Command {
        action: Action::Shell(text.to_owned()),
        dir: None,
        timeout: LONG,
        on_engine: false,
    }
}

fn argv(words: &[&str]) -> Command {
    Command {
        action: Action::Run(words.iter().map(ToString::to_string).collect()),
        dir: None,
        timeout: LONG,
        on_engine: false,
    }
}

impl Fixture {
    fn run(&self, command: &Command) -> Result<Finished, SiteError> {
        self.site.run(Deed::Hook, command, &self.around, &self.cancel)
    }

    fn dump(&self, command: &Command) -> Box<dyn DumpStream> {
        self.site.dump(command, &self.around, &self.cancel).unwrap()
    }

    fn load(&self, command: &Command) -> Box<dyn LoadStream> {
        self.site.load(command, &self.around, &self.cancel).unwrap()
    }
}

/// Whether a process of that number runs (one that waits to be reaped does not).
fn runs(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    stat.is_ok_and(|stat| !stat.rsplit_once(')').unwrap().1.trim_start().starts_with('Z'))
}

/// Looks until `found` says yes; a test that waits in vain ends by the test runner's patience.
fn until(mut found: impl FnMut() -> bool) {
    let began = Instant::now();
    while !found() {
        assert!(began.elapsed() < LONG, "it never came");
        std::thread::yield_now();
    }
}

fn failure(error: &SiteError) -> &CommandFailure {
    match error {
        SiteError::Command { failure, .. } => failure,
        other => unreachable!("{other}"),
    }
}

#[test]
fn a_command_sees_where_and_for_whom_it_runs() {
    let f = fixture();
    f.run(&shell("printf '%s\\n' \"$PWD\" \"$DRAM_ROOT\" \"$DRAM_SITE\" \"$DRAM_APPLICATION\" \"$DRAM_COMPONENT\" \"$DRAM_RUN\" > seen")).unwrap();
    let root = f.site.root().to_str().unwrap();
    let seen = fs::read_to_string(f.site.root().join("seen")).unwrap();
    assert_eq!(
        seen.lines().collect::<Vec<_>>(),
        [root, root, "office", "shop", "web", "01HRUN"]
    );

    fs::create_dir_all(f.site.root().join("srv/shop")).unwrap();
    f.run(&Command {
        dir: Some("/srv/shop".into()),
        ..shell("echo x > here")
    })
    .unwrap();
    assert!(f.site.root().join("srv/shop/here").is_file());
    let error = f
        .run(&Command {
            dir: Some("/srv/../..".into()),
            ..shell("true")
        })
        .unwrap_err();
    assert!(matches!(error, SiteError::Path { .. }));
    let error = f
        .run(&Command {
            dir: Some("/nowhere".into()),
            ..shell("true")
        })
        .unwrap_err();
    assert!(matches!(failure(&error), CommandFailure::NotRun(_)));
}

#[test]
fn arguments_are_never_expanded() {
    let f = fixture();
    f.run(&argv(&[
        "/bin/sh",
        "-c",
        "printf '%s|' \"$@\" > seen",
        "sh",
        "$HOME",
        "*",
        "a b",
        "`id`",
        "",
        "~",
    ]))
    .unwrap();
    assert_eq!(
        fs::read_to_string(f.site.root().join("seen")).unwrap(),
        "$HOME|*|a b|`id`||~|"
    );
}

#[test]
fn our_secrets_are_withheld() {
    let f = fixture();
    // Cargo sets this one for every test.
    let site = f.site.clone().withholding(["CARGO_MANIFEST_DIR".to_owned()]);
    let command = shell("echo \"${CARGO_MANIFEST_DIR-none}\" >&2");
    let said = |site: &HostSite| site.run(Deed::Hook, &command, &f.around, &f.cancel).unwrap().said;
    assert_ne!(said(&f.site), "none");
    assert_eq!(said(&site), "none");
}

#[test]
fn a_failure_names_the_component_and_its_last_words() {
    let f = fixture();
    let error = f
        .run(&shell("echo out; echo the disk is full >&2; exit 3"))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the hook of `web` at site `office` exited with 3; it said `out\nthe disk is full`"
    );
    let error = f.run(&shell("kill -9 $$")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the hook of `web` at site `office` was ended by signal 9"
    );
    let error = f.run(&argv(&["/no/such/program"])).unwrap_err();
    assert!(matches!(failure(&error), CommandFailure::NotRun(_)));
    assert!(error.help().contains("installed"));
    assert!(f.run(&argv(&[])).is_err());
    let error = f
        .run(&shell(
            "i=0; while [ $i -lt 9999 ]; do echo line $i; i=$((i+1)); done; printf '\\033[2Jend'; false",
        ))
        .unwrap_err();
    let SiteError::Command { said, .. } = error else {
        unreachable!()
    };
    assert!(
        said.lines().count() <= 20 && said.ends_with("line 9998\n[2Jend"),
        "{said}"
    );
}

#[test]
fn every_part_of_a_pipe_counts() {
    assert!(Shell::of_this_machine().pipefail, "this machine has bash");
    let f = fixture();
    assert!(matches!(
        failure(&f.run(&shell("false | cat")).unwrap_err()),
        CommandFailure::Code(1)
    ));
    f.run(&shell("true | cat")).unwrap();
}

#[test]
fn a_command_that_takes_too_long_is_ended_with_all_it_started() {
    let f = fixture();
    let text = "sleep 600 & echo $! > child; trap '' TERM; echo $$ > leader; sleep 600; sleep 600";
    let error = f
        .run(&Command {
            timeout: Duration::from_millis(300),
            ..shell(text)
        })
        .unwrap_err();
    assert!(matches!(failure(&error), CommandFailure::TimedOut(_)), "{error}");
    assert!(error.help().contains("timeout"));
    for name in ["child", "leader"] {
        let pid = fs::read_to_string(f.site.root().join(name)).unwrap();
        until(|| !runs(&pid));
    }
}

#[test]
fn a_command_can_be_called_off() {
    let f = fixture();
    let pid = f.site.root().join("pid");
    std::thread::scope(|scope| {
        let running = scope.spawn(|| f.run(&shell("echo $$ > part; mv part pid; sleep 600")));
        until(|| pid.is_file());
        f.cancel.cancel();
        let error = running.join().unwrap().unwrap_err();
        assert!(matches!(failure(&error), CommandFailure::Canceled));
    });
    let pid = fs::read_to_string(pid).unwrap();
    until(|| !runs(&pid));
}

#[test]
fn what_a_hook_leaves_running_does_not_hold_us() {
    let f = fixture();
    let began = Instant::now();
    f.run(&shell("sleep 600 & echo $! > child")).unwrap();
    assert!(began.elapsed() < Duration::from_secs(30));
    let pid = fs::read_to_string(f.site.root().join("child")).unwrap();
    assert!(runs(&pid));
    std::process::Command::new("kill").arg(pid.trim()).status().unwrap();
}

#[test]
fn a_service_lives_on_and_keeps_talking() {
    let f = fixture();
    let start = shell(
        "(echo started; while [ ! -e stop ]; do sleep 0.01; done; echo talking; echo done > talked) & echo $! > pid",
    );
    f.site.start(&start, &f.around, &f.cancel).unwrap();
    let log = f.site.private().join("service/shop/web.log");
    until(|| fs::read_to_string(&log).unwrap().contains("started"));
    let pid = fs::read_to_string(f.site.root().join("pid")).unwrap();
    assert!(runs(&pid));
    f.site.stop(&shell("touch stop"), &f.around, &f.cancel).unwrap();
    until(|| f.site.root().join("talked").is_file());
    assert!(
        fs::read_to_string(&log).unwrap().ends_with("talking\n"),
        "it talks to a file, not to us"
    );
    assert_eq!(fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);

    let error = f
        .site
        .start(&shell("echo port in use; exit 1"), &f.around, &f.cancel)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the start command of `web` at site `office` exited with 1; it said `port in use`"
    );
}

#[test]
fn a_dump_is_whole_or_an_error() {
    let f = fixture();
    let mut dump = f.dump(&shell("head -c 3000000 /dev/zero; echo noted >&2"));
    let mut bytes = Vec::new();
    dump.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len(), 3_000_000);
    assert_eq!(dump.read(&mut [0; 8]).unwrap(), 0);
    assert_eq!(dump.finish().unwrap().said, "noted");

    for text in ["echo x; false", "echo x; false | cat", "echo x; kill -9 $$"] {
        let mut dump = f.dump(&shell(text));
        let mut bytes = Vec::new();
        let error = dump.read_to_end(&mut bytes).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("the dump command of `web` at site `office` "),
            "{error}"
        );
        assert_eq!(bytes, b"x\n");
        assert!(
            dump.read(&mut [0; 8]).is_err(),
            "the end of half a dump is never an end"
        );
        let error = dump.finish().unwrap_err();
        assert!(
            matches!(failure(&error), CommandFailure::Code(1) | CommandFailure::Signal(9)),
            "{error}"
        );
    }
    // An empty dump of a command that ended well is a dump.
    assert!(f.dump(&shell("true")).finish().is_ok());
    assert!(f.dump(&shell("echo unread")).finish().is_err());
}

#[test]
fn a_dump_that_hangs_or_is_given_up_is_ended() {
    let f = fixture();
    let hanging = Command {
        timeout: Duration::from_millis(300),
        ..shell("echo $$ > pid; echo x; sleep 600")
    };
    let mut dump = f.dump(&hanging);
    let mut bytes = Vec::new();
    let error = dump.read_to_end(&mut bytes).unwrap_err();
    assert!(error.to_string().contains("took longer than 0.3 s"), "{error}");
    drop(dump);
    // Also when the command itself ended and something of its group keeps the stream open.
    let mut dump = f.dump(&Command {
        timeout: Duration::from_millis(300),
        ..shell("sleep 600 & echo x")
    });
    assert!(dump.read_to_end(&mut bytes).is_err());

    let mut dump = f.dump(&shell("echo $$ > part; mv part given-up; yes"));
    let mut some = [0; 100];
    dump.read_exact(&mut some).unwrap();
    let pid = fs::read_to_string(f.site.root().join("given-up")).unwrap();
    drop(dump);
    assert!(!runs(&pid));
}

#[test]
fn a_dump_is_loaded_whole_or_with_an_error() {
    let f = fixture();
    let data = vec![7; 3_000_000];
    let mut load = f.load(&shell("cat > loaded"));
    load.write_all(&data).unwrap();
    load.finish().unwrap();
    assert_eq!(fs::read(f.site.root().join("loaded")).unwrap(), data);

    let mut load = f.load(&shell("head -c 10 > /dev/null; echo bad row >&2; exit 4"));
    let error = load.write_all(&data).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the restore command of `web` at site `office` exited with 4; it said `bad row`"
    );
    let error = load.finish().unwrap_err();
    assert!(matches!(failure(&error), CommandFailure::Code(4)));

    let mut load = f.load(&shell("head -c 10 > /dev/null"));
    assert!(load.write_all(&data).is_err());
    assert!(matches!(
        failure(&load.finish().unwrap_err()),
        CommandFailure::ClosedEarly
    ));

    let mut load = f.load(&shell("cat > /dev/null; exit 5"));
    load.write_all(b"short").unwrap();
    assert!(matches!(failure(&load.finish().unwrap_err()), CommandFailure::Code(5)));
}

#[test]
fn half_a_dump_does_not_look_whole_to_the_application() {
    let f = fixture();
    let mut load = f.load(&shell("echo ready > started; cat > half && mv half whole"));
    load.write_all(b"the first half").unwrap();
    until(|| f.site.root().join("started").is_file());
    drop(load);
    assert!(!f.site.root().join("whole").exists());
}

#[test]
fn the_inventory_tells_known_absent_and_unknown_apart() {
    let f = fixture();
    fs::create_dir_all(f.site.root().join("srv/shop")).unwrap();
    fs::write(f.site.root().join("srv/file"), "").unwrap();
    std::os::unix::fs::symlink("/nowhere", f.site.root().join("srv/link")).unwrap();
    let ask = |site: &HostSite, paths: &[&str]| {
        let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        let inventory = site.inventory(&paths).unwrap();
        (
            inventory.root,
            inventory
                .paths
                .into_iter()
                .map(|path| path.presence)
                .collect::<Vec<_>>(),
        )
    };
    let (root, paths) = ask(
        &f.site,
        &["/srv/shop", "/srv/none", "/srv/link", "/srv/file/below", "/"],
    );
    assert_eq!(root, Presence::Known);
    assert_eq!(
        paths,
        [
            Presence::Known,
            Presence::Absent,
            Presence::Known,
            Presence::Absent,
            Presence::Known
        ]
    );

    fs::rename(f.site.root(), f.home.path().join("away")).unwrap();
    assert_eq!(ask(&f.site, &["/srv/shop"]), (Presence::Absent, vec![Presence::Absent]));
    fs::write(f.site.root(), "not a directory").unwrap();
    let (root, paths) = ask(&f.site, &["/srv/shop"]);
    assert!(
        matches!((&root, &paths[..]), (Presence::Unknown(_), [Presence::Unknown(_)])),
        "{root:?} {paths:?}"
    );
    assert!(f.site.inventory(&["srv".into()]).is_err());
}

#[test]
fn a_root_that_vanished_is_named_and_not_made_anew() {
    let f = fixture();
    fs::remove_dir(f.site.root()).unwrap();
    let errors = [
        f.run(&shell("true")).unwrap_err(),
        f.site.start(&shell("true"), &f.around, &f.cancel).unwrap_err(),
        f.site
            .dump(&shell("true"), &f.around, &f.cancel)
            .map(|_| ())
            .unwrap_err(),
        f.site.accept("acme", "shop", 1).unwrap_err(),
        f.site.fence("acme", "shop").unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, SiteError::NoRoot { .. }), "{error}");
        assert!(error.to_string().contains(f.site.root().to_str().unwrap()));
    }
    assert!(!f.site.root().exists());
    f.site.prepare_root().unwrap();
    assert_eq!(f.site.accept("acme", "shop", 2).unwrap().epoch, 2);
    assert_eq!(f.site.fence("acme", "shop").unwrap().unwrap().epoch, 2);
    assert!(matches!(
        f.site.accept("acme", "shop", 1),
        Err(SiteError::Fenced { seen: 2, .. })
    ));
    assert_eq!(f.site.private(), f.site.root().join("var/lib/dram"));
}

#[test]
fn paths_are_mapped_before_the_root() {
    let f = fixture();
    let mappings = PathMappings::new([("/srv/shop".into(), "/opt/shop".into())], OnMissing::Fail).unwrap();
    let site = f.site.clone().with_mappings(mappings);
    assert_eq!(
        site.locate(Path::new("/srv/shop/up")).unwrap(),
        f.site.root().join("opt/shop/up")
    );
    assert!(matches!(
        site.locate(Path::new("/etc")),
        Err(SiteError::Unmapped { .. })
    ));
    assert!(HostSite::new("office", "relative/root").root().is_absolute());
}

#[test]
fn a_check_by_command() {
    let f = fixture();
    let check = |text: &str| Check {
        probe: Probe::Exec(shell(text)),
        timeout: LONG,
        start_period: Duration::from_secs(20),
    };
    f.site
        .check(&check("test \"$DRAM_COMPONENT\" = web"), &f.around, &f.cancel)
        .unwrap();
    let error = f
        .site
        .check(&check("echo no rows; exit 1"), &f.around, &f.cancel)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the health command of `web` at site `office` exited with 1; it said `no rows`"
    );
    // It comes up at the third question.
    let counting = check("echo x >> count; test $(wc -l < count) -ge 3");
    f.site
        .await_healthy(&counting, &f.around, &SystemClock::default(), &f.cancel)
        .unwrap();
    f.cancel.cancel();
    let error = f
        .site
        .await_healthy(&check("false"), &f.around, &SystemClock::default(), &f.cancel)
        .unwrap_err();
    assert!(matches!(error, SiteError::Canceled { .. }));
}
