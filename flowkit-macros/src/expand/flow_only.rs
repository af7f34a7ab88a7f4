//! What only a flow has: how it is called, how its arguments are recorded, and how it is resumed.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Expr, ExprLit, Lit, Type};

use super::body;
use super::callable::Callable;
use super::info::doc_text;
use crate::options::FlowOptions;
use crate::signature::{Param, mentions_lifetime, tidy};

/// The additional methods in the `impl Body` of a flow.
pub(crate) fn methods(options: &FlowOptions, callable: &Callable) -> TokenStream {
    let run_name = options.label.run_name.as_ref().map(|name| body::run_name(&name.value));
    let codec = body::codec(callable, options.persist_mode());
    quote! {
        #run_name
        #codec
    }
}

/// How a flow is called: as a run of its own.
pub(crate) fn dispatch() -> TokenStream {
    // Named through the trait: before the compiler knows that there is a `Body`, no other type is equal to them.
    let value = quote!(<Self as ::flowkit::__private::Body>::Output);
    let error = quote!(<Self as ::flowkit::__private::Body>::Error);
    quote! {
        fn call<'__flowkit_call>(
            self,
            setup: ::flowkit::__private::Setup<#error>,
        ) -> ::flowkit::__private::BoxFuture<'__flowkit_call, ::core::result::Result<#value, ::flowkit::Error<#error>>>
        where
            Self: '__flowkit_call,
        {
            ::flowkit::__private::call_flow(self, setup)
        }

        fn submit(self, setup: ::flowkit::__private::Setup<#error>) -> ::flowkit::Handle<#value, #error> {
            ::flowkit::__private::submit_flow(self, setup)
        }
    }
}

pub(crate) fn checks(options: &FlowOptions, callable: &Callable) -> TokenStream {
    let retries = options.attempts.retries.as_ref().is_some_and(|retries| retries.value > 0);
    let retry_checks = retries.then(|| body::retry_checks(callable));
    let persisted = body::check_persisted(callable, options.persist_mode());
    quote!(#retry_checks #persisted)
}

/// The twin's function that returns the flow without its types.
pub(crate) fn spec(callable: &Callable) -> TokenStream {
    let vis = &callable.declared.vis;
    let generics = callable.static_generics();
    let (generics, _, clause) = generics.split_for_impl();
    let (name, body_type) = (callable.named("spec"), callable.static_body_type());
    quote! {
        /// Returns the flow without its types, for code that finds flows by name.
        #vis fn #name #generics () -> ::flowkit::FlowSpec #clause {
            ::flowkit::FlowSpec::__of::<#body_type>()
        }
    }
}

/// The twin as a type that stands for the flow. A flow with type parameters is many flows, so its twin stands for none.
pub(crate) fn by_type(callable: &Callable) -> Option<TokenStream> {
    let name = &callable.declared.ident;
    callable.static_generics().params.is_empty().then(|| {
        quote! {
            impl ::flowkit::Flow for #name {
                fn spec() -> ::flowkit::FlowSpec {
                    Self::spec()
                }
            }
        }
    })
}

/// The twin's function that resumes a run.
pub(crate) fn resume(callable: &Callable) -> TokenStream {
    let vis = &callable.declared.vis;
    let generics = callable.static_generics();
    let (generics, _, clause) = generics.split_for_impl();
    let (name, body_type) = (callable.named("resume"), callable.static_body_type());
    quote! {
        /// Resumes a run of the flow that was interrupted or failed.
        ///
        /// It reuses the persisted arguments, and runs nothing again that has succeeded.
        #[track_caller]
        #vis fn #name #generics (run: ::flowkit::FlowRunId) -> ::flowkit::Resume<#body_type> #clause {
            ::flowkit::Resume::__new(run, ::core::panic::Location::caller())
        }
    }
}

/// The `impl FlowBody`: counts the handles in what the flow returns, each part of a tuple by itself, and writes and reads the
/// arguments.
pub(crate) fn flow_body(callable: &Callable) -> TokenStream {
    let (value, body_type) = (&callable.value, callable.body_type());
    let (generics, _, clause) = callable.named.generics.split_for_impl();
    let parts = match callable.declared.output.value_type() {
        Type::Tuple(tuple) if !tuple.elems.is_empty() => {
            let indices = (0..tuple.elems.len()).map(syn::Index::from);
            quote!(#((&::flowkit::__private::Probe(&output.#indices)).tally(tally);)*)
        }
        _ => quote!((&::flowkit::__private::Probe(output)).tally(tally);),
    };
    let arguments = cfg!(feature = "store")
        .then(|| [Some(arguments(callable)), from_arguments(callable), Some(parameters(callable))])
        .into_iter()
        .flatten();
    let arguments = arguments.flatten();
    quote! {
        impl #generics ::flowkit::__private::FlowBody for #body_type #clause {
            fn tally(output: &#value, tally: &mut ::flowkit::__private::Tally) {
                #[allow(unused_imports)]
                use ::flowkit::__private::{NotTallied as _, Tallied as _};
                #parts
            }

            #(#arguments)*
        }
    }
}

fn arguments(callable: &Callable) -> TokenStream {
    let (idents, names) = (callable.idents(), names(callable));
    let proofs = callable.named.params.iter().map(|param| {
        let ty = &param.ty;
        // A type that borrows is never read, and its lifetime has no name here.
        if mentions_lifetime(ty) {
            return quote!(::core::option::Option::None);
        }
        let probe = quote!((&::flowkit::__private::Probe(&::core::marker::PhantomData::<#ty>)));
        quote!(::core::option::Option::map(#probe.proof(), |proof| proof.comparing(#probe.same())))
    });
    quote! {
        fn arguments(&self) -> ::core::option::Option<::std::string::String> {
            #[allow(unused_imports)]
            use ::flowkit::__private::{
                Compared as _, NotCompared as _, NotProved as _, NotSerializedArgument as _, Proved as _, SerializedArgument as _,
            };
            #[allow(unused_mut)]
            let mut arguments = ::flowkit::__private::Arguments::default();
            #((&::flowkit::__private::Probe(&self.#idents)).write(#names, #proofs, &mut arguments)?;)*
            ::core::option::Option::Some(arguments.finish())
        }
    }
}

/// `None` if a parameter borrows, and so cannot be read: see [`body::codec`].
fn from_arguments(callable: &Callable) -> Option<TokenStream> {
    let params = &callable.named.params;
    if params.iter().any(|param| mentions_lifetime(&param.ty)) {
        return None;
    }
    let (body, idents, names) = (&callable.body, callable.idents(), names(callable));
    let types = params.iter().map(|param| &param.ty);
    let readers: Vec<_> = (0..params.len()).map(|index| format_ident!("__flowkit_reader{index}")).collect();
    let read = params.iter().zip(&readers).zip(&names).map(|((param, reader), name)| {
        let read = quote!(#reader(&mut __flowkit_arguments, #name));
        match default(param) {
            None => read,
            Some(default) => quote! {
                if __flowkit_arguments.lacks(#name) { ::core::option::Option::Some(#default) } else { #read }
            },
        }
    });
    Some(quote! {
        fn from_arguments(
            __flowkit_json: &::core::primitive::str,
        ) -> ::core::option::Option<::core::result::Result<Self, ::flowkit::BoxError>> {
            #[allow(unused_imports)]
            use ::flowkit::__private::{NotReadBack as _, ReadBack as _};
            // All of them first: the types decide whether anything can be read.
            #(
                let #readers =
                    (&::flowkit::__private::Probe(&::core::marker::PhantomData::<#types>)).reader()?;
            )*
            #[allow(unused_mut)]
            let mut __flowkit_arguments = ::flowkit::__private::ProvidedArguments::parse(__flowkit_json);
            #(let #idents = #read;)*
            #[allow(unreachable_patterns)]
            let __flowkit_body = match (#(#idents,)*) {
                (#(::core::option::Option::Some(#idents),)*) => ::core::option::Option::Some(#body {
                    #(#idents,)*
                    __flowkit_mention: ::core::marker::PhantomData,
                }),
                _ => ::core::option::Option::None,
            };
            ::core::option::Option::Some(__flowkit_arguments.finish(&[#(#names),*], __flowkit_body))
        }
    })
}

fn parameters(callable: &Callable) -> TokenStream {
    let params = &callable.named.params;
    let names = names(callable);
    let types = callable.declared.params.iter().map(|param| tidy(&param.ty));
    let parameters = params.iter().zip(&names).zip(types).map(|((param, name), type_text)| {
        let (ty, docs) = (&param.ty, doc_text(&param.docs));
        // A type that borrows cannot be read, and its lifetime has no name here.
        if mentions_lifetime(ty) {
            return quote!(::flowkit::__private::Parameter::__borrowed(#name, #docs, #type_text));
        }
        let default = match default(param) {
            None => quote!(::core::option::Option::None),
            Some(default) => quote! {
                ::core::option::Option::Some((&::flowkit::__private::Probe(&#default)).json())
            },
        };
        quote! {
            ::flowkit::__private::Parameter::__new(
                #name,
                #docs,
                #type_text,
                (&::flowkit::__private::Probe(&::core::marker::PhantomData::<#ty>)).param_type(),
                (&::flowkit::__private::Probe(&::core::marker::PhantomData::<#ty>)).is_written(),
                #default,
            )
        }
    });
    quote! {
        fn parameters() -> ::std::vec::Vec<::flowkit::__private::Parameter> {
            #[allow(unused_imports)]
            use ::flowkit::__private::{
                NotReadBack as _, NotWritable as _, NotSerializedArgument as _, ReadBack as _, Writable as _, SerializedArgument as _,
            };
            ::std::vec![#(#parameters),*]
        }
    }
}

/// The default of a parameter. A string is converted with `Into`.
fn default(param: &Param) -> Option<TokenStream> {
    let (ty, default) = (&param.ty, param.default.as_ref()?);
    let value = match default {
        Expr::Lit(ExprLit { lit: Lit::Str(_), .. }) => quote!(::core::convert::Into::into(#default)),
        _ => quote!(#default),
    };
    Some(quote!(::flowkit::__private::Arg::<#ty>::Value(#value)))
}

/// The names of the parameters; for a pattern, its position, counting from 1.
fn names(callable: &Callable) -> Vec<String> {
    let name = |(position, param): (usize, &Param)| {
        if param.is_anonymous() { (position + 1).to_string() } else { param.ident.unraw().to_string() }
    };
    callable.declared.params.iter().enumerate().map(name).collect()
}
