//! Findings: their codes, and how they are shown to people and to programs.

mod codes;
mod json;
mod shown;
mod text;

pub use codes::{all_codes, code, codes as compiler_codes};
pub use dram_fields::{Code, Diagnostic, Severity};
pub use json::to_json;
pub use text::render;

/// Sorts findings by place, so that a person reads them from top to bottom.
pub fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by_key(|finding| (finding.span, finding.code.id));
}

/// Whether any finding is an error.
#[must_use]
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|finding| finding.severity == Severity::Error)
}
