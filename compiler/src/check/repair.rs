//! Checking and fixing in turns, until nothing more can be fixed.

use super::{Checked, check};
use crate::diagnostic::{Applied, Diagnostic, apply, compiler_codes as codes};
use crate::source::Sources;

/// More turns than any text needs: each turn fixes what the one before laid bare.
const TURNS: usize = 64;

/// What came of fixing sources.
#[derive(Debug)]
pub struct Repaired {
    /// The sources, fixed.
    pub sources: Sources,
    /// What was done, in order.
    pub applied: Vec<Applied>,
    /// What a check says of the fixed sources.
    pub checked: Checked,
}

/// Carries out every fix that findings carry, checks again, and goes on until none is left.
#[must_use]
pub fn repair(sources: &Sources) -> Repaired {
    let mut repaired = Repaired {
        checked: check(sources),
        sources: sources.clone(),
        applied: Vec::new(),
    };
    for _ in 0..TURNS {
        let (sources, applied) = apply(&repaired.sources, &repaired.checked.diagnostics);
        if applied.is_empty() {
            break;
        }
        let checked = check(&sources);
        // No fix is worth a text that cannot be read any more.
        if unreadable(&checked.diagnostics) > unreadable(&repaired.checked.diagnostics) {
            break;
        }
        repaired.applied.extend(applied);
        repaired.sources = sources;
        repaired.checked = checked;
    }
    repaired
}

fn unreadable(findings: &[Diagnostic]) -> usize {
    let of_the_reader =
        |finding: &&Diagnostic| [codes::SYNTAX.id, codes::UNSUPPORTED_YAML.id].contains(&finding.code.id);
    findings.iter().filter(of_the_reader).count()
}
