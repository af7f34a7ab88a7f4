//! What only a task has: its cache key, when it is retried, and what its types must support for that.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Expr;
use syn::ext::IdentExt as _;

use super::callable::Callable;
use super::span_range::SpanRange;
use super::{body, call_key};
use crate::options::{CacheValue, IdentityOptions, Persist, TaskOptions};

/// What only a task has.
pub(crate) struct TaskExtras<'a> {
    pub(crate) options: &'a TaskOptions,
}

impl TaskExtras<'_> {
    pub(crate) fn methods(&self, callable: &Callable) -> TokenStream {
        let retry_if = self.options.retry_if.as_ref().map(|predicate| {
            let (predicate, error) = (&predicate.value, &callable.error);
            quote! {
                fn retry_if(__flowkit_error: &#error) -> ::core::primitive::bool {
                    let __flowkit_predicate: fn(&#error) -> ::core::primitive::bool = #predicate;
                    __flowkit_predicate(__flowkit_error)
                }
            }
        });
        let run_name = self.options.label.run_name.as_ref().map(|name| body::run_name(&name.value));
        let cache_key = self.cache_key(callable);
        let codec = body::codec(callable, self.options.persist_mode());
        quote!(#retry_if #run_name #cache_key #codec)
    }

    fn cache_key(&self, callable: &Callable) -> Option<TokenStream> {
        let identity = &self.options.identity;
        let key = match (&self.options.cache.as_ref()?.value, &identity.key) {
            (CacheValue::None, _) => return None,
            (CacheValue::Key(key), _) => Some(&**key),
            (CacheValue::Inputs | CacheValue::Run, key) => key.as_ref().map(|key| &key.value),
        };
        let digest = match key {
            None => digest_arguments(callable, identity),
            Some(key) => digest_user_key(callable, key),
        };
        let probes = cfg!(feature = "store").then(|| {
            quote! {
                #[allow(unused_imports)]
                use ::flowkit::__private::{InKey as _, NotInKey as _};
            }
        });
        Some(quote! {
            fn cache_key(
                &self,
                __flowkit_sealing: ::flowkit::__private::Sealing<'_>,
                #[allow(unused_mut)]
                mut __flowkit_parts: ::core::option::Option<
                    &mut ::std::vec::Vec<::flowkit::__private::KeyInput>,
                >,
            ) -> ::core::result::Result<::flowkit::__private::Digest, ::flowkit::__private::DigestError> {
                #probes
                let _ = (&__flowkit_parts, __flowkit_sealing);
                #digest
            }
        })
    }

    pub(crate) fn checks(&self, callable: &Callable) -> TokenStream {
        let retries = self.options.attempts.retries.as_ref().is_some_and(|retries| retries.value > 0);
        let retry_checks = if retries { body::retry_checks(callable) } else { TokenStream::new() };
        let cached =
            self.options.cache.as_ref().is_some_and(|cache| !matches!(cache.value, CacheValue::None));
        let output = cached.then(|| {
            let span = SpanRange::of(callable.declared.output.value_type());
            span.around(quote!(::flowkit::rules::cached_output::<), &callable.value, quote!(>();))
        });
        let persisted = body::check_persisted(callable, self.options.persist_mode());
        let compared =
            self.must_compare().then(|| body::compared_arguments(callable, &self.options.identity));
        quote!(#retry_checks #output #persisted #compared)
    }

    /// Whether a call that cannot be compared with others is refused: it may be one that must not run twice, or its result, which
    /// must be persisted, could never be found again.
    fn must_compare(&self) -> bool {
        self.options.persist_mode() == Persist::Always && self.options.identity.key.is_none()
    }
}

/// The digest of all arguments that are not ignored.
fn digest_arguments(callable: &Callable, identity: &IdentityOptions) -> TokenStream {
    let params = || callable.declared.params.iter().filter(|param| !identity.ignores(param));
    let digests = params().map(|param| {
        let (ident, span) = (&param.ident, SpanRange::of(&param.ty).start);
        quote_spanned!(span=> ::flowkit::rules::digest_argument(self.#ident.get(), __flowkit_sealing)?)
    });
    let shown = params().map(|param| {
        let (ident, name) = (&param.ident, param.ident.unraw().to_string());
        show(&name, quote!(self.#ident.get()))
    });
    let proofs = params().filter_map(call_key::rewritten).map(|proof| quote!(#proof?;));
    let probes = call_key::use_rewritten();
    quote! {
        #probes
        #(#proofs)*
        #(#shown)*
        ::core::result::Result::Ok(::flowkit::__private::Digest::join(&[#(#digests),*]))
    }
}

/// The digest of what the user's closure or function returns for the arguments.
fn digest_user_key(callable: &Callable, key: &Expr) -> TokenStream {
    let idents = callable.idents();
    let types = callable.declared.params.iter().map(body::elem);
    let span = SpanRange::of(key);
    let value = span.around(quote!(&__flowkit_key), quote!(), quote!((#(self.#idents.get()),*)));
    let digest = quote_spanned!(span.start=> ::flowkit::rules::digest_key(#value, __flowkit_sealing));
    let shown = show("key", quote!(&__flowkit_key(#(self.#idents.get()),*)));
    quote! {
        let __flowkit_key: fn(#(&#types),*) -> _ = #key;
        #shown
        #digest
    }
}

/// Adds a part of the key to those that `explain_cache` shows.
fn show(name: &str, value: TokenStream) -> Option<TokenStream> {
    cfg!(feature = "store").then(|| {
        quote! {
            if let ::core::option::Option::Some(__flowkit_parts) = &mut __flowkit_parts {
                __flowkit_parts.extend((&::flowkit::__private::Probe(#value)).key_input(#name, __flowkit_sealing));
            }
        }
    })
}
