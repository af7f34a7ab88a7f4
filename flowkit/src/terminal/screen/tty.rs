//! The terminal behind standard error: its size, and one write per frame. Unix only.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;
use std::time::Duration;

use super::frame::frame;
use crate::terminal::{Line, Paint};

/// A terminal that does not say how large it is, is taken for one of this size.
const USUAL: (usize, usize) = (80, 24);

/// How long to wait for a terminal that takes no more: somebody made it non-blocking.
const FULL_WAIT: Duration = Duration::from_millis(5);

/// The terminal, and what is drawn on it.
pub(super) struct Tty {
    file: File,
    /// The lines that are drawn.
    drawn: Vec<String>,
}

impl Tty {
    /// Opens the terminal behind standard error; `None` if there is none.
    pub(super) fn open() -> Option<Self> {
        let stderr = io::stderr();
        if !stderr.is_terminal() {
            return None;
        }
        // A file of its own: standard error itself may be replaced meanwhile.
        let file = File::from(stderr.as_fd().try_clone_to_owned().ok()?);
        Some(Self { file, drawn: Vec::new() })
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Returns the columns and rows.
    pub(super) fn size(&self) -> (usize, usize) {
        match rustix::termios::tcgetwinsize(&self.file) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
            _ => USUAL,
        }
    }

    /// Whether this program may draw now: a shell has put it into the background otherwise.
    pub(super) fn is_ours(&self) -> bool {
        let front = rustix::termios::tcgetpgrp(&self.file);
        // A terminal that does not control this program has no groups.
        front.map_or(true, |front| front == rustix::process::getpgrp())
    }

    /// Writes `above`, and draws `lines` below it in place of what is drawn.
    pub(super) fn draw(&mut self, above: &[u8], lines: &[Line], paint: Paint) {
        let lines: Vec<String> = lines.iter().map(|line| paint.line(line)).collect();
        let bytes = frame(&self.drawn, above, &lines);
        self.drawn = lines;
        self.write(&bytes);
    }

    /// Leaves what is drawn where it is: other programs have written below it.
    pub(super) fn leave(&mut self) {
        self.drawn.clear();
    }

    /// There is nobody to tell of a terminal that is gone, so errors end the writing.
    fn write(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.file.write(bytes) {
                Ok(0) => return,
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(FULL_WAIT),
                Err(_) => return,
            }
        }
    }
}
