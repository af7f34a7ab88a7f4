//! Lengths of time as people write them: `30s`, `1h 30m`, `1.5s`, `2 weeks`. For flags, settings, parameters and filters.
//!
//! The attributes read the same language, with a parser of their own (`flowkit-macros/src/duration.rs`), whose messages underline
//! a part of the literal: a crate of macros cannot be asked, and asks nothing of this one. A test below runs both.

use std::time::Duration;

use jiff::fmt::friendly::{Designator, SpanPrinter};
use jiff::{SignedDuration, Span, SpanRound, Unit};

/// The units with their names, each with its length in nanoseconds. Months and years differ
/// in length, so they are none of them.
const UNITS: &[(&[&str], u128)] = &[
    (&["ns", "nsec", "nsecs", "nano", "nanos", "nanosecond", "nanoseconds"], 1),
    (&["us", "µs", "μs", "usec", "usecs", "micro", "micros", "microsecond", "microseconds"], 1_000),
    (&["ms", "msec", "msecs", "milli", "millis", "millisecond", "milliseconds"], 1_000_000),
    (&["s", "sec", "secs", "second", "seconds"], SECOND),
    (&["m", "min", "mins", "minute", "minutes"], 60 * SECOND),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600 * SECOND),
    (&["d", "day", "days"], 86_400 * SECOND),
    (&["w", "wk", "wks", "week", "weeks"], 7 * 86_400 * SECOND),
];

const SECOND: u128 = 1_000_000_000;

/// Reads a length of time: numbers with units, which add up. `None` if it makes no sense.
pub(crate) fn read(written: &str) -> Option<Duration> {
    let mut rest = written.trim();
    let mut total: u128 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, after) = split_at(rest, |letter| letter.is_ascii_digit() || letter == '.');
        let (unit, after) = split_at(after.trim_start(), char::is_alphabetic);
        let (_, length) = UNITS.iter().find(|(names, _)| names.contains(&unit))?;
        total = total.checked_add(nanoseconds(number, *length)?)?;
        rest = after.trim_start();
    }
    let nanos = u32::try_from(total % SECOND).ok()?;
    Some(Duration::new(u64::try_from(total / SECOND).ok()?, nanos))
}

fn split_at(text: &str, is_in: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|letter| !is_in(letter)).unwrap_or(text.len()))
}

/// Multiplies exactly, without fractions of a nanosecond; `None` if the number is none, or the product does not fit.
fn nanoseconds(number: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = match number.split_once('.') {
        None => (number, "0"),
        Some((whole, fraction)) => (whole, fraction),
    };
    if fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    // Digits after the 18th are less than a nanosecond in every unit (a week has 15).
    let (mut digits, mut scale): (u128, u128) = (0, 1);
    for digit in fraction.bytes().take(18) {
        digits = digits * 10 + u128::from(digit - b'0');
        scale *= 10;
    }
    let whole = whole.parse::<u64>().ok()?;
    u128::from(whole).checked_mul(unit)?.checked_add(digits * unit / scale)
}

/// Writes a length of time so that [`read`] reads it.
pub(crate) fn write(duration: Duration) -> String {
    let in_days = || {
        let seconds = Span::try_from(SignedDuration::try_from(duration).ok()?).ok()?;
        seconds.round(SpanRound::new().largest(Unit::Day).days_are_24_hours()).ok()
    };
    // Longer than all of history; jiff has no span for it.
    let Some(span) = in_days() else { return format!("{}s", duration.as_secs()) };
    // Its other style writes `µs`, which is not on every keyboard.
    SpanPrinter::new().designator(Designator::HumanTime).span_to_string(&span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    #[test]
    fn what_people_write_is_read_and_written_again() {
        let cases = [
            ("30s", 30_000, "30s"),
            ("1h 30m", 5_400_000, "1h 30m"),
            ("1h30m", 5_400_000, "1h 30m"),
            ("1.5s", 1_500, "1s 500ms"),
            (" 2 d ", 172_800_000, "2d"),
            ("0s", 0, "0s"),
            ("1w", 604_800_000, "7d"),
            ("90 minutes", 5_400_000, "1h 30m"),
        ];
        for (written, millis, again) in cases {
            let duration = Duration::from_millis(millis);
            assert_eq!(read(written), Some(duration), "{written}");
            assert_eq!(write(duration), again);
        }
        let nanos = Duration::new(86_400 * 400, 1_002_003);
        assert_eq!(write(nanos), "400d 1ms 2us 3ns");
        assert_eq!(read(&write(nanos)), Some(nanos));
        assert_eq!(write(Duration::MAX), "18446744073709551615s");
        assert_eq!(read(&write(Duration::MAX)), Some(Duration::from_secs(u64::MAX)));
    }

    #[test]
    fn nonsense_is_refused() {
        for nonsense in [
            "",
            "30",
            "s",
            "-1s",
            "+1s",
            "1.2.3s",
            ".5s",
            "5.s",
            "1s, 2s",
            "1 S",
            "1 parsec",
            "99999999999999999999d",
            "2d ago",
            "12:30:00",
            "PT1H",
        ] {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
        assert_eq!(read("1mo"), None, "months differ in length");
    }

    macro_rules! timeouts {
        ($($written:literal)*) => {
            [$({
                #[task(timeout = $written)]
                async fn bounded() {}

                ($written, timeout_of(&bounded()))
            }),*]
        };
    }

    fn timeout_of<B: crate::Body>(_: &crate::Call<'_, B::Output, B::Error, B>) -> Option<Duration> {
        B::info().policy.timeout
    }

    #[test]
    fn what_an_attribute_accepts_is_accepted_here_and_means_the_same() {
        let table = timeouts![
            "7ns" "250us" "5µs" "5μs" "500ms" "1s" "30m" "2h" "2d" "1w" " 2 d " "0.5s" "0.1s" "1.25h" "0.25m" "1.5h" "1h 30m"
            "1h30m" "1d 2h 3m 4s 5ms 6us 7ns" "2m 1.5s" "1.001h" "0.000000001s" "99999d" "0.5d" "1.5h 10m" "10m 1h"
            "1m 1m" "1.0000000001s" "18446744073709551615ns" "90 minutes" "2 weeks 1 day" "1hr 5mins 3secs" "1\t h"
        ];
        for (written, timeout) in table {
            assert!(timeout.is_some());
            assert_eq!(read(written), timeout, "{written}");
        }
    }
}
