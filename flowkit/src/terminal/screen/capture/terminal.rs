//! Captures a terminal: by a pseudo-terminal, so that the program and its child processes keep their colours.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd;

use rustix::fs::{Mode, OFlags};
use rustix::io::FdFlags;
use rustix::pty::OpenptFlags;
use rustix::termios::{self, OptionalActions};

use super::Capture;
use super::inlet::Inlet;

impl Capture {
    /// Replaces standard error, which is `terminal`, and standard output if it is the same terminal. A new thread passes the
    /// output to `take`.
    ///
    /// # Errors
    ///
    /// If the system has no pseudo-terminal left; then nothing is replaced.
    pub(in crate::terminal::screen) fn of_terminal(
        terminal: &File,
        take: impl FnMut(&[u8]) + Send + 'static,
    ) -> io::Result<Self> {
        let (master, slave) = open(terminal)?;
        let stdout = io::stdout();
        let is_same = stdout.is_terminal() && is_same_terminal(&stdout, terminal);
        // Earlier output goes to the terminal directly.
        io::stdout().flush()?;
        let saved_stdout = is_same.then(|| stdout.as_fd().try_clone_to_owned()).transpose()?;
        let stderr = io::stderr().as_fd().try_clone_to_owned()?;
        let inlet = Inlet::open(slave.try_clone()?, master, |_| Ok(()), take)?;
        let capture = Self {
            stdout: saved_stdout,
            stderr: Some(stderr.into()),
            inlets: vec![inlet],
            slave: Some(slave.try_clone()?),
        };
        if is_same {
            rustix::stdio::dup2_stdout(&slave)?;
        }
        rustix::stdio::dup2_stderr(&slave)?;
        Ok(capture)
    }
}

/// Opens a pseudo-terminal of the size of `terminal`: the end to read from, and the one to write to.
fn open(terminal: &File) -> io::Result<(File, File)> {
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
    Ok((master.into(), slave))
}

fn is_same_terminal(one: impl AsFd, other: impl AsFd) -> bool {
    match (rustix::fs::fstat(one), rustix::fs::fstat(other)) {
        (Ok(one), Ok(other)) => one.st_rdev == other.st_rdev,
        _ => false,
    }
}
