//! Lengths of time as people write them: `30s`, `1h 30m`, `1.5s`. As the attributes take them, and as defaults show them.

use std::time::Duration;

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// Reads a length of time; `None` if it makes no sense.
pub(super) fn read(written: &str) -> Option<Duration> {
    let mut rest = written.trim();
    if rest.is_empty() {
        return None;
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let (number, behind) = split(rest, |letter| letter.is_ascii_digit() || letter == '.');
        let (unit, behind) = split(behind.trim_start(), |letter| letter.is_alphabetic());
        let (_, nanos) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(part(number, *nanos)?)?;
        rest = behind.trim_start();
    }
    Some(total)
}

fn part(number: &str, nanos: u64) -> Option<Duration> {
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(nanos).map(Duration::from_nanos);
    }
    let unit = Duration::from_nanos(nanos).as_secs_f64();
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * unit).ok()
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|letter| !belongs(letter)).unwrap_or(text.len()))
}

/// Writes a length of time so that [`read`] reads it.
pub(super) fn write(duration: Duration) -> String {
    let mut nanos = duration.as_nanos();
    let mut parts = Vec::new();
    for (unit, length) in UNITS.iter().rev().filter(|(unit, _)| *unit != "µs") {
        let count = nanos / u128::from(*length);
        nanos %= u128::from(*length);
        if count > 0 {
            parts.push(format!("{count}{unit}"));
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_read_and_written_again() {
        let cases = [
            ("30s", 30_000, "30s"),
            ("1h 30m", 5_400_000, "1h 30m"),
            ("1h30m", 5_400_000, "1h 30m"),
            ("1.5s", 1_500, "1s 500ms"),
            (" 2 d ", 172_800_000, "2d"),
            ("0s", 0, "0s"),
        ];
        for (written, millis, again) in cases {
            let duration = Duration::from_millis(millis);
            assert_eq!(read(written), Some(duration), "{written}");
            assert_eq!(write(duration), again);
        }
        for nonsense in ["", "30", "s", "-1s", "1.2.3s", "1 parsec", "99999999999999999999d"] {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
    }
}
