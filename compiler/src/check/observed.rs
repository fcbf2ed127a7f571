//! Reads what was observed of a model, and puts it in the place of the model's hints.

use super::secret_words;
use crate::diagnostic::{Diagnostic, compiler_codes as codes};
use crate::model::{Model, Observed};
use crate::source::Sources;
use crate::syntax::parse;

/// The model with what was observed, from files of figures such as `dram report` writes.
///
/// # Errors
/// Everything that is wrong with the files, at its place in `sources`.
pub fn with_observed(mut model: Model, sources: &Sources) -> Result<Model, Vec<Diagnostic>> {
    let mut diagnostics = Vec::new();
    for document in parse(&secret_words(), sources, &mut diagnostics) {
        if document.broken {
            continue;
        }
        let decoded = dram_fields::decode::<Observed>(document.root);
        diagnostics.extend(decoded.diagnostics);
        let Some(observed) = decoded.value else { continue };
        // A model is given back only when nothing is wrong.
        match model.clone().with(&observed, &decoded.source) {
            Ok(better) => model = better,
            Err(unknown) => diagnostics.extend(unknown.into_iter().map(|unknown| {
                let message = format!(
                    "{} `{}` is observed, and the model does not declare it",
                    unknown.what, unknown.name
                );
                Diagnostic::error(codes::UNRESOLVED, unknown.span, message)
                    .help("take it out of the figures, or prove the model that they were taken from")
            })),
        }
    }
    if diagnostics.is_empty() {
        Ok(model)
    } else {
        Err(diagnostics)
    }
}
