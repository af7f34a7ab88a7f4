//! Questions to the writing thread: those that wait as long as it takes, and those that are refused during an outage.

use std::sync::mpsc::sync_channel;

use super::SqliteStore;
use super::leases::LeaseRequest;
use super::queue::WriteJob;
use super::writer::Writer;
use crate::policy::cache::CacheKey;
use crate::store::{LeaseAnswer, StoreError};

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

    /// Asks for a lease, before everything that is queued.
    pub(super) fn ask_for_lease(&self, key: CacheKey, answer: LeaseAnswer) {
        if let Err(request) = self.shared.queue.push_lease(LeaseRequest { key, answer }) {
            request.refuse(self.shared.unwritable());
        }
    }
}
