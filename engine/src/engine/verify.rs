//! Proving that a point can be restored.

use super::points::{Pick, Source, pick};
use super::{Engine, Watch};
use crate::error::Error;
use crate::run::Event;
use crate::vault::{
    Attestation, Cancel, Manifest, Method, Origin, PointState, Progress, Repository, RestoreFiles, SAMPLED, Sample,
    SealedPoint, Statement, VaultError,
};
use dram_storage::crash;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How the reason of a quarantine begins that a verification asked for.
const VERIFICATION: &str = "verification found: ";

/// How deeply a point is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Every byte is read back and compared with its hash.
    Checksum,
    /// Every file is restored into a scratch directory, every image and every dump is read to its end.
    Restore,
}

impl Level {
    /// The word in attestations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Checksum => "checksum",
            Self::Restore => "restore",
        }
    }
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// The point.
    pub point: String,
    /// The application.
    pub application: String,
    /// How deeply.
    pub level: String,
    /// Bytes that were read.
    pub bytes: u64,
    /// What is damaged; empty when the point is whole.
    pub damages: Vec<String>,
    /// Why the verdict could not be written into the vault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Engine {
    /// Verifies a point, or the newest of an application, and writes the verdict into the vault.
    ///
    /// # Errors
    /// The vault cannot be read. Damage is an answer, not an error.
    pub fn verify(&self, what: &str, from: Option<&str>, level: Level, watch: &Watch<'_>) -> Result<Verified, Error> {
        self.verify_some(what, from, level, None, watch)
    }

    /// The same by reading only a part of the point. That is no verification of it: it finds damage sooner than nothing does.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn verify_some(
        &self,
        what: &str,
        from: Option<&str>,
        level: Level,
        sample: Option<Sample>,
        watch: &Watch<'_>,
    ) -> Result<Verified, Error> {
        let (application, which) = if let Ok(id) = what.parse::<ulid::Ulid>() {
            let source = Source {
                vault: from,
                as_of: None,
            };
            (self.application_of(&id.to_string(), source)?, Pick::Id(id.to_string()))
        } else {
            (what.to_owned(), Pick::Latest)
        };
        let closure = self.closure(&application)?.reading_from(from)?;
        // Copies on this machine prove nothing about the vault.
        let repository = self.repository(&closure)?.direct();
        let points = repository.points()?;
        if let Some(verified) = self.damaged_seal(&repository, &points, &which, &application, level) {
            return Ok(verified);
        }
        let manifest = pick(&points, &which, &application, &[])?;
        let Some(sealed) = points.iter().find(|sealed| sealed.point == manifest.point).cloned() else {
            return Err(VaultError::UnknownPoint { point: manifest.point }.into());
        };
        watch.observer.event(&Event::Step {
            number: 1,
            of: 1,
            text: format!("verify point {} by {}", manifest.point, level.as_str()),
            bytes: Some(manifest.items.iter().map(|item| item.bytes).sum()),
            expected_bytes: None,
            expected_seconds: None,
            left_seconds: None,
        });
        let progress = watch.observer.progress();
        let (bytes, damages) = match level {
            Level::Checksum => {
                let verdict = repository.verify_some(&manifest.point, sample, &progress, &watch.cancel)?;
                let damages = verdict
                    .damages
                    .iter()
                    .map(|damage| {
                        let files: Vec<String> = damage
                            .files
                            .iter()
                            .map(|(item, path)| format!("{item}:{}", path.display()))
                            .collect();
                        let reason = match &damage.pack {
                            Some(pack) if !damage.reason.contains(pack) => format!("pack `{pack}`: {}", damage.reason),
                            _ => damage.reason.clone(),
                        };
                        match (files.is_empty(), damage.more) {
                            (true, _) => reason,
                            (false, 0) => format!("{reason} (needed by {})", files.join(", ")),
                            (false, more) => format!("{reason} (needed by {} and {more} more)", files.join(", ")),
                        }
                    })
                    .collect();
                (verdict.checked.bytes, damages)
            }
            Level::Restore => {
                let scratch = Scratch::new(&manifest.point)?;
                match into(&repository, &manifest, &scratch.0, &progress, &watch.cancel) {
                    Ok(bytes) => (bytes, Vec::new()),
                    // Anything else says nothing about the point: a full scratch folder, a vault that went away.
                    Err(Error::Vault(error @ VaultError::Damaged { .. })) => (0, vec![error.to_string()]),
                    Err(error) => return Err(error),
                }
            }
        };
        let damages: Vec<String> = damages;
        crash::point(crash::Kind::Step);
        let level = match sample {
            Some(_) => SAMPLED,
            None => level.as_str(),
        };
        let written = self.attest(&repository, &sealed, level, &damages);
        let note = written.err().map(|error| unwritten(&error));
        Ok(Verified {
            point: manifest.point,
            application,
            level: level.to_owned(),
            bytes,
            damages,
            note,
        })
    }

    /// The verdict about the point that is meant, if not even its seal can be read. Another machine may have a copy of the seal:
    /// it learns of this by the quarantine.
    fn damaged_seal(
        &self,
        repository: &Repository,
        points: &[SealedPoint],
        which: &Pick,
        application: &str,
        level: Level,
    ) -> Option<Verified> {
        let meant = match which {
            Pick::Id(id) => points.iter().find(|point| point.point == *id),
            _ => points.iter().rfind(|point| point.quarantined.is_none()),
        };
        let (sealed, reason) = match meant.map(|sealed| (sealed, &sealed.state)) {
            Some((
                sealed,
                PointState::Unreadable {
                    reason,
                    is_damaged: true,
                },
            )) => (sealed, reason),
            _ => return None,
        };
        let damages = vec![reason.clone()];
        let written = self.attest(repository, sealed, level.as_str(), &damages);
        Some(Verified {
            point: sealed.point.clone(),
            application: application.to_owned(),
            level: level.as_str().to_owned(),
            bytes: 0,
            damages,
            note: written.err().map(|error| unwritten(&error)),
        })
    }

    /// When the newest verification of a point of an application in one of its vaults was, at this level or a deeper one; where
    /// `sampled` asks for no more, one of a part counts. What somebody attests is not what the policy asks of us.
    ///
    /// # Errors
    /// The vault cannot be read.
    pub(super) fn last_verified(
        &self,
        application: &str,
        vault: &str,
        level: Level,
        sampled: bool,
    ) -> Result<Option<Timestamp>, Error> {
        let closure = self.closure(application)?.reading_from(Some(vault))?;
        let points = self.repository(&closure)?.points()?;
        let verifications = points.iter().flat_map(|point| &point.verified);
        let verifications = verifications.filter(|one| one.word.is_none());
        let deep_enough = verifications.filter(|one| match level {
            Level::Checksum => sampled || one.is_whole(),
            Level::Restore => one.is_whole() && one.level != Level::Checksum.as_str(),
        });
        Ok(deep_enough.filter_map(|one| one.at.parse().ok()).max())
    }

    /// The names of the vaults that keep the points of an application, the first one first.
    pub(super) fn vaults_of(&self, application: &str) -> Result<Vec<String>, Error> {
        let vaults = self.closure(application)?.vaults.into_iter();
        Ok(vaults.map(|copy| copy.vault.name).collect())
    }

    /// Writes the verdict into the vault: a damaged point is not picked any more until it verifies again.
    fn attest(
        &self,
        repository: &Repository,
        sealed: &SealedPoint,
        level: &str,
        damages: &[String],
    ) -> Result<(), Error> {
        let mut statements = Vec::new();
        match damages.first() {
            Some(damage) => statements.push(Statement::Quarantined {
                reason: format!("{VERIFICATION}{damage}"),
            }),
            None => {
                statements.push(Statement::Verified {
                    level: level.to_owned(),
                    reason: None,
                });
                // What a sample did not read may still be what was found damaged.
                let ours = |reason: &String| reason.starts_with(VERIFICATION);
                if level != SAMPLED && sealed.quarantined.as_ref().is_some_and(ours) {
                    statements.push(Statement::Cleared);
                }
            }
        }
        for statement in statements {
            let time = self.clock().now();
            let attestation = Attestation {
                point: sealed.point.clone(),
                by: self.who.clone(),
                at: time.to_string(),
                statement,
            };
            let host = sealed
                .manifest
                .as_ref()
                .map(|manifest| manifest.site.clone())
                .unwrap_or_default();
            repository.attest(&attestation, &Origin { host, time })?;
            crash::point(crash::Kind::Step);
        }
        Ok(())
    }
}

/// That nobody else will know of a verdict.
fn unwritten(error: &Error) -> String {
    format!("the vault could not take the verdict: {error}")
}

/// Restores everything below a directory.
fn into(
    repository: &Repository,
    manifest: &Manifest,
    target: &Path,
    progress: &Arc<dyn Progress>,
    cancel: &Cancel,
) -> Result<u64, Error> {
    let mut bytes = 0u64;
    for (index, item) in manifest.items.iter().enumerate() {
        let handled = match item.method {
            Method::Files => {
                let paths: Vec<PathBuf> = item.paths.iter().map(PathBuf::from).collect();
                let place = target.join(index.to_string());
                let map = |path: &Path| path.strip_prefix("/").unwrap_or(path).to_owned();
                let what = RestoreFiles {
                    tree: &item.tree,
                    paths: &paths,
                    target: &place,
                    map: &map,
                    only: None,
                    owners: None,
                    overwrite: false,
                    compare: false,
                };
                repository.restore_files(&what, progress, cancel)?.bytes
            }
            Method::Image | Method::Dump => repository.dump_stream(&item.tree, &mut Nowhere, progress, cancel)?,
        };
        bytes = bytes.saturating_add(handled);
    }
    Ok(bytes)
}

struct Nowhere;

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A directory that is gone when the verification is.
struct Scratch(PathBuf);

impl Scratch {
    fn new(point: &str) -> Result<Self, Error> {
        let path = std::env::temp_dir().join(format!("dram-verify-{point}-{}", std::process::id()));
        std::fs::create_dir(&path).map_err(|source| Error::File {
            what: "make the scratch directory",
            path: path.display().to_string(),
            source,
        })?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is only space in the temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
