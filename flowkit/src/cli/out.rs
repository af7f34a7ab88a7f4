//! Standard output, of which whoever reads it may have enough at any time: `mybin runs | head -1`.

use std::io::Write as _;

/// How answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// For people.
    Text,
    /// JSON Lines: an object per line, each with `"v":1` and its kind in `"t"`.
    Json,
}

/// Writes a line. Nobody is there to be told if it cannot be written.
pub(super) fn say(line: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
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
