//! Which points there are. The vault is the truth about them.

use super::Engine;
use super::closure::Closure;
use crate::error::Error;
use crate::opening;
use crate::run::is_partial;
use crate::runbook::VaultRef;
use crate::vault::{
    Cancel, Entry, Manifest, PointState, Progress, Repository, SealedPoint, Silent, Vault, Verification,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;
use std::io::Write;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

/// A point for people and programs.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PointRow {
    /// Its id.
    pub point: String,
    /// When it was frozen, RFC 3339.
    pub frozen_at: String,
    /// The site that it was frozen at.
    pub site: String,
    /// The epoch.
    pub epoch: u64,
    /// How it came about.
    pub class: String,
    /// How far its data belongs together: `none`, `crash`, `group`, `filesystem` or `application`.
    pub consistency: String,
    /// How many items.
    pub items: usize,
    /// Bytes that restoring it writes.
    pub bytes: u64,
    /// `sealed`, `verified`, `held`, `quarantined`, or why it is not offered.
    pub state: String,
    /// Whether `latest` may pick it: it is sealed, complete and not quarantined. One of some components only is picked for
    /// these.
    pub offered: bool,
}

impl PointRow {
    pub(super) fn of(point: &SealedPoint, now: Timestamp) -> Self {
        let manifest = point.manifest.as_ref();
        let state = match (why_not(point), point.held_at(now), deepest(point)) {
            (Some(why_not), ..) => why_not,
            (None, Some(hold), _) => format!("held: {hold}"),
            (None, None, Some(verified)) if verified.is_whole() => match &verified.word {
                None => format!("verified ({})", verified.level),
                Some(word) => format!("verified ({}), {word}", verified.level),
            },
            (None, None, Some(_)) => "sealed, a sample verified".to_owned(),
            (None, None, None) => "sealed".to_owned(),
        };
        let state = if manifest.is_some_and(is_partial) {
            format!("{state}, some components only")
        } else {
            state
        };
        Self {
            point: point.point.clone(),
            frozen_at: manifest.map_or_else(|| point.sealed_at.clone(), |manifest| manifest.frozen_at.clone()),
            site: manifest.map(|manifest| manifest.site.clone()).unwrap_or_default(),
            epoch: manifest.map_or(0, |manifest| manifest.epoch),
            class: manifest
                .and_then(|manifest| serde_json::to_value(manifest.class).ok()?.as_str().map(str::to_owned))
                .unwrap_or_default(),
            consistency: manifest
                .map(|manifest| manifest.consistency.as_str().to_owned())
                .unwrap_or_default(),
            items: manifest.map_or(0, |manifest| manifest.items.len()),
            bytes: manifest.map_or(0, |manifest| manifest.items.iter().map(|item| item.bytes).sum()),
            state,
            offered: is_picked(point),
        }
    }
}

/// The newest verification that read all of a point, else the newest.
fn deepest(point: &SealedPoint) -> Option<&Verification> {
    let whole = point.verified.iter().rfind(|verified| verified.is_whole());
    whole.or(point.verified.last())
}

/// Why nobody who does not name a point gets it, where that is so.
fn why_not(point: &SealedPoint) -> Option<String> {
    match (&point.state, &point.quarantined) {
        (PointState::Unreadable { reason, .. }, _) => Some(format!("unreadable: {reason}")),
        (PointState::Incomplete { missing }, _) => Some(format!("incomplete: {} missing", missing.join(", "))),
        (PointState::Superseded { by }, _) => Some(format!("superseded by epoch {by}")),
        (PointState::Restorable, Some(reason)) => Some(format!("quarantined: {reason}")),
        (PointState::Restorable, None) => None,
    }
}

/// Where a point is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Source<'a> {
    /// The vault of the policy; the first one when not named.
    pub vault: Option<&'a str>,
    /// The moment whose vault is read, where its store keeps versions.
    pub as_of: Option<Timestamp>,
}

/// Which point is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// The newest that is offered and not quarantined.
    Latest,
    /// This one.
    Id(String),
    /// The newest that was frozen no later than this.
    At(Timestamp),
}

impl fmt::Display for Pick {
    /// As it is said on the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Id(id) => f.write_str(id),
            Self::At(time) => time.fmt(f),
        }
    }
}

impl FromStr for Pick {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        if let Ok(id) = text.parse::<ulid::Ulid>() {
            return Ok(Self::Id(id.to_string()));
        }
        text.parse().map(Self::At).map_err(|_| {
            format!("`{text}` is neither `latest`, nor a point's id, nor a time such as `2026-03-01T08:00:00Z`")
        })
    }
}

/// Whether a point may be chosen by somebody who does not name it.
fn is_picked(point: &SealedPoint) -> bool {
    why_not(point).is_none()
}

/// Chooses among points. A point of some components only is chosen by its id, or when it holds all of `only`.
pub(super) fn pick(points: &[SealedPoint], pick: &Pick, application: &str, only: &[String]) -> Result<Manifest, Error> {
    let help = || format!("`dram points {application}` lists what there is");
    let offered = || {
        points
            .iter()
            .rev()
            .filter(|point| is_picked(point) && holds(point, only))
    };
    let found = match pick {
        Pick::Latest => offered().next(),
        Pick::Id(id) => match points.iter().find(|point| point.point == *id) {
            Some(point) if !point.is_restorable() => {
                let what = format!("point {id} cannot be restored: {}", why_not(point).unwrap_or_default());
                return Err(Error::NoPoint { what, help: help() });
            }
            found => found,
        },
        Pick::At(time) => offered().find(|point| {
            let frozen = point
                .manifest
                .as_ref()
                .and_then(|manifest| manifest.frozen_at.parse::<Timestamp>().ok());
            frozen.is_some_and(|frozen| frozen <= *time)
        }),
    };
    found
        .and_then(|point| point.manifest.clone())
        .ok_or_else(|| Error::NoPoint {
            what: match pick {
                Pick::Latest => match points.last() {
                    Some(newest) => format!(
                        "application `{application}` has no point that can be restored: the newest, {}, is {}",
                        newest.point,
                        why_not(newest).unwrap_or_else(|| "one of some components only".to_owned())
                    ),
                    None => format!("application `{application}` has no point that can be restored"),
                },
                Pick::Id(id) => format!("the vault has no point {id} of application `{application}`"),
                Pick::At(time) => format!("application `{application}` has no point from {time} or before"),
            },
            help: help(),
        })
}

fn holds(point: &SealedPoint, only: &[String]) -> bool {
    let Some(manifest) = &point.manifest else { return false };
    if only.is_empty() {
        return !is_partial(manifest);
    }
    only.iter()
        .all(|name| manifest.items.iter().any(|item| item.component == *name))
}

impl Engine {
    /// The repository of an application, for reading.
    pub(super) fn repository(&self, closure: &Closure) -> Result<Repository, Error> {
        let vault = closure.vault();
        self.repository_as_of(closure, None, vault)
    }

    /// The same as it was at a moment, where the vault's store keeps versions.
    pub(super) fn repository_as_of(
        &self,
        closure: &Closure,
        as_of: Option<Timestamp>,
        vault: VaultRef,
    ) -> Result<Repository, Error> {
        let place = opening::vault_as_of(&vault, as_of)?;
        self.repository_in(closure, &place, &vault)
    }

    /// The repository of an application in an open vault.
    pub(super) fn repository_in(
        &self,
        closure: &Closure,
        place: &Vault,
        vault: &VaultRef,
    ) -> Result<Repository, Error> {
        let password = opening::password(vault)?;
        let location = place.repository(self.catalog.tenant().as_str(), &closure.name)?;
        // One that should be adopted and is not there is an error of its own.
        if vault.adopts.is_none() && !location.exists()? {
            return Err(Error::NoPoint {
                what: format!(
                    "application `{}` has no repository in vault `{}` yet",
                    closure.name, vault.name
                ),
                help: format!("`dram protect {}` makes it", closure.name),
            });
        }
        Ok(location.open(&password)?)
    }

    /// All points of an application, oldest first: those of its first vault, or of the one named, as it is or was.
    ///
    /// # Errors
    /// The vault cannot be read.
    pub fn points(
        &self,
        application: &str,
        from: Option<&str>,
        as_of: Option<Timestamp>,
    ) -> Result<Vec<PointRow>, Error> {
        let (_, repository) = self.reading(application, Source { vault: from, as_of })?;
        let now = self.clock().now();
        let points = repository.points()?;
        Ok(points.iter().map(|point| PointRow::of(point, now)).collect())
    }

    /// The application that a point belongs to, also one that was withdrawn: by the index, else by the vaults that would be
    /// read.
    pub(super) fn application_of(&self, point: &str, source: Source<'_>) -> Result<String, Error> {
        let applications = self.applications_ever()?;
        if let Ok(id) = point.parse() {
            for application in &applications {
                if self.catalog.is_indexed(&super::application_name(application)?, id)? {
                    return Ok(application.to_string());
                }
            }
        }
        // A run that was killed after sealing could not enter its point: the vaults know it.
        let (mut unasked, mut unknown, mut is_known) = (None, None, source.vault.is_none());
        for application in &applications {
            let asked = self
                .reading(application, source)
                .and_then(|(_, repository)| Ok(repository.points()?));
            match asked {
                Ok(points) if points.iter().any(|known| known.point == point) => return Ok(application.to_string()),
                Ok(_) | Err(Error::NoPoint { .. }) => is_known = true,
                // The policies of other applications need not have the vault.
                Err(error @ Error::NotDeclared { kind: "vault", .. }) if source.vault.is_some() => {
                    unknown = unknown.or(Some(error));
                }
                Err(error) => unasked = unasked.or(Some(error)),
            }
        }
        if !is_known {
            unasked = unasked.or(unknown);
        }
        // As long as a vault could not be asked, nobody knows that there is no such point.
        Err(unasked.unwrap_or_else(|| Error::NoPoint {
            what: format!("no application has a point {point}"),
            help: "`dram points APP` lists what there is".to_owned(),
        }))
    }

    /// The closure of an application, and its repository in the vault that is to be read.
    fn reading(&self, application: &str, source: Source<'_>) -> Result<(Closure, Repository), Error> {
        let closure = self.closure(application)?.reading_from(source.vault)?;
        let repository = self.repository_as_of(&closure, source.as_of, closure.vault())?;
        Ok((closure, repository))
    }

    /// A point by its id, with the repository that holds it.
    pub(super) fn point(&self, point: &str, source: Source<'_>) -> Result<(Manifest, Repository), Error> {
        let point = point.to_ascii_uppercase();
        let application = self.application_of(&point, source)?;
        let (_, repository) = self.reading(&application, source)?;
        let manifest = pick(&repository.points()?, &Pick::Id(point), &application, &[])?;
        Ok((manifest, repository))
    }

    /// What an item of a point holds at a path; all items when none is named. Answers item names with their entries.
    ///
    /// # Errors
    /// The point or path is not there, or the vault cannot be read.
    pub fn list(
        &self,
        point: &str,
        path: &Path,
        recursive: bool,
        source: Source<'_>,
    ) -> Result<Vec<(String, Vec<Entry>)>, Error> {
        let (manifest, repository) = self.point(point, source)?;
        let mut found = Vec::new();
        let mut missing = None;
        for item in &manifest.items {
            match repository.list(&item.tree, path, recursive) {
                Ok(entries) => found.push((item.name.clone(), entries)),
                Err(error) => missing = Some(error),
            }
        }
        match (found.is_empty(), missing) {
            (true, Some(error)) => Err(error.into()),
            _ => Ok(found),
        }
    }

    /// Writes one file of a point, or a dump by its item's name, to `out`.
    ///
    /// # Errors
    /// The point does not hold it, or the vault cannot be read.
    pub fn cat(&self, point: &str, path: &str, source: Source<'_>, out: &mut dyn Write) -> Result<(), Error> {
        let (manifest, repository) = self.point(point, source)?;
        let (progress, cancel): (Arc<dyn Progress>, Cancel) = (Silent::shared(), Cancel::new());
        if let Some(item) = manifest
            .items
            .iter()
            .find(|item| item.name == path && item.file_name.is_some())
        {
            repository.dump_stream(&item.tree, out, &progress, &cancel)?;
            return Ok(());
        }
        for item in &manifest.items {
            let holds = repository.list(&item.tree, Path::new(path), false).is_ok();
            if holds {
                repository.dump_file(&item.tree, Path::new(path), out, &progress, &cancel)?;
                return Ok(());
            }
        }
        Err(crate::runbook::Refusal::NoPath { path: path.to_owned() }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::{Class, MANIFEST_FORMAT, Writer};

    fn point(id: &str, hour: u32, state: PointState, quarantined: bool) -> SealedPoint {
        let frozen_at = format!("2026-01-01T{hour:02}:00:00Z");
        let manifest = Manifest {
            format: MANIFEST_FORMAT,
            min_reader: MANIFEST_FORMAT,
            point: id.to_owned(),
            tenant: "default".to_owned(),
            application: "shop".to_owned(),
            epoch: 0,
            site: "office".to_owned(),
            class: Class::Manual,
            frozen_at: frozen_at.clone(),
            consistency: crate::vault::Consistency::None,
            writer: Writer { epoch: 0, lease: 1 },
            items: Vec::new(),
            declarations: Vec::new(),
            mappings: std::collections::BTreeMap::new(),
            more: serde_json::Map::new(),
        };
        SealedPoint {
            point: id.to_owned(),
            seal: String::new(),
            sealed_at: frozen_at,
            state,
            manifest: Some(manifest),
            verified: Vec::new(),
            held: None,
            quarantined: quarantined.then(|| "looks encrypted".to_owned()),
        }
    }

    const A: &str = "01JD8Z0000000000000000000A";
    const B: &str = "01JD8Z0000000000000000000B";
    const C: &str = "01JD8Z0000000000000000000C";
    const D: &str = "01JD8Z0000000000000000000D";

    #[test]
    fn what_is_restorable_is_what_latest_may_pick() {
        let states = [
            (PointState::Restorable, false, true),
            (PointState::Restorable, true, false),
            (PointState::Superseded { by: 2 }, false, false),
            (PointState::Incomplete { missing: Vec::new() }, false, false),
        ];
        for (state, quarantined, expected) in states {
            let point = point(A, 1, state, quarantined);
            let picked = pick(std::slice::from_ref(&point), &Pick::Latest, "shop", &[]);
            assert_eq!(
                PointRow::of(&point, Timestamp::UNIX_EPOCH).offered,
                expected,
                "{point:?}"
            );
            assert_eq!(picked.is_ok(), expected, "{point:?}");
        }
        let none = pick(&[point(A, 1, PointState::Restorable, true)], &Pick::Latest, "shop", &[]);
        assert_eq!(
            none.map_err(|error| error.to_string()),
            Err(format!(
                "application `shop` has no point that can be restored: the newest, {A}, is quarantined: looks encrypted"
            ))
        );
    }

    #[test]
    fn only_what_may_be_restored_is_picked() {
        let points = [
            point(A, 1, PointState::Restorable, false),
            point(B, 2, PointState::Restorable, false),
            point(C, 3, PointState::Restorable, true),
            point(D, 4, PointState::Superseded { by: 2 }, false),
        ];
        let picked = |text: &str| {
            let pick_ = text.parse::<Pick>().map_err(|why| why.to_string())?;
            pick(&points, &pick_, "shop", &[])
                .map(|manifest| manifest.point)
                .map_err(|error| error.to_string())
        };
        assert_eq!(picked("latest"), Ok(B.to_owned()));
        assert_eq!(picked("2026-01-01T01:59:59Z"), Ok(A.to_owned()));
        // One that a person names is restored even from quarantine; one that is not offered never is.
        assert_eq!(picked(C), Ok(C.to_owned()));
        assert_eq!(
            picked(D),
            Err(format!("point {D} cannot be restored: superseded by epoch 2"))
        );
        assert_eq!(
            picked("2025-01-01T00:00:00Z"),
            Err("application `shop` has no point from 2025-01-01T00:00:00Z or before".to_owned())
        );
        assert!(picked("yesterday").is_err());
    }
}
