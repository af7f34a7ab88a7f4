//! When a run admits children, when none is left, and how it ends. The end of a run with a store is proposed to the store first,
//! and recorded when it is durable.

use std::sync::Arc;

use crate::engine::flow_run::ends::Ends;
use crate::engine::flow_run::{FlowAttempt, Run};
use crate::engine::replay::run_store::{CommitReceipt, PersistRequest};
use crate::model::{Event, EventKind, TaskRunId};

/// Keeps a run open until it is dropped.
pub(crate) struct OpenGuard(Arc<Run>);

impl Drop for OpenGuard {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.pending -= 1;
        let idle = state.driver_may_go();
        drop(state);
        if idle {
            self.0.idle.notify_one();
        }
    }
}

impl Run {
    /// Opens the run for the children of an attempt.
    pub(crate) fn open(self: &Arc<Self>) -> Arc<FlowAttempt> {
        let mut state = self.state.lock();
        state.closed = false;
        // What the first attempt of this process claims from earlier ones belongs to it too.
        let is_first = !std::mem::replace(&mut state.opened, true);
        let first_child = if is_first { 1 } else { state.record.next_id().get() };
        self.attempt(self.cancellation.child(), first_child, state.record.last_no())
    }

    /// Keeps the run open for something that is not a child, or not yet; `None` if it is closed.
    pub(crate) fn hold_open(self: &Arc<Self>) -> Option<OpenGuard> {
        let mut state = self.state.lock();
        if state.closed {
            return None;
        }
        state.pending += 1;
        Some(OpenGuard(Arc::clone(self)))
    }

    /// Waits until no child is left, and closes the run to further ones.
    pub(crate) async fn join(&self) {
        loop {
            {
                let mut state = self.state.lock();
                state.joining = !state.is_idle();
                if !state.joining {
                    state.closed = true;
                    return;
                }
            }
            self.idle.notified().await;
        }
    }

    /// The number of children that have not ended.
    pub(crate) fn live_children(&self) -> usize {
        self.state.lock().live
    }

    /// Proposes the end of the run to the store alone: it counts only once it is durable. `None` if the run's store
    /// takes nothing any more.
    pub(crate) fn propose_end(
        &self,
        kind: EventKind,
        persist: PersistRequest,
    ) -> Option<(Event, CommitReceipt)> {
        let run_store = self.run_store.as_ref().filter(|run_store| !run_store.is_silent())?;
        let read = self.clock.now();
        let mut state = self.state.lock();
        let event = Event { task_run: TaskRunId::FLOW, at: state.moment(read), kind };
        if let Some((row, reason)) =
            state.record.task_run_mut(TaskRunId::FLOW).zip(persist.not_persisted.as_ref())
        {
            row.set_not_persisted(Arc::clone(reason));
        }
        let flow = match state.record.after(&event) {
            Ok(flow) => flow,
            Err(illegal) => {
                self.accepted(Err(illegal), TaskRunId::FLOW);
                return None;
            }
        };
        let receipt = run_store.record(event.clone(), flow, PersistRequest { awaited: true, ..persist })?;
        state.ending = true;
        Some((event, receipt))
    }

    /// Records the proposed end, which is durable now.
    pub(crate) fn commit_end(&self, event: Event) {
        let mut state = self.state.lock();
        let _ = self.accepted(state.record.apply(event), TaskRunId::FLOW);
        drop(state);
        self.announce();
    }

    /// Adds the end of a task run to `ends`: now if it has ended, or else when it does.
    pub(crate) fn watch_end(&self, id: TaskRunId, ends: &Arc<Ends>, position: usize) {
        let mut state = self.state.lock();
        let over = state.record.task_run(id).filter(|row| row.state().is_over());
        match over {
            // A suspended run has no number of its own.
            Some(row) => drop(ends.add_happened(row.ended_no().or(state.record.last_no()), position)),
            None => state.watchers.watch(id, ends, position),
        }
    }
}
