//! What one transaction writes: of several entries of a task run the last row, and all events in order.
//!
//! Pure data, so that a failed transaction can be tried again with the same batch.

use std::collections::{BTreeSet, HashMap};

use super::queue::CommitGuard;
use crate::model::{CallId, Event, EventKind, FlowRunId, Provenance, TaskRunId, TaskRunRecord};
use crate::policy::cache::CacheKey;
use crate::store::{CacheEntry, Entry, Fact, FactKind, LogEntry, Missing, NewFlowRun, OwnedRun, StoreError};

#[derive(Default)]
pub(super) struct Batch {
    pub(super) runs: Vec<RunPart>,
    by_run: HashMap<(FlowRunId, u64), usize>,
    /// Entries of one run tend to come together.
    last: Option<(FlowRunId, u64, usize)>,
    pub(super) logs: Vec<LogEntry>,
    /// Dropped lines, by task run.
    pub(super) dropped: Vec<(FlowRunId, TaskRunId, u64)>,
    pub(super) released: Vec<CacheKey>,
}

/// What is written to one run, under one epoch.
pub(super) struct RunPart {
    pub(super) owned: OwnedRun,
    pub(super) begin: Option<Box<NewFlowRun>>,
    pub(super) slots: Vec<RowSlot>,
    by_task_run: HashMap<TaskRunId, usize>,
    /// With the slot to which the event belongs; if the slot is refused, so is the event.
    pub(super) events: Vec<(usize, Event)>,
    pub(super) facts: Vec<Fact>,
    pub(super) suspended: bool,
    pub(super) acks: Vec<CommitGuard>,
}

/// A task run, or the flow itself, after the last of its entries.
pub(super) struct RowSlot {
    pub(super) task_run: TaskRunRecord,
    pub(super) call: Option<CallId>,
    pub(super) result: Option<Vec<u8>>,
    pub(super) provenance: Option<Provenance>,
    pub(super) cache: Option<CacheEntry>,
    /// The row is new.
    pub(super) created: bool,
    /// It may replace a row that has ended.
    pub(super) reopened: bool,
    /// The program was told to stop.
    pub(super) stopping: bool,
    /// Only if a caller waits.
    pub(super) acks: Vec<CommitGuard>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.logs.is_empty() && self.dropped.is_empty() && self.released.is_empty()
    }

    pub(super) fn begin(&mut self, new: Box<NewFlowRun>) {
        let part = self.part(new.owned);
        part.begin = Some(new);
    }

    pub(super) fn record(&mut self, entry: Entry, ack: CommitGuard) {
        self.part(entry.run).record(entry, ack);
    }

    pub(super) fn report(&mut self, fact: Fact) {
        self.part(fact.run).facts.push(fact);
    }

    pub(super) fn suspend(&mut self, run: OwnedRun, ack: CommitGuard) {
        let part = self.part(run);
        part.suspended = true;
        part.add_ack(ack);
    }

    /// The contents that may be written to files.
    pub(super) fn contents(&self) -> impl Iterator<Item = &[u8]> {
        self.runs.iter().flat_map(|run| {
            let results = run.slots.iter().filter_map(|slot| slot.result.as_deref());
            let artifacts = run.facts.iter().filter_map(|fact| match &fact.kind {
                FactKind::Made(artifact) => Some(artifact.content.as_slice()),
                FactKind::Measured(_) | FactKind::Used(_) | FactKind::TimeUp(_) => None,
            });
            results.chain(artifacts)
        })
    }

    fn part(&mut self, owned: OwnedRun) -> &mut RunPart {
        let index = match self.last {
            Some((id, epoch, index)) if id == owned.id && epoch == owned.epoch => index,
            _ => *self.by_run.entry((owned.id, owned.epoch)).or_insert_with(|| {
                self.runs.push(RunPart::new(owned));
                self.runs.len() - 1
            }),
        };
        self.last = Some((owned.id, owned.epoch, index));
        &mut self.runs[index]
    }

    /// Splits the batch by run, to find out which runs cannot be written.
    pub(super) fn one_by_one(self) -> Vec<Self> {
        let rest =
            Self { logs: self.logs, dropped: self.dropped, released: self.released, ..Self::default() };
        let mut parts: Vec<_> =
            self.runs.into_iter().map(|part| Self { runs: vec![part], ..Self::default() }).collect();
        parts.push(rest);
        parts
    }

    /// Returns the runs that would lose something with this batch.
    pub(super) fn concerns(&self) -> BTreeSet<FlowRunId> {
        let parts = self.runs.iter().map(|part| part.owned.id);
        let lines = self.logs.iter().map(|line| line.run);
        parts.chain(lines).chain(self.dropped.iter().map(|(run, ..)| *run)).collect()
    }

    /// Counts what the batch has of a run.
    pub(super) fn missing(&self, id: FlowRunId) -> Missing {
        let mut missing =
            Missing { lines: self.logs.iter().filter(|line| line.run == id).count(), ..Missing::default() };
        for part in self.runs.iter().filter(|part| part.owned.id == id) {
            missing.events += part.events.len() + usize::from(part.begin.is_some());
            missing.facts += part.facts.len();
        }
        missing
    }
}

impl RunPart {
    fn new(owned: OwnedRun) -> Self {
        Self {
            owned,
            begin: None,
            slots: Vec::new(),
            by_task_run: HashMap::new(),
            events: Vec::new(),
            facts: Vec::new(),
            suspended: false,
            acks: Vec::new(),
        }
    }

    fn record(&mut self, entry: Entry, ack: CommitGuard) {
        let Entry { run: _, event, task_run, call, result, provenance, cache } = entry;
        let reopens = event.kind.leads_on();
        let created = matches!(event.kind, EventKind::Created);
        let stopping = matches!(event.kind, EventKind::Stopping);
        let fresh = self.slots.len();
        let index = *self.by_task_run.entry(task_run.id()).or_insert(fresh);
        if index == fresh {
            let acks = Vec::new();
            self.slots.push(RowSlot {
                task_run,
                call,
                result,
                provenance,
                cache,
                created,
                reopened: reopens,
                stopping,
                acks,
            });
        } else {
            let slot = &mut self.slots[index];
            if slot.task_run.state().is_terminal() && !reopens {
                let (id, task_run, event) = (self.owned.id, task_run.id(), event.kind.name());
                ack.answer(Err(StoreError::Ended { id, task_run, event }));
                return;
            }
            slot.task_run = task_run;
            slot.call = call.or(slot.call.take());
            // The result from before it was reopened is void.
            slot.result = if reopens { result } else { result.or(slot.result.take()) };
            slot.provenance = provenance.or(slot.provenance);
            slot.cache = cache.or(slot.cache.take());
            slot.reopened |= reopens;
            slot.stopping |= stopping;
        }
        self.events.push((index, event));
        if ack.is_awaited() {
            self.slots[index].acks.push(ack);
        }
    }

    /// Whether this process gives up the run with this batch.
    pub(super) fn has_ended(&self) -> bool {
        let flow = self.by_task_run.get(&TaskRunId::FLOW).map(|index| &self.slots[*index]);
        self.suspended || flow.is_some_and(|flow| flow.task_run.state().is_terminal())
    }

    fn add_ack(&mut self, ack: CommitGuard) {
        if ack.is_awaited() {
            self.acks.push(ack);
        }
    }

    pub(super) fn answer_all(self, answer: &Result<(), StoreError>) {
        let of_slots = self.slots.into_iter().flat_map(|slot| slot.acks);
        for ack in of_slots.chain(self.acks) {
            ack.answer(answer.clone());
        }
    }
}
