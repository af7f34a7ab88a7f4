//! Notices that a function is inside an `impl`: an attribute sees only its function, which then mentions `self` or `Self`.

use proc_macro2::{Ident, Span};
use syn::visit_mut::{self, VisitMut};
use syn::{FnArg, Item, ItemFn, Receiver};

/// What only a function inside an `impl` or a `trait` can mention.
pub(super) enum Sign {
    /// The `self` of a method.
    Receiver(Span),
    /// The first `Self`.
    SelfType(Span),
}

/// Finds the first sign. Changes nothing: only syn's visitor that could is compiled.
pub(super) fn sign(function: &mut ItemFn) -> Option<Sign> {
    if let Some(FnArg::Receiver(Receiver { self_token, .. })) = function.sig.inputs.first() {
        return Some(Sign::Receiver(self_token.span));
    }
    let mut found = SelfType(None);
    found.visit_signature_mut(&mut function.sig);
    found.visit_block_mut(&mut function.block);
    found.0.map(Sign::SelfType)
}

struct SelfType(Option<Span>);

impl VisitMut for SelfType {
    fn visit_ident_mut(&mut self, ident: &mut Ident) {
        if ident == "Self" {
            self.0.get_or_insert(ident.span());
        }
    }

    fn visit_item_mut(&mut self, item: &mut Item) {
        // An `impl` inside the function has a `Self` of its own, and so have types and traits; a nested function has none.
        if let Item::Fn(function) = item {
            visit_mut::visit_item_fn_mut(self, function);
        }
    }
}
