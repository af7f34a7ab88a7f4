//! What identifies a call: its arguments, each with how it is compared, or the user's `key` for all of them.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;

use super::body::elem;
use super::callable::Callable;
use super::span_range::SpanRange;
use crate::options::IdentityOptions;
use crate::signature::{Param, mentions_lifetime, tidy};

/// The method of `Body`. With `must_prove`, it does not trust digests: a wrong one would be costly.
pub(crate) fn call_key(callable: &Callable, identity: &IdentityOptions, must_prove: bool) -> TokenStream {
    let params = callable.declared.params.iter().filter(|param| !identity.ignores(param));
    let arguments = params.map(|param| {
        let ident = &param.ident;
        let name = if param.is_anonymous() { "_".to_owned() } else { ident.unraw().to_string() };
        let argument = format!("{name}: {}", tidy(&param.ty));
        // The value behind a handle may be pending, so it is not checked.
        let proof = must_prove.then(|| rewritten(param)).flatten().map(|proof| {
            quote! {
                if !self.#ident.is_upstream() {
                    __flowkit_key.prove(#proof);
                }
            }
        });
        quote! {
            (&&::flowkit::__private::Probe(&self.#ident)).add_to(__flowkit_key.argument(#argument));
            #proof
        }
    });
    let compared = visit_compared(callable, identity);
    let user_key = user_key(callable, identity);
    let probes = must_prove.then(use_rewritten).flatten();
    quote! {
        #compared
        fn call_key(&self, __flowkit_key: &mut ::flowkit::__private::CallKey<'_>) {
            #[allow(unused_imports)]
            use ::flowkit::__private::{KeyedArgument as _, KeyedByOs as _, NotKeyed as _};
            #probes
            #user_key
            #(#arguments)*
            let _ = __flowkit_key;
        }
    }
}

/// Skips ignored handles, if there can be any.
fn visit_compared(callable: &Callable, identity: &IdentityOptions) -> Option<TokenStream> {
    identity.ignore.as_ref()?;
    let params = callable.declared.params.iter().filter(|param| !identity.ignores(param));
    let idents = params.map(|param| &param.ident);
    Some(quote! {
        fn visit_compared(&self, __flowkit_visit: &mut ::flowkit::__private::Visit<'_>) {
            #(self.#idents.visit(__flowkit_visit);)*
            let _ = __flowkit_visit;
        }
    })
}

/// The check that an argument stays the same when written and read; `None` if it cannot be read.
pub(super) fn rewritten(param: &Param) -> Option<TokenStream> {
    let ident = &param.ident;
    // A type that borrows may be `Deserialize`, but cannot be read from what is written.
    (cfg!(feature = "store") && !mentions_lifetime(elem(param)))
        .then(|| quote!((&::flowkit::__private::Probe(self.#ident.get())).rewritten()))
}

/// Imports the traits that [`rewritten`] needs.
pub(super) fn use_rewritten() -> Option<TokenStream> {
    cfg!(feature = "store").then(|| {
        quote! {
            #[allow(unused_imports)]
            use ::flowkit::__private::{NotRewritten as _, Rewritten as _};
        }
    })
}

/// The user's key for all arguments, unless one is a handle: its value may be pending, so calls are compared instead.
fn user_key(callable: &Callable, identity: &IdentityOptions) -> Option<TokenStream> {
    let key = &identity.key.as_ref()?.value;
    let idents = callable.idents();
    let types = callable.declared.params.iter().map(elem);
    let span = SpanRange::of(key);
    let value = span.around(quote!(&__flowkit_user_key), quote!(), quote!((#(self.#idents.get()),*)));
    let add = quote_spanned!(span.start=> ::flowkit::rules::add_key(__flowkit_key, #value););
    Some(quote! {
        if !(false #(|| self.#idents.is_upstream())*) {
            let __flowkit_user_key: fn(#(&#types),*) -> _ = #key;
            #add
            return;
        }
    })
}
