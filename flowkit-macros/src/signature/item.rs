//! Finds the function in the item under an attribute.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::{format_ident, quote};
use syn::{FnArg, ItemFn, Signature};

use super::in_impl;
use crate::attribute::AttributeKind;

/// Parses the item as a function, or reports that it is not one.
pub(super) fn parse(item: TokenStream, kind: AttributeKind) -> syn::Result<ItemFn> {
    let Some(keyword) = keyword(item.clone()) else {
        return Err(syn::Error::new(proc_macro2::Span::call_site(), on_a_function(kind)));
    };
    match &keyword {
        TokenTree::Ident(word) if word == "fn" => {}
        TokenTree::Ident(word) if word == "let" => {
            let message = format!(
                "{}, not on a closure; write `fn`, which a function may contain",
                on_a_function(kind)
            );
            return Err(syn::Error::new(word.span(), message));
        }
        other => return Err(syn::Error::new(other.span(), on_a_function(kind))),
    }
    if let Some(TokenTree::Punct(end)) = item.clone().into_iter().last()
        && end.as_char() == ';'
    {
        let message = format!("{} with a body", on_a_function(kind));
        return Err(syn::Error::new(end.span(), message));
    }
    syn::parse2(item)
}

fn on_a_function(kind: AttributeKind) -> String {
    format!("{kind} goes on a function")
}

/// Returns the token that tells the kind of item: `fn`, `struct`, `impl`.
fn keyword(item: TokenStream) -> Option<TokenTree> {
    let mut tokens = item.into_iter().peekable();
    let mut first = None;
    while let Some(token) = tokens.next() {
        let passed = match &token {
            // An attribute: `#` and its brackets.
            TokenTree::Punct(hash) if hash.as_char() == '#' => tokens.next().is_some(),
            // The `(crate)` of `pub(crate)`.
            TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => true,
            // The ABI of `extern "C"`.
            TokenTree::Literal(_) => true,
            TokenTree::Ident(word) if word == "pub" => true,
            TokenTree::Ident(word) => {
                let qualifiers = ["const", "async", "unsafe", "extern"];
                let is_qualifier = qualifiers.iter().any(|qualifier| word == qualifier);
                if is_qualifier {
                    first.get_or_insert(token.clone());
                }
                is_qualifier
            }
            // A visibility from a `macro_rules!` variable.
            TokenTree::Group(group) => group.delimiter() == Delimiter::None,
            TokenTree::Punct(_) => false,
        };
        if !passed {
            // `const X: u8` is not a function: its keyword is `const`.
            return match &token {
                TokenTree::Ident(word) if word == "fn" => Some(token),
                _ => Some(first.unwrap_or(token)),
            };
        }
    }
    first
}

/// Returns what accompanies the errors of a refused function, so that its callers do not fail with further, misleading ones.
///
/// The function's name is a type that the compiler knows to be an error, so it accepts every use of it: as the type of the
/// result, and in `name::of(…)`. The body stays, since it may use the rest of the file. An item that is not a free function
/// stays as written.
pub(crate) fn fallback(item: TokenStream, error: &syn::Error) -> TokenStream {
    let Ok(mut function) = syn::parse2::<ItemFn>(item.clone()) else {
        return item;
    };
    let is_in_impl = in_impl::sign(&mut function).is_some();
    forget_attributes_of_params(&mut function.sig);
    let ItemFn { attrs, vis, sig, block, .. } = function;
    let Signature { ident, generics, inputs, asyncness, .. } = &sig;
    if is_in_impl {
        return quote!(#(#attrs)* #vis #sig #block);
    }
    let types = inputs.iter().filter_map(|input| match input {
        FnArg::Typed(param) => Some(&param.ty),
        FnArg::Receiver(_) => None,
    });
    let params = types.enumerate().map(|(position, ty)| {
        let name = format_ident!("_{position}");
        quote!(#name: #ty)
    });
    let clause = &generics.where_clause;
    let first = error.clone().into_iter().next().unwrap_or_else(|| error.clone()).to_compile_error();
    quote! {
        #[allow(non_camel_case_types, dead_code, unreachable_pub)]
        #vis type #ident = [(); #first];
        #[allow(unused, unreachable_pub)]
        #vis fn #ident #generics (#(#params),*) -> #ident #clause {
            #asyncness fn body #generics (#inputs) -> #ident #clause #block
            loop {}
        }
    }
}

/// Removes the attributes that only flowkit's attributes understand.
fn forget_attributes_of_params(sig: &mut Signature) {
    for input in &mut sig.inputs {
        let attrs = match input {
            FnArg::Typed(param) => &mut param.attrs,
            FnArg::Receiver(receiver) => &mut receiver.attrs,
        };
        attrs.retain(|attr| !attr.path().is_ident("doc") && !attr.path().is_ident("param"));
    }
}
