//! `list`: the flows of the program, with their parameters, how the last run of each ended, and which tasks a resumed
//! run would repeat. Runs are listed by `runs`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::json;

use crate::cli::flags::typed;
use crate::cli::grammar::first_line;
use crate::cli::json::line;
use crate::cli::out::{note, print_line, table};
use crate::cli::outcome;
use crate::cli::relative_time::ago;
use crate::cli::rows;
use crate::cli::session::Session;
use crate::cli::unsupported_types;
use crate::cli::usage::UsageResult;
use crate::clock;
use crate::engine::spec::FlowSpec;
use crate::model::{Identity, Kind, State, StoredFlowRun, TaskRunId, iso};
use crate::store::{Store, TaskRunFilter};
use crate::text::columns::visible;
use crate::text::wording::list as list_of;
use crate::value::json::Json;
use crate::value::parameters::{Parameter, schema};

/// How many task runs of a run are read: there may be a million, of a few tasks.
const LOOKED_AT: usize = 1000;

pub(super) fn list(session: &Session) -> UsageResult<()> {
    let flows = &session.program.flows;
    let last = last_runs(session).unwrap_or_else(|usage| {
        // The flows are listed all the same.
        note(format!("how the last runs ended is not known: {usage}"));
        vec![None; flows.len()]
    });
    if session.is_json() {
        flows.iter().zip(&last).map(|(flow, last)| as_json(flow, last.as_ref())).for_each(print_line);
        return Ok(());
    }
    let row = |flow: &FlowSpec| vec![flow.ident().to_owned(), first_line(flow.description()).to_owned()];
    let lines = table(&flows.iter().map(row).collect::<Vec<_>>());
    for ((line, flow), last) in lines.iter().zip(flows).zip(&last) {
        print_line(line);
        let tags: Vec<String> = flow.declaration.tags.iter().map(|tag| visible(tag)).collect();
        if !tags.is_empty() {
            print_line(format!("    tags {}", tags.join(", ")));
        }
        if let Some(Last { run, not_persisted, not_compared }) = last {
            let (glyph, state, when) =
                (outcome::sign(run), outcome::words(run), ago(run.created_at, clock::wall()));
            print_line(format!("    last run {}  {glyph} {state}, {when}", run.id.short()));
            let without_reason = not_persisted.iter().filter(|(_, reason)| reason.is_none());
            let which: Vec<_> = without_reason.map(|(task, _)| visible(task)).collect();
            if !which.is_empty() {
                let which = list_of(which);
                print_line(format!(
                    "    the results of {which} are not kept: a resumed run makes them again"
                ));
            }
            not_compared.iter().for_each(|words| print_line(format!("    {}", visible(words))));
            for (task, reason) in not_persisted {
                let Some(reason) = reason else { continue };
                let (task, reason) = (visible(task), visible(reason));
                print_line(format!(
                    "    results of `{task}` are not kept, so a resumed run makes them again: {reason}"
                ));
            }
        }
        if let Some(owner) = flow.owner() {
            print_line(format!("    owner {}", visible(owner)));
        }
        // One per line: a terminal is narrow.
        parameters(flow).iter().for_each(|parameter| print_line(format!("    {parameter}")));
    }
    Ok(())
}

/// The newest run of a flow.
#[derive(Clone)]
struct Last {
    run: StoredFlowRun,
    /// The tasks whose results a resumed run would not find, with the reason if it is not their type. Known only for
    /// tasks that have run.
    not_persisted: BTreeMap<Cow<'static, str>, Option<String>>,
    /// The tasks whose calls cannot be told apart, with the reason.
    not_compared: Vec<String>,
}

/// Returns the newest run of each flow, where there is a database.
fn last_runs(session: &Session) -> UsageResult<Vec<Option<Last>>> {
    let flows = &session.program.flows;
    if !session.settings.is_made() {
        return Ok(vec![None; flows.len()]);
    }
    let store = session.settings.look_back()?;
    let last = |flow: &FlowSpec| {
        let newest = rows::newest(&store, &session.program.runs_of(flow.ident()))?;
        newest.map(|run| last_of(&store, run)).transpose()
    };
    flows.iter().map(last).collect()
}

/// Finds the tasks from which a resumed run takes over nothing, if the run can be resumed at all.
fn last_of(store: &dyn Store, run: StoredFlowRun) -> UsageResult<Last> {
    let (mut not_persisted, mut not_compared) = (BTreeMap::new(), BTreeMap::new());
    if run.parameters.is_some() {
        for row in store.task_runs(run.id, &TaskRunFilter::default(), TaskRunId::FLOW, LOOKED_AT)? {
            if let Some(argument) = &row.unknown {
                not_compared
                    .entry(row.task.clone())
                    .or_insert_with(|| Identity::words(row.kind, &row.task, argument));
            }
            if row.kind == Kind::Task && row.state == State::Completed && !row.has_result {
                not_persisted.insert(row.task, row.not_persisted);
            }
        }
    }
    Ok(Last { run, not_persisted, not_compared: not_compared.into_values().collect() })
}

fn as_json(flow: &FlowSpec, last: Option<&Last>) -> Json {
    let schema = flow.parameters().map(|parameters| schema(&parameters));
    let last = last.map(|Last { run, not_persisted, not_compared }| {
        json!({
            "run": run.id.short(), "id": run.id, "state": run.state, "failures": run.failures,
            "created_at": iso(run.created_at), "ended_at": run.ended_at.map(iso), "not_kept": not_persisted.keys().collect::<Vec<_>>(), "not_compared": not_compared,
        })
    });
    let fields = json!({
        "flow": flow.ident(), "name": flow.name(), "description": flow.description(),
        "tags": flow.declaration.tags, "owner": flow.owner(),
        "last_run": last, "fault": unsupported_types::fault(flow),
    });
    line("flow", None, fields).with("schema", schema)
}

fn parameters(flow: &FlowSpec) -> Vec<String> {
    let row = |parameter: &Parameter| {
        let flag = typed(parameter);
        let flag = if parameter.is_optional { format!("[{flag}]") } else { flag };
        vec![flag, first_line(parameter.description).to_owned()]
    };
    let mut lines = table(&flow.all_parameters().iter().map(row).collect::<Vec<_>>());
    lines.extend(unsupported_types::fault(flow));
    lines
}
