//! An ended run as a tree: one line per task name, in columns. If there are too many names, those that completed are counted.

use super::margin;
use super::words::{Words, ends, range, state_words, words};
use crate::graph::style::{WITH_FAILURES, glyph};
use crate::model::State;
use crate::terminal::styled_line::{Line, TextStyle};
use crate::terminal::view::{Group, RunView, ShownArtifact};
use crate::text::columns::{self, columns, shortened};

/// Names and notes are cut at these widths.
const NAME_MAX: usize = 40;
const NOTE_MAX: usize = 40;

/// At most this many artifacts of a task are named.
const ARTIFACTS_MAX: usize = 3;

/// In fewer columns than this, there is no room for durations.
const WIDTH_WITH_TIMES: usize = 36;

/// The least widths of the columns, so that small trees look like large ones.
const NAME_MIN: usize = 16;
const NOTE_MIN: usize = 14;

struct TreeRow<'a> {
    depth: usize,
    style: TextStyle,
    glyph: &'static str,
    name: String,
    note: Line,
    took: String,
    artifacts: &'a [ShownArtifact],
}

/// Draws the tree of a run in at most `height` lines.
pub(super) fn tree(view: &RunView, width: usize, height: usize) -> Vec<Line> {
    let room = height.saturating_sub(1);
    let fits = if view.groups.len() > room { room.saturating_sub(1) } else { view.groups.len() };
    let mut by_weight: Vec<(usize, &Group)> = view.groups.in_order().enumerate().collect();
    by_weight.sort_by_key(|(position, group)| (weight(group), group.depth, *position));
    let hidden = by_weight.split_off(fits.min(by_weight.len()));
    by_weight.sort_by_key(|(position, _)| *position);

    let mut rows = vec![head(view)];
    rows.extend(by_weight.iter().map(|(_, group)| row(group)));
    if width < WIDTH_WITH_TIMES {
        rows.iter_mut().for_each(|row| row.took.clear());
    }
    let columns = Columns::of(&rows, width);
    let mut lines: Vec<Line> = rows.iter().map(|row| columns.line(row)).collect();
    if !hidden.is_empty() && height > 1 {
        let completed = hidden.iter().filter(|(_, group)| weight(group) == 2).count();
        let words = match hidden.len() - completed {
            0 => format!("… {completed} more, all completed"),
            other => format!("… {} more: {completed} completed, {other} not", hidden.len()),
        };
        lines.push(Line::indented(margin(width) + 2).add(TextStyle::Dim, words));
    }
    lines.into_iter().take(height).map(|line| line.fitted(width)).collect()
}

/// Failures come first, then other groups that did not complete.
fn weight(group: &Group) -> u8 {
    match group.state() {
        State::Failed | State::TimedOut | State::Crashed => 0,
        State::Completed | State::Cached => 2,
        _ => 1,
    }
}

fn head(view: &RunView) -> TreeRow<'_> {
    let (style, glyph) = if view.completed_with_failures() {
        (TextStyle::Warning, WITH_FAILURES)
    } else {
        (TextStyle::Of(view.state), glyph(view.state))
    };
    TreeRow {
        depth: 0,
        style,
        glyph,
        name: view.flow.clone(),
        note: Line::default(),
        took: view.took.map(columns::duration).unwrap_or_default(),
        artifacts: &view.artifacts,
    }
}

fn row(group: &Group) -> TreeRow<'_> {
    let name = match group.total() {
        1 => group.name().to_owned(),
        total => format!("{} ×{total}", group.name()),
    };
    TreeRow {
        depth: group.depth + 1,
        style: TextStyle::Of(group.state()),
        glyph: glyph(group.state()),
        name,
        note: join_with_commas(notes(group)),
        took: group.spent.map(range).unwrap_or_default(),
        artifacts: &group.artifacts,
    }
}

fn notes(group: &Group) -> Words {
    let state = group.state();
    if group.total() == 1 {
        let mut notes = vec![(TextStyle::Of(state), state_words(state, group))];
        if group.attempts_most > 1 && !matches!(state, State::Skipped | State::UpstreamFailed) {
            notes.push((TextStyle::Of(State::AwaitingRetry), format!("{} attempts", group.attempts_most)));
        }
        notes.retain(|(_, words)| !words.is_empty());
        return notes;
    }
    let mut notes: Words = ends(group).into_iter().filter(|(count, ..)| *count > 0).map(words).collect();
    let open = [
        (group.under_way(), State::Running, "under way"),
        (group.to_come(), State::Pending, "not begun"),
        (group.retried, State::AwaitingRetry, "retried"),
    ];
    notes.extend(open.into_iter().filter(|(count, ..)| *count > 0).map(words));
    notes
}

fn join_with_commas(words: Words) -> Line {
    words.into_iter().enumerate().fold(Line::default(), |line, (position, (style, words))| {
        let line = if position > 0 { line.plain_text(", ") } else { line };
        line.add(style, words)
    })
}

/// Returns the artifacts of a task, as many as fit into `room` columns: `→ report.md, rows (table), … 3 more`.
fn artifacts(all: &[ShownArtifact], room: usize) -> Line {
    let first = |count: usize| {
        let line = Line::default().add(TextStyle::Dim, "→ ");
        let line = all[..count].iter().enumerate().fold(line, |line, (position, artifact)| {
            let comma = if position > 0 { ", " } else { "" };
            line.plain_text(comma).linked(TextStyle::Plain, artifact.label.as_str(), artifact.link.clone())
        });
        match all.len() - count {
            0 => line,
            more => line.add(TextStyle::Dim, format!(", … {more} more")),
        }
    };
    let max = all.len().min(ARTIFACTS_MAX);
    let fits = (2..=max).rev().map(first).find(|line| line.columns() <= room);
    fits.unwrap_or_else(|| first(1)).fitted(room)
}

/// The widths of the columns.
struct Columns {
    width: usize,
    name: usize,
    note: usize,
    took: usize,
}

impl Columns {
    fn of(rows: &[TreeRow<'_>], width: usize) -> Self {
        let widest = |of: &dyn Fn(&TreeRow<'_>) -> usize| rows.iter().map(of).max().unwrap_or(0);
        let took = widest(&|row| columns(&row.took));
        // The glyph and the gaps take six columns; names come first with the rest.
        let room = width.saturating_sub(margin(width) + took + 6);
        let name = widest(&|row| row.depth * 2 + columns(&row.name)).clamp(NAME_MIN, NAME_MAX);
        // A note with no duration to its right, such as the reason for a skip, may use the rest of the line.
        let note = |row: &TreeRow<'_>| if row.took.is_empty() { 0 } else { row.note.columns() };
        let note = widest(&note).clamp(NOTE_MIN, NOTE_MAX);
        let name = name.min(room.saturating_sub(note.min(room / 2)).max(8));
        Self { width, name, note: note.min(room.saturating_sub(name)), took }
    }

    fn line(&self, row: &TreeRow<'_>) -> Line {
        let start = margin(self.width);
        let room = self.name.saturating_sub(row.depth * 2).max(1);
        let after_name = start + 2 + self.name + 2;
        let end = after_name + self.note + 2 + self.took;
        let style = if row.depth == 0 { TextStyle::Bold } else { TextStyle::Plain };
        let line = Line::indented(start + row.depth * 2)
            .add(row.style, row.glyph)
            .plain_text(" ")
            .add(style, shortened(&row.name, room))
            .padded(after_name);
        let note_room = if row.took.is_empty() { self.width.saturating_sub(after_name) } else { self.note };
        let line = line.then(row.note.clone().fitted(note_room)).right(end, TextStyle::Dim, &row.took);
        if row.artifacts.is_empty() {
            return line;
        }
        let line = line.padded(end).plain_text("   ");
        let room = self.width.saturating_sub(line.columns());
        line.then(artifacts(row.artifacts, room))
    }
}

#[cfg(test)]
mod tests {
    use crate::model::ArtifactKind;
    use crate::terminal::picture::tests::{program, text, view};
    use crate::terminal::picture::{finished, tree};
    use crate::terminal::script::well;
    use crate::terminal::view::RunView;

    /// The run that ends well, of which three tasks and the flow leave something.
    fn leaving() -> RunView {
        let mut view = view(well);
        view.left(0, "notes", ArtifactKind::Markdown, None);
        for (place, fetch) in (2..=5).enumerate() {
            view.left(fetch, &format!("page-{place}"), ArtifactKind::Image, None);
        }
        for _again in 0..2 {
            view.left(12, "report", ArtifactKind::File, Some("report.md"));
            view.left(12, "rows", ArtifactKind::Table, None);
        }
        view
    }

    #[test]
    fn what_a_task_has_left_stands_behind_its_line() {
        for width in [60, 80, 120] {
            let lines = finished(&leaving(), width, &program());
            insta::assert_snapshot!(format!("artifacts_{width}"), text(&lines));
        }
    }

    #[test]
    fn however_narrow_it_is_what_was_left_does_not_break_a_line() {
        for width in 0..100 {
            assert!(tree::tree(&leaving(), width, 20).iter().all(|line| line.columns() <= width));
        }
    }
}
