//! What the task runs of a flow run say of themselves: to its store, or kept here where there is none.

use super::Run;
use crate::model::TaskRunId;
use crate::store::{FactKind, Facts};

impl Run {
    /// Keeps what a task run, or the flow, says of itself. In the order of the events: what a body said before it ended is
    /// kept before its end.
    pub(crate) fn say(&self, task_run: TaskRunId, says: FactKind) {
        let read = self.clock.now();
        let mut ledger = self.ledger.lock();
        let is_over = ledger.is_over();
        if !is_over {
            let at = self.clock.created().plus(ledger.moment(read));
            match &self.kept {
                Some(kept) => kept.say(task_run, at, says),
                None => ledger.facts.keep(task_run, at, says),
            }
        }
        drop(ledger);
        if is_over {
            tracing::warn!(flow_run = %self.id, %task_run, "the flow run has ended: what a body still says is not kept");
        }
        self.wrote();
    }

    /// Looks at what was said in a run that no store keeps.
    pub(crate) fn said<R>(&self, look: impl FnOnce(&Facts) -> R) -> R {
        look(&self.ledger.lock().facts)
    }
}
