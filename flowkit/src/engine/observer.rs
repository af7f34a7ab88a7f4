//! Tells observers what happened: in order, each event once, without loss, and never under the record's lock.

use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::flow_run::Run;
use crate::model::{Event, FlowRunId, Origin, TaskRun};

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

#[derive(Default)]
pub(crate) struct Observers {
    list: Mutex<Vec<Observer>>,
    any: AtomicBool,
}

impl Observers {
    pub(crate) fn add(&self, observer: Observer) {
        self.list.lock().push(observer);
        self.any.store(true, Ordering::Release);
    }

    /// Whether anybody observes: the one question that every event asks.
    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Tells everything of `run` that has not been told yet.
    ///
    /// One thread at a time tells. Another thread that comes meanwhile leaves, and the teller looks again after it has
    /// unlocked, so nothing is left behind; an observer that causes events itself is told of them later, not within.
    pub(crate) fn tell(&self, run: &Run) {
        loop {
            let Some(mut told) = run.told.try_lock() else { return };
            let list = self.list.lock().clone();
            while let Some((event, task_run)) = run.event(*told) {
                *told += 1;
                let notice = Notice {
                    flow_run: run.id,
                    origin: run.origin.as_deref(),
                    at: run.clock.wall(event.at),
                    event: &event,
                    task_run: &task_run,
                };
                for observer in &list {
                    let _ = super::hooks::guarded("observer", || observer(&notice));
                }
            }
            let told_so_far = *told;
            drop(told);
            if run.event_count() == told_so_far {
                return;
            }
        }
    }
}
