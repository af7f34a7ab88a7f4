//! The future of a permit: asks once, queues, and sleeps as long as a rate demands.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::time::Sleep;

use super::limit::Ticket;
use super::table::Turn;
use super::{LimitError, Limits, Permit, Place, Wants};

/// Waits for a [`Permit`]; made by [`Limits::acquire`].
///
/// # Panics
///
/// Polling it panics outside of a tokio runtime if a rate makes it wait, and when it is polled
/// again after it was ready.
#[must_use = "futures do nothing unless they are awaited"]
pub(crate) struct Acquire {
    stage: Stage,
    /// Made when a rate first makes this waiter wait.
    sleep: Option<Pin<Box<Sleep>>>,
}

enum Stage {
    /// No name had a limit.
    Unlimited,
    /// Not polled yet.
    Asking(Arc<Limits>, Wants, Place),
    Queued(Arc<Limits>, Ticket),
    /// It was answered before anything polled it.
    Answered(Result<Permit, LimitError>),
    Done,
}

impl Acquire {
    pub(super) fn unlimited() -> Self {
        Self { stage: Stage::Unlimited, sleep: None }
    }

    pub(super) fn new(limits: Arc<Limits>, wants: Wants, place: Place) -> Self {
        Self { stage: Stage::Asking(limits, wants, place), sleep: None }
    }

    /// Queues now, instead of when it is first polled.
    pub(crate) fn queue(&mut self) {
        let polled = Pin::new(&mut *self).poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(answer) = polled {
            self.stage = Stage::Answered(answer);
        }
    }

    /// Polls a sleep of this length, starting now.
    fn poll_sleep(&mut self, wait: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = tokio::time::sleep(wait);
        match &mut self.sleep {
            Some(old) => {
                old.set(sleep);
                old.as_mut().poll(cx)
            }
            None => self.sleep.insert(Box::pin(sleep)).as_mut().poll(cx),
        }
    }
}

impl Future for Acquire {
    type Output = Result<Permit, LimitError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let (limits, turn) = match std::mem::replace(&mut self.stage, Stage::Done) {
                Stage::Unlimited => return Poll::Ready(Ok(Permit::empty())),
                Stage::Asking(limits, wants, place) => {
                    let turn = limits.change(|table| table.enter(wants, place, cx.waker()));
                    (limits, turn)
                }
                Stage::Queued(limits, ticket) => {
                    let turn = limits.change(|table| table.turn(ticket, cx.waker()));
                    (limits, turn)
                }
                Stage::Answered(answer) => return Poll::Ready(answer),
                Stage::Done => panic!("`Acquire` polled after it was ready"),
            };
            match turn {
                Turn::Granted(held) => return Poll::Ready(Ok(Permit::holding(limits, held))),
                Turn::Refused(error) => return Poll::Ready(Err(error)),
                Turn::Wait { ticket, rate } => {
                    self.stage = Stage::Queued(limits, ticket);
                    // Without a rate to sleep for, the table wakes us.
                    let Some(wait) = rate else {
                        return Poll::Pending;
                    };
                    ready!(self.poll_sleep(wait, cx));
                }
            }
        }
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        if let Stage::Queued(limits, ticket) = &self.stage {
            limits.change(|table| table.leave(*ticket));
        }
    }
}
