//! What finds a call again: the arguments, each with how it is compared, or what the user gives for all of them.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;

use super::body::elem;
use super::callable::Callable;
use super::span_range::SpanRange;
use crate::options::IdentityOptions;
use crate::signature::{Param, mentions_lifetime, tidy};

/// The method of `Body`. Where `is_dear`, digests are not taken on trust.
pub(crate) fn call_key(callable: &Callable, identity: &IdentityOptions, is_dear: bool) -> TokenStream {
    let params = callable.written.params.iter().filter(|param| !identity.ignores(param));
    let arguments = params.map(|param| {
        let ident = &param.ident;
        let name = if param.is_anonymous() { "_".to_owned() } else { ident.unraw().to_string() };
        let argument = format!("{name}: {}", tidy(&param.ty));
        // What a handle stands for is not looked at: it may not be there yet.
        let proof = is_dear.then(|| rewritten(param)).flatten().map(|proof| {
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
    let given = given(callable, identity);
    let probes = is_dear.then(use_rewritten).flatten();
    quote! {
        #compared
        fn call_key(&self, __flowkit_key: &mut ::flowkit::__private::CallKey<'_>) {
            #[allow(unused_imports)]
            use ::flowkit::__private::{KeyedArgument as _, KeyedByOs as _, NotKeyed as _};
            #probes
            #given
            #(#arguments)*
            let _ = __flowkit_key;
        }
    }
}

/// Leaves out the handles that are ignored, where there may be some.
fn visit_compared(callable: &Callable, identity: &IdentityOptions) -> Option<TokenStream> {
    identity.ignore.as_ref()?;
    let params = callable.written.params.iter().filter(|param| !identity.ignores(param));
    let idents = params.map(|param| &param.ident);
    Some(quote! {
        fn visit_compared(&self, __flowkit_visit: &mut ::flowkit::__private::Visit<'_>) {
            #(self.#idents.visit(__flowkit_visit);)*
            let _ = __flowkit_visit;
        }
    })
}

/// Asks whether an argument that is there is the same when it was written and read; `None` if it cannot be read.
pub(super) fn rewritten(param: &Param) -> Option<TokenStream> {
    let ident = &param.ident;
    // What borrows may be `Deserialize`, and cannot be read from what is written.
    (cfg!(feature = "store") && !mentions_lifetime(elem(param)))
        .then(|| quote!((&::flowkit::__private::Probe(self.#ident.get())).rewritten()))
}

/// The traits that [`rewritten`] needs.
pub(super) fn use_rewritten() -> Option<TokenStream> {
    cfg!(feature = "store").then(|| {
        quote! {
            #[allow(unused_imports)]
            use ::flowkit::__private::{NotRewritten as _, Rewritten as _};
        }
    })
}

/// What the user gives for all arguments, where they are there: the results of other calls need not be, and those are
/// compared by the calls themselves.
fn given(callable: &Callable, identity: &IdentityOptions) -> Option<TokenStream> {
    let key = &identity.key.as_ref()?.value;
    let idents = callable.idents();
    let types = callable.written.params.iter().map(elem);
    let place = SpanRange::of(key);
    let value = place.around(quote!(&__flowkit_given), quote!(), quote!((#(self.#idents.get()),*)));
    let add = quote_spanned!(place.start=> ::flowkit::rules::add_key(__flowkit_key, #value););
    Some(quote! {
        if !(false #(|| self.#idents.is_upstream())*) {
            let __flowkit_given: fn(#(&#types),*) -> _ = #key;
            #add
            return;
        }
    })
}
