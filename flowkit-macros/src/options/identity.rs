//! Which arguments distinguish the calls of a task: all except those that `ignore(…)` names, or instead the value of `key = …`.

use syn::ext::IdentExt as _;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::{Expr, Ident, Token};

use super::args::{AttributeArg, Spanned, Value};
use super::{Options, set, values};
use crate::errors::{Errors, did_you_mean, list};
use crate::signature::{Function, Param};

#[derive(Default)]
pub(crate) struct IdentityOptions {
    /// At least one.
    pub ignore: Option<Spanned<Vec<Ident>>>,
    /// A closure or a path.
    pub key: Option<Spanned<Expr>>,
}

impl Options for IdentityOptions {
    fn take(&mut self, arg: &AttributeArg, errors: &mut Errors) -> bool {
        match arg.key.name {
            "ignore" => {
                let names = errors.take(names(arg));
                self.ignore = names.map(|value| Spanned { value, span: arg.span });
                true
            }
            "key" => set(&mut self.key, arg, values::callable, errors),
            _ => false,
        }
    }

    fn check(&self, _args: &[AttributeArg], errors: &mut Errors) {
        if let (Some(ignore), Some(_)) = (&self.ignore, &self.key) {
            let message =
                "`key` replaces all arguments, including those that it does not use; remove `ignore`";
            errors.push_at(ignore.span, message);
        }
    }
}

impl IdentityOptions {
    /// Reports names that are not parameters of the function, or occur twice.
    pub(crate) fn check_against(&self, function: &Function, errors: &mut Errors) {
        let named = function.params.iter().filter(|param| !param.is_anonymous());
        let known: Vec<String> = named.map(|param| param.ident.unraw().to_string()).collect();
        let known = || known.iter().map(String::as_str);
        let ignored = self.ignore.iter().flat_map(|ignore| &ignore.value);
        let mut before: Vec<String> = Vec::new();
        for ident in ignored {
            let name = ident.unraw().to_string();
            if before.contains(&name) {
                errors.push_at(ident.span(), format!("`{name}` is ignored twice"));
            } else if !known().any(|known| known == name) {
                let has = match list(known(), "and") {
                    has if has.is_empty() => "it has no named parameters".to_owned(),
                    has => format!("it has {has}{}", did_you_mean(&name, known())),
                };
                let message = format!("`{name}` is not a parameter of `{}`; {has}", function.ident);
                errors.push_at(ident.span(), message);
            }
            before.push(name);
        }
    }

    /// Whether a parameter is ignored.
    pub(crate) fn ignores(&self, param: &Param) -> bool {
        let mut ignored = self.ignore.iter().flat_map(|ignore| &ignore.value);
        ignored.any(|ident| ident.unraw() == param.ident.unraw())
    }
}

/// Reads `ignore(client, pool)`.
fn names(arg: &AttributeArg) -> syn::Result<Vec<Ident>> {
    let wrong = || syn::Error::new(arg.span, arg.key.takes());
    let Value::List(tokens) = &arg.value else { return Err(wrong()) };
    let parser = Punctuated::<Ident, Token![,]>::parse_terminated;
    let names = parser.parse2(tokens.clone()).map_err(|_| wrong())?;
    if names.is_empty() {
        return Err(wrong());
    }
    Ok(names.into_iter().collect())
}
