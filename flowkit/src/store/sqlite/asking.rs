//! Questions to the writing thread: those that wait as long as it takes, and those that give up during an outage.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use super::queue::WriteJob;
use super::writer::Writer;
use super::{SqliteStore, failure, ownership};
use crate::policy::cache::CacheKey;
use crate::store::StoreError;

/// Poll interval for the beginning of an outage.
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl SqliteStore {
    /// Asks the writing thread, after everything that was queued before.
    pub(super) fn ask<R: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Writer) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        let (answer, answered) = sync_channel(1);
        let question = Box::new(move |writer: &mut Writer| {
            // The caller waits below.
            let _ = answer.send(question(writer));
        });
        self.shared.queue.push(WriteJob::Ask(question));
        answered.recv().unwrap_or(Err(StoreError::Closed))
    }

    /// Asks for a lease. During an outage it gives up: the task runs without one, instead of waiting.
    pub(super) fn lease_soon(&self, key: CacheKey) -> Result<bool, StoreError> {
        let unwritable = || {
            let path = &self.shared.path;
            Err(failure::write(path, std::io::Error::other("it cannot be written at present")))
        };
        if self.shared.is_degraded() {
            return unwritable();
        }
        let (answer, answered) = sync_channel(1);
        // Set by the faster of the two: the caller that gives up, or the thread that answers.
        let settled = Arc::new(AtomicBool::new(false));
        let gone = Arc::clone(&settled);
        self.shared.queue.push(WriteJob::Ask(Box::new(move |writer: &mut Writer| {
            if !gone.load(Ordering::Acquire) {
                let taken = writer.with_owner(|connection, owner| ownership::lease(connection, owner, key));
                let is_taken = matches!(taken, Ok(true));
                if !gone.swap(true, Ordering::AcqRel) {
                    let _ = answer.send(taken);
                } else if is_taken {
                    writer.unreleased.push(key);
                }
            }
        })));
        loop {
            match answered.recv_timeout(LOOK_EVERY) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Disconnected) => return Err(StoreError::Closed),
                Err(RecvTimeoutError::Timeout) if !self.shared.is_degraded() => {}
                Err(RecvTimeoutError::Timeout) if settled.swap(true, Ordering::AcqRel) => {
                    return answered.recv().unwrap_or(Err(StoreError::Closed));
                }
                Err(RecvTimeoutError::Timeout) => return unwritable(),
            }
        }
    }
}
