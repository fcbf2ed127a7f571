//! The store lab is what the product's promises lean on: what holds of its servers, looked at without the product.

use std::path::PathBuf;

use dram_tests::Result;
use dram_tests::error::{Doing as _, claim};
use dram_tests::lab::store::{Store, WRITER};
use dram_tests::lab::{random_hex, skip};
use dram_tests::s3::{Client, Keeping, Leave};

struct Lab {
    store: Store,
    owner: Client,
    bucket: String,
}

/// The lab and a bucket of one's own, or the reason why there is none.
fn lab(test: &str, keeping: Keeping) -> Result<Option<Lab>> {
    let Some(store) = skip(test, Store::at_hand())? else {
        return Ok(None);
    };
    let owner = Client::owner(&store);
    let bucket = format!("d-stores-{}", random_hex(6)?);
    owner.create_bucket(&bucket, keeping)?;
    Ok(Some(Lab { store, owner, bucket }))
}

impl Lab {
    fn answers(&self, what: &str, expected: u16, found: u16) -> Result<()> {
        claim(format!("{what} is answered with {expected}"), found == expected, || {
            found.to_string()
        })
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // A bucket that is left over is in nobody's way.
        let _ = self.owner.remove_bucket(&self.bucket);
    }
}

#[test]
fn a_plain_bucket_creates_only_once_and_forgets() -> Result<()> {
    let Some(lab) = lab("a_plain_bucket_creates_only_once_and_forgets", Keeping::Nothing)? else {
        return Ok(());
    };
    let path = format!("/{}/a b+ä", lab.bucket);
    let create = |bytes| lab.owner.ask("PUT", &path, &[], &[("if-none-match", "*")], bytes);
    lab.answers("the first create", 200, create(b"one")?.status)?;
    lab.answers("the second create", 412, create(b"two")?.status)?;
    claim(
        "the first one stays",
        lab.owner.get(&lab.bucket, "a b+ä")? == b"one",
        String::new,
    )?;
    lab.answers("a deletion", 204, lab.owner.delete(&lab.bucket, "a b+ä")?.status)?;
    let left = lab.owner.versions(&lab.bucket, "")?;
    claim("nothing is left", left.is_empty(), || format!("{left:?}"))
}

#[test]
fn a_lock_holds_against_everybody_until_its_time() -> Result<()> {
    let Some(lab) = lab("a_lock_holds_against_everybody_until_its_time", Keeping::Locks)? else {
        return Ok(());
    };
    let until = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(6);
    let until = until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    for (key, mode) in [("governed", "GOVERNANCE"), ("compliant", "COMPLIANCE")] {
        let lock = [
            ("x-amz-object-lock-mode", mode),
            ("x-amz-object-lock-retain-until-date", &until),
        ];
        let path = format!("/{}/{key}", lab.bucket);
        lab.owner.ask_ok("PUT", &path, &[], &lock, b"kept")?;
    }
    let versions = lab.owner.versions(&lab.bucket, "")?;
    claim("both stand there", versions.len() == 2, || format!("{versions:?}"))?;
    for version in &versions {
        let (_, kept) = lab.owner.retention(&lab.bucket, version)?.unwrap_or_default();
        claim(
            "the server tells the time",
            kept.strftime("%Y-%m-%dT%H:%M:%SZ").to_string() == until,
            || kept.to_string(),
        )?;
        let refused = lab.owner.delete_version(&lab.bucket, version, Leave::Plain)?;
        lab.answers(&format!("deleting `{}`", version.key), 403, refused.status)?;
        let bypassed = lab.owner.delete_version(&lab.bucket, version, Leave::Bypass)?;
        let expected = if version.key == "governed" { 204 } else { 403 };
        lab.answers(&format!("bypassing for `{}`", version.key), expected, bypassed.status)?;
    }
    // The wait is for the server's answer, and ends by itself if it never comes.
    let gone = dram_tests::shop::wait_until(std::time::Duration::from_secs(30), || {
        lab.owner.empty(&lab.bucket).is_ok()
    });
    claim("after its time everything can be deleted", gone, String::new)
}

#[test]
fn the_writer_may_do_what_the_policy_says_and_nothing_else() -> Result<()> {
    let test = "the_writer_may_do_what_the_policy_says_and_nothing_else";
    let Some(lab) = lab(test, Keeping::Versions)? else {
        return Ok(());
    };
    let writer = Client::writer(&lab.store);
    let denied = writer.ask("PUT", &format!("/{}/a", lab.bucket), &[], &[], b"1")?;
    lab.answers("a write without policy", 403, denied.status)?;
    let policy = serde_json::json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"AWS": [format!("arn:aws:iam:::user/{WRITER}")]},
        "Action": ["s3:PutObject", "s3:GetObject", "s3:ListBucket"],
        "Resource": [format!("arn:aws:s3:::{}", lab.bucket), format!("arn:aws:s3:::{}/*", lab.bucket)],
    }]});
    lab.owner.set_policy(&lab.bucket, &policy)?;
    writer.put(&lab.bucket, "a", b"1")?;
    claim(
        "it reads what it wrote",
        writer.get(&lab.bucket, "a")? == b"1",
        String::new,
    )?;
    lab.answers("its deletion", 403, writer.delete(&lab.bucket, "a")?.status)?;
    let version = lab.owner.versions(&lab.bucket, "")?.remove(0);
    let refused = writer.delete_version(&lab.bucket, &version, Leave::Bypass)?;
    lab.answers("its deletion of a version", 403, refused.status)
}

#[test]
fn a_gateway_is_paused_stopped_killed_and_comes_back_with_its_objects() -> Result<()> {
    let test = "a_gateway_is_paused_stopped_killed_and_comes_back_with_its_objects";
    let Some(lab) = lab(test, Keeping::Nothing)? else {
        return Ok(());
    };
    let folder = tempfile::tempdir().doing(|| "make a temporary folder".to_owned())?;
    let log: PathBuf = folder.path().join("gateway.log");
    let mut gateway = lab.store.ceph.gateway(&log)?;
    let client = Client::at(gateway.port(), lab.store.owner.clone());
    client.put(&lab.bucket, "a", b"1")?;
    let holds = || claim("it is there", client.get(&lab.bucket, "a")? == b"1", String::new);
    gateway.pause()?;
    let paused = std::thread::spawn({
        let (client, bucket) = (client.clone(), lab.bucket.clone());
        move || client.get(&bucket, "a")
    });
    gateway.resume()?;
    let read = paused.join().map_err(|_| std::io::Error::other("it died"));
    claim(
        "what was asked in the pause is answered after it",
        read.doing(|| "join".to_owned())?? == b"1",
        String::new,
    )?;
    gateway.stop()?;
    claim("nobody listens", client.get(&lab.bucket, "a").is_err(), String::new)?;
    gateway.start_again()?;
    holds()?;
    gateway.kill()?;
    gateway.start_again()?;
    holds()?;
    claim(
        "the others went on",
        lab.owner.get(&lab.bucket, "a")? == b"1",
        String::new,
    )
}

#[test]
fn a_bucket_that_is_full_refuses_and_takes_again_when_it_may() -> Result<()> {
    let test = "a_bucket_that_is_full_refuses_and_takes_again_when_it_may";
    let Some(lab) = lab(test, Keeping::Nothing)? else {
        return Ok(());
    };
    lab.store.ceph.limit_bucket(&lab.bucket, 1 << 20)?;
    let noise = vec![7_u8; 400 << 10];
    let write = |number: u32| {
        let answer = lab
            .owner
            .ask("PUT", &format!("/{}/{number}", lab.bucket), &[], &[], &noise);
        answer.map(|answer| answer.status)
    };
    let answers = (0..4).map(write).collect::<Result<Vec<u16>>>()?;
    claim("the third does not fit", answers == [200, 200, 403, 403], || {
        format!("{answers:?}")
    })?;
    lab.store.ceph.unlimit_bucket(&lab.bucket)?;
    let mut number = 10;
    let taken = dram_tests::shop::wait_until(std::time::Duration::from_secs(30), || {
        number += 1;
        write(number).is_ok_and(|status| status == 200)
    });
    claim("without the limit it takes more", taken, String::new)
}
