//! The target-neutral graph of resources: what is declared, in an order in which it can be built, with its references.

use crate::check::secret_words;
use crate::model::{
    Application, ApplicationChoice, Applications, KindName, Metadata, Model, Name, RecoveryPlan, ReplicationPair, Spec,
    references,
};
use crate::source::Sources;
use crate::syntax::{Before, comments_before};
use dram_fields::{Data, Entry, Field, Node, Shape};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A graph of resources. Resources stand after those that they refer to.
#[derive(Debug, Clone)]
pub struct Blueprint<'m> {
    /// Address of the catalog, when the model says it.
    pub catalog: Option<String>,
    /// Lines of comments about the catalog.
    pub catalog_comments: Vec<String>,
    /// The resources.
    pub resources: Vec<Resource<'m>>,
}

/// One resource.
#[derive(Debug, Clone)]
pub struct Resource<'m> {
    /// Its kind.
    pub kind: KindName,
    /// What it is called. Its name is unique in the kind.
    pub metadata: Metadata,
    /// What was written of it, with names in the place of labels that chose them: a target knows no labels of what it
    /// does not hold.
    pub spec: Cow<'m, Node>,
    /// What it refers to.
    pub references: Vec<(KindName, String)>,
    /// Lines of comments about it.
    pub comments: Vec<String>,
}

impl Blueprint<'_> {
    /// The same with the comments that stand before declarations in the texts from which the model was read.
    #[must_use]
    pub fn commented(mut self, sources: &Sources) -> Self {
        let words = secret_words();
        let mut comments: BTreeMap<(KindName, String), Vec<String>> = BTreeMap::new();
        for (_, source) in sources.iter() {
            for Before { kind, name, lines } in comments_before(&words, &source.text) {
                if let Ok(kind) = kind.parse() {
                    comments.insert((kind, name), lines);
                }
            }
        }
        for resource in &mut self.resources {
            let key = (resource.kind, resource.metadata.name.to_string());
            resource.comments = comments.remove(&key).unwrap_or_default();
        }
        // There is one at most.
        let catalog = comments.into_iter().find(|((kind, _), _)| *kind == KindName::Catalog);
        self.catalog_comments = catalog.map(|(_, lines)| lines).unwrap_or_default();
        self
    }
}

/// The blueprint of a model. Its order depends on names alone, not on files or their order.
#[must_use]
pub fn blueprint(model: &Model) -> Blueprint<'_> {
    let resources = model
        .declarations()
        .filter(|declaration| declaration.kind() != KindName::Catalog)
        .map(|declaration| {
            let kind = declaration.kind();
            let spec = model
                .written(kind, declaration.name())
                .map_or_else(|| Cow::Owned(declaration.spec.encode()), Cow::Borrowed);
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
                comments: Vec::new(),
            }
        })
        .collect();
    Blueprint {
        catalog: model.catalog().map(|catalog| catalog.url.to_string()),
        catalog_comments: Vec::new(),
        resources,
    }
}

/// What labels chose, by name.
fn with_names<'m>(model: &'m Model, name: &Name, spec: &Spec, written: Cow<'m, Node>) -> Cow<'m, Node> {
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
        Some((field, value)) => Cow::Owned(with_field(written.into_owned(), field, value)),
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
