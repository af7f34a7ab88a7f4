//! Standard output and standard error, of which whoever reads them may have enough at any time: `mybin runs | head -1`. That
//! is no error; but what does not fit on a disk is missing, and that is said in the end.

use std::io::{ErrorKind, Write as _};
use std::sync::OnceLock;

use crate::graph::text;

/// Why an answer could not be written. One for the process, as its standard output is.
static LOST: OnceLock<String> = OnceLock::new();

/// Writes a line of the answer.
pub(super) fn say(line: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    hear(writeln!(out, "{line}").and_then(|()| out.flush()));
}

/// Writes an answer that is no text, as it is.
pub(super) fn give(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    hear(out.write_all(bytes).and_then(|()| out.flush()));
}

fn hear(written: std::io::Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        // The first one says why.
        let _known = LOST.set(error.to_string());
    }
}

/// Returns why a part of the answer is missing, if it is.
pub(super) fn lost() -> Option<&'static str> {
    LOST.get().map(String::as_str)
}

/// Writes a line beside the answer, to standard error. Nobody is there to be told if that cannot be written.
pub(super) fn note(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Returns how many columns a reader has, where the answer goes to a terminal. Elsewhere it is given whole.
pub(super) fn columns() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(std::io::stdout())?;
    Some(width.0.into())
}

/// How far the columns of a table stand apart.
const GAP: usize = 2;

/// Writes rows in columns as wide as their widest cell; what stands last in a row may be as long as it likes.
pub(super) fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter(|row| row.len() > column + 1).map(|row| &row[column]);
        cells.map(|cell| text::columns(cell)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            line.push_str(cell);
            if column + 1 < row.len() {
                let padding = widths[column].saturating_sub(text::columns(cell)) + GAP;
                line.extend(std::iter::repeat_n(' ', padding));
            }
        }
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Writes a table that is wider than its reader's terminal as several, one below the other: each has the first column, and as
/// many of the others as fit, which is one at least.
pub(super) fn tables(rows: &[Vec<String>], columns: Option<usize>) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| text::columns(cell)).max().unwrap_or(0)
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
