//! [`stderr`]: standard error for code that writes while a screen is drawn, a subscriber of `tracing` for instance.

use std::io::{self, Write};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::ScreenState;

/// The screen of this process, if there is one: there is only one terminal.
static SCREEN: Mutex<Weak<ScreenState>> = Mutex::new(Weak::new());

/// Makes `screen` that of the process; `false` if there is one already.
pub(super) fn take_over(screen: &Arc<ScreenState>) -> bool {
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

/// Gives the place free.
pub(super) fn give_up(screen: &Arc<ScreenState>) {
    let mut current = SCREEN.lock();
    if std::ptr::eq(current.as_ptr(), Arc::as_ptr(screen)) {
        *current = Weak::new();
    }
}

/// Returns standard error, in a way that suits a [`Screen`](super::Screen): what is written stands above what is drawn.
///
/// Without a screen it is standard error itself. It is what `tracing_subscriber::fmt().with_writer(flowkit::stderr)`
/// takes.
pub fn stderr() -> Stderr {
    Stderr { screen: SCREEN.lock().upgrade().filter(|screen| screen.is_live()), open: Vec::new() }
}

/// Made by [`stderr`]. A line that has not ended is shown when this is dropped.
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

    /// Lines are written with the next frame, so there is nothing to do where there is a screen.
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
