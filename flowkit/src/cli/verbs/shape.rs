//! `run --dry-run`: the values that a run would have, and the shape of an earlier run of the flow. A flow decides what
//! it calls while it runs, so nothing more can be known.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;

use super::run::show_config;
use crate::cli::json::{line, millis};
use crate::cli::out::{print_line, table};
use crate::cli::outcome;
use crate::cli::relative_time::ago;
use crate::cli::resolve::Resolved;
use crate::cli::rows::{self, Nested};
use crate::cli::session::Session;
use crate::cli::usage::UsageResult;
use crate::clock;
use crate::engine::spec::FlowSpec;
use crate::model::{State, StoredFlowRun};
use crate::store::{FlowRunFilter, Store};
use crate::terminal::folded::Folded;
use crate::text::columns;
use crate::value::json::Members;

/// The calls of a task in one body, in an earlier run.
#[derive(Debug, Default)]
struct Shape {
    task: String,
    depth: usize,
    count: usize,
    cached: usize,
    took: Vec<Duration>,
}

impl Shape {
    /// Returns the median of the durations.
    fn usual(&self) -> Option<Duration> {
        let mut took = self.took.clone();
        took.sort_unstable();
        took.get(took.len() / 2).copied()
    }

    fn words(&self) -> String {
        let cached = (self.cached > 0).then(|| format!("{} cached", self.cached));
        let usual = self.usual().map(|usual| match self.took.len() {
            1 => columns::duration(usual),
            _ => format!("usually {}", columns::duration(usual)),
        });
        usual.into_iter().chain(cached).collect::<Vec<_>>().join(", ")
    }
}

/// Shows the values and the recorded shape; nothing runs.
pub(super) fn show(
    session: &Session,
    flow: &FlowSpec,
    resolved: &[Resolved],
    arguments: Option<&Members>,
) -> UsageResult<()> {
    if !session.is_json() {
        print_line(format!("`{}` would run with", flow.ident()));
    }
    show_config(session, resolved, arguments);
    let Some((run, shapes)) = recorded(session, flow)? else {
        if !session.is_json() {
            print_line(
                "no run of it is recorded, so what it calls is not known before it runs; nothing was run",
            );
        }
        return Ok(());
    };
    if session.is_json() {
        for shape in shapes.in_order() {
            let fields = json!({
                "task": shape.task, "depth": shape.depth, "count": shape.count, "cached": shape.cached,
                "usual_ms": shape.usual().map(millis),
            });
            print_line(line("recorded.task", Some(run.id), fields));
        }
        let took = run.duration().map(millis);
        let fields = json!({ "flow": flow.ident(), "id": run.id, "state": run.state, "ms": took });
        print_line(line("recorded", Some(run.id), fields));
        return Ok(());
    }
    let took = run.duration().map(|took| format!(" in {}", columns::duration(took)));
    print_line(format!(
        "its run {} ({}{}, {}) called",
        run.id.short(),
        outcome::words(&run),
        took.unwrap_or_default(),
        ago(run.created_at, clock::wall())
    ));
    let rows = shapes.in_order().map(|shape| {
        let times = if shape.count == 1 { String::new() } else { format!(" ×{}", shape.count) };
        let indent = "  ".repeat(shape.depth);
        vec![format!("  {indent}{}{times}", columns::visible(&shape.task)), shape.words()]
    });
    table(&rows.collect::<Vec<_>>()).iter().for_each(print_line);
    print_line("that is recorded, not planned: a flow decides what it calls when it runs; nothing was run");
    Ok(())
}

/// Finds the newest completed run of the flow, which is the most complete; or else the newest.
fn recorded(session: &Session, flow: &FlowSpec) -> UsageResult<Option<(StoredFlowRun, Folded<Shape>)>> {
    if !session.settings.is_made() {
        return Ok(None);
    }
    let store = session.settings.look_back()?;
    let any = session.program.runs_of(flow.ident());
    let completed = FlowRunFilter { states: vec![State::Completed], ..any.clone() };
    for filter in [completed, any] {
        if let Some(run) = rows::newest(&store, &filter)? {
            let shapes = look(&store, &run)?;
            return Ok(Some((run, shapes)));
        }
    }
    Ok(None)
}

fn look(store: &dyn Store, run: &StoredFlowRun) -> UsageResult<Folded<Shape>> {
    let mut folded = Folded::new();
    let mut nested = Nested::of([(run.id, None)]);
    while let Some((run, around)) = nested.pop() {
        let mut groups = HashMap::new();
        rows::with_tasks(store, run, |rows| {
            for row in rows {
                let parent = groups.get(&row.parent).copied().or(around);
                let new = |depth| Shape { task: row.task.to_string(), depth, ..Shape::default() };
                let group = folded.group(parent, &row.task, new);
                groups.insert(row.id, group);
                let shape = &mut folded[group];
                shape.count += 1;
                shape.cached += usize::from(row.state == State::Cached);
                shape.took.extend(row.duration().filter(|_| row.state == State::Completed));
                nested.add(row.flow_run.map(|inner| (inner, Some(group))));
            }
        })?;
    }
    Ok(folded)
}
