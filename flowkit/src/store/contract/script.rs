//! A flow run of which a test says what happens, and what the tests ask of a store.

use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::model::{
    AttemptFailure, Declaration, Edges, ErrorReport, Event, EventKind, Extras, FlowRunId, Kind, NewTaskRun,
    RunRecord, StoredFlowRun, TaskRun, TaskRunId, Timestamp, WallTime, digest,
};
use crate::policy::cache::{CacheKey, KeyInput, KeyParts, TaskIdentity};
use crate::store::{
    CacheEntry, Entry, Leased, NewFlowRun, OwnedRun, Recovered, Store, StoreError, TaskRunFilter,
};
use crate::value::envelope::{Envelope, Fingerprint};

pub(crate) static ETL: Declaration = declaration(Kind::Flow, "etl");
pub(crate) static OWNED: Declaration = declaration(Kind::Flow, "owned").__owner("ml-team");
pub(crate) static FETCH: Declaration = declaration(Kind::Task, "fetch");
pub(crate) static LOAD: Declaration = declaration(Kind::Task, "load");

pub(crate) const fn declaration(kind: Kind, name: &'static str) -> Declaration {
    Declaration::__new(kind, name, name, "", None, &["nightly"], 0, "src/etl.rs", 1)
}

/// Long ago, so that a test about age needs no clock.
pub(crate) const FIRST: WallTime = WallTime::from_micros(1_000_000_000_000_000);

/// A run that writes what happens to a store.
pub(crate) struct Script {
    pub(crate) owned: OwnedRun,
    pub(crate) record: RunRecord,
    at: Duration,
}

/// What a run is besides its flow.
#[derive(Default)]
pub(crate) struct Birth {
    pub(crate) created_at: Option<WallTime>,
    pub(crate) name: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) parameters: Option<String>,
    pub(crate) parent: Option<(FlowRunId, TaskRunId)>,
    pub(crate) id: Option<FlowRunId>,
    pub(crate) key: Option<Arc<str>>,
}

impl Script {
    pub(crate) fn begin(store: &dyn Store) -> Self {
        Self::born(store, &ETL, Birth::default())
    }

    pub(crate) fn born(store: &dyn Store, flow: &'static Declaration, birth: Birth) -> Self {
        let created_at = birth.created_at.unwrap_or(FIRST);
        let id = birth.id.unwrap_or_else(|| next_id(created_at));
        let owned = OwnedRun { id, epoch: 1, created_at };
        let mut script = Self { owned, record: RunRecord::default(), at: Duration::ZERO };
        script.record.create(new_task_run(flow, birth.name, birth.tags), Timestamp::new(Duration::ZERO));
        let flow = script.record.task_run(TaskRunId::FLOW).unwrap().clone();
        let Birth { parameters, parent, key, .. } = birth;
        let revision = Some("4f1d2c3".into());
        store.begin(NewFlowRun { owned, flow, parameters, parent, key, revision });
        script
    }

    pub(crate) fn id(&self) -> FlowRunId {
        self.owned.id
    }

    pub(crate) fn create(&mut self, store: &dyn Store, task: &'static Declaration) -> TaskRunId {
        self.create_named(store, task, None)
    }

    pub(crate) fn create_named(
        &mut self,
        store: &dyn Store,
        task: &'static Declaration,
        name: Option<String>,
    ) -> TaskRunId {
        self.at += Duration::from_millis(1);
        let id = self.record.create(new_task_run(task, name, vec!["own".into()]), Timestamp::new(self.at));
        store.record(self.last_entry(), None);
        id
    }

    /// Lets something happen, and waits until it is kept.
    pub(crate) fn happens(&mut self, store: &dyn Store, task_run: TaskRunId, kind: EventKind) {
        self.try_happen(store, task_run, kind).unwrap();
    }

    pub(crate) fn try_happen(
        &mut self,
        store: &dyn Store,
        task_run: TaskRunId,
        kind: EventKind,
    ) -> Result<(), StoreError> {
        self.apply(task_run, kind);
        write(store, self.last_entry())
    }

    /// Lets something happen that the store is not told: it knows, or must not know.
    pub(crate) fn apply(&mut self, task_run: TaskRunId, kind: EventKind) {
        self.at += Duration::from_millis(1);
        self.record.apply(Event { task_run, at: Timestamp::new(self.at), kind }).unwrap();
    }

    /// Runs a task that gives `value`.
    pub(crate) fn completes(
        &mut self,
        store: &dyn Store,
        task: &'static Declaration,
        value: &[u8],
    ) -> TaskRunId {
        let id = self.create(store, task);
        self.happens(store, id, started(1));
        self.apply(id, EventKind::Completed);
        write(store, Entry { result: Some(sealed(value)), ..self.last_entry() }).unwrap();
        id
    }

    /// Starts and completes the flow.
    pub(crate) fn ends(&mut self, store: &dyn Store) {
        self.happens(store, TaskRunId::FLOW, started(1));
        self.happens(store, TaskRunId::FLOW, EventKind::Completed);
    }

    /// Goes on with a run that was taken over.
    pub(crate) fn goes_on(&mut self, recovered: &Recovered) {
        self.owned = recovered.owned;
    }

    /// The last event as the engine hands it to the store.
    pub(crate) fn last_entry(&self) -> Entry {
        let event = self.record.events().last().unwrap().clone();
        let task_run = self.record.task_run(event.task_run).unwrap().clone();
        Entry { run: self.owned, event, task_run, call: None, result: None, provenance: None, cache: None }
    }
}

/// Returns a result with this value in it, which no store looks at.
pub(crate) fn sealed(value: &[u8]) -> Vec<u8> {
    Envelope::seal(Fingerprint::of::<()>(None), value)
}

fn new_task_run(task: &'static Declaration, name: Option<String>, tags: Vec<String>) -> NewTaskRun {
    NewTaskRun {
        task,
        parent: TaskRunId::FLOW,
        index: None,
        edges: Edges::new(),
        location: Location::caller(),
        extras: Some(Box::new(Extras { name, tags, ..Extras::default() })),
    }
}

/// Makes an id as the engine does: it sorts by the time of creation, then by the order of making.
pub(crate) fn next_id(created_at: WallTime) -> FlowRunId {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let made = MADE.fetch_add(1, Ordering::Relaxed);
    let millis = u128::from(created_at.as_micros().unsigned_abs() / 1000);
    // Where an id is random, this one counts, so that ids sort; the end, which makes the short id, is spread, so that
    // short ids differ in their first letter.
    let counted = u128::from(made) << 35;
    let spread = u128::from(made.wrapping_mul(0x9e37_79b9_7f4a_7c15) & ((1 << 35) - 1));
    FlowRunId::new(Uuid::from_u128(millis << 80 | 7 << 76 | 2 << 62 | counted | spread))
}

/// Hands over an entry, and waits until it is kept or refused.
pub(crate) fn write(store: &dyn Store, entry: Entry) -> Result<(), StoreError> {
    acknowledged(|ack| store.record(entry, Some(ack)))
}

pub(crate) fn acknowledged(ask: impl FnOnce(crate::store::CommitAck)) -> Result<(), StoreError> {
    let (ack, answer) = oneshot::channel();
    ask(ack);
    answer.blocking_recv().expect("every entry is answered")
}

pub(crate) fn started(attempt: u32) -> EventKind {
    EventKind::Started { attempt }
}

pub(crate) fn failed(message: &str) -> EventKind {
    EventKind::Failed { error: report(message) }
}

pub(crate) fn retried(attempt: u32, retry_in: Duration) -> EventKind {
    EventKind::AttemptFailed { attempt, failure: Arc::new(AttemptFailure::new(report("lost"), retry_in)) }
}

pub(crate) fn report(message: &str) -> Arc<ErrorReport> {
    Arc::new(ErrorReport::new("fetch".into(), message.into(), None, "src/etl.rs:61".into()))
}

pub(crate) const IDENTITY: TaskIdentity<'static> =
    TaskIdentity { name: "etl::fetch", source_hash: 7, version: None };

/// Asks for a lease, and returns whether it is granted.
pub(crate) fn lease(store: &dyn Store, key: &str) -> bool {
    ask_for_lease(store, key).unwrap() != Leased::Held
}

pub(crate) fn ask_for_lease(store: &dyn Store, key: &str) -> Result<Leased, StoreError> {
    let (sender, answer) = oneshot::channel();
    store.lease(cache_key(key), sender);
    answer.blocking_recv().unwrap_or(Err(StoreError::Closed))
}

pub(crate) fn cache_key(input: &str) -> CacheKey {
    CacheKey::new(&IDENTITY, None, digest(input).unwrap())
}

pub(crate) fn cache_entry(input: &str) -> CacheEntry {
    let input_of_key =
        KeyInput { name: "url".into(), digest: digest(input).unwrap(), shown: format!("{input:?}") };
    let parts = KeyParts::new(&IDENTITY, vec![input_of_key]);
    CacheEntry { key: cache_key(input), ttl: Some(Duration::from_secs(60)), parts }
}

/// The runs that somebody asked a store to cancel, as it tells them.
pub(crate) struct Wishes(mpsc::Receiver<FlowRunId>);

impl Wishes {
    pub(crate) fn of(store: &dyn Store) -> Self {
        let (sender, receiver) = mpsc::channel();
        store.on_cancel_request(Box::new(move |id| {
            // Nobody may listen any more.
            let _ = sender.send(id);
        }));
        Self(receiver)
    }

    /// Those that it has told so far.
    pub(crate) fn so_far(&self) -> Vec<FlowRunId> {
        self.0.try_iter().collect()
    }

    /// Waits for the next one: from another process it takes its time, but not for ever.
    pub(crate) fn next(&self) -> Option<FlowRunId> {
        self.0.recv_timeout(Duration::from_secs(30)).ok()
    }
}

pub(crate) fn flow_row(store: &dyn Store, id: FlowRunId) -> StoredFlowRun {
    store.flow_run(id).unwrap().expect("the run is kept")
}

pub(crate) fn task_row(store: &dyn Store, run: FlowRunId, id: TaskRunId) -> TaskRun {
    all_task_runs(store, run).into_iter().find(|row| row.id == id).expect("the task run is kept")
}

pub(crate) fn all_task_runs(store: &dyn Store, run: FlowRunId) -> Vec<TaskRun> {
    store.task_runs(run, &TaskRunFilter::default(), TaskRunId::FLOW, usize::MAX).unwrap()
}

/// The events of a run as `task run: name`.
pub(crate) fn event_names(store: &dyn Store, run: FlowRunId) -> Vec<String> {
    let events = store.events(run, 0, usize::MAX).unwrap();
    events.iter().map(|event| format!("{}: {}", event.task_run, event.kind.name())).collect()
}
