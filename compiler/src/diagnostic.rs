//! Findings: their codes, and how they are shown to people and to programs.

mod apply;
mod codes;
mod edit;
mod json;
mod page;
mod sarif;
mod shown;
mod text;

pub use apply::{Applied, apply};
pub use codes::{all_codes, code, codes as compiler_codes};
pub use dram_fields::{Code, Diagnostic, Severity};
pub use edit::{Edit, edits, keep_feasible};
pub use json::{findings_schema, to_json};
pub use page::{Example, Page, SHOP, index};
pub use sarif::to_sarif;
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
