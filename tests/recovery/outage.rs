//! A store that cannot write for a while, or for good: nothing is lost silently, and nothing waits for user code.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use flowkit::model::{StoredFlowRun, TaskRunId};
use flowkit::prelude::*;
use flowkit::store::{LogFilter, SqliteStore, Store, StoreError, TaskRunFilter};
use flowkit::{FlowRunId, Runtime, State, artifact, metric};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tracing::info;

use crate::logged::listen;

/// The lock of another process on a database.
struct Locked(Connection);

impl Locked {
    fn take(database: &Path) -> Self {
        let connection = Connection::open(database).unwrap();
        connection.busy_timeout(Duration::from_secs(60)).unwrap();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        Self(connection)
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        self.0.execute_batch("ROLLBACK").unwrap();
    }
}

/// What a flow shares with its test: found by its database, so that the argument can be persisted.
#[derive(Clone, Serialize, Deserialize)]
struct Shared {
    database: PathBuf,
}

static LOCKS: Mutex<BTreeMap<PathBuf, Locked>> = Mutex::new(BTreeMap::new());
static BEGUN: Mutex<BTreeMap<PathBuf, u32>> = Mutex::new(BTreeMap::new());

impl Shared {
    fn new(folder: &TempDir) -> Self {
        Self { database: folder.path().join("runs.db") }
    }

    fn lock(&self) {
        let lock = Locked::take(&self.database);
        LOCKS.lock().unwrap().insert(self.database.clone(), lock);
    }

    fn unlock(&self) {
        let lock = LOCKS.lock().unwrap().remove(&self.database);
        drop(lock);
    }

    fn begins(&self) {
        *BEGUN.lock().unwrap().entry(self.database.clone()).or_default() += 1;
    }

    /// How many bodies have begun.
    fn begun(&self) -> u32 {
        BEGUN.lock().unwrap().get(&self.database).copied().unwrap_or(0)
    }

    /// A runtime whose store is patient for so long.
    fn runtime(&self, retry_for: Duration) -> Runtime {
        let store = SqliteStore::options().retry_for(retry_for).open(&self.database).unwrap();
        Runtime::builder().store(store).build()
    }
}

fn row(store: &dyn Store, id: FlowRunId) -> StoredFlowRun {
    store.flow_run(id).unwrap().unwrap()
}

fn states(store: &dyn Store, id: FlowRunId) -> Vec<State> {
    let rows = store.task_runs(id, &TaskRunFilter::default(), TaskRunId::FLOW, usize::MAX).unwrap();
    rows.iter().map(|row| row.state).collect()
}

/// Waits for what another thread does by itself: a minute at the most.
fn wait_until(mut comes: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if comes() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it does not come");
}

#[task]
async fn work(shared: Shared, n: u32) -> Result<u32, std::io::Error> {
    shared.begins();
    metric("n", n);
    artifact::markdown("note", format!("# {n}"));
    info!("at work on {n}");
    if n == 3 { Err(std::io::Error::other("three")) } else { Ok(n) }
}

#[tokio::test]
async fn a_lock_that_outlasts_the_patience_of_a_try_loses_nothing() {
    /// Cannot get its lease as long as the database is locked, and runs when the store knows of that.
    #[task(cache = "inputs")]
    async fn unlock(n: u32, shared: Shared) -> u32 {
        shared.unlock();
        n
    }
    #[flow]
    async fn locked(shared: Shared) -> Result<u32> {
        work(shared.clone(), 1).await?;
        shared.lock();
        let tasks: Vec<_> = (2..6).map(|n| work(shared.clone(), n).submit()).collect();
        let unlocked = unlock(7, shared.clone()).await?;
        let ended = settle_all(tasks).await;
        Ok(unlocked + ended.iter().filter(|ended| ended.is_ok()).count() as u32)
    }
    let _logs = listen(flowkit::layer());
    let folder = tempfile::tempdir().unwrap();
    let shared = Shared::new(&folder);
    let runtime = shared.runtime(Duration::from_secs(3600));
    let run = locked(shared).on(&runtime).run().await;
    assert_eq!(run.result().as_ref().unwrap(), &10);
    let (store, id) = (&**runtime.store().unwrap(), run.id().unwrap());
    store.flush().unwrap();
    assert_eq!(row(store, id).state, State::Completed);
    use State::{Completed, Failed};
    assert_eq!(states(store, id), [Completed, Completed, Failed, Completed, Completed, Completed]);
    let events = store.events(id, 0, usize::MAX).unwrap();
    assert!(events.iter().zip(1..).all(|(event, sequence)| event.sequence == sequence));
    assert_eq!(events.len(), 3 * 6 + 3);
    assert_eq!(store.artifacts(id, 0, usize::MAX).unwrap().len(), 5);
    assert_eq!(store.metrics(id, 0, usize::MAX).unwrap().len(), 5);
    let lines = store.logs(id, &LogFilter::default(), 0, usize::MAX).unwrap();
    assert_eq!(lines.iter().filter(|line| line.message.starts_with("at work on")).count(), 5);
    assert_eq!(store.dropped_logs(id).unwrap(), []);
}

/// Five tasks one after the other; the first time, the database is locked while the third runs.
#[flow]
async fn five(shared: Shared) -> Result<u32> {
    let mut sum = 0;
    for n in [1, 2, 4, 5, 6] {
        if n == 4 && shared.begun() == 2 {
            shared.lock();
        }
        sum += work(shared.clone(), n).await?;
    }
    Ok(sum)
}

#[tokio::test]
async fn a_run_that_the_store_gives_up_begins_nothing_more_and_fails_and_goes_on_from_what_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let shared = Shared::new(&folder);
    let runtime = shared.runtime(Duration::from_millis(200));
    let run = five(shared.clone()).on(&runtime).run().await;
    assert_eq!(run.state(), State::Failed);
    assert_eq!(shared.begun(), 3);
    let said = format!("{:?}", run.result().as_ref().unwrap_err());
    for part in ["got an error from its store", "runs.db", "events", "1 log line", "can be resumed"] {
        assert!(part == "1 log line" || said.contains(part), "{said}");
    }
    let store = &**runtime.store().unwrap();
    let id = run.id().unwrap();
    // Its state is as before, and it is suspended as soon as that can be written.
    assert_eq!(row(store, id).state, State::Running);
    shared.unlock();
    wait_until(|| row(store, id).state == State::Suspended);
    assert!(row(store, id).error.unwrap().message.contains("could not be written"));
    let events = store.events(id, 0, usize::MAX).unwrap();
    assert!(events.iter().zip(1..).all(|(event, sequence)| event.sequence == sequence));
    assert!(!states(store, id).contains(&State::Running));
    // Another process resumes it: what was persisted does not run again.
    let other = shared.runtime(Duration::from_secs(3600));
    let sum = five::resume(id).on(&other).await.unwrap();
    assert_eq!((sum, shared.begun()), (18, 6));
    assert_eq!(row(store, id).state, State::Completed);
}

#[tokio::test]
async fn a_value_whose_end_cannot_be_kept_is_there_although_the_run_has_failed() {
    #[flow]
    async fn locks_at_the_end(shared: Shared) -> Result<u32> {
        let n = work(shared.clone(), 7).await?;
        shared.lock();
        Ok(n)
    }
    let folder = tempfile::tempdir().unwrap();
    let shared = Shared::new(&folder);
    let runtime = shared.runtime(Duration::from_millis(200));
    let run = locks_at_the_end(shared.clone()).on(&runtime).run().await;
    assert_eq!(run.state(), State::Failed);
    assert!(matches!(run.result(), Err(Error::Store { .. })));
    assert_eq!(run.take_unpersisted(), Some(7));
    // A run that begins now is given up at once: the database is still locked.
    assert_eq!(five(shared.clone()).on(&runtime).run().await.state(), State::Failed);
    assert_eq!(shared.begun(), 1);
}

#[tokio::test]
async fn a_sub_flow_that_is_given_up_takes_the_flow_around_it_along_whatever_that_makes_of_it() {
    #[flow]
    async fn around(shared: Shared) -> Result<bool> {
        // The one around has nothing to write while the inner one is given up.
        let inner = five(shared.clone()).await;
        work(shared, 5).await?;
        Ok(inner.is_err())
    }
    let folder = tempfile::tempdir().unwrap();
    let shared = Shared::new(&folder);
    let runtime = shared.runtime(Duration::from_millis(200));
    let run = around(shared.clone()).on(&runtime).run().await;
    assert_eq!(run.state(), State::Failed);
    assert_eq!(shared.begun(), 3);
    shared.unlock();
    let store = &**runtime.store().unwrap();
    wait_until(|| row(store, run.id().unwrap()).state == State::Suspended);
}

#[tokio::test]
async fn a_database_that_is_removed_or_replaced_under_a_run_fails_it() {
    #[flow]
    async fn removes(shared: Shared, replaces: bool) -> Result<u32> {
        let n = work(shared.clone(), 1).await?;
        std::fs::rename(&shared.database, shared.database.with_extension("gone")).unwrap();
        if replaces {
            std::fs::copy(shared.database.with_extension("gone"), &shared.database).unwrap();
        }
        for n in 10..20 {
            work(shared.clone(), n).await?;
        }
        Ok(n)
    }
    for replaces in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let shared = Shared::new(&folder);
        let runtime = shared.runtime(Duration::from_secs(3600));
        let run = removes(shared.clone(), replaces).on(&runtime).run().await;
        assert_eq!(run.state(), State::Failed);
        let said = format!("{:?}", run.result().as_ref().unwrap_err());
        assert!(said.contains("was removed or replaced"), "{said}");
        // No caller learned that the second one is persisted.
        assert_eq!(shared.begun(), 2);
        assert!(matches!(runtime.store().unwrap().flush(), Err(StoreError::Removed { .. })));
    }
}

#[tokio::test]
async fn a_run_that_somebody_else_has_taken_over_fails_as_soon_as_the_store_knows() {
    /// No caller waits for its result to be persisted, so none is woken.
    #[flow(durability = "relaxed")]
    async fn fenced(shared: Shared) -> Result<u32> {
        work(shared.clone(), 1).await?;
        let other = Connection::open(&shared.database).unwrap();
        other.busy_timeout(Duration::from_secs(60)).unwrap();
        // No caller has waited for its row either.
        while other.execute("UPDATE flow_runs SET owner = NULL, epoch = epoch + 1", []).unwrap() == 0 {}
        work(shared.clone(), 2).await?;
        ctx().cancelled().await;
        work(shared, 5).await?;
        Ok(1)
    }
    let folder = tempfile::tempdir().unwrap();
    let shared = Shared::new(&folder);
    let runtime = shared.runtime(Duration::from_secs(3600));
    let run = fenced(shared.clone()).on(&runtime).run().await;
    assert_eq!(run.state(), State::Failed);
    let said = format!("{:?}", run.result().as_ref().unwrap_err());
    assert!(said.contains("was taken over by another process"), "{said}");
    assert_eq!(shared.begun(), 2);
}

/// Where user functions are stuck until the test releases them.
#[derive(Default)]
struct Gate(Mutex<bool>, Condvar);

impl Gate {
    fn pass(&self) {
        let open = self.0.lock().unwrap();
        drop(self.1.wait_while(open, |open| !*open).unwrap());
    }

    fn open(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_all();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_answers_however_many_blocking_tasks_are_stuck() {
    #[task(persist = "never")]
    fn stuck(gate: Arc<Gate>) {
        gate.pass();
    }
    #[task(cache = "inputs")]
    async fn cached(n: u32) -> u32 {
        n
    }
    #[flow]
    async fn keyed(n: u32) -> Result<u32> {
        Ok(n)
    }
    #[flow]
    async fn crowded(gate: Arc<Gate>) -> Result<u32> {
        // As many as there are threads, and more.
        let all: Vec<_> = (0..600).map(|_| stuck(Arc::clone(&gate)).submit()).collect();
        let value = cached(7).await? + keyed(1).idempotency_key("one").await?;
        gate.open();
        settle_all(all).await;
        Ok(value)
    }
    let folder = tempfile::tempdir().unwrap();
    let runtime = Shared::new(&folder).runtime(Duration::from_secs(60));
    assert_eq!(crowded(Arc::default()).on(&runtime).await.unwrap(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_an_equal_one_in_another_process_has_its_own_time() {
    #[task(cache = |n, _leads| *n)]
    async fn stays(n: u32, leads: bool) -> u32 {
        assert!(leads, "it has the lease");
        std::future::pending::<()>().await;
        n
    }
    #[flow]
    async fn leads() -> Result<u32> {
        Ok(stays(1, true).await?)
    }
    #[flow]
    async fn follows() -> Result<u32> {
        Ok(stays(1, false).timeout(Duration::from_secs(1)).await?)
    }
    let folder = tempfile::tempdir().unwrap();
    let shared = Shared::new(&folder);
    let (one, other) = (shared.runtime(Duration::from_secs(60)), shared.runtime(Duration::from_secs(60)));
    let leading = leads().on(&one).start();
    let mut events = leading.events();
    while let Some(event) = events.next().await {
        if event.task_run.get() == 1 && event.kind.name() == "started" {
            break;
        }
    }
    // In the other process, and beside the one that executes.
    for runtime in [&other, &one] {
        let run = follows().on(runtime).run().await;
        let task = &run.task_runs_of("stays")[0];
        assert_eq!(task.state, State::TimedOut);
        assert!(
            task.error.as_deref().unwrap().message.contains("still waited"),
            "{:?}",
            task.error.as_deref()
        );
    }
}
