//! The wait for the result of an equal call, here or in another process: it ends when the call is cancelled, and at the
//! timeout of one attempt.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::Instant;

use crate::clock;
use crate::engine::task_run::core::Core;

/// Why a wait ended early.
pub(super) enum Interrupted {
    Stopped,
    /// After the timeout of the call.
    TimedOut(Duration),
}

pub(super) struct Waiting<'a> {
    pub(super) core: &'a Core,
    limit: Option<Duration>,
    /// Most calls never wait, and then no clock is read.
    since: Option<Instant>,
}

impl<'a> Waiting<'a> {
    pub(super) fn new(core: &'a Core, limit: Option<Duration>) -> Self {
        Self { core, limit, since: None }
    }

    /// Waits until `over` is ready.
    ///
    /// # Errors
    ///
    /// If the call is cancelled, also at the same moment, since the call that it waits for may have been cancelled, too; or
    /// if the time is up.
    pub(super) async fn until(&mut self, over: impl Future<Output = ()>) -> Result<(), Interrupted> {
        let core = self.core;
        let (over, cancelled) = (pin!(over), pin!(core.cancelled()));
        let come = select(over, cancelled);
        let in_time = match self.limit {
            None => {
                come.await;
                true
            }
            Some(limit) => {
                let since = *self.since.get_or_insert_with(clock::now);
                let left = limit.saturating_sub(since.elapsed());
                matches!(select(come, pin!(clock::sleep(left))).await, Either::Left(_))
            }
        };
        if core.is_cancelled() {
            return Err(Interrupted::Stopped);
        }
        match self.limit {
            Some(limit) if !in_time => Err(Interrupted::TimedOut(limit)),
            _ => Ok(()),
        }
    }
}
