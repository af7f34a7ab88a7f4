//! Named concurrency limits and rate limits: who may start now, and who waits.
//!
//! One table per runtime. A *limit* is a number of slots under a name; a *want* asks for some of
//! them; a *permit* holds them until it is dropped. A name may also have a *rate*: how many may
//! start in a time. What a name means (a tag, a pool, a service) is not this module's business,
//! nor does it know that a task waits for its children: the engine drops the permit and asks again.
//!
//! - **All or nothing.** A waiter holds nothing until it gets everything, so two tasks that ask for
//!   `a, b` and `b, a` cannot deadlock.
//! - **First come, first served, per name, among those of equal priority.** The caller draws a [`Place`]
//!   once, and keeps it however often it asks; a waiter with a higher priority is ahead of all with a lower
//!   one. The waiter at the front reserves: any waiter that is behind it under one of its names waits, even
//!   where slots are free. Waiters that share no limited name with it pass. Nothing ages: as long as
//!   waiters of a higher priority keep coming, those of a lower one wait.
//! - **Names without a limit** cost nothing, are not counted and never block. When such a name gets
//!   a limit, those who already hold permits are not counted; those who still wait are.

mod acquire;
mod limit;
mod rate;
mod table;

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod rate_tests;
#[cfg(test)]
mod tests;

use parking_lot::Mutex;
use std::borrow::Cow;
use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

pub(crate) use acquire::Acquire;
pub(crate) use rate::Rate;
use smallvec::SmallVec;
use table::Table;

/// The wants of one waiter or permit. Nearly every task names one limit, so one is stored inline.
type Wants = SmallVec<[Want; 1]>;

/// A request for some slots of one limit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub struct Want {
    /// The name of the limit.
    pub name: Cow<'static, str>,
    /// How many slots, and how many starts of a rate. Zero asks for nothing.
    pub weight: u32,
}

/// Why a permit can never be granted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum LimitError {
    /// The weight is larger than the whole limit, so waiting would never end.
    ///
    /// A limit of zero slots therefore refuses every task, as in Prefect.
    #[error("task asks for {weight} of limit `{name}`, which has {slots}")]
    WeightExceedsLimit {
        /// The name of the limit.
        name: String,
        /// What was asked for in all: wants of the same name are added up.
        weight: u32,
        /// The slots of the limit, or the count of its rate if that is smaller.
        slots: u32,
    },
}

/// What one limit looks like at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LimitState {
    /// The name of the limit.
    pub(crate) name: String,
    /// How many slots there are; `None` if the name only has a rate.
    pub(crate) slots: Option<u32>,
    /// How many slots are held. Larger than `slots` after a shrink, until holders finish.
    pub(crate) in_use: u32,
    /// How many waiters name this limit, whichever limit holds them up.
    pub(crate) waiting: usize,
    /// The rate, if the name has one.
    pub(crate) rate: Option<Rate>,
}

/// A place in the queues of all names: the higher priority comes first, then the earlier draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    priority: Reverse<i16>,
    no: u64,
}

/// The named limits of one runtime, shared behind an `Arc`.
#[derive(Default)]
pub(crate) struct Limits {
    /// How many names have a limit. A hint, read without the lock; written only under it.
    limited: AtomicUsize,
    /// The number of the next place.
    next_place: AtomicU64,
    table: Mutex<Table>,
}

impl Limits {
    /// Gives `name` this many slots, also while some are in use.
    ///
    /// Growing lets waiters go. Shrinking lets holders finish; a waiter that now asks for more than
    /// there is gets [`LimitError::WeightExceedsLimit`].
    pub(crate) fn set(&self, name: &str, slots: u32) {
        self.change(|table| table.set_slots(name, slots));
    }

    /// Lets at most `count` start under `name` in any window of length `per`, in steps of 1 ms.
    ///
    /// It records a sliding log of the starts, not a token bucket: a full bucket that refills while it
    /// is emptied lets nearly `2 * count` through in one window. The price is memory for up to
    /// `count` starts. A new rate counts the starts the old one still remembers.
    /// A want of weight `w` counts as `w` starts. A `per` of zero never makes anyone wait.
    pub(crate) fn set_rate(&self, name: &str, count: u32, per: Duration) {
        self.change(|table| table.set_rate(name, Rate { count, per }));
    }

    /// Takes slots and rate away from `name`; waiters for this name alone may start.
    ///
    /// Permits that hold its slots are counted until they are dropped, also if the limit returns.
    pub(crate) fn remove(&self, name: &str) {
        self.change(|table| table.remove(name));
    }

    /// Returns the free slots of `name`, or `None` if it has no slots to count.
    #[must_use]
    pub(crate) fn free(&self, name: &str) -> Option<u32> {
        self.change(|table| table.free(name))
    }

    /// Returns true if no name has a limit. One relaxed load.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.limited.load(Ordering::Relaxed) == 0
    }

    /// Returns all names that have a limit, in alphabetical order.
    #[must_use]
    pub(crate) fn snapshot(&self) -> Vec<LimitState> {
        self.change(|table| table.snapshot())
    }

    /// Draws the place behind all of equal priority that have drawn one.
    pub(crate) fn place(&self, priority: i16) -> Place {
        Place { priority: Reverse(priority), no: self.next_place.fetch_add(1, Ordering::Relaxed) }
    }

    /// Waits at `place` until all of `wants` can be had at once, and takes them. It queues when it is first polled.
    ///
    /// Wants of the same name are added up. If no name at all has a limit when this is called,
    /// the permit is empty and no lock is taken.
    /// Cancel safe: dropping the future leaves the queue, or gives back what was granted.
    pub(crate) fn acquire(self: &Arc<Self>, wants: &[Want], place: Place) -> Acquire {
        if self.is_empty() || wants.is_empty() {
            return Acquire::unlimited();
        }
        Acquire::new(Arc::clone(self), merge(wants), place)
    }

    /// Changes the table under its lock, then wakes and drops wakers outside of it.
    ///
    /// Waking or dropping a waker can drop a task, and with it a permit of this very table.
    fn change<T>(&self, change: impl FnOnce(&mut Table) -> T) -> T {
        let mut table = self.table.lock();
        let answer = change(&mut table);
        self.limited.store(table.limited(), Ordering::Relaxed);
        let outbox = table.take_outbox();
        drop(table);
        outbox.deliver();
        answer
    }
}

#[cfg(test)]
impl Limits {
    /// Waits behind all that have drawn a place.
    fn ask(self: &Arc<Self>, wants: &[Want]) -> Acquire {
        self.acquire(wants, self.place(0))
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Limits").field(&self.snapshot()).finish()
    }
}

/// The slots of one holder. Dropping it gives them back and lets waiters go.
#[must_use = "the slots are given back when the permit is dropped"]
#[derive(Default)]
pub(crate) struct Permit {
    /// `None` if there is nothing to give back.
    limits: Option<Arc<Limits>>,
    held: Wants,
}

impl Permit {
    /// Returns a permit that holds nothing.
    pub(crate) fn empty() -> Self {
        Self::default()
    }

    /// Returns the permit for slots already taken.
    fn holding(limits: Arc<Limits>, held: Wants) -> Self {
        if held.is_empty() {
            return Self::empty();
        }
        Self { limits: Some(limits), held }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(limits) = self.limits.take() {
            let held = std::mem::take(&mut self.held);
            limits.change(|table| table.give_back(&held));
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.held).finish()
    }
}

/// Adds up wants of the same name and leaves out those that ask for nothing.
fn merge(wants: &[Want]) -> Wants {
    let mut merged = Wants::new();
    for want in wants.iter().filter(|want| want.weight > 0) {
        match merged.iter_mut().find(|other| other.name == want.name) {
            Some(other) => other.weight = other.weight.saturating_add(want.weight),
            None => merged.push(want.clone()),
        }
    }
    merged
}
