//! What `#[param(…)]` says about a parameter of a flow.

use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, MetaNameValue, Token};

use crate::attribute::AttributeKind;
use crate::errors::Errors;

const TAKES: &str = "`#[param]` takes `default`: `#[param(default = 100)]`";

pub(super) fn is_ours(attr: &Attribute) -> bool {
    attr.path().is_ident("param")
}

/// Reports what is wrong with it.
pub(super) fn check(attr: &Attribute, place: AttributeKind, errors: &mut Errors) {
    if place != AttributeKind::Flow {
        let message = "`#[param]` goes on a parameter of a flow, whose values come from outside; \
                       a task gets its values where it is called";
        errors.push(attr.path(), message);
        return;
    }
    let Some(said) = errors.keep(said(attr)) else { return };
    let mut has_default = false;
    for pair in &said {
        if !pair.path.is_ident("default") {
            errors.push(&pair.path, format!("unknown option; {TAKES}"));
        } else if std::mem::replace(&mut has_default, true) {
            errors.push(&pair.path, "`default` is set twice");
        }
    }
    if said.is_empty() {
        errors.push(attr.path(), format!("it says nothing; {TAKES}"));
    }
}

pub(super) fn default(attr: &Attribute) -> Option<Expr> {
    let said = said(attr).ok()?;
    said.into_iter().find(|pair| pair.path.is_ident("default")).map(|pair| pair.value)
}

fn said(attr: &Attribute) -> syn::Result<Punctuated<MetaNameValue, Token![,]>> {
    let list = attr.meta.require_list().map_err(|_| syn::Error::new_spanned(attr.path(), TAKES))?;
    Punctuated::parse_terminated.parse2(list.tokens.clone())
}
