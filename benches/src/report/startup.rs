//! The run of the benchmark of the start as a table, for a person to read.

use super::table::{align_right_from, new_table, or_dash, promises};
use crate::bounds::Verdict;
use crate::startup::figures::{Figures, Row};

/// Renders the run as tables.
#[must_use]
pub fn render(figures: &Figures, verdicts: &[Verdict]) -> String {
    format!(
        "{rows}\n\none fsync of this disk: {fsync:.0} µs; the long history has {runs} runs\n\nPromises of flowkit\n\n{promises}\n",
        rows = rows(&figures.rows),
        fsync = figures.fsync_us,
        runs = figures.runs,
        promises = promises(verdicts)
    )
}

fn rows(rows: &[Row]) -> String {
    let mut table = new_table(["found", "program", "median", "÷ plain", "processor", "peak"]);
    for group in rows.chunk_by(|a, b| a.found == b.found) {
        if table.row_count() > 0 {
            table.add_row([""]);
        }
        for (index, row) in group.iter().enumerate() {
            let found = if index == 0 { row.found.to_string() } else { String::new() };
            table.add_row([
                found,
                row.side.to_string(),
                format!("{:.2} ms", row.total_ms),
                format!("{:.2}", row.ratio_to_plain),
                format!("{:.2} ms", row.cost.processor_ms),
                or_dash(row.cost.peak_bytes.map(|bytes| format!("{:.1} MB", bytes as f64 / 1e6))),
            ]);
        }
    }
    align_right_from(&mut table, 2);
    table.trim_fmt()
}
