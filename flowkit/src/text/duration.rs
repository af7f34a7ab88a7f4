//! Lengths of time as people write them: `30s`, `1h 30m`, `1.5s`. For flags, settings, parameters and filters.
//!
//! Not for the attributes: they have a parser of their own, whose messages underline a part of the literal. Tests below hold
//! both to one grammar. An attribute also takes the units in any order, and fractions of a day or before another number;
//! flags also take weeks and words: `2 weeks`.

use std::time::Duration;

use jiff::fmt::friendly::{Designator, SpanParser, SpanPrinter};
use jiff::{SignedDuration, Span, SpanRelativeTo, SpanRound, Unit};

/// Reads a length of time that is not negative; `None` if it makes no sense.
pub(crate) fn span(written: &str) -> Option<Span> {
    // To jiff these are lengths of time, too: `-2d`, `+2d`, `2d ago`, and `12:30:00`, which is easily taken for a time of day.
    let has_sign = written.contains(['-', '+', ':']);
    SpanParser::new().parse_span(written.trim()).ok().filter(|span| !has_sign && !span.is_negative())
}

/// Reads a length of time for which a day has 24 hours; `None` if it makes no sense, or has months or years in it.
pub(crate) fn read(written: &str) -> Option<Duration> {
    span(written)?.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?.try_into().ok()
}

/// Writes a length of time so that [`read`] reads it.
pub(crate) fn write(duration: Duration) -> String {
    let in_days = || {
        let seconds = Span::try_from(SignedDuration::try_from(duration).ok()?).ok()?;
        seconds.round(SpanRound::new().largest(Unit::Day).days_are_24_hours()).ok()
    };
    // Longer than all of history; jiff has no span for it.
    let Some(span) = in_days() else { return format!("{}s", duration.as_secs()) };
    // Its other style writes `µs`, which the attributes do not take.
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
            "7ns" "250us" "500ms" "1s" "30m" "2h" "2d" " 2 d " "0.5s" "0.1s" "1.25h" "0.25m" "1h 30m" "1h30m"
            "1d 2h 3m 4s 5ms 6us 7ns" "2m 1.5s" "1.001h" "0.000000001s" "99999d"
        ];
        for (written, timeout) in table {
            assert!(timeout.is_some());
            assert_eq!(read(written), timeout, "{written}");
        }
    }

    #[test]
    fn what_only_an_attribute_accepts_is_refused_here_and_never_means_something_else() {
        let table = timeouts!["0.5d" "1.5h 10m" "10m 1h" "1m 1m" "1.0000000001s" "18446744073709551615ns"];
        for (written, timeout) in table {
            assert!(timeout.is_some());
            assert_eq!(read(written), None, "{written}");
        }
    }
}
