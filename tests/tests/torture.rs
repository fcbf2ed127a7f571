//! What archives are known to lose, as root and as a user: nothing is lost that is not said.

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use dram_tests::call::{Call, Done};
use dram_tests::error::{Doing as _, Result, claim};
use dram_tests::lab::{say_not_tried, skip, system};
use dram_tests::tree::{Difference, differences, make_nasty, observe};
use dram_tests::verify::KILLS;
use dram_tests::world::{FILES, Stores, World};

/// A user who is not root and has no name.
const USER: u32 = 12_321;
/// So many files lie in one folder; where there is time, [`MANY`].
const SOME: usize = 3_000;
const MANY: usize = 100_000;
/// So many notes are said in full; as many may count the others.
const NOTES: usize = 201;

/// A world of two paths of one item, with names of one file in both.
struct Torture {
    world: World,
    /// A copy of the program that anybody may run.
    program: PathBuf,
}

impl Torture {
    fn new() -> Result<Torture> {
        let world = World::on(FILES, Stores::Directories)?;
        world.change_model(&[("paths: [/data]", "paths: [/data, /other]")])?;
        let program = world.dir().join("dram");
        let built = world.programs().folder().join("dram");
        std::fs::copy(&built, &program).doing(|| "copy the program".to_owned())?;
        for folder in ["data", "other"] {
            let folder = world.dir().join("office").join(folder);
            std::fs::create_dir_all(&folder).doing(|| format!("make `{}`", folder.display()))?;
        }
        Ok(Torture { world, program })
    }

    fn office(&self) -> PathBuf {
        self.world.dir().join("office")
    }

    /// Everything that is hard, in both paths.
    fn fill(&self, test: &str) -> Result<()> {
        let (data, other) = (self.office().join("data"), self.office().join("other"));
        let many = other.join("many");
        let long = std::env::var(KILLS).is_ok_and(|kills| kills.parse().is_ok_and(|kills: u64| kills > 20));
        std::fs::create_dir_all(&many).doing(|| "make a folder".to_owned())?;
        for number in 0..if long { MANY } else { SOME } {
            let file = many.join(format!("{number:06}"));
            std::fs::write(&file, number.to_string()).doing(|| format!("write `{}`", file.display()))?;
        }
        std::fs::write(data.join("across"), "one file in two paths").doing(|| "write a file".to_owned())?;
        std::fs::hard_link(data.join("across"), other.join("across")).doing(|| "link it".to_owned())?;
        // Names of any byte but the two that none may have.
        let odd = other.join("bytes");
        std::fs::create_dir_all(&odd).doing(|| "make a folder".to_owned())?;
        for byte in (1..=255_u8).filter(|byte| !b"/.".contains(byte)) {
            use std::os::unix::ffi::OsStrExt as _;
            let file = odd.join(std::ffi::OsStr::from_bytes(&[byte]));
            std::fs::write(&file, [byte]).doing(|| format!("write `{}`", file.display()))?;
        }
        for lack in make_nasty(&data)?.lacks {
            say_not_tried(test, &lack)?;
        }
        Ok(())
    }

    /// The program as this user of the test.
    fn dram(&self) -> Call {
        self.world.dram()
    }

    /// The program as a user who is not root.
    fn dram_as_user(&self) -> Call {
        let call = Call::new("setpriv").args(["--reuid", &USER.to_string(), "--regid", &USER.to_string()]);
        let call = call.arg("--clear-groups").arg(&self.program).dir(self.world.dir());
        let call = self.world.in_environment(call);
        call.env("DRAM_CATALOG", self.world.catalog_url())
    }

    /// Gives something to the user, without what lies below.
    fn give(&self, path: &Path) -> Result<()> {
        std::os::unix::fs::lchown(path, Some(USER), Some(USER)).doing(|| format!("give `{}`", path.display()))
    }

    /// Gives something to the user, with all that lies below.
    fn give_all(&self, path: &Path) -> Result<()> {
        let call = Call::new("chown").args(["-hR", &format!("{USER}:{USER}"), "--"]);
        call.arg(path).ok().map(drop)
    }

    /// Gives what the engine works with to the user, and not the site.
    fn give_engine(&self) -> Result<()> {
        self.give(self.world.dir())?;
        for name in ["vault.key", "vault", "catalog", "cache"] {
            let path = self.world.dir().join(name);
            if path.exists() {
                self.give_all(&path)?;
            }
        }
        Ok(())
    }

    /// How what came back differs.
    fn differences(&self, found: &Path) -> Result<Vec<Difference>> {
        let mut all = Vec::new();
        for path in ["data", "other"] {
            all.extend(differences(
                &observe(&self.office().join(path))?,
                &observe(&found.join(path))?,
            ));
        }
        Ok(all)
    }
}

/// Every difference is of a kind that was said, and no more was said than a person reads.
fn check_announced(differ: &[Difference], done: &Done, kinds: &[(&str, &str)]) -> Result<()> {
    let said = done.both();
    for difference in differ {
        let kind = kinds.iter().find(|(found, _)| difference.what.contains(found));
        let announced = kind.is_some_and(|(_, words)| said.contains(words));
        claim(format!("it is said that {difference}"), announced, || said.clone())?;
    }
    for (found, words) in kinds {
        let differs = differ.iter().any(|difference| difference.what.contains(found));
        claim(format!("`{words}` was lost, as expected"), differs, || said.clone())?;
    }
    let notes = said
        .lines()
        .filter(|line| line.trim_start().starts_with("note"))
        .count();
    claim("what is said can be read", notes <= NOTES, || format!("{notes} notes"))
}

/// Whether this test can change who runs a program; says so if not.
fn needs_root(test: &str) -> Result<bool> {
    let tried = match rustix::process::geteuid().is_root() {
        true => Ok(()),
        false => Err(system::unavailable(
            "programs of another user",
            "the test does not run as root",
        )),
    };
    Ok(skip(test, tried)?.is_some())
}

/// Whether a run said that there are kinds of metadata that it cannot see.
fn is_blind(said: &str) -> bool {
    said.contains("trusted.*")
}

/// Whether this process may look at all attributes.
fn sees_everything() -> Result<bool> {
    let own = rustix::thread::capabilities(None).map_err(std::io::Error::from);
    let own = own.doing(|| "ask for one's own rights".to_owned())?;
    Ok(own.effective.contains(rustix::thread::CapabilitySet::SYS_ADMIN))
}

#[test]
fn root_loses_nothing() -> Result<()> {
    let torture = Torture::new()?;
    torture.fill("root_loses_nothing")?;
    torture.world.declare()?;
    let said = torture.dram().args(["protect", "files"]).ok()?.both();
    claim(
        "whoever sees everything says nothing of it",
        is_blind(&said) != sees_everything()?,
        || said.clone(),
    )?;
    let third = torture.world.dir().join("third");
    torture.dram().args(["restore", "files", "--into"]).arg(&third).ok()?;
    let differ = torture.differences(&third)?;
    claim("nothing differs", differ.is_empty(), || format!("{differ:#?}"))
}

#[test]
fn sockets_and_mounts_are_left_out_in_words() -> Result<()> {
    let torture = Torture::new()?;
    let data = torture.office().join("data");
    let _listening = UnixListener::bind(data.join("socket")).doing(|| "make a socket".to_owned())?;
    for folder in ["mounted", "named"] {
        std::fs::create_dir_all(data.join(folder)).doing(|| "make a folder".to_owned())?;
    }
    torture
        .world
        .change_model(&[("paths: [/data, /other]", "paths: [/data, /other, /data/named]")])?;
    torture.world.declare()?;
    let script = "for one in mounted named; do mount -t tmpfs tmpfs office/data/$one; echo 1 > office/data/$one/inside; done; \
                  exec ./dram protect files";
    let is_root = rustix::process::geteuid().is_root();
    let unshared = |script: &str| {
        let call = Call::new("unshare").arg("--mount");
        let call = call.args((!is_root).then_some("--map-root-user"));
        let call = torture.world.in_environment(call.args(["sh", "-euc", script]));
        call.dir(torture.world.dir())
            .env("DRAM_CATALOG", torture.world.catalog_url())
    };
    let tried = system::needed("mounts of one's own", unshared("mount -t tmpfs tmpfs /mnt"));
    if skip("sockets_and_mounts_are_left_out_in_words", tried)?.is_none() {
        return Ok(());
    }
    let said = unshared(script).ok()?.both();
    for words in ["/data/socket`: a socket", "/data/mounted`: something is mounted"] {
        claim(format!("it says `{words}`"), said.contains(words), || said.clone())?;
    }
    claim(
        "nothing is said of what was named",
        !said.contains("/data/named"),
        || said.clone(),
    )?;
    let third = torture.world.dir().join("third");
    torture.dram().args(["restore", "files", "--into"]).arg(&third).ok()?;
    let there = [
        "data/socket",
        "data/mounted",
        "data/mounted/inside",
        "data/named/inside",
    ];
    let there = there.map(|path| third.join(path).exists());
    claim(
        "what was named came back, and the place of the mount",
        there == [false, true, false, true],
        || format!("{there:?}"),
    )
}

#[test]
fn what_a_user_cannot_restore_is_said() -> Result<()> {
    let test = "what_a_user_cannot_restore_is_said";
    if !needs_root(test)? {
        return Ok(());
    }
    let torture = Torture::new()?;
    torture.fill(test)?;
    torture.world.declare()?;
    torture.dram().args(["protect", "files"]).ok()?;
    torture.give_engine()?;
    let third = torture.world.dir().join("third");
    let call = torture.dram_as_user().args(["restore", "files", "--into"]);
    let done = call.arg(&third).ok()?;
    let kinds = [
        ("owner", "its owner"),
        ("is missing (character device", "a device needs more rights"),
        ("attribute `trusted.", "its attribute `trusted."),
        (
            "attribute `security.capability`",
            "its attribute `security.capability` is not set",
        ),
        ("mode", "no longer runs as its owner"),
    ];
    check_announced(&torture.differences(&third)?, &done, &kinds)
}

#[test]
fn a_user_keeps_what_is_the_user_s() -> Result<()> {
    let test = "a_user_keeps_what_is_the_user_s";
    if !needs_root(test)? {
        return Ok(());
    }
    let torture = Torture::new()?;
    torture.fill(test)?;
    torture.world.declare()?;
    torture.give_engine()?;
    torture.give_all(&torture.office())?;
    let protect = || torture.dram_as_user().args(["protect", "files"]);
    // One may own what one may not read.
    let hidden = torture.office().join("data/modes/file-0000");
    let failed = protect().run()?.expect_code(1)?;
    let said = failed.both();
    claim(
        "it names what cannot be read",
        said.contains("/data/modes/file-0000"),
        || said.clone(),
    )?;
    let points = torture.world.points("files")?;
    claim("there is no point without it", points.is_empty(), || said)?;
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o400);
    std::fs::set_permissions(&hidden, readable).doing(|| "let it be read".to_owned())?;
    // Nobody but root sees such an attribute, so nobody else can say of which file it is not kept.
    xattr::remove(torture.office().join("data/attributes/of-root"), "trusted.dram")
        .doing(|| "remove an attribute".to_owned())?;
    let said = protect().ok()?.both();
    claim(
        "what cannot be seen is said once",
        said.matches("trusted.*").count() == 1,
        || said.clone(),
    )?;
    let third = torture.world.dir().join("third");
    let call = torture.dram_as_user().args(["restore", "files", "--into"]);
    let done = call.arg(&third).ok()?;
    let kinds = [("is missing (character device", "a device needs more rights")];
    check_announced(&torture.differences(&third)?, &done, &kinds)
}
