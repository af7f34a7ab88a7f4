//! One line per fact: start, retry, failure, finish, and a summary with the root cause. Not a live display.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::engine::observer::Notice;
use crate::model::{EventKind, FlowRunId, Kind, State, TaskRun, TaskRunId};

/// Returns an observer that prints lines to standard error. Standard output stays the program's own.
///
/// ```
/// flowkit::observe(flowkit::terminal::lines());
/// ```
pub fn lines() -> impl Fn(&Notice<'_>) + Send + Sync + 'static {
    let lines = Mutex::new(Lines::default());
    move |notice| {
        for line in lines.lock().of(notice) {
            eprintln!("{line}");
        }
    }
}

/// Turns events into lines. It remembers what the summary at the end of a flow run needs.
#[derive(Debug, Default)]
pub struct Lines {
    flows: BTreeMap<FlowRunId, Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    ended: usize,
    ran: usize,
    cached: usize,
    failed: usize,
    skipped: usize,
    cancelled: usize,
    retries: usize,
    /// The first failure that has no other behind it.
    root: Option<Root>,
}

#[derive(Debug)]
struct Root {
    label: String,
    attempts: u32,
    message: String,
    causes: Vec<String>,
    location: String,
}

impl Lines {
    /// Returns the lines that an event is worth; most are worth one.
    pub fn of(&mut self, notice: &Notice<'_>) -> Vec<String> {
        let flow = notice.event.task_run == TaskRunId::FLOW;
        let counts = self.flows.entry(notice.flow_run).or_default();
        let lines =
            if flow { counts.flow_lines(notice) } else { counts.task_line(notice).into_iter().collect() };
        if flow && notice.event.kind.is_end() {
            self.flows.remove(&notice.flow_run);
        }
        lines
    }
}

impl Counts {
    fn task_line(&mut self, notice: &Notice<'_>) -> Option<String> {
        let task_run = notice.task_run;
        let label = task_run.label();
        self.count(notice);
        match &notice.event.kind {
            EventKind::AttemptFailed { attempt, failure } => {
                let after = took(task_run, *attempt);
                let retrying = retrying(failure.retry_in);
                Some(format!(
                    "↻ {label}  attempt {attempt} failed after {after}: {} · {retrying}",
                    failure.error
                ))
            }
            EventKind::Completed if task_run.declaration().kind == Kind::Task => {
                let attempts = match task_run.attempt_count() {
                    0 | 1 => String::new(),
                    n => format!("  (attempt {n})"),
                };
                Some(format!("✓ {label}  {}{attempts}", short(task_run.duration().unwrap_or_default())))
            }
            EventKind::Cached => Some(format!("≡ {label}  cached")),
            EventKind::Failed { error } if task_run.declaration().kind == Kind::Task => {
                Some(format!("✗ {label}  failed: {error}"))
            }
            EventKind::TimedOut { error, .. } => Some(format!("✗ {label}  {}", error.message)),
            EventKind::UpstreamFailed { error } => Some(format!("⊘ {label}  {}", error.message)),
            EventKind::Skipped { reason } => Some(format!("⊘ {label}  skipped: {reason}")),
            EventKind::Cancelled { .. } => Some(format!("⊖ {label}  cancelled")),
            _ => None,
        }
    }

    fn count(&mut self, notice: &Notice<'_>) {
        match &notice.event.kind {
            EventKind::AttemptFailed { .. } => self.retries += 1,
            EventKind::Completed => self.ran += 1,
            EventKind::Cached => self.cached += 1,
            EventKind::Failed { error } | EventKind::TimedOut { error, .. } => {
                self.failed += 1;
                self.root.get_or_insert_with(|| Root {
                    label: notice.task_run.label(),
                    attempts: notice.task_run.attempt_count(),
                    message: error.message.clone(),
                    causes: error.causes.clone(),
                    location: error.location.clone(),
                });
            }
            EventKind::UpstreamFailed { .. } | EventKind::Skipped { .. } => self.skipped += 1,
            EventKind::Cancelled { .. } => self.cancelled += 1,
            _ => {}
        }
        self.ended += usize::from(notice.event.kind.is_end());
    }

    fn flow_lines(&mut self, notice: &Notice<'_>) -> Vec<String> {
        let flow = notice.task_run.label();
        match &notice.event.kind {
            EventKind::Started { attempt: 1 } => {
                vec![format!("▶ {flow}  run {}", notice.flow_run.short())]
            }
            EventKind::AttemptFailed { attempt, failure } => {
                vec![format!(
                    "↻ {flow}  attempt {attempt} failed: {} · {}",
                    failure.error,
                    retrying(failure.retry_in)
                )]
            }
            kind if kind.is_end() => self.summary(notice, &flow),
            _ => Vec::new(),
        }
    }

    fn summary(&self, notice: &Notice<'_>, flow: &str) -> Vec<String> {
        let mut lines = Vec::new();
        let state = notice.task_run.state();
        if let Some(root) = self.root.as_ref().filter(|_| !state.is_success()) {
            lines.extend(root.lines());
        } else if let Some(error) = notice.task_run.error() {
            lines.push(format!("✗ {flow}  {error}"));
        }
        let took = short(notice.task_run.duration().unwrap_or_default());
        let verb = match state {
            State::Completed | State::Cached => "Finished",
            State::Cancelled => "Cancelled",
            State::TimedOut => "Timed out",
            _ => "Failed",
        };
        let mut summary = format!("{verb} {flow} in {took}: {} tasks", self.ended);
        let parts = [
            (self.ran, "ran"),
            (self.cached, "cached"),
            (self.failed, "failed"),
            (self.skipped, "skipped"),
            (self.cancelled, "cancelled"),
        ];
        for (count, word) in parts.into_iter().filter(|(count, _)| *count > 0) {
            let _ = write!(summary, ", {count} {word}");
        }
        match self.retries {
            0 => {}
            1 => summary.push_str(", 1 retry"),
            n => {
                let _ = write!(summary, ", {n} retries");
            }
        }
        lines.push(summary);
        lines
    }
}

impl Root {
    fn lines(&self) -> Vec<String> {
        let attempts =
            if self.attempts > 1 { format!(" after {} attempts", self.attempts) } else { String::new() };
        let mut lines = vec![format!("✗ {} failed{attempts}", self.label), format!("  {}", self.message)];
        for (position, cause) in self.causes.iter().enumerate() {
            let branch = if position + 1 == self.causes.len() { "└" } else { "├" };
            lines.push(format!("  {branch} caused by: {cause}"));
        }
        lines.push(format!("  at {}", self.location));
        lines
    }
}

fn took(task_run: &TaskRun, attempt: u32) -> String {
    let attempts = task_run.attempts();
    let ended = attempts.iter().find(|candidate| candidate.number == attempt);
    short(ended.and_then(|attempt| Some(attempt.ended_at?.since(attempt.started_at))).unwrap_or_default())
}

fn retrying(delay: Duration) -> String {
    if delay.is_zero() { "retrying now".to_owned() } else { format!("retrying in {}", short(delay)) }
}

/// Three digits are enough to compare; more would only look exact.
fn short(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        s if s < 0.001 => format!("{:.0}µs", s * 1e6),
        s if s < 1.0 => format!("{:.0}ms", s * 1e3),
        s if s < 100.0 => format!("{s:.1}s"),
        s => format!("{s:.0}s"),
    }
}
