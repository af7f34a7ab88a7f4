//! Why a run failed, in a dozen lines at most: the task, its message, the chain of causes, the location, and the command for
//! the log. Does not decide which failure is the cause: `root_cause` does.

use super::margin;
use super::program::{Program, for_shell};
use crate::graph::style::glyph;
use crate::model::State;
use crate::terminal::root_cause::RootCause;
use crate::terminal::styled_line::{Line, Link, TextStyle};
use crate::terminal::view::RunView;
use crate::text::columns::{columns, visible, wrapped};
use crate::text::wording::counted;

/// A message takes at most this many lines; the log has all of it.
const MESSAGE_LINES: usize = 5;

/// At most this many causes are shown: the nearest ones, and the last, with which it began.
const CAUSES_MAX: usize = 4;

/// Draws why `view` failed. `failures` draws what failed besides it.
pub(super) fn cause(cause: &RootCause<'_>, view: &RunView, width: usize, program: &Program) -> Vec<Line> {
    let (first, inner) = (margin(width), margin(width) + 2);
    let indented = |text: &str, lines_max: usize| -> Vec<Line> {
        let pieces = wrapped(text, width.saturating_sub(inner).max(1), lines_max);
        pieces.into_iter().map(|piece| Line::indented(inner).plain_text(piece)).collect()
    };
    let glyph = glyph(State::Failed);
    let head = Line::indented(first).add(TextStyle::Of(State::Failed), format!("{glyph} {}", cause.headline));
    let mut lines = vec![head.fitted(width)];

    let message = cause.report.message.lines().map(visible).filter(|line| !line.is_empty());
    let mut message: Vec<Line> = message.flat_map(|line| indented(&line, MESSAGE_LINES)).collect();
    let more = message.len().saturating_sub(MESSAGE_LINES);
    if more > 0 {
        message.truncate(MESSAGE_LINES - 1);
        message.push(
            Line::indented(inner)
                .add(TextStyle::Dim, format!("… and {}", counted(more + 1, "more line", "more lines"))),
        );
    }
    lines.append(&mut message);

    let causes = &cause.report.causes;
    // All causes together must fit on a screen.
    let lines_max = if width < 60 { 3 } else { 2 };
    let hidden = causes.len().saturating_sub(CAUSES_MAX);
    for (position, text) in causes.iter().enumerate() {
        let is_last = position + 1 == causes.len();
        if hidden > 0 && position + 1 >= CAUSES_MAX && !is_last {
            if position + 1 == CAUSES_MAX {
                let words = format!("├ … {}", counted(hidden, "more cause", "more causes"));
                lines.push(Line::indented(inner).add(TextStyle::Dim, words));
            }
            continue;
        }
        let words = format!("caused by: {}", visible(text));
        let pieces = wrapped(&words, width.saturating_sub(inner + 2).max(1), lines_max);
        for (line, piece) in pieces.into_iter().enumerate() {
            let branch = match (line, is_last) {
                (0, true) => "└ ",
                (0, false) => "├ ",
                (_, true) => "  ",
                (_, false) => "│ ",
            };
            lines.push(Line::indented(inner).add(TextStyle::Dim, branch).plain_text(piece));
        }
    }
    if let Some(words) = cause.flow_message {
        lines.extend(indented(&format!("the flow says: {}", visible(words)), 2));
    }
    let location = visible(&cause.report.location);
    let mut words = format!("at {location}");
    let inputs = cause.failed.map(|failed| failed.inputs.join(", ")).filter(|inputs| !inputs.is_empty());
    if let Some(inputs) = inputs {
        let inputs = format!("input: {inputs}");
        if inner + columns(&words) + 3 + columns(&inputs) <= width {
            words = format!("{words}   {inputs}");
        }
    }
    if inner + columns(&words) <= width {
        lines.push(at(Line::indented(inner), &location, &words))
    } else {
        lines.extend(indented(&words, 2))
    }
    if let Some((failed, logs)) = cause.failed.zip(program.command("logs", view.id)) {
        let logs = format!("full log: {logs} {}", for_shell(&failed.report.task));
        lines.extend(indented(&logs, 2));
    }
    lines.into_iter().map(|line| line.fitted(width)).collect()
}

/// Appends `words`, which begin with `at <location>`, with a link to the file.
fn at(line: Line, location: &str, words: &str) -> Line {
    let file = location.rsplit_once(':').map(|(file, _)| Link::File(file.into()));
    let (before, rest) = words.split_at("at ".len());
    let (location, after) = rest.split_at(location.len());
    line.plain_text(before).linked(TextStyle::Plain, location, file).plain_text(after)
}
