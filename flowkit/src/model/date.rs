//! Moments of the wall clock as people and other programs read and write them: dates, in UTC.

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::WallTime;

/// Returns the moment for calculations with the calendar.
pub(crate) fn timestamp(at: WallTime) -> Timestamp {
    // One beyond the year 9999 comes from a damaged database.
    Timestamp::from_microsecond(at.as_micros()).unwrap_or(Timestamp::MAX)
}

/// Writes a moment as RFC 3339 has it: `2026-11-23T09:02:53.389Z`.
pub(crate) fn iso(at: WallTime) -> String {
    format!("{:.3}", timestamp(at))
}

/// Reads what [`iso`] writes, also with another offset, and a date without one, alone or with a time of day, which is UTC then.
pub(crate) fn read(written: &str) -> Option<WallTime> {
    if let Ok(at) = written.parse::<Timestamp>() {
        return Some(WallTime::from_micros(at.as_microsecond()));
    }
    // jiff reads a date without an offset whatever time zone stands behind it in brackets.
    let date = written.parse::<DateTime>().ok().filter(|_| !written.contains('['))?;
    let since = date.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0));
    Some(WallTime::from_micros(since.as_micros().try_into().ok()?))
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
            assert_eq!(read(written), Some(WallTime::from_micros(micros)));
        }
    }

    #[test]
    fn moments_are_written_as_rfc_3339_has_them() {
        let at = |seconds: i64| iso(WallTime::from_micros(seconds * 1_000_000 + 7_999));
        assert_eq!(at(0), "1970-01-01T00:00:00.007Z");
        assert_eq!(at(951_782_399), "2000-02-28T23:59:59.007Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00.007Z");
        assert_eq!(at(4_107_542_399), "2100-02-28T23:59:59.007Z");
        assert_eq!(at(4_107_542_400), "2100-03-01T00:00:00.007Z");
        assert_eq!(at(1_795_424_573), "2026-11-23T09:02:53.007Z");
        assert_eq!(at(-1), "1969-12-31T23:59:59.007Z");
    }
}
