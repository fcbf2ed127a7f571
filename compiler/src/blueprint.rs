//! The target-neutral graph of resources: what is declared, in an order in which it can be built, with its references.

use crate::model::{
    Application, ApplicationChoice, Applications, KindName, Metadata, Model, Name, RecoveryPlan, ReplicationPair, Spec,
    references,
};
use dram_fields::{Data, Entry, Field, Node, Shape};

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
    /// What it is called. Its name is unique in the kind.
    pub metadata: Metadata,
    /// What was written of it, with names in the place of labels that chose them: a target knows no labels of what it
    /// does not hold.
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
                .written(kind, declaration.name())
                .cloned()
                .unwrap_or_else(|| declaration.spec.encode());
            let spec = with_names(model, declaration.name(), &declaration.spec, spec);
            let references = references(kind.table(), &spec)
                .into_iter()
                .map(|reference| (reference.kind, reference.name))
                .collect();
            Resource {
                kind,
                metadata: declaration.metadata,
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

/// What labels chose, by name.
fn with_names(model: &Model, name: &Name, spec: &Spec, written: Node) -> Node {
    let names = |choice: &Applications| match choice.choice {
        ApplicationChoice::Names(_) => None,
        ApplicationChoice::Labels(_) => {
            let names: Vec<Name> = model.chosen_by(choice).into_iter().cloned().collect();
            let names = Entry::new(ApplicationChoice::NAMES.name, names.encode()?);
            Some(Node::new(Data::Map(vec![names])))
        }
    };
    let chosen = match spec {
        Spec::Application(application) if application.policy.is_none() => {
            let policy = model.policy_of(name).and_then(|(policy, _)| policy.encode());
            policy.map(|policy| (Application::POLICY, policy))
        }
        Spec::ReplicationPair(pair) => names(&pair.applications).map(|names| (ReplicationPair::APPLICATIONS, names)),
        Spec::RecoveryPlan(plan) => names(&plan.applications).map(|names| (RecoveryPlan::APPLICATIONS, names)),
        Spec::Catalog(_)
        | Spec::RecoverySite(_)
        | Spec::Vault(_)
        | Spec::ProtectionPolicy(_)
        | Spec::Profile(_)
        | Spec::Application(_) => None,
    };
    match chosen {
        Some((field, value)) => with_field(written, field, value),
        None => written,
    }
}

/// The same block with another value of a field.
fn with_field(block: Node, field: &'static Field, value: Node) -> Node {
    let Data::Map(mut entries) = block.data else {
        return block;
    };
    match entries.iter_mut().find(|entry| entry.name == field.name) {
        Some(entry) => entry.value = value,
        None => entries.push(Entry::new(field.name, value)),
    }
    Node {
        data: Data::Map(entries),
        span: block.span,
    }
}
