//! Stands in for `tty`, `capture` and `divert` on systems other than Unix: nothing is drawn or captured, and programs print
//! lines.

use std::fs::File;
use std::io;

use crate::terminal::{Line, StyleSupport};

/// A terminal; there is none.
pub(super) enum Tty {}

impl Tty {
    pub(super) fn open() -> Option<Self> {
        None
    }

    pub(super) fn file(&self) -> &File {
        match *self {}
    }

    pub(super) fn size(&self) -> (usize, usize) {
        match *self {}
    }

    pub(super) fn is_ours(&self) -> bool {
        match *self {}
    }

    pub(super) fn draw(&mut self, _above: &[u8], _lines: &[Line], _style: StyleSupport) {
        match *self {}
    }

    pub(super) fn leave(&mut self) {
        match *self {}
    }
}

pub(super) fn stdout_is_pipe() -> bool {
    false
}

/// Captured output; there is none.
pub(super) enum Capture {}

impl Capture {
    pub(super) fn of_terminal(
        _terminal: &File,
        _take: impl FnMut(&[u8]) + Send + 'static,
    ) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn of_streams<T: FnMut(&[u8]) + Send + 'static>(
        _onward: Onward,
        _take: impl FnMut() -> T,
    ) -> io::Result<Option<Self>> {
        Ok(None)
    }

    pub(super) fn resize(&self, _terminal: &File) {
        match *self {}
    }

    pub(super) fn write(&self, _bytes: &[u8]) -> io::Result<()> {
        match *self {}
    }

    pub(super) fn outlets(&self) -> Vec<Outlet> {
        match *self {}
    }
}

/// What becomes of captured bytes besides the log.
pub(super) enum Onward {
    Unchanged,
    Nowhere,
}

/// The end from which captured output is read; there is none.
pub(super) enum Outlet {}

impl Outlet {
    pub(super) fn wait_until_taken(&self) {
        match *self {}
    }
}

/// On Unix, dropping it restores the output, and the code that drops it expects a type with a destructor.
impl Drop for Capture {
    fn drop(&mut self) {
        match *self {}
    }
}

/// Standard output reserved for JSON Lines; it cannot be reserved here.
pub(super) enum Divert {}

impl Divert {
    pub(super) fn start() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn write(&mut self, _lines: &[u8]) -> io::Result<()> {
        match *self {}
    }
}
