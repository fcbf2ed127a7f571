//! The derive behind `dram-fields`: from a plain struct or enum with doc comments it makes the tables and the decoder.
//!
//! - A struct becomes a block: `Shape` and `Block`, and a constant for each field (`Schedule::EVERY`).
//! - An enum of units becomes a set of words.
//! - Any other enum becomes a choice, whose variants stand as fields of the block that holds it.
//!
//! Options of a field, in `#[field(…)]`: `one_of`, `default = expr`, `key = "name"`, `block = "component"`,
//! `refers = "RecoverySite"`, `min = 1`, `max = 1`. Of a type, in `#[fields(…)]`: `secret`.

mod attributes;
mod choice;
mod names;
mod structure;
mod words;

use proc_macro::TokenStream;
use syn::{Data, DeriveInput, Error, Fields, parse_macro_input};

/// Makes tables and decoder of a type of the language.
#[proc_macro_derive(Fields, attributes(field, fields))]
pub fn fields(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(Error::into_compile_error).into()
}

fn expand(input: &DeriveInput) -> syn::Result<proc_macro2::TokenStream> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => structure::expand(input, fields.named.iter()),
            Fields::Unit => structure::expand(input, std::iter::empty()),
            Fields::Unnamed(_) => Err(Error::new_spanned(input, "a block has named fields")),
        },
        Data::Enum(data)
            if data
                .variants
                .iter()
                .all(|variant| matches!(variant.fields, Fields::Unit)) =>
        {
            words::expand(input, data)
        }
        Data::Enum(data) => choice::expand(input, data),
        Data::Union(_) => Err(Error::new_spanned(input, "the language has no unions")),
    }
}
