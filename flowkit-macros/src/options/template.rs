//! Reads the template of a run's name: `"etl-{date}"`.

use proc_macro2::Span;
use syn::LitStr;
use syn::ext::IdentExt;

use crate::errors::{Errors, did_you_mean, list, within};
use crate::signature::Function;

/// Text with parameters in it.
pub(crate) struct Template {
    pub parts: Vec<Part>,
    /// Where each parameter occurs, in order.
    pub spans: Vec<Span>,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Part {
    /// Text, with its escapes resolved.
    Text(String),
    /// The name of a parameter, without `r#`.
    Param(String),
}

impl Template {
    /// Reads a template, in which `{{` and `}}` are braces.
    pub(crate) fn parse(literal: &LitStr) -> syn::Result<Self> {
        let text = literal.value();
        let (mut parts, mut spans, mut plain) = (Vec::new(), Vec::new(), String::new());
        let mut at = 0;
        while let Some(brace) = text[at..].find(['{', '}']).map(|found| at + found) {
            plain.push_str(&text[at..brace]);
            let symbol = &text[brace..=brace];
            if text[brace + 1..].starts_with(symbol) {
                plain.push_str(symbol);
                at = brace + 2;
                continue;
            }
            let end = text[brace..].find('}').map(|found| brace + found);
            let Some(end) = end.filter(|end| *end > brace) else {
                let message = format!("unmatched `{symbol}`; write `{symbol}{symbol}` for a brace");
                return Err(syn::Error::new(within(literal, brace..brace + 1), message));
            };
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::Param(text[brace + 1..end].to_owned()));
            spans.push(within(literal, brace..end + 1));
            at = end + 1;
        }
        plain.push_str(&text[at..]);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self { parts, spans })
    }

    /// Reports names that are not parameters of the function; returns whether there are none.
    pub(crate) fn check(&self, function: &Function, errors: &mut Errors) -> bool {
        let before = errors.count();
        let named = function.params.iter().filter(|param| !param.is_anonymous());
        let names: Vec<String> = named.map(|param| param.ident.unraw().to_string()).collect();
        let names = || names.iter().map(String::as_str);
        let params = self.parts.iter().filter_map(|part| match part {
            Part::Param(name) => Some(name),
            Part::Text(_) => None,
        });
        for (name, span) in params.zip(&self.spans) {
            if names().any(|known| known == name) {
                continue;
            }
            let known = match list(names(), "and") {
                known if known.is_empty() => "it has no named parameters".to_owned(),
                known => format!("it has {known}{}", did_you_mean(name, names())),
            };
            let message = format!("`{{{name}}}` is not a parameter of `{}`; {known}", function.ident);
            errors.push_at(*span, message);
        }
        errors.count() == before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::assert_errors;

    fn parts(text: &str) -> Vec<Part> {
        Template::parse(&LitStr::new(text, Span::call_site())).unwrap().parts
    }

    #[test]
    fn text_and_parameters_alternate() {
        let text = |text: &str| Part::Text(text.to_owned());
        let param = |name: &str| Part::Param(name.to_owned());
        assert_eq!(parts("etl-{date}"), [text("etl-"), param("date")]);
        assert_eq!(parts("{a}{b}!"), [param("a"), param("b"), text("!")]);
        assert_eq!(parts("{{{a}}}"), [text("{"), param("a"), text("}")]);
        assert_eq!(parts("plain"), [text("plain")]);
        assert_eq!(parts(""), []);
    }

    #[test]
    fn unmatched_braces_are_refused() {
        let read = |source: &str| Template::parse(&syn::parse_str(source).unwrap());
        let open = "unmatched `{`; write `{{` for a brace";
        let close = "unmatched `}`; write `}}` for a brace";
        assert_errors(read(r#""a{b""#), &[(open, "{")]);
        assert_errors(read(r#""a}b""#), &[(close, "}")]);
    }
}
