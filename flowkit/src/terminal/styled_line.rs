//! A line as data: text, and the style of each part. Does not write escapes: `paint` does.

use std::borrow::Cow;
use std::path::PathBuf;

use crate::model::State;
use crate::text::columns::{columns, escaped, shortened};

/// The style of a part of a line. Never the only sign of a meaning: glyphs and words say the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextStyle {
    /// As other text.
    #[default]
    Plain,
    /// Less important than other text.
    Dim,
    /// More important than other text.
    Bold,
    /// A success with failures in it.
    Warning,
    /// In the colour of a state.
    Of(State),
}

/// The target of a part of a line, in a terminal that supports links.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Link {
    /// An address, such as `https://example.com`.
    Address(String),
    /// A file on this machine.
    File(PathBuf),
}

/// A part of a line in one style. Its text has no control characters: a line escapes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The text.
    pub text: String,
    /// The style.
    pub style: TextStyle,
    /// The target of the link, if it is one.
    pub link: Option<Link>,
}

/// One line of a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line(Vec<Span>);

impl Line {
    /// Returns the parts, the leftmost first.
    pub fn spans(&self) -> &[Span] {
        &self.0
    }

    /// Returns how many columns of a terminal the line takes.
    pub fn columns(&self) -> usize {
        self.0.iter().map(|span| columns(&span.text)).sum()
    }

    /// Returns the text alone.
    pub fn plain(&self) -> String {
        self.0.iter().map(|span| span.text.as_str()).collect()
    }

    pub(super) fn indented(columns: usize) -> Self {
        Self::default().add(TextStyle::Plain, " ".repeat(columns))
    }

    pub(super) fn add(self, style: TextStyle, text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { self } else { self.linked(style, text, None) }
    }

    pub(super) fn linked(mut self, style: TextStyle, text: impl Into<String>, link: Option<Link>) -> Self {
        // The only place where a span is made, so nothing is drawn without escaping.
        let text = text.into();
        let text = match escaped(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(escaped) => escaped,
        };
        self.0.push(Span { text, style, link });
        self
    }

    /// Appends another line.
    pub(super) fn then(mut self, line: Self) -> Self {
        self.0.extend(line.0);
        self
    }

    pub(super) fn plain_text(self, text: impl Into<String>) -> Self {
        self.add(TextStyle::Plain, text)
    }

    /// Appends spaces up to a column; a longer line stays as it is.
    pub(super) fn padded(self, column: usize) -> Self {
        let missing = column.saturating_sub(self.columns());
        self.add(TextStyle::Plain, " ".repeat(missing))
    }

    /// Appends `text` so that it ends at `column`, with two spaces before it at least.
    pub(super) fn right(self, column: usize, style: TextStyle, text: &str) -> Self {
        if text.is_empty() {
            return self;
        }
        let start = column.saturating_sub(columns(text)).max(self.columns() + 2);
        self.padded(start).add(style, text)
    }

    /// Returns the line, cut where `width` ends.
    pub(super) fn fitted(self, width: usize) -> Self {
        if self.columns() <= width {
            return self;
        }
        let mut room = width;
        let mut fitted = Self::default();
        for span in self.0 {
            let span_columns = columns(&span.text);
            if span_columns < room {
                room -= span_columns;
                fitted.0.push(span);
                continue;
            }
            let text = shortened(&format!("{}…", span.text), room);
            fitted = fitted.linked(span.style, text, span.link);
            break;
        }
        fitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_where_the_width_ends_and_keeps_its_styles() {
        let line = Line::default().add(TextStyle::Bold, "abc").add(TextStyle::Dim, "defgh");
        assert_eq!(line.clone().fitted(8).plain(), "abcdefgh");
        let cut = line.clone().fitted(6);
        assert_eq!(cut.plain(), "abcde…");
        assert_eq!(cut.spans()[1].style, TextStyle::Dim);
        assert_eq!(line.clone().fitted(3).plain(), "ab…");
        assert_eq!(line.fitted(0).plain(), "");
    }

    #[test]
    fn no_part_of_a_line_has_a_control_character() {
        let hostile = "a\u{1b}[2J\nb";
        let line = Line::default().plain_text(hostile).linked(TextStyle::Bold, hostile, None).right(
            60,
            TextStyle::Dim,
            hostile,
        );
        assert!(!line.plain().chars().any(char::is_control), "{}", line.plain());
        assert!(line.plain().starts_with(r"a\u{1b}[2J\nb"), "{}", line.plain());
    }

    #[test]
    fn text_on_the_right_ends_at_its_column() {
        let line = Line::default().plain_text("load").right(10, TextStyle::Dim, "0.3s");
        assert_eq!(line.plain(), "load  0.3s");
        assert_eq!(line.right(4, TextStyle::Dim, "x").plain(), "load  0.3s  x");
    }
}
