//! The function in the forms that the generated code needs: with its own lifetimes, with named ones, with none.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::visit_mut::{self, VisitMut};
use syn::{
    BoundLifetimes, GenericParam, Generics, Ident, Lifetime, PredicateType, TraitBound, Type, WherePredicate,
    parse_quote,
};

use super::span_range::SpanRange;
use crate::signature::{Function, Output, Param, ParamKind};

pub(crate) struct Callable {
    /// As the user declared it.
    pub(crate) declared: Function,
    /// With every lifetime named.
    pub(crate) named: Function,
    /// The lifetimes in the parameters.
    pub(crate) lifetimes: Vec<Lifetime>,
    /// The type that holds the arguments.
    pub(crate) body: Ident,
    /// The type of the value.
    pub(crate) value: TokenStream,
    /// The type of the error.
    pub(crate) error: TokenStream,
}

impl Callable {
    pub(crate) fn new(function: Function) -> Self {
        let mut named = function.clone();
        let lifetimes = named.name_lifetimes();
        add_bounds(&mut named, &lifetimes);
        let Output { ty, is_result } = &function.output;
        let part = |underlined: &Type, name: TokenStream| {
            SpanRange::of(underlined).around(quote!(<), ty, quote!(as ::flowkit::__private::Fallible>::#name))
        };
        let (value, error) = if *is_result {
            let output = &function.output;
            (part(output.value_type(), quote!(Value)), part(output.error_type(), quote!(Error)))
        } else {
            (quote!(#ty), quote!(::core::convert::Infallible))
        };
        let body = format_ident!("__flowkit_{}", function.ident.unraw(), span = function.ident.span());
        Self { declared: function, named, lifetimes, body, value, error }
    }

    /// The lifetime of a call, which is the shortest of its parameters' lifetimes, and the generics that declare it.
    pub(crate) fn call_lifetime(&self) -> (Lifetime, Generics) {
        let mut generics = self.named.generics.clone();
        let lifetime = match &self.lifetimes[..] {
            // Here the type parameters are `'static` too.
            [] => return (parse_quote!('static), generics),
            [only] => only.clone(),
            several => {
                let shortest: Lifetime = parse_quote!('__flowkit_call);
                generics.params.insert(0, parse_quote!(#shortest));
                let clause = generics.make_where_clause();
                for lifetime in several {
                    clause.predicates.push(parse_quote!(#lifetime: #shortest));
                }
                shortest
            }
        };
        require(&mut generics, &quote!(#lifetime), |_| true);
        (lifetime, generics)
    }

    /// The body's type with its arguments: `__flowkit_fetch<Arg<String>, Lent<'a, str>, (T,), N>`.
    pub(crate) fn body_type(&self) -> TokenStream {
        self.body_type_of(&self.named.params, SpanRange::of(&self.declared.ident))
    }

    /// The same, at a span where the compiler reports problems of the arguments as a whole.
    pub(crate) fn body_type_at(&self, span: SpanRange) -> TokenStream {
        self.body_type_of(&self.named.params, span)
    }

    /// The same with `'static` for every lifetime.
    pub(crate) fn static_body_type(&self) -> TokenStream {
        self.body_type_of(&self.static_params(), SpanRange::of(&self.declared.ident))
    }

    fn body_type_of(&self, params: &[Param], span: SpanRange) -> TokenStream {
        let body = &self.body;
        let held = params.iter().map(|param| match &param.kind {
            ParamKind::Owned => {
                let ty = &param.ty;
                quote!(::flowkit::__private::Arg<#ty>)
            }
            ParamKind::Borrowed { lifetime, elem } => quote!(::flowkit::__private::Lent<#lifetime, #elem>),
        });
        let mentioned = self.named.generics.type_params().map(|param| &param.ident);
        let constants = self.named.generics.const_params().map(|param| &param.ident);
        let holders = quote!(#(#held,)* (#(#mentioned,)*), #(#constants),*);
        span.around(quote!(#body<), holders, quote!(>))
    }

    /// The types accepted for the parameters: `impl IntoArg<String>` or `impl IntoArg<&'a str, ByRef>`, for the trait `of_trait`.
    pub(crate) fn accepted_types<'a>(
        params: &'a [Param],
        of_trait: &'a TokenStream,
    ) -> impl Iterator<Item = TokenStream> + 'a {
        params.iter().map(move |param| {
            let mode = match &param.kind {
                ParamKind::Owned => quote!(>),
                ParamKind::Borrowed { .. } => quote!(, ::flowkit::args::ByRef>),
            };
            SpanRange::of(&param.ty).around(quote!(impl #of_trait<), &param.ty, mode)
        })
    }

    /// The parameters with `'static` for every lifetime, as a submitted call takes them.
    pub(crate) fn static_params(&self) -> Vec<Param> {
        let mut params = self.named.params.clone();
        for param in &mut params {
            MakeStatic::default().visit_type_mut(&mut param.ty);
            if let ParamKind::Borrowed { lifetime, elem } = &mut param.kind {
                *lifetime = Some(parse_quote!('static));
                MakeStatic::default().visit_type_mut(elem);
            }
        }
        params
    }

    /// The parameter types of a closure that replaces the function, with a `for<…>` if they need it.
    ///
    /// The user's lifetimes get new names, since the closure's type occurs inside functions that declare them too.
    pub(crate) fn closure_types(&self) -> (Option<TokenStream>, Vec<Type>) {
        let written: Vec<_> =
            self.declared.generics.lifetimes().map(|param| param.lifetime.clone()).collect();
        let mut types: Vec<_> = self.declared.params.iter().map(|param| param.ty.clone()).collect();
        types.iter_mut().for_each(|ty| Rename(&written).visit_type_mut(ty));
        let renamed = written.iter().map(Rename::name);
        ((!written.is_empty()).then(|| quote!(for<#(#renamed),*>)), types)
    }

    /// The generics without lifetimes, for code that outlives the call.
    pub(crate) fn static_generics(&self) -> Generics {
        let mut generics = self.named.generics.clone();
        require(&mut generics, &quote!('static), |_| true);
        generics.params =
            generics.params.into_iter().filter(|param| !matches!(param, GenericParam::Lifetime(_))).collect();
        if let Some(clause) = &mut generics.where_clause {
            let others = std::mem::take(&mut clause.predicates)
                .into_iter()
                .filter(|predicate| !matches!(predicate, WherePredicate::Lifetime(_)));
            clause.predicates = others.collect();
        }
        MakeStatic::default().visit_generics_mut(&mut generics);
        generics
    }

    /// The generic arguments for the declared function: types and constants, never lifetimes.
    pub(crate) fn turbofish(&self) -> Option<TokenStream> {
        let arguments: Vec<_> = self
            .declared
            .generics
            .params
            .iter()
            .filter_map(|param| match param {
                GenericParam::Type(param) => Some(param.ident.clone()),
                GenericParam::Const(param) => Some(param.ident.clone()),
                GenericParam::Lifetime(_) => None,
            })
            .collect();
        (!arguments.is_empty()).then(|| quote!(::<#(#arguments),*>))
    }

    /// Whether a call that is awaited in place may move its arguments to another thread.
    pub(crate) fn is_static(&self) -> bool {
        self.lifetimes.is_empty()
    }

    /// A name in the twin, with the span of the user's function name.
    pub(crate) fn named(&self, name: &str) -> Ident {
        Ident::new(name, self.declared.ident.span())
    }

    pub(crate) fn idents(&self) -> Vec<&Ident> {
        self.declared.params.iter().map(|param| &param.ident).collect()
    }
}

/// Adds the bounds of every task to the type parameters: its arguments cross threads, its value is shared, and a task without
/// lifetimes must not borrow through a type parameter either.
fn add_bounds(named: &mut Function, lifetimes: &[Lifetime]) {
    require(&mut named.generics, &quote!(::core::marker::Send + ::core::marker::Sync), |_| true);
    let mut idents = TypeIdents(Vec::new());
    idents.visit_type_mut(&mut named.output.ty.clone());
    require(&mut named.generics, &quote!('static), |param| lifetimes.is_empty() || idents.0.contains(param));
}

/// Adds bounds to some of the type parameters.
fn require(generics: &mut Generics, bounds: &TokenStream, of: impl Fn(&Ident) -> bool) {
    let bounded: syn::TypeParam = parse_quote!(__FlowkitBounded: #bounds);
    let Generics { params, where_clause, .. } = generics;
    for param in params.iter_mut() {
        let GenericParam::Type(param) = param else { continue };
        if !of(&param.ident) {
            continue;
        }
        // Beside the user's own bounds: clippy warns about bounds in two places.
        let predicates = where_clause.iter_mut().flat_map(|clause| &mut clause.predicates);
        let bounds = predicates.filter_map(|predicate| match predicate {
            WherePredicate::Type(bound) if is_param(&bound.bounded_ty, &param.ident) => {
                Some(&mut bound.bounds)
            }
            _ => None,
        });
        let bounds = bounds.last().unwrap_or(&mut param.bounds);
        bounds.extend(bounded.bounds.clone());
        if !param.bounds.is_empty() {
            param.colon_token.get_or_insert_default();
        }
    }
}

fn is_param(ty: &Type, param: &Ident) -> bool {
    matches!(ty, Type::Path(path) if path.path.is_ident(param))
}

/// All idents of a type.
struct TypeIdents(Vec<Ident>);

impl VisitMut for TypeIdents {
    fn visit_ident_mut(&mut self, ident: &mut Ident) {
        self.0.push(ident.clone());
    }
}

struct Rename<'a>(&'a [Lifetime]);

impl Rename<'_> {
    fn name(lifetime: &Lifetime) -> Lifetime {
        Lifetime::new(&format!("'__flowkit_{}", lifetime.ident), lifetime.span())
    }
}

impl VisitMut for Rename<'_> {
    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if self.0.contains(lifetime) {
            *lifetime = Self::name(lifetime);
        }
    }
}

/// Replaces lifetimes by `'static`, except those of an enclosing `for<'a>`, which it holds.
#[derive(Default)]
struct MakeStatic(Vec<Lifetime>);

impl MakeStatic {
    fn under(&mut self, binder: Option<&BoundLifetimes>, visit: impl FnOnce(&mut Self)) {
        let outside = self.0.len();
        for param in binder.iter().flat_map(|binder| &binder.lifetimes) {
            if let GenericParam::Lifetime(param) = param {
                self.0.push(param.lifetime.clone());
            }
        }
        visit(self);
        self.0.truncate(outside);
    }
}

impl VisitMut for MakeStatic {
    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if !self.0.contains(lifetime) {
            *lifetime = Lifetime::new("'static", lifetime.span());
        }
    }

    fn visit_trait_bound_mut(&mut self, bound: &mut TraitBound) {
        let binder = bound.lifetimes.clone();
        self.under(binder.as_ref(), |this| visit_mut::visit_trait_bound_mut(this, bound));
    }

    fn visit_predicate_type_mut(&mut self, predicate: &mut PredicateType) {
        let binder = predicate.lifetimes.clone();
        self.under(binder.as_ref(), |this| visit_mut::visit_predicate_type_mut(this, predicate));
    }

    // Lifetimes in `fn(&str)` and `Fn(&str)` are their own.
    fn visit_type_fn_ptr_mut(&mut self, _: &mut syn::TypeFnPtr) {}
    fn visit_parenthesized_generic_arguments_mut(&mut self, _: &mut syn::ParenthesizedGenericArguments) {}
    fn visit_bound_lifetimes_mut(&mut self, _: &mut syn::BoundLifetimes) {}
}

/// What several parts of the generated code share.
impl Callable {
    /// What to underline if an argument cannot cross threads: its type if there is only one, otherwise the function's name.
    pub(crate) fn argument_span(&self) -> SpanRange {
        let mut types = self.declared.params.iter().map(|param| &param.ty);
        match (types.next(), types.next()) {
            (Some(only), None) => SpanRange::of(only),
            _ => SpanRange::of(&self.declared.ident),
        }
    }

    /// Allows lints about names and forms that the attribute chose. Not for items that contain the user's code.
    pub(crate) fn quiet(&self) -> TokenStream {
        let allowed = self.declared.attrs.allowed();
        quote! {
            #[allow(
                non_camel_case_types,
                missing_debug_implementations,
                unreachable_pub,
                unused_lifetimes,
                single_use_lifetimes,
                dead_code,
                deprecated,
                private_bounds,
                private_interfaces,
                unused_qualifications,
                clippy::all,
                clippy::pedantic,
                clippy::nursery,
                clippy::absolute_paths,
                clippy::exhaustive_structs,
                clippy::impl_trait_in_params,
                clippy::missing_inline_in_public_items,
                clippy::question_mark_used,
                clippy::same_name_method,
                clippy::shadow_reuse
            )]
            #(#allowed)*
        }
    }

    /// The type of a closure that replaces the function in a test.
    pub(crate) fn mock_type(&self) -> TokenStream {
        let (binder, types) = self.closure_types();
        let output = &self.declared.output.ty;
        quote!(
            ::std::sync::Arc<
                dyn #binder ::core::ops::Fn(#(#types),*)
                    -> ::core::pin::Pin<::std::boxed::Box<dyn ::core::future::Future<Output = #output> + ::core::marker::Send>>
                    + ::core::marker::Send + ::core::marker::Sync
            >
        )
    }
}
