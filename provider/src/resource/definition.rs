//! What each resource is, and its schema: the fields of its kind, and what only Terraform has.

use std::collections::BTreeMap;

use dram_compiler::model::{KindName, Metadata};
use dram_fields::{Block as _, Fields, Kind};

use super::settings;
use super::table;
use crate::schema::{Block, Giver, Schema};

/// What a user may say of any resource beside what is declared.
#[derive(Fields, Debug)]
pub(super) struct Settings {
    /// Whether destroying this resource, or replacing it, is refused when it is planned. To destroy it, set this to
    /// `false` and apply first.
    pub deletion_protection: Option<bool>,
}

/// What the provider says of any resource.
#[derive(Fields, Debug)]
pub(super) struct Observed {
    /// Identifies this resource as the manager of the declaration, so that two configurations do not undo each
    /// other's changes. Random; importing adopts the one of the record.
    pub manager_id: String,
    /// Whether an engine found that it can do what it is declared for.
    pub ready: bool,
    /// Why it is not ready, in words; empty when there is nothing to say.
    pub reason: String,
}

/// What the proof says of an application.
#[derive(Fields, Debug)]
pub(super) struct RecoveryPointProof {
    /// Whether the policy's recovery point objective holds in the worst case: `met`, `not met`, or `unproven` where an
    /// input of the proof is missing.
    pub verdict: String,
    /// The most time whose changes may be lost, in seconds, as far as the inputs tell.
    pub worst_case_rpo_seconds: u32,
}

/// What the proof says of a recovery plan.
#[derive(Fields, Debug)]
pub(super) struct RecoveryTimeProof {
    /// Whether the recovery time objectives of its applications hold at every target in the worst case: `met`,
    /// `not met`, or `unproven` where an input of the proof is missing. Null where no policy states an objective.
    pub verdict: String,
    /// The most time until its applications run again at any target, in seconds, as far as the inputs tell. Null where
    /// no policy states an objective.
    pub worst_case_rto_seconds: u32,
}

/// A resource.
#[derive(Debug)]
pub struct Definition {
    /// What it declares.
    pub kind: KindName,
    /// The fields of what it declares.
    pub declared: &'static Kind,
    /// What the proof says of it, if it proves anything.
    pub proof: Option<&'static Kind>,
    /// Whether deletion protection is on unless the user says otherwise: where data is held or named.
    pub protected: bool,
}

impl Definition {
    fn of(kind: KindName) -> Self {
        let (proof, protected) = match kind {
            KindName::Application => (Some(RecoveryPointProof::kind()), true),
            KindName::RecoveryPlan => (Some(RecoveryTimeProof::kind()), false),
            KindName::Vault => (None, true),
            KindName::Catalog
            | KindName::RecoverySite
            | KindName::ProtectionPolicy
            | KindName::Profile
            | KindName::ReplicationPair => (None, false),
        };
        Definition {
            kind,
            declared: kind.table(),
            proof,
            protected,
        }
    }

    /// All resources, by type.
    #[must_use]
    pub fn all() -> BTreeMap<String, Definition> {
        KindName::resources()
            .map(|kind| (kind.terraform_type().to_owned(), Definition::of(kind)))
            .collect()
    }

    /// What a person calls one of them: "application `shop`".
    #[must_use]
    pub fn title(&self, name: &str) -> String {
        format!("{} `{name}`", self.noun())
    }

    /// What a person calls it: "recovery plan".
    #[must_use]
    pub fn noun(&self) -> String {
        self.kind.terraform_type().trim_start_matches("dram_").replace('_', " ")
    }

    fn schema(&self) -> Schema {
        let mut block = table::block(self.declared);
        let mut named = table::block(Metadata::kind());
        for attribute in named.attributes.iter_mut().filter(|attribute| attribute.name == "name") {
            attribute.description.push_str(" Changing it replaces the resource.");
        }
        block.attributes.splice(0..0, named.attributes);
        let default = if self.protected { "true" } else { "false" };
        for mut attribute in table::block(Settings::kind()).attributes {
            attribute.giver = Giver::OptionalComputed;
            attribute.description.push_str(&format!(" Default: `{default}`."));
            block.attributes.push(attribute);
        }
        for kind in [Some(Observed::kind()), self.proof].into_iter().flatten() {
            for mut attribute in table::block(kind).attributes {
                attribute.giver = Giver::Computed;
                block.attributes.push(attribute);
            }
        }
        Schema { version: 0, block }
    }
}

/// Every schema of the provider.
#[derive(Debug)]
pub struct Schemas {
    /// Of the provider's own block.
    pub provider: Schema,
    /// Of each resource, by type.
    pub resources: BTreeMap<String, Schema>,
}

impl Schemas {
    /// The schemas of these resources.
    #[must_use]
    pub fn of(definitions: &BTreeMap<String, Definition>) -> Self {
        let provider = Schema {
            version: 0,
            block: Block {
                ..table::block(settings::ProviderBlock::kind())
            },
        };
        let resources = definitions
            .iter()
            .map(|(name, definition)| (name.clone(), definition.schema()))
            .collect();
        Schemas { provider, resources }
    }
}
