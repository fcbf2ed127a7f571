//! A Terraform module that a person would be glad to review, laid out as `terraform fmt` would.

use super::Artifacts;
use crate::blueprint::{Blueprint, Resource};
use crate::model::{KindName, Metadata};
use dram_fields::write::hcl::{Body, Value, body, quote};
use dram_fields::{Block, Data, Field, Node, Shape};
use std::collections::BTreeMap;

/// Where the provider is found, and from which version on it knows this language.
const SOURCE: &str = "dram-dev/dram";
const VERSION: &str = concat!(">= ", env!("CARGO_PKG_VERSION"));

/// The module's files: `main.tf`, `variables.tf`, `outputs.tf`, `versions.tf`.
#[must_use]
pub fn build(blueprint: &Blueprint<'_>) -> Artifacts {
    Artifacts::from([
        ("main.tf".to_owned(), main(blueprint).render()),
        ("variables.tf".to_owned(), variables(blueprint).render()),
        ("outputs.tf".to_owned(), outputs(blueprint).render()),
        ("versions.tf".to_owned(), versions().render()),
    ])
}

fn versions() -> Body {
    let dram = Value::Object(vec![
        ("source".to_owned(), Value::Text(SOURCE.to_owned())),
        ("version".to_owned(), Value::Text(VERSION.to_owned())),
    ]);
    let terraform = Body::new()
        .attribute("required_version", Value::Text(">= 1.11".to_owned()))
        .block("required_providers", Body::new().attribute("dram", dram));
    Body::new().block("terraform", terraform)
}

fn variables(blueprint: &Blueprint<'_>) -> Body {
    let mut catalog = Body::new()
        .attribute(
            "description",
            Value::Text("Address of the catalog that keeps the declarations.".to_owned()),
        )
        .attribute("type", Value::Raw("string".to_owned()));
    if let Some(url) = &blueprint.catalog {
        catalog = catalog.attribute("default", Value::Text(url.clone()));
    }
    let engine = Body::new()
        .attribute(
            "description",
            Value::Text("The dram program that carries declarations out during the apply; null where `dram reconcile` is run by hand.".to_owned()),
        )
        .attribute("type", Value::Raw("string".to_owned()))
        .attribute("default", Value::Raw("null".to_owned()));
    Body::new()
        .block("variable \"catalog\"", catalog)
        .block("variable \"engine\"", engine)
}

fn outputs(blueprint: &Blueprint<'_>) -> Body {
    let mut out = Body::new();
    let applications: Vec<&Resource<'_>> = blueprint
        .resources
        .iter()
        .filter(|resource| resource.kind == KindName::Application)
        .collect();
    if !applications.is_empty() {
        let entries = applications
            .iter()
            .map(|resource| {
                (
                    resource.metadata.name.to_string(),
                    Value::Raw(format!("{}.worst_case_rpo_seconds", address(resource))),
                )
            })
            .collect();
        let body = Body::new()
            .attribute(
                "description",
                Value::Text("The most time whose changes may be lost, proved, by application.".to_owned()),
            )
            .attribute("value", Value::Object(entries));
        out = out.block("output \"worst_case_rpo_seconds\"", body);
    }
    out
}

fn main(blueprint: &Blueprint<'_>) -> Body {
    let engine = Body::new()
        .attribute(
            "for_each",
            Value::Raw("var.engine == null ? [] : [var.engine]".to_owned()),
        )
        .block(
            "content",
            Body::new().attribute("exec", Value::Raw("engine.value".to_owned())),
        );
    let provider = Body::new()
        .attribute("catalog", Value::Raw("var.catalog".to_owned()))
        .block("dynamic \"engine\"", engine);
    let mut out = Body::new()
        .comments(&blueprint.catalog_comments)
        .block("provider \"dram\"", provider);
    let built: BTreeMap<(KindName, &str), &Resource<'_>> = blueprint
        .resources
        .iter()
        .map(|resource| ((resource.kind, &*resource.metadata.name), resource))
        .collect();
    let reference = |field: &'static Field, name: &str| {
        let kind: KindName = field.refers?.parse().ok()?;
        built
            .get(&(kind, name))
            .map(|target| format!("{}.name", address(target)))
    };
    for resource in &blueprint.resources {
        let called = resource.metadata.encode().unwrap_or(Node::new(Data::Null));
        let content =
            body(Metadata::kind(), &called, &reference).extend(body(resource.kind.table(), &resource.spec, &reference));
        let head = format!(
            "resource {} {}",
            quote(resource.kind.terraform_type()),
            quote(&label(&resource.metadata.name))
        );
        out = out.comments(&resource.comments).block(head, content);
    }
    out
}

fn address(resource: &Resource<'_>) -> String {
    format!("{}.{}", resource.kind.terraform_type(), label(&resource.metadata.name))
}

/// The resource's label: its name; HCL's identifiers do not begin with a digit.
fn label(name: &str) -> String {
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        format!("_{name}")
    } else {
        name.to_owned()
    }
}
