//! What is the same for every verb that runs something: the runtime, what is told meanwhile, and how it ends.

use serde_json::{Map, Value, json};

use crate::any_flow::{self, AnyFlowRun, FlowSpec};
use crate::cli::Exit;
use crate::cli::json as lines;
use crate::cli::out::say;
use crate::cli::session::Session;
use crate::cli::usage::{Outcome, Usage, with_causes};
use crate::engine::observer::Notice;
use crate::engine::runtime::Runtime;
use crate::graph::text::{shortened, visible};
use crate::model::{Error, TaskRunId, WallTime};
use crate::signals::Interrupted;
use crate::store::rows::event_row;
use crate::terminal;

/// How much of a result is shown: it is there to be recognised.
const VALUE_COLUMNS_MAX: usize = 200;

/// What has become of a run that this process ran.
pub(super) type Ended = Result<any_flow::Ended, Interrupted>;

/// Makes the runtime of the program, with its store.
pub(super) fn runtime(session: &Session) -> Outcome<Runtime> {
    let builder = Runtime::builder().store(session.settings.open()?);
    let builder = session.program.flows.iter().fold(builder, |builder, flow| builder.flow(*flow));
    let runtime = builder.build();
    attach_screen(&runtime, session);
    Ok(runtime)
}

/// Lets somebody see what happens while a flow runs. The only place that knows who draws it.
fn attach_screen(runtime: &Runtime, session: &Session) {
    if session.is_json() {
        runtime.observe(|notice| say(notice_line(notice)));
    } else {
        runtime.observe(terminal::lines());
    }
}

fn notice_line(notice: &Notice<'_>) -> Value {
    let created = WallTime::from_micros(0);
    let mut event = event_row(notice.event, 0, created);
    event.at = notice.at.into();
    let mut line = lines::event(notice.flow_run, &notice.task_run.label(), &event);
    if let Value::Object(fields) = &mut line
        && notice.event.task_run == TaskRunId::FLOW
    {
        fields.insert("flow".to_owned(), notice.task_run.task().into());
    }
    line
}

/// Says how it ended, and what to do now.
pub(super) fn finish(session: &Session, ended: Ended) -> Outcome<Exit> {
    match ended {
        Ok(Ok(run)) => Ok(tell(session, &run)),
        // What never began was asked for in the wrong way.
        Ok(Err(error @ (Error::Refused { .. } | Error::Store { .. }))) => {
            Err(Usage::new(with_causes(&error)))
        }
        Ok(Err(error)) => {
            eprintln!("error: {}", with_causes(&error));
            Ok(Exit::FAILURE)
        }
        Err(interrupted) => {
            eprintln!("{interrupted}");
            for run in &interrupted.runs {
                hint("go on", &session.command(&format!("resume {}", run.short())));
            }
            Ok(Exit(interrupted.code()))
        }
    }
}

fn tell(session: &Session, run: &AnyFlowRun) -> Exit {
    let (id, state) = (run.id(), run.state());
    let resume = session.command(&format!("resume {}", id.short()));
    if session.is_json() {
        let value: Option<Value> = run.value().and_then(|json| serde_json::from_str(json).ok());
        let fields = json!({
            "id": id,
            "state": state,
            "counts": counts(run),
            "ms": run.flow().and_then(|flow| flow.duration()).map(lines::millis),
            "value": value,
            "error": run.error().as_ref().map(lines::error),
            "resume": (!state.is_success()).then_some(&resume),
        });
        say(lines::line("run.finished", Some(id), fields));
    } else if state.is_success() {
        if let Some(value) = run.value().filter(|value| *value != "null") {
            eprintln!("  result: {}", shortened(&visible(value), VALUE_COLUMNS_MAX));
        }
        hint("look", &session.command(&format!("show {}", id.short())));
    } else {
        hint("look", &session.command(&format!("show {}", id.short())));
        hint("go on where it stopped", &resume);
        let flow =
            run.flow().and_then(|flow| session.program.flow_of(flow.declaration().path).map(FlowSpec::ident));
        if let Some(flow) = flow {
            hint("start over", &session.command(&format!("run {flow} --like {}", id.short())));
        }
    }
    if state.is_success() { Exit::SUCCESS } else { Exit::FAILURE }
}

/// How many task runs ended how, and how many attempts were not the first.
fn counts(run: &AnyFlowRun) -> Value {
    let mut counts = Map::new();
    let mut retries = 0;
    for task_run in run.task_runs() {
        retries += u64::from(task_run.attempt_count().saturating_sub(1));
        let name = json!(task_run.state()).as_str().unwrap_or_default().to_owned();
        let count = counts.get(&name).and_then(Value::as_u64).unwrap_or(0);
        counts.insert(name, (count + 1).into());
    }
    counts.insert("retries".to_owned(), retries.into());
    Value::Object(counts)
}

fn hint(what: &str, command: &str) {
    eprintln!("  {what}: {command}");
}
