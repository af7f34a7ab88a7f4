//! What the program itself prints: bytes in, lines out. Its lines go to the terminal as they are; nothing is taken out of
//! them, since they are the program's own.

/// A line that is longer than this, in bytes, is broken: nobody can wait for its end.
const LINE_MAX: usize = 64 * 1024;

/// More than this of looks is somebody's mistake.
const LOOKS_MAX: usize = 256;

/// Puts lines together from pieces as they come.
#[derive(Debug, Default)]
pub(super) struct UserLines {
    /// The line that has not ended.
    open: Vec<u8>,
    /// The escapes that give the text its look at the end of the last line.
    looks: Vec<u8>,
}

impl UserLines {
    /// Takes a piece, and returns the lines that are complete now, without their ends.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.open.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end + 1..];
            lines.push(std::mem::take(&mut self.open));
        }
        self.open.extend_from_slice(bytes);
        if self.open.len() > LINE_MAX {
            self.forget_what_was_written_over();
        }
        if self.open.len() > LINE_MAX {
            lines.push(std::mem::take(&mut self.open));
        }
        lines
    }

    /// A progress bar of the program writes its line over and over, and only the last of it is seen.
    fn forget_what_was_written_over(&mut self) {
        let seen = self.open.iter().rposition(|byte| *byte != b'\r').map_or(0, |last| last + 1);
        if let Some(last) = self.open[..seen].iter().rposition(|byte| *byte == b'\r') {
            let rest = self.open.split_off(last);
            let gone = std::mem::replace(&mut self.open, rest);
            self.follow(&gone);
        }
    }

    /// Returns the line that has not ended, as far as it goes.
    pub(super) fn open(&self) -> &[u8] {
        &self.open
    }

    /// Returns what has to be written so that a terminal shows `line` as it would have without flowkit, and nothing of it
    /// reaches what is drawn below.
    pub(super) fn shown(&mut self, line: &[u8]) -> Vec<u8> {
        let mut shown = self.looks.clone();
        shown.extend_from_slice(line);
        if line.contains(&0x1b) {
            self.follow(line);
        }
        // Ends what the line may have begun: a title, a link, a look.
        if line.contains(&0x1b) || !self.looks.is_empty() {
            shown.extend_from_slice(b"\x1b\\\x1b[0m");
        }
        shown.push(b'\n');
        shown
    }

    /// Follows the escapes for looks (`CSI … m`) through a line.
    fn follow(&mut self, line: &[u8]) {
        let mut rest = line;
        while let Some(start) = rest.windows(2).position(|pair| pair == b"\x1b[") {
            let body = &rest[start + 2..];
            let Some(length) = body.iter().position(|byte| (0x40..0x7f).contains(byte)) else { return };
            if body[length] == b'm' {
                let numbers = &body[..length];
                if numbers.is_empty() || numbers == b"0" || numbers.starts_with(b"0;") {
                    self.looks.clear();
                }
                let escape = &rest[start..start + 2 + length + 1];
                if !(numbers.is_empty() || numbers == b"0") && self.looks.len() < LOOKS_MAX {
                    self.looks.extend_from_slice(escape);
                }
            }
            rest = &body[length + 1..];
        }
    }
}

/// Returns a line as text for a log: without escapes, and of a line that wrote over itself only the last.
pub(super) fn plain(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let last = line.rsplit(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut plain = Plain::default();
    vte::Parser::new().advance(&mut plain, last);
    // An escape or a character that was cut off at the end is nothing.
    plain.0
}

/// Takes from a terminal's input what is text.
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
    fn a_line_without_an_end_is_broken_rather_than_kept_for_ever() {
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
        assert!(lines.shown(&line).starts_with(b"\x1b[32m"), "its look is that of the terminal");
    }

    #[test]
    fn a_line_without_escapes_is_shown_as_it_is() {
        assert_eq!(UserLines::default().shown(b"rows\t84"), b"rows\t84\n");
    }

    #[test]
    fn a_look_goes_on_in_the_next_line_but_not_in_what_is_drawn() {
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
