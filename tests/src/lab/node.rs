//! Programs of npm: what editors and web pages use to read what the compiler writes.

use std::path::PathBuf;

use super::Recipe;
use super::system::{debian_all, needed, unhurried};
use crate::call::Call;
use crate::error::Result;

/// The server that editors ask about YAML.
const YAML_SERVER: (&str, &[&str]) = ("yaml-language-server", &["yaml-language-server@1.25.0"]);
/// What draws flowcharts in Markdown, and the page that it needs around it.
const MERMAID: (&str, &[&str]) = ("mermaid", &["mermaid@11.17.2", "jsdom@26.1.0"]);

/// Reads a flowchart from the standard input, and fails with the parser's words.
const PARSE: &str = "import { JSDOM } from 'jsdom';
const page = new JSDOM('');
globalThis.window = page.window;
globalThis.document = page.window.document;
const { default: mermaid } = await import('mermaid');
let text = '';
for await (const part of process.stdin) text += part;
const found = await mermaid.parse(text);
console.log(found.diagramType);
";

/// The YAML language server, to be spoken to over its standard streams.
///
/// # Errors
/// There is no Node, or it cannot be installed here.
pub fn yaml_language_server() -> Result<Call> {
    let folder = installed(YAML_SERVER)?;
    let program = folder.join("node_modules/yaml-language-server/bin/yaml-language-server");
    Ok(Call::new("node").arg(program).arg("--stdio"))
}

/// Mermaid's parser, which reads a picture from its standard input and prints what kind it is.
///
/// # Errors
/// There is no Node, or it cannot be installed here.
pub fn mermaid() -> Result<Call> {
    let folder = installed(MERMAID)?;
    Ok(Call::new("node")
        .arg("--input-type=module")
        .arg("--eval")
        .arg(PARSE)
        .dir(folder))
}

/// The folder with packages, installed if need be. None of their scripts runs.
fn installed((name, packages): (&str, &[&str])) -> Result<PathBuf> {
    debian_all(name, &["nodejs", "npm"], &["node", "npm"])?;
    Recipe::new(name, packages.join(" ")).made(|folder| {
        let words = [
            "install",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--no-save",
            "--prefix",
        ];
        needed(
            name,
            unhurried("npm").args(words).arg(folder).args(packages).dir(folder),
        )?;
        Ok(())
    })
}
