//! References to runs: the beginning of an id, or a word such as `last`.
//!
//! | typed | means |
//! |---|---|
//! | `k7q`, `0192f0c1` | the run whose short or long id begins so |
//! | `last`, or nothing | the newest run |
//! | `last~2` | the one two runs before it |
//! | `last-failed` | the newest one that failed, timed out or crashed |
//! | `last:etl`, `last-failed:etl~1` | the same among the runs of one flow; if it has none, among those that a flow started |

use super::program::CliProgram;
use super::usage::{Usage, UsageResult};
use crate::model::{FlowRunId, State, StoredFlowRun};
use crate::store::{FlowRunFilter, Store};

/// How many candidates an ambiguous reference lists.
const NAMED_MAX: usize = 5;

/// Finds the run that is meant.
pub(super) fn run(
    store: &dyn Store,
    program: &CliProgram,
    typed: Option<&str>,
) -> UsageResult<StoredFlowRun> {
    let typed = typed.unwrap_or("last");
    // Every id begins with the empty text: a shell variable that is not set must not mean some run.
    if typed.trim().is_empty() {
        return Err(Usage::new("the run is an empty word; write `last`, or the beginning of an id"));
    }
    match word(program, typed)? {
        Some((filter, back)) => by_age(store, typed, &filter, back),
        None => by_id(store, typed),
    }
}

/// Parses a word that begins with `last`.
fn word(program: &CliProgram, typed: &str) -> UsageResult<Option<(FlowRunFilter, usize)>> {
    let (rest, back) = match typed.split_once('~') {
        None => (typed, 0),
        Some((rest, count)) => match count.parse() {
            Ok(back) => (rest, back),
            Err(_) => {
                return Err(Usage::new(format!("`{typed}`: write how many runs to go back, as in `last~1`")));
            }
        },
    };
    let (word, flow) = rest.split_once(':').map_or((rest, None), |(word, flow)| (word, Some(flow)));
    let states = match word {
        "last" => Vec::new(),
        "last-failed" => vec![State::Failed, State::TimedOut, State::Crashed],
        _ => return Ok(None),
    };
    let filter = flow.map_or_else(FlowRunFilter::default, |flow| program.runs_of(flow));
    Ok(Some((FlowRunFilter { states, ..filter }, back)))
}

fn by_age(store: &dyn Store, typed: &str, filter: &FlowRunFilter, back: usize) -> UsageResult<StoredFlowRun> {
    let mut runs = store.flow_runs(filter, None, back.saturating_add(1))?.runs;
    if runs.is_empty() && !filter.flows.is_empty() {
        let filter = FlowRunFilter { sub_flows: true, ..filter.clone() };
        runs = store.flow_runs(&filter, None, back.saturating_add(1))?.runs;
    }
    if runs.len() > back {
        return Ok(runs.swap_remove(back));
    }
    Err(Usage::new(match runs.len() {
        0 => format!("there is no run that `{typed}` could mean; `runs` lists those that there are"),
        1 => format!("`{typed}` goes back too far: there is 1 such run"),
        count => format!("`{typed}` goes back too far: there are {count} such runs"),
    }))
}

fn by_id(store: &dyn Store, typed: &str) -> UsageResult<StoredFlowRun> {
    let unknown = || Usage::new(format!("there is no run `{typed}`; `runs` lists those that there are"));
    let found = store.find(typed, NAMED_MAX + 1)?;
    match found[..] {
        [] => Err(unknown()),
        [id] => store.flow_run(id)?.ok_or_else(unknown),
        _ => {
            let names: Vec<String> = found.iter().take(NAMED_MAX).map(FlowRunId::short).collect();
            let more = if found.len() > NAMED_MAX { ", …" } else { "" };
            let message = format!("`{typed}` could mean {}{more}; type more of the id", names.join(", "));
            Err(Usage::new(message))
        }
    }
}
