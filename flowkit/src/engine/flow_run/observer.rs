//! Notifies observers of what happened: in order, each event once, without loss, and never under the record's lock.

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::Run;
use crate::engine::attempt::panics::guarded;
use crate::model::Artifact;
use crate::model::{Event, FlowRunId, Origin, TaskRun, TaskRunId};

/// The progress that a task run reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The flow run to which the task run belongs.
    pub flow_run: FlowRunId,
    /// The task run whose progress it is.
    pub task_run: TaskRunId,
    /// The amount that is done.
    pub done: u64,
    /// The total amount.
    pub total: u64,
}

/// One event, as observers see it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Notice<'a> {
    /// The flow run to which it happened.
    pub flow_run: FlowRunId,
    /// The run inside which that flow run was started, if there is one.
    pub origin: Option<&'a Origin>,
    /// What happened.
    pub event: &'a Event,
    /// The task run to which it happened, in its current state.
    pub task_run: &'a TaskRun,
    /// The wall-clock time of the event.
    pub at: std::time::SystemTime,
}

/// The observers of a flow run: those that were registered when it began.
pub(crate) type Audience = Arc<[Arc<dyn Fn(&Notice<'_>) + Send + Sync>]>;

/// An artifact, as observers see it.
pub(crate) struct Made<'a> {
    pub(crate) flow_run: FlowRunId,
    pub(crate) task_run: TaskRunId,
    pub(crate) artifact: &'a Artifact,
    /// The path of the file that it copies or describes.
    pub(crate) file: Option<&'a std::path::Path>,
}

#[derive(Default)]
pub(crate) struct Observers {
    pub(crate) of_events: Listeners<dyn Fn(&Notice<'_>) + Send + Sync>,
    /// Beside the events: progress is not recorded, and a late observer misses it.
    pub(crate) of_progress: Listeners<dyn Fn(&Progress) + Send + Sync>,
    /// Beside the events, too: a late observer reads earlier artifacts from the store.
    pub(crate) of_artifacts: Listeners<dyn Fn(&Made<'_>) + Send + Sync>,
}

pub(crate) struct Listeners<F: ?Sized>(OnceLock<Mutex<Arc<[Arc<F>]>>>);

impl<F: ?Sized> Default for Listeners<F> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<F: ?Sized> Listeners<F> {
    pub(crate) fn add(&self, listener: Arc<F>) {
        let mut list = self.0.get_or_init(Mutex::default).lock();
        *list = list.iter().cloned().chain([listener]).collect();
    }

    /// Returns the listeners; `None` if there never was one.
    pub(crate) fn get(&self) -> Option<Arc<[Arc<F>]>> {
        Some(Arc::clone(&self.0.get()?.lock()))
    }
}

/// Notifies the observers of every event of `run` that they have not been notified of.
///
/// One thread at a time does that. Another thread that comes meanwhile leaves, and the notifying one checks again after it has
/// unlocked, so no event is missed. An observer that causes events itself is notified of them later, not within its own call.
pub(crate) fn notify(run: &Run) {
    loop {
        let Some(mut notified) = run.notified.try_lock() else { return };
        while let Some((event, task_run)) = run.event_and_row(*notified) {
            *notified += 1;
            let notice = Notice {
                flow_run: run.id,
                origin: run.origin.as_deref(),
                at: run.clock.wall(event.at),
                event: &event,
                task_run: &task_run,
            };
            for observer in run.audience.iter() {
                guarded("observer", || observer(&notice));
            }
        }
        let notified_so_far = *notified;
        drop(notified);
        if run.event_count() == notified_so_far {
            return;
        }
    }
}
