//! The numbers of a run, and the commands to continue with.

use std::time::Duration;

use super::margin;
use super::program::Program;
use crate::model::State;
use crate::terminal::styled_line::{Line, TextStyle};
use crate::terminal::view::RunView;
use crate::text::columns::{self, columns, wrapped};
use crate::text::wording::counted;

/// Less saved time than this is not mentioned.
const SAVED_MIN: Duration = Duration::from_millis(100);

/// A note takes at most this many lines.
const NOTE_LINES: usize = 6;

/// Draws the numbers: `Finished in 3.9s: 12 tasks, 10 ran, 2 cached (saved ~1.2s), 1 retry`. Says so if the flow completed with
/// failures, and how many results of a resumed one were `kept` from before.
pub(super) fn numbers(view: &RunView, width: usize) -> Vec<Line> {
    let in_total = if view.took_in_total { " in total" } else { "" };
    // Unknown of a run that never began, or that a store cannot say any more.
    let took = |before: &str| {
        view.took.map(|took| format!(" {before} {}{in_total}", columns::duration(took))).unwrap_or_default()
    };
    let counts = view.counts();
    let (style, end) = match view.state {
        _ if view.completed_with_failures() => {
            let failures = counted(counts.failed, "failure", "failures");
            (TextStyle::Warning, format!("Finished{} with {failures}", took("in")))
        }
        state @ (State::Completed | State::Cached) => {
            (TextStyle::Of(state), format!("Finished{}", took("in")))
        }
        state @ State::Cancelled => (TextStyle::Of(state), format!("Cancelled{}", took("after"))),
        state @ State::Suspended => (TextStyle::Of(state), format!("Suspended{}", took("after"))),
        state @ State::TimedOut => (TextStyle::Of(state), format!("Timed out{}", took("after"))),
        state @ State::Crashed => (TextStyle::Of(state), "The process died".to_owned()),
        state if state.is_over() => (TextStyle::Of(state), format!("Failed{}", took("in"))),
        state => (TextStyle::Of(state), state.name().to_owned()),
    };
    let mut parts = vec![counted(counts.seen, "task", "tasks")];
    let saved = saved(view).map(|saved| format!(" (saved ~{})", columns::duration(saved)));
    let numbers = [
        (counts.kept, "kept".to_owned()),
        (counts.ran, "ran".to_owned()),
        (counts.cached, format!("cached{}", saved.unwrap_or_default())),
        (counts.failed, "failed".to_owned()),
        (counts.skipped, "skipped".to_owned()),
        (counts.cancelled, "stopped".to_owned()),
        (counts.active, "under way".to_owned()),
        (counts.seen - counts.ended - counts.active, "not begun".to_owned()),
    ];
    parts.extend(
        numbers.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")),
    );
    if view.retries > 0 {
        parts.push(counted(view.retries, "retry", "retries"));
    }
    let start = margin(width);
    let pieces = wrapped(&format!("{end}: {}", parts.join(", ")), width.saturating_sub(start).max(1), 6);
    let lines = pieces.into_iter().enumerate().map(|(line, piece)| {
        // The end is coloured, the numbers are not.
        let (first, rest) = if line == 0 && piece.starts_with(&end) {
            piece.split_at(end.len())
        } else {
            ("", piece.as_str())
        };
        Line::indented(start).add(style, first).plain_text(rest)
    });
    lines.collect()
}

/// Draws what users should know of the run before a crash.
pub(super) fn notes(view: &RunView, width: usize) -> Vec<Line> {
    let start = margin(width);
    let wrapped = |note: &String| wrapped(note, width.saturating_sub(start).max(1), NOTE_LINES);
    let lines = view.not_compared.notes();
    lines.iter().flat_map(wrapped).map(|piece| Line::indented(start).add(TextStyle::Dim, piece)).collect()
}

/// Estimates how long cached runs would have taken, by other runs of the same task.
fn saved(view: &RunView) -> Option<Duration> {
    let of_group = view.groups.iter().filter_map(|group| {
        let usual = group.durations.usual().or_else(|| Some(group.durations.range()?.0))?;
        Some(usual.saturating_mul(group.count(State::Cached)))
    });
    Some(of_group.fold(Duration::ZERO, Duration::saturating_add)).filter(|saved| *saved >= SAVED_MIN)
}

/// Draws the commands that the user may need now.
pub(super) fn commands(view: &RunView, width: usize, program: &Program) -> Vec<Line> {
    let (id, start) = (view.id, margin(width));
    let like =
        || program.like(&view.flow, id).map(|command| ("Start over with the same parameters:", command));
    let open = || program.link(id).or_else(|| program.ui(id)).map(|command| ("Open:", command));
    let resume = command_to_resume(view, program);
    if !can_be_resumed(view.state) {
        let show = program.command("show", id).filter(|_| program.suggests_show());
        let page = program.link(id).or_else(|| program.ui(id));
        if page.is_none() && !program.suggests_show() {
            return Vec::new();
        }
        let words: Vec<_> = [Some(format!("Run {}", id.short())), show, page].into_iter().flatten().collect();
        let one = words.join(" · ");
        return if start + columns(&one) <= width {
            vec![Line::indented(start).add(TextStyle::Dim, one)]
        } else {
            words.into_iter().flat_map(|words| broken(&words, start, width, TextStyle::Dim)).collect()
        };
    }
    described([resume, like(), open()], width)
}

/// Draws the command that continues the run, if that is possible.
pub(super) fn resume(view: &RunView, width: usize, program: &Program) -> Vec<Line> {
    described([command_to_resume(view, program)], width)
}

const fn can_be_resumed(state: State) -> bool {
    matches!(state, State::Failed | State::TimedOut | State::Suspended | State::Crashed | State::Cancelled)
}

/// Returns the command that continues the run, with what it does.
fn command_to_resume(view: &RunView, program: &Program) -> Option<(&'static str, String)> {
    let words = match view.state {
        State::Failed | State::TimedOut => "Fix the code, then continue where it stopped:",
        state if can_be_resumed(state) => "Continue where it stopped:",
        _ => return None,
    };
    Some((words, program.resume(view.id)?))
}

/// Draws commands with what they do, beside each other if there is room.
fn described<const N: usize>(commands: [Option<(&'static str, String)>; N], width: usize) -> Vec<Line> {
    let start = margin(width);
    let commands: Vec<_> = commands.into_iter().flatten().collect();
    let widest = commands.iter().map(|(words, _)| columns(words)).max().unwrap_or(0) + 3;
    let longest = commands.iter().map(|(_, command)| columns(command)).max().unwrap_or(0);
    let beside = start + widest + longest <= width;
    let lines = commands.into_iter().flat_map(|(words, command)| {
        if beside {
            let line = Line::indented(start).plain_text(words).padded(start + widest);
            return vec![line.add(TextStyle::Bold, command)];
        }
        let mut lines = broken(words, start, width, TextStyle::Plain);
        lines.extend(broken(&command, start + 2, width, TextStyle::Bold));
        lines
    });
    lines.collect()
}

/// Returns all of `text` in as many lines as it needs: a command that was cut would be of no use.
fn broken(text: &str, start: usize, width: usize, style: TextStyle) -> Vec<Line> {
    let start = if start + 8 > width { 0 } else { start };
    let pieces = wrapped(text, (width - start).max(1), usize::MAX);
    pieces.into_iter().map(|piece| Line::indented(start).add(style, piece)).collect()
}
