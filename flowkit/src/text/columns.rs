//! Makes text of users fit to be shown: cleans, shortens and measures it. Does not escape for a format: each picture does
//! that for its own, afterwards.

use std::borrow::Cow;
use std::time::Duration;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Returns `text` on one line, without anything that hides or reorders other text.
///
/// White space becomes single spaces; the rest is [`escaped`].
pub(crate) fn visible(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    escaped(&words.join(" ")).into_owned()
}

/// Returns `text` with escapes for characters that a terminal would obey or that are invisible: `\u{1b}`, `\n`.
///
/// Control characters, bidirectional overrides, invisible marks and characters that XML forbids, so that no text moves the
/// cursor, forges a line or pretends to be another. The joiners of emoji and of Indic scripts stay. Escaping twice changes
/// nothing more.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Whether a terminal would obey this character, or it is invisible.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

/// Returns how many columns of a terminal `text` takes at most.
///
/// Terminals differ in what they make of joined emoji: some draw one picture, others each part. A line that was measured too
/// short would wrap, so the most generous terminal counts.
pub(crate) fn columns(text: &str) -> usize {
    let apart: usize = text.chars().map(columns_of).sum();
    apart.max(text.width())
}

/// Returns how many columns `c` takes by itself: none for a mark on the letter before it.
fn columns_of(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// Returns the first `width` columns of `text`, ending in `…` if that is not all of it.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let (head, _) = split(text, width.saturating_sub(1));
    match width {
        0 => String::new(),
        _ => format!("{}…", head.trim_end()),
    }
}

/// Returns `text` in at most `lines_max` lines of at most `width` columns, broken between words where there are any. The last
/// line ends in `…` if there would be more.
pub(crate) fn wrapped(text: &str, width: usize, lines_max: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text.trim_end();
    while !rest.is_empty() && lines.len() < lines_max {
        if lines.len() + 1 == lines_max {
            lines.push(shortened(rest, width));
            break;
        }
        let (head, tail) = split(rest, width);
        let at_word = if tail.is_empty() { None } else { head.rfind(' ').filter(|at| *at > 0) };
        match at_word {
            Some(at) if !tail.starts_with(' ') => {
                lines.push(rest[..at].trim_end().to_owned());
                rest = rest[at..].trim_start();
            }
            // Not even one character fits: skip it, or the loop would never end.
            _ if head.is_empty() => {
                let next = rest.chars().next().map_or(rest.len(), char::len_utf8);
                rest = &rest[next..];
            }
            _ => {
                lines.push(head.trim_end().to_owned());
                rest = tail.trim_start();
            }
        }
    }
    lines
}

/// Splits `text` where `width` columns end.
pub(super) fn split(text: &str, width: usize) -> (&str, &str) {
    // A prefix is never wider than its characters one by one plus one for each variation selector that asks for a picture.
    let mut taken = 0;
    let mut end = text.len();
    for (at, c) in text.char_indices() {
        let more = if c == '\u{fe0f}' { 1 } else { columns_of(c) };
        if taken + more > width {
            end = at;
            break;
        }
        taken += more;
    }
    text.split_at(end)
}

/// Returns the last `width` columns of `text`.
pub(super) fn tail(text: &str, width: usize) -> &str {
    let (mut taken, mut start) = (0, text.len());
    for (at, c) in text.char_indices().rev() {
        taken += if c == '\u{fe0f}' { 1 } else { columns_of(c) };
        if taken > width {
            break;
        }
        start = at;
    }
    // A mark belongs to the letter before it.
    text[start..].trim_start_matches(|c| columns_of(c) == 0)
}

/// Returns about how wide `text` is, in pixels, in a sans-serif font of `font_size` pixels.
///
/// The fonts of the reader are not known here: these are widths of Verdana, the
/// widest of the usual ones, so that in any other font there is a little room to spare.
pub(crate) fn width(text: &str, font_size: f64) -> f64 {
    text.chars().map(ems_of).sum::<f64>() * font_size
}

fn ems_of(c: char) -> f64 {
    match (columns_of(c), c) {
        (0, _) => 0.0,
        (2, '\u{1f000}'..) => 1.3,
        (2, _) => 1.02,
        (_, 'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ') => 0.33,
        (_, 'f' | 't' | 'r' | 'I' | '(' | ')' | '[' | ']' | '/' | '-') => 0.41,
        (_, 'm' | 'w' | 'M' | 'W' | '%' | '@') => 0.96,
        (_, 'A'..='Z' | '=' | '+' | '<' | '>' | '×' | '…' | '_') => 0.74,
        _ => 0.63,
    }
}

/// Returns `duration` in short: `80µs`, `12ms`, `3.2s`, `4m 05s`, `2h 07m`.
pub(crate) fn duration(duration: Duration) -> String {
    const MICRO: u128 = 1_000;
    const SECOND: u128 = 1_000_000_000;
    // Rounded before the unit is chosen, so that 59.96 s is a minute.
    let in_units = |unit: u128| (duration.as_nanos() + unit / 2) / unit;
    let (micros, millis, tenths) = (in_units(MICRO), in_units(1000 * MICRO), in_units(SECOND / 10));
    let (seconds, minutes) = (in_units(SECOND), in_units(60 * SECOND));
    if micros < 1000 {
        format!("{micros}µs")
    } else if millis < 100 {
        format!("{millis}ms")
    } else if tenths < 600 {
        format!("{}.{}s", tenths / 10, tenths % 10)
    } else if seconds < 3600 {
        format!("{}m {:02}s", seconds / 60, seconds % 60)
    } else {
        format!("{}h {:02}m", minutes / 60, minutes % 60)
    }
}

/// Returns `value` with at most 6 significant digits, and no fewer than a whole number has: 1234567 is not 1234570.
pub(crate) fn number(value: f64) -> String {
    /// From here on, whole numbers are not exact themselves.
    const WHOLE_MAX: f64 = 9e15;
    let size = value.abs();
    match size {
        _ if !size.is_finite() || size == 0.0 => value.to_string(),
        1e5..WHOLE_MAX => format!("{value:.0}"),
        1e-4..WHOLE_MAX => rounded(value).to_string(),
        _ => format!("{:e}", rounded(value)),
    }
}

/// Returns the number of 6 significant digits next to `value`.
fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// Appends `line` to `out`, indented `depth` times.
pub(crate) fn push_line(out: &mut String, depth: usize, line: &str) {
    out.extend(std::iter::repeat_n("    ", depth));
    out.push_str(line);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_rounded_and_not_cut_and_its_unit_is_that_of_the_rounded_one() {
        let cases = [
            (199_000, "0.2s"),
            (99_400, "99ms"),
            (99_600, "0.1s"),
            (949_999, "0.9s"),
            (1_000, "1ms"),
            (999, "999µs"),
            (0, "0µs"),
            (59_940_000, "59.9s"),
            (59_960_000, "1m 00s"),
            (3_599_600_000, "1h 00m"),
            (5_399_000_000, "1h 30m"),
        ];
        for (micros, shown) in cases {
            assert_eq!(duration(Duration::from_micros(micros)), shown);
        }
        assert_eq!(duration(Duration::from_nanos(999_600)), "1ms");
    }

    #[test]
    fn japanese_names_stay_as_they_are() {
        assert_eq!(visible("データ取得"), "データ取得");
    }

    #[test]
    fn white_space_becomes_one_space() {
        assert_eq!(visible(" a\r\n\tb\u{85}c "), "a b c");
    }

    #[test]
    fn hidden_characters_are_shown_as_escapes() {
        assert_eq!(visible("a\u{202e}b\0c\u{200b}d\u{ffff}"), r"a\u{202e}b\u{0}c\u{200b}d\u{ffff}");
        let once = escaped("a\nb\rc\td\u{1b}[2J\u{9b}e");
        assert_eq!(once, r"a\nb\rc\td\u{1b}[2J\u{9b}e");
        assert_eq!(escaped(&once), once);
    }

    #[test]
    fn joiners_of_emoji_stay() {
        assert_eq!(visible("👩\u{200d}🔬"), "👩\u{200d}🔬");
    }

    #[test]
    fn long_text_is_cut_where_its_columns_end() {
        assert_eq!(shortened("abcdef", 6), "abcdef");
        assert_eq!(shortened("abcdefg", 6), "abcde…");
        assert_eq!(shortened("ab defg", 4), "ab…");
        assert_eq!(shortened("データ取得", 6), "デー…");
        assert_eq!(shortened("データ", 5), "デー…");
        assert_eq!(shortened("データ", 4), "デ…", "a wide character is never halved");
    }

    #[test]
    fn names_of_any_script_stand_in_columns() {
        let rows = ["✅", "⏳", "日本", "e\u{301}", "❤\u{fe0f}", "ab"].map(|name| {
            let padding = 6 - columns(name);
            format!("{name}{:padding$}|", "")
        });
        assert_eq!(rows, ["✅    |", "⏳    |", "日本  |", "e\u{301}     |", "❤\u{fe0f}    |", "ab    |"]);
    }

    #[test]
    fn joined_emoji_are_measured_as_the_most_generous_terminal_draws_them() {
        let scientist = "👩\u{200d}🔬";
        assert_eq!((columns(scientist), scientist.width()), (4, 2));
        assert_eq!(shortened(&format!("{scientist} at work"), 8), format!("{scientist} at…"));
    }

    #[test]
    fn words_stay_whole_where_they_fit() {
        assert_eq!(wrapped("refusing to load 84 rows", 12, 9), ["refusing to", "load 84 rows"]);
        assert_eq!(wrapped("abcdefgh", 3, 9), ["abc", "def", "gh"]);
        assert_eq!(wrapped("one two three four", 5, 2), ["one", "two…"]);
        assert_eq!(wrapped("デデ", 1, 9), Vec::<String>::new());
    }

    #[test]
    fn a_wide_character_is_wider_than_a_letter() {
        assert!(width("取得", 13.0) > width("ab", 13.0) * 1.5);
        assert!(width("e\u{301}", 13.0) <= width("e", 13.0));
    }

    #[test]
    fn numbers_have_six_digits_that_count_and_whole_ones_all_of_theirs() {
        let table = [
            (0.0, "0"),
            (0.1 + 0.2, "0.3"),
            (0.933_333_333_333, "0.933333"),
            (-0.000_123_456_789, "-0.000123457"),
            (0.000_012_345_678_9, "1.23457e-5"),
            (99_999.96, "100000"),
            (1_234.567_89, "1234.57"),
            (1_234_567.0, "1234567"),
            (1_234_567.89, "1234568"),
            (1.234_567_89e20, "1.23457e20"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (value, written) in table {
            assert_eq!(number(value), written);
        }
    }

    #[test]
    fn durations_keep_two_units_at_most() {
        let texts =
            [12, 100, 3_250, 59_999, 245_000, 7_620_000].map(|ms| duration(Duration::from_millis(ms)));
        assert_eq!(duration(Duration::from_micros(80)), "80µs");
        assert_eq!(texts, ["12ms", "0.1s", "3.3s", "1m 00s", "4m 05s", "2h 07m"]);
    }
}
