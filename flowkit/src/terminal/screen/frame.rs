//! One frame as bytes: what stands below is erased, what is new is written, and what stands below is drawn again. Pure; the
//! terminal shows all of it at once (`CSI ?2026`).
//!
//! The cursor rests below what is drawn and is never hidden, so that a program that is killed leaves a clean terminal.
//!
//! As many rows are erased as lines were drawn, never more. Some terminals break lines anew when they become narrower and
//! others do not, and nothing tells them apart; a bit of an old frame may stay then, but no line of the program goes.

/// Returns the bytes that turn the lines `before` into `after`, with `above` written over them; nothing if nothing changes.
pub(super) fn frame(before: &[String], above: &[u8], after: &[String]) -> Vec<u8> {
    if above.is_empty() && before == after {
        return Vec::new();
    }
    let mut bytes = b"\x1b[?2026h".to_vec();
    match before.len() {
        0 => {}
        rows => bytes.extend(format!("\r\x1b[{rows}A\x1b[J").bytes()),
    }
    bytes.extend_from_slice(above);
    for line in after {
        bytes.extend(line.bytes());
        bytes.push(b'\n');
    }
    bytes.extend_from_slice(b"\x1b[?2026l");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(before: &[&str], above: &str, after: &[&str]) -> String {
        let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        String::from_utf8(frame(&owned(before), above.as_bytes(), &owned(after))).unwrap()
    }

    #[test]
    fn nothing_is_written_where_nothing_changes() {
        assert_eq!(text(&["a"], "", &["a"]), "");
    }

    #[test]
    fn lines_go_above_what_is_drawn() {
        let frame = text(&["a", "b"], "user\n", &["c"]);
        assert_eq!(frame, "\u{1b}[?2026h\r\u{1b}[2A\u{1b}[Juser\nc\n\u{1b}[?2026l");
    }

    #[test]
    fn where_nothing_is_drawn_nothing_is_erased() {
        assert_eq!(text(&[], "user\n", &[]), "\u{1b}[?2026huser\n\u{1b}[?2026l");
    }
}
