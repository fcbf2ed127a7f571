//! What each command does.

use crate::Exit;
use crate::arguments::{
    Arguments, Command, Format, GraphFormat, GraphOf, Input, ListFormat, ModelFormat, SchemaFormat, SchemaOf, Target,
};
use crate::files::{self, FileError};
use crate::{fmt, init};
use clap::CommandFactory;
use dram_compiler::backend::{json, terraform};
use dram_compiler::blueprint::blueprint;
use dram_compiler::check::{Checked, check, repair, with_observed};
use dram_compiler::diagnostic::{self, Diagnostic, Page, Severity, has_errors};
use dram_compiler::explained;
use dram_compiler::graph::{self, View};
use dram_compiler::model::Model;
use dram_compiler::profile;
use dram_compiler::prove::prove;
use dram_compiler::schema;
use dram_compiler::source::Sources;
use std::collections::BTreeSet;
use std::path::Path;

pub(crate) fn run(arguments: Arguments) -> Result<Exit, FileError> {
    let color = !arguments.no_color && files::shows_color();
    match arguments.command {
        Command::Check {
            input,
            format,
            fix: true,
        } => fix_command(&input, format, color),
        Command::Check {
            input,
            format,
            fix: false,
        } => {
            let sources = read(&input)?;
            told(&sources, &check(&sources), format, color)
        }
        Command::Prove {
            input,
            format,
            strict,
            observed,
        } => prove_command(&input, observed.as_deref(), format, strict, color),
        Command::Build { input, target, output } => build(&input, target, &output, color),
        Command::Init(flags) => init::run(*flags, color),
        Command::Graph { input, format, of } => graph(&input, format, of, color),
        Command::Fmt { input, check, stdout } => fmt::run(&input, fmt::Mode::of(check, stdout), color),
        Command::Schema {
            of: SchemaOf::Findings, ..
        } => files::print(&format!("{:#}\n", diagnostic::findings_schema())).map(|()| Exit::Done),
        Command::Schema {
            format: SchemaFormat::Json,
            ..
        } => files::print(&format!("{:#}\n", schema::json_schema())).map(|()| Exit::Done),
        Command::Schema {
            format: SchemaFormat::Markdown,
            ..
        } => files::print(&schema::reference()).map(|()| Exit::Done),
        Command::Profiles { name, format } => profiles(name.as_deref(), format),
        Command::ExplainModel { input, format } => explain_model(&input, format, color),
        Command::Explain { code, format } => explain(code.as_deref(), format),
        Command::Man { directory } => {
            let written = clap_mangen::generate_to(Arguments::command(), &directory);
            written
                .map(|()| Exit::Done)
                .map_err(|why| FileError::Write(directory, why))
        }
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "dramc", &mut text);
            files::print(&String::from_utf8_lossy(&text)).map(|()| Exit::Done)
        }
    }
}

/// Prints what a check found.
fn told(sources: &Sources, checked: &Checked, format: Format, color: bool) -> Result<Exit, FileError> {
    let Checked { model, diagnostics } = checked;
    match format {
        Format::Json => files::print(&format!("{:#}\n", diagnostic::to_json(sources, diagnostics)))?,
        Format::Sarif => files::print(&format!("{:#}\n", diagnostic::to_sarif(sources, diagnostics)))?,
        Format::Human => {
            files::complain(&diagnostic::render(sources, diagnostics, color));
            match model {
                Some(model) => files::print(&format!("{}\n", summary(model, diagnostics)))?,
                None => files::complain(&format!("{}\n", count(diagnostics))),
            }
        }
    }
    Ok(if model.is_some() { Exit::Done } else { Exit::Failed })
}

/// Corrects the files, says what was done, and then what is left.
fn fix_command(input: &Input, format: Format, color: bool) -> Result<Exit, FileError> {
    let reads_input = input.files.iter().any(|path| path == Path::new("-"));
    if reads_input && format != Format::Human {
        let message =
            "the corrected text of standard input goes to standard output: leave `--format` out, or name files";
        Arguments::command()
            .error(clap::error::ErrorKind::ArgumentConflict, message)
            .exit();
    }
    let sources = read(input)?;
    let repaired = repair(&sources);
    let mut written = BTreeSet::new();
    for ((_, before), (_, after)) in sources.iter().zip(repaired.sources.iter()) {
        if before.path == dram_files::STANDARD_INPUT {
            files::print(&after.text)?;
        } else if before.text != after.text && written.insert(before.path.as_str()) {
            files::replace(Path::new(&before.path), &before.text, &after.text)?;
        }
    }
    for applied in &repaired.applied {
        files::complain(&format!("fixed {applied}\n"));
    }
    if !reads_input {
        return told(&repaired.sources, &repaired.checked, format, color);
    }
    let findings = &repaired.checked.diagnostics;
    files::complain(&diagnostic::render(&repaired.sources, findings, color));
    Ok(if repaired.checked.model.is_some() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn read(input: &Input) -> Result<Sources, FileError> {
    Ok(dram_files::read(&input.files)?.into_iter().collect())
}

/// The model of the input; `None` after its errors were printed.
fn checked(input: &Input, color: bool) -> Result<(Sources, Option<Model>), FileError> {
    let sources = read(input)?;
    let Checked { model, diagnostics } = check(&sources);
    if model.is_none() {
        files::complain(&diagnostic::render(&sources, &diagnostics, color));
        files::complain(&format!("{}\n", count(&diagnostics)));
    }
    Ok((sources, model))
}

fn prove_command(
    input: &Input,
    observed: Option<&Path>,
    format: Format,
    strict: bool,
    color: bool,
) -> Result<Exit, FileError> {
    let sources = read(input)?;
    let Checked { model, mut diagnostics } = check(&sources);
    let model = match (model, observed) {
        (Some(model), Some(figures)) => {
            let figures: Sources = dram_files::read(&[figures.to_owned()])?.into_iter().collect();
            match with_observed(model, &figures) {
                Ok(model) => Some(model),
                Err(findings) => return not_to_read(&figures, &findings, format, color),
            }
        }
        (model, _) => model,
    };
    let report = model.as_ref().map(|model| (model, prove(model)));
    let Some((model, report)) = &report else {
        return not_to_read(&sources, &diagnostics, format, color);
    };
    match format {
        // One run of everything: what the check finds, and what the proof adds.
        Format::Sarif => {
            diagnostics.extend(report.diagnostics(model));
            diagnostic::sort(&mut diagnostics);
            files::print(&format!("{:#}\n", diagnostic::to_sarif(&sources, &diagnostics)))?;
        }
        Format::Json => files::print(&format!("{:#}\n", report.to_json()))?,
        Format::Human => {
            files::print(&report.to_text())?;
            files::complain(&diagnostic::render(&sources, &report.diagnostics(model), color));
        }
    }
    let refused = report.fails() || (strict && report.is_unproven());
    Ok(if refused { Exit::Refused } else { Exit::Done })
}

/// What keeps a proof from being made.
fn not_to_read(sources: &Sources, findings: &[Diagnostic], format: Format, color: bool) -> Result<Exit, FileError> {
    if format == Format::Sarif {
        files::print(&format!("{:#}\n", diagnostic::to_sarif(sources, findings)))?;
    } else {
        files::complain(&diagnostic::render(sources, findings, color));
        files::complain(&format!("{}\n", count(findings)));
    }
    Ok(Exit::Failed)
}

fn explain_model(input: &Input, format: ModelFormat, color: bool) -> Result<Exit, FileError> {
    let (_, Some(model)) = checked(input, color)? else {
        return Ok(Exit::Failed);
    };
    let filled = explained::fill(&model);
    match format {
        ModelFormat::Yaml => files::print(&explained::to_text(&filled))?,
        ModelFormat::Json => files::print(&format!("{:#}\n", explained::to_json(&filled)))?,
    }
    Ok(Exit::Done)
}

fn build(input: &Input, target: Target, output: &Path, color: bool) -> Result<Exit, FileError> {
    let (sources, Some(model)) = checked(input, color)? else {
        return Ok(Exit::Failed);
    };
    let report = prove(&model);
    if report.fails() {
        files::complain(&diagnostic::render(&sources, &report.diagnostics(&model), color));
        files::complain("nothing is built while an objective does not hold\n");
        return Ok(Exit::Refused);
    }
    let artifacts = match target {
        Target::Terraform => terraform::build(&blueprint(&model).commented(&sources)),
        Target::Json => json::build(&model),
    };
    files::write(output, &artifacts)?;
    for name in artifacts.keys() {
        files::print(&format!("{}\n", output.join(name).display()))?;
    }
    Ok(Exit::Done)
}

fn graph(input: &Input, format: GraphFormat, of: Option<GraphOf>, color: bool) -> Result<Exit, FileError> {
    let (_, Some(model)) = checked(input, color)? else {
        return Ok(Exit::Failed);
    };
    let graph = graph::graph(
        &model,
        match of {
            None => View::Whole,
            Some(GraphOf::Applications) => View::Applications,
            Some(GraphOf::Sites) => View::Sites,
            Some(GraphOf::Waves) => View::Waves,
        },
    );
    let text = match format {
        GraphFormat::Mermaid => graph::mermaid(&graph),
        GraphFormat::Dot => graph::dot(&graph),
    };
    files::print(&text).map(|()| Exit::Done)
}

fn profiles(name: Option<&str>, format: ListFormat) -> Result<Exit, FileError> {
    let Some(name) = name else {
        let text = match format {
            ListFormat::Text => profile::listed(),
            ListFormat::Markdown => profile::reference(),
        };
        return files::print(&text).map(|()| Exit::Done);
    };
    match profile::built_in().iter().find(|built_in| built_in.name == name) {
        Some(built_in) => files::print(built_in.text).map(|()| Exit::Done),
        None => {
            files::complain(&format!(
                "error: no profile `{name}` is built in\nhelp: `dramc profiles` lists those that are\n"
            ));
            Ok(Exit::Failed)
        }
    }
}

fn explain(id: Option<&str>, format: ListFormat) -> Result<Exit, FileError> {
    let Some(id) = id else {
        if format == ListFormat::Markdown {
            return files::print(&diagnostic::index()).map(|()| Exit::Done);
        }
        let lines: Vec<String> = diagnostic::all_codes()
            .into_iter()
            .map(|code| format!("{}  {}\n", code.id, code.title))
            .collect();
        return files::print(&lines.concat()).map(|()| Exit::Done);
    };
    match diagnostic::code(id) {
        Some(code) => {
            let page = Page::of(code);
            let text = match format {
                ListFormat::Text => page.for_a_terminal(),
                ListFormat::Markdown => page.for_a_reader(),
            };
            files::print(&text).map(|()| Exit::Done)
        }
        None => {
            files::complain(&format!(
                "error: `{id}` is not a code\nhelp: `dramc explain` lists all of them\n"
            ));
            Ok(Exit::Failed)
        }
    }
}

fn summary(model: &Model, diagnostics: &[Diagnostic]) -> String {
    let number = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let mut text = format!(
        "the model holds: {}, {}, {}, {}, {}",
        number(model.applications().len(), "application", "applications"),
        number(model.policies().len(), "policy", "policies"),
        number(model.sites().len(), "site", "sites"),
        number(model.vaults().len(), "vault", "vaults"),
        number(model.plans().len(), "recovery plan", "recovery plans"),
    );
    if !has_errors(diagnostics) && !diagnostics.is_empty() {
        text.push_str(&format!(" ({})", count(diagnostics)));
    }
    text
}

fn count(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .count();
    let warnings = diagnostics.len() - errors;
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    match (errors, warnings) {
        (errors, 0) => plural(errors, "error"),
        (0, warnings) => plural(warnings, "warning"),
        (errors, warnings) => format!("{}, {}", plural(errors, "error"), plural(warnings, "warning")),
    }
}
