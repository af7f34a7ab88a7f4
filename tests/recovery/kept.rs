//! What a store has of a run when it has ended.

use flowkit::prelude::*;
use flowkit::store::{History, SqliteStore, TaskRunFilter};
use flowkit::{Durability, Runtime};

use flowkit::model::TaskRunId;

#[task]
async fn double(n: u64) -> u64 {
    n * 2
}

#[task(retries = 1)]
async fn second_time_lucky() -> Result<u64, String> {
    if ctx().attempt() == 1 { Err("not yet".into()) } else { Ok(7) }
}

#[flow(tags = "daily")]
async fn sums(limit: u64) -> Result<u64> {
    let doubles = double::map(0..limit);
    let lucky = second_time_lucky().await?;
    Ok(doubles.await?.iter().sum::<u64>() + lucky)
}

fn kept_in(folder: &tempfile::TempDir) -> Runtime {
    Runtime::builder().store(SqliteStore::open(folder.path().join("runs.db")).unwrap()).build()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_found_again_by_another_store_with_its_task_runs_attempts_edges_and_events() {
    let folder = tempfile::tempdir().unwrap();
    let id = {
        let run = sums(3).on(&kept_in(&folder)).run().await;
        assert_eq!(run.result().as_ref().unwrap(), &13);
        run.id().unwrap()
    };
    let store = SqliteStore::open(folder.path().join("runs.db")).unwrap();
    let run = store.flow_run(id).unwrap().unwrap();
    assert_eq!((run.flow.as_str(), run.state), ("sums", State::Completed));
    assert_eq!(run.parameters.as_deref(), Some(r#"{"limit":3}"#));
    assert_eq!(run.tags, ["daily"]);
    let rows = store.task_runs(id, &TaskRunFilter::default(), TaskRunId::FLOW, 100).unwrap();
    let labels: Vec<_> = rows.iter().map(|row| row.label()).collect();
    assert_eq!(labels, ["double[0]", "double[1]", "double[2]", "second_time_lucky"]);
    assert!(rows.iter().all(|row| row.state == State::Completed && row.has_result && row.call.is_some()));
    assert_eq!(rows[3].attempt, 2);
    assert_eq!(rows[3].earlier_attempts[0].error.as_ref().unwrap().message, "not yet");
    let events = store.events(id, 0, 1000).unwrap();
    assert!(events.iter().zip(1..).all(|(event, sequence)| event.sequence == sequence));
    assert_eq!(events.iter().filter(|event| event.kind.name() == "completed").count(), 5);
    assert_eq!(events.last().unwrap().kind.name(), "completed");
}

#[tokio::test]
async fn a_flow_that_is_kept_in_memory_leaves_nothing() {
    #[flow(durability = "memory")]
    async fn fleeting() -> Result<u64> {
        Ok(double(1).await?)
    }
    let folder = tempfile::tempdir().unwrap();
    let runtime = kept_in(&folder);
    let run = fleeting().on(&runtime).run().await;
    assert_eq!(runtime.store().unwrap().flow_run(run.id().unwrap()).unwrap(), None);
}

#[tokio::test]
async fn a_relaxed_run_is_kept_when_it_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("runs.db")).unwrap();
    let runtime = Runtime::builder().store(store).durability(Durability::Relaxed).build();
    let run = sums(10).on(&runtime).run().await;
    let kept = runtime.store().unwrap().flow_run(run.id().unwrap()).unwrap().unwrap();
    assert_eq!(kept.state, State::Completed);
}

#[tokio::test]
async fn a_runtime_without_a_store_opens_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let before = std::env::current_dir().unwrap();
    assert_eq!(sums(3).await.unwrap(), 13);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(!before.join(".flowkit").exists());
}
