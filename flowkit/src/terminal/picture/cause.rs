//! Why a run failed, in a dozen lines at most: the task, its message, the chain of causes, the place, and where there is
//! more. Not which failure is the cause: that is decided in `root_cause`.

use super::margin;
use super::program::{Program, for_shell};
use crate::graph::style::glyph;
use crate::model::State;
use crate::terminal::line::{Line, Link, TextStyle};
use crate::terminal::root_cause::RootCause;
use crate::terminal::view::RunView;
use crate::text::columns::{columns, visible, wrapped};
use crate::text::wording::counted;

/// A message takes at most so many lines here; the log has all of it.
const MESSAGE_LINES: usize = 5;

/// Of the causes, so many are told: the nearest, and the last, at which it began.
const CAUSES_MAX: usize = 4;

/// Draws why `view` failed. What failed too is told elsewhere.
pub(super) fn cause(cause: &RootCause<'_>, view: &RunView, width: usize, program: &Program) -> Vec<Line> {
    let (first, inner) = (margin(width), margin(width) + 2);
    let indented = |text: &str, most: usize| -> Vec<Line> {
        let pieces = wrapped(text, width.saturating_sub(inner).max(1), most);
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
    // A screen is enough for all of it where lines are of a usual width.
    let most = if width < 60 { 3 } else { 2 };
    let left_out = causes.len().saturating_sub(CAUSES_MAX);
    for (place, text) in causes.iter().enumerate() {
        let is_last = place + 1 == causes.len();
        if left_out > 0 && place + 1 >= CAUSES_MAX && !is_last {
            if place + 1 == CAUSES_MAX {
                let words = format!("├ … {}", counted(left_out, "more cause", "more causes"));
                lines.push(Line::indented(inner).add(TextStyle::Dim, words));
            }
            continue;
        }
        let words = format!("caused by: {}", visible(text));
        let pieces = wrapped(&words, width.saturating_sub(inner + 2).max(1), most);
        for (place, piece) in pieces.into_iter().enumerate() {
            let branch = match (place, is_last) {
                (0, true) => "└ ",
                (0, false) => "├ ",
                (_, true) => "  ",
                (_, false) => "│ ",
            };
            lines.push(Line::indented(inner).add(TextStyle::Dim, branch).plain_text(piece));
        }
    }
    if let Some(words) = cause.seen_as {
        lines.extend(indented(&format!("the flow says: {}", visible(words)), 2));
    }
    let location = visible(&cause.report.location);
    let mut place = format!("at {location}");
    let inputs = cause.failed.map(|failed| failed.inputs.join(", ")).filter(|inputs| !inputs.is_empty());
    if let Some(inputs) = inputs {
        let inputs = format!("input: {inputs}");
        if inner + columns(&place) + 3 + columns(&inputs) <= width {
            place = format!("{place}   {inputs}");
        }
    }
    match inner + columns(&place) <= width {
        true => lines.push(at(Line::indented(inner), &location, &place)),
        false => lines.extend(indented(&place, 2)),
    }
    if let Some((failed, logs)) = cause.failed.zip(program.command("logs", view.id)) {
        let logs = format!("full log: {logs} {}", for_shell(&failed.report.task));
        lines.extend(indented(&logs, 2));
    }
    lines.into_iter().map(|line| line.fitted(width)).collect()
}

/// Appends `at <location>` and what stands behind it, with a link to the file.
fn at(line: Line, location: &str, place: &str) -> Line {
    let file = location.rsplit_once(':').map(|(file, _)| Link::File(file.into()));
    let (before, rest) = place.split_at("at ".len());
    let (location, behind) = rest.split_at(location.len());
    line.plain_text(before).linked(TextStyle::Plain, location, file).plain_text(behind)
}
