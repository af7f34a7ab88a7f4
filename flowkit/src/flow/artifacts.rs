//! What the task runs of an ended flow run have reported: artifacts and metrics.

use super::FlowRun;
use crate::engine::flow_run::Run;
use crate::model::{StoredArtifact, StoredMetric};
use crate::store::StoreError;

impl<T, E> FlowRun<T, E> {
    /// Returns the artifacts of the run in the order in which they were made, in all versions, without their content. Artifacts
    /// of sub-flows belong to the sub-flows' runs.
    ///
    /// A run without a store has artifacts too, so a test needs no store. A store on disk blocks the thread while it is read.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn artifacts(&self) -> Result<Vec<StoredArtifact>, StoreError> {
        let Some(run) = self.run.as_deref() else { return Ok(Vec::new()) };
        match &run.run_store {
            Some(run_store) => run_store.store.artifacts(run.id, 0, usize::MAX),
            None => Ok(run.read_facts(|facts| facts.artifacts().cloned().collect())),
        }
    }

    /// Returns the content of the last version of the artifact `key`; `None` if there is no such artifact.
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

    /// Returns the metrics of the run in the order in which they were reported. If one was reported several times, its last value
    /// counts.
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
