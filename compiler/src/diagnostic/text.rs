//! Findings for people: an excerpt with the place underlined, and the way out.

use super::edit::{Edit, edits};
use super::shown::{Shown, shown};
use crate::source::Sources;
use annotate_snippets::{AnnotationKind, Group, Level, Patch, Renderer, Snippet};
use dram_fields::{Diagnostic, Severity, path_text};
use std::ops::Range;

/// Renders findings with excerpts of their sources. Literals where a secret belongs are hidden in every excerpt.
#[must_use]
pub fn render(sources: &Sources, diagnostics: &[Diagnostic], color: bool) -> String {
    let shown = shown(sources, diagnostics);
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for finding in diagnostics {
        let fix = finding.fix.as_ref().and_then(|fix| Some((fix, edits(sources, fix)?)));
        let help = finding.help.as_deref();
        let groups = match &fix {
            Some((fix, edits)) => vec![
                one(&shown, finding, None),
                patched(&shown, help.unwrap_or(&fix.why), edits),
            ],
            None => vec![one(&shown, finding, help)],
        };
        out.push_str(renderer.render(&groups).trim_end());
        out.push_str("\n\n");
    }
    out
}

fn one<'a>(sources: &'a [Shown], finding: &'a Diagnostic, help: Option<&'a str>) -> Group<'a> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(finding.message.as_str()).id(finding.code.id));
    // Places in the same file share an excerpt; the finding's own file comes first.
    let mut files: Vec<u32> = Vec::new();
    let places = std::iter::once(finding.span).chain(finding.related.iter().map(|(span, _)| *span));
    for span in places.filter(|span| span.is_some()) {
        if !files.contains(&span.source) {
            files.push(span.source);
        }
    }
    for file in files {
        let Some(source) = source(sources, file) else { continue };
        let own = (finding.span, finding.label.as_str(), AnnotationKind::Primary);
        let related = finding
            .related
            .iter()
            .map(|(span, label)| (*span, label.as_str(), AnnotationKind::Context));
        let (ranges, notes): (Vec<Range<usize>>, Vec<_>) = std::iter::once(own)
            .chain(related)
            .filter(|(span, ..)| span.source == file)
            .map(|(span, label, kind)| (source.range(span), (label, kind)))
            .unzip();
        // Only the lines between the places: an excerpt costs what it shows, not what the file holds.
        let (line, start, text) = source.around(&ranges);
        let mut snippet = Snippet::source(text).line_start(line).path(source.path.as_str());
        for (range, (label, kind)) in ranges.into_iter().zip(notes) {
            snippet = snippet.annotation(kind.span(range.start - start..range.end - start).label(label));
        }
        group = group.element(snippet);
    }
    if !finding.span.is_some() && !finding.path.is_empty() {
        group = group.element(Level::NOTE.message(format!("at `{}`", path_text(&finding.path))));
    }
    match help {
        Some(help) => group.element(Level::HELP.message(help)),
        None => group,
    }
}

/// The text as it would be.
fn patched<'a>(sources: &'a [Shown], title: &'a str, edits: &[Edit]) -> Group<'a> {
    let mut group = Group::with_title(Level::HELP.secondary_title(title));
    let mut files: Vec<u32> = edits.iter().map(|edit| edit.span.source).collect();
    files.dedup();
    for file in files {
        let Some(source) = source(sources, file) else { continue };
        let of_file: Vec<&Edit> = edits.iter().filter(|edit| edit.span.source == file).collect();
        let ranges: Vec<Range<usize>> = of_file.iter().map(|edit| source.range(edit.span)).collect();
        let (line, start, text) = source.around(&ranges);
        let mut snippet = Snippet::source(text).line_start(line).path(source.path.as_str());
        for (range, edit) in ranges.into_iter().zip(of_file) {
            snippet = snippet.patch(Patch::new(range.start - start..range.end - start, edit.text.clone()));
        }
        group = group.element(snippet);
    }
    group
}

fn source(sources: &[Shown], file: u32) -> Option<&Shown> {
    usize::try_from(file).ok().and_then(|file| sources.get(file))
}
