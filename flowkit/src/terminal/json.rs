//! One JSON object per line for each event, for other programs. The form has a version: `"v":1` means that fields are only
//! ever added. Not the store's rows: ids are those that people type.

use serde::Serialize;
use serde_json::value::RawValue;

use super::picture::Program;
use super::view::RunView;
use crate::engine::flow_run::observer::Notice;
use crate::model::{ErrorReport, EventKind, State, TaskRun, TaskRunId, iso};

/// The version of the form.
const VERSION: u8 = 1;

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
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Error<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<Counts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resume: Option<String>,
    at: String,
}

#[derive(Serialize)]
struct Error<'a> {
    /// The task that failed first.
    task: &'a str,
    msg: &'a str,
    chain: &'a [String],
    place: &'a str,
}

#[derive(Serialize)]
struct Counts {
    tasks: usize,
    ran: usize,
    cached: usize,
    failed: usize,
    skipped: usize,
    cancelled: usize,
    retries: usize,
}

/// Returns the line for an event, of which `view` knows already.
pub(super) fn line(
    view: &RunView,
    notice: &Notice<'_>,
    parameters: Option<&str>,
    program: &Program,
) -> Option<String> {
    let task_run = notice.task_run;
    let is_own = notice.event.task_run == TaskRunId::FLOW && notice.origin.is_none();
    let mut record = Record {
        v: VERSION,
        t: format!("{}.{}", if is_own { "run" } else { "task" }, word(notice.event.kind.name(), is_own)),
        run: view.id.short(),
        at: iso(notice.at.into()),
        ..Record::default()
    };
    match is_own {
        true => record.flow = Some(task_run.task()),
        false => about(&mut record, notice),
    }
    match &notice.event.kind {
        EventKind::Started { attempt } => {
            record.attempt = Some(*attempt);
            if is_own {
                record.id = Some(view.id.to_string());
                record.params = parameters.and_then(|json| serde_json::from_str(json).ok());
            }
        }
        EventKind::AttemptFailed { attempt, failure } => {
            record.attempt = Some(*attempt);
            record.max = failure.attempts_max;
            record.delay_ms = Some(failure.retry_in.as_millis());
            record.error = Some(error(&failure.error));
        }
        EventKind::Failed { error: report }
        | EventKind::TimedOut { error: report, .. }
        | EventKind::UpstreamFailed { error: report } => record.error = Some(error(report)),
        EventKind::Skipped { reason } => record.reason = Some(reason),
        _ => {}
    }
    if notice.event.kind.is_end() {
        record.ms = task_run.duration().map(|duration| duration.as_millis());
        if is_own {
            record.state = Some(view.state);
            record.counts = Some(counts(view));
            record.resume = program.command("resume", view.id).filter(|_| !view.state.is_success());
        }
    }
    serde_json::to_string(&record).ok()
}

fn about<'a>(record: &mut Record<'a>, notice: &Notice<'a>) {
    let task_run: &'a TaskRun = notice.task_run;
    record.path = notice.origin.map(|origin| &*origin.path);
    record.task = Some(task_run.task());
    record.task_run = Some(notice.event.task_run.get());
    record.label = Some(task_run.label());
    let index = || task_run.index().map(|index| index.to_string());
    record.key = task_run.name().map(str::to_owned).or_else(index);
}

/// Returns the word for an event by its name in the record; the end of a run is one word, with the state beside it.
pub(crate) fn word(name: &str, is_own: bool) -> String {
    match name {
        "completed"
        | "cached"
        | "failed"
        | "timed out"
        | "cancelled"
        | "left without an input"
        | "skipped"
        | "suspended"
            if is_own =>
        {
            "finished".to_owned()
        }
        "retried" => "retrying".to_owned(),
        "told to stop" => "cancelling".to_owned(),
        "left without an input" => "upstream_failed".to_owned(),
        other => other.replace(' ', "_"),
    }
}

fn error(report: &ErrorReport) -> Error<'_> {
    Error { task: &report.task, msg: &report.message, chain: &report.causes, place: &report.location }
}

fn counts(view: &RunView) -> Counts {
    let counts = view.counts();
    Counts {
        tasks: counts.seen,
        ran: counts.ran,
        cached: counts.cached,
        failed: counts.failed,
        skipped: counts.skipped,
        cancelled: counts.cancelled,
        retries: view.retries,
    }
}
