//! What the task runs of an ended flow run have said of themselves: artifacts and metrics.

use super::FlowRun;
use crate::engine::flow_run::Run;
use crate::model::{StoredArtifact, StoredMetric};
use crate::store::StoreError;

impl<T, E> FlowRun<T, E> {
    /// Returns the artifacts of the run in the order in which they were made, all versions, without their content. Those of
    /// sub-flows belong to their own runs.
    ///
    /// A run without a store has them too, so that a test needs none.
    ///
    /// # Errors
    ///
    /// If the store cannot be read. A store with a disk blocks meanwhile.
    pub fn artifacts(&self) -> Result<Vec<StoredArtifact>, StoreError> {
        let Some(run) = self.run.as_deref() else { return Ok(Vec::new()) };
        match &run.run_store {
            Some(run_store) => run_store.store.artifacts(run.id, 0, usize::MAX),
            None => Ok(run.read_facts(|facts| facts.artifacts().cloned().collect())),
        }
    }

    /// Returns the content of the artifact `key`, in its last version.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn artifact(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let artifacts = self.artifacts()?;
        let last = artifacts.iter().rev().find(|artifact| artifact.key == key);
        match (last, self.run.as_deref()) {
            (Some(last), Some(run)) => content(run, last.sequence),
            _ => Ok(None),
        }
    }

    /// Returns the metrics of the run in the order in which they were measured: of one that was measured again, the last is
    /// what holds.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn metrics(&self) -> Result<Vec<StoredMetric>, StoreError> {
        let Some(run) = self.run.as_deref() else { return Ok(Vec::new()) };
        match &run.run_store {
            Some(run_store) => run_store.store.metrics(run.id, 0, usize::MAX),
            None => Ok(run.read_facts(|facts| facts.metrics().to_vec())),
        }
    }
}

fn content(run: &Run, sequence: u64) -> Result<Option<Vec<u8>>, StoreError> {
    match &run.run_store {
        Some(run_store) => run_store.store.artifact(run.id, sequence),
        None => Ok(run.read_facts(|facts| facts.content(sequence).map(<[u8]>::to_vec))),
    }
}
