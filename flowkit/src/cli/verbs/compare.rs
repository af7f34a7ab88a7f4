//! `diff` and `compare`: what differs between runs, side by side.

use std::collections::{BTreeMap, BTreeSet};

use clap::ArgMatches;
use serde_json::json;

use super::show;
use crate::cli::failure_line::why;
use crate::cli::json::line;
use crate::cli::out::{columns, note, print_line, tables};
use crate::cli::outcome;
use crate::cli::rows;
use crate::cli::run_ref;
use crate::cli::session::Session;
use crate::cli::usage::UsageResult;
use crate::model::StoredFlowRun;
use crate::store::{SqliteStore, Store};
use crate::text::columns;

/// Longer values are shortened for people: there may be many runs.
const CELL_COLUMNS_MAX: usize = 40;

/// A line of the comparison: its label, and the exact value of each run.
struct ComparisonLine {
    name: String,
    cells: Vec<String>,
    /// The same values in short, for people.
    short: Option<Vec<String>>,
}

impl ComparisonLine {
    fn new(name: String, cells: Vec<String>) -> Self {
        Self { name, cells, short: None }
    }

    fn of_numbers(name: String, values: &[Option<f64>]) -> Self {
        let written = |write: fn(f64) -> String| {
            values.iter().map(|value| value.map(write).unwrap_or_default()).collect::<Vec<_>>()
        };
        Self { name, cells: written(|value| value.to_string()), short: Some(written(columns::number)) }
    }

    fn differs(&self) -> bool {
        self.cells.iter().any(|cell| *cell != self.cells[0])
    }

    /// Returns the cells for people: short, unless different cells would look alike.
    fn shown(&self) -> &[String] {
        let Some(short) = &self.short else { return &self.cells };
        let exact: BTreeSet<&String> = self.cells.iter().collect();
        let distinguished: BTreeSet<&String> = short.iter().collect();
        if distinguished.len() == exact.len() { short } else { &self.cells }
    }
}

/// Shows only what differs, task by task.
pub(super) fn diff(session: &Session, matches: &ArgMatches) -> UsageResult<()> {
    let store = session.settings.look_back()?;
    let runs = [session.run(&store, matches, "left")?, session.run(&store, matches, "right")?];
    let mut lines = about(session, &runs);
    lines.extend(metrics(&store, &runs)?);
    lines.extend(by_task(&store, &runs)?);
    lines.retain(ComparisonLine::differs);
    print(session, &runs, &lines);
    if lines.is_empty() {
        note("they differ in nothing");
    }
    Ok(())
}

/// Shows everything of each run.
pub(super) fn compare(session: &Session, matches: &ArgMatches) -> UsageResult<()> {
    let store: SqliteStore = session.settings.look_back()?;
    let typed = matches.get_many::<String>("runs").unwrap_or_default();
    let runs = typed.map(|typed| run_ref::run(&store, &session.program, Some(typed)));
    let runs: Vec<_> = runs.collect::<UsageResult<_>>()?;
    let mut lines = about(session, &runs);
    lines.extend(metrics(&store, &runs)?);
    print(session, &runs, &lines);
    Ok(())
}

fn about(session: &Session, runs: &[StoredFlowRun]) -> Vec<ComparisonLine> {
    let of = |name: &str, cell: &dyn Fn(&StoredFlowRun) -> String| {
        ComparisonLine::new(name.to_owned(), runs.iter().map(cell).collect())
    };
    let mut lines = vec![
        of("flow", &|run| run.flow.clone()),
        of("state", &outcome::words),
        of("took", &|run| run.duration().map(columns::duration).unwrap_or_default()),
        of("version", &|run| run.version.clone().unwrap_or_default()),
        of("error", &|run| run.error.as_deref().map(why).unwrap_or_default()),
    ];
    lines.retain(|line| line.cells.iter().any(|cell| !cell.is_empty()));
    let params: Vec<Vec<(String, String)>> = runs.iter().map(|run| show::parameters(session, run)).collect();
    let names = rows::distinct(params.iter().flatten().map(|(name, _)| name.as_str()));
    lines.extend(names.into_iter().map(|name| {
        let value = |params: &Vec<(String, String)>| {
            params.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap_or_default()
        };
        ComparisonLine::new(format!("param {name}"), params.iter().map(value).collect())
    }));
    lines
}

/// The last value of each metric.
fn metrics(store: &dyn Store, runs: &[StoredFlowRun]) -> UsageResult<Vec<ComparisonLine>> {
    let mut of_runs: Vec<BTreeMap<String, f64>> = Vec::new();
    for run in runs {
        let metrics = rows::metrics(store, run.id)?;
        of_runs.push(metrics.into_iter().map(|metric| (metric.name, metric.value)).collect());
    }
    let names: BTreeSet<&String> = of_runs.iter().flat_map(BTreeMap::keys).collect();
    let line = |name: &&String| {
        let values: Vec<Option<f64>> = of_runs.iter().map(|of| of.get(*name).copied()).collect();
        ComparisonLine::of_numbers(format!("metric {name}"), &values)
    };
    Ok(names.iter().map(line).collect())
}

/// The outcome of each task: how many of its runs are in which state.
fn by_task(store: &dyn Store, runs: &[StoredFlowRun]) -> UsageResult<Vec<ComparisonLine>> {
    let tasks: Vec<_> = runs.iter().map(|run| rows::tasks(store, run.id)).collect::<UsageResult<_>>()?;
    let names = rows::distinct(tasks.iter().flatten().map(|row| &*row.task));
    let line = |name: &&str| {
        let cells = tasks.iter().map(|rows| {
            let mut states: Vec<(&str, usize)> = Vec::new();
            for row in rows.iter().filter(|row| row.task == *name) {
                match states.iter_mut().find(|(state, _)| *state == row.state.name()) {
                    Some((_, count)) => *count += 1,
                    None => states.push((row.state.name(), 1)),
                }
            }
            let counted = states.iter().map(|(state, count)| format!("{count} {state}"));
            counted.collect::<Vec<_>>().join(", ")
        });
        ComparisonLine::new(format!("task {name}"), cells.collect())
    };
    Ok(names.iter().map(line).collect())
}

fn print(session: &Session, runs: &[StoredFlowRun], lines: &[ComparisonLine]) {
    if session.is_json() {
        let ids: Vec<String> = runs.iter().map(|run| run.id.short()).collect();
        for one in lines {
            let fields = json!({ "name": one.name, "runs": ids, "values": one.cells });
            print_line(line("compared", None, fields));
        }
        return;
    }
    let head = std::iter::once("run".to_owned()).chain(runs.iter().map(|run| run.id.short()));
    let rows = lines.iter().map(|line| {
        let mark = if line.differs() { "≠ " } else { "  " };
        let cells =
            line.shown().iter().map(|cell| columns::shortened(&columns::visible(cell), CELL_COLUMNS_MAX));
        std::iter::once(format!("{mark}{}", line.name)).chain(cells).collect()
    });
    let rows: Vec<Vec<String>> = std::iter::once(head.collect()).chain(rows).collect();
    tables(&rows, columns()).iter().for_each(print_line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_unless_those_that_differ_would_look_alike() {
        let line = |values: &[f64]| {
            ComparisonLine::of_numbers(
                "loss".to_owned(),
                &values.iter().copied().map(Some).collect::<Vec<_>>(),
            )
        };
        let apart = line(&[0.123_456_789, 0.5]);
        assert!(apart.differs());
        assert_eq!(apart.shown(), ["0.123457", "0.5"]);
        let close = line(&[0.123_456_789, 0.123_456_788, 0.5]);
        assert!(close.differs());
        assert_eq!(close.shown(), ["0.123456789", "0.123456788", "0.5"]);
        let equal = line(&[0.123_456_789; 2]);
        assert!(!equal.differs());
        assert_eq!(equal.shown(), ["0.123457"; 2]);
        assert!(!line(&[f64::NAN, f64::NAN]).differs());
        assert!(line(&[f64::NAN, f64::INFINITY]).differs());
    }
}
