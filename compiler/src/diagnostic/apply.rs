//! Sources with their fixes carried out.

use super::edit::{Edit, edits};
use super::shown::Lines;
use crate::source::Sources;
use dram_fields::Diagnostic;
use std::collections::BTreeMap;
use std::fmt;

/// A fix that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The source, by its path.
    pub path: String,
    /// The line, counted from 1, as the text was before.
    pub line: usize,
    /// The column, counted from 1, in characters.
    pub column: usize,
    /// The code of the finding.
    pub code: &'static str,
    /// What was done.
    pub why: String,
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            column,
            code,
            why,
        } = self;
        write!(f, "{path}:{line}:{column}: {code}: {why}")
    }
}

/// Carries out all fixes that do not collide; of those that do, the first in the text.
#[must_use]
pub fn apply(sources: &Sources, findings: &[Diagnostic]) -> (Sources, Vec<Applied>) {
    let mut lines: BTreeMap<u32, Lines> = BTreeMap::new();
    let mut accepted: Vec<Edit> = Vec::new();
    let mut applied = Vec::new();
    for finding in findings {
        let Some(fix) = &finding.fix else { continue };
        let Some(wanted) = edits(sources, fix) else { continue };
        if wanted
            .iter()
            .any(|edit| accepted.iter().any(|other| edit.collides(other)))
        {
            continue;
        }
        applied.extend(told(sources, &mut lines, finding, &fix.why, &wanted));
        accepted.extend(wanted);
    }
    accepted.sort();
    (changed(sources, &accepted), applied)
}

fn told(
    sources: &Sources,
    lines: &mut BTreeMap<u32, Lines>,
    finding: &Diagnostic,
    why: &str,
    edits: &[Edit],
) -> Option<Applied> {
    let span = edits.first()?.span;
    let source = sources.get(span.source)?;
    let lines = lines.entry(span.source).or_insert_with(|| Lines::of(&source.text));
    let (line, column) = lines.line_and_column(&source.text, span.start as usize);
    Some(Applied {
        path: source.path.clone(),
        line,
        column,
        code: finding.code.id,
        why: why.to_owned(),
    })
}

/// The sources with edits made that are in order and do not collide.
fn changed(sources: &Sources, edits: &[Edit]) -> Sources {
    let one = |(index, source): (u32, &crate::source::Source)| {
        let mut text = String::with_capacity(source.text.len());
        let mut at = 0;
        for edit in edits.iter().filter(|edit| edit.span.source == index) {
            text.push_str(source.text.get(at..edit.span.start as usize).unwrap_or_default());
            text.push_str(&edit.text);
            at = edit.span.end as usize;
        }
        text.push_str(source.text.get(at..).unwrap_or_default());
        (source.path.clone(), text)
    };
    sources.iter().map(one).collect()
}
