//! What stays in the scroll-back of a run: retries, failures, slow runs. A task run that simply ended gets no line.

use std::time::Duration;

use super::margin;
use crate::engine::flow_run::observer::Notice;
use crate::graph::style::glyph;
use crate::model::{EventKind, State, TaskRunId};
use crate::terminal::line::{Line, TextStyle};
use crate::terminal::lines::{attempt_took, failure, interrupted, label, next_attempt};
use crate::text::columns::{self, wrapped};

/// A fact takes at most so many lines; the root cause is told in full at the end.
const LINES_MAX: usize = 4;

/// Labels up to this width stand in a column.
const LABEL_COLUMNS: usize = 12;

/// Draws what an event is worth, if it is worth anything; `slow` says what is usual, if it ended a slow run. With
/// `verbose`, every end is worth a line.
pub(crate) fn fact(notice: &Notice<'_>, slow: Option<Duration>, verbose: bool, width: usize) -> Vec<Line> {
    let task_run = notice.task_run;
    let is_own_flow = notice.event.task_run == TaskRunId::FLOW;
    let (state, words) = match &notice.event.kind {
        EventKind::AttemptFailed { attempt, failure } => {
            let number = match failure.attempts_max {
                Some(most) => format!("{attempt}/{most}"),
                None => attempt.to_string(),
            };
            let (after, next) = (columns::duration(attempt_took(task_run, *attempt)), next_attempt(failure));
            let why = columns::visible(&failure.error.to_string());
            (State::AwaitingRetry, format!("attempt {number} failed after {after}: {why} · {next}"))
        }
        EventKind::Interrupted { error, .. } if !is_own_flow => (State::Suspended, interrupted(error)),
        // The end of the flow, and of a sub-flow because of what is in it, is told elsewhere.
        EventKind::Failed { error } | EventKind::TimedOut { error, .. }
            if !is_own_flow && task_run.flow_run.is_none() =>
        {
            (task_run.state, failure(task_run, &error.to_string()))
        }
        EventKind::Cancelling if is_own_flow && notice.origin.is_none() => {
            (State::Cancelling, "cancelling".to_owned())
        }
        EventKind::Completed => {
            let took = columns::duration(task_run.duration().unwrap_or_default());
            let words = match slow {
                Some(usual) => format!("took {took}, slow: usually {}", columns::duration(usual)),
                None if verbose && !is_own_flow => format!("completed in {took}"),
                None => return Vec::new(),
            };
            (State::Completed, words)
        }
        EventKind::Cached if verbose => (State::Cached, "cached".to_owned()),
        EventKind::Skipped { reason } if verbose => {
            (State::Skipped, format!("skipped: {}", columns::visible(reason)))
        }
        _ => return Vec::new(),
    };
    let head = Line::indented(margin(width))
        .add(TextStyle::Of(state), glyph(state))
        .plain_text(" ")
        .plain_text(label(notice))
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
