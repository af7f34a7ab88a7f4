//! The output of the program itself: bytes in, lines out. Its lines go to the terminal unchanged.

/// A line that is longer than this, in bytes, is broken: it may never end.
const LINE_MAX: usize = 64 * 1024;

/// More bytes of escapes for styles than this are a mistake of the program.
const STYLES_MAX: usize = 256;

/// Joins pieces of output into lines.
#[derive(Debug, Default)]
pub(super) struct UserLines {
    /// The unfinished line.
    open: Vec<u8>,
    /// The escapes for styles that are in effect at the end of the last line.
    styles: Vec<u8>,
}

impl UserLines {
    /// Takes a piece, and returns the lines that it completes, without line breaks.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.open.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end + 1..];
            lines.push(std::mem::take(&mut self.open));
        }
        self.open.extend_from_slice(bytes);
        if self.open.len() > LINE_MAX {
            self.drop_overwritten();
        }
        if self.open.len() > LINE_MAX {
            lines.push(std::mem::take(&mut self.open));
        }
        lines
    }

    /// Drops what the program has overwritten: a progress bar writes its line again and again, and only the last is visible.
    fn drop_overwritten(&mut self) {
        let seen = self.open.iter().rposition(|byte| *byte != b'\r').map_or(0, |last| last + 1);
        if let Some(last) = self.open[..seen].iter().rposition(|byte| *byte == b'\r') {
            let rest = self.open.split_off(last);
            let overwritten = std::mem::replace(&mut self.open, rest);
            self.follow(&overwritten);
        }
    }

    /// Returns the unfinished line.
    pub(super) fn open(&self) -> &[u8] {
        &self.open
    }

    /// Returns the bytes that make a terminal show `line` as without flowkit, and no style of it reach the live area below.
    pub(super) fn shown(&mut self, line: &[u8]) -> Vec<u8> {
        let mut shown = self.styles.clone();
        shown.extend_from_slice(line);
        if line.contains(&0x1b) {
            self.follow(line);
        }
        // Ends what the line may have begun: a title, a link, a style.
        if line.contains(&0x1b) || !self.styles.is_empty() {
            shown.extend_from_slice(b"\x1b\\\x1b[0m");
        }
        shown.push(b'\n');
        shown
    }

    /// Updates the styles by the escapes of a line (`CSI … m`).
    fn follow(&mut self, line: &[u8]) {
        let mut rest = line;
        while let Some(start) = rest.windows(2).position(|pair| pair == b"\x1b[") {
            let body = &rest[start + 2..];
            let Some(length) = body.iter().position(|byte| (0x40..0x7f).contains(byte)) else { return };
            if body[length] == b'm' {
                let numbers = &body[..length];
                if numbers.is_empty() || numbers == b"0" || numbers.starts_with(b"0;") {
                    self.styles.clear();
                }
                let escape = &rest[start..start + 2 + length + 1];
                if !(numbers.is_empty() || numbers == b"0") && self.styles.len() < STYLES_MAX {
                    self.styles.extend_from_slice(escape);
                }
            }
            rest = &body[length + 1..];
        }
    }
}

/// Returns a line as text for a log: without escapes, and without what it overwrote itself.
pub(super) fn plain(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let last = line.rsplit(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut plain = Plain::default();
    vte::Parser::new().advance(&mut plain, last);
    // An incomplete escape or character at the end is dropped.
    plain.0
}

/// Collects the printable characters of a terminal's input.
#[derive(Default)]
struct Plain(String);

impl vte::Perform for Plain {
    fn print(&mut self, c: char) {
        self.0.push(c);
    }

    fn execute(&mut self, byte: u8) {
        if byte == b'\t' {
            self.0.push('\t');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_lines() {
        let mut lines = UserLines::default();
        assert!(lines.push(b"ab").is_empty());
        assert_eq!(lines.push(b"c\n\nd"), [b"abc".to_vec(), b"".to_vec()]);
        assert_eq!(lines.open(), b"d");
    }

    #[test]
    fn a_line_without_an_end_is_broken_rather_than_buffered_for_ever() {
        let mut lines = UserLines::default();
        assert!(lines.push(&[b'x'; LINE_MAX]).is_empty());
        assert_eq!(lines.push(b"y").len(), 1);
        assert_eq!(lines.open(), b"");
    }

    #[test]
    fn a_progress_bar_of_the_program_is_one_line_however_often_it_is_written_over() {
        let mut lines = UserLines::default();
        for count in 0..20_000 {
            // Before the text, or behind it.
            let (before, behind) = if count < 10_000 { ("\r", "") } else { ("", "\r") };
            let bar = format!("{before}\x1b[32m{count:>5} of 20000{behind}");
            assert!(lines.push(bar.as_bytes()).is_empty(), "{count}");
            assert!(lines.open().len() <= LINE_MAX);
        }
        let line = lines.push(b"\n").remove(0);
        assert_eq!(plain(&line), "19999 of 20000");
        assert!(lines.shown(&line).starts_with(b"\x1b[32m"), "its style is that of the terminal");
    }

    #[test]
    fn a_line_without_escapes_is_shown_as_it_is() {
        assert_eq!(UserLines::default().shown(b"rows\t84"), b"rows\t84\n");
    }

    #[test]
    fn a_style_goes_on_in_the_next_line_but_not_in_the_live_area() {
        let mut lines = UserLines::default();
        assert_eq!(lines.shown(b"\x1b[1m\x1b[31mred"), b"\x1b[1m\x1b[31mred\x1b\\\x1b[0m\n");
        assert_eq!(lines.shown(b"still"), b"\x1b[1m\x1b[31mstill\x1b\\\x1b[0m\n");
        assert_eq!(lines.shown(b"end\x1b[0m"), b"\x1b[1m\x1b[31mend\x1b[0m\x1b\\\x1b[0m\n");
        assert_eq!(lines.shown(b"plain"), b"plain\n");
    }

    #[test]
    fn a_log_gets_no_escapes() {
        assert_eq!(plain(b"\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x1b\\link\x1b]8;;\x07!\r"), "red link!");
        assert_eq!(plain(b"10%\r50%\r100%"), "100%");
        assert_eq!(plain(b"\xff\x00\x1b"), "\u{fffd}");
        assert_eq!(plain(b"\x1b(B\x1b[m50 %\tdone"), "50 %\tdone", "`tput sgr0` chooses a character set");
    }
}
