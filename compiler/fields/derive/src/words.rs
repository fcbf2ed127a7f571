//! An enum of units becomes a set of words.

use crate::attributes::doc;
use crate::names::separated;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{DataEnum, DeriveInput};

pub(crate) fn expand(input: &DeriveInput, data: &DataEnum) -> syn::Result<TokenStream> {
    let ident = &input.ident;
    let (mut words, mut idents, mut names) = (vec![], vec![], vec![]);
    for variant in &data.variants {
        let name = separated(&variant.ident.to_string(), '-', false);
        let doc = doc(&variant.attrs, variant.ident.span())?;
        words.push(quote!(::dram_fields::Word { name: #name, doc: #doc }));
        idents.push(&variant.ident);
        names.push(name);
    }
    let listed = names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    Ok(quote! {
        impl #ident {
            /// The word as it is written.
            #[must_use]
            pub const fn word(&self) -> &'static str {
                match self { #(Self::#idents => #names),* }
            }
        }

        impl ::dram_fields::Shape for #ident {
            const TY: ::dram_fields::Ty = ::dram_fields::Ty::Word(&[#(#words),*]);

            fn decode(
                node: &::dram_fields::Node,
                cx: &mut ::dram_fields::Cx<'_>,
            ) -> ::core::option::Option<Self> {
                let text = match &node.data {
                    ::dram_fields::Data::Text(text) => text.as_str(),
                    ::dram_fields::Data::Unknown => {
                        cx.unknown();
                        return ::core::option::Option::None;
                    }
                    _ => {
                        cx.wrong_shape(node, concat!("text (one of ", #listed, ")"));
                        return ::core::option::Option::None;
                    }
                };
                match text {
                    #(#names => ::core::option::Option::Some(Self::#idents),)*
                    _ => {
                        ::dram_fields::unknown_word(node, text, &[#(#names),*], cx);
                        ::core::option::Option::None
                    }
                }
            }

            fn encode(&self) -> ::core::option::Option<::dram_fields::Node> {
                ::core::option::Option::Some(::dram_fields::Node::text(self.word()))
            }
        }
    })
}
