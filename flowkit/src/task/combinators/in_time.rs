//! Waiting for several runs with a time limit. A timeout is recorded, so a resumed or retried flow gets it again.

use std::collections::HashSet;
use std::time::Duration;

use crate::engine::attempt::permit::without_slots;
use crate::engine::flow_run::waits::{TimedWait, identity};
use crate::engine::handle::Handle;
use crate::model::TaskError;

/// The time was up before all runs had ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{unfinished} task runs had not ended after {limit:?}")]
#[non_exhaustive]
pub struct WaitTimeout {
    /// The number of runs that had not ended.
    pub unfinished: usize,
    /// The time limit of the wait.
    pub limit: Duration,
}

impl WaitTimeout {
    pub(super) fn new(unfinished: usize, limit: Duration) -> Self {
        Self { unfinished, limit }
    }
}

/// Waits at most `limit`, and returns the handles that have ended and those that have not. A failure is an end.
///
/// A timeout is recorded, with the runs that had ended. If anything of the run has begun after it, a resumed or retried
/// flow gets the same two lists; otherwise it waits again, with the full `limit`. Cancel safe.
pub async fn wait_within<T: Send + Sync, E: TaskError>(
    handles: impl IntoIterator<Item = Handle<T, E>>,
    limit: Duration,
) -> (Vec<Handle<T, E>>, Vec<Handle<T, E>>) {
    let handles: Vec<_> = handles.into_iter().collect();
    let wait = TimedWait::here(identity(handles.iter().map(|handle| &handle.slot.core)));
    if let Some(ended) = wait.as_ref().and_then(TimedWait::recorded) {
        let ended: HashSet<u32> = ended.into_iter().collect();
        let had_ended =
            |position: usize| u32::try_from(position).is_ok_and(|position| ended.contains(&position));
        let (ended_then, pending): (Vec<_>, Vec<_>) =
            handles.into_iter().enumerate().partition(|(position, _)| had_ended(*position));
        let ended_then: Vec<_> = ended_then.into_iter().map(|(_, handle)| handle).collect();
        // They ended in time, however long it takes now to read their results or to make them again.
        for handle in &ended_then {
            handle.ended().await;
        }
        return (ended_then, pending.into_iter().map(|(_, handle)| handle).collect());
    }
    let all = async {
        for handle in &handles {
            handle.ended().await;
        }
    };
    if handles.iter().all(|handle| handle.slot.core.recorded_no().is_some()) {
        all.await;
        wait.iter().for_each(TimedWait::ended_in_time);
        return (handles, Vec::new());
    }
    // Either all have ended or the time is up; the check below covers both.
    let _ = without_slots(tokio::time::timeout(limit, all)).await;
    let has_ended: Vec<bool> = handles.iter().map(Handle::is_finished).collect();
    if let Some(wait) = wait {
        let ended = (0..).zip(&has_ended).filter(|(_, has_ended)| **has_ended).map(|(position, _)| position);
        if has_ended.contains(&false) { wait.time_is_up(ended.collect()) } else { wait.ended_in_time() }
    }
    let (ended, pending): (Vec<_>, Vec<_>) =
        handles.into_iter().zip(has_ended).partition(|(_, ended)| *ended);
    let handles = |list: Vec<(Handle<T, E>, bool)>| list.into_iter().map(|(handle, _)| handle).collect();
    (handles(ended), handles(pending))
}
