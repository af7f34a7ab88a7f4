//! Reads durations such as `"30s"`, `"1h 30m"` or `"0.5s"`, in the language of `flowkit/src/text/duration.rs`.
//!
//! Pure, except for [`from_literal`], which points a message into the user's literal.

use std::ops::Range;
use std::time::Duration;

use syn::LitStr;

use crate::errors::within;

/// The units with their names, each with its length in nanoseconds. The same as in `flowkit/src/text/duration.rs`, where a test
/// holds both to one language.
const UNITS: &[(&[&str], u64)] = &[
    (&["ns", "nsec", "nsecs", "nano", "nanos", "nanosecond", "nanoseconds"], 1),
    (&["us", "µs", "μs", "usec", "usecs", "micro", "micros", "microsecond", "microseconds"], 1_000),
    (&["ms", "msec", "msecs", "milli", "millis", "millisecond", "milliseconds"], 1_000_000),
    (&["s", "sec", "secs", "second", "seconds"], SECOND),
    (&["m", "min", "mins", "minute", "minutes"], 60 * SECOND),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600 * SECOND),
    (&["d", "day", "days"], 86_400 * SECOND),
    (&["w", "wk", "wks", "week", "weeks"], 7 * 86_400 * SECOND),
];

const SECOND: u64 = 1_000_000_000;

/// The units that messages suggest: the others are accepted, but of little use in a workflow.
const OFFERED: &str = "`ms`, `s`, `m`, `h` or `d`";

/// Why a text is not a duration, and which of its bytes are at fault.
#[derive(Debug, PartialEq)]
pub(crate) struct Invalid {
    pub message: String,
    pub bytes: Range<usize>,
}

/// Reads a duration from a literal; a message underlines the part at fault.
pub(crate) fn from_literal(literal: &LitStr) -> syn::Result<Duration> {
    parse(&literal.value())
        .map_err(|invalid| syn::Error::new(within(literal, invalid.bytes), invalid.message))
}

/// Reads one or more numbers with units, and adds them up.
///
/// The result always fits `Duration::from_nanos` (584 years).
pub(crate) fn parse(text: &str) -> Result<Duration, Invalid> {
    let mut total: u64 = 0;
    let mut at = skip(text, 0, char::is_whitespace);
    if at == text.len() {
        return Err(invalid(0..text.len(), "the duration is empty; write one such as `\"30s\"`"));
    }
    while at < text.len() {
        let (nanos, end) = part(text, at)?;
        total = total.checked_add(nanos).ok_or_else(|| too_long(text, 0..text.len()))?;
        at = skip(text, end, char::is_whitespace);
    }
    Ok(Duration::from_nanos(total))
}

/// Reads one number with its unit at `start`; returns nanoseconds and where it ends.
fn part(text: &str, start: usize) -> Result<(u64, usize), Invalid> {
    let number_end = skip(text, start, |c| c.is_ascii_digit() || c == '.');
    let unit_start = skip(text, number_end, char::is_whitespace);
    let unit_end = skip(text, unit_start, char::is_alphabetic);
    let (number, unit) = (&text[start..number_end], &text[unit_start..unit_end]);
    if number.is_empty() {
        let rest = &text[start..];
        let message = if rest.starts_with('-') {
            "a duration cannot be negative".to_owned()
        } else {
            format!("expected a number before `{rest}`, as in `30s`")
        };
        return Err(invalid(start..text.len(), message));
    }
    if unit.is_empty() {
        let message = format!("`{number}` needs a time unit; use {OFFERED}");
        return Err(invalid(start..number_end, message));
    }
    let Some((_, unit_nanos)) = UNITS.iter().find(|(names, _)| names.contains(&unit)) else {
        let message = format!("unknown time unit `{unit}`; use {OFFERED}");
        return Err(invalid(unit_start..unit_end, message));
    };
    let (whole, fraction) =
        split(number).ok_or_else(|| invalid(start..number_end, format!("`{number}` is not a number")))?;
    let nanos = nanoseconds(whole, fraction, *unit_nanos)
        .ok_or_else(|| too_long(&text[start..unit_end], start..unit_end))?;
    Ok((nanos, unit_end))
}

/// Splits `1.5` into `1` and `5`, and `1` into `1` and an empty fraction.
fn split(number: &str) -> Option<(&str, &str)> {
    let Some((whole, fraction)) = number.split_once('.') else {
        return Some((number, ""));
    };
    let is_number = !whole.is_empty() && !fraction.is_empty() && !fraction.contains('.');
    is_number.then_some((whole, fraction))
}

/// Multiplies exactly, dropping fractions of a nanosecond; `None` if the product does not fit.
fn nanoseconds(whole: &str, fraction: &str, unit_nanos: u64) -> Option<u64> {
    let whole = whole.parse::<u64>().ok()?.checked_mul(unit_nanos)?;
    // Digits after the 18th are less than a nanosecond in every unit (a week has 15), and 18 fit.
    let (mut digits, mut scale): (u128, u128) = (0, 1);
    for digit in fraction.bytes().take(18) {
        digits = digits * 10 + u128::from(digit - b'0');
        scale *= 10;
    }
    whole.checked_add(u64::try_from(digits * u128::from(unit_nanos) / scale).ok()?)
}

/// Returns the first position from `start` on whose character is not `wanted`.
fn skip(text: &str, start: usize, wanted: impl Fn(char) -> bool) -> usize {
    text[start..].find(|c| !wanted(c)).map_or(text.len(), |length| start + length)
}

fn too_long(written: &str, bytes: Range<usize>) -> Invalid {
    invalid(bytes, format!("`{written}` is too long; a duration is at most 584 years"))
}

fn invalid(bytes: Range<usize>, message: impl Into<String>) -> Invalid {
    Invalid { message: message.into(), bytes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::assert_errors;

    #[test]
    fn numbers_with_units_add_up() {
        let cases = [
            ("1s", Duration::from_secs(1)),
            ("500ms", Duration::from_millis(500)),
            ("250us", Duration::from_micros(250)),
            ("7ns", Duration::from_nanos(7)),
            ("1h 30m", Duration::from_secs(5_400)),
            ("1h30m", Duration::from_secs(5_400)),
            (" 2 d ", Duration::from_secs(172_800)),
            ("0.5s", Duration::from_millis(500)),
            ("0.1s", Duration::from_millis(100)),
            ("1.25h", Duration::from_secs(4_500)),
            ("1w", Duration::from_secs(604_800)),
            ("5µs", Duration::from_micros(5)),
            ("90 minutes", Duration::from_secs(5_400)),
            ("0.00000000000000000001s", Duration::ZERO),
            ("0s", Duration::ZERO),
            ("18446744073709551615ns", Duration::from_nanos(u64::MAX)),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn each_mistake_has_its_own_message() {
        let cases = [
            ("", 0..0, "the duration is empty; write one such as `\"30s\"`"),
            ("  ", 0..2, "the duration is empty; write one such as `\"30s\"`"),
            ("-1s", 0..3, "a duration cannot be negative"),
            ("1h -1s", 3..6, "a duration cannot be negative"),
            ("30", 0..2, "`30` needs a time unit; use `ms`, `s`, `m`, `h` or `d`"),
            ("soon", 0..4, "expected a number before `soon`, as in `30s`"),
            ("1s, 2s", 2..6, "expected a number before `, 2s`, as in `30s`"),
            ("5 parsecs", 2..9, "unknown time unit `parsecs`; use `ms`, `s`, `m`, `h` or `d`"),
            ("1mo", 1..3, "unknown time unit `mo`; use `ms`, `s`, `m`, `h` or `d`"),
            ("1.2.3s", 0..5, "`1.2.3` is not a number"),
            (".5s", 0..2, "`.5` is not a number"),
            ("5.s", 0..2, "`5.` is not a number"),
            ("999999d", 0..7, "`999999d` is too long; a duration is at most 584 years"),
            ("300000d", 0..7, "`300000d` is too long; a duration is at most 584 years"),
            ("200000d 200000d", 0..15, "`200000d 200000d` is too long; a duration is at most 584 years"),
            (
                "99999999999999999999s",
                0..21,
                "`99999999999999999999s` is too long; a duration is at most 584 years",
            ),
        ];
        for (text, bytes, message) in cases {
            assert_eq!(parse(text), Err(invalid(bytes, message)), "{text}");
        }
    }

    #[test]
    fn a_message_points_into_the_literal() {
        let read = |source: &str| from_literal(&syn::parse_str(source).unwrap());
        let unknown = "unknown time unit `parsecs`; use `ms`, `s`, `m`, `h` or `d`";
        assert_errors(read(r#""1s 5parsecs""#), &[(unknown, "parsecs")]);
        // Positions in an escaped or raw literal are not those of its text.
        assert_errors(read(r##"r#"5parsecs"#"##), &[(unknown, r##"r#"5parsecs"#"##)]);
    }
}
