//! In which order the runs end that a body waits for: by the numbers that the record gives them, under its lock.
//!
//! The order in which results can be read is another one: a store may acknowledge a later end first, and one thread may be
//! ahead of another.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};

use parking_lot::Mutex;

use super::{Child, Run};
use crate::engine::replay::memo::ResultMemo;
use crate::engine::task_run::core::Core;
use crate::model::{CallId, Identity, OrderNo, TaskRunId};

/// The runs that a body waits for, each with its position in the list that the caller passed.
#[derive(Default)]
pub(crate) struct Ends(Mutex<KnownEnds>);

#[derive(Default)]
struct KnownEnds {
    /// The ends that have a number: recorded ones, which may still be read or made again, and those that have happened.
    ends: BinaryHeap<Reverse<End>>,
    waker: Option<Waker>,
}

/// Ordered by its number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct End {
    /// 0 for a call that was refused: it ended before anything began.
    no: u64,
    position: usize,
    is_recorded: bool,
}

impl Ends {
    /// Watches runs. Those that have ended have their number, and so have those whose end an earlier process or attempt of
    /// the flow has recorded; the others get one when they end.
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

    /// Adds an end that has happened. Returns the waker of the wait, to be woken when no lock is held.
    pub(super) fn add_happened(&self, no: Option<OrderNo>, position: usize) -> Option<Waker> {
        self.add(End { no: no.map_or(0, OrderNo::get), position, is_recorded: false })
    }

    fn add(&self, end: End) -> Option<Waker> {
        let mut known = self.0.lock();
        known.ends.push(Reverse(end));
        known.waker.take()
    }

    /// The position of the next run to yield, once it is known; has `waker` woken when that may change. A run that is not
    /// among the known ends cannot end before it: numbers only grow.
    pub(crate) fn poll_next(&self, waker: &Waker) -> Poll<usize> {
        let mut known = self.0.lock();
        match &mut known.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        known.ends.peek().map_or(Poll::Pending, |Reverse(end)| Poll::Ready(end.position))
    }

    /// Whether the end of the next run is recorded, so that it comes however long it takes to read it or make it again.
    pub(crate) fn next_is_recorded(&self) -> bool {
        self.0.lock().ends.peek().is_some_and(|Reverse(end)| end.is_recorded)
    }

    /// Removes a run that was yielded.
    pub(crate) fn take(&self, position: usize) {
        let mut known = self.0.lock();
        if known.ends.peek().is_some_and(|Reverse(end)| end.position == position) {
            known.ends.pop();
        } else {
            // Meanwhile an end of another flow run has come before it, whose numbers are not comparable.
            known.ends.retain(|Reverse(end)| end.position != position);
        }
    }
}

/// The waits for the ends of several runs. Empty in most flow runs.
#[derive(Default)]
pub(super) struct Watchers(HashMap<TaskRunId, Vec<(Weak<Ends>, usize)>>);

impl Watchers {
    /// Adds the end of a run to its waits, and returns their wakers, to be woken after the lock is released.
    pub(super) fn watch(&mut self, id: TaskRunId, ends: &Arc<Ends>, position: usize) {
        self.0.entry(id).or_default().push((Arc::downgrade(ends), position));
    }

    pub(super) fn ended(&mut self, id: TaskRunId, no: Option<OrderNo>) -> Option<Vec<Waker>> {
        if self.0.is_empty() {
            return None;
        }
        let add = |(ends, position): (Weak<Ends>, usize)| ends.upgrade()?.add_happened(no, position);
        Some(self.0.remove(&id)?.into_iter().filter_map(add).collect())
    }
}

impl Run {
    /// Returns the number of the end that an earlier process or attempt of the flow recorded of a call, if it ends the same
    /// way again.
    pub(crate) fn recorded_no(&self, identity: Identity, child: &Child) -> Option<OrderNo> {
        if identity.unknown.is_some() {
            return None;
        }
        let call = identity.call;
        let memo = self.memo.as_ref().filter(|memo| memo.remembers() && !memo.is_ambiguous(&call.key));
        match (memo, child.recorded_no, &child.claimed) {
            (Some(memo), Some(no), Some(_)) if self.refuses(memo, call) => {
                memo.note_refused(call, no);
            }
            (Some(memo), Some(no), Some(claimed)) => memo.note_recorded(call, claimed, no),
            (Some(memo), None, _) => return memo.recorded_no(call),
            _ => {}
        }
        child.recorded_no
    }

    /// Whether a failed call fails again in every attempt of the flow, without being made.
    pub(crate) fn refuses(&self, memo: &ResultMemo, call: CallId) -> bool {
        let by_earlier = || self.run_store.as_ref()?.previous(|previous| previous.refuses(&call));
        memo.refusal(call).is_some() || by_earlier() == Some(true)
    }
}
