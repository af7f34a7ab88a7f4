//! The output of a child process: as lines in the log of its task, and its tail for an error. It is never in memory as a
//! whole.

use std::collections::VecDeque;
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::ctx::logs::layer;

/// The length of the tail: about a screen and a half of text.
const TAIL_BYTES: usize = 8 << 10;

/// A longer line is split, so that a process that writes no line ends does not use up memory.
const LINE_BYTES: usize = 64 << 10;

/// Reads to the end, and passes each piece to `take`; an empty one at the end.
pub(super) async fn read(
    pipe: Option<impl AsyncRead + Unpin>,
    mut take: impl FnMut(&[u8]),
) -> io::Result<()> {
    if let Some(mut pipe) = pipe {
        let mut piece = vec![0; 8 << 10];
        loop {
            match pipe.read(&mut piece).await? {
                0 => break,
                read => take(&piece[..read]),
            }
        }
    }
    take(&[]);
    Ok(())
}

/// Splits the output of a process into lines, and logs them.
pub(super) struct LineSplitter {
    target: &'static str,
    begun: Vec<u8>,
}

impl LineSplitter {
    pub(super) fn of(target: &'static str) -> Self {
        Self { target, begun: Vec::new() }
    }

    pub(super) fn take(&mut self, piece: &[u8]) {
        if piece.is_empty() {
            if !self.begun.is_empty() {
                self.log();
            }
            return;
        }
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            self.begun.extend_from_slice(part);
            if part.ends_with(b"\n") || self.begun.len() >= LINE_BYTES {
                self.log();
            }
        }
    }

    fn log(&mut self) {
        let line = String::from_utf8_lossy(&self.begun);
        layer::printed(self.target, line.trim_end_matches(['\n', '\r']));
        self.begun.clear();
    }
}

/// The last bytes of the output.
#[derive(Default)]
pub(super) struct Tail(VecDeque<u8>);

impl Tail {
    pub(super) fn take(&mut self, piece: &[u8]) {
        let piece = &piece[piece.len().saturating_sub(TAIL_BYTES)..];
        let surplus = (self.0.len() + piece.len()).saturating_sub(TAIL_BYTES);
        self.0.drain(..surplus);
        self.0.extend(piece);
    }

    pub(super) fn into_text(self) -> String {
        String::from_utf8_lossy(&Vec::from(self.0)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_the_last_of_all_pieces() {
        let mut tail = Tail::default();
        for piece in [&[b'a'; 5000][..], &[b'b'; 5000], b"", &[b'c'; 10]] {
            tail.take(piece);
        }
        let text = tail.into_text();
        assert_eq!(text.len(), TAIL_BYTES);
        assert!(text.ends_with(&format!("b{}", "c".repeat(10))) && text.starts_with('a'));
        let mut long = Tail::default();
        long.take(&vec![b'x'; 3 * TAIL_BYTES]);
        assert_eq!(long.into_text().len(), TAIL_BYTES);
    }
}
