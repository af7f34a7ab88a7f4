//! [`stderr`]: standard error for code that writes while a screen is drawn, such as a subscriber of `tracing`.

use std::io::{self, Write};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::ScreenState;

/// The screen of this process, if there is one: there is only one terminal.
static SCREEN: Mutex<Weak<ScreenState>> = Mutex::new(Weak::new());

/// Makes `screen` the screen of the process; `false` if there is one already.
pub(super) fn register(screen: &Arc<ScreenState>) -> bool {
    let mut current = SCREEN.lock();
    if current.strong_count() > 0 {
        return false;
    }
    *current = Arc::downgrade(screen);
    true
}

/// Returns the screen of the process.
#[cfg(unix)]
pub(super) fn current() -> Option<Arc<ScreenState>> {
    SCREEN.lock().upgrade()
}

/// Lets another screen become that of the process.
pub(super) fn unregister(screen: &Arc<ScreenState>) {
    let mut current = SCREEN.lock();
    if std::ptr::eq(current.as_ptr(), Arc::as_ptr(screen)) {
        *current = Weak::new();
    }
}

/// Returns a writer to standard error that respects a [`Screen`](super::Screen): lines appear above the live area.
///
/// Without a screen it is standard error itself. Use it as `tracing_subscriber::fmt().with_writer(flowkit::stderr)`.
pub fn stderr() -> Stderr {
    Stderr { screen: SCREEN.lock().upgrade().filter(|screen| screen.takes_lines()), open: Vec::new() }
}

/// The writer that [`stderr`] returns. An unfinished line is shown when this is dropped.
#[derive(Debug)]
pub struct Stderr {
    screen: Option<Arc<ScreenState>>,
    open: Vec<u8>,
}

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(screen) = &self.screen else { return io::stderr().write(bytes) };
        self.open.extend_from_slice(bytes);
        if let Some(end) = self.open.iter().rposition(|byte| *byte == b'\n') {
            let rest = self.open.split_off(end + 1);
            screen.print_lines(&std::mem::replace(&mut self.open, rest));
        }
        Ok(bytes.len())
    }

    /// Does nothing if there is a screen: it writes lines with the next frame.
    fn flush(&mut self) -> io::Result<()> {
        match &self.screen {
            Some(_) => Ok(()),
            None => io::stderr().flush(),
        }
    }
}

impl Drop for Stderr {
    fn drop(&mut self) {
        if let Some(screen) = self.screen.as_ref().filter(|_| !self.open.is_empty()) {
            self.open.push(b'\n');
            screen.print_lines(&self.open);
        }
    }
}
