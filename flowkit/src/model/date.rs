//! Moments of the wall clock as people and other programs read them: RFC 3339, in UTC.

use super::WallTime;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Writes a moment as `2026-11-23T09:02:53.389Z`.
pub(crate) fn iso(at: WallTime) -> String {
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
