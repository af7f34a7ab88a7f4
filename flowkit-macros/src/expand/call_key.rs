//! What finds a call again: the arguments, each with how it is compared, or what the user gives for all of them.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;

use super::body::elem;
use super::callable::Callable;
use super::place::Place;
use crate::options::Identity;
use crate::signature::tidy;

/// The method of `Body`.
pub(crate) fn call_key(callable: &Callable, identity: &Identity) -> TokenStream {
    let params = callable.written.params.iter().filter(|param| !identity.ignores(param));
    let arguments = params.map(|param| {
        let ident = &param.ident;
        let name = if param.is_anonymous() { "_".to_owned() } else { ident.unraw().to_string() };
        let argument = format!("{name}: {}", tidy(&param.ty));
        quote! {
            (&&::flowkit::__private::Probe(&self.#ident)).add_to(__flowkit_key.argument(#argument));
        }
    });
    let given = given(callable, identity);
    quote! {
        fn call_key(&self, __flowkit_key: &mut ::flowkit::__private::CallKey<'_>) {
            #[allow(unused_imports)]
            use ::flowkit::__private::{Keyed as _, KeyedByOs as _, NotKeyed as _};
            #given
            #(#arguments)*
            let _ = __flowkit_key;
        }
    }
}

/// What the user gives for all arguments, where they are there: the results of other calls need not be, and those are
/// compared by the calls themselves.
fn given(callable: &Callable, identity: &Identity) -> Option<TokenStream> {
    let key = &identity.key.as_ref()?.value;
    let idents = callable.idents();
    let types = callable.written.params.iter().map(elem);
    let place = Place::of(key);
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
