//! A run that has ended as a tree: one line per task name, in columns that stay where they are. Where there are too many
//! names, those that went well are counted.

use super::live::{join, said};
use super::margin;
use super::rows::{Words, ends, range, words};
use crate::graph::look::glyph;
use crate::graph::text;
use crate::model::State;
use crate::terminal::line::{Line, Look, columns, shortened};
use crate::terminal::view::{Group, RunView};

/// Names and notes are cut at these widths.
const NAME_MAX: usize = 40;
const NOTE_MAX: usize = 40;

/// In less than this there is room for names and notes, not for durations.
const WIDTH_WITH_TIMES: usize = 36;

/// The columns begin at least here, so that small trees look like large ones.
const NAME_MIN: usize = 16;
const NOTE_MIN: usize = 14;

struct Row {
    depth: usize,
    state: State,
    name: String,
    note: Line,
    took: String,
}

/// Draws the tree of a run in at most `height` lines.
pub(super) fn tree(view: &RunView, width: usize, height: usize) -> Vec<Line> {
    let order = view.in_order();
    let room = height.saturating_sub(1);
    let fits = if order.len() > room { room.saturating_sub(1) } else { order.len() };
    let mut by_weight: Vec<(usize, &Group)> =
        order.iter().map(|group| &view.groups[*group]).enumerate().collect();
    by_weight.sort_by_key(|(place, group)| (weight(group), group.depth, *place));
    let hidden = by_weight.split_off(fits.min(by_weight.len()));
    by_weight.sort_by_key(|(place, _)| *place);

    let mut rows = vec![head(view)];
    rows.extend(by_weight.iter().map(|(_, group)| row(group)));
    if width < WIDTH_WITH_TIMES {
        rows.iter_mut().for_each(|row| row.took.clear());
    }
    let columns = Columns::of(&rows, width);
    let mut lines: Vec<Line> = rows.iter().map(|row| columns.line(row)).collect();
    if !hidden.is_empty() && height > 1 {
        let well = hidden.iter().filter(|(_, group)| weight(group) == 2).count();
        let words = match hidden.len() - well {
            0 => format!("… {well} more, all completed"),
            other => format!("… {} more: {well} completed, {other} not", hidden.len()),
        };
        lines.push(Line::indented(margin(width) + 2).add(Look::Dim, words));
    }
    lines.into_iter().take(height).map(|line| line.fitted(width)).collect()
}

/// Failures are seen first, then what else did not go as usual.
fn weight(group: &Group) -> u8 {
    match group.state() {
        State::Failed | State::TimedOut | State::Crashed => 0,
        State::Completed | State::Cached => 2,
        _ => 1,
    }
}

fn head(view: &RunView) -> Row {
    let took = view.ended_at.map(|ended_at| ended_at.since(view.began_at).since_creation());
    Row {
        depth: 0,
        state: view.state,
        name: view.flow.clone(),
        note: Line::default(),
        took: took.map(text::duration).unwrap_or_default(),
    }
}

fn row(group: &Group) -> Row {
    let name = match group.total() {
        1 => group.name().to_owned(),
        total => format!("{} ×{total}", group.name()),
    };
    Row {
        depth: group.depth + 1,
        state: group.state(),
        name,
        note: join_with_commas(notes(group)),
        took: group.spent.map(range).unwrap_or_default(),
    }
}

fn notes(group: &Group) -> Words {
    let state = group.state();
    if group.total() == 1 {
        let mut notes = vec![(Look::Of(state), said(state, group))];
        if group.attempts_most > 1 && !matches!(state, State::Skipped | State::UpstreamFailed) {
            notes.push((Look::Of(State::AwaitingRetry), format!("{} attempts", group.attempts_most)));
        }
        notes.retain(|(_, words)| !words.is_empty());
        return notes;
    }
    let mut notes: Words = ends(group).into_iter().filter(|(count, ..)| *count > 0).map(words).collect();
    let open = [
        (group.under_way(), State::Running, "under way"),
        (group.to_come(), State::Pending, "not begun"),
        (group.retries, State::AwaitingRetry, "retried"),
    ];
    notes.extend(open.into_iter().filter(|(count, ..)| *count > 0).map(words));
    notes
}

fn join_with_commas(words: Words) -> Line {
    words.into_iter().enumerate().fold(Line::default(), |line, (place, word)| {
        let line = if place > 0 { line.plain_text(", ") } else { line };
        join(line, vec![word])
    })
}

/// How wide the columns are.
struct Columns {
    width: usize,
    name: usize,
    note: usize,
    took: usize,
}

impl Columns {
    fn of(rows: &[Row], width: usize) -> Self {
        let widest = |of: &dyn Fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or(0);
        let took = widest(&|row| columns(&row.took));
        // The glyph and the gaps take six columns; what is left goes to names first.
        let room = width.saturating_sub(margin(width) + took + 6);
        let name = widest(&|row| row.depth * 2 + columns(&row.name)).clamp(NAME_MIN, NAME_MAX);
        let note = widest(&|row| row.note.columns()).clamp(NOTE_MIN, NOTE_MAX);
        let name = name.min(room.saturating_sub(note.min(room / 2)).max(8));
        Self { width, name, note: note.min(room.saturating_sub(name)), took }
    }

    fn line(&self, row: &Row) -> Line {
        let start = margin(self.width);
        let room = self.name.saturating_sub(row.depth * 2).max(1);
        let after_name = start + 2 + self.name + 2;
        let end = after_name + self.note + 2 + self.took;
        let look = if row.depth == 0 { Look::Bold } else { Look::Plain };
        let line = Line::indented(start + row.depth * 2)
            .add(Look::Of(row.state), glyph(row.state))
            .plain_text(" ")
            .add(look, shortened(&row.name, room))
            .padded(after_name);
        // A long reason may go as far as it likes where nothing stands to the right of it.
        let note_room = if row.took.is_empty() { self.width.saturating_sub(after_name) } else { self.note };
        let note = row.note.clone().fitted(note_room);
        let line = note.spans().iter().fold(line, |line, span| line.add(span.look, span.text.clone()));
        line.right(end, Look::Dim, &row.took)
    }
}
