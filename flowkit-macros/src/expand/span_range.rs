//! Where the compiler points if generated code breaks a rule: at tokens of the user.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};

/// The span of some of the user's tokens. The compiler takes generated tokens with this span for the user's.
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

    /// Gives generated tokens this span: `before` its start, `after` its end. The `inner` tokens keep their own spans.
    pub(crate) fn around(self, before: TokenStream, inner: impl ToTokens, after: TokenStream) -> TokenStream {
        let (before, after) = (moved(before, self.start), moved(after, self.end));
        quote_spanned!(self.start=> #before #inner #after)
    }
}

/// Returns the tokens with another span, including those in groups.
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
