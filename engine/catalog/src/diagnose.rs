//! What a person should know of a catalog's place before the day it is needed.

use std::time::{Duration, Instant};

use dram_storage::Versioning;
use jiff::SignedDuration;

use crate::catalog::read_header;
use crate::chance::{Chance, SystemChance};
use crate::error::CatalogError;
use crate::layout::Folder;
use crate::store::{Creation, Fault, FileStore, PostgresStore, S3Store, Session, Store, StoreError, Verdict};
use crate::url::{CatalogUrl, SslMode};

/// A clock that is wrong by more makes records hard to read for people.
const SKEW_SEEN: SignedDuration = SignedDuration::from_secs(30);
/// A clock that is wrong by more makes signatures refused soon: Amazon's S3 allows a quarter of an hour.
const SKEW_BAD: SignedDuration = SignedDuration::from_secs(600);

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// Whether the store answers, and how fast.
    Reach,
    /// Whether it accepts who we are.
    Credentials,
    /// Whether there is a catalog, and what its probe found.
    Verdict,
    /// The right to read.
    Read,
    /// The right to list.
    List,
    /// The right to create.
    Create,
    /// The right to remove.
    Remove,
    /// Whether the bucket keeps versions.
    Versions,
    /// The store's clock against ours.
    Clock,
    /// Whether others on the way can read along.
    Encryption,
    /// Whether the server keeps what it has answered when its machine fails.
    Durability,
}

impl About {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            About::Reach => "reach",
            About::Credentials => "credentials",
            About::Verdict => "verdict",
            About::Read => "read",
            About::List => "list",
            About::Create => "create",
            About::Remove => "remove",
            About::Versions => "versions",
            About::Clock => "clock",
            About::Encryption => "encryption",
            About::Durability => "durability",
        }
    }
}

/// How a finding is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// As it should be.
    Good,
    /// It works, but somebody should look.
    Look,
    /// Something will fail, or fails already.
    Bad,
}

/// One question and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was asked.
    pub about: About,
    /// How to take the answer.
    pub grade: Grade,
    /// The answer, in words.
    pub detail: String,
    /// The way out, where there is something to do.
    pub help: Option<String>,
}

/// Asks everything that can be asked of the catalog at `url`. A record is created below `probe/` and removed again; nothing
/// else is changed. What cannot be asked any more after a failure is left out.
pub fn diagnose(url: &CatalogUrl) -> Vec<Finding> {
    let mut findings = Vec::new();
    match url {
        CatalogUrl::File(root) => match FileStore::open(root) {
            Ok(store) => drop(ask(&mut findings, &store)),
            Err(error) => findings.push(failed(About::Reach, &error)),
        },
        CatalogUrl::S3(address) => ask_s3(&mut findings, &S3Store::new(address)),
        CatalogUrl::Postgres(address) => {
            ask_postgres(
                &mut findings,
                &PostgresStore::new(address),
                address.sslmode,
                &address.host,
            );
        }
    }
    findings
}

fn finding(about: About, grade: Grade, detail: impl Into<String>) -> Finding {
    Finding {
        about,
        grade,
        detail: detail.into(),
        help: None,
    }
}

fn helped(about: About, grade: Grade, detail: impl Into<String>, help: impl Into<String>) -> Finding {
    Finding {
        help: Some(help.into()),
        ..finding(about, grade, detail)
    }
}

fn failed(about: About, error: &StoreError) -> Finding {
    let about = match error.fault {
        Fault::Unreachable | Fault::Busy | Fault::NoPlace => About::Reach,
        Fault::Credentials => About::Credentials,
        Fault::Untrusted => About::Encryption,
        Fault::Denied | Fault::OtherRelease | Fault::NoSpace | Fault::Corrupt | Fault::Failed => about,
    };
    helped(about, Grade::Bad, format!("{error}: {}", error.source), error.help())
}

/// What every store is asked. Answers whether it can be asked more.
fn ask(findings: &mut Vec<Finding>, store: &dyn Store) -> bool {
    let begun = Instant::now();
    match read_header(store) {
        Ok(header) => {
            let took = begun.elapsed();
            findings.push(finding(
                About::Reach,
                Grade::Good,
                format!("it answers in {}", shown(took)),
            ));
            findings.push(finding(About::Read, Grade::Good, "records can be read"));
            findings.push(match header.map(|header| (header.at, header.verdict)) {
                None => helped(
                    About::Verdict,
                    Grade::Bad,
                    "there is no catalog yet",
                    format!("`dram catalog init --catalog {}` makes one", store.location()),
                ),
                Some((at, Verdict::Atomic)) => finding(
                    About::Verdict,
                    Grade::Good,
                    format!("creates were found atomic on {at}"),
                ),
                Some((at, Verdict::NotAtomic { seen })) => {
                    let help = CatalogError::NotAtomic {
                        location: store.location(),
                        seen: seen.clone(),
                    }
                    .help();
                    helped(About::Verdict, Grade::Bad, format!("found on {at}: {seen}"), help)
                }
            });
        }
        Err(CatalogError::Store(error)) => {
            let is_over = error.fault != Fault::Corrupt;
            findings.push(failed(About::Read, &error));
            if is_over {
                return false;
            }
        }
        Err(error) => findings.push(helped(About::Verdict, Grade::Bad, error.to_string(), error.help())),
    }
    ask_rights(findings, store);
    true
}

fn ask_rights(findings: &mut Vec<Finding>, store: &dyn Store) {
    findings.push(match store.list(&Folder::root()) {
        Ok(_) => finding(About::List, Grade::Good, "records can be listed"),
        Err(error) => failed(About::List, &error),
    });
    let key = Folder::probe().round(SystemChance.bits(), 0);
    match store.create(&key, b"diagnose") {
        // Said of our own record after an answer was lost; nobody else knows its name.
        Ok(Creation::Won | Creation::Exists) => {
            findings.push(finding(About::Create, Grade::Good, "records can be created"));
            findings.push(match store.remove(&key) {
                Ok(()) => finding(About::Remove, Grade::Good, "records can be removed"),
                Err(error) => failed(About::Remove, &error),
            });
        }
        Err(error) => findings.push(failed(About::Create, &error)),
    }
}

fn ask_s3(findings: &mut Vec<Finding>, store: &S3Store) {
    let goes_on = ask(findings, store);
    // Where credentials are refused, the clock may be the reason.
    let is_refused = findings.iter().any(|finding| finding.about == About::Credentials);
    if !goes_on && !is_refused {
        return;
    }
    if let Ok(skew) = store.bucket().clock_skew() {
        findings.push(clock(skew));
    }
    if !goes_on {
        return;
    }
    findings.push(match store.versioning() {
        Ok(Versioning::Never) => finding(About::Versions, Grade::Good, "the bucket keeps no versions"),
        Ok(Versioning::Suspended) => helped(
            About::Versions,
            Grade::Look,
            "the bucket kept versions once",
            "`dram catalog check` shows whether creates are atomic in it now; a fresh bucket is better",
        ),
        Ok(Versioning::Enabled) => helped(
            About::Versions,
            Grade::Bad,
            "the bucket keeps versions, in which a record can be overwritten unseen",
            "move the catalog to an unversioned bucket: `dram catalog init` there, then `dram catalog rebuild`",
        ),
        Err(error) => Finding {
            grade: Grade::Look,
            ..failed(About::Versions, &error)
        },
    });
    let endpoint = store.bucket().address().endpoint.as_deref().unwrap_or("https://");
    let host = endpoint.strip_prefix("http://").map(host_of);
    findings.extend(
        host.filter(|host| !is_here(host))
            .map(|host| open_way(host, "an `https://` endpoint")),
    );
}

fn ask_postgres(findings: &mut Vec<Finding>, store: &PostgresStore, mode: SslMode, host: &str) {
    if !ask(findings, store) {
        return;
    }
    let Session {
        skew,
        is_encrypted,
        is_durable,
    } = match store.session() {
        Ok(Some(session)) => session,
        Ok(None) => return,
        Err(error) => return findings.push(failed(About::Durability, &error)),
    };
    findings.push(clock(skew));
    if !is_encrypted && !is_here(host) {
        findings.push(open_way(host, "`sslmode=verify-full` in the address"));
    } else if is_encrypted && mode != SslMode::VerifyFull && !is_here(host) {
        findings.push(helped(
            About::Encryption,
            Grade::Look,
            format!("the way to `{host}` is encrypted, but the server has not proved its name"),
            "give the server a certificate and `sslmode=verify-full` in the address",
        ));
    }
    findings.push(if is_durable {
        finding(About::Durability, Grade::Good, "what the server answers is on its disk")
    } else {
        helped(
            About::Durability,
            Grade::Bad,
            "the server does not wait for its disk: it may forget what it has answered",
            "set `fsync` and `full_page_writes` to `on` in its configuration",
        )
    });
}

fn clock(skew: SignedDuration) -> Finding {
    let seconds = skew.as_secs();
    let words = match seconds {
        0 => "the store's clock agrees with ours".to_owned(),
        1.. => format!("the store's clock is {seconds} s ahead of ours"),
        _ => format!("the store's clock is {} s behind ours", seconds.unsigned_abs()),
    };
    let grade = match skew.abs() {
        skew if skew > SKEW_BAD => Grade::Bad,
        skew if skew > SKEW_SEEN => Grade::Look,
        _ => return finding(About::Clock, Grade::Good, words),
    };
    helped(About::Clock, grade, words, "let both machines follow a time server")
}

fn open_way(host: &str, way_out: &str) -> Finding {
    let detail = format!("the way to `{host}` is not encrypted: others can read along");
    helped(About::Encryption, Grade::Look, detail, format!("use {way_out}"))
}

/// The host of `host:port` or `[host]:port`.
fn host_of(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => authority.split(':').next().unwrap_or(authority),
    }
}

/// Whether a host is this machine.
fn is_here(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn shown(took: Duration) -> String {
    format!("{} ms", took.as_millis())
}

#[cfg(test)]
mod tests;
