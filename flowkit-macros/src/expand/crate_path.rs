//! Names flowkit in generated code as the user's crate does: `crate = my_prelude::flowkit`.
//!
//! All other code here writes `::flowkit`, and only an attribute that sets `crate` pays for replacing it.

use proc_macro2::{Group, Ident, Spacing, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::Path;

/// Replaces each `::flowkit` that begins a path, also in the user's function: there it would name another crate, or none.
pub(crate) fn under_path(code: TokenStream, path: &Path) -> TokenStream {
    let path: Vec<TokenTree> = path.to_token_stream().into_iter().collect();
    replace(code, &path)
}

fn replace(code: TokenStream, path: &[TokenTree]) -> TokenStream {
    let mut replaced: Vec<TokenTree> = Vec::new();
    for token in code {
        match token {
            TokenTree::Ident(ident) if ident == "flowkit" && begins_path(&replaced) => {
                replaced.truncate(replaced.len() - 2);
                // Located where the error is to be shown, and resolved as the user's path: a `$crate` in it stays what it is.
                replaced.extend(path.iter().cloned().map(|mut token| {
                    token.set_span(ident.span().resolved_at(token.span()));
                    token
                }));
            }
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), replace(group.stream(), path));
                inner.set_span(group.span());
                replaced.push(inner.into());
            }
            other => replaced.push(other),
        }
    }
    replaced.into_iter().collect()
}

/// Whether the tokens end in a `::` with nothing before it that it could belong to.
fn begins_path(before: &[TokenTree]) -> bool {
    let [rest @ .., TokenTree::Punct(first), TokenTree::Punct(second)] = before else { return false };
    let is_colons = first.as_char() == ':' && first.spacing() == Spacing::Joint && second.as_char() == ':';
    is_colons && !matches!(rest.last(), Some(TokenTree::Ident(ident)) if is_path_segment(ident))
}

/// Whether a path can go on after this word, unlike after `as` or `impl`.
fn is_path_segment(word: &Ident) -> bool {
    let is_root = ["crate", "self", "super", "Self"].iter().any(|root| word == root);
    is_root || syn::parse2::<Ident>(word.to_token_stream()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_replaced(code: &str, expected: &str) {
        let path = syn::parse_str("::my::flowkit").unwrap();
        let replaced = under_path(code.parse().unwrap(), &path).to_string();
        assert_eq!(replaced, expected.parse::<TokenStream>().unwrap().to_string());
    }

    #[test]
    fn paths_that_begin_with_flowkit_begin_with_the_path() {
        assert_replaced(
            "impl<T> ::flowkit::Body for B { fn f() -> ::flowkit::Call<::flowkit::Arg<T>> { ::flowkit::call(a as ::flowkit::B) } }",
            "impl<T> ::my::flowkit::Body for B {
                fn f() -> ::my::flowkit::Call<::my::flowkit::Arg<T>> { ::my::flowkit::call(a as ::my::flowkit::B) }
            }",
        );
    }

    #[test]
    fn other_words_stay() {
        for code in
            ["my::flowkit::f()", "crate::flowkit::f()", "r#try::flowkit", "flowkit::f(flowkit, a: flowkit)"]
        {
            assert_replaced(code, code);
        }
    }
}
