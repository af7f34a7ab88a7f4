//! Reads the template of a run's name: `"etl-{date}"`, `"lr {hyper.rate:.4}"`.
//!
//! A placeholder is a parameter, or a field of one, and how `format!` shows it. It is no expression: what a name says of an
//! argument must be known before the run begins.

use proc_macro2::Span;
use syn::LitStr;
use syn::ext::IdentExt;

use crate::errors::{Errors, did_you_mean, list, within};
use crate::signature::Function;

/// Text with parameters in it.
pub(crate) struct Template {
    pub parts: Vec<Part>,
}

pub(crate) enum Part {
    /// Text, with its escapes resolved.
    Text(String),
    Placeholder(Placeholder),
}

/// What stands between two braces.
pub(crate) struct Placeholder {
    /// The name of a parameter, without `r#`.
    pub param: String,
    /// The path from the parameter to the field that is shown, without `r#`; empty for the parameter itself.
    pub fields: Vec<String>,
    /// How it is shown, in the words of `format!`: `>8.2`.
    pub format: String,
    pub span: Span,
}

/// What a placeholder may be, for messages.
const TAKES: &str = "write a parameter, such as `{hyper}`, or a field of one, such as `{hyper.rate}`; after a colon comes its \
                     format, such as `{hyper:?}` or `{hyper.rate:.2}`";

impl Template {
    /// Reads a template, in which `{{` and `}}` are braces.
    pub(crate) fn parse(literal: &LitStr) -> syn::Result<Self> {
        let text = literal.value();
        let (mut parts, mut plain) = (Vec::new(), String::new());
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
            let span = within(literal, brace..end + 1);
            parts.push(Part::Placeholder(Placeholder::parse(&text[brace + 1..end], span)?));
            at = end + 1;
        }
        plain.push_str(&text[at..]);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self { parts })
    }

    /// Reports names that are not parameters of the function; returns whether there are none.
    pub(crate) fn check(&self, function: &Function, errors: &mut Errors) -> bool {
        let before = errors.count();
        let named = function.params.iter().filter(|param| !param.is_anonymous());
        let names: Vec<String> = named.map(|param| param.ident.unraw().to_string()).collect();
        let names = || names.iter().map(String::as_str);
        let placeholders = self.parts.iter().filter_map(|part| match part {
            Part::Placeholder(placeholder) => Some(placeholder),
            Part::Text(_) => None,
        });
        for Placeholder { param, span, .. } in placeholders {
            if names().any(|known| known == param) {
                continue;
            }
            let known = match list(names(), "and") {
                known if known.is_empty() => "it has no named parameters".to_owned(),
                known => format!("it has {known}{}", did_you_mean(param, names())),
            };
            let message = format!("`{{{param}}}` is not a parameter of `{}`; {known}", function.ident);
            errors.push_at(*span, message);
        }
        errors.count() == before
    }
}

impl Placeholder {
    fn parse(text: &str, span: Span) -> syn::Result<Self> {
        let (path, format) = text.split_once(':').unwrap_or((text, ""));
        let mut fields = path.trim().split('.').map(|name| name.trim_start_matches("r#").to_owned());
        let param = fields.next().unwrap_or_default();
        let fields: Vec<String> = fields.collect();
        let is_word = |name: &String| {
            !name.is_empty() && name.chars().all(|letter| letter == '_' || letter.is_alphanumeric())
        };
        if !fields.iter().all(is_word) || !(param.is_empty() || is_word(&param)) {
            return Err(syn::Error::new(span, format!("`{{{text}}}` is an expression; {TAKES}")));
        }
        if !is_format(format.trim_end()) {
            let message = format!("`{format}` is not a format without arguments; {TAKES}");
            return Err(syn::Error::new(span, message));
        }
        Ok(Self { param, fields, format: format.trim_end().to_owned(), span })
    }
}

/// Whether `format!` reads this: `[[fill]align][sign]["#"]["0"][width]["." precision][type]`, where width and precision are
/// numbers.
fn is_format(format: &str) -> bool {
    let aligns = ['<', '^', '>'];
    let mut letters = format.chars();
    let rest = match (letters.next(), letters.next()) {
        (Some(_), Some(align)) if aligns.contains(&align) => letters.as_str(),
        _ => format.strip_prefix(aligns).unwrap_or(format),
    };
    let rest = rest.strip_prefix(['+', '-']).unwrap_or(rest);
    let rest = rest.strip_prefix('#').unwrap_or(rest);
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = &rest[digits(rest)..];
    let rest = match rest.strip_prefix('.') {
        Some(precision) if digits(precision) == 0 => return false,
        Some(precision) => &precision[digits(precision)..],
        None => rest,
    };
    ["", "?", "x?", "X?", "x", "X", "o", "b", "e", "E"].contains(&rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::assert_errors;

    /// Each part as text; of a placeholder, what it shows and how.
    fn parts(text: &str) -> Vec<String> {
        let template = Template::parse(&LitStr::new(text, Span::call_site())).unwrap();
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Placeholder(Placeholder { param, fields, format, .. }) => {
                format!(
                    "({param}{} {format})",
                    fields.iter().map(|field| format!(" {field}")).collect::<String>()
                )
            }
        };
        template.parts.iter().map(part).collect()
    }

    #[test]
    fn text_and_parameters_alternate() {
        assert_eq!(parts("etl-{date}"), ["etl-", "(date )"]);
        assert_eq!(parts("{a}{b}!"), ["(a )", "(b )", "!"]);
        assert_eq!(parts("{{{a}}}"), ["{", "(a )", "}"]);
        assert_eq!(parts("plain"), ["plain"]);
        assert!(parts("").is_empty());
    }

    #[test]
    fn a_placeholder_may_name_a_field_and_a_format() {
        assert_eq!(parts("{a.b.0}"), ["(a b 0 )"]);
        assert_eq!(parts("{a:?}{a.b:.2}"), ["(a ?)", "(a b .2)"]);
        assert_eq!(parts("{r#type}"), ["(type )"]);
        for format in ["?", "#?", ".2", ">4", "*^10", "+.3e", "#010x", "02X?", "<"] {
            assert_eq!(parts(&format!("{{a:{format}}}")), [format!("(a {format})")]);
        }
    }

    #[test]
    fn expressions_and_formats_with_arguments_are_refused() {
        let read = |text: &str| Template::parse(&syn::parse_str(&format!("{text:?}")).unwrap());
        for expression in ["{a.b()}", "{a + 1}", "{a.}", "{a[0]}", "{&a}"] {
            let message = format!("`{expression}` is an expression; {TAKES}");
            assert_errors(read(expression), &[(&message, expression)]);
        }
        for format in ["w$", ".*", ".", "y", "p", "??"] {
            let message = format!("`{format}` is not a format without arguments; {TAKES}");
            let template = format!("{{a:{format}}}");
            assert_errors(read(&template), &[(&message, &template)]);
        }
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
