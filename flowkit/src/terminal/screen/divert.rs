//! Reserves standard output for JSON Lines: what the program prints goes to standard error, so that a reader can parse every
//! line. Unix only.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;

/// The real standard output, which is restored when this is dropped.
pub(super) struct Divert(File);

impl Divert {
    /// Redirects the program's standard output to standard error.
    ///
    /// # Errors
    ///
    /// If the system refuses; then nothing is redirected.
    pub(super) fn start() -> io::Result<Self> {
        let mut stdout = io::stdout();
        stdout.flush()?;
        let real = File::from(stdout.as_fd().try_clone_to_owned()?);
        rustix::stdio::dup2_stdout(io::stderr())?;
        Ok(Self(real))
    }

    /// Writes lines to the real standard output.
    pub(super) fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.0.write_all(lines)
    }
}

impl Drop for Divert {
    fn drop(&mut self) {
        let _lost = io::stdout().flush();
        let _stays = rustix::stdio::dup2_stdout(&self.0);
    }
}
