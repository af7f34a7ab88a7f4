//! Splits the arguments of an attribute into keys and values.
//!
//! Form only: `values` decides what a value means. After a mistake, parsing continues at the next comma, so that one compile
//! reports every mistake.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Ident, Token, token};

use super::keys::Key;
use crate::attribute::AttributeKind;
use crate::errors::Errors;

/// One argument: `key`, `key = value` or `key(arguments)`.
pub(crate) struct AttributeArg {
    pub key: &'static Key,
    pub value: Value,
    /// Where the key is written.
    pub span: Span,
}

/// What follows a key.
pub(crate) enum Value {
    None,
    Expr(Box<Expr>),
    List(TokenStream),
    /// None of these, and already reported; the key still counts as present.
    Malformed,
}

/// A value, and the span of the key it was written with.
#[derive(Debug)]
pub(crate) struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

/// Reads all arguments, each key once, and reports those that are malformed, unknown, misplaced or repeated.
pub(crate) fn parse(args: TokenStream, kind: AttributeKind, errors: &mut Errors) -> Vec<AttributeArg> {
    let parser = |input: ParseStream<'_>| {
        let mut found: Vec<AttributeArg> = Vec::new();
        while !input.is_empty() {
            if let Some(arg) = parse_arg(input, kind, errors) {
                if found.iter().any(|earlier| earlier.key.name == arg.key.name) {
                    errors.push_at(arg.span, format!("`{}` is set twice", arg.key.name));
                } else {
                    found.push(arg);
                }
            }
            parse_comma(input, errors);
        }
        Ok(found)
    };
    parser.parse2(args).unwrap_or_default()
}

/// Parses one argument, or reports what is there instead.
fn parse_arg(input: ParseStream<'_>, kind: AttributeKind, errors: &mut Errors) -> Option<AttributeArg> {
    let Ok(ident) = input.call(Ident::parse_any) else {
        errors.push_at(input.span(), format!("expected an option; {}", kind.takes()));
        skip_to_comma(input);
        return None;
    };
    // The value of an unknown key is parsed too: the commas of `|a, b| …` do not separate arguments.
    let (key, value) = (Key::find(&ident, kind), parse_value(input));
    if value.is_err() {
        skip_to_comma(input);
    }
    let key = errors.take(key)?;
    let value = value.unwrap_or_else(|error| {
        errors.add(error.unwrap_or_else(|| syn::Error::new(ident.span(), key.takes())));
        Value::Malformed
    });
    Some(AttributeArg { key, value, span: ident.span() })
}

/// Parses what follows a key; fails without an error of its own if that is not a value at all.
fn parse_value(input: ParseStream<'_>) -> Result<Value, Option<syn::Error>> {
    if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        return parse_expr(input).map(|value| Value::Expr(Box::new(value)));
    }
    if input.peek(token::Paren) {
        return Ok(Value::List(input.parse::<Group>()?.stream()));
    }
    if input.is_empty() || input.peek(Token![,]) || starts_arg(input) { Ok(Value::None) } else { Err(None) }
}

/// Parses an expression; after a failure, the input is where parsing stopped.
fn parse_expr(input: ParseStream<'_>) -> Result<Expr, Option<syn::Error>> {
    let start = input.cursor();
    // On a fork, since `syn` would report a failure inside a group a second time.
    let attempt = input.fork();
    let parsed = attempt.parse();
    while input.cursor() != attempt.cursor() && input.parse::<TokenTree>().is_ok() {}
    parsed.map_err(|error| (input.cursor() != start).then_some(error))
}

/// Parses the comma between arguments, or reports that it is missing.
fn parse_comma(input: ParseStream<'_>, errors: &mut Errors) {
    if input.is_empty() || input.parse::<Token![,]>().is_ok() {
        return;
    }
    errors.push_at(input.span(), "expected `,` between options");
    // Usually the next option starts here.
    if !starts_arg(input) {
        skip_to_comma(input);
        parse_comma(input, errors);
    }
}

/// Whether another argument starts here: a word with `=`, `(`, `,` or nothing after it.
fn starts_arg(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    ahead.call(Ident::parse_any).is_ok()
        && (ahead.is_empty() || ahead.peek(Token![=]) || ahead.peek(token::Paren) || ahead.peek(Token![,]))
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        let _ = input.parse::<TokenTree>();
    }
}
