//! Which points a vault offers, read from the vault alone, and what is attested about them.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use rustic_core::repofile::SnapshotFile;
use serde::{Deserialize, Serialize};

use super::attestation::{Attestation, Hold, Statement, Verification, Word};
use super::blob::Blobs;
use super::capture::Origin;
use super::error::VaultError;
use super::manifest::{Durability, MANIFEST, Manifest, Record, SEAL_TAG, UNDER};
use super::parallel::each;
use super::place::check_name;
use super::progress::Cancel;
use super::repository::{Repository, TAG};

pub(super) const ATTEST_TAG: &str = "attest";
const TAKEOVER_TAG: &str = "takeover";
const ATTEST: &str = "attest.json";
const FORMAT: u32 = 1;
/// So many seals and attestations are read at a time.
const READERS: usize = 16;

/// A takeover, recorded in the vault: from here on, seals of older epochs that were not there yet come too late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Takeover {
    /// The new epoch.
    pub epoch: u64,
    /// The site that takes over.
    pub site: String,
    /// Who asked for it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When, RFC 3339.
    pub at: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Enveloped<T> {
    format: u32,
    min_reader: u32,
    #[serde(flatten)]
    body: T,
}

#[derive(Debug, Serialize, Deserialize)]
struct TakeoverRecord {
    #[serde(flatten)]
    takeover: Takeover,
    /// Ids of the seals that the vault held before: they are not late.
    seals_seen: Vec<String>,
}

/// Whether a point may be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PointState {
    /// It is whole, and its writer was entitled.
    Restorable,
    /// Its seal cannot be read by this version, or is damaged.
    Unreadable {
        /// Why.
        reason: String,
        /// Whether its bytes are not what was written: then no version reads it.
        is_damaged: bool,
    },
    /// Items of it are not in the vault.
    Incomplete {
        /// Their names.
        missing: Vec<String>,
    },
    /// Its writer was superseded before it was sealed.
    Superseded {
        /// The epoch that superseded it.
        by: u64,
    },
}

/// A sealed point, as the vault tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct SealedPoint {
    /// The point, a ULID; points sort by it.
    pub point: String,
    /// The id of the seal's snapshot in this vault.
    pub seal: String,
    /// When it was sealed, by the writer's clock, RFC 3339.
    pub sealed_at: String,
    /// Whether it may be restored.
    pub state: PointState,
    /// What it is; nothing if the seal cannot be read.
    pub manifest: Option<Manifest>,
    /// Its verifications, oldest first.
    pub verified: Vec<Verification>,
    /// The hold that was last laid on it and not lifted. It may have ended: [`Self::held_at`] says.
    pub held: Option<Hold>,
    /// Why it is quarantined, if it is.
    pub quarantined: Option<String>,
}

impl SealedPoint {
    /// Whether it may be restored at all; a quarantine is a question for the user, not part of this answer.
    #[must_use]
    pub fn is_restorable(&self) -> bool {
        self.state == PointState::Restorable
    }

    /// The hold that stands at a moment, by the clock of whoever asks.
    #[must_use]
    pub fn held_at(&self, now: Timestamp) -> Option<&Hold> {
        let stands = |hold: &&Hold| hold.until.is_none_or(|until| now < until);
        self.held.as_ref().filter(stands)
    }
}

impl Repository {
    /// All sealed points, oldest first, those that are not offered too, with the reason.
    ///
    /// # Errors
    /// If the repository cannot be read, or a takeover in it cannot: nobody knows then which seals came late. A store that
    /// does not answer for one point makes no state of it: a newest point that is only out of reach must not be passed over.
    pub fn points(&self) -> Result<Vec<SealedPoint>, VaultError> {
        let blobs = self.blobs(&Cancel::new())?;
        let snapshots = blobs.session().snapshots(&[TAG])?;
        let takeovers = takeovers(&blobs, &snapshots)?;
        let mut of_point: HashMap<String, Vec<&SnapshotFile>> = HashMap::new();
        for snapshot in &snapshots {
            if let Some(point) = tagged(snapshot, "point=") {
                of_point.entry(point).or_default().push(snapshot);
            }
        }
        let seals: Vec<(String, &SnapshotFile)> = of_tag(&snapshots, SEAL_TAG);
        let judged = each(&seals, READERS, &|| Ok(()), |(), (point, snapshot)| {
            let beside = of_point.get(point).map(Vec::as_slice).unwrap_or_default();
            sealed(&blobs, self.of(), point, snapshot, beside, &takeovers)
        })?;
        let attests: Vec<(String, &SnapshotFile)> = of_tag(&snapshots, ATTEST_TAG);
        let said = each(&attests, READERS, &|| Ok(()), |(), (point, snapshot)| {
            told(blobs.record::<Attestation>(snapshot.tree, ATTEST, "an attestation", point))
        })?;
        let mut points: BTreeMap<String, SealedPoint> = BTreeMap::new();
        for ((point, _), sealed) in seals.into_iter().zip(judged) {
            // Two seals of a point are the same words written twice; one that is offered counts.
            match points.get(&point) {
                Some(known) if known.is_restorable() || !sealed.is_restorable() => {}
                _ => {
                    points.insert(point, sealed);
                }
            }
        }
        for ((point, _), said) in attests.into_iter().zip(said) {
            let Some(sealed) = points.get_mut(&point) else { continue };
            match said {
                Ok(attestation) => apply(sealed, attestation),
                // What nobody can read may be a hold or a quarantine, so it is both.
                Err((reason, _)) => {
                    sealed.held = Some(Hold {
                        reason: reason.clone(),
                        until: None,
                    });
                    sealed.quarantined = Some(reason);
                }
            }
        }
        Ok(points.into_values().collect())
    }

    /// Attests something about a point. A hold in a locked vault locks all of the point anew.
    ///
    /// # Errors
    /// If the store fails; if a point is held that is not in the vault.
    pub fn attest(&self, attestation: &Attestation, origin: &Origin) -> Result<String, VaultError> {
        check_name("a point", &attestation.point)?;
        let until = match attestation.statement {
            // No shorter than the hold, where it has an end.
            Statement::Held { until, .. } => self
                .lock_ends()?
                .map(|ends| until.map_or(ends, |until| until.max(ends))),
            _ => None,
        };
        if let Some(until) = until {
            self.lock_point(&attestation.point, until, &Cancel::new())?;
        }
        let tags = [ATTEST_TAG.to_owned(), format!("point={}", attestation.point)];
        let record = Enveloped {
            format: FORMAT,
            min_reader: 1,
            body: attestation,
        };
        let record = Record {
            file: ATTEST,
            what: "an attestation",
            place: &attestation.point,
            body: &record,
        };
        self.write_record(&record, origin, &tags, until)
    }

    /// Records a takeover with the seals that are there now, begin or continue.
    ///
    /// # Errors
    /// If the epoch is not above every one that the vault has seen, or the store fails.
    pub fn attest_takeover(&self, takeover: &Takeover, origin: &Origin) -> Result<String, VaultError> {
        let blobs = self.blobs(&Cancel::new())?;
        let snapshots = blobs.session().snapshots(&[TAG])?;
        let place = format!("epoch {}", takeover.epoch);
        let known = takeovers(&blobs, &snapshots)?;
        if let Some((record, id)) = known.iter().find(|(r, _)| r.takeover.epoch == takeover.epoch)
            && record.takeover.site == takeover.site
        {
            return Ok(id.clone());
        }
        let highest = highest(&snapshots);
        if takeover.epoch <= highest {
            return Err(VaultError::Record {
                what: "a takeover",
                place,
                reason: format!("the vault has seen epoch {highest} already"),
            });
        }
        let seals_seen = snapshots
            .iter()
            .filter(|snapshot| snapshot.tags.contains(SEAL_TAG))
            .map(|snapshot| snapshot.id.to_hex().to_string())
            .collect();
        let body = TakeoverRecord {
            takeover: takeover.clone(),
            seals_seen,
        };
        let record = Enveloped {
            format: FORMAT,
            min_reader: 1,
            body,
        };
        let tags = [
            ATTEST_TAG.to_owned(),
            TAKEOVER_TAG.to_owned(),
            format!("epoch={}", takeover.epoch),
        ];
        let record = Record {
            file: ATTEST,
            what: "a takeover",
            place: &place,
            body: &record,
        };
        self.write_record(&record, origin, &tags, self.lock_ends()?)
    }

    /// The highest epoch that the vault has seen, in seals and takeovers; 0 if none.
    ///
    /// # Errors
    /// If the repository cannot be read.
    pub fn highest_epoch(&self) -> Result<u64, VaultError> {
        Ok(highest(&self.session(&Cancel::new())?.snapshots(&[TAG])?))
    }

    /// The takeovers that the vault records, lowest epoch first.
    ///
    /// # Errors
    /// If the repository or a takeover in it cannot be read.
    pub fn takeovers(&self) -> Result<Vec<Takeover>, VaultError> {
        let blobs = self.blobs(&Cancel::new())?;
        let snapshots = blobs.session().snapshots(&[TAG, TAKEOVER_TAG])?;
        let known = takeovers(&blobs, &snapshots)?;
        Ok(known.into_iter().map(|(record, _)| record.takeover).collect())
    }
}

pub(super) fn tagged(snapshot: &SnapshotFile, prefix: &str) -> Option<String> {
    snapshot
        .tags
        .iter()
        .find_map(|tag| tag.strip_prefix(prefix))
        .map(str::to_owned)
}

fn takeovers(blobs: &Blobs, snapshots: &[SnapshotFile]) -> Result<Vec<(TakeoverRecord, String)>, VaultError> {
    let mut found = Vec::new();
    for snapshot in snapshots.iter().filter(|snapshot| snapshot.tags.contains(TAKEOVER_TAG)) {
        let id = snapshot.id.to_hex().to_string();
        found.push((
            blobs.record::<TakeoverRecord>(snapshot.tree, ATTEST, "a takeover", &id)?,
            id,
        ));
    }
    found.sort_by_key(|(record, _)| record.takeover.epoch);
    Ok(found)
}

/// Seals and takeovers carry their epoch as a tag too, so that one of a newer format counts as well.
fn highest(snapshots: &[SnapshotFile]) -> u64 {
    snapshots
        .iter()
        // A copy of an older point tells of the epoch that it was made under.
        .flat_map(|snapshot| [tagged(snapshot, "epoch="), tagged(snapshot, UNDER)])
        .filter_map(|epoch| epoch?.parse().ok())
        .max()
        .unwrap_or(0)
}

/// The snapshots with a tag, each with its point.
fn of_tag<'a>(snapshots: &'a [SnapshotFile], tag: &str) -> Vec<(String, &'a SnapshotFile)> {
    snapshots
        .iter()
        .filter(|snapshot| snapshot.tags.contains(tag))
        .filter_map(|snapshot| Some((tagged(snapshot, "point=")?, snapshot)))
        .collect()
}

/// `snapshots` are those of the point.
fn sealed(
    blobs: &Blobs,
    of: Option<&str>,
    point: &str,
    seal: &SnapshotFile,
    snapshots: &[&SnapshotFile],
    takeovers: &[(TakeoverRecord, String)],
) -> Result<SealedPoint, VaultError> {
    let id = seal.id.to_hex().to_string();
    let (manifest, state) = match told(blobs.record::<Manifest>(seal.tree, MANIFEST, "the manifest", point))? {
        Err((reason, is_damaged)) => (None, PointState::Unreadable { reason, is_damaged }),
        // What another application's point holds is not for this one to restore, and not for its retention to take.
        Ok(manifest) if of.is_some_and(|of| *of != manifest.application) => (
            None,
            PointState::Unreadable {
                reason: format!("it is a point of application `{}`", manifest.application),
                is_damaged: false,
            },
        ),
        Ok(manifest) => {
            let under = tagged(seal, UNDER).and_then(|under| under.parse().ok());
            let writer = (id.as_str(), under.unwrap_or(manifest.epoch));
            let state = judge(blobs, point, writer, &manifest, snapshots, takeovers);
            (Some(manifest), state)
        }
    };
    Ok(SealedPoint {
        point: point.to_owned(),
        seal: id,
        sealed_at: seal.time.timestamp().to_string(),
        state,
        manifest,
        verified: Vec::new(),
        held: None,
        quarantined: None,
    })
}

/// A record, or why it is none and whether it is damaged; an error if the store could not be asked for it.
fn told<T>(record: Result<T, VaultError>) -> Result<Result<T, (String, bool)>, VaultError> {
    match record {
        Ok(record) => Ok(Ok(record)),
        Err(error @ (VaultError::Record { .. } | VaultError::Damaged { .. } | VaultError::UnknownPath { .. })) => {
            let is_damaged = !matches!(error, VaultError::Record { .. });
            Ok(Err((error.to_string(), is_damaged)))
        }
        Err(away) => Err(away),
    }
}

fn judge(
    blobs: &Blobs,
    point: &str,
    (seal, epoch): (&str, u64),
    manifest: &Manifest,
    snapshots: &[&SnapshotFile],
    takeovers: &[(TakeoverRecord, String)],
) -> PointState {
    if manifest.point != point {
        let reason = format!("its seal is of the point `{}`", manifest.point);
        return PointState::Unreadable {
            reason,
            is_damaged: true,
        };
    }
    let late = takeovers
        .iter()
        .find(|(record, _)| epoch < record.takeover.epoch && !record.seals_seen.iter().any(|seen| seen == seal));
    if let Some((record, _)) = late {
        return PointState::Superseded {
            by: record.takeover.epoch,
        };
    }
    let present: HashSet<(String, String)> = snapshots
        .iter()
        .filter(|snapshot| blobs.has_tree(&snapshot.tree))
        .filter_map(|snapshot| Some((tagged(snapshot, "item=")?, snapshot.tree.to_hex().to_string())))
        .collect();
    let missing: Vec<String> = manifest
        .items
        .iter()
        .filter(|item| item.durability == Durability::Vault)
        .filter(|item| !present.contains(&(item.name.clone(), item.tree.clone())))
        .map(|item| item.name.clone())
        .collect();
    if missing.is_empty() {
        PointState::Restorable
    } else {
        PointState::Incomplete { missing }
    }
}

fn apply(point: &mut SealedPoint, attestation: Attestation) {
    match attestation.statement {
        Statement::Verified { level, reason } => {
            let by = attestation.by;
            point.verified.push(Verification {
                level,
                at: attestation.at,
                word: reason.map(|reason| Word { by, reason }),
            });
        }
        Statement::Held { reason, until } => point.held = Some(Hold { reason, until }),
        Statement::Released => point.held = None,
        Statement::Quarantined { reason } => point.quarantined = Some(reason),
        Statement::Cleared => point.quarantined = None,
    }
}
