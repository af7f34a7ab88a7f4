//! The end of a flow run that a store keeps: proposed to the store first, and told to everybody else when that is kept.

use std::sync::Arc;

use super::Run;
use crate::engine::replay::run_store::{CommitReceipt, PersistRequest};
use crate::model::{Event, EventKind, TaskRunId};

impl Run {
    /// Tells the store how the run ends, and nobody else: it has ended so only when that is kept. `None` if no store is to
    /// hear of it.
    pub(crate) fn propose_end(
        &self,
        kind: EventKind,
        keeping: PersistRequest,
    ) -> Option<(Event, CommitReceipt)> {
        let kept = self.kept.as_ref().filter(|kept| !kept.is_silent())?;
        let read = self.clock.now();
        let mut ledger = self.ledger.lock();
        let event = Event { task_run: TaskRunId::FLOW, at: ledger.moment(read), kind };
        if let Some((row, reason)) =
            ledger.record.task_run_mut(TaskRunId::FLOW).zip(keeping.not_persisted.as_ref())
        {
            row.set_not_persisted(Arc::clone(reason));
        }
        let flow = match ledger.record.after(&event) {
            Ok(flow) => flow,
            Err(illegal) => {
                self.accepted(Err(illegal), TaskRunId::FLOW);
                return None;
            }
        };
        let receipt = kept.record(event.clone(), flow, PersistRequest { awaited: true, ..keeping })?;
        ledger.ending = true;
        Some((event, receipt))
    }

    /// Says that the run has ended as it was proposed.
    pub(crate) fn ends(&self, event: Event) {
        let mut ledger = self.ledger.lock();
        let _ = self.accepted(ledger.record.apply(event), TaskRunId::FLOW);
        drop(ledger);
        self.announce();
    }
}
