//! The results of several runs in the order in which the runs end. A resumed or retried flow gets the recorded order.

use std::sync::Arc;
use std::time::Duration;

use super::IntoHandles;
use super::in_time::WaitTimeout;
use crate::engine::attempt::permit::without_slots;
use crate::engine::flow_run::ends::Ends;
use crate::engine::flow_run::waits::{TimedWait, identity};
use crate::engine::handle::{Ending, Handle, Handles, NextEnd};
use crate::model::{Digest, Error, TaskError};

/// Yields the results in the order in which the runs end, each with its position in the list.
///
/// A resumed or retried flow gets the recorded order, so a body that acts on it acts the same way. A run that ended earlier
/// comes first even if a store acknowledges a later one before it. Only a run whose failure is retried moves: it comes when
/// its retry ends. Handles that belong to different flow runs have no recorded order.
///
/// A mapped list whose own input has failed yields that failure, at position 0.
pub fn as_completed<T: Clone, E: TaskError>(handles: impl IntoHandles<T, E>) -> AsCompleted<T, E> {
    let mut completed = AsCompleted {
        list: None,
        handles: Vec::new(),
        ends: Arc::default(),
        left: 0,
        identity: Some(Digest::join(&[])),
    };
    match handles.into_handles().into_known() {
        Ok(list) => {
            completed.identity = identity(list.iter().map(|handle| &handle.slot.core));
            completed.watch(list);
        }
        // It becomes known at a moment that differs between processes, so its content cannot be part of the identity.
        Err(later) => completed.list = Some(later),
    }
    completed
}

/// The results of a list of handles in the order of their ends, made by [`as_completed`].
#[must_use = "it does nothing until `next` is awaited"]
pub struct AsCompleted<T, E> {
    /// Until it is known.
    list: Option<Handles<T, E>>,
    /// The handles that were not yielded yet, by position.
    handles: Vec<Option<Handle<T, E>>>,
    ends: Arc<Ends>,
    /// Their number.
    left: usize,
    /// The identity of these runs, if waits are recorded.
    identity: Option<Digest>,
}

impl<T: Clone, E: TaskError> AsCompleted<T, E> {
    fn watch(&mut self, list: Vec<Handle<T, E>>) {
        self.ends = Ends::of(list.iter().map(|handle| &handle.slot.core));
        self.left = list.len();
        self.handles = list.into_iter().map(Some).collect();
    }

    /// Waits for the next one to end; `None` after the last.
    ///
    /// Cancel safe: if another branch of a `select!` wins, nothing is lost, and the next call returns what this one would
    /// have.
    pub async fn next(&mut self) -> Option<(usize, Result<T, Error<E>>)> {
        if let Some(list) = &self.list {
            match list.list().await.map(<[_]>::to_vec) {
                Ok(list) => self.watch(list),
                Err(failure) => {
                    self.list = None;
                    return Some((0, Err(failure)));
                }
            }
            self.list = None;
        }
        if self.left == 0 {
            return None;
        }
        let handles = &self.handles;
        let run = |position: usize| -> &dyn Ending {
            &*handles[position].as_ref().expect("bug in flowkit: a run is yielded once").slot
        };
        let position = NextEnd::of(&self.ends, run).await;
        self.left -= 1;
        let handle = self.handles[position].take().expect("bug in flowkit: a run is yielded once");
        Some((position, handle.slot.take()))
    }

    /// Waits at most `limit` for the next one.
    ///
    /// A timeout is recorded. If anything of the run has begun after it, a resumed or retried flow gets the timeout again,
    /// immediately; otherwise it waits again, with the full `limit`. Cancel safe, as [`next`](Self::next) is.
    ///
    /// # Errors
    ///
    /// [`WaitTimeout`], with the number of runs that have not ended, if the time is up.
    pub async fn next_within(
        &mut self,
        limit: Duration,
    ) -> Result<Option<(usize, Result<T, Error<E>>)>, WaitTimeout> {
        let wait = TimedWait::here(self.identity);
        if wait.as_ref().and_then(TimedWait::recorded).is_none() {
            // A recorded end came in time, however long it takes now to read its result or to make it again.
            let next = if self.list.is_none() && self.ends.next_is_recorded() {
                Ok(self.next().await)
            } else {
                without_slots(tokio::time::timeout(limit, self.next())).await
            };
            match (next, wait) {
                (Ok(next), wait) => {
                    wait.iter().for_each(TimedWait::ended_in_time);
                    return Ok(next);
                }
                (Err(_), Some(wait)) => wait.time_is_up(Vec::new()),
                (Err(_), None) => {}
            }
        }
        // A mapped list that is not known yet counts as one.
        let unfinished = self.left + usize::from(self.list.is_some());
        Err(WaitTimeout::new(unfinished, limit))
    }
}
