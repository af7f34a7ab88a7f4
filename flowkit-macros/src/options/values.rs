//! Reads strings, numbers, durations and functions: one function per kind of value.

use std::time::Duration;

use syn::{Expr, ExprClosure, ExprLit, Lit, LitStr, Path, UnOp};

use super::keys::Key;
use super::template::Template;
use crate::duration;
use crate::errors::Errors;

/// Reads a value; the key is for messages.
pub(crate) type Read<T> = fn(&Key, &Expr) -> syn::Result<T>;

/// Bounds names, since they are shown on one line and stored in every event.
const NAME_BYTES_MAX: usize = 256;
/// More retries than this are a loop; a schedule or a sensor fits better.
const RETRIES_MAX: u32 = 1_000;
/// Bounds the list that every task run refers to.
const RETRY_DELAYS_MAX: usize = 50;

pub(crate) fn text(key: &Key, value: &Expr) -> syn::Result<String> {
    Ok(string(key, value)?.value())
}

pub(crate) fn name(key: &Key, value: &Expr) -> syn::Result<String> {
    let literal = string(key, value)?;
    let name = literal.value();
    let message = if name.is_empty() {
        format!("`{}` is empty", key.name)
    } else if name.len() > NAME_BYTES_MAX {
        format!("`{}` is longer than {NAME_BYTES_MAX} bytes", key.name)
    } else if name.contains(char::is_control) {
        format!("`{}` contains a control character", key.name)
    } else {
        return Ok(name);
    };
    Err(syn::Error::new(literal.span(), message))
}

pub(crate) fn names(key: &Key, value: &Expr) -> syn::Result<Vec<String>> {
    one_or_more(key, value, name)
}

pub(crate) fn version(key: &Key, value: &Expr) -> syn::Result<String> {
    match literal(value) {
        Some(Lit::Int(number)) if number.suffix().is_empty() => Ok(number.base10_digits().to_owned()),
        _ => name(key, value),
    }
}

pub(crate) fn retries(key: &Key, value: &Expr) -> syn::Result<u32> {
    whole_number(key, value, 0, RETRIES_MAX)
}

pub(crate) fn count(key: &Key, value: &Expr) -> syn::Result<u32> {
    whole_number(key, value, 1, u32::MAX)
}

fn whole_number(key: &Key, value: &Expr, least: u32, most: u32) -> syn::Result<u32> {
    let number = integer(key, value)?;
    if number < least.into() {
        return Err(error(value, format!("`{}` must be at least {least}", key.name)));
    }
    let number = u32::try_from(number).ok().filter(|number| *number <= most);
    number.ok_or_else(|| error(value, format!("`{}` must be at most {most}", key.name)))
}

pub(crate) fn integer(key: &Key, value: &Expr) -> syn::Result<u64> {
    match literal(value) {
        Some(Lit::Int(number)) if number.suffix().is_empty() => number
            .base10_parse()
            .map_err(|_| error(value, format!("`{}` must be at most {}", key.name, u64::MAX))),
        _ if is_negative(value) => Err(error(value, format!("`{}` cannot be negative", key.name))),
        _ => Err(no_number(key, value)),
    }
}

/// Reads a whole number that may be negative.
pub(crate) fn signed(key: &Key, value: &Expr) -> syn::Result<i16> {
    let out_of_range = || error(value, format!("`{}` must be from {} to {}", key.name, i16::MIN, i16::MAX));
    let (number, sign) = match bare(value) {
        Expr::Unary(unary) if is_negative(value) => (&*unary.expr, -1),
        number => (number, 1),
    };
    match literal(number) {
        Some(Lit::Int(number)) if number.suffix().is_empty() => {
            let number = number.base10_parse::<i64>().map_err(|_| out_of_range())?;
            i16::try_from(sign * number).map_err(|_| out_of_range())
        }
        _ => Err(wrong_kind(key, value)),
    }
}

pub(crate) fn fraction(key: &Key, value: &Expr) -> syn::Result<f64> {
    let number: f64 = match literal(value) {
        Some(Lit::Int(number)) if number.suffix().is_empty() => number.base10_parse()?,
        Some(Lit::Float(number)) if number.suffix().is_empty() => number.base10_parse()?,
        _ => return Err(no_number(key, value)),
    };
    if (0.0..=1.0).contains(&number) { Ok(number) } else { Err(wrong_kind(key, value)) }
}

pub(crate) fn switch(key: &Key, value: &Expr) -> syn::Result<bool> {
    match literal(value) {
        Some(Lit::Bool(switch)) => Ok(switch.value),
        _ => Err(wrong_kind(key, value)),
    }
}

pub(crate) fn delay(key: &Key, value: &Expr) -> syn::Result<Duration> {
    let number = match literal(value) {
        Some(Lit::Str(text)) => return duration::from_literal(text),
        Some(Lit::Int(number)) => number.base10_digits(),
        Some(Lit::Float(number)) => number.base10_digits(),
        _ => return Err(no_number(key, value)),
    };
    let unit = format!("write `\"{number}s\"`, not `{number}`");
    Err(error(value, format!("`{}` takes a duration with a unit; {unit}", key.name)))
}

pub(crate) fn delays(key: &Key, value: &Expr) -> syn::Result<Vec<Duration>> {
    let delays = one_or_more(key, value, delay)?;
    if delays.len() > RETRY_DELAYS_MAX {
        return Err(error(value, format!("`{}` takes at most {RETRY_DELAYS_MAX} durations", key.name)));
    }
    Ok(delays)
}

pub(crate) fn time_span(key: &Key, value: &Expr) -> syn::Result<Duration> {
    match delay(key, value)? {
        Duration::ZERO => Err(error(value, format!("`{}` must be more than zero", key.name))),
        duration => Ok(duration),
    }
}

pub(crate) fn template(key: &Key, value: &Expr) -> syn::Result<Template> {
    // A template is bounded like a name.
    name(key, value).and_then(|_| Template::parse(string(key, value)?))
}

pub(crate) fn path(key: &Key, value: &Expr) -> syn::Result<Path> {
    match bare(value) {
        Expr::Path(path) if path.qself.is_none() => Ok(path.path.clone()),
        _ => Err(wrong_kind(key, value)),
    }
}

/// Reads a function that gives its answer at once.
pub(crate) fn callable(key: &Key, value: &Expr) -> syn::Result<Expr> {
    if let Expr::Closure(ExprClosure { asyncness: Some(token), .. }) = bare(value) {
        let message = format!("`{}` takes a closure that cannot wait; remove `async`", key.name);
        return Err(syn::Error::new(token.span, message));
    }
    any_callable(key, value)
}

fn any_callable(key: &Key, value: &Expr) -> syn::Result<Expr> {
    match bare(value) {
        callable @ (Expr::Closure(_) | Expr::Path(_)) => Ok(callable.clone()),
        _ => Err(wrong_kind(key, value)),
    }
}

pub(crate) fn callables(key: &Key, value: &Expr) -> syn::Result<Vec<Expr>> {
    one_or_more(key, value, any_callable)
}

/// Reads a list, or a single item as a list of one, and reports each bad item.
pub(super) fn one_or_more<T>(key: &Key, value: &Expr, read: Read<T>) -> syn::Result<Vec<T>> {
    let Expr::Array(array) = bare(value) else {
        return Ok(vec![read(key, value)?]);
    };
    if array.elems.is_empty() {
        return Err(error(value, format!("`{}` is empty", key.name)));
    }
    let mut errors = Errors::default();
    let items = array.elems.iter().filter_map(|item| errors.take(read(key, item))).collect();
    errors.finish().map(|()| items)
}

pub(super) fn string<'a>(key: &Key, value: &'a Expr) -> syn::Result<&'a LitStr> {
    match literal(value) {
        Some(Lit::Str(literal)) => Ok(literal),
        _ => Err(wrong_kind(key, value)),
    }
}

fn literal(value: &Expr) -> Option<&Lit> {
    match bare(value) {
        Expr::Lit(ExprLit { lit, .. }) => Some(lit),
        _ => None,
    }
}

fn is_negative(value: &Expr) -> bool {
    matches!(bare(value), Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)))
}

/// Looks through the invisible parentheses around the value of a `macro_rules!` variable.
pub(super) fn bare(value: &Expr) -> &Expr {
    match value {
        Expr::Group(group) => bare(&group.expr),
        _ => value,
    }
}

pub(super) fn wrong_kind(key: &Key, value: &Expr) -> syn::Error {
    error(value, key.takes())
}

/// The same for a number or a duration, which is often a constant elsewhere.
fn no_number(key: &Key, value: &Expr) -> syn::Error {
    let is_constant = matches!(bare(value), Expr::Path(_) | Expr::Macro(_));
    let advice = if is_constant { "; an attribute cannot read a constant, so write its value" } else { "" };
    error(value, format!("{}{advice}", key.takes()))
}

pub(super) fn error(value: &Expr, message: impl Into<String>) -> syn::Error {
    syn::Error::new_spanned(value, message.into())
}
