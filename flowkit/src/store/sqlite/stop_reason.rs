//! The reasons that a store leaves for runs that it could not write any more before it ended: in its lock file, which a
//! process that finds it dead opens anyway. Not the lock itself.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::codes;
use crate::model::{ErrorReport, FlowRunId};
use crate::store::{OwnedRun, StoreError};

/// How many bytes of the file are reserved when it is created, for a disk that is full later.
const ROOM: usize = 4096;

/// Why a run is no longer persisted.
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

    /// The reason as the error of the run.
    pub(super) fn report(&self, flow: String, location: String) -> ErrorReport {
        let (message, causes) = self
            .texts
            .split_first()
            .map_or((String::new(), Vec::new()), |(message, causes)| (message.clone(), causes.to_vec()));
        ErrorReport { causes, ..ErrorReport::new(flow, message, None, location) }
    }
}

fn source(why: &StoreError) -> Option<&(dyn std::error::Error + 'static)> {
    std::error::Error::source(why)
}

/// Reserves the room for reasons.
pub(super) fn reserve(lock: &File) {
    // Without it, there may be no reasons: then the runs count as crashed.
    let _ = overwrite(lock, &[b' '; ROOM]);
}

/// Writes reasons, as far as there is room.
pub(super) fn write(lock: &File, abandoned: &[(OwnedRun, StoreError)]) -> io::Result<()> {
    let reasons: Vec<_> = abandoned.iter().map(|(run, why)| StopReason::of(run.id, why)).collect();
    let text = codes::json(&reasons).map_err(io::Error::other)?;
    overwrite(lock, format!("{text:ROOM$}").as_bytes())
}

/// Reads the reasons that a dead store has left: none if it had no time for that.
pub(super) fn read(lock: &Path) -> Vec<StopReason> {
    let text = fs::read_to_string(lock).unwrap_or_default();
    serde_json::from_str(text.trim()).unwrap_or_default()
}

/// Finds the reason of a run.
pub(super) fn of(reasons: &[StopReason], run: FlowRunId) -> Option<&StopReason> {
    reasons.iter().find(|reason| reason.run == run)
}

#[cfg(unix)]
fn overwrite(mut lock: &File, bytes: &[u8]) -> io::Result<()> {
    use std::io::{Seek, SeekFrom, Write};
    lock.seek(SeekFrom::Start(0))?;
    lock.write_all(bytes)
}

/// The system removes the file with the process, so reasons are not possible.
#[cfg(windows)]
fn overwrite(_lock: &File, _bytes: &[u8]) -> io::Result<()> {
    Ok(())
}
