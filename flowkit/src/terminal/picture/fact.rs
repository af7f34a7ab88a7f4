//! What stays in the scroll-back of a run: retries, failures, slow runs. A task run that ends as usual gets no line.

use super::margin;
use crate::graph::style::glyph;
use crate::model::{ErrorReport, EventKind, State};
use crate::terminal::fact::{Fact, label};
use crate::terminal::failures::error_words;
use crate::terminal::styled_line::{Line, TextStyle};
use crate::text::columns::{duration, visible, wrapped};

/// A fact takes at most this many lines; the root cause is shown in full at the end.
const LINES_MAX: usize = 4;

/// Labels up to this width are padded to a column.
const LABEL_COLUMNS: usize = 12;

/// Draws what an event is worth, if it is worth anything. With `verbose`, every end is worth a line.
pub(crate) fn fact(fact: &Fact<'_>, verbose: bool, width: usize) -> Vec<Line> {
    let Some((state, words)) = words(fact, verbose) else { return Vec::new() };
    let head = Line::indented(margin(width))
        .add(TextStyle::Of(state), glyph(state))
        .plain_text(" ")
        .plain_text(label(fact.notice))
        .padded(margin(width) + 2 + LABEL_COLUMNS)
        .plain_text(" ");
    // Beside a long label there is no room for words.
    let is_apart = head.columns() * 2 > width;
    let start = if is_apart { margin(width) + 2 } else { head.columns() };
    let mut pieces = wrapped(&words, width.saturating_sub(start).max(1), LINES_MAX).into_iter();
    let first = if is_apart { None } else { pieces.next() };
    let mut lines = vec![head.plain_text(first.unwrap_or_default())];
    lines.extend(pieces.map(|piece| Line::indented(start).plain_text(piece)));
    lines.into_iter().map(|line| line.fitted(width)).collect()
}

/// Returns the words for an event, and the state whose glyph stands before them.
fn words(fact: &Fact<'_>, verbose: bool) -> Option<(State, String)> {
    let is_task = !fact.is_of_flow();
    let took = || duration(fact.took().unwrap_or_default());
    Some(match fact.kind() {
        EventKind::AttemptFailed { attempt, failure } => {
            let max = failure.attempts_max.map(|max| format!("/{max}")).unwrap_or_default();
            let after = duration(fact.attempt_took().unwrap_or_default());
            let why = visible(&failure.error.to_string());
            let next = if failure.retry_in.is_zero() {
                "now".to_owned()
            } else {
                format!("in {}", duration(failure.retry_in))
            };
            let words = format!("attempt {attempt}{max} failed after {after}: {why} · retrying {next}");
            (State::AwaitingRetry, words)
        }
        EventKind::Interrupted { error, .. } if is_task => {
            let why = visible(&error.to_string());
            let words = format!("failed while the program is being stopped, made again at `resume`: {why}");
            (State::Suspended, words)
        }
        // The end of a flow has its own picture, and a sub-flow fails because of a task run in it.
        EventKind::Failed { error } if is_task && !fact.is_of_node() => (State::Failed, failure(fact, error)),
        EventKind::TimedOut { error, .. } if is_task && !fact.is_of_node() => {
            (State::TimedOut, failure(fact, error))
        }
        EventKind::Cancelling if fact.is_own() => (State::Cancelling, "cancelling".to_owned()),
        EventKind::Completed => {
            let words = match fact.slow {
                Some(usual) => format!("took {}, slow: usually {}", took(), duration(usual)),
                None if verbose && is_task => format!("completed in {}", took()),
                None => return None,
            };
            (State::Completed, words)
        }
        EventKind::Cached if verbose => (State::Cached, "cached".to_owned()),
        EventKind::Skipped { reason } if verbose => (State::Skipped, format!("skipped: {}", visible(reason))),
        _ => return None,
    })
}

fn failure(fact: &Fact<'_>, error: &ErrorReport) -> String {
    let took = duration(fact.took().unwrap_or_default());
    match (error_words(error, &fact.notice.task_run.label()), fact.notice.task_run.attempt) {
        ((words, true), _) => words,
        ((words, false), 0 | 1) => format!("failed after {took}: {words}"),
        ((words, false), attempt) => format!("failed after {took}, attempt {attempt}: {words}"),
    }
}
