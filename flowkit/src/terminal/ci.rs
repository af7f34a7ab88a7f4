//! One line per fact where nothing can be drawn, as in CI: no cursor is moved, and every line can be searched for. Not the
//! words of `Lines`, which are for people who watch a program of their own.

use std::time::Duration;

use super::failures::{ROWS_MAX, rows};
use super::github;
use super::lines::{attempt_took, clock, label};
use super::picture::Program;
use super::view::RunView;
use crate::engine::flow_run::observer::Notice;
use crate::model::{ErrorReport, EventKind, Kind, State, TaskRun, TaskRunId};
use crate::text::columns;
use crate::text::wording::counted;

/// Labels up to this width stand in a column.
const LABEL_COLUMNS: usize = 14;
/// A longer error is cut to keep a fact on one line.
const ERROR_COLUMNS_MAX: usize = 400;

/// Returns the lines that an event is worth, of which `view` knows already; `slow` says what is usual, if it ended a slow
/// run. With `annotate`, failures are told in a way of which GitHub makes annotations, too.
pub(super) fn lines(
    view: &RunView,
    notice: &Notice<'_>,
    slow: Option<Duration>,
    program: &Program,
    annotate: bool,
) -> Vec<String> {
    let is_flow = notice.event.task_run == TaskRunId::FLOW;
    if is_flow && notice.origin.is_none() {
        return flow_lines(view, notice, program);
    }
    // The run behind a sub-flow's node speaks for itself.
    if !is_flow && notice.task_run.kind == Kind::Flow && notice.task_run.flow_run.is_some() {
        return Vec::new();
    }
    let Some((word, rest)) = fact(view, notice, slow) else { return Vec::new() };
    let mut lines = vec![line(view, notice, word, &label(notice), &rest)];
    if let (true, EventKind::Failed { error } | EventKind::TimedOut { error, .. }) =
        (annotate, &notice.event.kind)
    {
        lines.push(github::annotation(&label(notice), error));
    }
    lines
}

fn flow_lines(view: &RunView, notice: &Notice<'_>, program: &Program) -> Vec<String> {
    let task_run = notice.task_run;
    let label = label(notice);
    let time = clock(notice.at);
    let word = word(&notice.event.kind).unwrap_or_default();
    match &notice.event.kind {
        EventKind::Started { attempt: 1 } => {
            let run = format!("run={} {}", view.id.short(), view.parameters);
            vec![line(view, notice, word, &label, &run)]
        }
        EventKind::Reopened => {
            vec![line(view, notice, word, &label, &format!("run={}", view.id.short()))]
        }
        EventKind::AttemptFailed { .. } => {
            let Some((word, rest)) = fact(view, notice, None) else { return Vec::new() };
            vec![line(view, notice, word, &label, &rest)]
        }
        EventKind::Cancelling => vec![line(view, notice, word, &label, "")],
        kind if kind.is_end() => {
            let mut lines = Vec::new();
            let failed = view.counts().failed;
            if let Some(cause) = view.root_cause().filter(|cause| cause.failed.is_none()) {
                lines.push(line(view, notice, "FAIL", &label, &of_error(cause.report)));
            }
            let went_on = view.went_on();
            // Of a run that failed because of one task, the line of that task has said it.
            if went_on || failed > 1 {
                lines.extend(failures(view, program).iter().map(|failure| format!("{time} {failure}")));
            }
            let (end, failed) = match went_on {
                true => ("FINISHED", format!("  {}", counted(failed, "failure", "failures"))),
                false => (end(view.state), String::new()),
            };
            lines.push(format!("{time} {end}  {label}  {}{failed}  {}", took(task_run), numbers(view)));
            lines.extend(view.not_compared.notes().iter().map(|note| format!("{time} {note}")));
            if let (false, Some(resume)) = (view.state.is_success(), program.resume(view.id)) {
                lines.push(format!("{time} rerun: {resume}"));
            }
            lines
        }
        _ => Vec::new(),
    }
}

/// Returns what failed, once more, at the end of what may be a long log.
fn failures(view: &RunView, program: &Program) -> Vec<String> {
    let (rows, more) = rows(view, None, ROWS_MAX);
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let label = if row.count == 1 { &row.first.label } else { &row.first.task };
            let padding = LABEL_COLUMNS.saturating_sub(columns::columns(label));
            let count = if row.count == 1 { String::new() } else { format!("count={} ", row.count) };
            format!("failure {label}{:padding$} {count}{}", "", of_error(&row.first.report))
        })
        .collect();
    if more > 0 {
        let show = program.command("show", view.id).map(|show| format!(": {show}")).unwrap_or_default();
        lines.push(format!("failure and {more} more{show}"));
    }
    lines
}

/// Returns the word for an event; `None` for one that has no line. The table in `docs/terminal.md` has all of them.
pub(super) const fn word(kind: &EventKind) -> Option<&'static str> {
    Some(match kind {
        EventKind::Started { .. } => "start",
        EventKind::AttemptFailed { .. } => "retry",
        EventKind::Completed => "ok",
        EventKind::Cached => "cached",
        EventKind::Failed { .. } => "FAIL",
        EventKind::TimedOut { .. } => "TIMEOUT",
        EventKind::UpstreamFailed { .. } | EventKind::Skipped { .. } => "skip",
        EventKind::Cancelling => "cancel",
        EventKind::Cancelled { .. } => "cancelled",
        EventKind::Interrupted { .. } | EventKind::Suspended => "suspended",
        EventKind::Reopened => "resume",
        EventKind::Created | EventKind::Queued | EventKind::Crashed | EventKind::Stopping => return None,
    })
}

fn fact(view: &RunView, notice: &Notice<'_>, slow: Option<Duration>) -> Option<(&'static str, String)> {
    let task_run = notice.task_run;
    let rest = match &notice.event.kind {
        EventKind::Started { attempt: 1 } if notice.event.task_run == TaskRunId::FLOW => {
            format!("run={}", notice.flow_run.short())
        }
        EventKind::AttemptFailed { attempt, failure } => {
            let most = failure.attempts_max.map(|most| format!("/{most}")).unwrap_or_default();
            let (after, wait) = (seconds(attempt_took(task_run, *attempt)), seconds(failure.retry_in));
            let error = quoted(&failure.error.to_string());
            format!("attempt={attempt}{most} after={after} in={wait} error={error}")
        }
        EventKind::Completed => {
            let slow = slow.map(|usual| format!(" slow usual={}", seconds(usual)));
            format!("{}{}{}", took(task_run), attempts(task_run), slow.unwrap_or_default())
        }
        EventKind::Cached | EventKind::Cancelled { .. } => String::new(),
        EventKind::Failed { error } | EventKind::TimedOut { error, .. } => failure(view, notice, error),
        EventKind::UpstreamFailed { .. } => {
            let missed = view.missed_input(notice.flow_run, &task_run.edges);
            missed.map(|(missed, _)| format!("because={missed}")).unwrap_or_default()
        }
        EventKind::Skipped { reason } => format!("because={}", quoted(reason)),
        EventKind::Interrupted { attempt, error } => {
            format!("attempt={attempt} error={}", quoted(&error.to_string()))
        }
        EventKind::Suspended if !task_run.was_interrupted() => String::new(),
        _ => return None,
    };
    Some((word(&notice.event.kind)?, rest))
}

fn line(view: &RunView, notice: &Notice<'_>, word: &str, label: &str, rest: &str) -> String {
    let counts = view.counts();
    // How many there will be is not known before a flow has run.
    let seen = if counts.seen == 0 { "-".to_owned() } else { counts.seen.to_string() };
    let padding = LABEL_COLUMNS.saturating_sub(columns::columns(label));
    let time = clock(notice.at);
    let counter = format!("{:>width$}/{seen:>2}", counts.ended, width = seen.len().max(2));
    let line = format!("{time} [{counter}] {word:<7} {label}{:padding$} {rest}", "");
    line.trim_end().to_owned()
}

fn failure(view: &RunView, notice: &Notice<'_>, error: &ErrorReport) -> String {
    let key = (notice.flow_run, notice.event.task_run);
    let failed = view.failures.iter().rev().find(|failed| failed.key == key);
    let attempts = match failed.and_then(|failed| failed.attempts_max) {
        Some(most) => format!(" attempt={}/{most}", notice.task_run.attempt),
        None => attempts(notice.task_run),
    };
    format!("{}{attempts} {}", took(notice.task_run), of_error(error))
}

fn of_error(error: &ErrorReport) -> String {
    format!("error={} at={}", quoted(&error.to_string()), columns::visible(&error.location))
}

fn attempts(task_run: &TaskRun) -> String {
    match task_run.attempt {
        0 | 1 => String::new(),
        attempt => format!(" attempt={attempt}"),
    }
}

fn took(task_run: &TaskRun) -> String {
    seconds(task_run.duration().unwrap_or_default())
}

/// Returns a duration in one unit, so that a script can compare.
fn seconds(duration: Duration) -> String {
    format!("{}.{:03}s", duration.as_secs(), duration.subsec_millis())
}

fn quoted(words: &str) -> String {
    let words = columns::shortened(&columns::visible(words), ERROR_COLUMNS_MAX);
    format!("\"{}\"", words.replace('\\', "\\\\").replace('"', "\\\""))
}

const fn end(state: State) -> &'static str {
    match state {
        State::Completed | State::Cached => "OK",
        State::Cancelled => "CANCELLED",
        State::Suspended => "SUSPENDED",
        State::TimedOut => "TIMEOUT",
        _ => "FAILED",
    }
}

fn numbers(view: &RunView) -> String {
    let counts = view.counts();
    let told = [
        (counts.ran, "ran"),
        (counts.cached, "cached"),
        (counts.failed, "failed"),
        (counts.skipped, "skipped"),
        (counts.cancelled, "stopped"),
    ];
    let told = told.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
    let retries = (view.retries > 0).then(|| counted(view.retries, "retry", "retries"));
    let told: Vec<_> = told.chain(retries).collect();
    format!("{}: {}", counted(counts.seen, "task", "tasks"), told.join(" "))
        .trim_end_matches([' ', ':'])
        .to_owned()
}
