//! Records what the engine sends to the store of one run, so that it can be replayed to another store. A store that only listens:
//! nothing is read back, resumed or found in a cache.

use std::sync::{Arc, Mutex};

use flowkit::model::{
    Digest, Event, Lineage, StoredArtifact, StoredEvent, StoredFlowRun, StoredLog, StoredMetric, TaskRun,
    TaskRunId, TaskRunRecord,
};
use flowkit::policy::cache::CacheKey;
use flowkit::policy::resume::RedoRequest;
use flowkit::store::{
    CachedValue, CommitAck, Entry, Fact, FlowRunFilter, FlowRunPage, History, LeaseAnswer, Leased, LogEntry,
    LogFilter, NewFlowRun, OwnedRun, Ownership, PruneReport, Recovered, Reserved, ResultCache, Retention,
    RunLog, StoreError, StoredCacheEntry, TaskRunFilter,
};
use flowkit::{FlowRunId, State};

/// What happened in one run: the flow as it began, and then each event with its task run.
#[derive(Debug, Default)]
pub(super) struct Story {
    pub(super) flow: Option<TaskRunRecord>,
    pub(super) events: Vec<(Event, TaskRunRecord)>,
}

/// The store that listens.
#[derive(Clone, Debug, Default)]
pub(super) struct Listener(pub(super) Arc<Mutex<Story>>);

impl Listener {
    fn hear(&self, hear: impl FnOnce(&mut Story)) {
        if let Ok(mut story) = self.0.lock() {
            hear(&mut story);
        }
    }
}

fn acknowledge(ack: Option<CommitAck>) {
    if let Some(ack) = ack {
        // The engine may not wait for it any more.
        let _ = ack.send(Ok(()));
    }
}

impl RunLog for Listener {
    fn begin(&self, run: NewFlowRun) {
        self.hear(|story| story.flow = Some(run.flow));
    }

    fn record(&self, entry: Entry, ack: Option<CommitAck>) {
        self.hear(|story| story.events.push((entry.event, entry.task_run)));
        acknowledge(ack);
    }

    fn report(&self, _fact: Fact) {}

    fn log(&self, _line: LogEntry) {}

    fn result(&self, _run: FlowRunId, _task_run: TaskRunId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }

    fn wait_for_room(&self) {}

    fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn may_block(&self) -> bool {
        false
    }
}

impl Ownership for Listener {
    fn take_over(&self, _id: FlowRunId) -> Result<Recovered, StoreError> {
        Err(StoreError::Closed)
    }

    fn suspend(&self, _run: OwnedRun, ack: Option<CommitAck>) {
        acknowledge(ack);
    }

    fn request_redo(&self, _run: OwnedRun, _asked: &RedoRequest) -> Result<(), StoreError> {
        Ok(())
    }

    fn redo_request(&self, _id: FlowRunId) -> Result<Option<RedoRequest>, StoreError> {
        Ok(None)
    }

    fn sub_flow_runs(&self, _run: FlowRunId, _task_run: TaskRunId) -> Result<Vec<FlowRunId>, StoreError> {
        Ok(Vec::new())
    }

    fn reserve(&self, _key: &str, _id: FlowRunId) -> Result<Reserved, StoreError> {
        Ok(Reserved::Granted)
    }

    fn unreserve(&self, _key: &str, _id: FlowRunId) {}

    fn request_cancel(&self, _id: FlowRunId) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn on_cancel_request(&self, _listener: Box<dyn Fn(FlowRunId) + Send + Sync>) {}
}

impl ResultCache for Listener {
    fn cached(&self, _key: CacheKey) -> Result<Option<CachedValue>, StoreError> {
        Ok(None)
    }

    fn lease(&self, _key: CacheKey, answer: LeaseAnswer) {
        // The engine may not wait for it any more.
        let _ = answer.send(Ok(Leased::Granted { stored_at: None }));
    }

    fn release(&self, _key: CacheKey) {}
}

impl History for Listener {
    fn flow_runs(
        &self,
        _filter: &FlowRunFilter,
        _before: Option<FlowRunId>,
        _limit: usize,
    ) -> Result<FlowRunPage, StoreError> {
        Ok(FlowRunPage::default())
    }

    fn flow_run(&self, _id: FlowRunId) -> Result<Option<StoredFlowRun>, StoreError> {
        Ok(None)
    }

    fn find(&self, _prefix: &str, _limit: usize) -> Result<Vec<FlowRunId>, StoreError> {
        Ok(Vec::new())
    }

    fn task_runs(
        &self,
        _run: FlowRunId,
        _filter: &TaskRunFilter,
        _after: TaskRunId,
        _limit: usize,
    ) -> Result<Vec<TaskRun>, StoreError> {
        Ok(Vec::new())
    }

    fn counts(&self, _run: FlowRunId) -> Result<Vec<(State, u64)>, StoreError> {
        Ok(Vec::new())
    }

    fn events(&self, _run: FlowRunId, _since: u64, _limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        Ok(Vec::new())
    }

    fn logs(
        &self,
        _run: FlowRunId,
        _filter: &LogFilter,
        _since: u64,
        _limit: usize,
    ) -> Result<Vec<StoredLog>, StoreError> {
        Ok(Vec::new())
    }

    fn dropped_logs(&self, _run: FlowRunId) -> Result<Vec<(TaskRunId, u64)>, StoreError> {
        Ok(Vec::new())
    }

    fn artifacts(
        &self,
        _run: FlowRunId,
        _since: u64,
        _limit: usize,
    ) -> Result<Vec<StoredArtifact>, StoreError> {
        Ok(Vec::new())
    }

    fn artifact(&self, _run: FlowRunId, _sequence: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }

    fn metrics(&self, _run: FlowRunId, _since: u64, _limit: usize) -> Result<Vec<StoredMetric>, StoreError> {
        Ok(Vec::new())
    }

    fn lineage(&self, _file: Digest) -> Result<Lineage, StoreError> {
        Ok(Lineage::default())
    }

    fn cache_entries(
        &self,
        _run: FlowRunId,
        _task_run: TaskRunId,
        _limit: usize,
    ) -> Result<Vec<StoredCacheEntry>, StoreError> {
        Ok(Vec::new())
    }

    fn prune(&self, _keep: Retention) -> Result<PruneReport, StoreError> {
        Ok(PruneReport::default())
    }
}
