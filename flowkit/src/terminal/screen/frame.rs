//! One frame as bytes: the live area is erased, new lines are written, and the area is drawn again below them. The terminal
//! shows all of it at once (`CSI ?2026`). Pure.
//!
//! The cursor rests below the live area and is never hidden, so that a killed program leaves a clean terminal.
//!
//! Exactly the rows of the live area are erased. Some terminals reflow lines when they become narrower and others do not. On
//! one that is not known to do it, a part of an old frame may stay; no line of the program is erased.

/// A line of the live area: its text, and how many columns it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Drawn {
    pub(super) text: String,
    pub(super) columns: usize,
}

/// Returns how many rows `drawn` takes on a terminal that has reflowed its lines to `columns`.
pub(super) fn rows(drawn: &[Drawn], columns: usize) -> usize {
    drawn.iter().map(|line| line.columns.div_ceil(columns.max(1)).max(1)).sum()
}

/// Returns the bytes that replace the lines `before`, which take that many `rows`, by `after`, with `above` written above
/// them; nothing if nothing changes.
pub(super) fn frame(before: &[Drawn], rows: usize, above: &[u8], after: &[Drawn]) -> Vec<u8> {
    if above.is_empty() && before == after && rows == before.len() {
        return Vec::new();
    }
    let mut bytes = b"\x1b[?2026h".to_vec();
    if rows > 0 {
        bytes.push(b'\r');
    }
    // Row by row: some terminals move what is erased from the top of the screen at once into the scroll-back.
    (0..rows).for_each(|_| bytes.extend_from_slice(b"\x1b[1A\x1b[2K"));
    bytes.extend_from_slice(above);
    for line in after {
        bytes.extend(line.text.bytes());
        bytes.push(b'\n');
    }
    bytes.extend_from_slice(b"\x1b[?2026l");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(before: &[&str], above: &str, after: &[&str]) -> String {
        String::from_utf8(frame(&drawn(before), before.len(), above.as_bytes(), &drawn(after))).unwrap()
    }

    fn drawn(lines: &[&str]) -> Vec<Drawn> {
        let line = |text: &&str| Drawn { text: (*text).to_owned(), columns: text.len() };
        lines.iter().map(line).collect()
    }

    #[test]
    fn reflowed_lines_take_more_rows_and_all_of_them_are_erased() {
        let lines = drawn(&["", "1234567890", "12345678901"]);
        assert_eq!([100, 11, 10, 5, 1, 0].map(|columns| rows(&lines, columns)), [3, 3, 4, 6, 22, 22]);
        let frame = String::from_utf8(frame(&lines, 4, b"", &drawn(&["x"]))).unwrap();
        assert_eq!(frame.matches("\u{1b}[1A\u{1b}[2K").count(), 4, "{frame:?}");
    }

    #[test]
    fn nothing_is_written_where_nothing_changes() {
        assert_eq!(text(&["a"], "", &["a"]), "");
    }

    #[test]
    fn lines_go_above_the_live_area() {
        let frame = text(&["a", "b"], "user\n", &["c"]);
        assert_eq!(frame, "\u{1b}[?2026h\r\u{1b}[1A\u{1b}[2K\u{1b}[1A\u{1b}[2Kuser\nc\n\u{1b}[?2026l");
    }

    #[test]
    fn where_nothing_is_drawn_nothing_is_erased() {
        assert_eq!(text(&[], "user\n", &[]), "\u{1b}[?2026huser\n\u{1b}[?2026l");
    }
}
