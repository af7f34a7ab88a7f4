//! Moments as people write them: how long ago, or a date.

use jiff::tz::TimeZone;

use crate::model::WallTime;
use crate::model::date;
use crate::text::duration::span;

/// Reads a moment; `None` if it makes no sense.
pub(super) fn read(written: &str, now: WallTime) -> Option<WallTime> {
    ago(written, now).or_else(|| date::read(written))
}

/// Reads `30m`, `2h`, `2d`, `1w`, `1mo`, and what the command line shows: `3m 05s ago`, `just now`.
fn ago(written: &str, now: WallTime) -> Option<WallTime> {
    if written == "just now" {
        return Some(now);
    }
    let span = span(written.strip_suffix(" ago").unwrap_or(written))?;
    let at = date::timestamp(now).to_zoned_datetime(TimeZone::UTC).checked_sub(span).ok()?;
    Some(WallTime::from_micros(at.timestamp().as_microsecond()))
}
