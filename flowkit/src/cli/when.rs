//! Moments and lengths of time as text. UTC, as everything that is kept.

use std::time::Duration;

use crate::graph::text;
use crate::model::WallTime;
pub(super) use crate::model::iso;

/// Writes how long ago a moment is: `3m 05s ago`.
pub(super) fn ago(at: WallTime, now: WallTime) -> String {
    let since = between(at, now);
    match since.as_secs() {
        0 => "just now".to_owned(),
        1..172_800 => format!("{} ago", text::duration(since)),
        seconds => format!("{} days ago", seconds / 86_400),
    }
}

/// Returns the time between two moments; none if they are in the wrong order.
pub(super) fn between(from: WallTime, to: WallTime) -> Duration {
    to.since(from).since_creation()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;
    const DAY: i64 = 86_400 * SECOND;

    #[test]
    fn how_long_ago_is_short() {
        let now = WallTime::from_micros(10 * DAY);
        for (seconds, written) in [(0, "just now"), (65, "1m 05s ago"), (3 * 86_400, "3 days ago")] {
            assert_eq!(ago(WallTime::from_micros(10 * DAY - seconds * SECOND), now), written);
        }
    }
}
