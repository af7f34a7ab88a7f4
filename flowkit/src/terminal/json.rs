//! One JSON object per line for each event, for other programs: the only place that knows the form, for events of any process.
//! The form has a version: `"v":1` means that fields are only ever added. Not the store's rows: ids are those that people
//! type.
//!
//! ```text
//! Notice ──────────────────────────┐
//!                                  ├──► Told ──► line
//! events of a store, in `watch` ───┘
//! ```
//!
//! Pure. Moments are in microseconds, as they are kept, so that both say the same.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::value::RawValue;

use super::picture::Program;
use super::stopping::StopNotice;
use super::view::RunView;
use crate::engine::flow_run::observer::Notice;
use crate::model::{ErrorReport, EventKind, FlowRunId, State, TaskRunId, WallTime, iso};
use crate::text::columns;

/// Said beside the state of a run that completed, and of which task runs failed.
pub(crate) const COMPLETED_WITH_FAILURES: &str = "completed_with_failures";

/// The version of the form.
pub(crate) const VERSION: u8 = 1;

/// A line. What does not apply is left out.
#[derive(Default, Serialize)]
struct Record<'a> {
    v: u8,
    t: String,
    /// The outermost flow run.
    run: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flow: Option<&'a str>,
    /// The sub-flows that lead here.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<&'a str>,
    /// The number of the task run in its flow run.
    #[serde(skip_serializing_if = "Option::is_none")]
    task_run: Option<u64>,
    /// What people call the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// Which of the runs of the task: its name, or its place in the list that was mapped.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<State>,
    /// That a run completed after failures.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    running: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    within_ms: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<JsonError<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<RunCounts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resume: Option<String>,
    at: String,
}

/// Why something has no result, as it stands in a line.
#[derive(Serialize)]
pub(crate) struct JsonError<'a> {
    /// The task that failed first.
    task: &'a str,
    msg: &'a str,
    chain: &'a [String],
    place: &'a str,
}

impl<'a> JsonError<'a> {
    pub(crate) fn of(report: &'a ErrorReport) -> Self {
        Self { task: &report.task, msg: &report.message, chain: &report.causes, place: &report.location }
    }
}

#[derive(Serialize)]
struct RunCounts {
    tasks: usize,
    ran: usize,
    cached: usize,
    failed: usize,
    skipped: usize,
    cancelled: usize,
    retries: usize,
}

/// An event, with what is said of it.
pub(crate) struct EventView<'a> {
    /// The outermost flow run.
    pub(crate) run: FlowRunId,
    pub(crate) at: WallTime,
    pub(crate) kind: &'a EventKind,
    /// Start of the first attempt of the run it happened to.
    pub(crate) started_at: Option<WallTime>,
    pub(crate) whom: Whom<'a>,
}

/// The run an event happened to.
pub(crate) enum Whom<'a> {
    /// The outermost flow run, of which `view` knows the event already.
    Run { flow: &'a str, parameters: Option<&'a str>, view: &'a RunView, program: &'a Program },
    /// A task run, or the run of a sub-flow.
    Task {
        /// The sub-flows that lead to it.
        path: Option<&'a str>,
        task: &'a str,
        id: TaskRunId,
        index: Option<u32>,
        /// The name of its own.
        name: Option<&'a str>,
    },
}

/// Escapes what a terminal would obey, or nobody would see, as JSON does: serde_json leaves what is not ASCII as it is. It is
/// the same JSON as before.
pub(crate) fn json_escaped(json: String) -> String {
    let is_hidden = |c: char| !c.is_ascii_whitespace() && columns::is_hidden(c);
    if !json.chars().any(is_hidden) {
        return json;
    }
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if is_hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(escaped, "\\u{unit:04x}").expect("bug in flowkit: a string refuses text");
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Returns the line of a notice, of which `view` knows already.
pub(super) fn of_notice(
    view: &RunView,
    notice: &Notice<'_>,
    parameters: Option<&str>,
    program: &Program,
) -> Option<String> {
    // Its line is made from the signal, which says more: see `of_stopping`.
    if matches!(notice.event.kind, EventKind::Stopping) {
        return None;
    }
    let task_run = notice.task_run;
    let at = WallTime::from(notice.at);
    let whom = match notice.origin {
        None if notice.event.task_run == TaskRunId::FLOW => {
            Whom::Run { flow: &task_run.task, parameters, view, program }
        }
        origin => Whom::Task {
            path: origin.map(|origin| &*origin.path),
            task: &task_run.task,
            id: notice.event.task_run,
            index: task_run.index,
            name: task_run.name.as_deref(),
        },
    };
    let started_at = task_run.started_at;
    line(&EventView { run: view.id, at, kind: &notice.event.kind, started_at, whom })
}

/// Returns the line of a signal, which is no event of the run: it may come to its end all the same.
pub(super) fn of_stopping(view: &RunView, stopping: &StopNotice) -> Option<String> {
    let record = Record {
        v: VERSION,
        t: "run.stopping".to_owned(),
        run: view.id.short(),
        flow: Some(&view.flow),
        signal: Some(stopping.signal),
        running: Some(view.running()),
        within_ms: Some(stopping.patience.as_millis()),
        at: iso(stopping.at),
        ..Record::default()
    };
    serde_json::to_string(&record).ok().map(json_escaped)
}

/// Returns the line of an event.
pub(crate) fn line(told: &EventView<'_>) -> Option<String> {
    let is_own = matches!(told.whom, Whom::Run { .. });
    // That of a sub-flow says nothing new.
    if matches!(told.kind, EventKind::Stopping) && !is_own {
        return None;
    }
    let mut record = Record {
        v: VERSION,
        t: format!("{}.{}", if is_own { "run" } else { "task" }, word(told.kind, is_own)),
        run: told.run.short(),
        at: iso(told.at),
        ..Record::default()
    };
    match &told.kind {
        EventKind::Started { attempt } => record.attempt = Some(*attempt),
        EventKind::Interrupted { attempt, error: report } => {
            record.attempt = Some(*attempt);
            record.error = Some(JsonError::of(report));
        }
        EventKind::AttemptFailed { attempt, failure } => {
            record.attempt = Some(*attempt);
            record.max = failure.attempts_max;
            record.delay_ms = Some(failure.retry_in.as_millis());
            record.error = Some(JsonError::of(&failure.error));
        }
        EventKind::Failed { error: report }
        | EventKind::TimedOut { error: report, .. }
        | EventKind::UpstreamFailed { error: report } => record.error = Some(JsonError::of(report)),
        EventKind::Skipped { reason } => record.reason = Some(reason),
        _ => {}
    }
    // A suspended run has not ended: it goes on in another process.
    if told.kind.is_end() && !matches!(told.kind, EventKind::Suspended) {
        let took = told.started_at.map(|start| told.at.as_micros() - start.as_micros());
        record.ms = took.and_then(|micros| u64::try_from(micros).ok()).map(|micros| micros / 1000);
    }
    match told.whom {
        Whom::Run { flow, parameters, view, program } => {
            record.flow = Some(flow);
            if matches!(told.kind, EventKind::Started { .. }) {
                record.id = Some(told.run.to_string());
                record.params = parameters.and_then(|json| serde_json::from_str(json).ok());
            }
            if told.kind.is_end() {
                record.state = Some(view.state);
                record.counts = Some(counts(view));
                record.outcome = view.went_on().then_some(COMPLETED_WITH_FAILURES);
                record.resume = program.command("resume", told.run).filter(|_| !view.state.is_success());
            }
        }
        Whom::Task { path, task, id, index, name } => {
            // A run may be named when it has its inputs: what is created has no name yet.
            let name = name.filter(|_| !matches!(told.kind, EventKind::Created));
            record.path = path;
            record.task = Some(task);
            record.task_run = Some(id.get());
            let label = || index.map_or_else(|| task.to_owned(), |index| format!("{task}[{index}]"));
            record.label = Some(name.map_or_else(label, str::to_owned));
            record.key = name.map(str::to_owned).or_else(|| index.map(|index| index.to_string()));
        }
    }
    serde_json::to_string(&record).ok().map(json_escaped)
}

/// Returns the persisted name of the event, but for the end of the run itself: one line to wait for, whatever the state.
pub(super) fn word(kind: &EventKind, is_own: bool) -> &'static str {
    if is_own && kind.is_end() { "finished" } else { kind.name() }
}

fn counts(view: &RunView) -> RunCounts {
    let counts = view.counts();
    RunCounts {
        tasks: counts.seen,
        ran: counts.ran,
        cached: counts.cached,
        failed: counts.failed,
        skipped: counts.skipped,
        cancelled: counts.cancelled,
        retries: view.retries,
    }
}
