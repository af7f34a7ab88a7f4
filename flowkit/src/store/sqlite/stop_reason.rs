//! The word that a store leaves of its runs when it ends and cannot write them any more: in the file of its lock, which a
//! process that finds it dead looks at anyway. Not the lock itself.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::codes;
use crate::model::{ErrorReport, FlowRunId};
use crate::store::{OwnedRun, StoreError};

/// So many bytes of the file are written when it is made: a disk that is full later has them already.
const ROOM: usize = 4096;

/// Why a run is kept no further.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct StopReason {
    run: FlowRunId,
    /// The message, and its causes.
    texts: Vec<String>,
}

impl StopReason {
    pub(super) fn of(run: FlowRunId, why: &StoreError) -> Self {
        let ErrorReport { message, causes, .. } =
            ErrorReport::new(String::new(), why.to_string(), source(why), String::new());
        Self { run, texts: std::iter::once(message).chain(causes).collect() }
    }

    /// As the error of the run.
    pub(super) fn report(&self, flow: String, place: String) -> ErrorReport {
        let (message, causes) = self
            .texts
            .split_first()
            .map_or((String::new(), Vec::new()), |(message, causes)| (message.clone(), causes.to_vec()));
        ErrorReport { causes, ..ErrorReport::new(flow, message, None, place) }
    }
}

fn source(why: &StoreError) -> Option<&(dyn std::error::Error + 'static)> {
    std::error::Error::source(why)
}

/// Takes the room that a word may need.
pub(super) fn reserve(lock: &File) {
    // Without it, there may be no word: the runs have crashed then.
    let _ = write(lock, &[b' '; ROOM]);
}

/// Leaves word of runs, as far as there is room.
pub(super) fn leave(lock: &File, left: &[(OwnedRun, StoreError)]) -> io::Result<()> {
    let words: Vec<_> = left.iter().map(|(run, why)| StopReason::of(run.id, why)).collect();
    let text = codes::json(&words).map_err(io::Error::other)?;
    write(lock, format!("{text:ROOM$}").as_bytes())
}

/// Reads the word that a dead store has left: none, if it had no time for one.
pub(super) fn read(lock: &Path) -> Vec<StopReason> {
    let text = fs::read_to_string(lock).unwrap_or_default();
    serde_json::from_str(text.trim()).unwrap_or_default()
}

/// Finds what is said of a run.
pub(super) fn about(words: &[StopReason], run: FlowRunId) -> Option<&StopReason> {
    words.iter().find(|word| word.run == run)
}

#[cfg(unix)]
fn write(mut lock: &File, bytes: &[u8]) -> io::Result<()> {
    use std::io::{Seek, SeekFrom, Write};
    lock.seek(SeekFrom::Start(0))?;
    lock.write_all(bytes)
}

/// The system removes the file with the process, so that there is no word.
#[cfg(windows)]
fn write(_lock: &File, _bytes: &[u8]) -> io::Result<()> {
    Ok(())
}
