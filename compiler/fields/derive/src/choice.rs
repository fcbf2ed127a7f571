//! An enum with payloads becomes a choice: its variants stand as fields of the block that holds it.

use crate::attributes::{Options, doc};
use crate::names::{lower_first, separated};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{DataEnum, DeriveInput, Error, Fields};

pub(crate) fn expand(input: &DeriveInput, data: &DataEnum) -> syn::Result<TokenStream> {
    let ident = &input.ident;
    let (mut consts, mut variants, mut reads, mut writes) = (vec![], vec![], vec![], vec![]);
    for variant in &data.variants {
        let payload = match &variant.fields {
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => fields.unnamed.first(),
            _ => None,
        };
        let Some(payload) = payload else {
            return Err(Error::new_spanned(
                variant,
                "a variant of a choice holds one value; an empty block is a struct without fields",
            ));
        };
        let (variant_ident, ty) = (&variant.ident, &payload.ty);
        let pascal = variant_ident.to_string();
        let name = lower_first(&pascal);
        let constant = match separated(&pascal, '_', true) {
            // A variant that is a constant's name already, such as `S3`.
            taken if taken == pascal => format_ident!("{taken}_FIELD"),
            free => format_ident!("{free}"),
        };
        let table = Options::read(&variant.attrs)?.field(
            &name,
            &doc(&variant.attrs, variant_ident.span())?,
            &quote!(#ty),
            &quote!(false),
        );
        let const_doc = format!("The field `{name}`.");
        consts.push(quote! {
            #[doc = #const_doc]
            pub const #constant: &'static ::dram_fields::Field = &#table;
        });
        variants.push(quote!(Self::#constant));
        reads.push(quote! {
            if ::dram_fields::present(parent, Self::#constant).is_some() {
                let value = ::dram_fields::field::<::core::option::Option<#ty>>(Self::#constant, parent, cx);
                given = given.or(value.flatten().map(Self::#variant_ident));
            }
        });
        writes.push(quote! {
            Self::#variant_ident(value) => {
                if let ::core::option::Option::Some(value) = ::dram_fields::Shape::encode(value) {
                    out.push(::dram_fields::Entry::new(#name, value));
                }
            }
        });
    }
    Ok(quote! {
        impl #ident {
            #(#consts)*
        }

        impl ::dram_fields::Choice for #ident {
            const VARIANTS: &'static [&'static ::dram_fields::Field] = &[#(#variants),*];

            fn read(
                parent: &::dram_fields::Node,
                cx: &mut ::dram_fields::Cx<'_>,
            ) -> ::core::option::Option<Self> {
                // Of two that exclude each other both are decoded, so that every error is found.
                let mut given = ::core::option::Option::None;
                #(#reads)*
                given
            }

            fn write(&self, out: &mut ::std::vec::Vec<::dram_fields::Entry>) {
                match self {
                    #(#writes)*
                }
            }
        }
    })
}
