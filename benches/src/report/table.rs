//! The run as one table, its footnotes, and the list of promises, for a person to read.

use comfy_table::{Cell, CellAlignment, Table, presets};

use crate::bounds::Verdict;
use crate::results::{Results, Row};

/// Renders the run.
#[must_use]
pub fn render(results: &Results, bounds: &[Verdict]) -> String {
    let mut notes = Notes::default();
    let rows = rows(results, &mut notes);
    format!(
        "{rows}\n\n{notes}\nPromises of flowkit\n\n{promises}\n",
        notes = notes.render(),
        promises = promises(bounds)
    )
}

/// Footnotes, each text once, numbered as they are met.
#[derive(Default)]
struct Notes(Vec<&'static str>);

impl Notes {
    fn mark(&mut self, note: Option<&'static str>) -> String {
        let Some(note) = note else {
            return String::new();
        };
        let known = self.0.iter().position(|it| *it == note);
        let index = known.unwrap_or_else(|| {
            self.0.push(note);
            self.0.len() - 1
        });
        format!(" [{}]", index + 1)
    }

    fn render(&self) -> String {
        self.0.iter().enumerate().map(|(index, note)| format!(" [{}] {note}\n", index + 1)).collect()
    }
}

fn rows(results: &Results, notes: &mut Notes) -> String {
    let ratio = format!("÷ {}", results.baseline);
    let mut table = new_table([
        "shape",
        "side",
        "median",
        "ns/task",
        &ratio,
        "allocs/task",
        "bytes/task",
        "÷ 10k",
        "peak",
    ]);
    for group in results.rows.chunk_by(|a, b| a.shape == b.shape) {
        if table.row_count() > 0 {
            table.add_row([""]);
        }
        for (index, row) in group.iter().enumerate() {
            let shape = if index == 0 { row.shape.to_string() } else { String::new() };
            table.add_row(cells(row, shape, notes));
        }
    }
    align_right_from(&mut table, 2);
    table.trim_fmt()
}

fn cells(row: &Row, shape: String, notes: &mut Notes) -> [String; 9] {
    // Only a separate process has its own peak: the other rows leave these two empty.
    let million = |value: Option<String>| value.unwrap_or_default();
    [
        shape,
        format!("{}{}", row.side, notes.mark(row.note)),
        or_dash(row.total_ms.map(|ms| format!("{ms:.2} ms"))),
        or_dash(row.task_ns.map(|ns| format!("{ns:.0}"))),
        or_dash(row.ratio_to_baseline.map(|ratio| format!("{ratio:.2}"))),
        or_dash(row.allocations_per_task.map(|count| format!("{count:.2}"))),
        or_dash(row.bytes_per_task.map(|bytes| format!("{bytes:.0}"))),
        million(row.ratio_to_10k.map(|ratio| format!("{ratio:.2}"))),
        million(row.peak_bytes.map(|bytes| format!("{:.0} MB", bytes as f64 / 1e6))),
    ]
}

pub(super) fn promises(bounds: &[Verdict]) -> String {
    let mut table = new_table(["promise", "bound", "measured", "reached", ""]);
    for verdict in bounds {
        let with_unit = |value: String| format!("{value} {}", verdict.unit).trim_end().to_owned();
        let reached = verdict.reached.map(|reached| if reached { "yes" } else { "NO" }.to_owned());
        table.add_row([
            verdict.promise.clone(),
            with_unit(format!("≤ {}", verdict.limit)),
            or_dash(verdict.measured.map(|value| with_unit(format!("{value:.2}")))),
            reached.unwrap_or_else(|| {
                if verdict.measured.is_some() { "not judged" } else { "not measured" }.to_owned()
            }),
            verdict.decided_by.map(|shape| format!("worst: {shape}")).unwrap_or_default(),
        ]);
    }
    table.trim_fmt()
}

pub(super) fn new_table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(header.map(Cell::new));
    table
}

pub(super) fn align_right_from(table: &mut Table, first: usize) {
    for column in table.column_iter_mut().skip(first) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

pub(super) fn or_dash(value: Option<String>) -> String {
    value.unwrap_or_else(|| "-".to_owned())
}
