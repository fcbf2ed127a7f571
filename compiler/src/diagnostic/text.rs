//! Findings for people: an excerpt with the place underlined, and the way out.

use crate::source::Sources;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use dram_fields::{Diagnostic, Severity, Span, path_text};
use std::ops::Range;

/// Renders findings with excerpts of their sources. Literals where a secret belongs are hidden in every excerpt.
#[must_use]
pub fn render(sources: &Sources, diagnostics: &[Diagnostic], color: bool) -> String {
    let masked = mask_secrets(sources, diagnostics);
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for finding in diagnostics {
        out.push_str(&one(&masked, finding, &renderer));
        out.push_str("\n\n");
    }
    out
}

fn one(sources: &Sources, finding: &Diagnostic, renderer: &Renderer) -> String {
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
        let Some(source) = sources.get(file) else { continue };
        let mut snippet = Snippet::source(source.text.as_str()).path(source.path.as_str());
        if finding.span.source == file {
            snippet = snippet.annotation(
                AnnotationKind::Primary.span(range(finding.span, &source.text)).label(finding.label.as_str()),
            );
        }
        for (span, label) in finding.related.iter().filter(|(span, _)| span.source == file) {
            snippet = snippet
                .annotation(AnnotationKind::Context.span(range(*span, &source.text)).label(label.as_str()));
        }
        group = group.element(snippet);
    }
    if !finding.span.is_some() && !finding.path.is_empty() {
        group = group.element(Level::NOTE.message(format!("at `{}`", path_text(&finding.path))));
    }
    if let Some(help) = &finding.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    renderer.render(&[group]).trim_end().to_owned()
}

/// The span as a range within the text, on character boundaries and at least one character where there is one.
fn range(span: Span, text: &str) -> Range<usize> {
    let start = text.floor_char_boundary((span.start as usize).min(text.len()));
    let end = text.ceil_char_boundary((span.end as usize).clamp(start, text.len()));
    start..end
}

/// The same sources with every masked place overwritten, byte for byte, so that positions stay true.
pub(super) fn mask_secrets(sources: &Sources, diagnostics: &[Diagnostic]) -> Sources {
    let mut masked = Sources::new();
    for (index, source) in sources.iter() {
        let mut text = source.text.clone();
        let places = diagnostics.iter().flat_map(|finding| &finding.masked).filter(|span| span.source == index);
        for span in places {
            let range = range(*span, &text);
            let stars: String = text
                .get(range.clone())
                .unwrap_or_default()
                .chars()
                .flat_map(|c| std::iter::repeat_n(if c == '\n' { '\n' } else { '*' }, c.len_utf8()))
                .collect();
            text.replace_range(range, &stars);
        }
        masked.add(source.path.as_str(), text);
    }
    masked
}
