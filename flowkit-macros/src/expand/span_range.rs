//! Where the compiler points when what is generated breaks a rule: at tokens of the user.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};

/// The place of some tokens of the user. Generated tokens that have it are taken for the user's by the compiler.
#[derive(Clone, Copy)]
pub(crate) struct SpanRange {
    pub(crate) start: Span,
    pub(crate) end: Span,
}

impl SpanRange {
    pub(crate) fn of(tokens: impl ToTokens) -> Self {
        let mut spans = tokens.into_token_stream().into_iter().map(|token| token.span());
        let start = spans.next().unwrap_or_else(Span::call_site);
        Self { start, end: spans.last().unwrap_or(start) }
    }

    /// Puts generated tokens there, from the first to the last; those of the user among them keep their own place.
    pub(crate) fn around(self, before: TokenStream, inner: impl ToTokens, after: TokenStream) -> TokenStream {
        let (before, after) = (moved(before, self.start), moved(after, self.end));
        quote_spanned!(self.start=> #before #inner #after)
    }
}

/// Gives the tokens with another span, those in groups too.
pub(crate) fn moved(tokens: TokenStream, span: Span) -> TokenStream {
    let respan = |mut token: proc_macro2::TokenTree| {
        if let proc_macro2::TokenTree::Group(group) = &token {
            token = proc_macro2::Group::new(group.delimiter(), moved(group.stream(), span)).into();
        }
        token.set_span(span);
        token
    };
    tokens.into_iter().map(respan).collect()
}
