//! Finds the lifetimes of a signature, named or elided, and names the elided ones.

use proc_macro2::Span;
use syn::visit_mut::{self, VisitMut};
use syn::{
    GenericArgument, GenericParam, Generics, Lifetime, LifetimeParam, ParenthesizedGenericArguments,
    PathArguments, PathSegment, TraitBound, Type, TypeFnPtr, TypeReference,
};

/// Calls `each` for each lifetime of a type: with `None` for that of a bare `&`.
///
/// Skips lifetimes that the type binds itself: those of `fn(&T)`, `Fn(&T)` and
/// `dyn for<'a> Trait<'a>`; and the default one of `dyn Trait`.
pub(super) fn visit(ty: &mut Type, each: impl FnMut(&mut Option<Lifetime>, Span)) {
    Visitor(each).visit_type_mut(ty);
}

/// Names every elided lifetime in `types` and declares it in `generics`.
///
/// Returns all lifetimes of the types except `'static`, once each, in order.
pub(super) fn name<'a>(types: impl Iterator<Item = &'a mut Type>, generics: &mut Generics) -> Vec<Lifetime> {
    let (mut found, mut invented) = (Vec::new(), Vec::new());
    for ty in types {
        visit(ty, |slot, span| {
            let lifetime = match slot {
                Some(lifetime) if lifetime.ident != "_" => lifetime.clone(),
                _ => {
                    let lifetime = Lifetime::new(&format!("'__flowkit_{}", invented.len()), span);
                    invented.push(lifetime.clone());
                    slot.insert(lifetime).clone()
                }
            };
            if lifetime.ident != "static" && !found.contains(&lifetime) {
                found.push(lifetime);
            }
        });
    }
    // Lifetimes come first, and these after the user's own, whose positions must not change.
    let at = generics.lifetimes().count();
    for (position, lifetime) in invented.into_iter().enumerate() {
        let param = GenericParam::Lifetime(LifetimeParam::new(lifetime));
        generics.params.insert(at + position, param);
    }
    if !generics.params.is_empty() {
        generics.lt_token.get_or_insert_default();
        generics.gt_token.get_or_insert_default();
    }
    found
}

/// Whether a type names a lifetime or has a reference, except in a `Cow`, which can own its value.
pub(crate) fn mentions_lifetime(ty: &Type) -> bool {
    let mut ty = ty.clone();
    WithoutCow.visit_type_mut(&mut ty);
    let mut found = false;
    visit(&mut ty, |_, _| found = true);
    found
}

/// Removes the lifetime of each `Cow<'a, T>`.
struct WithoutCow;

impl VisitMut for WithoutCow {
    fn visit_path_segment_mut(&mut self, segment: &mut PathSegment) {
        if segment.ident == "Cow"
            && let PathArguments::AngleBracketed(arguments) = &mut segment.arguments
        {
            let all = arguments.args.clone().into_iter();
            arguments.args = all.filter(|arg| !matches!(arg, GenericArgument::Lifetime(_))).collect();
        }
        visit_mut::visit_path_segment_mut(self, segment);
    }
}

struct Visitor<F>(F);

impl<F: FnMut(&mut Option<Lifetime>, Span)> VisitMut for Visitor<F> {
    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        (self.0)(&mut reference.lifetime, reference.and_token.span);
        self.visit_type_mut(&mut reference.elem);
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        let mut slot = Some(lifetime.clone());
        (self.0)(&mut slot, lifetime.span());
        if let Some(named) = slot {
            *lifetime = named;
        }
    }

    fn visit_trait_bound_mut(&mut self, bound: &mut TraitBound) {
        if bound.lifetimes.is_none() {
            visit_mut::visit_trait_bound_mut(self, bound);
        }
    }

    fn visit_type_fn_ptr_mut(&mut self, _: &mut TypeFnPtr) {}

    fn visit_parenthesized_generic_arguments_mut(&mut self, _: &mut ParenthesizedGenericArguments) {}
}
