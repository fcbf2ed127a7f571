//! A repository that stock restic made becomes that of an application: its snapshots stay, and restic stays welcome.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use dram_tests::Result;
use dram_tests::chance::Chance;
use dram_tests::error::{Doing as _, claim};
use dram_tests::lab::restic::{self, Restic};
use dram_tests::lab::skip;
use dram_tests::shop::wait_until;
use dram_tests::world::{FILES, Stores, Wish, World, read, write};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

const NOISE_BYTES: usize = 12 << 20;
const PATIENCE: Duration = Duration::from_secs(120);
/// So slow, in KiB a second, that restic works until it is ended.
const SLOW: &str = "16";

dram_tests::over_stores!(@ directories, Directories,
    what_restic_made_is_kept_and_what_it_stored_is_not_stored_again,
    what_restic_works_on_alone_is_left_alone,
    what_cannot_be_adopted_is_said
);
dram_tests::over_stores!(@ s3, S3,
    what_restic_made_is_kept_and_what_it_stored_is_not_stored_again,
    what_restic_works_on_alone_is_left_alone,
    what_cannot_be_adopted_is_said
);

/// A world whose model adopts what lies at the vault's place, and data that are worth it.
struct Adopting {
    world: World,
    restic: Restic,
}

impl Adopting {
    fn on(wish: impl Into<Wish>) -> Result<Option<Adopting>> {
        let Some(restic) = skip("adopting", restic::any())? else {
            return Ok(None);
        };
        let world = World::on(FILES, wish)?;
        world.change_model(&[
            ("  failureDomain: nas\n", "  failureDomain: nas\n  adopt: files\n"),
            ("last: 100, keepVerified: 1", "last: 1, keepVerified: 1"),
        ])?;
        let adopting = Adopting { world, restic };
        let noise = adopting.data().join("noise");
        adopting.note("first")?;
        std::fs::write(noise, Chance::of(1).noise(NOISE_BYTES)).doing(|| "write noise".to_owned())?;
        Ok(Some(adopting))
    }

    fn data(&self) -> PathBuf {
        self.world.dir().join("office/data")
    }

    fn note(&self, text: &str) -> Result<()> {
        write(&self.data().join("notes"), text)
    }

    fn restic(&self, words: &[&str]) -> Result<String> {
        self.world.restic_itself(&self.restic).args(words).text()
    }

    /// What an operator of restic leaves: a repository with two snapshots.
    fn restic_backs_up_twice(&self) -> Result<()> {
        self.restic(&["init"])?;
        let data = self.data();
        let data = data.to_string_lossy();
        self.restic(&["backup", &data])?;
        self.note("second")?;
        self.restic(&["backup", &data]).map(drop)
    }

    /// The snapshots that are not ours, oldest first.
    fn foreign(&self) -> Result<Vec<String>> {
        let text = self.restic(&["snapshots", "--json"])?;
        let all: Vec<Value> = serde_json::from_str(&text)
            .map_err(std::io::Error::from)
            .doing(|| format!("read the snapshots in {text}"))?;
        let is_ours = |snapshot: &&Value| {
            let tags = snapshot.get("tags").and_then(Value::as_array);
            tags.is_some_and(|tags| tags.iter().any(|tag| tag == "dram"))
        };
        let id = |snapshot: &Value| snapshot.get("id").and_then(Value::as_str).map(str::to_owned);
        Ok(all.iter().filter(|found| !is_ours(found)).filter_map(id).collect())
    }

    fn bytes(&self) -> Result<u64> {
        Ok(self.world.raw_vault().list("")?.iter().map(|(_, bytes)| bytes).sum())
    }

    fn locks(&self) -> Result<Vec<(String, u64)>> {
        self.world.raw_vault().list("locks/")
    }

    /// Restores with restic what it had before we came.
    fn restic_restores_its_own(&self, before: &[String], into: &str) -> Result<()> {
        let kept = self.foreign()?;
        claim("restic's snapshots are all there", kept == before, || {
            format!("{kept:?}")
        })?;
        let checked = self.restic(&["check", "--read-data"])?;
        claim(
            "restic finds no error",
            checked.contains("no errors were found"),
            || checked.clone(),
        )?;
        let into = self.world.dir().join(into);
        for (snapshot, note) in before.iter().zip(["first", "second"]) {
            let target = into.join(note);
            self.restic(&["restore", snapshot, "--target", &target.to_string_lossy()])?;
            let data = self.data();
            let restored = target.join(data.strip_prefix("/").unwrap_or(&data));
            self.holds(&restored, note)?;
        }
        Ok(())
    }

    fn holds(&self, folder: &std::path::Path, note: &str) -> Result<()> {
        let found = read(&folder.join("notes"))?;
        claim(format!("the notes say `{note}`"), found == note, || found.clone())?;
        let noise = std::fs::read(folder.join("noise")).doing(|| "read the noise".to_owned())?;
        claim(
            "every byte is there",
            noise == Chance::of(1).noise(NOISE_BYTES),
            String::new,
        )
    }
}

fn what_restic_made_is_kept_and_what_it_stored_is_not_stored_again(stores: Stores) -> Result<()> {
    let Some(adopting) = Adopting::on(stores)? else {
        return Ok(());
    };
    let world = &adopting.world;
    adopting.restic_backs_up_twice()?;
    let (theirs, before) = (adopting.foreign()?, adopting.bytes()?);
    claim("restic made two snapshots", theirs.len() == 2, || format!("{theirs:?}"))?;
    world.declare()?;
    let told = world.dram().arg("reconcile").text()?;
    let kept = "2 snapshots of other programs are kept";
    claim("reconciling says what is kept", told.contains(kept), || told.clone())?;

    world.dram().args(["protect", "files"]).ok()?;
    let new = adopting.bytes()? - before;
    claim(
        "what restic stored is not stored again",
        new < NOISE_BYTES as u64 / 20,
        || new.to_string(),
    )?;
    adopting.note("third")?;
    world.dram().args(["protect", "files"]).ok()?;
    world.dram().args(["verify", "files"]).ok()?;
    let points = world.points("files")?;
    let [first, second] = &points[..] else {
        return claim("both points are listed", false, || format!("{points:?}"));
    };
    claim("the second point is another", first != second, String::new)?;
    let doctor = world.dram().arg("doctor").run()?.both();
    claim("the doctor says what is kept", doctor.contains(kept), || doctor.clone())?;
    let ours = world.raw_vault().list("default/")?;
    claim("nothing lies beside the repository", ours.is_empty(), || {
        format!("{ours:?}")
    })?;
    let locks = adopting.locks()?;
    claim("no lock stays", locks.is_empty(), || format!("{locks:?}"))?;
    adopting.restic_restores_its_own(&theirs, "by-restic")?;

    world.dram().args(["prune", "files"]).ok()?;
    let left = world.points("files")?;
    claim("the first point went", left == [second.clone()], || format!("{left:?}"))?;
    let locks = adopting.locks()?;
    claim("no lock stays after a prune", locks.is_empty(), || format!("{locks:?}"))?;
    adopting.restic_restores_its_own(&theirs, "by-restic-after-prune")?;
    let look = world.dir().join("look");
    world.dram().args(["restore", "files", "--into"]).arg(&look).ok()?;
    adopting.holds(&look.join("data"), "third")?;

    // With the vault and its key alone, by the place of the repository.
    world.lose_catalog()?;
    let listed = world.dram_alone().arg("points").args(world.vault_options()).text()?;
    claim("the vault alone tells the point", listed.contains(second), || {
        listed.clone()
    })?;
    let third = world.dir().join("third");
    let recover = world.dram_alone().arg("recover").args(world.vault_options());
    recover.args(["--attest-source-stopped", "--into"]).arg(&third).ok()?;
    adopting.holds(&third.join("data"), "third")?;
    world.prepare_catalog()?;
    world.dram().args(["catalog", "init"]).ok()?;
    world
        .dram()
        .args(["catalog", "rebuild"])
        .args(world.vault_options())
        .ok()?;
    let rebuilt = world.points("files")?;
    claim("the rebuilt catalog finds it where it is", rebuilt == left, || {
        format!("{rebuilt:?}")
    })?;
    adopting.restic_restores_its_own(&theirs, "by-restic-at-last")
}

/// A restic that holds a repository for itself, until it is killed.
struct Alone(Child);

impl Alone {
    fn in_repository(adopting: &Adopting) -> Result<Alone> {
        let call = adopting.world.restic_itself(&adopting.restic);
        let slowly = call.args(["check", "--read-data", "--limit-download", SLOW]);
        let mut quietly = slowly.into_command();
        let started = quietly.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let alone = Alone(started.doing(|| "start restic".to_owned())?);
        let locked = wait_until(PATIENCE, || adopting.locks().is_ok_and(|locks| !locks.is_empty()));
        claim("restic takes its lock", locked, String::new)?;
        Ok(alone)
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn what_restic_works_on_alone_is_left_alone(stores: Stores) -> Result<()> {
    let Some(adopting) = Adopting::on(stores)? else {
        return Ok(());
    };
    let world = &adopting.world;
    adopting.restic_backs_up_twice()?;
    world.declare()?;
    world.dram().args(["protect", "files"]).ok()?;
    let alone = Alone::in_repository(&adopting)?;
    let process = format!("process {} of", alone.0.id());
    let before = adopting.bytes()?;
    for command in ["protect", "prune"] {
        let refused = world.dram().args([command, "files"]).run()?.expect_code(3)?;
        let said = refused.both();
        let is_told = said.contains(&process) && said.contains("is locked by") && !said.contains("stale");
        claim(format!("{command} says who is there"), is_told, || said.clone())?;
    }
    // A lock that restic renews may come and go; nothing else does.
    let after = adopting.bytes()?;
    claim("nothing was written", after.abs_diff(before) < 1000, || {
        format!("{before}, then {after}")
    })?;
    let doctor = world.dram().arg("doctor").run()?.both();
    claim("the doctor says who is there", doctor.contains(&process), || {
        doctor.clone()
    })?;

    drop(alone);
    for command in ["protect", "prune"] {
        let refused = world.dram().args([command, "files"]).run()?.expect_code(3)?;
        refused.expect_failure(&["stale", "restic unlock"])?;
    }
    adopting.restic(&["unlock"])?;
    world.dram().args(["protect", "files"]).ok()?;
    world.dram().args(["prune", "files"]).ok().map(drop)
}

fn what_cannot_be_adopted_is_said(stores: Stores) -> Result<()> {
    let Some(adopting) = Adopting::on(stores)? else {
        return Ok(());
    };
    let world = &adopting.world;
    if stores == Stores::Directories {
        std::fs::create_dir(world.vault()).doing(|| "make the vault's folder".to_owned())?;
    }
    world.dram().args(["catalog", "init"]).ok()?;
    let apply = || world.dram().arg("apply").arg(world.model()).run();
    apply()?.expect_failure(&["no repository to adopt", "remove `adopt`"])?;
    world
        .dram()
        .args(["protect", "files"])
        .run()?
        .expect_failure(&["no repository to adopt"])?;
    let made = world.raw_vault().list("")?;
    claim("nothing was made", made.is_empty(), || format!("{made:?}"))?;

    adopting.restic(&["init", "--repository-version", "1"])?;
    apply()?.expect_failure(&["format 1", "restic migrate upgrade_repo_v2"])?;
    world
        .dram()
        .args(["protect", "files"])
        .run()?
        .expect_failure(&["format 1"])?;
    adopting.restic(&["migrate", "upgrade_repo_v2"])?;
    apply()?.expect_code(0)?;

    let key = read(&world.key())?;
    write(&world.key(), "another password")?;
    apply()?.expect_failure(&["the password does not open"])?;
    write(&world.key(), &key)?;
    world.dram().args(["protect", "files"]).ok()?;

    // The one repository is one application's.
    world.change_model(&[("  adopt: files\n", "  adopt: mail\n")])?;
    apply()?.expect_failure(&["DRAM0054"])?;
    let mail = [
        (
            "kind: Application\nmetadata: { name: files }",
            "kind: Application\nmetadata: { name: mail }",
        ),
        ("names: [files]", "names: [mail]"),
    ];
    world.change_model(&mail)?;
    let instead = world.dram().args(["apply", "--prune"]).arg(world.model()).run()?;
    instead.expect_failure(&["holds points of application `files`"])?;
    let listed = world.dram().args(["points", "mail", "--json"]).text()?;
    claim(
        "another's point is not offered",
        !listed.contains("\"offered\":true"),
        || listed.clone(),
    )
}

#[test]
fn an_adopted_repository_is_read_as_it_was_before_an_attack() -> Result<()> {
    let test = "an_adopted_repository_is_read_as_it_was_before_an_attack";
    if dram_tests::world::stores_for(test, Stores::S3)?.is_none() {
        return Ok(());
    }
    let wish = Wish {
        lock: Some(("governance", "30s")),
        ..Wish::from(Stores::S3)
    };
    let Some(adopting) = Adopting::on(wish)? else {
        return Ok(());
    };
    let world = &adopting.world;
    adopting.restic_backs_up_twice()?;
    world.declare()?;
    world.dram().args(["protect", "files"]).ok()?;
    let point = world.points("files")?.pop().unwrap_or_default();
    let before = Timestamp::now();
    // Servers tell the time of a version in seconds or finer: the attack comes in a later one.
    let later = before + SignedDuration::from_millis(1100);
    wait_until(PATIENCE, || Timestamp::now() > later);
    for (name, _) in world.raw_vault().list("")? {
        world.raw_vault().remove(&name)?;
    }
    let as_of = before.to_string();
    let then = || world.dram().args(["--json", "ls", &point, "--as-of", &as_of]);
    let listed = then().args(["/data"]).text()?;
    claim("what it held is listed", listed.contains("/data/noise"), || {
        listed.clone()
    })?;
    let cat = world.dram().args(["cat", &point, "/data/notes", "--as-of", &as_of]);
    let note = cat.text()?;
    claim("a file of it is read", note == "second", || note.clone())?;
    let third = world.dir().join("third");
    let recover = world.dram_alone().arg("recover").args(world.vault_options());
    let recover = recover.args(["--as-of", &as_of, "--attest-source-stopped", "--into"]);
    recover.arg(&third).ok()?;
    adopting.holds(&third.join("data"), "second")
}
