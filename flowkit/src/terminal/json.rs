//! JSON Lines for other programs: one object per event, of any process. The only file that knows the format, which has a
//! version: with `"v":1` fields are only added. Not the rows of the store: ids are those that people type.
//!
//! Pure. Moments are in microseconds, as a store persists them, so that `run` and `watch` say the same.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;

use super::fact::Fact;
use super::picture::Program;
use super::stopping::StopNotice;
use super::view::RunView;
use crate::model::{ErrorReport, EventKind, State, iso, label_of};
use crate::text::columns;

/// The `outcome` of a run that completed although task runs failed.
pub(crate) const COMPLETED_WITH_FAILURES: &str = "completed_with_failures";

/// The version of the format.
pub(crate) const VERSION: u8 = 1;

/// A line. Fields that do not apply are left out.
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
    /// The name that people see.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// Which run of the task it is: its name, or its position in the list that was mapped.
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
    /// [`COMPLETED_WITH_FAILURES`], or nothing.
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

/// An error as a field of a line.
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
    /// Those with a result from before the run was resumed.
    kept: usize,
    ran: usize,
    cached: usize,
    failed: usize,
    skipped: usize,
    cancelled: usize,
    retries: usize,
}

/// Escapes characters that a terminal would obey or that are invisible, in the way of JSON: serde_json does not escape what is
/// not ASCII. The JSON means the same as before.
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

/// Returns the line of a signal. It is no event of the run, which may still complete.
pub(super) fn of_stopping(view: &RunView, stopping: &StopNotice) -> Option<String> {
    let record = Record {
        v: VERSION,
        t: "run.stopping".to_owned(),
        run: view.id.short(),
        flow: Some(&view.flow),
        signal: Some(stopping.signal),
        running: Some(view.running()),
        within_ms: Some(stopping.grace.as_millis()),
        at: iso(stopping.at),
        ..Record::default()
    };
    serde_json::to_string(&record).ok().map(json_escaped)
}

/// Returns the line of an event that `view` has applied; `parameters` are the arguments of the outermost flow run.
pub(crate) fn line(
    view: &RunView,
    fact: &Fact<'_>,
    parameters: Option<&str>,
    program: &Program,
) -> Option<String> {
    let (kind, detail, is_own) = (fact.kind(), &fact.detail, fact.is_own());
    let task_run = fact.notice.task_run;
    // The sub-flows of a run stop with it.
    if matches!(kind, EventKind::Stopping) && !is_own {
        return None;
    }
    let mut record = Record {
        v: VERSION,
        t: format!("{}.{}", if is_own { "run" } else { "task" }, word(kind, is_own)),
        run: view.id.short(),
        attempt: detail.attempt,
        max: detail.attempts_max,
        delay_ms: detail.retry_in.map(|wait| wait.as_millis()),
        ms: took(fact).and_then(|time| u64::try_from(time.as_millis()).ok()),
        reason: detail.reason,
        error: detail.error.map(JsonError::of),
        at: iso(fact.at()),
        ..Record::default()
    };
    if is_own {
        record.flow = Some(&task_run.task);
        if matches!(kind, EventKind::Started { .. }) {
            record.id = Some(view.id.to_string());
            record.params = parameters.and_then(|json| serde_json::from_str(json).ok());
        }
        if kind.is_end() {
            record.state = Some(view.state);
            record.counts = Some(counts(view));
            record.outcome = view.completed_with_failures().then_some(COMPLETED_WITH_FAILURES);
            record.resume = program.command("resume", view.id).filter(|_| !view.state.is_success());
        }
    } else {
        // A run gets its name when its inputs are known: a created run has none yet.
        let name = task_run.name.as_deref().filter(|_| !matches!(kind, EventKind::Created));
        record.path = fact.notice.origin.map(|origin| &*origin.path);
        record.task = Some(&task_run.task);
        record.task_run = Some(task_run.id.get());
        record.label = Some(label_of(&task_run.task, task_run.index, name));
        record.key = name.map(str::to_owned).or_else(|| task_run.index.map(|index| index.to_string()));
    }
    serde_json::to_string(&record).ok().map(json_escaped)
}

/// Returns the duration of the run in this execution, if it ended. A suspended run continues in another process.
fn took(fact: &Fact<'_>) -> Option<Duration> {
    fact.took().filter(|_| !matches!(fact.kind(), EventKind::Suspended))
}

/// Returns the persisted name of the event; for the end of the run itself one word for all states, so that a reader can wait
/// for it.
pub(super) fn word(kind: &EventKind, is_own: bool) -> &'static str {
    if is_own && kind.is_end() { "finished" } else { kind.name() }
}

fn counts(view: &RunView) -> RunCounts {
    let counts = view.counts();
    RunCounts {
        tasks: counts.seen,
        kept: counts.kept,
        ran: counts.ran,
        cached: counts.cached,
        failed: counts.failed,
        skipped: counts.skipped,
        cancelled: counts.cancelled,
        retries: view.retries,
    }
}
