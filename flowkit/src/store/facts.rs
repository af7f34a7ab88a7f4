//! The facts that the task runs of one flow run reported, in memory: for the memory store, and for runs without a
//! store.

use std::collections::BTreeMap;

use crate::model::{Artifact, Digest, StoredArtifact, StoredMetric, TaskRunId, WallTime};
use crate::store::{FactKind, TimeUp, rows};

#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// With their content, in order.
    artifacts: Vec<(StoredArtifact, Vec<u8>)>,
    metrics: Vec<StoredMetric>,
    used: Vec<(TaskRunId, Digest)>,
    times_up: BTreeMap<Digest, TimeUp>,
}

impl Facts {
    pub(crate) fn add(&mut self, task_run: TaskRunId, at: WallTime, kind: FactKind) {
        match kind {
            FactKind::Made(artifact) => self.make(task_run, at, artifact),
            FactKind::Measured(metric) => {
                let sequence = self.metrics.len() as u64 + 1;
                self.metrics.push(rows::metric_row(metric, sequence, task_run, at));
            }
            // Using a file twice is one use.
            FactKind::Used(file) if self.used.contains(&(task_run, file)) => {}
            FactKind::Used(file) => self.used.push((task_run, file)),
            FactKind::TimeUp(time_up) => drop(self.times_up.insert(time_up.key, time_up)),
        }
    }

    fn make(&mut self, task_run: TaskRunId, at: WallTime, artifact: Artifact) {
        let earlier = self.artifacts.iter().filter(|(known, _)| known.key == artifact.key).count();
        let sequence = self.artifacts.len() as u64 + 1;
        self.artifacts.push(rows::artifact_row(artifact, sequence, earlier, task_run, at));
    }

    /// The artifacts in order, without their content.
    pub(crate) fn artifacts(&self) -> impl Iterator<Item = &StoredArtifact> {
        self.artifacts.iter().map(|(row, _)| row)
    }

    /// The content of one.
    pub(crate) fn content(&self, sequence: u64) -> Option<&[u8]> {
        let of = |(row, _): &&(StoredArtifact, _)| row.sequence == sequence;
        self.artifacts.iter().find(of).map(|(_, content)| content.as_slice())
    }

    pub(crate) fn metrics(&self) -> &[StoredMetric] {
        &self.metrics
    }

    /// The waits that timed out, by key; of two with one key the later.
    pub(crate) fn times_up(&self) -> impl Iterator<Item = &TimeUp> {
        self.times_up.values()
    }

    /// The task runs that made a file, each once.
    pub(crate) fn makers(&self, file: Digest) -> Vec<TaskRunId> {
        let made = self.artifacts().filter(|row| row.describes == Some(file));
        let mut makers: Vec<_> = made.map(|row| row.task_run).collect();
        makers.sort_unstable();
        makers.dedup();
        makers
    }

    /// The task runs that used a file, each once.
    pub(crate) fn users(&self, file: Digest) -> Vec<TaskRunId> {
        let mut users: Vec<_> =
            self.used.iter().filter(|(_, used)| *used == file).map(|(task_run, _)| *task_run).collect();
        users.sort_unstable();
        users
    }
}
