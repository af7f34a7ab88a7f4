//! From lines to bytes: colours and links as escapes, and ASCII for locales without UTF-8. The only file that writes escapes
//! into text.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::styled_line::{Line, TextStyle};
use super::uri::uri;
use crate::graph::style::Tone;
use crate::text::columns::{columns, escaped};

/// What a terminal, or a file, supports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StyleSupport {
    /// Colours and other styles.
    pub colour: bool,
    /// ASCII only.
    pub ascii: bool,
    /// Links behind the names of files and source locations (OSC 8).
    pub links: bool,
}

impl StyleSupport {
    /// Reads the environment: `NO_COLOR`, `CLICOLOR_FORCE`, `CLICOLOR`, `TERM`, the locale, and, for links, the variables by
    /// which terminals are recognised, or `FORCE_HYPERLINK`.
    ///
    /// `is_terminal` says whether the lines go to a terminal. Links are for terminals only.
    pub fn from_env(is_terminal: bool) -> Self {
        let knows_links = supports_hyperlinks::supports_hyperlinks();
        let support = Self::of(&|name| std::env::var(name).ok(), is_terminal, knows_links);
        let escapes = !is_terminal || takes_escapes();
        Self { colour: support.colour && escapes, links: support.links && escapes, ..support }
    }

    pub(super) fn of(
        variable: &dyn Fn(&str) -> Option<String>,
        is_terminal: bool,
        knows_links: bool,
    ) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let forced = set("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        let wanted = is_terminal
            && set("TERM").is_none_or(|term| term != "dumb")
            && set("CLICOLOR").is_none_or(|value| value != "0");
        let colour = set("NO_COLOR").is_none() && (forced || wanted);
        // The first that is set counts, as in every C library. If none is, as in containers, UTF-8 is assumed.
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
        let ascii = locale.is_some_and(|locale| {
            let locale = locale.to_lowercase();
            !(locale.contains("utf-8") || locale.contains("utf8") || locale.starts_with("c.utf"))
        });
        let is_dumb = set("TERM").is_some_and(|term| term == "dumb");
        let links = knows_links && is_terminal && !is_dumb && set("CI").is_none();
        Self { colour, ascii, links }
    }

    /// Returns text without styles, escaped.
    pub(super) fn text(self, text: &str) -> String {
        let text = escaped(text);
        if self.ascii { ascii(&text) } else { text.into_owned() }
    }

    /// Returns a line that is ready to be written.
    pub(crate) fn painted(self, line: &Line) -> Painted {
        Painted(self.line(line))
    }

    /// Returns a line as text, without a line break.
    pub fn line(self, line: &Line) -> String {
        let mut text = String::new();
        for span in line.spans() {
            let shown = if self.ascii { ascii(&span.text) } else { span.text.clone() };
            let style = style(span.style);
            let uri = span.link.as_ref().filter(|_| self.links).and_then(uri);
            if let Some(uri) = &uri {
                text.extend(["\u{1b}]8;;", uri, "\u{1b}\\"]);
            }
            let result = if self.colour && !style.is_plain() {
                write!(text, "{style}{shown}{style:#}")
            } else {
                text.write_str(&shown)
            };
            result.expect("bug in flowkit: a string refuses text");
            if uri.is_some() {
                text.push_str("\u{1b}]8;;\u{1b}\\");
            }
        }
        text.truncate(text.trim_end_matches(' ').len());
        text
    }
}

/// A line with the escapes of this file, and no others.
pub(crate) struct Painted(String);

impl Painted {
    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

/// Whether the terminal interprets escapes: a console of Windows must be switched to it, and an old one cannot.
#[cfg(windows)]
fn takes_escapes() -> bool {
    anstyle_query::windows::enable_ansi_colors().unwrap_or(true)
}

#[cfg(not(windows))]
fn takes_escapes() -> bool {
    true
}

fn style(style: TextStyle) -> Style {
    let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
    match style {
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

/// Returns `text` as ASCII that takes the same number of columns.
fn ascii(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let similar = match c {
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
        let count = if c.is_ascii() { 1 } else { columns(c.encode_utf8(&mut [0; 4])) };
        shown.extend(std::iter::repeat_n(similar, count));
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
    fn colour_is_for_terminals_unless_a_variable_says_otherwise() {
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
    fn links_are_for_terminals_that_support_them_and_never_for_ci() {
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
    fn styles_are_escapes_that_end_where_they_should() {
        let line = Line::default().add(TextStyle::Of(State::Completed), "✓").plain_text(" load  ");
        assert_eq!(StyleSupport::default().line(&line), "✓ load");
        assert_eq!(
            StyleSupport { colour: true, ..StyleSupport::default() }.line(&line),
            "\u{1b}[32m✓\u{1b}[0m load"
        );
    }
}
