//! Tells those who wait for several runs in which order they end: by the numbers that the ledger gives, under its lock.
//!
//! Not by when a result can be read: a store may acknowledge a later end first, and a thread may be ahead of another.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};

use parking_lot::Mutex;

use super::{Child, Run};
use crate::engine::replay::memo::ResultMemo;
use crate::engine::task_run::core::Core;
use crate::model::{CallId, Identity, OrderNo, TaskRunId};

/// The runs that a body waits for, each with its position in the list that was given.
#[derive(Default)]
pub(crate) struct Ends(Mutex<KnownEnds>);

#[derive(Default)]
struct KnownEnds {
    /// The ends that have a number: recorded ones, which may still be read or made again, and those that have happened.
    ends: BinaryHeap<Reverse<End>>,
    waker: Option<Waker>,
}

/// By its number, where it stands among the ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct End {
    /// 0 for a call that was refused: it ended before anything began.
    no: u64,
    position: usize,
    is_recorded: bool,
}

impl Ends {
    /// Watches runs. Those that have ended have their number, and so have those whose end an earlier process or attempt of the
    /// flow has recorded; the others get it when they end.
    pub(crate) fn of<'a>(cores: impl Iterator<Item = &'a Core>) -> Arc<Self> {
        let ends = Arc::new(Self::default());
        for (position, core) in cores.enumerate() {
            match (core.recorded_no(), core.run()) {
                (Some(no), _) => drop(ends.add(End { no: no.get(), position, is_recorded: true })),
                (None, Some(run)) => run.watch_end(core.id, &ends, position),
                (None, None) => drop(ends.add(End { no: 0, position, is_recorded: false })),
            }
        }
        ends
    }

    fn add(&self, end: End) -> Option<Waker> {
        let mut known = self.0.lock();
        known.ends.push(Reverse(end));
        known.waker.take()
    }

    /// The position of the run that is the next to be given, once it is known; has `waker` woken when that may change. No run
    /// ends before it that is not in the list of ends: numbers only grow.
    pub(crate) fn poll_next(&self, waker: &Waker) -> Poll<usize> {
        let mut known = self.0.lock();
        match &mut known.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        known.ends.peek().map_or(Poll::Pending, |Reverse(end)| Poll::Ready(end.position))
    }

    /// Whether the next to be given has been recorded, so that it comes, however long it takes to read it or make it again.
    pub(crate) fn next_is_recorded(&self) -> bool {
        self.0.lock().ends.peek().is_some_and(|Reverse(end)| end.is_recorded)
    }

    /// Takes one out: it was given.
    pub(crate) fn take(&self, position: usize) {
        let mut known = self.0.lock();
        if known.ends.peek().is_some_and(|Reverse(end)| end.position == position) {
            known.ends.pop();
        } else {
            // The end of another flow run, whose numbers are none of ours, has come before it meanwhile.
            known.ends.retain(|Reverse(end)| end.position != position);
        }
    }
}

/// Who waits for the ends of which runs. Part of the ledger; empty in most runs.
#[derive(Default)]
pub(super) struct Watchers(HashMap<TaskRunId, Vec<(Weak<Ends>, usize)>>);

impl Watchers {
    /// Tells of an end, and returns whom to wake when the ledger is free again, if anybody waits.
    pub(super) fn ended(&mut self, id: TaskRunId, no: Option<OrderNo>) -> Option<Vec<Waker>> {
        if self.0.is_empty() {
            return None;
        }
        let told = |(ends, position): (Weak<Ends>, usize)| {
            ends.upgrade()?.add(End { no: no.map_or(0, OrderNo::get), position, is_recorded: false })
        };
        Some(self.0.remove(&id)?.into_iter().filter_map(told).collect())
    }
}

impl Run {
    /// Returns the number of the end that an earlier process or attempt of the flow has recorded of a call, if it ends so again.
    pub(crate) fn recorded_no(&self, identity: Identity, child: &Child) -> Option<OrderNo> {
        if identity.unknown.is_some() {
            return None;
        }
        let known = identity.call;
        let journal =
            self.journal.as_ref().filter(|journal| journal.remembers() && !journal.is_doubted(&known.key));
        match (journal, child.recorded_no, &child.claimed) {
            (Some(journal), Some(no), Some(_)) if self.refuses(journal, known) => {
                journal.note_refused(known, no);
            }
            (Some(journal), Some(no), Some(claimed)) => journal.note_recorded(known, claimed, no),
            (Some(journal), None, _) => return journal.recorded_no(known),
            _ => {}
        }
        child.recorded_no
    }

    /// Whether a call that has failed fails again in every attempt of the flow, without being made.
    pub(crate) fn refuses(&self, journal: &ResultMemo, call: CallId) -> bool {
        let by_earlier = || self.kept.as_ref()?.earlier(|earlier| earlier.refuses(&call));
        journal.refusal(call).is_some() || by_earlier() == Some(true)
    }

    fn watch_end(&self, id: TaskRunId, ends: &Arc<Ends>, position: usize) {
        let mut ledger = self.ledger.lock();
        let over = ledger.record.task_run(id).filter(|row| row.state().is_over());
        match over {
            Some(row) => {
                // A suspended run has no number of its own.
                let no = row.ended_no().or(ledger.record.last_no()).map_or(0, OrderNo::get);
                ends.add(End { no, position, is_recorded: false });
            }
            None => {
                ledger.watchers.0.entry(id).or_default().push((Arc::downgrade(ends), position));
            }
        }
    }
}
