//! The reference pages of the provider, in the layout that registries read, written from the schemas.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use crate::function::{Function, functions};
use crate::resource::Provider;
use crate::schema::{Attribute, Block, Giver, NestedBlock, Nesting};
use crate::value::Type;

/// Why the pages are not written.
#[derive(Debug, thiserror::Error)]
pub enum DocsError {
    /// An example cannot be read.
    #[error("the example `{file}` cannot be read: {source}")]
    Example {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A page cannot be written.
    #[error("the page `{file}` cannot be written: {source}")]
    Page {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Writes `docs/index.md`, `docs/resources/*.md` and `docs/functions/*.md` below `project`, with the examples that lie in `examples/` there.
///
/// # Errors
/// If an example cannot be read or a page cannot be written.
pub fn write(project: &Path) -> Result<(), DocsError> {
    let examples = project.join("examples");
    let example = |file: &str| {
        let file = examples.join(file);
        match std::fs::read_to_string(&file) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(DocsError::Example { file, source }),
        }
    };
    for (name, text) in pages(example)? {
        let file = project.join("docs").join(name);
        let written = file
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&file, text));
        written.map_err(|source| DocsError::Page { file, source })?;
    }
    Ok(())
}

/// Every page with its name below `docs/`. `example` gives an example by its name below `examples/`, where there is one.
fn pages<E>(example: impl Fn(&str) -> Result<Option<String>, E>) -> Result<Vec<(String, String)>, E> {
    let provider = Provider::new();
    let schemas = provider.schemas();
    let mut pages = vec![(
        "index.md".to_owned(),
        page(
            "dram Provider",
            "dram Provider",
            &schemas.provider.block,
            example("provider/provider.tf")?,
            None,
        ),
    )];
    for (name, schema) in &schemas.resources {
        let usage = example(&format!("resources/{name}/resource.tf"))?;
        let import = example(&format!("resources/{name}/import.sh"))?
            .unwrap_or_else(|| format!("terraform import {name}.example example\n"));
        let short = name.trim_start_matches("dram_");
        let text = page(
            &format!("{name} Resource - dram"),
            &format!("{name} (Resource)"),
            &schema.block,
            usage,
            Some(import),
        );
        pages.push((format!("resources/{short}.md"), text));
    }
    for (name, function) in functions() {
        let usage = example(&format!("functions/{name}/function.tf"))?;
        pages.push((format!("functions/{name}.md"), function_page(&function, usage)));
    }
    Ok(pages)
}

fn function_page(function: &Function, usage: Option<String>) -> String {
    let Function {
        name,
        summary,
        description,
        ..
    } = function;
    let mut text = format!(
        "---\npage_title: \"{name} function - dram\"\nsubcategory: \"\"\ndescription: |-\n  {summary}\n---\n\n# function: {name}\n\n{description}\n"
    );
    if let Some(usage) = usage {
        let _ = write!(text, "\n## Example Usage\n\n```terraform\n{}\n```\n", usage.trim_end());
    }
    let parameters: Vec<String> = function
        .parameters
        .iter()
        .map(|parameter| format!("{} {}", parameter.name, type_name(&parameter.ty)))
        .collect();
    let _ = write!(
        text,
        "\n## Signature\n\n```text\n{name}({}) {}\n```\n\n## Arguments\n\n",
        parameters.join(", "),
        type_name(&function.returns)
    );
    for (number, parameter) in function.parameters.iter().enumerate() {
        let _ = writeln!(
            text,
            "{}. `{}` ({}) {}",
            number + 1,
            parameter.name,
            type_name(&parameter.ty),
            parameter.description
        );
    }
    text
}

fn page(title: &str, headline: &str, block: &Block, usage: Option<String>, import: Option<String>) -> String {
    let description = in_one_line(&block.description);
    let mut text = format!(
        "---\npage_title: \"{title}\"\nsubcategory: \"\"\ndescription: |-\n  {description}\n---\n\n# {headline}\n\n{}\n",
        block.description
    );
    if let Some(usage) = usage {
        let _ = write!(text, "\n## Example Usage\n\n```terraform\n{}\n```\n", usage.trim_end());
    }
    text.push_str("\n## Schema\n");
    let mut inner = Vec::new();
    members(
        &mut text,
        block,
        "",
        |text, group| text.push_str(&format!("\n### {group}\n\n")),
        &mut inner,
    );
    nested(&mut text, inner);
    if let Some(import) = import {
        text.push_str("\n## Import\n\nIt is imported by its name; the declaration's manager becomes this resource.\n");
        let _ = write!(text, "\n```shell\n{}\n```\n", import.trim_end());
    }
    text
}

/// A block that a page has yet to describe, and the way to it.
type Waiting<'b> = (String, &'b NestedBlock);

fn members<'b>(
    text: &mut String,
    block: &'b Block,
    place: &str,
    open: impl Fn(&mut String, &str),
    inner: &mut Vec<Waiting<'b>>,
) {
    for group in ["Required", "Optional", "Read-Only"] {
        let attributes: Vec<&Attribute> = block
            .attributes
            .iter()
            .filter(|attribute| group_of(attribute.giver) == group)
            .collect();
        let blocks: Vec<&NestedBlock> = block
            .blocks
            .iter()
            .filter(|nested| group_of_block(nested) == group)
            .collect();
        if attributes.is_empty() && blocks.is_empty() {
            continue;
        }
        open(text, group);
        for attribute in attributes {
            let ty = type_name(&attribute.ty);
            let _ = writeln!(
                text,
                "- `{}` ({ty}) {}",
                attribute.name,
                in_one_line(&attribute.description)
            );
        }
        for nested in blocks {
            let path = if place.is_empty() {
                nested.name.clone()
            } else {
                format!("{place}.{}", nested.name)
            };
            let _ = writeln!(
                text,
                "- `{}` ({}) {} (see [below for nested schema](#{}))",
                nested.name,
                nesting_name(nested.nesting),
                in_one_line(&nested.block.description),
                anchor(&path)
            );
            inner.push((path, nested));
        }
    }
}

fn nested(text: &mut String, waiting: Vec<Waiting<'_>>) {
    for (path, nested_block) in waiting {
        let _ = write!(
            text,
            "\n<a id=\"{}\"></a>\n### Nested Schema for `{path}`\n",
            anchor(&path)
        );
        let mut inner = Vec::new();
        let open = |text: &mut String, group: &str| text.push_str(&format!("\n{group}:\n\n"));
        members(text, &nested_block.block, &path, open, &mut inner);
        nested(text, inner);
    }
}

fn anchor(path: &str) -> String {
    format!("nestedblock--{}", path.replace('.', "--"))
}

fn group_of(giver: Giver) -> &'static str {
    match giver {
        Giver::Required => "Required",
        Giver::Optional | Giver::OptionalComputed => "Optional",
        Giver::Computed => "Read-Only",
    }
}

fn group_of_block(nested: &NestedBlock) -> &'static str {
    match nested.nesting {
        Nesting::Single { required: true } | Nesting::List { min: 1.., .. } => "Required",
        Nesting::Single { required: false } | Nesting::List { min: 0, .. } => "Optional",
    }
}

fn nesting_name(nesting: Nesting) -> String {
    match nesting {
        Nesting::Single { .. } => "Block".to_owned(),
        Nesting::List { min: 0, max: 0 } => "Block List".to_owned(),
        Nesting::List { min, max: 0 } => format!("Block List, Min: {min}"),
        Nesting::List { min: 0, max } => format!("Block List, Max: {max}"),
        Nesting::List { min, max } => format!("Block List, Min: {min}, Max: {max}"),
    }
}

fn type_name(ty: &Type) -> String {
    match ty {
        Type::Text => "String".to_owned(),
        Type::Number => "Number".to_owned(),
        Type::Bool => "Boolean".to_owned(),
        Type::Dynamic => "Dynamic".to_owned(),
        Type::List(of) => format!("List of {}", type_name(of)),
        Type::Set(of) => format!("Set of {}", type_name(of)),
        Type::Map(of) => format!("Map of {}", type_name(of)),
        Type::Tuple(_) => "Tuple".to_owned(),
        Type::Object { .. } => "Object".to_owned(),
    }
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<(String, String)> {
        let example = |name: &str| Ok::<_, ()>(Some(format!("# {name}\n")));
        pages(example).unwrap()
    }

    #[test]
    fn there_is_a_page_for_everything_and_it_is_always_the_same() {
        let names: Vec<String> = all().into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "index.md",
                "resources/application.md",
                "resources/protection_policy.md",
                "resources/recovery_plan.md",
                "resources/recovery_site.md",
                "resources/replication_pair.md",
                "resources/vault.md",
                "functions/prove.md",
            ]
        );
        assert_eq!(all(), all());
    }

    #[test]
    fn a_page_has_the_sections_that_registries_read() {
        let (_, page) = all().swap_remove(1);
        let mut rest = page.as_str();
        for part in [
            "---\npage_title: \"dram_application Resource - dram\"\n",
            "\n# dram_application (Resource)\n",
            "\n## Example Usage\n\n```terraform\n# resources/dram_application/resource.tf\n```\n",
            "\n## Schema\n",
            "\n### Required\n\n- `name` (String) ",
            "- `component` (Block List, Min: 1) Its parts. (see [below for nested schema](#nestedblock--component))",
            "\n### Optional\n\n- `labels` (Map of String) ",
            "\n- `deletion_protection` (Boolean) ",
            "\n### Read-Only\n\n- `manager_id` (String) ",
            "\n<a id=\"nestedblock--component--host--dump\"></a>\n### Nested Schema for `component.host.dump`\n\nRequired:\n",
            "\n## Import\n",
            "\n```shell\n# resources/dram_application/import.sh\n```\n",
        ] {
            rest = rest
                .split_once(part)
                .unwrap_or_else(|| panic!("{part:?} is not in the rest:\n{rest}"))
                .1;
        }
    }

    #[test]
    fn every_anchor_that_is_pointed_at_exists() {
        for (name, page) in all() {
            for link in page.split("](#").skip(1) {
                let anchor = link.split(')').next().unwrap();
                assert!(page.contains(&format!("<a id=\"{anchor}\"></a>")), "{name}: {anchor}");
            }
            assert!(
                !page.contains("changeRate") && !page.contains("failureDomain"),
                "{name} speaks of documents"
            );
        }
    }
}
