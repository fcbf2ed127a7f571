//! Object lock, attacked from outside: the server itself keeps what a live point needs, whoever asks.

use std::time::Duration;

use dram_tests::Result;
use dram_tests::call::Done;
use dram_tests::chance::Chance;
use dram_tests::error::{Doing as _, claim};
use dram_tests::lab::store::Store;
use dram_tests::s3::{Client, Leave, Version};
use dram_tests::shop::wait_until;
use dram_tests::world::{FILES, Stores, Wish, World, read, write};
use jiff::{SignedDuration, Timestamp};

/// How long the server keeps what a vault locks, as the model says it.
#[derive(Debug, Clone, Copy)]
struct Period {
    words: &'static str,
    span: SignedDuration,
}

/// Longer than any attack takes, on however busy a machine. Nobody waits for its end.
const LONG: Period = Period {
    words: "1h",
    span: SignedDuration::from_secs(3600),
};
/// Short enough to be waited for. Nothing that is looked at depends on being done before its end.
const SHORT: Period = Period {
    words: "20s",
    span: SignedDuration::from_secs(20),
};
const PATIENCE: Duration = Duration::from_secs(120);
const NOISE_BYTES: usize = 6 << 20;

/// A world whose vault is locked, and whoever owns and whoever writes its bucket.
struct Locked {
    world: World,
    bucket: String,
    owner: Client,
    writer: Client,
    /// The moment before the first point was made.
    begun: Timestamp,
    period: SignedDuration,
}

/// A locked world with one point, or nothing if this machine cannot have one.
fn locked(test: &str, mode: &'static str, period: Period) -> Result<Option<Locked>> {
    if dram_tests::world::stores_for(test, Stores::S3)?.is_none() {
        return Ok(None);
    }
    let wish = Wish {
        lock: Some((mode, period.words)),
        ..Wish::from(Stores::S3)
    };
    let (lab, world) = (Store::at_hand()?, World::on(FILES, wish)?);
    world.change_model(&[("last: 100, keepVerified: 1", "last: 1, keepVerified: 1")])?;
    let data = world.dir().join("office/data");
    write(&data.join("notes"), "first\n")?;
    std::fs::write(data.join("noise"), Chance::of(1).noise(NOISE_BYTES)).doing(|| "write noise".to_owned())?;
    world.declare()?;
    let begun = Timestamp::now();
    world.dram().args(["protect", "files"]).ok()?;
    Ok(Some(Locked {
        bucket: world.vault_bucket().unwrap_or_default().to_owned(),
        owner: Client::owner(&lab),
        writer: Client::writer(&lab),
        world,
        begun,
        period: period.span,
    }))
}

impl Locked {
    fn versions(&self) -> Result<Vec<Version>> {
        self.owner.versions(&self.bucket, "")
    }

    /// Until when the server keeps a version, which it must say.
    fn kept_until(&self, version: &Version, mode: &str) -> Result<Timestamp> {
        let found = self.owner.retention(&self.bucket, version)?;
        let shown = format!("{found:?}");
        claim(
            format!("`{}` is locked in mode {mode}", version.key),
            found.as_ref().is_some_and(|(found, _)| found == mode),
            || shown,
        )?;
        Ok(found.map(|(_, until)| until).unwrap_or_default())
    }

    /// Every version is locked for the whole period, and stays, whoever of these asks for its removal.
    fn check_refused(&self, mode: &str, attacks: &[(&str, &Client, Leave)]) -> Result<()> {
        let versions = self.versions()?;
        for kind in ["config", "keys/", "data/", "index/", "snapshots/"] {
            let own = format!("{}/{kind}", World::folder_of("files"));
            let is_there = versions.iter().any(|version| version.key.contains(&own));
            claim(format!("there is something of `{kind}` to attack"), is_there, || {
                format!("{versions:?}")
            })?;
        }
        for version in versions {
            let until = self.kept_until(&version, mode)?;
            claim("it is kept for the period", until >= self.begun + self.period, || {
                until.to_string()
            })?;
            for (who, client, leave) in attacks {
                let answer = client.delete_version(&self.bucket, &version, *leave)?;
                claim(
                    format!("the server refuses {who} to remove `{}`", version.key),
                    answer.status == 403,
                    || format!("{} {}", answer.status, answer.text()),
                )?;
            }
        }
        // A lock that had ended by now would have proved nothing.
        let now = Timestamp::now();
        claim("the attack came in time", now < self.begun + self.period, || {
            format!("it ended at {now}")
        })
    }

    fn restores(&self, into: &str) -> Result<()> {
        let into = self.world.dir().join(into);
        self.world.dram().args(["restore", "files", "--into"]).arg(&into).ok()?;
        let notes = read(&into.join("data/notes"))?;
        claim("the newest point restores", notes == "first\n", || notes)
    }

    /// A second, smaller point, verified: now retention does not want the first one any more.
    fn protect_again(&self) -> Result<()> {
        let noise = self.world.dir().join("office/data/noise");
        std::fs::write(&noise, Chance::of(2).noise(1000)).doing(|| "write less noise".to_owned())?;
        self.world.dram().args(["protect", "files"]).ok()?;
        self.world.dram().args(["verify", "files"]).ok().map(drop)
    }

    fn prune(&self) -> Result<Done> {
        self.world.dram().args(["prune", "files", "--acknowledge"]).ok()
    }

    /// Prune keeps what the server would keep.
    fn check_prune_keeps(&self) -> Result<()> {
        self.protect_again()?;
        let pruned = self.prune()?;
        let points = self.world.points("files")?;
        claim("a locked point stays", points.len() == 2, || pruned.both())?;
        self.restores("pruned")
    }

    /// Prune removes the first point as soon as the server lets go of it. Packs follow a day later, when nobody can count
    /// on them any more; the engine's own tests show that.
    fn check_prune_removes(&self) -> Result<()> {
        let first = self.world.points("files")?;
        let seals: Vec<Version> = self.versions()?.into_iter().filter(is_snapshot).collect();
        self.protect_again()?;
        let mut last = None;
        let gone = wait_until(PATIENCE, || {
            last = self.prune().ok();
            let left = self.world.points("files").unwrap_or_default();
            left.len() == 1 && !left.contains(first.first().unwrap_or(&String::new()))
        });
        let said = || last.map(|done| done.both()).unwrap_or_default();
        claim("after the lock's time prune removes the point", gone, said)?;
        let left = self.versions()?;
        let gone = seals.iter().any(|seal| {
            !left
                .iter()
                .any(|version| version.id == seal.id && version.key == seal.key)
        });
        claim("its records are gone from the server with all versions", gone, || {
            format!("{left:?}")
        })?;
        self.world.dram().args(["verify", "files"]).ok().map(drop)
    }
}

fn is_snapshot(version: &Version) -> bool {
    version.key.contains("/snapshots/") && !version.is_marker
}

#[test]
fn under_governance_the_writer_removes_nothing_and_prune_waits() -> Result<()> {
    let test = "under_governance_the_writer_removes_nothing_and_prune_waits";
    let Some(locked) = locked(test, "governance", LONG)? else {
        return Ok(());
    };
    let attacks = [
        ("the writer", &locked.writer, Leave::Plain),
        ("the writer who asks to bypass", &locked.writer, Leave::Bypass),
        ("the owner", &locked.owner, Leave::Plain),
    ];
    locked.check_refused("GOVERNANCE", &attacks)?;
    for version in locked.versions()? {
        let answer = locked.writer.delete(&locked.bucket, &version.key)?;
        claim("the writer cannot even hide an object", answer.status == 403, || {
            answer.text()
        })?;
    }
    locked.restores("attacked")?;
    locked.check_prune_keeps()
}

#[test]
fn under_compliance_an_administrator_removes_nothing_and_prune_waits() -> Result<()> {
    let test = "under_compliance_an_administrator_removes_nothing_and_prune_waits";
    let Some(locked) = locked(test, "compliance", LONG)? else {
        return Ok(());
    };
    let attacks = [
        ("the writer", &locked.writer, Leave::Bypass),
        ("the owner", &locked.owner, Leave::Plain),
        ("the owner who asks to bypass", &locked.owner, Leave::Bypass),
    ];
    locked.check_refused("COMPLIANCE", &attacks)?;
    locked.restores("attacked")?;
    locked.check_prune_keeps()
}

#[test]
fn after_the_time_of_governance_prune_removes() -> Result<()> {
    let test = "after_the_time_of_governance_prune_removes";
    match locked(test, "governance", SHORT)? {
        Some(locked) => locked.check_prune_removes(),
        None => Ok(()),
    }
}

#[test]
fn after_the_time_of_compliance_prune_removes() -> Result<()> {
    let test = "after_the_time_of_compliance_prune_removes";
    match locked(test, "compliance", SHORT)? {
        Some(locked) => locked.check_prune_removes(),
        None => Ok(()),
    }
}

#[test]
fn a_pack_of_an_earlier_point_is_kept_as_long_as_the_new_point() -> Result<()> {
    let test = "a_pack_of_an_earlier_point_is_kept_as_long_as_the_new_point";
    let Some(locked) = locked(test, "compliance", LONG)? else {
        return Ok(());
    };
    let is_pack = |version: &Version| version.key.contains("/data/") && !version.is_marker;
    let old: Vec<Version> = locked.versions()?.into_iter().filter(is_pack).collect();
    let large = old.iter().filter(|version| version.bytes > 1 << 20).count();
    claim("the noise lies in packs", large > 0, || format!("{old:?}"))?;
    let mut before = Vec::new();
    for version in &old {
        before.push(locked.kept_until(version, "COMPLIANCE")?);
    }
    // The noise stays what it is, so that its packs serve the second point, too.
    write(&locked.world.dir().join("office/data/notes"), "first\nsecond\n")?;
    // The server keeps this time in whole seconds: the second point begins in a later one.
    let last = before.iter().max().copied().unwrap_or_default();
    wait_until(PATIENCE, || Timestamp::now() + locked.period > last);
    let second = Timestamp::now();
    locked.world.dram().args(["protect", "files"]).ok()?;
    for (version, before) in old.iter().zip(before).filter(|(version, _)| version.bytes > 1 << 20) {
        let until = locked.kept_until(version, "COMPLIANCE")?;
        claim(
            format!("`{}` is kept as long as the second point", version.key),
            until > before && until >= second + locked.period,
            || format!("{before}, then {until}; the second point began at {second}"),
        )?;
    }
    Ok(())
}

#[test]
fn a_moment_before_the_attack_is_read_through_marks_and_overwritten_objects() -> Result<()> {
    let test = "a_moment_before_the_attack_is_read_through_marks_and_overwritten_objects";
    let Some(locked) = locked(test, "compliance", LONG)? else {
        return Ok(());
    };
    let before = Timestamp::now();
    // Servers tell the time of a version in seconds or finer: the attack comes in a later one.
    let later = before + SignedDuration::from_millis(1100);
    wait_until(PATIENCE, || Timestamp::now() > later);
    for (number, version) in locked.versions()?.iter().enumerate() {
        if number % 2 == 0 {
            locked.owner.put(&locked.bucket, &version.key, b"overwritten")?;
        }
        if number % 3 != 1 {
            locked.owner.delete(&locked.bucket, &version.key)?;
        }
    }
    let world = &locked.world;
    let points = || world.dram_alone().args(["points", "files"]).args(world.vault_options());
    points()
        .run()?
        .expect_failure(&["holds nothing of application `files`"])?;
    let as_of = before.to_string();
    points().args(["--as-of", &as_of]).ok()?;
    // And so it is by the vault's name, with the lock that its declaration says.
    world.dram().args(["points", "files", "--as-of", &as_of]).ok()?;
    let looked = world.dir().join("looked");
    let look = world.dram().args(["restore", "files", "--as-of", &as_of, "--into"]);
    look.arg(&looked).ok()?;
    let third = world.dir().join("third");
    let recover = world
        .dram_alone()
        .args(["recover", "files"])
        .args(world.vault_options());
    let recover = recover
        .args(["--as-of", &as_of, "--attest-source-stopped", "--into"])
        .arg(&third);
    recover.ok()?;
    let noise = std::fs::read(third.join("data/noise")).doing(|| "read the noise".to_owned())?;
    claim(
        "every byte is back",
        noise == Chance::of(1).noise(NOISE_BYTES),
        String::new,
    )
}

#[test]
fn a_writer_alone_cannot_prune() -> Result<()> {
    let test = "a_writer_alone_cannot_prune";
    if dram_tests::world::stores_for(test, Stores::S3)?.is_none() {
        return Ok(());
    }
    let world = World::on(FILES, Stores::S3)?;
    let text = read(&world.model())?;
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("pruneCredentials"));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    write(&world.model(), &text.replace("last: 100, keepVerified: 1", "last: 1"))?;
    let notes = world.dir().join("office/data/notes");
    write(&notes, "first\n")?;
    world.declare()?;
    world.dram().args(["protect", "files"]).ok()?;
    write(&notes, "second\n")?;
    world.dram().args(["protect", "files"]).ok()?;
    let objects = world.raw_vault().list("")?;
    world
        .dram()
        .args(["prune", "files", "--acknowledge"])
        .run()?
        .expect_failure(&["permission"])?;
    let left = world.raw_vault().list("")?;
    let missing: Vec<_> = objects.iter().filter(|object| !left.contains(object)).collect();
    claim("nothing was removed", missing.is_empty(), || format!("{missing:?}"))
}
