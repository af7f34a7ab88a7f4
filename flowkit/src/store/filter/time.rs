//! Moments as people write them, and as flowkit prints them: how long ago, a date, a time of day. All in UTC.

use std::time::Duration;

use jiff::civil::Time;
use jiff::fmt::friendly::SpanParser;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::model::{WallTime, date};
use crate::text::duration;

const DAY: Duration = Duration::from_secs(86_400);

/// A stamp with milliseconds was copied from a line, which may be that of the start: a run starts some milliseconds after it
/// was created, more on a busy machine. The run whose stamp it is must not be missed.
const STARTS_WITHIN: Duration = Duration::from_millis(100);

/// Reads the moment of `since`; `None` if it makes no sense. What flowkit prints is cut, never rounded up, so the run of which
/// it was printed was created a little earlier: that moment is meant.
pub(super) fn since(written: &str, now: WallTime) -> Option<WallTime> {
    minus(read(written, now)?, cut_from(written))
}

/// Reads the moment of `until`; `None` if it makes no sense.
pub(super) fn until(written: &str, now: WallTime) -> Option<WallTime> {
    read(written, now)
}

fn read(written: &str, now: WallTime) -> Option<WallTime> {
    let today = || WallTime::from_micros(now.as_micros() - now.as_micros().rem_euclid(micros(DAY)));
    match written {
        "just now" => Some(now),
        "today" => Some(today()),
        "yesterday" => minus(today(), DAY),
        _ => ago(written, now).or_else(|| date::read(written)).or_else(|| at_time(written, today(), now)),
    }
}

/// Reads `30m`, `2h`, `2d`, `1w`, `1mo`, and what the command line shows: `3m 05s ago`.
fn ago(written: &str, now: WallTime) -> Option<WallTime> {
    let written = written.strip_suffix(" ago").unwrap_or(written);
    match duration::read(written) {
        Some(duration) => minus(now, duration),
        None => {
            let now = date::timestamp(now).to_zoned_datetime(TimeZone::UTC);
            let at = now.checked_sub(months(written)?).ok()?;
            Some(WallTime::from_micros(at.timestamp().as_microsecond()))
        }
    }
}

/// Reads a length of time with months or years, which differ in length.
fn months(written: &str) -> Option<Span> {
    // To jiff these are lengths of time, too: `-2mo`, `2mo ago`, and `12:30:00`.
    let has_sign = written.contains(['-', '+', ':']);
    SpanParser::new().parse_span(written).ok().filter(|span| !has_sign && !span.is_negative())
}

/// Reads a time of day, as it is printed in lines: the last moment at which it was that time.
fn at_time(written: &str, today: WallTime, now: WallTime) -> Option<WallTime> {
    let written = written.strip_suffix('Z').unwrap_or(written);
    // To jiff, `12` is a time of day, too, and so is that of a date.
    let is_time = written.contains(':')
        && written.chars().all(|letter| letter.is_ascii_digit() || ":.".contains(letter));
    let time: Time = written.parse().ok().filter(|_| is_time)?;
    let since_midnight = time.duration_since(Time::midnight()).as_micros();
    let at = WallTime::from_micros(today.as_micros() + i64::try_from(since_midnight).ok()?);
    if at > now { minus(at, DAY) } else { Some(at) }
}

/// How much was cut from a moment when it was printed, at most.
fn cut_from(written: &str) -> Duration {
    let Some(age) = written.strip_suffix(" ago") else {
        let has_millis = written.contains(':') && written.contains('.');
        return match written {
            "just now" => Duration::from_secs(1),
            _ if has_millis => STARTS_WITHIN,
            _ => Duration::ZERO,
        };
    };
    let last = age.rsplit(' ').find(|part| part.starts_with(|letter: char| letter.is_ascii_digit()));
    // The last number with its unit: `05s`, `1.5s`, or `3 days`.
    match (last, age.trim_start_matches(|letter: char| !letter.is_alphabetic())) {
        (Some(number), _) if number.ends_with('s') && number.contains('.') => Duration::from_millis(100),
        (Some(number), _) if number.ends_with('s') => Duration::from_secs(1),
        (Some(number), _) if number.ends_with('m') => Duration::from_secs(60),
        (_, "day" | "days") => DAY,
        _ => Duration::ZERO,
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn minus(at: WallTime, duration: Duration) -> Option<WallTime> {
    let at = at.as_micros().checked_sub(i64::try_from(duration.as_micros()).ok()?)?;
    // The calendar begins somewhere.
    (at >= Timestamp::MIN.as_microsecond()).then_some(WallTime::from_micros(at))
}
