//! What only a task has: its cache key, when it is retried, and what its types must be able to do for that.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;

use super::callable::Callable;
use super::span_range::SpanRange;
use super::{body, call_key};
use crate::options::{CacheValue, Persist, TaskOptions};

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
        let codec = body::codec(callable, self.options.keeping());
        quote!(#retry_if #run_name #cache_key #codec)
    }

    fn cache_key(&self, callable: &Callable) -> Option<TokenStream> {
        let show = |name: &str, value: TokenStream| {
            cfg!(feature = "store").then(|| {
                quote! {
                    if let ::core::option::Option::Some(__flowkit_parts) = &mut __flowkit_parts {
                        __flowkit_parts.extend((&::flowkit::__private::Probe(#value)).key_input(#name, __flowkit_sealing));
                    }
                }
            })
        };
        let identity = &self.options.identity;
        let cache = &self.options.cache.as_ref()?.value;
        let key = match (cache, &identity.key) {
            (CacheValue::None, _) => return None,
            (CacheValue::Key(key), _) => Some(&**key),
            (CacheValue::Inputs | CacheValue::Run, key) => key.as_ref().map(|key| &key.value),
        };
        let digest = match key {
            None => {
                let params = || callable.written.params.iter().filter(|param| !identity.ignores(param));
                let digests = params().map(|param| {
                    let (ident, place) = (&param.ident, SpanRange::of(&param.ty).start);
                    quote_spanned!(place=> ::flowkit::rules::digest_argument(self.#ident.get(), __flowkit_sealing)?)
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
            Some(key) => {
                let idents = callable.idents();
                let types = callable.written.params.iter().map(body::elem);
                let place = SpanRange::of(key);
                let value = place.around(quote!(&__flowkit_key), quote!(), quote!((#(self.#idents.get()),*)));
                let digest =
                    quote_spanned!(place.start=> ::flowkit::rules::digest_key(#value, __flowkit_sealing));
                let shown = show("key", quote!(&__flowkit_key(#(self.#idents.get()),*)));
                quote! {
                    let __flowkit_key: fn(#(&#types),*) -> _ = #key;
                    #shown
                    #digest
                }
            }
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
            let place = SpanRange::of(callable.written.output.value_place());
            place.around(quote!(::flowkit::rules::cached_output::<), &callable.value, quote!(>();))
        });
        let kept = body::check_kept(callable, self.options.keeping());
        let compared =
            self.must_compare().then(|| body::compared_arguments(callable, &self.options.identity));
        quote!(#retry_checks #output #kept #compared)
    }

    /// Whether a call that cannot be told from others cannot be made: it may be the one that must not be made twice, or its
    /// result, which must be kept, could never be found again.
    fn must_compare(&self) -> bool {
        self.options.keeping() == Persist::Always && self.options.identity.key.is_none()
    }
}
