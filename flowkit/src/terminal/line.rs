//! A line as data: text, and how each part of it looks. Not yet text with escapes: that is made in `paint`.
//!
//! Columns are counted as the most generous terminal counts them, so that a line never wraps where it was not expected to.

use std::borrow::Cow;
use std::path::PathBuf;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::model::State;
use crate::text::columns::escaped;

/// How a part of a line looks. Never the only bearer of a meaning: glyphs and words say the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextStyle {
    /// As other text.
    #[default]
    Plain,
    /// What is there if one looks for it.
    Dim,
    /// What should be seen first.
    Bold,
    /// What went well, but not all of it.
    Warning,
    /// In the colour of a state.
    Of(State),
}

/// Where a part of a line leads, in a terminal that knows of links.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Link {
    /// An address, such as `https://example.com`.
    Address(String),
    /// A file on this machine.
    File(PathBuf),
}

/// A part of a line that looks the same throughout. Its text has no control characters: a line escapes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// What it says.
    pub text: String,
    /// How it looks.
    pub look: TextStyle,
    /// Where it leads.
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

    pub(super) fn add(self, look: TextStyle, text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { self } else { self.linked(look, text, None) }
    }

    pub(super) fn linked(mut self, look: TextStyle, text: impl Into<String>, link: Option<Link>) -> Self {
        // The only place where a part is made: whatever is drawn has passed here.
        let text = text.into();
        let text = match escaped(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(shown) => shown,
        };
        self.0.push(Span { text, look, link });
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

    /// Appends spaces up to a column; a line that is there already stays.
    pub(super) fn padded(self, column: usize) -> Self {
        let missing = column.saturating_sub(self.columns());
        self.add(TextStyle::Plain, " ".repeat(missing))
    }

    /// Appends `text` so that it ends at `column`, with two spaces before it at least.
    pub(super) fn right(self, column: usize, look: TextStyle, text: &str) -> Self {
        if text.is_empty() {
            return self;
        }
        let start = column.saturating_sub(columns(text)).max(self.columns() + 2);
        self.padded(start).add(look, text)
    }

    /// Returns the line, cut where `width` ends.
    pub(super) fn fitted(self, width: usize) -> Self {
        if self.columns() <= width {
            return self;
        }
        let mut left = width;
        let mut fitted = Self::default();
        for span in self.0 {
            let takes = columns(&span.text);
            if takes < left {
                left -= takes;
                fitted.0.push(span);
                continue;
            }
            let text = shortened(&format!("{}…", span.text), left);
            fitted = fitted.linked(span.look, text, span.link);
            break;
        }
        fitted
    }
}

/// Returns how many columns `text` takes at most: terminals differ in what they make of joined emoji.
pub(super) fn columns(text: &str) -> usize {
    let apart: usize = text.chars().map(|c| c.width().unwrap_or(0)).sum();
    apart.max(text.width())
}

/// Returns the first `width` columns of `text`, ending in `…` if that is not all of it.
pub(super) fn shortened(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let (head, _) = split(text, width.saturating_sub(1));
    match width {
        0 => String::new(),
        _ => format!("{}…", head.trim_end()),
    }
}

/// Returns `text` in pieces of at most `width` columns, broken between words where there are any; `most` pieces, the last
/// of which ends in `…` if there would be more.
pub(super) fn wrapped(text: &str, width: usize, most: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text.trim_end();
    while !rest.is_empty() && pieces.len() < most {
        if pieces.len() + 1 == most {
            pieces.push(shortened(rest, width));
            break;
        }
        let (head, tail) = split(rest, width);
        let at_word = if tail.is_empty() { None } else { head.rfind(' ').filter(|at| *at > 0) };
        match at_word {
            Some(at) if !tail.starts_with(' ') => {
                pieces.push(rest[..at].trim_end().to_owned());
                rest = rest[at..].trim_start();
            }
            // Not even one character fits: it is left out rather than tried for ever.
            _ if head.is_empty() => {
                let next = rest.chars().next().map_or(rest.len(), char::len_utf8);
                rest = &rest[next..];
            }
            _ => {
                pieces.push(head.trim_end().to_owned());
                rest = tail.trim_start();
            }
        }
    }
    pieces
}

/// Splits `text` where `width` columns end.
fn split(text: &str, width: usize) -> (&str, &str) {
    // A prefix is never wider than its characters one by one plus one for each that asks to be shown as a picture.
    let mut taken = 0;
    let mut end = text.len();
    for (at, c) in text.char_indices() {
        let more = if c == '\u{fe0f}' { 1 } else { c.width().unwrap_or(0) };
        if taken + more > width {
            end = at;
            break;
        }
        taken += more;
    }
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_where_the_width_ends_and_keeps_its_looks() {
        let line = Line::default().add(TextStyle::Bold, "abc").add(TextStyle::Dim, "defgh");
        assert_eq!(line.clone().fitted(8).plain(), "abcdefgh");
        let cut = line.clone().fitted(6);
        assert_eq!(cut.plain(), "abcde…");
        assert_eq!(cut.spans()[1].look, TextStyle::Dim);
        assert_eq!(line.clone().fitted(3).plain(), "ab…");
        assert_eq!(line.fitted(0).plain(), "");
    }

    #[test]
    fn no_part_of_a_line_has_a_control_character_whatever_it_is_made_of() {
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
    fn wide_characters_count_twice_and_are_never_halved() {
        assert_eq!(columns("データ"), 6);
        assert_eq!(shortened("データ", 5), "デー…");
        assert_eq!(shortened("データ", 4), "デ…");
    }

    #[test]
    fn words_are_kept_whole_where_they_fit() {
        assert_eq!(wrapped("refusing to load 84 rows", 12, 9), ["refusing to", "load 84 rows"]);
        assert_eq!(wrapped("abcdefgh", 3, 9), ["abc", "def", "gh"]);
        assert_eq!(wrapped("one two three four", 5, 2), ["one", "two…"]);
        assert_eq!(wrapped("デデ", 1, 9), Vec::<String>::new());
    }

    #[test]
    fn text_on_the_right_ends_at_its_column() {
        let line = Line::default().plain_text("load").right(10, TextStyle::Dim, "0.3s");
        assert_eq!(line.plain(), "load  0.3s");
        assert_eq!(line.right(4, TextStyle::Dim, "x").plain(), "load  0.3s  x");
    }
}
