//! What the library asks of a body: its inputs, one attempt, and what its types can do.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{GenericArgument, Ident, PathArguments, Type};

use super::callable::Callable;
use super::info;
use super::twin::{mock_type, quiet};
use crate::options::{Cache, Part, TaskOptions, Template};
use crate::signature::ParamKind;

/// The `impl Body`, and the checks of what its types must be able to do.
pub(crate) fn expand(
    callable: &Callable,
    info: &TokenStream,
    methods: &TokenStream,
    checks: &TokenStream,
) -> TokenStream {
    let (cfgs, name, body) = (&callable.written.attrs.cfgs, &callable.written.ident, &callable.body);
    let (generics, _, clause) = callable.named.generics.split_for_impl();
    let (value, error, body_type) = (&callable.value, &callable.error, callable.body_type());
    let idents = callable.idents();
    let runs = runs(callable);
    let quiet = quiet();
    let info_fn = info::path();
    let check_types = check_types(callable);
    let instance = callable.turbofish().map(|_| {
        quote! {
            fn instance() -> ::core::option::Option<&'static str> {
                ::core::option::Option::Some(::core::any::type_name::<Self>())
            }
        }
    });
    quote! {
        #(#cfgs)*
        #quiet
        const _: () = {
            impl #name {
                #[doc(hidden)]
                pub fn #info_fn() -> &'static ::flowkit::__private::TaskInfo {
                    static INFO: ::flowkit::__private::TaskInfo = #info;
                    &INFO
                }
            }

            impl #generics ::flowkit::__private::Body for #body_type #clause {
                type Output = #value;
                type Error = #error;

                fn info() -> &'static ::flowkit::__private::TaskInfo {
                    #name::#info_fn()
                }

                #instance

                fn visit(&self, visit: &mut ::flowkit::__private::Visit<'_>) {
                    #(self.#idents.visit(visit);)*
                    let _ = visit;
                }

                fn again(&self) -> ::core::option::Option<Self> {
                    #[allow(unused_imports)]
                    use ::flowkit::__private::{Again as _, NotAgain as _};
                    ::core::option::Option::Some(#body {
                        #(#idents: (&::flowkit::__private::Probe(&self.#idents)).again()?,)*
                        __flowkit_mention: ::core::marker::PhantomData,
                    })
                }

                #runs

                fn as_error(
                    error: &Self::Error,
                ) -> ::core::option::Option<&(dyn ::core::error::Error + 'static)> {
                    #[allow(unused_imports)]
                    use ::flowkit::__private::{AsError as _, DerefsToError as _, NoErrorToShow as _};
                    (&&::flowkit::__private::Probe(error)).as_error()
                }

                fn call_key(&self) -> ::core::option::Option<::flowkit::__private::Digest> {
                    #[allow(unused_imports)]
                    use ::flowkit::__private::{Keyed as _, NotKeyed as _};
                    #[allow(unused_mut)]
                    let mut key = ::flowkit::__private::CallKey::default();
                    #((&::flowkit::__private::Probe(&self.#idents)).add_to(&mut key);)*
                    ::core::option::Option::Some(key.finish())
                }

                fn copy_output(output: &Self::Output) -> ::core::option::Option<Self::Output> {
                    #[allow(unused_imports)]
                    use ::flowkit::__private::{Again as _, NotAgain as _};
                    (&::flowkit::__private::Probe(output)).again()
                }

                #methods
            }

            fn __flowkit_checks #generics () #clause {
                #check_types
                #checks
            }
        };
    }
}

/// `run`, and `run_detached` where it differs.
fn runs(callable: &Callable) -> TokenStream {
    let (body, idents) = (&callable.body, callable.idents());
    let take = quote! {
        let #body { #(#idents,)* __flowkit_mention: _ } = self;
    };
    let arguments: Vec<_> = callable
        .named
        .params
        .iter()
        .map(|param| {
            let ident = &param.ident;
            match param.kind {
                ParamKind::Owned => quote!(#ident.take()),
                ParamKind::Borrowed { .. } => quote!(#ident.get()),
            }
        })
        .collect();
    let (name, turbofish) = (&callable.written.ident, callable.turbofish());
    let span = name.span();
    let raw = quote_spanned!(span=> #name::raw #turbofish (#(#arguments),*));
    let mocked = if cfg!(feature = "testing") {
        let mock_type = mock_type(callable);
        let result = as_result(callable, quote!(mock(#(#arguments),*).await));
        let info = info::path();
        quote! {
            if let ::core::option::Option::Some(mock) =
                ::flowkit::__private::mocked::<#mock_type>(#name::#info())
            {
                return #result;
            }
        }
    } else {
        TokenStream::new()
    };
    let future = |attempt: TokenStream| {
        let result = as_result(callable, attempt);
        quote! {
            async move {
                #take
                #mocked
                #result
            }
        }
    };
    let output = quote! {
        impl ::core::future::Future<Output = ::core::result::Result<Self::Output, Self::Error>> + ::core::marker::Send
    };
    if callable.written.asyncness.is_some() {
        let run = future(quote!(#raw.await));
        return quote!(fn run(self) -> #output { #run });
    }
    let pooled = future(quote!(::flowkit::__private::run_blocking(move || #raw).await));
    if callable.is_static() {
        return quote!(fn run(self) -> #output { #pooled });
    }
    let in_place = future(raw);
    quote! {
        fn run(self) -> #output { #in_place }
        fn run_detached(self) -> #output where Self: 'static { #pooled }
    }
}

fn as_result(callable: &Callable, output: TokenStream) -> TokenStream {
    if callable.written.output.is_result {
        quote!(::flowkit::__private::Fallible::into_result(#output))
    } else {
        quote!(::core::result::Result::Ok(#output))
    }
}

fn check_types(callable: &Callable) -> TokenStream {
    let (value, error) = (&callable.value, &callable.error);
    let span = callable.written.output.ty.span();
    let checked_error = if callable.written.output.is_result {
        quote_spanned!(span=> ::flowkit::__private::assert_task_error::<#error>();)
    } else {
        TokenStream::new()
    };
    let checked_value = quote_spanned!(span=> ::flowkit::__private::assert_task_output::<#value>(););
    quote!(#checked_value #checked_error)
}

/// Retries need the arguments again.
pub(crate) fn retry_checks(callable: &Callable) -> TokenStream {
    let owned = callable.named.params.iter().filter(|param| matches!(param.kind, ParamKind::Owned));
    owned
        .map(|param| {
            let ty = &param.ty;
            quote_spanned!(ty.span()=> ::flowkit::__private::assert_retry_arg::<#ty>();)
        })
        .collect()
}

/// What only a task has.
pub(crate) struct TaskExtras<'a> {
    pub(crate) options: &'a TaskOptions,
}

impl TaskExtras<'_> {
    pub(crate) fn methods(&self, callable: &Callable) -> TokenStream {
        let retry_if = self.options.retry_if.as_ref().map(|predicate| {
            let predicate = &predicate.value;
            quote! {
                fn retry_if(error: &Self::Error) -> bool {
                    let predicate: fn(&Self::Error) -> bool = #predicate;
                    predicate(error)
                }
            }
        });
        let run_name = self.options.label.run_name.as_ref().map(|name| run_name(&name.value));
        let cache_key = self.cache_key(callable);
        quote!(#retry_if #run_name #cache_key)
    }

    fn cache_key(&self, callable: &Callable) -> Option<TokenStream> {
        let idents = callable.idents();
        let digest = match &self.options.cache.as_ref()?.value {
            Cache::None => return None,
            Cache::Inputs | Cache::Run => quote! {
                ::core::result::Result::Ok(::flowkit::__private::Digest::join(&[
                    #(::flowkit::__private::digest(self.#idents.get())?),*
                ]))
            },
            Cache::Key(key) => {
                let types = callable.written.params.iter().map(|param| match &param.kind {
                    ParamKind::Owned => &param.ty,
                    ParamKind::Borrowed { elem, .. } => elem,
                });
                quote! {
                    let key: fn(#(&#types),*) -> _ = #key;
                    ::flowkit::__private::digest(&key(#(self.#idents.get()),*))
                }
            }
        };
        Some(quote! {
            fn cache_key(
                &self,
            ) -> ::core::result::Result<::flowkit::__private::Digest, ::flowkit::__private::DigestError> {
                #digest
            }
        })
    }

    pub(crate) fn checks(&self, callable: &Callable) -> TokenStream {
        let retries = self.options.attempts.retries.as_ref().is_some_and(|retries| retries.value > 0);
        let retry_checks = if retries { retry_checks(callable) } else { TokenStream::new() };
        let (inputs, output) = match self.options.cache.as_ref().map(|cache| &cache.value) {
            None | Some(Cache::None) => (false, false),
            Some(Cache::Key(_)) => (false, true),
            Some(Cache::Inputs | Cache::Run) => (true, true),
        };
        let params = callable.named.params.iter().filter(|_| inputs).map(|param| {
            let ty: &Type = match &param.kind {
                ParamKind::Owned => &param.ty,
                ParamKind::Borrowed { elem, .. } => elem,
            };
            quote_spanned!(param.ty.span()=> ::flowkit::__private::assert_cache_arg::<#ty>();)
        });
        let output = output.then(|| {
            let value = &callable.value;
            quote_spanned!(callable.written.output.ty.span()=> ::flowkit::__private::assert_cache_output::<#value>();)
        });
        quote!(#retry_checks #(#params)* #output)
    }
}

pub(crate) fn run_name(template: &Template) -> TokenStream {
    let mut format = String::new();
    let mut arguments = Vec::new();
    for part in &template.parts {
        match part {
            Part::Text(text) => format.push_str(&text.replace('{', "{{").replace('}', "}}")),
            Part::Param(name) => {
                format.push_str("{}");
                let ident = syn::parse_str::<Ident>(name)
                    .unwrap_or_else(|_| Ident::new_raw(name, proc_macro2::Span::call_site()));
                arguments.push(quote!(self.#ident.get()));
            }
        }
    }
    quote! {
        fn run_name(&self) -> ::core::option::Option<::std::string::String> {
            ::core::option::Option::Some(::std::format!(#format #(, #arguments)*))
        }
    }
}

/// What only a flow has.
pub(crate) fn flow_methods(run_name: Option<TokenStream>) -> TokenStream {
    quote! {
        #run_name

        fn call(
            self,
            setup: ::flowkit::__private::Setup<Self::Error>,
        ) -> impl ::core::future::Future<
            Output = ::core::result::Result<Self::Output, ::flowkit::Error<Self::Error>>,
        > + ::core::marker::Send {
            ::flowkit::__private::call_flow(self, setup)
        }

        fn submit(
            self,
            setup: ::flowkit::__private::Setup<Self::Error>,
        ) -> ::flowkit::Handle<Self::Output, Self::Error> {
            ::flowkit::__private::submit_flow(self, setup)
        }
    }
}

/// The `impl FlowBody`: counts the handles in what the flow returns, each part of a tuple by itself.
pub(crate) fn tally(callable: &Callable) -> TokenStream {
    let cfgs = &callable.written.attrs.cfgs;
    let (generics, _, clause) = callable.named.generics.split_for_impl();
    let body_type = callable.body_type();
    let parts = match returned_type(callable) {
        Some(Type::Tuple(tuple)) if !tuple.elems.is_empty() => {
            let indices = (0..tuple.elems.len()).map(syn::Index::from);
            quote!(#((&::flowkit::__private::Probe(&output.#indices)).tally(tally);)*)
        }
        _ => quote!((&::flowkit::__private::Probe(output)).tally(tally);),
    };
    quote! {
        #(#cfgs)*
        const _: () = {
            impl #generics ::flowkit::__private::FlowBody for #body_type #clause {
                fn tally(output: &Self::Output, tally: &mut ::flowkit::__private::Tally) {
                    #[allow(unused_imports)]
                    use ::flowkit::__private::{NotTallied as _, Tallied as _};
                    #parts
                }
            }
        };
    }
}

/// The type of the value, as far as it can be read: that of a `Result` is its first argument.
fn returned_type(callable: &Callable) -> Option<&Type> {
    let output = &callable.written.output;
    if !output.is_result {
        return Some(&output.ty);
    }
    let Type::Path(path) = &output.ty else { return None };
    let PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    }
}
