//! How the handles that a flow returned have ended: it ends as they did.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::engine::handle::{Handle, Handles};
use crate::model::{Error, RunRecord, TaskError};

/// How the handles that a flow returned have ended.
#[doc(hidden)]
#[derive(Default)]
pub struct Tally {
    pub(crate) total: usize,
    pub(crate) failed: usize,
    pub(crate) cancelled: usize,
    pub(crate) cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Tally {
    pub(crate) fn is_good(&self) -> bool {
        self.failed == 0 && self.cancelled == 0
    }

    fn count<T, E: TaskError>(&mut self, handle: &Handle<T, E>) {
        self.total += 1;
        match handle.slot.promise.get() {
            Some(Err(Error::Cancelled { .. } | Error::Suspended { .. })) => self.cancelled += 1,
            Some(Err(Error::Skipped { .. })) | Some(Ok(_)) | None => {}
            Some(Err(error)) => {
                self.failed += 1;
                self.cause.get_or_insert_with(|| Arc::new(error.clone()));
            }
        }
    }

    /// Counts every task run from `first` on, as `fail_on_any_task` wants it.
    pub(crate) fn count_task_runs(&mut self, record: &RunRecord, first: u64) {
        for task_run in record.task_runs().filter(|task_run| task_run.id().get() >= first) {
            self.total += 1;
            if task_run.state().is_failure() {
                self.failed += 1;
                if let Some(report) = task_run.error() {
                    self.cause.get_or_insert_with(|| Arc::new(report.clone()));
                }
            }
        }
    }
}

/// A part of what a flow returns that ends as the flow does.
#[doc(hidden)]
pub trait Returned {
    fn add_to(&self, tally: &mut Tally);
}

impl<T, E: TaskError> Returned for Handle<T, E> {
    fn add_to(&self, tally: &mut Tally) {
        tally.count(self);
    }
}

impl<T, E: TaskError> Returned for Handles<T, E> {
    fn add_to(&self, tally: &mut Tally) {
        for handle in self.known().unwrap_or_default() {
            tally.count(handle);
        }
    }
}

impl<R: Returned> Returned for Vec<R> {
    fn add_to(&self, tally: &mut Tally) {
        self.iter().for_each(|returned| returned.add_to(tally));
    }
}

impl<R: Returned> Returned for Option<R> {
    fn add_to(&self, tally: &mut Tally) {
        self.iter().for_each(|returned| returned.add_to(tally));
    }
}

impl<K, R: Returned, S> Returned for HashMap<K, R, S> {
    fn add_to(&self, tally: &mut Tally) {
        self.values().for_each(|returned| returned.add_to(tally));
    }
}

impl<K, R: Returned> Returned for BTreeMap<K, R> {
    fn add_to(&self, tally: &mut Tally) {
        self.values().for_each(|returned| returned.add_to(tally));
    }
}

impl<R: Returned, const N: usize> Returned for [R; N] {
    fn add_to(&self, tally: &mut Tally) {
        self.iter().for_each(|returned| returned.add_to(tally));
    }
}
