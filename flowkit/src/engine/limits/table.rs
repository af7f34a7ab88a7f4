//! The waiters, and the moves between waiting, granted and gone. Runs under the lock of `Limits`.
//!
//! A release looks only at the front of the queues it touches: it costs `O(log n)` for each waiter
//! it lets go, and one look at the first that must stay. A waiter becomes able to go in three ways,
//! each followed by [`Table::advance`]: slots come free, a waiter ahead leaves a queue, or a
//! name loses its limit.
//!
//! A waiter that needs only slots is granted them on the spot, so a waiter that is not polled holds back its own slots and
//! no others. One that needs a rate is woken and asks again itself: the clock may be paused, only the waiter's own runtime
//! can read it, and a permit may be dropped on any thread.

use std::borrow::Cow;
use std::collections::HashMap;
use std::task::Waker;
use std::time::Duration;

use smallvec::{SmallVec, smallvec};

use super::limit::{Limit, Names, Ticket};
use super::rate::{Rate, RateLog};
use super::{LimitError, LimitState, Place, Wants};

/// The answer to a waiter that asks.
pub(super) enum Turn {
    /// It may go, and must give back these slots later.
    Granted(Wants),
    /// It can never go.
    Refused(LimitError),
    /// It is queued, and asks again when it is woken or when `rate` has passed.
    Wait { ticket: Ticket, rate: Option<Duration> },
}

struct Waiter {
    /// What it waits for, or what it holds once it is granted.
    wants: Wants,
    waker: Option<Waker>,
    fate: Fate,
}

enum Fate {
    Waiting,
    Granted,
    Refused(LimitError),
}

/// Names whose queues may have got a new front.
type Touched = SmallVec<[Cow<'static, str>; 1]>;

/// Wakers to be woken, and to be dropped, after the lock is released.
#[derive(Default)]
pub(super) struct Outbox {
    wake: SmallVec<[Waker; 1]>,
    discard: SmallVec<[Waker; 1]>,
}

impl Outbox {
    pub(super) fn deliver(self) {
        self.wake.into_iter().for_each(Waker::wake);
        drop(self.discard);
    }
}

#[derive(Default)]
pub(super) struct Table {
    names: Names,
    waiters: HashMap<Ticket, Waiter>,
    /// The number of the next ticket.
    next: u64,
    /// How many names have a limit.
    limited: usize,
    outbox: Outbox,
}

impl Table {
    pub(super) fn set_slots(&mut self, name: &str, slots: u32) {
        self.configure(name, |limit| limit.slots = Some(slots));
    }

    pub(super) fn set_rate(&mut self, name: &str, rate: Rate) {
        self.configure(name, |limit| match &mut limit.rate {
            Some(log) => log.rate = rate,
            None => limit.rate = Some(RateLog::new(rate)),
        });
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.configure(name, |limit| {
            limit.slots = None;
            limit.rate = None;
        });
    }

    pub(super) fn free(&self, name: &str) -> Option<u32> {
        let limit = self.names.get(name)?;
        Some(limit.slots?.saturating_sub(limit.in_use))
    }

    pub(super) fn limited(&self) -> usize {
        self.limited
    }

    pub(super) fn snapshot(&self) -> Vec<LimitState> {
        self.names.snapshot()
    }

    pub(super) fn take_outbox(&mut self) -> Outbox {
        std::mem::take(&mut self.outbox)
    }

    /// Answers a waiter that asks for the first time.
    pub(super) fn enter(&mut self, wants: Wants, place: Place, waker: &Waker) -> Turn {
        if let Some(error) = self.names.refusal(&wants) {
            return Turn::Refused(error);
        }
        let ticket = Ticket { place, no: self.next };
        self.next += 1;
        let clear = self.names.is_clear(&wants, ticket);
        let rate = clear.then(|| self.names.rate_wait(&wants));
        if rate == Some(Duration::ZERO) {
            return Turn::Granted(self.names.take(wants));
        }
        self.names.enqueue(&wants, ticket);
        let waiter = Waiter { wants, waker: Some(waker.clone()), fate: Fate::Waiting };
        self.waiters.insert(ticket, waiter);
        Turn::Wait { ticket, rate }
    }

    /// Answers a waiter that asks again.
    pub(super) fn turn(&mut self, ticket: Ticket, waker: &Waker) -> Turn {
        let Some(waiter) = self.waiters.remove(&ticket) else {
            unreachable!("bug in flowkit: waiter {ticket:?} is not in the table");
        };
        self.outbox.discard.extend(waiter.waker);
        match waiter.fate {
            Fate::Granted => Turn::Granted(waiter.wants),
            Fate::Refused(error) => Turn::Refused(error),
            Fate::Waiting => self.turn_of_waiting(ticket, waiter.wants, waker),
        }
    }

    fn turn_of_waiting(&mut self, ticket: Ticket, wants: Wants, waker: &Waker) -> Turn {
        let clear = self.names.is_clear(&wants, ticket);
        let rate = clear.then(|| self.names.rate_wait(&wants));
        if rate == Some(Duration::ZERO) {
            self.names.dequeue(&wants, ticket);
            let names = names_of(&wants);
            let held = self.names.take(wants);
            self.advance(names);
            return Turn::Granted(held);
        }
        let waiter = Waiter { wants, waker: Some(waker.clone()), fate: Fate::Waiting };
        self.waiters.insert(ticket, waiter);
        Turn::Wait { ticket, rate }
    }

    /// Removes a waiter that gave up; what it was granted goes to the next.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        let Some(waiter) = self.waiters.remove(&ticket) else {
            return;
        };
        self.outbox.discard.extend(waiter.waker);
        match waiter.fate {
            Fate::Granted => self.give_back(&waiter.wants),
            Fate::Refused(_) => {}
            Fate::Waiting => {
                self.names.dequeue(&waiter.wants, ticket);
                self.advance(names_of(&waiter.wants));
            }
        }
    }

    pub(super) fn give_back(&mut self, held: &Wants) {
        self.names.give_back(held);
        self.advance(names_of(held));
    }

    /// Changes the limit of one name, then settles all who wait for that name.
    fn configure(&mut self, name: &str, change: impl FnOnce(&mut Limit)) {
        let limit = self.names.entry(name);
        self.limited -= usize::from(limit.is_limited());
        change(limit);
        self.limited += usize::from(limit.is_limited());
        // Changes are rare, so every waiter is looked at: one that is too heavy must leave, and where
        // the limit is gone, not only the front may be able to go.
        let queued: Vec<Ticket> = limit.queue.iter().copied().collect();
        let mut touched: Touched = smallvec![Cow::Owned(name.to_owned())];
        for ticket in queued {
            self.refuse_too_heavy(ticket, &mut touched);
            self.promote(ticket, &mut touched);
        }
        self.advance(touched);
        self.names.forget_idle(name);
    }

    fn refuse_too_heavy(&mut self, ticket: Ticket, touched: &mut Touched) {
        let Some(waiter) = self.waiters.get_mut(&ticket) else {
            return;
        };
        let Some(error) = self.names.refusal(&waiter.wants) else {
            return;
        };
        self.names.dequeue(&waiter.wants, ticket);
        touched.extend(names_of(&waiter.wants));
        waiter.fate = Fate::Refused(error);
        self.outbox.wake.extend(waiter.waker.take());
    }

    /// Lets the waiters at the front of these queues go, as far as they can.
    fn advance(&mut self, mut touched: Touched) {
        while let Some(name) = touched.pop() {
            while let Some(front) = self.names.front(&name) {
                if !self.promote(front, &mut touched) {
                    break;
                }
            }
        }
    }

    /// Grants a waiter its slots if it can have them, and adds the queues it leaves to `touched`.
    fn promote(&mut self, ticket: Ticket, touched: &mut Touched) -> bool {
        let Some(waiter) = self.waiters.get_mut(&ticket) else {
            return false;
        };
        if !matches!(waiter.fate, Fate::Waiting) || !self.names.is_clear(&waiter.wants, ticket) {
            return false;
        }
        self.outbox.wake.extend(waiter.waker.take());
        if self.names.is_rated(&waiter.wants) {
            // It stays at the front, and takes slots and starts together when it is polled.
            return false;
        }
        self.names.dequeue(&waiter.wants, ticket);
        touched.extend(names_of(&waiter.wants));
        waiter.wants = self.names.take(std::mem::take(&mut waiter.wants));
        waiter.fate = Fate::Granted;
        true
    }
}

fn names_of(wants: &Wants) -> Touched {
    wants.iter().map(|want| want.name.clone()).collect()
}
