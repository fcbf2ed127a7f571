//! The target-neutral graph of resources: what is declared, in an order in which it can be built, with its references.

use crate::model::{KindName, Model, Name, references};
use dram_fields::Node;

/// A graph of resources. Resources stand after those that they refer to.
#[derive(Debug, Clone)]
pub struct Blueprint {
    /// Address of the catalog, when the model says it.
    pub catalog: Option<String>,
    /// The resources.
    pub resources: Vec<Resource>,
}

/// One resource.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its kind.
    pub kind: KindName,
    /// Its name, unique in the kind.
    pub name: Name,
    /// What was written of it.
    pub spec: Node,
    /// What it refers to.
    pub references: Vec<(KindName, String)>,
}

/// The blueprint of a model. Its order depends on names alone, not on files or their order.
#[must_use]
pub fn blueprint(model: &Model) -> Blueprint {
    let resources = model
        .declarations()
        .filter(|declaration| declaration.kind() != KindName::Catalog)
        .map(|declaration| {
            let kind = declaration.kind();
            let spec = model
                .written(kind, &declaration.name)
                .cloned()
                .unwrap_or_else(|| declaration.spec.encode());
            let references = references(kind.table(), &spec)
                .into_iter()
                .map(|reference| (reference.kind, reference.name))
                .collect();
            Resource {
                kind,
                name: declaration.name,
                spec,
                references,
            }
        })
        .collect();
    Blueprint {
        catalog: model.catalog().map(|catalog| catalog.url.to_string()),
        resources,
    }
}
