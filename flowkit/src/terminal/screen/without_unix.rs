//! Where there are no terminals as Unix has them, nothing is drawn and nothing is caught: lines of text are right there.

use std::fs::File;
use std::io;

use crate::terminal::{Line, StyleSupport};

/// A terminal, of which there is none.
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

    pub(super) fn draw(&mut self, _above: &[u8], _lines: &[Line], _paint: StyleSupport) {
        match *self {}
    }

    pub(super) fn leave(&mut self) {
        match *self {}
    }
}

pub(super) fn stdout_is_pipe() -> bool {
    false
}

/// What would catch the output.
pub(super) enum Capture {}

impl Capture {
    pub(super) fn start(_terminal: &File, _take: impl FnMut(&[u8]) + Send + 'static) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn resize(&self, _terminal: &File) {
        match *self {}
    }
}

/// The real one gives the output back when it is dropped, and is dropped with care; so it is one that can be.
impl Drop for Capture {
    fn drop(&mut self) {
        match *self {}
    }
}

/// Standard output for JSON Lines alone, which it is not here.
pub(super) enum Divert {}

impl Divert {
    pub(super) fn start() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn write(&mut self, _lines: &[u8]) -> io::Result<()> {
        match *self {}
    }
}
