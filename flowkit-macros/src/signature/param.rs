//! Reads `#[param(…)]` on a parameter of a flow.

use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, MetaNameValue, Token};

use crate::attribute::AttributeKind;
use crate::errors::Errors;

const TAKES: &str = "`#[param]` takes `default`: `#[param(default = 100)]`";

pub(super) fn is_ours(attr: &Attribute) -> bool {
    attr.path().is_ident("param")
}

/// Reports mistakes in it.
pub(super) fn check(attr: &Attribute, kind: AttributeKind, errors: &mut Errors) {
    if kind != AttributeKind::Flow {
        let message = "`#[param]` goes on a parameter of a flow, which may get its value from outside; \
                       a task gets its values from its caller";
        errors.push(attr.path(), message);
        return;
    }
    let Some(options) = errors.take(options(attr)) else { return };
    let mut has_default = false;
    for pair in &options {
        if !pair.path.is_ident("default") {
            errors.push(&pair.path, format!("unknown option; {TAKES}"));
        } else if std::mem::replace(&mut has_default, true) {
            errors.push(&pair.path, "`default` is set twice");
        }
    }
    if options.is_empty() {
        errors.push(attr.path(), format!("it has no option; {TAKES}"));
    }
}

pub(super) fn default(attr: &Attribute) -> Option<Expr> {
    let options = options(attr).ok()?;
    options.into_iter().find(|pair| pair.path.is_ident("default")).map(|pair| pair.value)
}

fn options(attr: &Attribute) -> syn::Result<Punctuated<MetaNameValue, Token![,]>> {
    let list = attr.meta.require_list().map_err(|_| syn::Error::new_spanned(attr.path(), TAKES))?;
    Punctuated::parse_terminated.parse2(list.tokens.clone())
}
