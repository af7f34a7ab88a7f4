//! The function in the shapes in which the generated code needs it: with its own lifetimes, with named ones, with none.

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
    /// As written.
    pub(crate) written: Function,
    /// With every lifetime named.
    pub(crate) named: Function,
    /// The lifetimes that occur in the parameters.
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
        say_what_types_must_do(&mut named, &lifetimes);
        let Output { ty, is_result } = &function.output;
        let part = |place: &Type, name: TokenStream| {
            SpanRange::of(place).around(quote!(<), ty, quote!(as ::flowkit::__private::Fallible>::#name))
        };
        let (value, error) = if *is_result {
            let output = &function.output;
            (part(output.value_place(), quote!(Value)), part(output.error_place(), quote!(Error)))
        } else {
            (quote!(#ty), quote!(::core::convert::Infallible))
        };
        let body = format_ident!("__flowkit_{}", function.ident.unraw(), span = function.ident.span());
        Self { written: function, named, lifetimes, body, value, error }
    }

    /// The lifetime of a call, and the generics that introduce it: the shortest of the parameters' lifetimes.
    pub(crate) fn call_lifetime(&self) -> (Lifetime, Generics) {
        let mut generics = self.named.generics.clone();
        let lifetime = match &self.lifetimes[..] {
            // Then the type parameters are `'static` too.
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
        self.body_type_of(&self.named.params, SpanRange::of(&self.written.ident))
    }

    /// The same, at a place of the user's choice: there the compiler says what is wrong with the arguments as a whole.
    pub(crate) fn body_type_at(&self, place: SpanRange) -> TokenStream {
        self.body_type_of(&self.named.params, place)
    }

    /// The same with `'static` for every lifetime.
    pub(crate) fn static_body_type(&self) -> TokenStream {
        self.body_type_of(&self.static_params(), SpanRange::of(&self.written.ident))
    }

    fn body_type_of(&self, params: &[Param], place: SpanRange) -> TokenStream {
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
        place.around(quote!(#body<), holders, quote!(>))
    }

    /// What stands for a parameter: `impl IntoArg<String>` or `impl IntoArg<&'a str, Lend>`, with the given trait.
    pub(crate) fn stand_ins<'a>(
        params: &'a [Param],
        of_trait: &'a TokenStream,
    ) -> impl Iterator<Item = TokenStream> + 'a {
        params.iter().map(move |param| {
            let passing = match &param.kind {
                ParamKind::Owned => quote!(>),
                ParamKind::Borrowed { .. } => quote!(, ::flowkit::args::ByRef>),
            };
            SpanRange::of(&param.ty).around(quote!(impl #of_trait<), &param.ty, passing)
        })
    }

    /// The parameters with `'static` for every lifetime: what a submitted call takes.
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

    /// The parameter types for a closure that stands for the function, with a `for<…>` where they need it.
    ///
    /// The user's lifetimes get other names, since the closure's type stands inside functions that have them too.
    pub(crate) fn closure_types(&self) -> (Option<TokenStream>, Vec<Type>) {
        let written: Vec<_> = self.written.generics.lifetimes().map(|param| param.lifetime.clone()).collect();
        let mut types: Vec<_> = self.written.params.iter().map(|param| param.ty.clone()).collect();
        types.iter_mut().for_each(|ty| Rename(&written).visit_type_mut(ty));
        let renamed = written.iter().map(Rename::name);
        ((!written.is_empty()).then(|| quote!(for<#(#renamed),*>)), types)
    }

    /// The generics without lifetimes, for what outlives the call.
    pub(crate) fn static_generics(&self) -> Generics {
        let mut generics = self.named.generics.clone();
        require(&mut generics, &quote!('static), |_| true);
        generics.params =
            generics.params.into_iter().filter(|param| !matches!(param, GenericParam::Lifetime(_))).collect();
        if let Some(clause) = &mut generics.where_clause {
            let kept = std::mem::take(&mut clause.predicates)
                .into_iter()
                .filter(|predicate| !matches!(predicate, WherePredicate::Lifetime(_)));
            clause.predicates = kept.collect();
        }
        MakeStatic::default().visit_generics_mut(&mut generics);
        generics
    }

    /// The generic arguments that the function as written must be given: types and constants, never lifetimes.
    pub(crate) fn turbofish(&self) -> Option<TokenStream> {
        let arguments: Vec<_> = self
            .written
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

    /// A name of the twin, placed at the name of the user's function.
    pub(crate) fn named(&self, name: &str) -> Ident {
        Ident::new(name, self.written.ident.span())
    }

    pub(crate) fn idents(&self) -> Vec<&Ident> {
        self.written.params.iter().map(|param| &param.ident).collect()
    }
}

/// Adds the bounds that every task has to the type parameters: its arguments cross threads, its value is shared, and
/// what borrows nothing by itself shall borrow nothing through a type either.
fn say_what_types_must_do(named: &mut Function, lifetimes: &[Lifetime]) {
    require(&mut named.generics, &quote!(::core::marker::Send + ::core::marker::Sync), |_| true);
    let mut words = TypeWords(Vec::new());
    words.visit_type_mut(&mut named.output.ty.clone());
    require(&mut named.generics, &quote!('static), |param| lifetimes.is_empty() || words.0.contains(param));
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
        // Where the user's own bounds stand: a bound in two places is a lint of clippy's.
        let said = where_clause.iter_mut().flat_map(|clause| &mut clause.predicates);
        let bounds = said.filter_map(|predicate| match predicate {
            WherePredicate::Type(said) if is_param(&said.bounded_ty, &param.ident) => Some(&mut said.bounds),
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

/// All words of a type.
struct TypeWords(Vec<Ident>);

impl VisitMut for TypeWords {
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

/// Holds the lifetimes that a `for<'a>` around has introduced: those stay.
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

/// What several parts of the generated code have in common.
impl Callable {
    /// What to underline if an argument cannot cross threads: its type, where there is only one.
    pub(crate) fn argument_place(&self) -> SpanRange {
        let mut types = self.written.params.iter().map(|param| &param.ty);
        match (types.next(), types.next()) {
            (Some(only), None) => SpanRange::of(only),
            _ => SpanRange::of(&self.written.ident),
        }
    }

    /// Lints that speak of names or shapes that the attribute, not the user, chose. Not for what has code of the user in it.
    pub(crate) fn quiet(&self) -> TokenStream {
        let allowed = self.written.attrs.allowed();
        quote! {
            #[allow(
                non_camel_case_types,
                missing_debug_implementations,
                unreachable_pub,
                unused_lifetimes,
                dead_code,
                deprecated,
                private_bounds,
                private_interfaces,
                clippy::all,
                clippy::pedantic,
                clippy::nursery
            )]
            #(#allowed)*
        }
    }

    /// The closure that stands for the function in a test.
    pub(crate) fn mock_type(&self) -> TokenStream {
        let (binder, types) = self.closure_types();
        let output = &self.written.output.ty;
        quote!(
            ::std::sync::Arc<
                dyn #binder ::core::ops::Fn(#(#types),*)
                    -> ::core::pin::Pin<::std::boxed::Box<dyn ::core::future::Future<Output = #output> + ::core::marker::Send>>
                    + ::core::marker::Send + ::core::marker::Sync
            >
        )
    }
}
