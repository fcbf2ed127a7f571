//! The checked model as one JSON document, everything filled in: for programs that read models.

use super::Artifacts;
use crate::model::{Declaration, KindName, Model};
use serde_json::Value;

/// `model.json`: an array of declarations in canonical spelling.
#[must_use]
pub fn build(model: &Model) -> Artifacts {
    let profiles = model.profiles().iter().map(|(name, profile)| Declaration {
        metadata: model.metadata(KindName::Profile, name),
        spec: profile.clone().into(),
    });
    let declarations: Value = model
        .declarations()
        .chain(profiles)
        .map(|declaration| declaration.to_json())
        .collect();
    Artifacts::from([("model.json".to_owned(), format!("{declarations:#}\n"))])
}
