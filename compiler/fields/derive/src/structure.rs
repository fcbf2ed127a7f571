//! A struct becomes a block.

use crate::attributes::{Options, doc, is_secret};
use crate::names::camel;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{DeriveInput, Error, Field};

pub(crate) fn expand<'f>(input: &DeriveInput, fields: impl Iterator<Item = &'f Field>) -> syn::Result<TokenStream> {
    let ident = &input.ident;
    let name = ident.to_string();
    let type_doc = doc(&input.attrs, ident.span())?;
    let secret = is_secret(&input.attrs)?;

    let (mut consts, mut items, mut reads, mut idents, mut writes) = (vec![], vec![], vec![], vec![], vec![]);
    for field in fields {
        let Some(field_ident) = &field.ident else {
            return Err(Error::new_spanned(field, "a field has a name"));
        };
        let ty = &field.ty;
        let options = Options::read(&field.attrs)?;
        idents.push(field_ident);
        if options.one_of {
            items.push(quote! {
                ::dram_fields::Item::OneOf {
                    required: <#ty as ::dram_fields::Choice>::REQUIRED,
                    variants: <#ty as ::dram_fields::Choice>::VARIANTS,
                }
            });
            reads.push(quote!(let #field_ident = <#ty as ::dram_fields::Choice>::read(node, cx);));
            writes.push(quote!(::dram_fields::Choice::write(&self.#field_ident, &mut entries);));
            continue;
        }
        let field_name = camel(&field_ident.to_string());
        let field_doc = doc(&field.attrs, field_ident.span())?;
        let constant = format_ident!("{}", field_ident.to_string().trim_start_matches("r#").to_uppercase());
        let table = options.field(
            &field_name,
            &field_doc,
            &quote!(#ty),
            &quote!(<#ty as ::dram_fields::Shape>::REQUIRED),
        );
        let const_doc = format!("The field `{field_name}`.");
        consts.push(quote! {
            #[doc = #const_doc]
            pub const #constant: &'static ::dram_fields::Field = &#table;
        });
        items.push(quote!(::dram_fields::Item::Field(#ident::#constant)));
        reads.push(quote!(let #field_ident = ::dram_fields::field::<#ty>(Self::#constant, node, cx);));
        writes.push(quote! {
            if let ::core::option::Option::Some(value) = ::dram_fields::Shape::encode(&self.#field_ident) {
                entries.push(::dram_fields::Entry::new(#field_name, value));
            }
        });
    }

    let ty = if secret { quote!(Secret) } else { quote!(Block) };
    let literal = secret.then(|| {
        quote! {
            if !matches!(node.data, ::dram_fields::Data::Map(_) | ::dram_fields::Data::Unknown) {
                cx.report(
                    ::dram_fields::Diagnostic::error(
                        ::dram_fields::Code::LITERAL_SECRET,
                        node.span,
                        "a secret never stands in a model",
                    )
                    .help("refer to it: `{env: NAME}` or `{file: /path}`")
                    .mask(node.span),
                );
                return ::core::option::Option::None;
            }
        }
    });
    let body = quote! {
        if !::dram_fields::open(<Self as ::dram_fields::Block>::kind(), node, cx) {
            return ::core::option::Option::None;
        }
        // All parts are decoded before the first `?`, so that every error is found.
        #(#reads)*
        ::core::option::Option::Some(Self { #(#idents: #idents?),* })
    };
    let body = if secret {
        quote!(cx.hidden(|cx| { #body }))
    } else {
        body
    };
    Ok(quote! {
        impl #ident {
            #(#consts)*
        }

        impl ::dram_fields::Block for #ident {
            fn kind() -> &'static ::dram_fields::Kind {
                static KIND: ::dram_fields::Kind =
                    ::dram_fields::Kind { name: #name, doc: #type_doc, items: &[#(#items),*] };
                &KIND
            }
        }

        impl ::dram_fields::Shape for #ident {
            const TY: ::dram_fields::Ty = ::dram_fields::Ty::#ty(<Self as ::dram_fields::Block>::kind);

            fn decode(
                node: &::dram_fields::Node,
                cx: &mut ::dram_fields::Cx<'_>,
            ) -> ::core::option::Option<Self> {
                #literal
                #body
            }

            fn encode(&self) -> ::core::option::Option<::dram_fields::Node> {
                #[allow(unused_mut, reason = "a block without fields adds nothing")]
                let mut entries: ::std::vec::Vec<::dram_fields::Entry> = ::std::vec::Vec::new();
                #(#writes)*
                ::core::option::Option::Some(::dram_fields::Node::new(::dram_fields::Data::Map(entries)))
            }
        }
    })
}
