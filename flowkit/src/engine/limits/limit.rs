//! The limits by name: slots, rates and queues. It decides who may go; it knows no wakers.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use super::rate::RateLog;
use super::{LimitError, LimitState, Place, Want, Wants};

/// A waiter's position in the queues; the smallest is at the front. A place may have several waiters: a body may wait for its
/// slots in several places at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Ticket {
    pub(super) place: Place,
    pub(super) no: u64,
}

/// All that is known about one name. Names without limit, holders and waiters are removed.
#[derive(Default)]
pub(super) struct Limit {
    pub(super) slots: Option<u32>,
    pub(super) rate: Option<RateLog>,
    pub(super) in_use: u32,
    /// Waiters that want this name, limited or not: a limit may come later.
    pub(super) queue: BTreeSet<Ticket>,
}

impl Limit {
    pub(super) fn is_limited(&self) -> bool {
        self.slots.is_some() || self.rate.is_some()
    }

    fn is_idle(&self) -> bool {
        !self.is_limited() && self.in_use == 0 && self.queue.is_empty()
    }

    /// Returns the largest weight that can ever go; `None` if any can.
    pub(super) fn weight_max(&self) -> Option<u32> {
        let count = self.rate.as_ref().map(|log| log.rate.count);
        self.slots.into_iter().chain(count).min()
    }

    fn has_free(&self, weight: u32) -> bool {
        // After a shrink more may be in use than there is.
        self.slots.is_none_or(|slots| weight <= slots.saturating_sub(self.in_use))
    }
}

/// The limits by name.
#[derive(Default)]
pub(super) struct Names(HashMap<String, Limit>);

impl Names {
    pub(super) fn get(&self, name: &str) -> Option<&Limit> {
        self.0.get(name)
    }

    /// Returns the first of those who wait for `name`.
    pub(super) fn front(&self, name: &str) -> Option<Ticket> {
        self.0.get(name)?.queue.first().copied()
    }

    /// Returns the entry of `name`, to be changed.
    pub(super) fn entry(&mut self, name: &str) -> &mut Limit {
        self.0.entry(name.to_owned()).or_default()
    }

    fn limited<'a>(&'a self, wants: &'a Wants) -> impl Iterator<Item = (&'a Want, &'a Limit)> {
        let known = wants.iter().filter_map(|want| Some((want, self.0.get(&*want.name)?)));
        known.filter(|(_, limit)| limit.is_limited())
    }

    /// Returns why `wants` can never go.
    pub(super) fn refusal(&self, wants: &Wants) -> Option<LimitError> {
        self.limited(wants).find_map(|(want, limit)| {
            let slots = limit.weight_max().filter(|&max| want.weight > max)?;
            let (name, weight) = (want.name.clone().into_owned(), want.weight);
            Some(LimitError::WeightExceedsLimit { name, weight, slots })
        })
    }

    /// Returns true if the slots are free and no waiter is ahead, under each limited name.
    ///
    /// `ticket` is the position of the waiter, whether it is queued or not. Rates are not asked.
    pub(super) fn is_clear(&self, wants: &Wants, ticket: Ticket) -> bool {
        self.limited(wants).all(|(want, limit)| {
            limit.queue.first().is_none_or(|first| *first >= ticket) && limit.has_free(want.weight)
        })
    }

    pub(super) fn is_rated(&self, wants: &Wants) -> bool {
        self.limited(wants).any(|(_, limit)| limit.rate.is_some())
    }

    /// Returns how long the rates make `wants` wait; zero if they may go now.
    pub(super) fn rate_wait(&mut self, wants: &Wants) -> Duration {
        let mut wait = Duration::ZERO;
        for want in wants {
            if let Some(log) = self.0.get_mut(&*want.name).and_then(|limit| limit.rate.as_mut()) {
                wait = wait.max(log.wait(want.weight, Instant::now()));
            }
        }
        wait
    }

    /// Takes slots and starts, and returns the wants whose slots must be given back.
    pub(super) fn take(&mut self, mut wants: Wants) -> Wants {
        wants.retain(|want| {
            let Some(limit) = self.0.get_mut(&*want.name) else {
                return false;
            };
            if let Some(log) = &mut limit.rate {
                log.record(want.weight, Instant::now());
            }
            if limit.slots.is_some() {
                limit.in_use += want.weight;
            }
            limit.slots.is_some()
        });
        wants
    }

    pub(super) fn give_back(&mut self, held: &Wants) {
        for want in held {
            if let Some(limit) = self.0.get_mut(&*want.name) {
                limit.in_use = limit.in_use.saturating_sub(want.weight);
            }
            self.forget_idle(&want.name);
        }
    }

    pub(super) fn enqueue(&mut self, wants: &Wants, ticket: Ticket) {
        for want in wants {
            self.entry(&want.name).queue.insert(ticket);
        }
    }

    pub(super) fn dequeue(&mut self, wants: &Wants, ticket: Ticket) {
        for want in wants {
            if let Some(limit) = self.0.get_mut(&*want.name) {
                limit.queue.remove(&ticket);
            }
            self.forget_idle(&want.name);
        }
    }

    pub(super) fn forget_idle(&mut self, name: &str) {
        if self.0.get(name).is_some_and(Limit::is_idle) {
            self.0.remove(name);
        }
    }

    pub(super) fn snapshot(&self) -> Vec<LimitState> {
        let limited = self.0.iter().filter(|(_, limit)| limit.is_limited());
        let mut states: Vec<LimitState> = limited
            .map(|(name, limit)| LimitState {
                name: name.clone(),
                slots: limit.slots,
                in_use: limit.in_use,
                waiting: limit.queue.len(),
                rate: limit.rate.as_ref().map(|log| log.rate),
            })
            .collect();
        states.sort_by(|a, b| a.name.cmp(&b.name));
        states
    }
}
