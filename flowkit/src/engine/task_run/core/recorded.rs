//! The record that an earlier process left of a task run, and the versions of values that tell whether it is still valid.

use super::{CLAIMED, Core};
use crate::engine::flow_run::OpenGuard;
use crate::engine::replay::previous::PreviousCall;
use crate::model::{Provenance, ValueVersion};

impl Core {
    /// Sets what an earlier process recorded. A result or a failure is valid only if it was made from the same values as now;
    /// until that is known, the flow stays open.
    pub(crate) fn set_recorded(&self, recorded: Option<Provenance>, open: Option<OpenGuard>) {
        let mut extras = self.extras();
        let extras = extras.get_or_insert_default();
        (extras.recorded, extras.open) = (recorded, open);
    }

    /// Lets the flow end: it is known whether the record is valid.
    pub(crate) fn release_flow(&self) {
        if self.has(CLAIMED) {
            self.release_claimed();
        }
    }

    #[inline(never)]
    fn release_claimed(&self) {
        // Dropped under no lock: it may wake the flow.
        let open = self.extras().as_mut().and_then(|extras| extras.open.take());
        drop(open);
    }

    /// Whether an earlier process left a result or a failure of this call that has not turned out to be invalid.
    pub(crate) fn is_settled(&self) -> bool {
        self.is_claimed()
            && matches!(
                self.claimed(),
                Some(PreviousCall::Succeeded | PreviousCall::Failed(_) | PreviousCall::FailedAnyway(_))
            )
    }

    /// Whether its inputs decide if the record of this call is valid.
    pub(crate) fn asks_inputs(&self) -> bool {
        self.is_claimed() && matches!(self.claimed(), Some(PreviousCall::Succeeded | PreviousCall::Failed(_)))
    }

    /// Returns the recorded provenance of that result or failure.
    pub(crate) fn recorded(&self) -> Option<Provenance> {
        self.extras().as_ref().and_then(|extras| extras.recorded)
    }

    /// Notes that an item among the arguments counts in the key of this call by position, not by content.
    pub(crate) fn set_items_by_position(&self) {
        self.extras().get_or_insert_default().items_by_position = true;
    }

    pub(crate) fn has_items_by_position(&self) -> bool {
        self.extras().as_ref().is_some_and(|extras| extras.items_by_position)
    }

    pub(crate) fn set_made_from(&self, made_from: Option<ValueVersion>) {
        if made_from.is_some() {
            self.extras().get_or_insert_default().made_from = made_from;
        }
    }

    pub(crate) fn made_from(&self) -> Option<ValueVersion> {
        self.extras().as_ref().and_then(|extras| extras.made_from)
    }

    pub(crate) fn set_version(&self, version: ValueVersion) {
        self.extras().get_or_insert_default().version = Some(version);
    }

    /// Returns the version of the value that it gave; a unique one if its content is unknown.
    pub(crate) fn version(&self) -> ValueVersion {
        let known = self.extras().as_ref().and_then(|extras| extras.version);
        known.unwrap_or_else(|| self.stamp())
    }

    /// Returns a version that no other value has, not even that of the same task run in another process.
    pub(crate) fn stamp(&self) -> ValueVersion {
        let run = self.run().map(|run| run.id.as_uuid().into_bytes()).unwrap_or_default();
        ValueVersion::stamp(&[&run, &self.id.get().to_le_bytes(), &self.epoch().to_le_bytes()])
    }

    /// Returns the owner epoch, counted by the store from 1; 0 without a store.
    pub(crate) fn epoch(&self) -> u64 {
        self.run_store().map_or(0, |run_store| run_store.owned.epoch)
    }
}
