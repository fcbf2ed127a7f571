//! Runbooks and their steps.

use super::Refusal;
use super::capture::{Capture, Freeze, Unusual};
use super::vault::{CopyRef, VaultRef};
use crate::inventory::{Inventory, Presence};
use crate::vault::{Class, Consistency, Item, Method, Owners};
use dram_compiler::model::{Application, Component, Declaration, Name, OnMissing, Spec, after_order};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// The format of runbooks in run logs.
pub const RUNBOOK_FORMAT: u32 = 1;

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Make a recovery point.
    Protect,
    /// Bring data back, at a site or into a directory.
    Restore,
    /// Bring an application back from a vault alone.
    Recover,
    /// Bring points into further vaults.
    Copy,
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Protect => "protect",
            Self::Restore => "restore",
            Self::Recover => "recover",
            Self::Copy => "copy",
        })
    }
}

/// A declaration inside a record, in its canonical spelling.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded(pub Declaration);

impl Serialize for Recorded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Recorded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = serde_json::Value::deserialize(deserializer)?;
        Declaration::from_json(&json).map(Self).map_err(|found| {
            let why = found.first().map(|finding| finding.message.clone()).unwrap_or_default();
            de::Error::custom(format!("a declaration that cannot be read: {why}"))
        })
    }
}

/// The site where a run acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteRef {
    /// Its name; what `DRAM_SITE` says. For a directory that no declaration names, its path.
    pub name: String,
    /// The directory put before every path.
    pub root: String,
    /// Path mappings that hold there.
    #[serde(default)]
    pub mappings: Vec<(String, String)>,
    /// Whether a path without a mapping is refused.
    #[serde(default)]
    pub fail_on_missing: bool,
}

impl SiteRef {
    /// Whether unmapped paths stay as they are.
    #[must_use]
    pub const fn on_missing(&self) -> OnMissing {
        if self.fail_on_missing {
            OnMissing::Fail
        } else {
            OnMissing::Keep
        }
    }
}

/// One step. Each is carried out as *begin or continue*: doing it again after an interruption gives the same result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    /// Capture a component's files as an item.
    CaptureFiles {
        /// The component.
        component: String,
        /// The item's name.
        item: String,
    },
    /// Capture a component's device as an item.
    CaptureImage {
        /// The component.
        component: String,
        /// The item's name.
        item: String,
    },
    /// Capture the output of a component's dump command as an item.
    CaptureDump {
        /// The component.
        component: String,
        /// The item's name.
        item: String,
    },
    /// Bring the application to rest, read its data into a folder of this machine, and let it go on.
    Freeze(Freeze),
    /// Bring what was read meanwhile into the vault.
    Move {
        /// What was read.
        captures: Vec<Capture>,
    },
    /// Seal the point: from here on it is offered.
    Seal {
        /// How the point came about.
        class: Class,
        /// How far its data belongs together where nothing was frozen; a freeze says it by itself.
        #[serde(default)]
        consistency: Consistency,
        /// What change is unusual, and what is done about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        anomaly: Option<Unusual>,
    },
    /// Carry a hook out.
    Hook {
        /// Its position in the application.
        hook: usize,
        /// What it does, for people.
        text: String,
    },
    /// Bring the points that are due into a further vault, and seal them there.
    Copy {
        /// The vault's name.
        vault: String,
    },
    /// See that the files and images of these items can be written: nothing of others is in the way.
    Preflight {
        /// The items.
        items: Vec<Item>,
        /// Whether files that differ will be replaced.
        overwrite: bool,
        /// Whose files become whose.
        #[serde(default, skip_serializing_if = "Owners::is_empty")]
        owners: Owners,
    },
    /// Make this site the application's writer: a new epoch in the catalog and in the vault.
    TakeOver {
        /// The new epoch.
        epoch: u64,
        /// Why the old site cannot be running: what a person attested.
        reason: String,
    },
    /// Write the epoch down at the site, so that it refuses older writers.
    Fence {
        /// The epoch.
        epoch: u64,
    },
    /// Stop a component.
    Stop {
        /// The component.
        component: String,
        /// Whether a failure ends the run. Where data is lost, the command may be lost with it.
        #[serde(default)]
        required: bool,
    },
    /// Write an item's files.
    RestoreFiles {
        /// The component.
        component: String,
        /// The item.
        item: Item,
        /// Whether files that differ are replaced.
        overwrite: bool,
        /// Only what these paths and patterns take; everything when there are none.
        #[serde(default, deserialize_with = "one_or_several")]
        only: Vec<String>,
        /// Whose files become whose.
        #[serde(default, skip_serializing_if = "Owners::is_empty")]
        owners: Owners,
    },
    /// Write an image to its device.
    RestoreImage {
        /// The component.
        component: String,
        /// The item.
        item: Item,
        /// Whether what differs is written over.
        overwrite: bool,
    },
    /// Write an image as a file.
    WriteImage {
        /// The component.
        component: String,
        /// The item.
        item: Item,
        /// Name of the file, below the destination.
        file: String,
        /// Whether another file of this name is made what it was.
        #[serde(default)]
        overwrite: bool,
    },
    /// Write a dump as a file.
    WriteDump {
        /// The component.
        component: String,
        /// The item.
        item: Item,
        /// Name of the file, below the destination.
        file: String,
        /// Whether another file of this name is replaced.
        #[serde(default)]
        overwrite: bool,
    },
    /// Start a component.
    Start {
        /// The component.
        component: String,
    },
    /// Load a dump through the component's own command.
    LoadDump {
        /// The component.
        component: String,
        /// The item.
        item: Item,
    },
    /// Wait until a component is healthy.
    Health {
        /// The component.
        component: String,
    },
}

impl Step {
    /// What it captures.
    #[must_use]
    pub fn captures(&self) -> Vec<Capture> {
        let one = |component: &str, item: &str, method| Capture {
            component: component.to_owned(),
            item: item.to_owned(),
            method,
        };
        match self {
            Self::CaptureFiles { component, item } => vec![one(component, item, Method::Files)],
            Self::CaptureImage { component, item } => vec![one(component, item, Method::Image)],
            Self::CaptureDump { component, item } => vec![one(component, item, Method::Dump)],
            Self::Freeze(freeze) => freeze.captures.clone(),
            _ => Vec::new(),
        }
    }

    /// What it does, for people.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::CaptureFiles { component, .. } => format!("capture the files of {component}"),
            Self::CaptureImage { component, .. } => format!("capture the device of {component}"),
            Self::CaptureDump { component, .. } => format!("capture the dump of {component}"),
            Self::Freeze(freeze) => format!(
                "freeze for at most {} s and read {}",
                freeze.seconds,
                freeze
                    .captures
                    .iter()
                    .map(|capture| capture.item.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            Self::Move { .. } => "move what was read into the vault".to_owned(),
            Self::Hook { text, .. } => text.clone(),
            Self::Seal { .. } => "seal the point".to_owned(),
            Self::Copy { vault } => format!("copy what is due to vault {vault}"),
            Self::Preflight { .. } => "see that nothing is in the way".to_owned(),
            Self::TakeOver { epoch, .. } => format!("take over under epoch {epoch}"),
            Self::Fence { epoch } => format!("fence the site with epoch {epoch}"),
            Self::Stop { component, .. } => format!("stop {component}"),
            Self::RestoreFiles { component, only, .. } if only.is_empty() => {
                format!("restore the files of {component}")
            }
            Self::RestoreFiles { component, only, .. } => {
                format!("restore {} of the files of {component}", only.join(", "))
            }
            Self::RestoreImage { component, .. } => format!("restore the device of {component}"),
            Self::WriteImage { component, file, .. } => format!("write the image of {component} to {file}"),
            Self::WriteDump { component, file, .. } => format!("write the dump of {component} to {file}"),
            Self::Start { component } => format!("start {component}"),
            Self::LoadDump { component, .. } => format!("load the dump of {component}"),
            Self::Health { component } => format!("wait until {component} is healthy"),
        }
    }

    /// Bytes that it will move, where that is known beforehand.
    #[must_use]
    pub const fn bytes(&self) -> Option<u64> {
        match self {
            Self::RestoreFiles { item, only, .. } if only.is_empty() => Some(item.bytes),
            Self::RestoreImage { item, .. }
            | Self::WriteImage { item, .. }
            | Self::WriteDump { item, .. }
            | Self::LoadDump { item, .. } => Some(item.bytes),
            _ => None,
        }
    }
}

/// Runbooks of the first release hold one path, or nothing.
fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Several(Vec<String>),
        One(Option<String>),
    }
    Ok(match Written::deserialize(deserializer)? {
        Written::Several(paths) => paths,
        Written::One(path) => path.into_iter().collect(),
    })
}

/// What every decision is about: an application, where it acts, and the vault.
#[derive(Debug, Clone)]
pub struct Scope<'a> {
    /// The tenant.
    pub tenant: &'a str,
    /// The application's name.
    pub name: &'a Name,
    /// The application.
    pub application: &'a Application,
    /// The site: where it runs now, or where it comes back.
    pub site: SiteRef,
    /// The vault that is written or read.
    pub vault: VaultRef,
    /// The further vaults of the policy.
    pub copies: Vec<CopyRef>,
    /// Only these components; all when empty.
    pub only: &'a [String],
}

impl<'a> Scope<'a> {
    /// Whether a component takes part.
    pub(super) fn has(&self, component: &Component) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| **name == *component.name)
    }

    /// The components in the order of start, at a site whose root is there.
    pub(super) fn waves(&self, inventory: &Inventory) -> Result<Vec<Vec<&'a Component>>, Refusal> {
        self.check()?;
        if inventory.root == Presence::Absent {
            return Err(Refusal::SiteAbsent {
                site: self.site.name.clone(),
                root: self.site.root.clone(),
            });
        }
        after_order(&self.application.components).map_err(|circle| Refusal::Circle {
            circle: circle.join(" → "),
        })
    }

    /// Refuses components that the application does not have.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let unknown = |name: &&String| {
            !self
                .application
                .components
                .iter()
                .any(|component| *component.name == ***name)
        };
        match self.only.iter().find(unknown) {
            Some(component) => Err(Refusal::NoComponent {
                what: format!("application `{}`", self.name),
                component: component.clone(),
            }),
            None => Ok(()),
        }
    }

    /// The runbook of these steps.
    pub(super) fn runbook(self, verb: Verb, point: String, epoch: u64, steps: Vec<Step>) -> Runbook {
        let application = Declaration::new(self.name.clone(), self.application.clone());
        Runbook {
            format: RUNBOOK_FORMAT,
            verb,
            tenant: self.tenant.to_owned(),
            application: Recorded(application),
            site: self.site,
            vault: self.vault,
            as_of: None,
            copies: self.copies,
            point,
            epoch,
            partial: !self.only.is_empty(),
            declarations: Vec::new(),
            steps,
        }
    }
}

/// The ordered steps of one action, with all that carrying them out needs. Immutable once decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Runbook {
    /// The format of this record.
    pub format: u32,
    /// What it is for.
    pub verb: Verb,
    /// The tenant.
    pub tenant: String,
    /// The application as it was declared when this was decided.
    pub application: Recorded,
    /// Where it acts.
    pub site: SiteRef,
    /// The vault.
    pub vault: VaultRef,
    /// The moment whose vault is read, where not the present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
    /// The further vaults of the policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<CopyRef>,
    /// The point that is made or restored: a ULID.
    pub point: String,
    /// The epoch under which it acts.
    pub epoch: u64,
    /// Whether the point holds only some of the application's components.
    #[serde(default)]
    pub partial: bool,
    /// The declarations that go into the seal, with their managers.
    #[serde(default)]
    pub declarations: Vec<serde_json::Value>,
    /// The steps.
    pub steps: Vec<Step>,
}

impl Runbook {
    /// A further vault.
    #[must_use]
    pub fn copy(&self, vault: &str) -> Option<&CopyRef> {
        self.copies.iter().find(|copy| copy.vault.name == vault)
    }

    /// The application's name.
    #[must_use]
    pub const fn name(&self) -> &Name {
        self.application.0.name()
    }

    /// The application. `None` for a record that holds something else in its place.
    #[must_use]
    pub const fn application(&self) -> Option<&Application> {
        match &self.application.0.spec {
            Spec::Application(application) => Some(application),
            _ => None,
        }
    }

    /// A component of the application.
    #[must_use]
    pub fn component(&self, name: &str) -> Option<&Component> {
        self.application()?
            .components
            .iter()
            .find(|component| *component.name == *name)
    }

    /// The runbook for people: one line a step.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "{} {} at site {} ({}), point {}, vault {}\n",
            self.verb,
            self.name(),
            self.site.name,
            self.site.root,
            self.point,
            self.vault.name
        );
        for (number, step) in (1..).zip(&self.steps) {
            text.push_str(&format!("  {number:>2}. {}\n", step.text()));
        }
        text
    }
}

impl fmt::Display for Runbook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}
