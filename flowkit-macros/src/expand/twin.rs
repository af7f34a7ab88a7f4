//! The two items named like a task: the function that makes a call, and the type with `of`, `map`, `raw`, ….

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Ident;
use syn::spanned::Spanned;

use super::callable::Callable;
use crate::signature::ParamKind;

pub(crate) fn expand(callable: &Callable, what: &str, more: &TokenStream) -> TokenStream {
    let cfgs = &callable.declared.attrs.cfgs;
    let docs = &callable.declared.attrs.docs;
    // Each way to call it is deprecated, not the type: the generated code names that beside the user's body, where it must
    // neither warn nor silence the user's own warnings.
    let deprecated = &callable.declared.attrs.deprecated;
    let vis = &callable.declared.vis;
    let name = &callable.declared.ident;
    let quiet = callable.quiet();
    let call = call(callable);
    let held = body_struct(callable);
    let raw = raw(callable, what);
    let of = of(callable, what);
    let submit = submit(callable, what);
    let map = map(callable);
    let skip = skip(callable);
    let mock = if cfg!(feature = "testing") { mock(callable) } else { TokenStream::new() };
    let no_docs = docs.is_empty().then(|| format!("The {what} `{name}`, with other ways to call it."));
    let no_docs = no_docs.iter();
    quote! {
        #call
        #(#cfgs)*
        #(#docs)*
        #(#[doc = #no_docs])*
        #quiet
        #vis struct #name {}
        #held
        #(#cfgs)*
        #(#deprecated)*
        impl #name {
            #raw
        }
        #(#cfgs)*
        #(#deprecated)*
        #quiet
        impl #name {
            #of
            #submit
            #map
            #skip
            #mock
            #more
        }
    }
}

/// `fn fetch(url: String) -> Call<…>`.
fn call(callable: &Callable) -> TokenStream {
    let function = &callable.named;
    let (cfgs, docs, deprecated) = (&function.attrs.cfgs, &function.attrs.docs, &function.attrs.deprecated);
    let (vis, name) = (&function.vis, &function.ident);
    let (lifetime, generics) = callable.call_lifetime();
    let (generics, _, clause) = generics.split_for_impl();
    let idents = callable.idents();
    let types = function.params.iter().map(|param| &param.ty);
    let (value, error, body_type) = (&callable.value, &callable.error, callable.body_type());
    let held = function.params.iter().map(|param| {
        let ident = &param.ident;
        match param.kind {
            ParamKind::Owned => quote!(::flowkit::__private::Arg::Value(#ident)),
            ParamKind::Borrowed { .. } => quote!(::flowkit::__private::Lent::Borrowed(#ident)),
        }
    });
    let body = construct(callable, held);
    let allowed = function.attrs.allowed();
    quote! {
        #(#cfgs)*
        #(#docs)*
        #(#deprecated)*
        #[allow(
            dead_code,
            single_use_lifetimes,
            unused_qualifications,
            clippy::absolute_paths,
            clippy::needless_lifetimes,
            clippy::too_many_arguments,
            clippy::trait_duplication_in_bounds,
            clippy::type_complexity
        )]
        #(#allowed)*
        #[track_caller]
        #vis fn #name #generics (#(#idents: #types),*) -> ::flowkit::Call<#lifetime, #value, #error, #body_type> #clause {
            ::flowkit::Call::__new(#body)
        }
    }
}

/// The struct that holds the arguments. Its parameters are the types of the fields, so that it is `Clone` if they are; one type
/// that mentions the function's type parameters, for those that no argument mentions; and the function's constants.
fn body_struct(callable: &Callable) -> TokenStream {
    let (cfgs, vis, body) = (&callable.declared.attrs.cfgs, &callable.declared.vis, &callable.body);
    let idents = callable.idents();
    let types: Vec<_> = (0..idents.len()).map(|index| quote::format_ident!("__FlowkitArg{index}")).collect();
    let constants: Vec<_> = callable.named.generics.const_params().collect();
    let constant_names: Vec<_> = constants.iter().map(|constant| &constant.ident).collect();
    let quiet = callable.quiet();
    quote! {
        #(#cfgs)*
        #[doc(hidden)]
        #quiet
        #vis struct #body<#(#types,)* __FlowkitMention, #(#constants),*> {
            #(#idents: #types,)*
            __flowkit_mention: ::flowkit::__private::Mention<__FlowkitMention>,
        }
        #(#cfgs)*
        #[automatically_derived]
        impl<#(#types: ::core::clone::Clone,)* __FlowkitMention, #(#constants),*> ::core::clone::Clone
            for #body<#(#types,)* __FlowkitMention, #(#constant_names),*>
        {
            fn clone(&self) -> Self {
                Self {
                    #(#idents: ::core::clone::Clone::clone(&self.#idents),)*
                    __flowkit_mention: ::core::marker::PhantomData,
                }
            }
        }
    }
}

/// Constructs the body from what it holds for each parameter.
fn construct(callable: &Callable, held: impl Iterator<Item = impl ToTokens>) -> TokenStream {
    let (body, idents) = (&callable.body, callable.idents());
    quote!(#body { #(#idents: #held,)* __flowkit_mention: ::core::marker::PhantomData })
}

fn raw(callable: &Callable, what: &str) -> TokenStream {
    let function = &callable.declared;
    let (vis, asyncness, block) = (&function.vis, &function.asyncness, &function.block);
    let (lints, others) = (&function.attrs.lints, &function.attrs.others);
    let generics = &function.generics;
    let clause = &generics.where_clause;
    let params = function.params.iter().map(|param| {
        let (attrs, pat, ty) = (&param.attrs, &param.pat, &param.ty);
        quote!(#(#attrs)* #pat: #ty)
    });
    let output = &function.output.ty;
    let doc = format!("The {what} as written: the plain function, without flowkit.");
    let name = callable.named("raw");
    quote! {
        #[doc = #doc]
        #[allow(
            unreachable_pub,
            private_bounds,
            private_interfaces,
            clippy::missing_const_for_fn,
            clippy::missing_errors_doc,
            clippy::missing_panics_doc,
            clippy::must_use_candidate,
            clippy::unused_async
        )]
        #(#lints)*
        #(#others)*
        #vis #asyncness fn #name #generics (#(#params),*) -> #output #clause #block
    }
}

fn of(callable: &Callable, what: &str) -> TokenStream {
    let vis = &callable.declared.vis;
    let (lifetime, generics) = callable.call_lifetime();
    let (generics, _, clause) = generics.split_for_impl();
    let idents = callable.idents();
    let of_trait = quote!(::flowkit::args::IntoArg);
    let stand_ins = Callable::accepted_types(&callable.named.params, &of_trait);
    let (value, error, body_type) = (&callable.value, &callable.error, callable.body_type());
    let body = construct(callable, idents.iter().map(|ident| quote!(#of_trait::into_arg(#ident))));
    let name = callable.named("of");
    let doc =
        format!("Makes a call of the {what} from values, or from handles to results that are still pending.");
    quote! {
        #[doc = #doc]
        #[track_caller]
        #vis fn #name #generics (
            #(#idents: #stand_ins),*
        ) -> ::flowkit::Call<#lifetime, #value, #error, #body_type> #clause {
            ::flowkit::Call::__new(#body)
        }
    }
}

fn submit(callable: &Callable, what: &str) -> TokenStream {
    let vis = &callable.declared.vis;
    let generics = callable.static_generics();
    let (generics, _, clause) = generics.split_for_impl();
    let (idents, params) = (callable.idents(), callable.static_params());
    let of_trait = quote!(::flowkit::args::IntoArg);
    let stand_ins = Callable::accepted_types(&params, &of_trait);
    let (value, error, body_type) = (&callable.value, &callable.error, callable.static_body_type());
    let body = construct(callable, idents.iter().map(|ident| quote!(#of_trait::into_arg(#ident))));
    let name = callable.named("submit");
    let doc = format!("Starts a run of the {what} now, from values or handles.");
    quote! {
        #[doc = #doc]
        #[track_caller]
        #vis fn #name #generics (
            #(#idents: #stand_ins),*
        ) -> ::flowkit::Handle<#value, #error> #clause {
            ::flowkit::__private::submit::<#body_type>(#body)
        }
    }
}

fn map(callable: &Callable) -> TokenStream {
    let params = callable.static_params();
    let idents = callable.idents();
    let ([first, others @ ..], [first_param, other_params @ ..]) = (&idents[..], &params[..]) else {
        // There is no list to map over.
        return TokenStream::new();
    };
    let vis = &callable.declared.vis;
    let generics = callable.static_generics();
    let (generics, _, clause) = generics.split_for_impl();
    let (value, error, body_type) = (&callable.value, &callable.error, callable.static_body_type());
    let (items, column) = (quote!(::flowkit::items::IntoItems), quote!(::flowkit::items::IntoColumn));
    let list = Callable::accepted_types(std::slice::from_ref(first_param), &items);
    let columns = Callable::accepted_types(other_params, &column);
    let rows = others.iter().map(|ident| quote!(::flowkit::__private::Column::next_row(&mut #ident)));
    let held = std::iter::once(quote!(__flowkit_item)).chain(rows);
    let body = construct(callable, held);
    let name = callable.named("map");
    let span = callable.argument_span();
    let start = span.around(quote!(::flowkit::__private::), quote!(), quote!(map));
    // Their content must cross threads; with this span, the compiler reports at the user's code if it cannot.
    let items_ident = Ident::new("__flowkit_items", span.start);
    let zipped = Ident::new("__flowkit_columns", span.start);
    quote! {
        /// Starts one run per item of the first argument; the others are the same for all, unless they are `each(list)`.
        #[track_caller]
        #vis fn #name #generics (
            #first: #(#list)*,
            #(#others: #columns),*
        ) -> ::flowkit::Handles<#value, #error> #clause {
            let #items_ident = #items::into_items(#first);
            #(let #others = #column::into_column(#others);)*
            let __flowkit_later = false #(|| ::flowkit::__private::Column::is_later(&#others))*;
            let #zipped = async move {
                #(let mut #others = ::flowkit::__private::Column::resolve(#others).await?;)*
                let __flowkit_lengths = ::std::vec![#(::flowkit::__private::Column::rows(&#others)),*];
                let __flowkit_row = move |__flowkit_item| -> #body_type { #body };
                ::core::result::Result::Ok((__flowkit_lengths, __flowkit_row))
            };
            #start(
                #items_ident,
                __flowkit_later,
                #zipped,
                ::core::panic::Location::caller(),
            )
        }
    }
}

fn skip(callable: &Callable) -> TokenStream {
    let vis = &callable.declared.vis;
    let info = super::info::path();
    let name = &callable.declared.ident;
    quote! {
        /// Records that this did not run, and why: for a branch that was not taken.
        #[track_caller]
        #vis fn skip(reason: impl ::core::convert::Into<::std::string::String>) {
            ::flowkit::__private::skip(#name::#info(), reason.into(), ::core::panic::Location::caller());
        }
    }
}

fn mock(callable: &Callable) -> TokenStream {
    let (vis, name, idents) = (&callable.declared.vis, &callable.declared.ident, callable.idents());
    let (binder, types) = callable.closure_types();
    let output = &callable.declared.output.ty;
    let mut generics = callable.static_generics();
    for param in ["__FlowkitMocked", "__FlowkitKind"] {
        let param = Ident::new(param, Span::call_site());
        generics.params.push(syn::parse_quote!(#param));
    }
    let mocked = quote!(::flowkit::testing::MockOutput<#output, __FlowkitKind>);
    let predicates = &mut generics.make_where_clause().predicates;
    predicates.push(syn::parse_quote!(__FlowkitMocked: #mocked));
    predicates.push(syn::parse_quote!(<__FlowkitMocked as #mocked>::Future: ::core::marker::Send + 'static));
    let (generics, _, clause) = generics.split_for_impl();
    let mock_type = callable.mock_type();
    let info = super::info::path();
    quote_spanned! {callable.declared.output.ty.span()=>
        /// Replaces the function by a closure until the mock is dropped; retries and all other options still apply. The closure
        /// returns what the function does, or a future of that.
        #vis fn mock #generics (
            __flowkit_with: impl #binder ::core::ops::Fn(#(#types),*) -> __FlowkitMocked
                + ::core::marker::Send + ::core::marker::Sync + 'static,
        ) -> ::flowkit::testing::Mock #clause {
            let __flowkit_call: #mock_type = ::std::sync::Arc::new(move |#(#idents),*| {
                ::std::boxed::Box::pin(::flowkit::testing::MockOutput::into_future(__flowkit_with(#(#idents),*)))
            });
            ::flowkit::testing::Mock::__replace(#name::#info(), __flowkit_call)
        }
    }
}
