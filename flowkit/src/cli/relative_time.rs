//! How long ago a moment is, as text. It can be typed behind `since:`; a moment itself is written by `model::iso`.

use std::time::Duration;

use crate::model::WallTime;
use crate::text::columns;

/// Writes how long ago a moment is: `3m 05s ago`.
pub(super) fn ago(at: WallTime, now: WallTime) -> String {
    let since = now.since(at);
    // An age is cut and not rounded: `since:` with it must not reach further back than the moment.
    let unit = match since.as_secs() {
        0..60 => 100,
        60..3600 => 1000,
        _ => 60_000,
    };
    let cut = Duration::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX) / unit * unit);
    match since.as_secs() {
        0 => "just now".to_owned(),
        1..172_800 => format!("{} ago", columns::duration(cut)),
        seconds => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::FlowRunFilter;

    const SECOND: i64 = 1_000_000;
    const DAY: i64 = 86_400 * SECOND;

    #[test]
    fn how_long_ago_is_short() {
        let now = WallTime::from_micros(10 * DAY);
        for (seconds, written) in [(0, "just now"), (65, "1m 05s ago"), (3 * 86_400, "3 days ago")] {
            assert_eq!(ago(WallTime::from_micros(10 * DAY - seconds * SECOND), now), written);
        }
    }

    #[test]
    fn what_is_shown_can_be_typed_behind_since() {
        let now = WallTime::from_micros(100 * DAY);
        for seconds in [0, 1, 65, 7_265, 172_799, 3 * 86_400, 4 * 86_400 - 1] {
            let at = WallTime::from_micros(100 * DAY - seconds * SECOND);
            let filter = FlowRunFilter::parse(&format!("since:\"{}\"", ago(at, now)), now).unwrap();
            let typed = filter.since.unwrap();
            assert!(typed <= at, "the run itself is not missed: {seconds}");
            assert!(at.since(typed) <= std::time::Duration::from_secs(86_400), "{seconds}");
        }
    }
}
