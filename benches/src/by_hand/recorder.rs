//! `tokio::spawn` with the recorder one writes in an afternoon: name, start, end and state of each task.
//!
//! It has no edges, no retries, no events, no typed errors and no store. It is the least that shows what happened.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::task::JoinHandle;

use super::Start;
use crate::bodies::add;

/// Records what its tasks do, in the order of their submission.
#[derive(Clone, Default)]
pub struct Recorder {
    records: Arc<Mutex<Vec<Record>>>,
    cache: Arc<Mutex<HashMap<(u64, u64), u64>>>,
}

/// One run of one task.
#[derive(Debug)]
pub struct Record {
    /// The name of the task.
    pub task: &'static str,
    /// When its body began.
    pub started_at: Option<Instant>,
    /// When it ended.
    pub ended_at: Option<Instant>,
    /// Its state.
    pub state: State,
}

/// The state of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Submitted.
    Pending,
    /// Its body runs.
    Running,
    /// Its body gave a value.
    Completed,
    /// Its value came from the cache.
    Cached,
}

impl Recorder {
    /// What is known so far.
    pub fn records(&self) -> MutexGuard<'_, Vec<Record>> {
        locked(&self.records)
    }

    fn submitted(&self, task: &'static str) -> usize {
        let mut records = self.records();
        records.push(Record { task, started_at: None, ended_at: None, state: State::Pending });
        records.len() - 1
    }

    async fn recorded(self, index: usize, body: impl Future<Output = u64>) -> u64 {
        let now = Instant::now();
        {
            let record = &mut self.records()[index];
            (record.started_at, record.state) = (Some(now), State::Running);
        }
        let value = body.await;
        self.ended(index, State::Completed);
        value
    }

    fn ended(&self, index: usize, state: State) {
        let now = Instant::now();
        let record = &mut self.records()[index];
        (record.ended_at, record.state) = (Some(now), state);
    }
}

impl Start for Recorder {
    fn start(&self, task: &'static str, body: impl Future<Output = u64> + Send + 'static) -> JoinHandle<u64> {
        tokio::spawn(self.clone().recorded(self.submitted(task), body))
    }

    async fn call(&self, task: &'static str, body: impl Future<Output = u64> + Send + 'static) -> u64 {
        self.clone().recorded(self.submitted(task), body).await
    }

    async fn cached(&self) -> Option<u64> {
        let index = self.submitted("add");
        let hit = locked(&self.cache).get(&(1, 2)).copied();
        if let Some(value) = hit {
            self.ended(index, State::Cached);
            return Some(value);
        }
        let value = self.clone().recorded(index, add(1, 2)).await;
        locked(&self.cache).insert((1, 2), value);
        Some(value)
    }

    fn ended(&self) -> Option<u64> {
        let done = |record: &&Record| record.ended_at.is_some();
        Some(self.records().iter().filter(done).count() as u64)
    }
}

/// A lock that outlives a panic: what is behind it is valid after each statement.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
