//! A running flow: one line per task name, the active runs below it, and the numbers. Never takes more lines than allowed:
//! what does not fit is counted.

use super::words::{BAR, activity, bar, counts, joined, range, state_words};
use super::{WIDTH_MAX, margin};
use crate::graph::style::glyph;
use crate::model::{State, WallTime};
use crate::terminal::styled_line::{Line, TextStyle};
use crate::terminal::view::{Active, Group, RunView};
use crate::text::columns::{self, columns, shortened};

/// At most this many active runs of a task have a line of their own.
const ACTIVE_MAX: usize = 3;

/// With fewer lines than this, there is no room for a rule above them.
const RULE_FROM: usize = 5;

/// In fewer columns than this, there are no bars.
const WIDTH_WITH_BARS: usize = 40;

/// Names are cut at this width: enough to recognise them.
const NAME_MAX: usize = 32;

/// A line of the picture.
enum LiveRow<'a> {
    Group(&'a Group),
    Active { group: &'a Group, active: &'a Active, is_last: bool },
    MoreActive { depth: usize, more: usize },
    MoreGroups { more: usize, done: usize },
}

/// Draws a running flow in at most `height` lines of at most `width` columns.
pub fn live(view: &RunView, width: usize, height: usize, now: WallTime) -> Vec<Line> {
    if height == 0 {
        return Vec::new();
    }
    let mut lines = Vec::with_capacity(height);
    if height >= RULE_FROM {
        let rule = "─".repeat(width.min(WIDTH_MAX).saturating_sub(1));
        lines.push(Line::indented(1).add(TextStyle::Dim, rule));
    }
    let rows = choose(view, height - lines.len() - 1);
    let names = rows.iter().map(|row| match row {
        LiveRow::Group(group) => group.depth * 2 + columns(group.name()),
        _ => 0,
    });
    let longest = NAME_MAX.min(width.min(WIDTH_MAX) / 3).max(6);
    let pen = Pen { view, width, now, name: names.max().unwrap_or(0).min(longest) };
    lines.extend(rows.iter().map(|row| pen.row(row)));
    lines.push(pen.footer());
    lines.into_iter().map(|line| line.fitted(width)).collect()
}

/// Chooses what is shown in `room` lines: first active tasks, then failed ones, then those to come, then those that have
/// ended, the latest first. They are shown in first-seen order.
fn choose(view: &RunView, room: usize) -> Vec<LiveRow<'_>> {
    let order: Vec<&Group> = view.groups.in_order().collect();
    let mut by_weight: Vec<usize> = (0..order.len()).collect();
    by_weight.sort_by_key(|position| {
        let group = order[*position];
        if group.under_way() > 0 {
            (0, *position)
        } else if group.failed() > 0 {
            (1, *position)
        } else if group.to_come() > 0 {
            (2, *position)
        } else {
            (3, usize::MAX - *position)
        }
    });
    let fits = if order.len() > room { room.saturating_sub(1) } else { order.len() };
    let hidden = by_weight.split_off(fits);
    let mut chosen = by_weight;
    chosen.sort_unstable();
    // The remaining lines go to active runs, those of the first tasks first.
    let mut rest = room.saturating_sub(fits + usize::from(!hidden.is_empty()));
    let mut rows = Vec::with_capacity(room);
    for position in chosen {
        let group = order[position];
        rows.push(LiveRow::Group(group));
        if group.total() > 1 && !group.active.is_empty() {
            let before = rows.len();
            rows.extend(active_rows(group, rest.min(ACTIVE_MAX + 1)));
            rest -= rows.len() - before;
        }
    }
    if !hidden.is_empty() && room > 0 {
        let is_done = |position: &&usize| order[**position].under_way() + order[**position].to_come() == 0;
        rows.push(LiveRow::MoreGroups { more: hidden.len(), done: hidden.iter().filter(is_done).count() });
    }
    rows
}

/// Returns the rows of the active runs of `group`, those that wait for another attempt first.
fn active_rows(group: &Group, room: usize) -> Vec<LiveRow<'_>> {
    let all = group.active.len();
    let shown = if all <= room.min(ACTIVE_MAX) { all } else { room.saturating_sub(1).min(ACTIVE_MAX) };
    let waits = |active: &&Active| active.retry_at.is_some();
    let waiting = group.active.values().filter(waits);
    let running = group.active.values().filter(|active| !waits(active));
    let mut rows: Vec<_> = waiting
        .chain(running)
        .take(shown)
        .enumerate()
        .map(|(position, active)| LiveRow::Active { group, active, is_last: position + 1 == all })
        .collect();
    if shown < all && shown < room {
        rows.push(LiveRow::MoreActive { depth: group.depth, more: all - shown });
    }
    rows
}

struct Pen<'a> {
    view: &'a RunView,
    width: usize,
    now: WallTime,
    /// The width of the names with their indentation.
    name: usize,
}

impl Pen<'_> {
    fn row(&self, row: &LiveRow<'_>) -> Line {
        let start = margin(self.width);
        match row {
            LiveRow::Group(group) => self.group(group),
            LiveRow::Active { group, active, is_last } => {
                let branch = if *is_last { "└ " } else { "├ " };
                let line = Line::indented(start + 2 + group.depth * 2)
                    .add(TextStyle::Dim, branch)
                    .plain_text(shortened(&active.label, NAME_MAX))
                    .padded(start + 2 + self.name)
                    .plain_text("  ");
                self.progress(joined(line, activity(active, group, self.now)), active)
            }
            LiveRow::MoreActive { depth, more } => Line::indented(start + 2 + depth * 2)
                .add(TextStyle::Dim, "└ ")
                .add(TextStyle::Dim, format!("… {more} more under way")),
            LiveRow::MoreGroups { more, done } => {
                let open = more - done;
                let words = match (done, open) {
                    (0, open) => format!("… {open} more to come"),
                    (done, 0) => format!("… {done} more done"),
                    (done, open) => format!("… {more} more: {done} done, {open} to come"),
                };
                Line::indented(start).add(TextStyle::Dim, words)
            }
        }
    }

    fn group(&self, group: &Group) -> Line {
        let start = margin(self.width);
        let state = group.state();
        let room = self.name.saturating_sub(group.depth * 2).max(1);
        let style = if state.is_over() { TextStyle::Plain } else { TextStyle::Bold };
        let line = Line::indented(start + group.depth * 2)
            .add(TextStyle::Of(state), glyph(state))
            .plain_text(" ")
            .add(style, shortened(group.name(), room))
            .padded(start + 2 + self.name)
            .plain_text("  ");
        if group.total() > 1 {
            let (done, total) = (u64::from(group.ended()), u64::from(group.total()));
            let line = self.bar(line, state, done, total).plain_text(format!("{done}/{total}   "));
            return joined(line, counts(group));
        }
        if let Some(active) = group.active.values().next() {
            return self.progress(joined(line, activity(active, group, self.now)), active);
        }
        match state {
            State::Pending => line.add(TextStyle::Dim, self.waits(group)),
            State::Completed => line,
            state => line.add(TextStyle::Of(state), state_words(state, group)),
        }
        .right(self.width.min(80), TextStyle::Dim, &group.spent.map(range).unwrap_or_default())
    }

    fn waits(&self, group: &Group) -> String {
        let waits = group.waits_for.iter().map(|other| &self.view.groups[*other]);
        let names: Vec<_> =
            waits.filter(|other| other.ended() < other.total()).map(|other| other.task.as_str()).collect();
        if names.is_empty() { "pending".to_owned() } else { format!("waits for {}", names.join(", ")) }
    }

    /// Appends the progress that a run reports.
    fn progress(&self, line: Line, active: &Active) -> Line {
        let Some((done, total)) = active.progress else { return line };
        let percent = u128::from(done.min(total)) * 100 / u128::from(total.max(1));
        let line = self.bar(line.plain_text("  "), State::Running, done, total);
        line.plain_text(format!("{done}/{total} · {percent}%"))
    }

    /// Appends a bar, if there is room for one.
    fn bar(&self, line: Line, state: State, done: u64, total: u64) -> Line {
        match self.width {
            0..WIDTH_WITH_BARS => line,
            _ => line.add(TextStyle::Of(state), bar(done, total, BAR)).plain_text("  "),
        }
    }

    fn footer(&self) -> Line {
        if let Some(stopping) = &self.view.stopping {
            let line =
                Line::indented(margin(self.width)).add(TextStyle::Bold, stopping.verb()).plain_text(": ");
            let line = line.plain_text(stopping.words(self.view.running(), self.now));
            return self.hinted(line, &format!(" · ctrl-c again to {}", stopping.next()));
        }
        let counts = self.view.counts();
        let took = columns::duration(self.now.since(self.view.began_at));
        let mut parts = vec![(TextStyle::Bold, format!("{}/{} tasks", counts.ended, counts.seen))];
        let states = [
            (counts.active, State::Running, "running"),
            (counts.cached, State::Cached, "cached"),
            (counts.failed, State::Failed, "failed"),
            (counts.skipped, State::Skipped, "skipped"),
        ];
        let states = states.into_iter().filter(|(count, ..)| *count > 0);
        parts.extend(states.map(|(count, state, word)| (TextStyle::Of(state), format!("{count} {word}"))));
        parts.push((TextStyle::Plain, took));
        match self.view.state {
            State::Cancelling => parts.push((TextStyle::Of(State::Cancelling), "cancelling".to_owned())),
            State::AwaitingRetry => {
                parts.push((TextStyle::Of(State::AwaitingRetry), "the flow is tried again".to_owned()));
            }
            _ => {}
        }
        let line = joined(Line::indented(margin(self.width)), parts);
        match self.view.state {
            State::Running => self.hinted(line, " · ctrl-c to stop, twice to abort"),
            _ => line,
        }
    }

    /// Appends a hint if all of it fits.
    fn hinted(&self, line: Line, hint: &str) -> Line {
        if line.columns() + columns(hint) <= self.width { line.add(TextStyle::Dim, hint) } else { line }
    }
}
