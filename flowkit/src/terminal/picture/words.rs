//! The words and the bar beside the glyph of a group, or of one of its runs.

use std::time::Duration;

use crate::model::{State, WallTime};
use crate::terminal::styled_line::{Line, TextStyle};
use crate::terminal::view::{Active, Group};
use crate::text::columns;

/// The width of a bar.
pub(super) const BAR: usize = 10;

/// Words with their styles.
pub(super) type Words = Vec<(TextStyle, String)>;

/// Returns a bar of `columns` for a part of a whole.
pub(super) fn bar(done: u64, total: u64, columns: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let cells = u128::from(done.min(total)) * columns as u128 * 8 / u128::from(total.max(1));
    let cells = usize::try_from(cells).unwrap_or(0);
    let (full, part) = (cells / 8, EIGHTHS[cells % 8]);
    let rest = columns - full - usize::from(!part.is_empty());
    format!("{}{part}{}", "█".repeat(full), "·".repeat(rest))
}

/// Returns the words for a state.
pub(super) fn state_words(state: State, group: &Group) -> String {
    let words = match state {
        State::Waiting => "queued",
        State::Cached => "cached",
        State::Failed => "failed",
        State::TimedOut => "timed out",
        State::Crashed => "crashed",
        State::Cancelled => "stopped",
        State::Cancelling => "cancelling",
        State::Suspended => "suspended",
        State::Running => "running",
        State::AwaitingRetry => "waiting for another attempt",
        State::Scheduled | State::Pending => "not begun",
        State::Completed => "",
        State::UpstreamFailed | State::Skipped => {
            return match &group.reason {
                Some(reason) => format!("skipped: {reason}"),
                None => "skipped".to_owned(),
            };
        }
    };
    words.to_owned()
}

/// Appends words, separated by dots.
pub(super) fn joined(line: Line, parts: Words) -> Line {
    parts.into_iter().enumerate().fold(line, |line, (position, (style, words))| {
        let line = if position > 0 { line.add(TextStyle::Dim, " · ") } else { line };
        line.add(style, words)
    })
}

/// Returns how many runs of a group are in which state, beyond what the bar shows.
pub(super) fn counts(group: &Group) -> Words {
    let running = group.count(State::Running);
    let states = [
        (running, State::Running, "running"),
        (group.count(State::AwaitingRetry), State::AwaitingRetry, "retrying"),
        (group.count(State::Waiting), State::Waiting, "queued"),
        (group.count(State::Cancelling), State::Cancelling, "cancelling"),
    ];
    states.into_iter().chain(ends(group)).filter(|(count, ..)| *count > 0).map(words).collect()
}

/// Returns how many runs of a group ended in which way, besides those that completed.
pub(super) fn ends(group: &Group) -> [(u32, State, &'static str); 6] {
    [
        (group.count(State::Cached), State::Cached, "cached"),
        (group.count(State::Failed) + group.count(State::TimedOut), State::Failed, "failed"),
        (group.count(State::Crashed), State::Crashed, "crashed"),
        (group.skipped(), State::Skipped, "skipped"),
        (group.count(State::Cancelled), State::Cancelled, "stopped"),
        (group.count(State::Suspended), State::Suspended, "suspended"),
    ]
}

pub(super) fn words((count, state, word): (u32, State, &str)) -> (TextStyle, String) {
    (TextStyle::Of(state), format!("{count} {word}"))
}

/// Returns what an active run is doing: `running 0.2s · attempt 2/3`.
pub(super) fn activity(active: &Active, group: &Group, now: WallTime) -> Words {
    let mut parts = Vec::new();
    match active.retry_at {
        Some(at) => {
            let wait = at.since(now);
            // Its time has come, but a limit has no slot for it.
            let words = if wait.is_zero() {
                "queued".to_owned()
            } else {
                format!("waiting {}", columns::duration(wait))
            };
            parts.push((TextStyle::Of(State::AwaitingRetry), words));
            parts.push((TextStyle::Plain, attempt(active.attempt.saturating_add(1), active.attempts_max)));
        }
        None => {
            let time = now.since(active.since);
            parts.push((TextStyle::Of(State::Running), format!("running {}", columns::duration(time))));
            if active.attempt > 1 {
                parts.push((TextStyle::Plain, attempt(active.attempt, active.attempts_max)));
            }
            if let Some(usual) = group.durations.slow(time) {
                let words = format!("slow: usually {}", columns::duration(usual));
                parts.push((TextStyle::Of(State::AwaitingRetry), words));
            }
        }
    }
    parts
}

fn attempt(number: u32, max: Option<u32>) -> String {
    match max {
        Some(max) => format!("attempt {number}/{max}"),
        None => format!("attempt {number}"),
    }
}

/// Returns `0.4-2.1s`, or one duration if both are written alike.
pub(super) fn range((shortest, longest): (Duration, Duration)) -> String {
    let (from, to) = (columns::duration(shortest), columns::duration(longest));
    if from == to {
        return to;
    }
    let unit = |text: &str| text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').to_owned();
    if unit(&from) == unit(&to) && !from.contains(' ') {
        return format!("{}-{to}", from.trim_end_matches(&unit(&from)));
    }
    format!("{from}-{to}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_full_as_the_part_and_always_as_wide() {
        assert_eq!(bar(0, 4, 10), "··········");
        assert_eq!(bar(3, 4, 10), "███████▌··");
        assert_eq!(bar(4, 4, 10), "██████████");
        assert_eq!(bar(9, 4, 10), "██████████");
        assert_eq!(bar(0, 0, 10), "··········");
        assert_eq!(bar(u64::MAX, u64::MAX, 10), "██████████");
        for done in 0..=81 {
            assert_eq!(bar(done, 81, 10).chars().count(), 10);
        }
    }

    #[test]
    fn a_range_says_its_unit_once() {
        let range = |from, to| range((Duration::from_millis(from), Duration::from_millis(to)));
        assert_eq!(range(400, 2100), "0.4-2.1s");
        assert_eq!(range(12, 700), "12ms-0.7s");
        assert_eq!(range(410, 420), "0.4s");
        assert_eq!(range(65_000, 130_000), "1m 05s-2m 10s");
    }
}
