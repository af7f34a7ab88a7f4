//! Plain lines, one per event, where nothing is drawn: in CI, in a log, and for a program without a screen. Each line begins
//! with a word to search for and the label of the run, then come `key=value` pairs. Never moves the cursor.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use parking_lot::Mutex;

use super::fact::{Fact, label};
use super::failures::{ROWS_MAX, error_words, rows};
use super::picture::Program;
use super::root_cause::RootCause;
use super::view::RunView;
use crate::engine::flow_run::observer::Notice;
use crate::model::{ErrorReport, EventKind, FlowRunId, State, WallTime};
use crate::text::columns::{columns, shortened, visible};
use crate::text::wording::counted;

/// Labels up to this width are padded to a column.
const LABEL_COLUMNS: usize = 20;
/// A longer error is cut to keep the line readable.
const ERROR_COLUMNS_MAX: usize = 400;

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
        // Printed under the lock, so that lines are in the order of their events.
        let mut lines = lines.lock();
        for line in lines.of(notice) {
            eprintln!("{line}");
        }
    }
}

/// Turns events into lines. Remembers of each flow run what the summary at its end needs.
#[derive(Debug, Default)]
pub struct Lines {
    with_time: bool,
    /// By outermost flow run; a summary includes the sub-flows.
    runs: BTreeMap<FlowRunId, RunView>,
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
        let root = notice.origin.map_or(notice.flow_run, |origin| origin.root);
        let known = self.runs.remove(&root);
        let is_known = known.is_some();
        let mut view = known.unwrap_or_else(|| RunView::new(root, String::new(), notice.at.into()));
        let fact = Fact::taken(notice, &mut view);
        let time = self.with_time.then(|| clock(fact.at()));
        let lines = of_fact(&view, &fact, None, time.as_deref());
        // A sub-flow may report an event after the end of the outermost run, which is not added again.
        if (is_known || fact.is_own()) && !(fact.is_own() && fact.kind().is_end()) {
            self.runs.insert(root, view);
        }
        lines
    }
}

/// Returns the lines for an event that `view` has applied. Each begins with `time`, if there is one.
pub(crate) fn of_fact(
    view: &RunView,
    fact: &Fact<'_>,
    program: Option<&Program>,
    time: Option<&str>,
) -> Vec<String> {
    let Some(word) = fact.detail.word.filter(|_| is_worth_a_line(fact)) else { return Vec::new() };
    let time = time.map(|time| format!("{time} ")).unwrap_or_default();
    if fact.is_own() && fact.kind().is_end() {
        return end(view, fact, program).iter().map(|line| format!("{time}{line}")).collect();
    }
    let counter = if time.is_empty() { String::new() } else { counter(view) };
    vec![format!("{time}{counter}{}", line(word, &label(fact.notice), &details(view, fact)))]
}

/// Returns the time of day in UTC: `09:02:53.389Z`.
pub(crate) fn clock(at: WallTime) -> String {
    // Not by the calendar, which needs a crate that comes with the feature `store`.
    let millis = at.as_micros().div_euclid(1000).rem_euclid(86_400_000);
    let (seconds, millis) = (millis / 1000, millis % 1000);
    format!("{:02}:{:02}:{:02}.{millis:03}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn is_worth_a_line(fact: &Fact<'_>) -> bool {
    match fact.kind() {
        EventKind::Started { attempt } => *attempt == 1 && fact.is_of_flow(),
        EventKind::Cancelling | EventKind::Stopping | EventKind::Reopened => fact.is_own(),
        EventKind::Interrupted { .. } => !fact.is_own(),
        // The interruption has a line already.
        EventKind::Suspended => fact.is_own() || !fact.notice.task_run.was_interrupted(),
        _ => !fact.is_of_node(),
    }
}

fn line(word: &str, label: &str, rest: &str) -> String {
    let padding = LABEL_COLUMNS.saturating_sub(columns(label));
    format!("{word:<7} {label}{:padding$} {rest}", "").trim_end().to_owned()
}

fn counter(view: &RunView) -> String {
    let counts = view.counts();
    // The total is unknown before a flow has run.
    let seen = if counts.seen == 0 { "-".to_owned() } else { counts.seen.to_string() };
    format!("[{:>width$}/{seen:>2}] ", counts.ended, width = seen.len().max(2))
}

fn details(view: &RunView, fact: &Fact<'_>) -> String {
    let (detail, flow_run, task_run) = (&fact.detail, fact.notice.flow_run, fact.notice.task_run);
    if matches!(fact.kind(), EventKind::Started { .. } | EventKind::Reopened) {
        let parameters = if fact.is_own() { view.parameters.as_str() } else { "" };
        return format!("run={} {parameters}", flow_run.short());
    }
    let mut details = Vec::new();
    details.extend(fact.took().map(seconds));
    if let Some(number) = detail.attempt.or_else(|| Some(task_run.attempt).filter(|attempt| *attempt > 1)) {
        let key = (flow_run, task_run.id);
        let known = || view.failures.iter().rev().find(|failed| failed.key == key)?.attempts_max;
        let max = detail.attempts_max.or_else(known).map(|max| format!("/{max}"));
        details.push(format!("attempt={number}{}", max.unwrap_or_default()));
    }
    details.extend(fact.attempt_took().map(|took| format!("after={}", seconds(took))));
    details.extend(detail.retry_in.map(|wait| format!("in={}", seconds(wait))));
    details.extend(fact.slow.map(|usual| format!("slow usual={}", seconds(usual))));
    details.extend(detail.error.map(|error| match fact.kind() {
        EventKind::UpstreamFailed { .. } => {
            let missed = view.missed_input(flow_run, &task_run.edges);
            format!("because={}", missed.map_or_else(|| quoted(&error.message), |(input, _)| input))
        }
        kind if kind.is_end() => of_error(error, &task_run.label()),
        _ => format!("error={}", quoted(&error_words(error, &task_run.label()).0)),
    }));
    details.extend(detail.reason.map(|reason| format!("because={}", quoted(reason))));
    details.join(" ")
}

/// Returns the summary at the end of what may be a long log: the root cause, what failed besides it, and the numbers.
fn end(view: &RunView, fact: &Fact<'_>, program: Option<&Program>) -> Vec<String> {
    let cause = view.root_cause();
    let mut lines: Vec<String> = cause.iter().map(|cause| cause_line(view, cause)).collect();
    let (others, more) = rows(view, cause.as_ref().and_then(|cause| cause.failed), ROWS_MAX);
    lines.extend(others.iter().map(|row| {
        let count = if row.count == 1 { String::new() } else { format!("count={} ", row.count) };
        let label = if row.count == 1 { &row.first.label } else { &row.first.task };
        line("failure", label, &format!("{count}{}", of_error(&row.first.report, &row.first.report.task)))
    }));
    if more > 0 {
        let show = program.and_then(|program| program.command("show", view.id));
        lines.push(format!(
            "failure and {more} more{}",
            show.map(|show| format!(": {show}")).unwrap_or_default()
        ));
    }
    let (word, failures) = match view.state {
        _ if view.completed_with_failures() => {
            ("FINISHED", format!("  {}", counted(view.counts().failed, "failure", "failures")))
        }
        State::Completed | State::Cached => ("OK", String::new()),
        State::Cancelled => ("CANCELLED", String::new()),
        State::Suspended => ("SUSPENDED", String::new()),
        State::TimedOut => ("TIMEOUT", String::new()),
        _ => ("FAILED", String::new()),
    };
    let took = seconds(fact.took().unwrap_or_default());
    lines.push(format!("{word}  {}  {took}{failures}  {}", label(fact.notice), numbers(view)));
    lines.extend(view.not_compared.notes());
    if !view.state.is_success() {
        let resume = program.and_then(|program| program.resume(view.id));
        lines.extend(resume.map(|resume| format!("continue: {resume}")));
    }
    lines
}

fn cause_line(view: &RunView, cause: &RootCause<'_>) -> String {
    let (label, run) =
        cause.failed.map_or((&view.flow, &view.flow), |failed| (&failed.label, &failed.report.task));
    let flow = cause.flow_message.map(|words| format!(" flow={}", quoted(words))).unwrap_or_default();
    line("cause", label, &(of_error(cause.report, run) + &flow))
}

fn numbers(view: &RunView) -> String {
    let counts = view.counts();
    let numbers = [
        (counts.kept, "kept"),
        (counts.ran, "ran"),
        (counts.cached, "cached"),
        (counts.failed, "failed"),
        (counts.skipped, "skipped"),
        (counts.cancelled, "stopped"),
    ];
    let numbers =
        numbers.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
    let retries = (view.retries > 0).then(|| counted(view.retries, "retry", "retries"));
    let numbers: Vec<_> = numbers.chain(retries).collect();
    format!("{}: {}", counted(counts.seen, "task", "tasks"), numbers.join(" "))
        .trim_end_matches([' ', ':'])
        .to_owned()
}

fn of_error(error: &ErrorReport, run: &str) -> String {
    format!("error={} at={}", quoted(&error_words(error, run).0), visible(&error.location))
}

/// Returns a duration in seconds, so that scripts can compare them: to the millisecond, below that to the microsecond.
fn seconds(duration: Duration) -> String {
    let micros = (duration.as_nanos() + 500) / 1000;
    if (1..1000).contains(&micros) {
        return format!("0.{micros:06}s");
    }
    let millis = (micros + 500) / 1000;
    format!("{}.{:03}s", millis / 1000, millis % 1000)
}

fn quoted(words: &str) -> String {
    let words = shortened(&visible(words), ERROR_COLUMNS_MAX);
    format!("\"{}\"", words.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests;
