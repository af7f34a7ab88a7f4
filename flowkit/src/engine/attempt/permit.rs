//! The slots of limits that an attempt holds: given back while its body waits, and taken up again before it goes on. Not: who
//! gets a slot, which is decided in `limits`.

use std::sync::Arc;
use std::task::Waker;

use crate::engine::limits::{Permit, Want};
use crate::engine::task_run::core::{Core, HOLDS};

/// The slots of limits that a running attempt holds, or held before it began to wait.
pub(crate) struct AttemptPermit {
    wants: Arc<[Want]>,
    permit: Option<Permit>,
    /// The waits of the body, woken when one of them has got the slots back: those that are over need not ask for them
    /// any more, and those that are not lay them down again.
    waits: Vec<Waker>,
    /// How often the slots came back.
    round: u64,
}

/// What a wait of a body knows of itself: in which round, and with which waker, it is among the waits of the hold.
#[derive(Default)]
pub(crate) struct BodyWait(Option<(u64, Waker)>);

impl AttemptPermit {
    /// Puts a wait among those that are woken when the slots come back, once.
    fn join(&mut self, wait: &mut BodyWait, waker: &Waker) {
        let round = self.round;
        if !wait.0.as_ref().is_some_and(|(known, own)| *known == round && own.will_wake(waker)) {
            self.waits.push(waker.clone());
            wait.0 = Some((round, waker.clone()));
        }
    }
}

impl Core {
    pub(crate) fn hold(&self, wants: Arc<[Want]>, permit: Permit) {
        self.hold_again(AttemptPermit { wants, permit: Some(permit), waits: Vec::new(), round: 0 });
    }

    /// Gives back what was let go.
    pub(crate) fn hold_again(&self, hold: AttemptPermit) {
        self.extras().get_or_insert_default().hold = Some(hold);
        self.set(HOLDS);
    }

    /// Whether the attempt holds slots, or will want them back when it stops waiting.
    pub(crate) fn holds_slots(&self) -> bool {
        self.has(HOLDS)
    }

    /// Gives the slots back while the body waits; what is wanted stays known.
    pub(crate) fn lay_down(&self) {
        if self.holds_slots() {
            // Dropped after the lock is free, since it wakes those who wait for the slots.
            let permit = self.extras().as_mut().and_then(|extras| extras.hold.as_mut()?.permit.take());
            drop(permit);
        }
    }

    /// Gives the slots back while `wait` is not over; it is woken when another wait of the body has got them back, since
    /// a future that polls several waits may not poll this one again by itself.
    pub(crate) fn lay_down_for(&self, wait: &mut BodyWait, waker: &Waker) {
        let permit = self.extras().as_mut().and_then(|extras| extras.hold.as_mut()).and_then(|hold| {
            hold.join(wait, waker);
            hold.permit.take()
        });
        drop(permit);
    }

    /// Returns what the body must get back before it goes on, if it laid anything down; then `wait` is woken when
    /// another one has got it.
    pub(crate) fn released(&self, wait: &mut BodyWait, waker: &Waker) -> Option<Arc<[Want]>> {
        let mut extras = self.extras();
        let hold = extras.as_mut()?.hold.as_mut().filter(|hold| hold.permit.is_none())?;
        hold.join(wait, waker);
        Some(Arc::clone(&hold.wants))
    }

    /// Takes the slots up again.
    pub(crate) fn take_up(&self, permit: Permit) {
        let mut extras = self.extras();
        let waits = extras.as_mut().and_then(|extras| extras.hold.as_mut()).map(|hold| {
            hold.permit = Some(permit);
            hold.round += 1;
            std::mem::take(&mut hold.waits)
        });
        drop(extras);
        waits.into_iter().flatten().for_each(Waker::wake);
    }

    /// Ends the hold: the attempt is over, or its slots go to the thread that runs it.
    pub(crate) fn let_go(&self) -> Option<AttemptPermit> {
        if !self.holds_slots() {
            return None;
        }
        self.clear(HOLDS);
        self.extras().as_mut().and_then(|extras| extras.hold.take())
    }
}
