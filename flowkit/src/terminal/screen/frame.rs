//! One frame as bytes: what stands below is erased, what is new is written, and what stands below is drawn again. Pure; the
//! terminal shows all of it at once (`CSI ?2026`).
//!
//! The cursor rests below what is drawn and is never hidden, so that a program that is killed leaves a clean terminal.

/// What stands on the terminal below everything else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Area {
    lines: Vec<String>,
    /// How many columns each line takes.
    columns: Vec<usize>,
}

impl Area {
    pub(super) fn new(lines: Vec<(String, usize)>) -> Self {
        let (lines, columns) = lines.into_iter().unzip();
        Self { lines, columns }
    }

    /// Returns how many rows the area takes on a terminal of `width` columns: one that has become narrower breaks lines.
    fn rows(&self, width: usize) -> usize {
        self.columns.iter().map(|columns| columns.div_ceil(width.max(1)).max(1)).sum()
    }
}

/// Returns the bytes that turn `before` into `after`, with `above` written over them; nothing if nothing changes.
pub(super) fn frame(before: &Area, above: &[u8], after: &Area, width: usize) -> Vec<u8> {
    if above.is_empty() && before == after {
        return Vec::new();
    }
    let mut bytes = b"\x1b[?2026h".to_vec();
    match before.rows(width) {
        0 => {}
        rows => bytes.extend(format!("\r\x1b[{rows}A\x1b[J").bytes()),
    }
    bytes.extend_from_slice(above);
    for line in &after.lines {
        bytes.extend(line.bytes());
        bytes.push(b'\n');
    }
    bytes.extend_from_slice(b"\x1b[?2026l");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(lines: &[&str]) -> Area {
        Area::new(lines.iter().map(|line| ((*line).to_owned(), line.len())).collect())
    }

    fn text(before: &Area, above: &str, after: &Area, width: usize) -> String {
        String::from_utf8(frame(before, above.as_bytes(), after, width)).unwrap()
    }

    #[test]
    fn nothing_is_written_where_nothing_changes() {
        assert_eq!(text(&area(&["a"]), "", &area(&["a"]), 80), "");
    }

    #[test]
    fn lines_go_above_what_is_drawn() {
        let frame = text(&area(&["a", "b"]), "user\n", &area(&["c"]), 80);
        assert_eq!(frame, "\u{1b}[?2026h\r\u{1b}[2A\u{1b}[Juser\nc\n\u{1b}[?2026l");
    }

    #[test]
    fn lines_that_a_narrower_terminal_has_broken_are_erased_whole() {
        let frame = text(&area(&["12345678", "1234", ""]), "", &Area::default(), 4);
        assert!(frame.contains("\u{1b}[4A\u{1b}[J"), "{frame:?}");
    }
}
