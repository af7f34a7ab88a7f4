//! Moments as people write them: how long ago, or a date. Dates are UTC, as everything that is kept.

use crate::model::WallTime;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Reads a moment; `None` if it makes no sense.
pub(super) fn read(written: &str, now: WallTime) -> Option<WallTime> {
    ago(written, now).or_else(|| date(written))
}

/// Reads `30m`, `2h`, `2d`, `1w`.
fn ago(written: &str, now: WallTime) -> Option<WallTime> {
    let unit = match written.chars().last()? {
        's' => SECOND,
        'm' => 60 * SECOND,
        'h' => 3600 * SECOND,
        'd' => DAY,
        'w' => 7 * DAY,
        _ => return None,
    };
    let count = digits(&written[..written.len() - 1])?;
    Some(WallTime::from_micros(now.as_micros().saturating_sub(count.saturating_mul(unit))))
}

/// Reads `2026-01-31`, `2026-01-31T12:30` and `2026-01-31T12:30:15`, the latter two with a `Z` if you like.
fn date(written: &str) -> Option<WallTime> {
    let (date, time) = match written.split_once(['T', 't']) {
        Some((date, time)) => (date, time_of_day(time.trim_end_matches(['Z', 'z']))?),
        None => (written, 0),
    };
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 || month.len() != 2 || day.len() != 2 {
        return None;
    }
    let days = days_since_1970(digits(year)?, digits(month)?, digits(day)?)?;
    Some(WallTime::from_micros(days * DAY + time))
}

fn time_of_day(written: &str) -> Option<i64> {
    let parts = written.split(':').map(|part| digits(part).filter(|_| part.len() == 2));
    let parts: Vec<i64> = parts.collect::<Option<_>>()?;
    let (hour, minute, second) = match parts[..] {
        [hour, minute] => (hour, minute, 0),
        [hour, minute, second] => (hour, minute, second),
        _ => return None,
    };
    (hour < 24 && minute < 60 && second < 60).then_some((hour * 3600 + minute * 60 + second) * SECOND)
}

/// Counts the days from 1970-01-01 to a date of the Gregorian calendar; `None` if there is no such day.
///
/// Howard Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`: years begin in March, so that the
/// day that some of them lack is their last.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Reads a number of digits alone: no sign, no space.
fn digits(text: &str) -> Option<i64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(i64::MAX))
}
