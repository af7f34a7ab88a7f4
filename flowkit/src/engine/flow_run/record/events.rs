//! How the record changes: calls join the run, events happen to its task runs, and bodies report facts.

use std::sync::Arc;
use std::task::Waker;

use super::RunState;
use crate::engine::flow_run::{Child, Run};
use crate::engine::replay::previous::PreviousCall;
use crate::engine::replay::run_store::{CommitReceipt, PersistRequest};
use crate::model::{
    Event, EventKind, Identity, IllegalTransition, NewTaskRun, Refusal, TaskRunId, TaskRunRecord, Timestamp,
};
use crate::store::FactKind;

impl Run {
    /// Adds a child, or takes over the row that an earlier process left of it.
    ///
    /// # Errors
    ///
    /// If the run is closed, or strict and still misses recorded calls.
    pub(crate) fn create(
        &self,
        new: NewTaskRun,
        identity: Option<Identity>,
        at_most_once: bool,
    ) -> Result<Child, Refusal> {
        let read = self.clock.now();
        let mut state = self.state.lock();
        if state.closed {
            return Err(Refusal::FlowEnded);
        }
        let at = state.moment(read);
        let (row, claimed) = match self.run_store.as_ref().zip(identity) {
            Some((run_store, identity)) => run_store.claim(identity, &new, at_most_once)?,
            None => (None, None),
        };
        let child = match row {
            None => {
                state.live += 1;
                let id = state.record.create(new, at);
                if let Some(run_store) = &self.run_store {
                    let event = Event { task_run: id, at, kind: EventKind::Created };
                    let call = identity.map(|identity| identity.call);
                    run_store.record(
                        event,
                        state.row(id),
                        PersistRequest { call, ..PersistRequest::default() },
                    );
                }
                Child { id, claimed, recorded_no: None, recorded: None }
            }
            Some(row) => {
                // A retried failure may end at another time, and an interrupted run has not ended, unless it was interrupted
                // while a success was being made again.
                let ends_so = row.state.is_success()
                    || !row.state.is_terminal()
                    || !matches!(claimed, Some(PreviousCall::Again(_) | PreviousCall::Refused(_)));
                let recorded_no = row.place_among_ends().filter(|_| ends_so && row.unknown.is_none());
                state.record.claim(TaskRunRecord::recovered(new, &row, self.clock.created()));
                if matches!(claimed, None | Some(PreviousCall::Again(_) | PreviousCall::Refused(_))) {
                    self.reopen_in(&mut state, row.id);
                }
                Child { id: row.id, claimed, recorded_no, recorded: row.provenance }
            }
        };
        drop(state);
        self.publish();
        Ok(child)
    }

    /// Makes a run that ended in an earlier process run again.
    pub(crate) fn reopen(&self, id: TaskRunId) {
        self.reopen_in(&mut self.state.lock(), id);
        self.publish();
    }

    fn reopen_in(&self, state: &mut RunState, id: TaskRunId) {
        if id != TaskRunId::FLOW {
            state.live += 1;
        }
        self.append(state, id, self.clock.now(), EventKind::Reopened);
    }

    /// Records an event of a run of this flow run.
    pub(crate) fn emit(&self, task_run: TaskRunId, kind: EventKind) {
        self.emit_persisted(task_run, kind, &mut PersistRequest::default());
    }

    /// As [`emit`](Self::emit), with what is to be persisted beside the event. `persist` is taken only if the run has a store.
    pub(crate) fn emit_persisted(
        &self,
        task_run: TaskRunId,
        kind: EventKind,
        persist: &mut PersistRequest,
    ) -> Option<CommitReceipt> {
        let read = self.clock.now();
        let mut state = self.state.lock();
        let at = state.moment(read);
        let is_end = kind.is_end() && task_run != TaskRunId::FLOW;
        let is_revocable = persist.revocable && task_run != TaskRunId::FLOW;
        let event = Event { task_run, at, kind };
        let for_store = self.run_store.as_ref().map(|run_store| (run_store, event.clone()));
        if !self.accepted(state.record.apply(event), task_run) {
            return None;
        }
        if let Some(reason) = &persist.not_persisted
            && let Some(row) = state.record.task_run_mut(task_run)
        {
            row.set_not_persisted(Arc::clone(reason));
        }
        let receipt = for_store.and_then(|(run_store, event)| {
            run_store.record(event, state.row(task_run), std::mem::take(persist))
        });
        if is_revocable {
            self.note_failure(&mut state, task_run, at);
        }
        let mut idle = false;
        let mut watchers = None;
        if is_end {
            state.live -= 1;
            idle = state.driver_may_go();
            let no = state.record.last_no();
            watchers = state.watchers.ended(task_run, no);
        }
        drop(state);
        if idle {
            self.idle.notify_one();
        }
        if let Some(watchers) = watchers {
            watchers.into_iter().for_each(Waker::wake);
        }
        self.publish();
        receipt
    }

    /// Records an event with nothing beside it, and gives it to the store. Returns whether the store has it.
    pub(super) fn append(
        &self,
        state: &mut RunState,
        task_run: TaskRunId,
        at: Timestamp,
        kind: EventKind,
    ) -> bool {
        let event = Event { task_run, at, kind };
        if self.accepted(state.record.apply(event.clone()), task_run)
            && let Some(run_store) = &self.run_store
        {
            run_store.record(event, state.row(task_run), PersistRequest::default());
            return true;
        }
        false
    }

    /// Whether an event fitted the state of its run.
    pub(super) fn accepted(&self, applied: Result<(), IllegalTransition>, task_run: TaskRunId) -> bool {
        let Err(illegal) = applied else { return true };
        debug_assert!(false, "bug in flowkit: {illegal}");
        tracing::error!(flow_run = %self.id, %task_run, %illegal, "bug in flowkit: an event was refused");
        false
    }

    /// Persists what a task run, or the flow, reports of itself. In the order of the events: what a body reports before it
    /// ends is persisted before its end.
    pub(crate) fn report(&self, task_run: TaskRunId, fact: FactKind) {
        let read = self.clock.now();
        let mut state = self.state.lock();
        let is_over = state.is_over();
        if !is_over {
            let at = self.clock.created().plus(state.moment(read));
            match &self.run_store {
                Some(run_store) => run_store.report(task_run, at, fact),
                None => state.facts.add(task_run, at, fact),
            }
        }
        drop(state);
        if is_over {
            tracing::warn!(flow_run = %self.id, %task_run, "the flow run has ended: what a body still says is not kept");
        }
        self.wait_for_room();
    }
}
