//! Captures what the program prints to standard output and standard error before it reaches the terminal, so that the live
//! area does not overwrite it. Unix only.
//!
//! ```text
//! println! ──► fd 1 ─┐
//!                    ├─► a pseudo-terminal ──► reader thread ──► Story::print ──► above the live area
//! eprintln! ─► fd 2 ─┘
//! ```
//!
//! A pseudo-terminal instead of a pipe: the program and its child processes still see a terminal, with its size, and keep
//! their colours. One for both streams, so that the order of the output stays.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::thread::JoinHandle;

use rustix::fs::{Mode, OFlags};
use rustix::io::FdFlags;
use rustix::pty::OpenptFlags;
use rustix::termios::{self, OptionalActions};

/// Standard output and standard error, replaced until [`restore`](Self::restore).
pub(super) struct Capture {
    stdout: Option<OwnedFd>,
    stderr: OwnedFd,
    /// The end of the pseudo-terminal to which the program writes.
    slave: File,
    /// The bytes that end the output.
    mark: Vec<u8>,
    reader: Option<JoinHandle<()>>,
}

impl Capture {
    /// Replaces standard error, which is `terminal`, and standard output if it is the same terminal. A new thread passes the
    /// output to `take`.
    ///
    /// # Errors
    ///
    /// If the system has no pseudo-terminal left; then nothing is replaced.
    pub(super) fn start(terminal: &File, mut take: impl FnMut(&[u8]) + Send + 'static) -> io::Result<Self> {
        let master = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        rustix::io::fcntl_setfd(&master, FdFlags::CLOEXEC)?;
        rustix::pty::grantpt(&master)?;
        rustix::pty::unlockpt(&master)?;
        let name = rustix::pty::ptsname(&master, Vec::new())?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = File::from(rustix::fs::open(name.as_c_str(), flags, Mode::empty())?);
        // No byte is translated, and nothing is echoed.
        let mut settings = termios::tcgetattr(&slave)?;
        settings.make_raw();
        termios::tcsetattr(&slave, OptionalActions::Now, &settings)?;
        if let Ok(size) = termios::tcgetwinsize(terminal) {
            termios::tcsetwinsize(&slave, size)?;
        }

        let mark = format!("\0flowkit:{:016x}\0", fastrand::u64(..)).into_bytes();
        let until = mark.clone();
        let mut master = File::from(master);
        let reader = std::thread::Builder::new().name("flowkit-output".into()).spawn(move || {
            let mut seen = Until::new(until);
            let mut bytes = [0; 8192];
            // An error is the end: the other side is closed.
            while let Ok(count @ 1..) = read(&mut master, &mut bytes) {
                take(seen.before_mark(&bytes[..count]).as_slice());
                if seen.is_over {
                    return;
                }
            }
        })?;

        let stdout = io::stdout();
        let is_same = stdout.is_terminal() && is_same_terminal(&stdout, terminal);
        // Earlier output goes to the terminal directly.
        io::stdout().flush()?;
        let saved_stdout = is_same.then(|| stdout.as_fd().try_clone_to_owned()).transpose()?;
        let stderr = io::stderr().as_fd().try_clone_to_owned()?;
        let capture = Self { stdout: saved_stdout, stderr, slave, mark, reader: Some(reader) };
        if is_same {
            rustix::stdio::dup2_stdout(&capture.slave)?;
        }
        rustix::stdio::dup2_stderr(&capture.slave)?;
        Ok(capture)
    }

    /// Passes the new size of the terminal on to the program.
    pub(super) fn resize(&self, terminal: &File) {
        if let Ok(size) = termios::tcgetwinsize(terminal) {
            // On an error the program draws for the old size, which is harmless.
            let _unchanged = termios::tcsetwinsize(&self.slave, size);
        }
    }

    /// Restores standard output and standard error, and waits until all captured output has been taken.
    pub(super) fn restore(&mut self) {
        let Some(reader) = self.reader.take() else { return };
        let _lost = io::stdout().flush();
        if let Some(stdout) = &self.stdout {
            let _stays = rustix::stdio::dup2_stdout(stdout);
        }
        let _stays = rustix::stdio::dup2_stderr(&self.stderr);
        // A child process may hold its end open, so the reader cannot wait until all ends are closed.
        if self.slave.write_all(&self.mark).is_ok() {
            let _ended = reader.join();
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.restore();
    }
}

fn read(file: &mut File, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

fn is_same_terminal(one: impl AsFd, other: impl AsFd) -> bool {
    match (rustix::fs::fstat(one), rustix::fs::fstat(other)) {
        (Ok(one), Ok(other)) => one.st_rdev == other.st_rdev,
        _ => false,
    }
}

/// Passes bytes on until a mark, which may arrive in pieces.
struct Until {
    mark: Vec<u8>,
    /// Bytes that may be the beginning of the mark.
    held: Vec<u8>,
    is_over: bool,
}

impl Until {
    fn new(mark: Vec<u8>) -> Self {
        Self { mark, held: Vec::new(), is_over: false }
    }

    fn before_mark(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(bytes);
        if let Some(at) = all.windows(self.mark.len()).position(|window| window == self.mark) {
            self.is_over = true;
            all.truncate(at);
            return all;
        }
        let longest = all.len().min(self.mark.len() - 1);
        let held = (1..=longest).rev().find(|length| all.ends_with(&self.mark[..*length])).unwrap_or(0);
        self.held = all.split_off(all.len() - held);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bytes_before_the_mark_are_passed_on_however_they_are_cut() {
        let all = b"one\0flow\0two\0flowkit:12\0lost";
        for cut in 0..all.len() {
            for second in cut..all.len() {
                let mut until = Until::new(b"\0flowkit:12\0".to_vec());
                let mut passed = Vec::new();
                for piece in [&all[..cut], &all[cut..second], &all[second..]] {
                    if !until.is_over {
                        passed.extend(until.before_mark(piece));
                    }
                }
                assert!(until.is_over);
                assert_eq!(passed, b"one\0flow\0two");
            }
        }
    }
}
