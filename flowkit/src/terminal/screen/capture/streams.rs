//! Captures streams that are no terminals, by pipes: a file, a pipe, the journal. Without anything drawn, a terminal is left to
//! the program.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;

use super::inlet::{self, Inlet};
use super::{Capture, is_same_file};

/// What becomes of captured bytes besides the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::terminal::screen) enum Onward {
    /// They are written to the stream to which the program printed them.
    Unchanged,
    /// They are in the log only.
    Nowhere,
}

impl Capture {
    /// Replaces standard output and standard error by pipes; if the output is passed on, only those that are no terminals. A
    /// new thread for each target passes the output on, and to a function that `take` makes. `None` if both are terminals.
    ///
    /// # Errors
    ///
    /// If the system refuses; then nothing is replaced.
    pub(in crate::terminal::screen) fn of_streams<T: FnMut(&[u8]) + Send + 'static>(
        onward: Onward,
        mut take: impl FnMut() -> T,
    ) -> io::Result<Option<Self>> {
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let is_captured = |is_terminal: bool| onward == Onward::Nowhere || !is_terminal;
        let (takes_stdout, takes_stderr) =
            (is_captured(stdout.is_terminal()), is_captured(stderr.is_terminal()));
        if !takes_stdout && !takes_stderr {
            return Ok(None);
        }
        // Earlier output goes to its target directly.
        io::stdout().flush()?;
        let saved_stdout = takes_stdout.then(|| stdout.as_fd().try_clone_to_owned()).transpose()?;
        let saved_stderr = takes_stderr.then(|| stderr.as_fd().try_clone_to_owned()).transpose()?;
        let is_one =
            takes_stdout && takes_stderr && (onward == Onward::Nowhere || is_same_file(&stdout, &stderr));
        let mut open = |target: File| -> io::Result<(File, Inlet)> {
            let (outlet, inlet) = io::pipe()?;
            let inlet = File::from(std::os::fd::OwnedFd::from(inlet));
            let pass = move |bytes: &[u8]| match onward {
                Onward::Unchanged => inlet::write(&target, bytes),
                Onward::Nowhere => Ok(()),
            };
            let outlet = File::from(std::os::fd::OwnedFd::from(outlet));
            Ok((inlet.try_clone()?, Inlet::open(inlet, outlet, pass, take())?))
        };
        let mut capture = Self { stdout: None, stderr: None, inlets: Vec::new(), slave: None };
        let mut ends = Vec::new();
        let targets = if is_one { vec![&saved_stderr] } else { vec![&saved_stdout, &saved_stderr] };
        for target in targets.into_iter().flatten() {
            let (end, inlet) = open(target.try_clone()?.into())?;
            ends.push(end);
            capture.inlets.push(inlet);
        }
        let (Some(first), Some(last)) = (ends.first(), ends.last()) else { return Ok(None) };
        if saved_stdout.is_some() {
            rustix::stdio::dup2_stdout(first)?;
        }
        capture.stdout = saved_stdout;
        if saved_stderr.is_some() {
            rustix::stdio::dup2_stderr(last)?;
        }
        capture.stderr = saved_stderr.map(File::from);
        Ok(Some(capture))
    }
}
