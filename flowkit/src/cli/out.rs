//! Standard output and standard error, whose reader may stop reading at any time: `mybin runs | head -1`. That is no
//! error; but output lost to a full disk is one, and is reported in the end.
//!
//! The gate for foreign text: names, messages, parameters. Only `Shown` is written, and converting to it escapes the
//! text, so that no verb can write foreign text unescaped.

use std::fmt;
use std::io::{ErrorKind, Write as _};
use std::sync::OnceLock;

use crate::terminal::Painted;
use crate::terminal::json::json_escaped;
use crate::text::columns;
use crate::value::json::Json;

/// Why the answer could not be written. One for the process, as is its standard output.
static LOST: OnceLock<String> = OnceLock::new();

/// A line without control characters.
#[derive(Debug)]
pub(super) struct Shown(String);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text from a user or another program.
impl From<&str> for Shown {
    fn from(text: &str) -> Self {
        Self(columns::escaped(text).into_owned())
    }
}

impl From<&String> for Shown {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for Shown {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

/// JSON, escaped in its own way: the value stays the same.
impl From<Json> for Shown {
    fn from(json: Json) -> Self {
        Self(json_escaped(json.to_string()))
    }
}

/// A styled line: its styles are its own, and its text is escaped.
impl From<Painted> for Shown {
    fn from(line: Painted) -> Self {
        Self(line.into_string())
    }
}

/// Writes a line of the answer.
pub(super) fn print_line(line: impl Into<Shown>) {
    let mut out = std::io::stdout().lock();
    note_loss(writeln!(out, "{}", line.into()).and_then(|()| out.flush()));
}

/// Writes several lines of the answer.
pub(super) fn print_lines(text: &str) {
    text.trim_end_matches('\n').split('\n').for_each(print_line);
}

/// Writes JSON that is already formatted.
pub(super) fn print_json(json: String) {
    json_escaped(json).split('\n').for_each(print_line);
}

/// Splits a text into lines, the first after `head`, the others indented, so that none can be taken for a line with a
/// head of its own.
pub(super) fn paragraph(head: &str, text: &str) -> Vec<String> {
    let lines = text.trim_end().lines().enumerate();
    let lines: Vec<_> =
        lines.map(|(at, line)| format!("{}{line}", if at == 0 { head } else { "      " })).collect();
    if lines.is_empty() { vec![head.trim_end().to_owned()] } else { lines }
}

/// Writes an answer for programs, or one that is not text, as it is.
pub(super) fn print_bytes(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    note_loss(out.write_all(bytes).and_then(|()| out.flush()));
}

fn note_loss(written: std::io::Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        // The first error is the reason.
        let _known = LOST.set(error.to_string());
    }
}

/// Returns why a part of the answer is missing, if it is.
pub(super) fn lost() -> Option<&'static str> {
    LOST.get().map(String::as_str)
}

/// Writes a line besides the answer, to standard error. Failures are ignored: there is nowhere to report them.
pub(super) fn note(line: impl Into<Shown>) {
    let _ = writeln!(std::io::stderr().lock(), "{}", line.into());
}

/// Writes several lines besides the answer.
pub(super) fn note_lines(text: &str) {
    text.trim_end_matches('\n').split('\n').for_each(note);
}

/// Returns the width of the terminal, if the answer goes to one. Elsewhere the answer is not cut.
pub(super) fn columns() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(std::io::stdout())?;
    Some(width.0.into())
}

/// The gap between columns of a table.
const GAP: usize = 2;

/// Writes rows in columns as wide as their widest cell; the last cell of a row may be of any length.
pub(super) fn table(rows: &[Vec<String>]) -> Vec<String> {
    // Escaped before they are measured.
    let cells = |row: &Vec<String>| row.iter().map(|cell| columns::escaped(cell).into_owned()).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter(|row| row.len() > column + 1).map(|row| &row[column]);
        cells.map(|cell| columns::columns(cell)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            line.push_str(cell);
            if column + 1 < row.len() {
                let padding = widths[column].saturating_sub(columns::columns(cell)) + GAP;
                line.extend(std::iter::repeat_n(' ', padding));
            }
        }
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Writes a table that is wider than the terminal as several, one below the other: each has the first column, and as
/// many of the others as fit, at least one.
pub(super) fn tables(rows: &[Vec<String>], columns: Option<usize>) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| columns::columns(cell)).max().unwrap_or(0)
    };
    let mut lines = Vec::new();
    let mut from = 1;
    while from < count {
        let mut to = from + 1;
        let mut taken = width(0) + GAP + width(from);
        while to < count && columns.is_none_or(|columns| taken + GAP + width(to) <= columns) {
            taken += GAP + width(to);
            to += 1;
        }
        let part = |row: &Vec<String>| {
            let cells = row.iter().skip(from).take(to - from);
            row.first().into_iter().chain(cells).cloned().collect()
        };
        if from > 1 {
            lines.push(String::new());
        }
        lines.extend(table(&rows.iter().map(part).collect::<Vec<_>>()));
        from = to;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_written_is_one_line_that_a_terminal_does_not_obey() {
        let hostile = "a\u{1b}]52;c;aGk=\u{7}\nforged\r\u{9b}31m\u{202e}\0";
        assert_eq!(
            Shown::from(hostile).to_string(),
            r"a\u{1b}]52;c;aGk=\u{7}\nforged\r\u{9b}31m\u{202e}\u{0}"
        );
        let json = Shown::from(Json::from(hostile)).to_string();
        assert!(!json.chars().any(columns::is_hidden), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), hostile);
    }

    #[test]
    fn of_a_text_of_several_lines_only_the_first_has_a_head() {
        assert_eq!(paragraph("INFO: ", "a\nINFO: b\r\n\n"), ["INFO: a", "      INFO: b"]);
        assert_eq!(paragraph("INFO: ", ""), ["INFO:"]);
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let rows =
            [row(&["run", "state", "flow"]), row(&["k7qf2aa", "Failed", "a very long name"]), row(&["x"])];
        assert_eq!(table(&rows), ["run      state   flow", "k7qf2aa  Failed  a very long name", "x"]);
    }

    #[test]
    fn a_table_that_is_too_wide_is_several_below_each_other() {
        let row = |cells: &str| cells.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let rows = [row("run aaaaaaa bbbbbbb ccccccc"), row("rows 1 2 3")];
        let whole = ["run   aaaaaaa  bbbbbbb  ccccccc", "rows  1        2        3"];
        assert_eq!(tables(&rows, None), whole);
        assert_eq!(tables(&rows, Some(31)), whole);
        let two = ["run   aaaaaaa  bbbbbbb", "rows  1        2", "", "run   ccccccc", "rows  3"];
        assert_eq!(tables(&rows, Some(30)), two);
        assert_eq!(tables(&rows, Some(22)), two);
        let one =
            ["run   aaaaaaa", "rows  1", "", "run   bbbbbbb", "rows  2", "", "run   ccccccc", "rows  3"];
        assert_eq!(tables(&rows, Some(21)), one);
        assert_eq!(tables(&rows, Some(3)), one);
    }
}
