//! Standard output for JSON Lines alone: what the program prints goes to standard error meanwhile, so that a reader of the
//! lines can parse each of them. Unix only.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;

/// Standard output, which is given back when this is dropped.
pub(super) struct Divert(File);

impl Divert {
    /// Takes standard output away from the program.
    ///
    /// # Errors
    ///
    /// If the system does not let it; then nothing is taken.
    pub(super) fn start() -> io::Result<Self> {
        let mut stdout = io::stdout();
        stdout.flush()?;
        let kept = File::from(stdout.as_fd().try_clone_to_owned()?);
        rustix::stdio::dup2_stdout(io::stderr())?;
        Ok(Self(kept))
    }

    /// Writes lines to what was standard output.
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
