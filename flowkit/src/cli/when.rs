//! Moments and lengths of time as text. UTC, as everything that is kept.

use std::time::Duration;

use crate::graph::text;
use crate::model::WallTime;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Writes a moment as `2026-11-23T09:02:53.389Z`.
pub(super) fn iso(at: WallTime) -> String {
    let (days, of_day) = (at.as_micros().div_euclid(DAY), at.as_micros().rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let seconds = of_day / SECOND;
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        of_day % SECOND / 1000
    )
}

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

/// The day of the Gregorian calendar. Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Years begin in March, so that the day that some of them lack is their last.
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_dates() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000Z"),
            (1_795_424_573_389_000, "2026-11-23T09:02:53.389Z"),
            (-1_000, "1969-12-31T23:59:59.999Z"),
        ];
        for (micros, written) in cases {
            assert_eq!(iso(WallTime::from_micros(micros)), written);
        }
    }

    #[test]
    fn how_long_ago_is_short() {
        let now = WallTime::from_micros(10 * DAY);
        for (seconds, written) in [(0, "just now"), (65, "1m 05s ago"), (3 * 86_400, "3 days ago")] {
            assert_eq!(ago(WallTime::from_micros(10 * DAY - seconds * SECOND), now), written);
        }
    }
}
