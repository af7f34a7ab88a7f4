//! What flowkit asks of a body: its inputs, one attempt, and what its types can do.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{Ident, Index, Type};

use super::callable::Callable;
use super::info;
use super::span_range::SpanRange;
use crate::options::{IdentityOptions, Part, Persist, Placeholder, Template};
use crate::signature::{Output, Param, ParamKind, mentions_lifetime};

/// What differs between a task and a flow.
pub(crate) struct BodyParts {
    /// The description.
    pub(crate) info: TokenStream,
    /// In the `impl Body`.
    pub(crate) methods: TokenStream,
    /// In the `impl Dispatch`.
    pub(crate) dispatch: TokenStream,
    /// What the types must be able to do.
    pub(crate) checks: TokenStream,
    /// Beside the two.
    pub(crate) impls: TokenStream,
}

/// The `impl Body`, with the description, the dispatch, and the checks of what the types must be able to do.
pub(crate) fn expand(callable: &Callable, parts: &BodyParts) -> TokenStream {
    let BodyParts { info, methods, dispatch, checks, impls } = parts;
    let (cfgs, quiet) = (&callable.declared.attrs.cfgs, callable.quiet());
    let describe = describe(callable, info);
    let body = implement_body(callable, methods);
    let dispatch = implement_dispatch(callable, dispatch);
    let checks = check(callable, checks);
    quote! {
        #(#cfgs)*
        #quiet
        const _: () = {
            #describe
            #body
            #dispatch
            #impls
            #checks
        };
    }
}

/// The function that returns the description.
fn describe(callable: &Callable, info: &TokenStream) -> TokenStream {
    let (name, info_fn) = (&callable.declared.ident, info::path());
    quote! {
        impl #name {
            #[doc(hidden)]
            pub fn #info_fn() -> &'static ::flowkit::__private::TaskInfo {
                static INFO: ::flowkit::__private::TaskInfo = #info;
                &INFO
            }
        }
    }
}

fn implement_body(callable: &Callable, methods: &TokenStream) -> TokenStream {
    let (name, info_fn) = (&callable.declared.ident, info::path());
    let (generics, _, clause) = callable.named.generics.split_for_impl();
    let (value, error) = (&callable.value, &callable.error);
    // One span for all, so that an argument that cannot cross threads is reported once.
    let span = callable.argument_span();
    let body_type = callable.body_type_at(span);
    let body_trait = span.around(quote!(::flowkit::__private::), quote!(), quote!(Body));
    let (inputs, runs, outcome) = (inputs(callable), runs(callable), outcome(callable));
    // The path of a type, unlike `module_path!`, includes the function in whose body it is declared.
    let identity = if callable.turbofish().is_some() { quote!(Self) } else { quote!(#name) };
    quote! {
        impl #generics #body_trait for #body_type #clause {
            type Output = #value;
            type Error = #error;

            fn info() -> &'static ::flowkit::__private::TaskInfo {
                #name::#info_fn()
            }

            fn identity() -> &'static str {
                ::core::any::type_name::<#identity>()
            }

            #inputs

            #runs

            #outcome

            #methods
        }
    }
}

fn implement_dispatch(callable: &Callable, dispatch: &TokenStream) -> TokenStream {
    let body_type = callable.body_type_at(callable.argument_span());
    // The compiler reports what is wrong with the body once, at its own `impl`. The lifetime keeps it from checking this bound.
    let mut generics = callable.named.generics.clone();
    generics.make_where_clause().predicates.push(syn::parse_quote!(
        for<'__flowkit_dispatch> #body_type: ::flowkit::__private::Body
    ));
    let (_, _, clause) = generics.split_for_impl();
    let (generics, _, _) = callable.named.generics.split_for_impl();
    quote! {
        impl #generics ::flowkit::__private::Dispatch for #body_type #clause {
            #dispatch
        }
    }
}

fn check(callable: &Callable, checks: &TokenStream) -> TokenStream {
    let (generics, _, clause) = callable.named.generics.split_for_impl();
    let check_output = check_output(callable);
    quote! {
        fn __flowkit_checks #generics () #clause {
            #[allow(unused_imports)]
            use ::flowkit::rules::NoResult as _;
            #check_output
            #checks
        }
    }
}

/// The questions about the arguments before an attempt.
fn inputs(callable: &Callable) -> TokenStream {
    let (body, idents) = (&callable.body, callable.idents());
    quote! {
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
    }
}

/// The questions about the outcome of an attempt.
fn outcome(callable: &Callable) -> TokenStream {
    let (value, error) = (&callable.value, &callable.error);
    quote! {
        fn as_error<'__flowkit_error>(
            error: &'__flowkit_error #error,
        ) -> ::core::option::Option<&'__flowkit_error (dyn ::core::error::Error + 'static)> {
            #[allow(unused_imports)]
            use ::flowkit::__private::{AsError as _, DerefsToError as _, NoErrorToShow as _};
            (&&::flowkit::__private::Probe(error)).as_error()
        }

        fn copy_output(output: &#value) -> ::core::option::Option<#value> {
            #[allow(unused_imports)]
            use ::flowkit::__private::{Again as _, NotAgain as _};
            (&::flowkit::__private::Probe(output)).again()
        }

        fn digest_output(output: &#value) -> ::core::option::Option<::flowkit::__private::Digest> {
            #[allow(unused_imports)]
            use ::flowkit::__private::{Digested as _, NotDigested as _};
            (&::flowkit::__private::Probe(output)).digest()
        }
    }
}

/// `run`, and `run_detached` if it differs.
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
    let (name, turbofish) = (&callable.declared.ident, callable.turbofish());
    let span = name.span();
    let raw = quote_spanned!(span=> #name::raw #turbofish (#(#arguments),*));
    let mocked = if cfg!(feature = "testing") {
        let mock_type = callable.mock_type();
        let result = as_result(callable, quote!(__flowkit_mock(#(#arguments),*).await));
        let info = info::path();
        quote! {
            if let ::core::option::Option::Some(__flowkit_mock) =
                ::flowkit::__private::mocked::<#mock_type>(#name::#info())
            {
                return #result;
            }
        }
    } else {
        TokenStream::new()
    };
    // The compiler reports here, at the function's name, that the future is not `Send`.
    let future = |attempt: TokenStream| {
        let result = as_result(callable, attempt);
        quote_spanned! {span=>
            async move {
                #take
                #mocked
                #result
            }
        }
    };
    let (value, error) = (&callable.value, &callable.error);
    let result = quote!(::core::result::Result<#value, #error>);
    let output = quote_spanned!(span=> impl ::core::future::Future<Output = #result> + ::core::marker::Send);
    if callable.declared.asyncness.is_some() {
        let run = future(quote_spanned!(span=> #raw.await));
        return quote!(fn run(self) -> #output { #run });
    }
    let pooled = future(quote_spanned!(span=> ::flowkit::__private::run_blocking(move || #raw).await));
    if callable.is_static() {
        return quote!(fn run(self) -> #output { #pooled });
    }
    let in_place = future(quote_spanned!(span=> ::flowkit::__private::run_in_place(|| #raw)));
    quote! {
        fn run(self) -> #output { #in_place }
        fn run_detached(self) -> #output where Self: 'static { #pooled }
    }
}

fn as_result(callable: &Callable, output: TokenStream) -> TokenStream {
    let span = SpanRange::of(&callable.declared.output.ty).start;
    if callable.declared.output.is_result {
        quote_spanned!(span=> ::flowkit::__private::Fallible::into_result(#output))
    } else {
        quote!(::core::result::Result::Ok(#output))
    }
}

/// Refuses a `Result` under another name: it would be a plain value, and its errors would count as successes.
fn check_output(callable: &Callable) -> TokenStream {
    let Output { ty, is_result } = &callable.declared.output;
    if *is_result {
        return TokenStream::new();
    }
    let span = SpanRange::of(ty);
    let returned = span.around(quote!(::flowkit::rules::Returned::<), ty, quote!(>::new()));
    let check = quote_spanned!(span.start=> .asked().every_value_is_a_success(););
    quote!(#returned #check)
}

/// The function that returns how results are written and read, if their type supports that.
pub(crate) fn codec(callable: &Callable, persist: Persist) -> Option<TokenStream> {
    let (value, output) = (&callable.value, &callable.declared.output);
    // A type that borrows may be `Deserialize`, but cannot be read from storage.
    let is_persisted = match persist {
        Persist::Auto => !mentions_lifetime(output.value_type()),
        Persist::Always => output.reference().is_none(),
        Persist::Never => false,
    };
    if !is_persisted || !cfg!(feature = "store") {
        return None;
    }
    let SpanRange { start, end } = SpanRange::of(output.value_type());
    let probe = quote_spanned! {start=>
        (&::flowkit::__private::Probe(&::core::marker::PhantomData::<#value>))
    };
    let answer = quote_spanned!(end=> .codec());
    Some(quote! {
        fn codec() -> ::core::option::Option<::flowkit::__private::Codec<#value>> {
            #[allow(unused_imports)]
            use ::flowkit::__private::{Compared as _, Persisted as _, NotCompared as _, NotPersisted as _};
            ::core::option::Option::map(#probe #answer, |codec| codec.comparing(#probe.same()))
        }
    })
}

/// The check that a result can be persisted, if it must be.
pub(crate) fn check_persisted(callable: &Callable, persist: Persist) -> Option<TokenStream> {
    let output = &callable.declared.output;
    (persist == Persist::Always && output.reference().is_none()).then(|| {
        let span = SpanRange::of(output.value_type());
        span.around(quote!(::flowkit::rules::persisted_output::<), &callable.value, quote!(>();))
    })
}

/// The checks that arguments can be used again, which retries need.
pub(crate) fn retry_checks(callable: &Callable) -> TokenStream {
    let owned = callable.named.params.iter().filter(|param| matches!(param.kind, ParamKind::Owned));
    owned.map(|param| rule(quote!(taken_again), &param.ty)).collect()
}

/// Requires an ability of a type, with the error at the type.
pub(super) fn rule(name: TokenStream, ty: &Type) -> TokenStream {
    SpanRange::of(ty).around(quote!(::flowkit::rules::#name::<), ty, quote!(>();))
}

/// The check that arguments can be compared.
pub(super) fn compared_arguments(callable: &Callable, identity: &IdentityOptions) -> TokenStream {
    let params = callable.named.params.iter().filter(|param| !identity.ignores(param));
    params.map(|param| rule(quote!(compared_argument), elem(param))).collect()
}

/// The type that a key function gets a reference to.
pub(crate) fn elem(param: &Param) -> &Type {
    match &param.kind {
        ParamKind::Owned => &param.ty,
        ParamKind::Borrowed { elem, .. } => elem,
    }
}

pub(crate) fn run_name(template: &Template) -> TokenStream {
    let (mut format, mut arguments) = (String::new(), Vec::new());
    for part in &template.parts {
        match part {
            Part::Text(text) => format.push_str(&text.replace('{', "{{").replace('}', "}}")),
            Part::Placeholder(shown) => {
                format.push_str(&format!("{{:{}}}", shown.format));
                arguments.push(shown_in_run_name(shown));
            }
        }
    }
    quote! {
        fn run_name(&self) -> ::core::option::Option<::std::string::String> {
            ::core::option::Option::Some(::std::format!(#format #(, #arguments)*))
        }
    }
}

/// The argument of `format!` for a placeholder. The compiler reports at the template what its type cannot do.
fn shown_in_run_name(shown: &Placeholder) -> TokenStream {
    let span = shown.span;
    let member = |name: &String| match (name.parse(), syn::parse_str::<Ident>(name)) {
        (Ok(index), _) => Index { index, span }.to_token_stream(),
        (_, Ok(ident)) => Ident::new(&ident.to_string(), span).to_token_stream(),
        _ => Ident::new_raw(name, span).to_token_stream(),
    };
    let (param, fields) = (member(&shown.param), shown.fields.iter().map(member));
    let known = quote_spanned!(span=> self.#param.known()?);
    let value = if shown.fields.is_empty() { known } else { quote_spanned!(span=> &#known #(.#fields)*) };
    match shown.format.chars().last() {
        Some('?') => quote_spanned!(span=> ::flowkit::rules::debug_in_run_name(#value)),
        // Hexadecimal and the like: `format!` itself says what is missing.
        Some('x' | 'X' | 'o' | 'b' | 'e' | 'E') => value,
        _ => quote_spanned!(span=> ::flowkit::rules::in_run_name(#value)),
    }
}
