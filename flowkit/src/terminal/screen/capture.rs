//! Captures what the program prints to standard output and standard error before it reaches its target: on a terminal, so that
//! the live area does not overwrite it; elsewhere, so that the log gets a copy. Unix only.
//!
//! ```text
//! println! ──► fd 1 ─┐                            ┌─► Story::print ──► above the live area
//!                    ├─► inlet ──► reader thread ─┤
//! eprintln! ─► fd 2 ─┘                            └─► the real stream, unchanged, and each line to the log
//! ```
//!
//! The inlet is a pseudo-terminal where the program shall still see a terminal, with its size, and a pipe elsewhere. There is
//! one for both streams if they have one target, so that the order of the output stays.

mod inlet;
mod streams;
mod terminal;

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, OwnedFd};

use rustix::termios;

use self::inlet::Inlet;
pub(super) use self::inlet::Outlet;
pub(super) use self::streams::Onward;

/// Standard output and standard error, replaced until [`restore`](Self::restore).
pub(super) struct Capture {
    stdout: Option<OwnedFd>,
    stderr: Option<File>,
    /// The last one is that of standard error, if that is captured.
    inlets: Vec<Inlet>,
    /// The pseudo-terminal to which the program writes.
    slave: Option<File>,
}

impl Capture {
    /// Passes the new size of the terminal on to the program.
    pub(super) fn resize(&self, terminal: &File) {
        if let (Some(slave), Ok(size)) = (&self.slave, termios::tcgetwinsize(terminal)) {
            // On an error the program draws for the old size, which is harmless.
            let _unchanged = termios::tcsetwinsize(slave, size);
        }
    }

    /// Writes flowkit's own bytes to the real standard error, below what the program has printed there before.
    ///
    /// # Errors
    ///
    /// If its reader is gone, or the system fails.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        match (&self.stderr, self.inlets.last()) {
            (Some(stderr), Some(inlet)) => inlet.outlet().between(|| inlet::write(stderr, bytes)),
            _ => io::stderr().write_all(bytes),
        }
    }

    /// Returns the other ends of the inlets, to wait for what is on its way.
    pub(super) fn outlets(&self) -> Vec<Outlet> {
        self.inlets.iter().map(Inlet::outlet).cloned().collect()
    }

    /// Restores standard output and standard error, and waits until all captured output has been taken.
    pub(super) fn restore(&mut self) {
        let _lost = io::stdout().flush();
        if let Some(stdout) = self.stdout.take() {
            let _stays = rustix::stdio::dup2_stdout(stdout);
        }
        if let Some(stderr) = self.stderr.take() {
            let _stays = rustix::stdio::dup2_stderr(stderr);
        }
        self.inlets.drain(..).for_each(Inlet::end);
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.restore();
    }
}

fn is_same_file(one: impl AsFd, other: impl AsFd) -> bool {
    match (rustix::fs::fstat(one), rustix::fs::fstat(other)) {
        (Ok(one), Ok(other)) => {
            (one.st_dev, one.st_ino, one.st_rdev) == (other.st_dev, other.st_ino, other.st_rdev)
        }
        _ => false,
    }
}
