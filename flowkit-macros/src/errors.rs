//! Collects the mistakes of one macro call, so that one compile reports all of them.
//!
//! Also has the wording that several messages share: lists, and "did you mean".

use std::ops::Range;

use proc_macro2::Span;
use quote::ToTokens;
use syn::LitStr;

/// The mistakes found so far.
#[derive(Default)]
pub(crate) struct Errors(Vec<syn::Error>);

impl Errors {
    /// Adds a message that underlines `tokens`.
    pub(crate) fn push(&mut self, tokens: impl ToTokens, message: impl Into<String>) {
        self.add(syn::Error::new_spanned(tokens, message.into()));
    }

    /// Adds a message that underlines `span`.
    pub(crate) fn push_at(&mut self, span: Span, message: impl Into<String>) {
        self.add(syn::Error::new(span, message.into()));
    }

    /// Adds an error from another parser.
    pub(crate) fn add(&mut self, error: syn::Error) {
        self.0.push(error);
    }

    /// Returns the value of `result`, or adds its error.
    pub(crate) fn take<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    /// Returns how many mistakes were reported so far.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns all mistakes as one error, if there are any.
    pub(crate) fn finish(self) -> syn::Result<()> {
        let all = self.0.into_iter().reduce(|mut all, error| {
            all.combine(error);
            all
        });
        all.map_or(Ok(()), Err)
    }
}

/// Returns the span of some bytes of a literal's text.
///
/// That is the whole literal if the compiler cannot tell (stable rustc), or the text has escapes.
pub(crate) fn within(literal: &LitStr, bytes: Range<usize>) -> Span {
    let token = literal.token();
    let is_verbatim = token.to_string() == format!("\"{}\"", literal.value());
    // One byte further in: the opening quote.
    let part = is_verbatim.then(|| token.subspan(bytes.start + 1..bytes.end + 1)).flatten();
    part.unwrap_or_else(|| literal.span())
}

/// Writes names as `` `a`, `b` or `c` ``.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>, last: &str) -> String {
    let mut quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match (quoted.pop(), quoted.is_empty()) {
        (None, _) => String::new(),
        (Some(only), true) => only,
        (Some(end), false) => format!("{} {last} {end}", quoted.join(", ")),
    }
}

/// Returns ``; did you mean `retries`?`` for the nearest name, or nothing if none is near.
pub(crate) fn did_you_mean<'a>(input: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    nearest(input, names).map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

/// Finds the name that takes the fewest edits; among equals, the first.
///
/// A name is near within a third of the longer word's length plus one (`retry`, `retries`), or if one word contains the other
/// (`timeout_seconds`, `timeout`). Nothing is near a single letter.
fn nearest<'a>(input: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (strsim::levenshtein(input, name), name))
        .filter(|(edits, name)| {
            let within = input.len().min(name.len()) >= 4 && (input.contains(name) || name.contains(input));
            let longer = input.len().max(name.len());
            within || *edits <= (1 + longer / 3).min(longer.saturating_sub(1))
        })
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, name)| name)
}

/// Returns each message of `error` with the source text it underlines.
#[cfg(test)]
pub(crate) fn report(error: syn::Error) -> Vec<(String, String)> {
    let underlined = |span: Span| span.source_text().unwrap_or_default();
    error.into_iter().map(|error| (error.to_string(), underlined(error.span()))).collect()
}

/// Asserts the messages of `result`, each with the source text it underlines.
#[cfg(test)]
#[track_caller]
pub(crate) fn assert_errors<T>(result: syn::Result<T>, expected: &[(&str, &str)]) {
    let found = result.err().map_or_else(Vec::new, report);
    let found: Vec<(&str, &str)> = found.iter().map(|(m, u)| (m.as_str(), u.as_str())).collect();
    assert_eq!(found, expected);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested() {
        let names = ["retries", "retry_delay", "retry_if", "timeout", "tags"];
        let cases = [
            ("retry", "; did you mean `retries`?"),
            ("timout", "; did you mean `timeout`?"),
            ("timeout_seconds", "; did you mean `timeout`?"),
            ("tag", "; did you mean `tags`?"),
            ("colour", ""),
            ("x", ""),
            ("", ""),
        ];
        for (input, suggestion) in cases {
            assert_eq!(did_you_mean(input, names), suggestion, "{input}");
        }
    }

    #[test]
    fn lists_read_like_sentences() {
        assert_eq!(list([], "or"), "");
        assert_eq!(list(["a"], "or"), "`a`");
        assert_eq!(list(["a", "b", "c"], "or"), "`a`, `b` or `c`");
    }

    #[test]
    fn every_error_is_kept_in_order() {
        let mut errors = Errors::default();
        errors.push_at(Span::call_site(), "one");
        errors.push(quote::quote!(x), "two");
        let messages: Vec<String> =
            errors.finish().unwrap_err().into_iter().map(|error| error.to_string()).collect();
        assert_eq!(messages, ["one", "two"]);
        assert!(Errors::default().finish().is_ok());
    }
}
