//! Doc comments and options of a field.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Attribute, Error, Expr, ExprLit, Lit, LitInt, LitStr, Meta};

/// The doc comment as Markdown. A field of the language without one does not compile.
pub(crate) fn doc(attributes: &[Attribute], at: Span) -> syn::Result<String> {
    let mut lines = Vec::new();
    for attribute in attributes {
        if let Meta::NameValue(pair) = &attribute.meta
            && pair.path.is_ident("doc")
            && let Expr::Lit(ExprLit {
                lit: Lit::Str(text), ..
            }) = &pair.value
        {
            let text = text.value();
            lines.push(text.strip_prefix(' ').unwrap_or(&text).trim_end().to_owned());
        }
    }
    let doc = lines.join("\n").trim().to_owned();
    if doc.is_empty() {
        return Err(Error::new(at, "a field of the language needs a doc comment"));
    }
    Ok(doc)
}

/// The options in `#[field(…)]`.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) one_of: bool,
    pub(crate) default: Option<Expr>,
    key: Option<LitStr>,
    block: Option<LitStr>,
    refers: Option<LitStr>,
    min: Option<LitInt>,
    max: Option<LitInt>,
}

impl Options {
    pub(crate) fn read(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut options = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("field")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("one_of") {
                    options.one_of = true;
                } else if meta.path.is_ident("default") {
                    options.default = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("key") {
                    options.key = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("block") {
                    options.block = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("refers") {
                    options.refers = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("min") {
                    options.min = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("max") {
                    options.max = Some(meta.value()?.parse()?);
                } else {
                    return Err(meta.error("not an option of a field: one_of, default, key, block, refers, min, max"));
                }
                Ok(())
            })?;
        }
        Ok(options)
    }

    /// The `Field` of the tables, as a constant expression.
    pub(crate) fn field(&self, name: &str, doc: &str, ty: &TokenStream, required: &TokenStream) -> TokenStream {
        let text = |value: &Option<LitStr>| match value {
            Some(value) => quote!(::core::option::Option::Some(#value)),
            None => quote!(::core::option::Option::None),
        };
        let (key, block, refers) = (text(&self.key), text(&self.block), text(&self.refers));
        let number = |value: &Option<LitInt>| value.as_ref().map_or_else(|| quote!(0), |value| quote!(#value));
        let (min, max) = (number(&self.min), number(&self.max));
        let (default, required) = match &self.default {
            Some(value) => (
                quote! {::core::option::Option::Some(|| {
                    let value: #ty = #value;
                    ::dram_fields::Shape::encode(&value)
                        .unwrap_or(::dram_fields::Node::new(::dram_fields::Data::Null))
                })},
                quote!(false),
            ),
            // A list that needs an element must be given.
            None if self.min.is_some() => (quote!(::core::option::Option::None), quote!(true)),
            None => (quote!(::core::option::Option::None), required.clone()),
        };
        quote! {
            ::dram_fields::Field {
                name: #name,
                block: #block,
                key: #key,
                refers: #refers,
                doc: #doc,
                ty: <#ty as ::dram_fields::Shape>::TY,
                required: #required,
                default: #default,
                min: #min,
                max: #max,
            }
        }
    }
}

/// Whether `#[fields(secret)]` stands on the type.
pub(crate) fn is_secret(attributes: &[Attribute]) -> syn::Result<bool> {
    let mut secret = false;
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("fields"))
    {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("secret") {
                secret = true;
                Ok(())
            } else {
                Err(meta.error("not an option of a type: secret"))
            }
        })?;
    }
    Ok(secret)
}
