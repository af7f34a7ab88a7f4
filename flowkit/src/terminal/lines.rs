//! One line per fact: start, retry, failure, end, and a summary with the root cause. Not a live display.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use super::root_cause::RootCause;
use super::tally::RunTally;
use crate::engine::flow_run::observer::Notice;
use crate::graph::style::{WITH_FAILURES, glyph};
use crate::model::{AttemptFailure, ErrorReport, EventKind, FlowRunId, Kind, State, TaskRun, TaskRunId};
use crate::text::columns;

/// Labels up to this width stand in a column; longer ones push their text to the right.
const LABEL_COLUMNS: usize = 20;
/// A longer label is cut: it is there to be recognised, not to carry data.
const LABEL_COLUMNS_MAX: usize = 60;
/// A longer message is cut to keep a fact on one line of a log; the root cause is printed in full at the end.
const MESSAGE_COLUMNS_MAX: usize = 400;

/// Returns an observer that prints lines to standard error. Standard output stays the program's own.
///
/// Where standard error is not a terminal, as in CI, each line begins with the time (UTC) and a counter: how many task
/// runs have ended of those seen so far. The second number grows while the flow runs, because a flow is not known
/// before it has run.
///
/// ```
/// flowkit::observe(flowkit::terminal::lines());
/// ```
pub fn lines() -> impl Fn(&Notice<'_>) + Send + Sync + 'static {
    let lines = Lines::default();
    let lines = if std::io::stderr().is_terminal() { lines } else { lines.with_time() };
    let lines = Mutex::new(lines);
    move |notice| {
        // Printed under the lock, so that lines stand in the order of their events.
        let mut lines = lines.lock();
        for line in lines.of(notice) {
            eprintln!("{line}");
        }
    }
}

/// Turns events into lines. It remembers what the summary at the end of a flow run needs.
#[derive(Debug, Default)]
pub struct Lines {
    with_time: bool,
    /// By outermost flow run: its sub-flows are part of the same story.
    tallies: BTreeMap<FlowRunId, RunTally>,
}

impl Lines {
    /// Begins each line with the time of its event (UTC) and a counter of ended task runs.
    #[must_use = "returns the changed renderer; the original is gone"]
    pub fn with_time(mut self) -> Self {
        self.with_time = true;
        self
    }

    /// Returns the lines that an event is worth: most are worth one, some none.
    ///
    /// No line has a line break or another control character in it, whatever names and messages hold.
    pub fn of(&mut self, notice: &Notice<'_>) -> Vec<String> {
        let is_flow = notice.event.task_run == TaskRunId::FLOW;
        let is_root = notice.origin.is_none();
        let root = notice.origin.map_or(notice.flow_run, |origin| origin.root);
        // A sub-flow that is told of after the end of everything changes no summary any more.
        let mut late = RunTally::default();
        let tally = if is_root {
            self.tallies.entry(root).or_default()
        } else {
            self.tallies.get_mut(&root).unwrap_or(&mut late)
        };
        let lines = if is_flow {
            flow_lines(notice, tally)
        } else {
            tally.count(notice);
            task_line(notice).into_iter().collect()
        };
        let prefix =
            if self.with_time { format!("{} {} ", clock(notice.at), tally.counter()) } else { String::new() };
        if is_flow && is_root && notice.event.kind.is_end() {
            self.tallies.remove(&root);
        }
        lines.into_iter().map(|line| columns::escaped(&format!("{prefix}{line}")).into_owned()).collect()
    }
}

fn task_line(notice: &Notice<'_>) -> Option<String> {
    let task_run = notice.task_run;
    // The run behind a sub-flow's node speaks for itself.
    if task_run.kind == Kind::Flow && task_run.flow_run.is_some() {
        return None;
    }
    let label = label(notice);
    let text = match &notice.event.kind {
        EventKind::AttemptFailed { attempt, failure } => {
            return Some(retry_line(&label, task_run, *attempt, failure));
        }
        EventKind::Completed => match task_run.attempt {
            0 | 1 => format!("completed in {}", took(task_run)),
            attempt => format!("completed in {}, attempt {attempt}", took(task_run)),
        },
        EventKind::Cached => "cached".to_owned(),
        EventKind::Failed { error } | EventKind::TimedOut { error, .. } => {
            failure(task_run, &error.to_string())
        }
        // Why the input failed was said when it did.
        EventKind::UpstreamFailed { error } => failure(task_run, &error.message),
        EventKind::Skipped { reason } => format!("skipped: {}", message(reason)),
        EventKind::Cancelled { .. } => "cancelled".to_owned(),
        EventKind::Interrupted { error, .. } => interrupted(error),
        _ => return None,
    };
    Some(line(glyph(task_run.state), &label, &text))
}

/// Says that an attempt failed because the program is being stopped, or so it seems.
pub(super) fn interrupted(error: &ErrorReport) -> String {
    format!(
        "failed while the program is being stopped, made again at `resume`: {}",
        message(&error.to_string())
    )
}

fn flow_lines(notice: &Notice<'_>, tally: &mut RunTally) -> Vec<String> {
    let task_run = notice.task_run;
    let label = label(notice);
    match &notice.event.kind {
        EventKind::Started { attempt: 1 } => {
            vec![line("▶", &label, &format!("started, run {}", notice.flow_run.short()))]
        }
        EventKind::AttemptFailed { attempt, failure } => {
            tally.retries += 1;
            vec![retry_line(&label, task_run, *attempt, failure)]
        }
        EventKind::Cancelling => vec![line(glyph(State::Cancelling), &label, "cancelling")],
        kind if !kind.is_end() => Vec::new(),
        _ if notice.origin.is_some() => vec![line(glyph(task_run.state), &label, &sub_flow_end(task_run))],
        _ => {
            let (state, error) = (task_run.state, task_run.error.as_deref());
            let cause = RootCause::of(&task_run.label(), state, error, &tally.failures, tally.failed);
            let mut lines = cause.map_or_else(Vec::new, |root| root.lines());
            let went_on = state.is_success() && tally.failed > 0;
            let failures = if went_on { " with ".to_owned() + &tally.failures() } else { String::new() };
            let end = format!("{}{failures}: {}", end(task_run), tally.summary());
            let glyph = if went_on { WITH_FAILURES } else { glyph(state) };
            lines.push(line(glyph, &label, &end));
            lines.extend(tally.not_compared.notes());
            lines
        }
    }
}

fn sub_flow_end(task_run: &TaskRun) -> String {
    match task_run.error.as_deref() {
        Some(error) => failure(task_run, &error.to_string()),
        None => end(task_run),
    }
}

fn retry_line(label: &str, task_run: &TaskRun, attempt: u32, failure: &AttemptFailure) -> String {
    let after = columns::duration(attempt_took(task_run, attempt));
    let what = message(&failure.error.to_string());
    let words = format!("attempt {attempt} failed after {after}: {what}; {}", next_attempt(failure));
    line(glyph(State::AwaitingRetry), label, &words)
}

/// Returns how long an attempt took that has failed.
pub(super) fn attempt_took(task_run: &TaskRun, attempt: u32) -> Duration {
    let attempts = task_run.attempts();
    let failed = attempts.iter().find(|candidate| candidate.number == attempt);
    failed.and_then(|failed| Some(failed.ended_at?.since(failed.started_at))).unwrap_or_default()
}

/// Says when the attempt begins that follows a failed one.
pub(super) fn next_attempt(failure: &AttemptFailure) -> String {
    match failure.retry_in.is_zero() {
        true => "retrying now".to_owned(),
        false => format!("retrying in {}", columns::duration(failure.retry_in)),
    }
}

/// Says how a run failed; errors of flowkit's own say so themselves, after the name of the run.
pub(super) fn failure(task_run: &TaskRun, error: &str) -> String {
    let words = message(error);
    let name = format!("{} `{}` ", task_run.kind.name(), task_run.label());
    if let Some(own) = words.strip_prefix(&name) {
        return own.to_owned();
    }
    match task_run.attempt {
        0 | 1 => format!("failed after {}: {words}", took(task_run)),
        attempt => format!("failed after {}, attempt {attempt}: {words}", took(task_run)),
    }
}

fn end(task_run: &TaskRun) -> String {
    let took = took(task_run);
    match task_run.state {
        State::Completed | State::Cached => format!("completed in {took}"),
        State::Cancelled => format!("cancelled after {took}"),
        State::TimedOut => format!("timed out after {took}"),
        _ => format!("failed after {took}"),
    }
}

/// Returns the name of a run, with the sub-flows that lead to it.
pub(super) fn label(notice: &Notice<'_>) -> String {
    let own = columns::visible(&notice.task_run.label());
    match notice.origin {
        None => path_to("", &own),
        Some(origin) if notice.event.task_run == TaskRunId::FLOW => {
            path_to("", &columns::visible(&origin.path))
        }
        Some(origin) => path_to(&columns::visible(&origin.path), &own),
    }
}

/// Returns the name of a run behind the names of the sub-flows that lead to it.
pub(super) fn path_to(path: &str, own: &str) -> String {
    let label = if path.is_empty() { own.to_owned() } else { format!("{path} › {own}") };
    columns::shortened(&label, LABEL_COLUMNS_MAX)
}

fn line(glyph: &str, label: &str, text: &str) -> String {
    let padding = LABEL_COLUMNS.saturating_sub(columns::columns(label));
    format!("{glyph} {label}{:padding$}  {text}", "")
}

fn message(text: &str) -> String {
    columns::shortened(&columns::visible(text), MESSAGE_COLUMNS_MAX)
}

fn took(task_run: &TaskRun) -> String {
    columns::duration(task_run.duration().unwrap_or_default())
}

/// Returns the time of day in UTC: `09:02:53.389Z`.
pub(super) fn clock(at: SystemTime) -> String {
    let since_epoch = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let of_day = since_epoch.as_secs() % 86_400;
    let (hours, minutes, seconds) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{:03}Z", since_epoch.subsec_millis())
}

#[cfg(test)]
mod tests;
