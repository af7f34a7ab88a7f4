//! `diff` and `compare`: what differs between runs. How it is laid side by side is in `side_by_side`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use clap::ArgMatches;

use super::show;
use super::side_by_side::{Better, ComparisonLine, print};
use crate::cli::failure_line::why;
use crate::cli::out::note;
use crate::cli::outcome;
use crate::cli::rows::{self, Member};
use crate::cli::run_ref;
use crate::cli::session::Session;
use crate::cli::usage::{Usage, UsageResult, meant_or_known};
use crate::model::StoredFlowRun;
use crate::store::{SqliteStore, Store};
use crate::text::columns;

/// Shows only what differs, task by task.
pub(super) fn diff(session: &Session, matches: &ArgMatches) -> UsageResult<()> {
    let store = session.settings.look_back()?;
    let runs = [session.run(&store, matches, "left")?, session.run(&store, matches, "right")?];
    let mut lines = about(session, &runs);
    lines.extend(metrics(&store, &runs, matches)?);
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
    lines.extend(metrics(&store, &runs, matches)?);
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

/// The last value of each metric, and which of its values is the best.
fn metrics(
    store: &dyn Store,
    runs: &[StoredFlowRun],
    matches: &ArgMatches,
) -> UsageResult<Vec<ComparisonLine>> {
    let of_runs: Vec<_> = runs.iter().map(|run| all_metrics(store, run)).collect::<UsageResult<_>>()?;
    let names: BTreeSet<&String> = of_runs.iter().flat_map(BTreeMap::keys).collect();
    let typed = |id: &str| -> Vec<&str> {
        matches.get_many::<String>(id).unwrap_or_default().map(String::as_str).collect()
    };
    let (lower, higher) = (typed("lower"), typed("higher"));
    for typed in lower.iter().chain(&higher) {
        if !names.iter().any(|name| name.as_str() == *typed) {
            let known = meant_or_known(typed, &names.iter().map(|name| name.as_str()).collect::<Vec<_>>());
            return Err(Usage::new(format!("these runs have no metric `{typed}`; {known}")));
        }
    }
    let line = |name: &&String| {
        let values: Vec<Option<f64>> = of_runs.iter().map(|of| of.get(*name).copied()).collect();
        let better = match name.as_str() {
            name if lower.contains(&name) => Better::Lower,
            name if higher.contains(&name) => Better::Higher,
            name => Better::by_name(name),
        };
        ComparisonLine::of_metric(name, &values, better)
    };
    Ok(names.iter().map(line).collect())
}

/// Returns the last value of each metric of a run, also in sub-flows. Those of sub-flows of one name are taken together.
fn all_metrics(store: &dyn Store, run: &StoredFlowRun) -> UsageResult<BTreeMap<String, f64>> {
    let mut all = BTreeMap::new();
    for member in rows::family(store, run.clone())? {
        let metrics = show::last_metrics(store, member.run.id)?;
        all.extend(metrics.into_iter().map(|(name, value)| (inside(&member, &name), value)));
    }
    Ok(all)
}

/// Returns the name of something in a run, behind that of the flow, if it is the run of a sub-flow.
fn inside(Member { run, path }: &Member, name: &str) -> String {
    path.as_ref().map_or_else(|| name.to_owned(), |_| format!("{} › {name}", run.flow))
}

/// How many runs of a task are in which state, in the order in which they were seen.
type States = Vec<(&'static str, usize)>;

/// The outcome of each task, also in sub-flows: how many of its runs are in which state.
fn by_task(store: &dyn Store, runs: &[StoredFlowRun]) -> UsageResult<Vec<ComparisonLine>> {
    let tasks: Vec<_> = runs.iter().map(|run| outcomes(store, run)).collect::<UsageResult<_>>()?;
    let names = rows::distinct(tasks.iter().flatten().map(|(name, _)| name.as_str()));
    let line = |name: &&str| {
        let cells = tasks.iter().map(|tasks| {
            let states = tasks.iter().find(|(known, _)| known == name).map(|(_, states)| states.as_slice());
            let counted = states.unwrap_or_default().iter().map(|(state, count)| format!("{count} {state}"));
            counted.collect::<Vec<_>>().join(", ")
        });
        ComparisonLine::new(format!("task {name}"), cells.collect())
    };
    Ok(names.iter().map(line).collect())
}

/// Counts the runs of each task by state. Sub-flows of one name are counted together, however many there are.
fn outcomes(store: &dyn Store, run: &StoredFlowRun) -> UsageResult<Vec<(String, States)>> {
    let mut all: Vec<(String, States)> = Vec::new();
    let mut places = HashMap::<String, usize>::new();
    for member in rows::family(store, run.clone())? {
        rows::with_tasks(store, member.run.id, |rows| {
            for row in rows {
                let name = inside(&member, &row.task);
                let place = *places.entry(name.clone()).or_insert(all.len());
                if place == all.len() {
                    all.push((name, States::new()));
                }
                let states = &mut all[place].1;
                match states.iter_mut().find(|(state, _)| *state == row.state.name()) {
                    Some((_, count)) => *count += 1,
                    None => states.push((row.state.name(), 1)),
                }
            }
        })?;
    }
    Ok(all)
}
