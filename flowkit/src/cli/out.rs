//! Standard output and standard error, of which whoever reads them may have enough at any time: `mybin runs | head -1`. That
//! is no error; but what does not fit on a disk is missing, and that is said in the end.

use std::io::{ErrorKind, Write as _};
use std::sync::OnceLock;

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

/// Writes rows in columns as wide as their widest cell; what stands last in a row may be as long as it likes.
pub(super) fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter(|row| row.len() > column + 1).map(|row| &row[column]);
        cells.map(|cell| crate::graph::text::columns(cell)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            line.push_str(cell);
            if column + 1 < row.len() {
                let padding = widths[column].saturating_sub(crate::graph::text::columns(cell)) + 2;
                line.extend(std::iter::repeat_n(' ', padding));
            }
        }
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
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
}
