//! From lines to bytes: colours and links as escapes, and ASCII where nothing else can be shown. The only place that writes
//! escapes into text.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::line::{Line, TextStyle};
use super::uri::uri;
use crate::graph::style::Tone;
use crate::text::columns::{columns, escaped};

/// What a terminal, or a file, can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StyleSupport {
    /// Colours and other looks.
    pub colour: bool,
    /// Nothing but ASCII.
    pub ascii: bool,
    /// Links behind the names of files and places (OSC 8).
    pub links: bool,
}

impl StyleSupport {
    /// Asks the surroundings: `NO_COLOR`, `CLICOLOR_FORCE`, `CLICOLOR`, `TERM`, the locale, and, for links, what tells one
    /// terminal from another, or `FORCE_HYPERLINK`.
    ///
    /// `is_terminal` says what the lines are written to. Links are for terminals only.
    pub fn of_surroundings(is_terminal: bool) -> Self {
        let knows_links = supports_hyperlinks::supports_hyperlinks();
        let paint = Self::of(&|name| std::env::var(name).ok(), is_terminal, knows_links);
        let shown = !is_terminal || takes_escapes();
        Self { colour: paint.colour && shown, links: paint.links && shown, ..paint }
    }

    pub(super) fn of(
        variable: &dyn Fn(&str) -> Option<String>,
        is_terminal: bool,
        knows_links: bool,
    ) -> Self {
        let says = |name: &str| variable(name).filter(|value| !value.is_empty());
        let forced = says("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        let wanted = is_terminal
            && says("TERM").is_none_or(|term| term != "dumb")
            && says("CLICOLOR").is_none_or(|value| value != "0");
        let colour = says("NO_COLOR").is_none() && (forced || wanted);
        // The first that is set counts, as in every C library. Where none is, as in containers, UTF-8 is what is meant.
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(says);
        let ascii = locale.is_some_and(|locale| {
            let locale = locale.to_lowercase();
            !(locale.contains("utf-8") || locale.contains("utf8") || locale.starts_with("c.utf"))
        });
        let is_dumb = says("TERM").is_some_and(|term| term == "dumb");
        let links = knows_links && is_terminal && !is_dumb && says("CI").is_none();
        Self { colour, ascii, links }
    }

    /// Returns text that has no looks, and none of its own.
    pub(super) fn text(self, text: &str) -> String {
        let text = escaped(text);
        if self.ascii { ascii(&text) } else { text.into_owned() }
    }

    /// Returns a line that is ready to be written.
    pub(crate) fn painted(self, line: &Line) -> Painted {
        Painted(self.line(line))
    }

    /// Returns a line as text, without its end.
    pub fn line(self, line: &Line) -> String {
        let mut text = String::new();
        for span in line.spans() {
            let shown = if self.ascii { ascii(&span.text) } else { span.text.clone() };
            let style = style(span.look);
            let uri = span.link.as_ref().filter(|_| self.links).and_then(uri);
            if let Some(uri) = &uri {
                text.extend(["\u{1b}]8;;", uri, "\u{1b}\\"]);
            }
            let written = match self.colour && !style.is_plain() {
                true => write!(text, "{style}{shown}{style:#}"),
                false => text.write_str(&shown),
            };
            written.expect("bug in flowkit: a string refuses text");
            if uri.is_some() {
                text.push_str("\u{1b}]8;;\u{1b}\\");
            }
        }
        text.truncate(text.trim_end_matches(' ').len());
        text
    }
}

/// A line with its escapes. There are none in it but those of this file.
pub(crate) struct Painted(String);

impl Painted {
    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

/// Whether the terminal takes escapes: a console of Windows has to be asked to, and an old one does not.
#[cfg(windows)]
fn takes_escapes() -> bool {
    anstyle_query::windows::enable_ansi_colors().unwrap_or(true)
}

#[cfg(not(windows))]
fn takes_escapes() -> bool {
    true
}

fn style(look: TextStyle) -> Style {
    let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
    match look {
        TextStyle::Plain => Style::new(),
        TextStyle::Dim => Style::new().dimmed(),
        TextStyle::Bold => Style::new().bold(),
        TextStyle::Warning => colour(AnsiColor::Yellow),
        TextStyle::Of(state) => match Tone::of(state) {
            Tone::Good => colour(AnsiColor::Green),
            Tone::Reused => colour(AnsiColor::Cyan),
            Tone::Active => colour(AnsiColor::Blue),
            Tone::Again => colour(AnsiColor::Yellow),
            Tone::Idle | Tone::Blocked => Style::new().dimmed(),
            Tone::Stopped => colour(AnsiColor::Magenta),
            Tone::Bad => colour(AnsiColor::Red).bold(),
        },
    }
}

/// Returns `text` in as many columns of ASCII.
fn ascii(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let like = match c {
            ' '..='~' => c,
            '✓' => '+',
            '≡' => '=',
            '✗' | '↯' => 'x',
            '◐' | '◔' | '▶' => '*',
            '↻' => '~',
            '⊘' | '⊖' | '·' | '─' => '-',
            '○' | '◌' | '◷' | '◫' => 'o',
            '█' => '#',
            '▉'..='▏' => '.',
            '├' | '│' => '|',
            '└' => '`',
            '×' => 'x',
            '›' | '→' => '>',
            '…' => '~',
            'µ' => 'u',
            _ => '?',
        };
        let takes = if c.is_ascii() { 1 } else { columns(c.encode_utf8(&mut [0; 4])) };
        shown.extend(std::iter::repeat_n(like, takes));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::State;
    use crate::terminal::Link;

    fn paint(variables: &[(&str, &str)], is_terminal: bool) -> StyleSupport {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        StyleSupport::of(&variable, is_terminal, true)
    }

    #[test]
    fn colour_is_for_terminals_unless_somebody_says_otherwise() {
        assert!(paint(&[], true).colour);
        assert!(!paint(&[], false).colour);
        assert!(!paint(&[("NO_COLOR", "1")], true).colour);
        assert!(paint(&[("NO_COLOR", "")], true).colour);
        assert!(!paint(&[("TERM", "dumb")], true).colour);
        assert!(!paint(&[("CLICOLOR", "0")], true).colour);
        assert!(paint(&[("CLICOLOR_FORCE", "1")], false).colour);
        assert!(paint(&[("CLICOLOR_FORCE", "1"), ("TERM", "dumb")], true).colour);
        assert!(!paint(&[("CLICOLOR_FORCE", "0")], false).colour);
        assert!(!paint(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], true).colour);
    }

    #[test]
    fn a_locale_without_utf8_gets_ascii() {
        assert!(!paint(&[], true).ascii);
        assert!(!paint(&[("LANG", "de_DE.UTF-8")], true).ascii);
        assert!(!paint(&[("LC_ALL", "C.utf8"), ("LANG", "C")], true).ascii);
        assert!(paint(&[("LANG", "C")], true).ascii);
        assert!(paint(&[("LC_ALL", "POSIX"), ("LANG", "de_DE.UTF-8")], true).ascii);
    }

    #[test]
    fn links_are_for_terminals_that_know_them_and_never_for_ci() {
        assert!(paint(&[], true).links);
        assert!(paint(&[("NO_COLOR", "1")], true).links);
        assert!(!paint(&[], false).links);
        assert!(!paint(&[("CI", "true")], true).links);
        assert!(!paint(&[("TERM", "dumb")], true).links);
        assert!(!StyleSupport::of(&|_| None, true, false).links);
    }

    #[test]
    fn a_link_stands_around_its_text_alone() {
        let link = Some(Link::Address("https://example.com".to_owned()));
        let line = Line::default().plain_text("see ").linked(TextStyle::Plain, "map", link);
        let linked = "see \u{1b}]8;;https://example.com\u{1b}\\map\u{1b}]8;;\u{1b}\\";
        assert_eq!(StyleSupport { links: true, ..StyleSupport::default() }.line(&line), linked);
        assert_eq!(StyleSupport::default().line(&line), "see map");
    }

    #[test]
    fn ascii_takes_as_many_columns() {
        assert_eq!(ascii("✓ fetch ×4 … データ"), "+ fetch x4 ~ ??????");
    }

    #[test]
    fn looks_are_escapes_that_end_where_they_should() {
        let line = Line::default().add(TextStyle::Of(State::Completed), "✓").plain_text(" load  ");
        assert_eq!(StyleSupport::default().line(&line), "✓ load");
        assert_eq!(
            StyleSupport { colour: true, ..StyleSupport::default() }.line(&line),
            "\u{1b}[32m✓\u{1b}[0m load"
        );
    }
}
