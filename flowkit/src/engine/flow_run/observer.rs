//! Tells observers what happened: in order, each event once, without loss, and never under the record's lock.

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::Run;
use crate::engine::attempt::panics::guarded;
#[cfg(feature = "cli")]
use crate::model::Artifact;
use crate::model::{Event, FlowRunId, Origin, TaskRun, TaskRunId};

/// How far a task run says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The flow run to which the task run belongs.
    pub flow_run: FlowRunId,
    /// Whose progress it is.
    pub task_run: TaskRunId,
    /// How much is done.
    pub done: u64,
    /// Of how much.
    pub total: u64,
}

/// One event, as an observer is told of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Notice<'a> {
    /// The flow run to which it happened.
    pub flow_run: FlowRunId,
    /// Where that flow run comes from, if it was started inside another one.
    pub origin: Option<&'a Origin>,
    /// What happened.
    pub event: &'a Event,
    /// The task run to which it happened, as it stands now.
    pub task_run: &'a TaskRun,
    /// The wall-clock time of the event.
    pub at: std::time::SystemTime,
}

type Observer = Arc<dyn Fn(&Notice<'_>) + Send + Sync>;

/// Those who observe a flow run: everybody who did when it began.
pub(crate) type Audience = Arc<[Observer]>;

type ProgressListeners = Arc<[Arc<dyn Fn(&Progress) + Send + Sync>]>;

/// An artifact, as those are told of it who watch.
#[cfg(feature = "cli")]
pub(crate) struct Made<'a> {
    pub(crate) flow_run: FlowRunId,
    pub(crate) task_run: TaskRunId,
    pub(crate) artifact: &'a Artifact,
    /// Where the file is that it is a copy or a description of.
    pub(crate) file: Option<&'a std::path::Path>,
}

#[cfg(feature = "cli")]
type ArtifactListeners = Arc<[Arc<dyn Fn(&Made<'_>) + Send + Sync>]>;

#[derive(Default)]
pub(crate) struct Observers {
    of_events: Mutex<Audience>,
    /// Beside the events: progress is not recorded, and nobody is told of what was before.
    of_progress: OnceLock<Mutex<ProgressListeners>>,
    /// Beside the events, too: an observer that comes late asks the store for what was made before.
    #[cfg(feature = "cli")]
    of_artifacts: OnceLock<Mutex<ArtifactListeners>>,
}

impl Observers {
    pub(crate) fn add(&self, observer: Observer) {
        let mut list = self.of_events.lock();
        *list = list.iter().cloned().chain([observer]).collect();
    }

    pub(crate) fn audience(&self) -> Audience {
        Arc::clone(&self.of_events.lock())
    }

    pub(crate) fn add_of_progress(&self, listener: Arc<dyn Fn(&Progress) + Send + Sync>) {
        let mut list = self.of_progress.get_or_init(Mutex::default).lock();
        *list = list.iter().cloned().chain([listener]).collect();
    }

    /// Returns those who want to hear of progress; `None` if nobody ever did.
    pub(crate) fn of_progress(&self) -> Option<ProgressListeners> {
        Some(Arc::clone(&self.of_progress.get()?.lock()))
    }

    #[cfg(feature = "cli")]
    pub(crate) fn add_of_artifacts(&self, listener: Arc<dyn Fn(&Made<'_>) + Send + Sync>) {
        let mut list = self.of_artifacts.get_or_init(Mutex::default).lock();
        *list = list.iter().cloned().chain([listener]).collect();
    }

    /// Returns those who want to hear of artifacts; `None` if nobody ever did.
    #[cfg(feature = "cli")]
    pub(crate) fn of_artifacts(&self) -> Option<ArtifactListeners> {
        Some(Arc::clone(&self.of_artifacts.get()?.lock()))
    }
}

/// Tells everything of `run` that has not been told yet.
///
/// One thread at a time tells. Another thread that comes meanwhile leaves, and the teller looks again after it has
/// unlocked, so nothing is left behind; an observer that causes events itself is told of them later, not within.
pub(crate) fn tell(run: &Run) {
    loop {
        let Some(mut told) = run.told.try_lock() else { return };
        while let Some((event, task_run)) = run.event_and_row(*told) {
            *told += 1;
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
        let told_so_far = *told;
        drop(told);
        if run.event_count() == told_so_far {
            return;
        }
    }
}
