//! The run of the store's benchmark as tables, for a person to read.

use super::table::{align_right_from, new_table, or_dash, promises};
use crate::bounds::Verdict;
use crate::store::caching::{self, Caching};
use crate::store::figures::{Figures, Row};
use crate::store::history::History;

/// Renders the run as tables.
#[must_use]
pub fn render(figures: &Figures, verdicts: &[Verdict]) -> String {
    let caching = caching(&figures.caching);
    let history = figures.history.as_ref().map(history).unwrap_or_default();
    format!(
        "{rows}\n\none fsync of this disk: {fsync:.0} µs\n\n{caching}{history}Promises of flowkit\n\n{promises}\n",
        rows = rows(&figures.rows),
        fsync = figures.fsync_us,
        promises = promises(verdicts)
    )
}

fn rows(rows: &[Row]) -> String {
    let mut table = new_table([
        "shape",
        "side",
        "median",
        "µs/task",
        "tasks/s",
        "÷ full",
        "last task",
        "tasks/commit",
        "bytes/task",
    ]);
    for group in rows.chunk_by(|a, b| a.shape == b.shape) {
        if table.row_count() > 0 {
            table.add_row([""]);
        }
        for (index, row) in group.iter().enumerate() {
            let shape = if index == 0 { row.shape.to_string() } else { String::new() };
            table.add_row(cells(row, shape));
        }
    }
    align_right_from(&mut table, 2);
    table.trim_fmt()
}

fn cells(row: &Row, shape: String) -> [String; 9] {
    [
        shape,
        row.keeper.to_string(),
        format!("{:.2} ms", row.total_ms),
        format!("{:.1}", row.task_us),
        format!("{:.0}", 1e6 / row.task_us),
        format!("{:.2}", row.ratio_to_full),
        or_dash(row.until_last_task_ms.map(|ms| format!("{ms:.2} ms"))),
        or_dash(row.group.map(|group| format!("{group:.0}"))),
        or_dash(row.bytes_per_task.map(|bytes| format!("{bytes:.0}"))),
    ]
}

fn caching(figures: &[Caching]) -> String {
    if figures.is_empty() {
        return String::new();
    }
    let mut table = new_table([&caching::SHAPE.to_string(), "median", "µs/task", "÷ uncached"]);
    for one in figures {
        let sides =
            [("uncached", one.uncached_ms), ("cached, misses", one.misses_ms), ("cached, hits", one.hits_ms)];
        for (side, ms) in sides {
            table.add_row([
                format!("{side}, {}", one.durability),
                format!("{ms:.2} ms"),
                format!("{:.1}", 1000.0 * ms / caching::SHAPE.tasks() as f64),
                format!("{:.2}", ms / one.uncached_ms),
            ]);
        }
    }
    align_right_from(&mut table, 1);
    format!("{}\n\n", table.trim_fmt())
}

fn history(history: &History) -> String {
    let mut table = new_table(["page of runs", "runs", "first page", "later page"]);
    for look in &history.looks {
        table.add_row([
            if look.filter.is_empty() { "(no filter)" } else { look.filter }.to_owned(),
            look.runs.to_string(),
            format!("{:.2} ms", look.first_ms),
            or_dash(look.later_ms.map(|ms| format!("{ms:.2} ms"))),
        ]);
    }
    align_right_from(&mut table, 1);
    format!(
        "history: {task_runs} task runs in {runs} runs, {bytes:.0} bytes each, written in {written:.0} s, \
         opened in {open:.1} ms\n\n{looks}\n\n",
        task_runs = history.task_runs,
        runs = history.runs,
        bytes = history.bytes_per_task,
        written = history.written_s,
        open = history.open_ms,
        looks = table.trim_fmt()
    )
}
