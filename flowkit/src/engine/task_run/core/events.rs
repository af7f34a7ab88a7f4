//! The events of a task run: recorded by its flow run, and outside a flow in a record of its own.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{BY_BODY, Core};
use crate::clock::RunClock;
use crate::engine::flow_run::Run;
use crate::engine::replay::memo::ResultMemo;
use crate::engine::replay::run_store::{CommitReceipt, PersistRequest};
use crate::model::{
    Event, EventKind, Kind, NewTaskRun, OrderNo, Provenance, RunRecord, TaskRun, TaskRunId, TaskRunRecord,
};

/// The task run of a call that belongs to no flow run.
pub(super) struct Outside {
    clock: RunClock,
    pub(super) task_run: TaskRunRecord,
}

impl Core {
    pub(crate) fn emit(&self, kind: EventKind) {
        self.emit_persisted(kind, &mut PersistRequest::default());
    }

    /// Records an event, with what is to be persisted beside it. `persist` is taken only if the run has a store.
    pub(crate) fn emit_persisted(
        &self,
        kind: EventKind,
        persist: &mut PersistRequest,
    ) -> Option<CommitReceipt> {
        match self.run() {
            // Most calls: no later attempt or process makes them again.
            Some(run) if run.memo.is_none() && !self.has(BY_BODY) => {
                run.emit_persisted(self.id, kind, persist)
            }
            run => self.emit_noted(run, kind, persist),
        }
    }

    /// Records an event outside a flow, or of a call that a later attempt of the flow or another process may make again, or
    /// that the body has cancelled.
    // Not inlined, so that most calls need none of its registers.
    #[inline(never)]
    fn emit_noted(
        &self,
        run: Option<&Arc<Run>>,
        kind: EventKind,
        persist: &mut PersistRequest,
    ) -> Option<CommitReceipt> {
        let Some(run) = run else {
            self.emit_outside(kind);
            return None;
        };
        let memo = run.memo.as_ref().filter(|_| kind.is_end());
        if matches!(kind, EventKind::Cancelled { .. }) && self.has(BY_BODY) {
            run.change_task_run(self.id, TaskRunRecord::set_cancelled_by_body);
        }
        if matches!(kind, EventKind::Completed | EventKind::Cached | EventKind::Cancelled { .. })
            && let Some(rank) = memo.and_then(|_| self.recorded_no())
        {
            run.change_task_run(self.id, |row| row.set_rank(rank));
        }
        let receipt = run.emit_persisted(self.id, kind, persist);
        if let Some(memo) = memo.filter(|memo| memo.remembers()) {
            self.note_end(run, memo);
        }
        receipt
    }

    /// Notes in the memo how this call ended, for a later attempt of the flow.
    fn note_end(&self, run: &Run, memo: &ResultMemo) {
        let ended = |record: &RunRecord| {
            let row = record.task_run(self.id)?;
            Some((row.state(), row.is_cancelled_by_body(), self.recorded_no().or(row.ended_no())?))
        };
        if let Some((state, by_body, no)) = run.read(ended) {
            let known = self.identity().filter(|identity| identity.unknown.is_none());
            match known.map(|identity| identity.call) {
                Some(call) if state.is_failure() && run.refuses(memo, call) => memo.note_refused(call, no),
                call => memo.note_end(call, state, by_body, no),
            }
        }
    }

    /// Begins the record of a call outside a flow.
    pub(crate) fn record_outside(&self, new: NewTaskRun) {
        let clock = RunClock::start();
        let task_run = TaskRunRecord::outside(new, clock.now());
        self.extras().get_or_insert_default().outside = Some(Box::new(Outside { clock, task_run }));
    }

    fn emit_outside(&self, kind: EventKind) {
        let mut extras = self.extras();
        let Some(outside) = extras.as_mut().and_then(|extras| extras.outside.as_mut()) else { return };
        // The order of events does not matter there.
        let event = Event { task_run: self.id, at: outside.clock.now(), kind };
        if let Err(illegal) = outside.task_run.apply(&event, OrderNo::MIN) {
            debug_assert!(false, "bug in flowkit: {illegal}");
        }
    }

    /// Returns the task run in its current state; `None` for a call outside a flow without hooks.
    pub(crate) fn task_run(&self) -> Option<TaskRun> {
        if let Some(run) = self.run() {
            return run.task_run(self.id);
        }
        let extras = self.extras();
        let outside = extras.as_ref()?.outside.as_ref()?;
        Some(outside.task_run.row(outside.clock.created()))
    }

    /// Begins an attempt, and clears the marks of the one before. If it is `awaited`, the attempt must not continue before its
    /// beginning is durable.
    pub(crate) fn begin(&self, attempt: u32, awaited: bool) -> Option<CommitReceipt> {
        self.attempt.store(attempt, Ordering::Relaxed);
        self.forget_marks();
        // The run behind the node of a sub-flow is resumed only if that has the same inputs.
        let is_node =
            self.declaration.kind == Kind::Flow && self.id != TaskRunId::FLOW && self.identity().is_some();
        let provenance = is_node.then(|| Provenance { version: self.stamp(), made_from: self.made_from() });
        let mut persist = PersistRequest { awaited, provenance, ..PersistRequest::default() };
        self.emit_persisted(EventKind::Started { attempt }, &mut persist)
    }
}
