//! Results that other runs and other processes reuse. Two stores on one file represent two processes: each is a separate
//! owner.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use flowkit::Runtime;
use flowkit::model::TaskRunId;
use flowkit::prelude::*;
use flowkit::store::{CacheExplanation, History, SqliteStore, explain_cache};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

fn process(folder: &TempDir) -> Runtime {
    Runtime::builder().store(SqliteStore::open(file(folder)).unwrap()).build()
}

fn file(folder: &TempDir) -> impl AsRef<Path> + Clone {
    folder.path().join("runs.db")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_is_found_by_a_later_process_and_becomes_its_own() {
    static RAN: AtomicU32 = AtomicU32::new(0);

    #[task(cache = "inputs")]
    async fn square(n: u64) -> u64 {
        RAN.fetch_add(1, Ordering::SeqCst);
        n * n
    }
    #[flow]
    async fn squares(n: u64) -> Result<u64> {
        Ok(square(n).await?)
    }

    let folder = tempfile::tempdir().unwrap();
    assert_eq!(squares(7).on(&process(&folder)).await.unwrap(), 49);
    let later = process(&folder);
    let run = squares(7).on(&later).run().await;
    assert_eq!((run.result().as_ref().unwrap(), RAN.load(Ordering::SeqCst)), (&49, 1));
    assert_eq!(run.task_runs_of("square")[0].state, State::Cached);
    // The run has its own copy: it needs no cache when it is resumed.
    assert_eq!(squares::resume(run.id().unwrap()).on(&later).await.unwrap(), 49);
    assert_eq!(squares(8).on(&later).await.unwrap(), 64);
    assert_eq!(RAN.load(Ordering::SeqCst), 2, "other inputs are another key");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_no_result() {
    static RAN: AtomicU32 = AtomicU32::new(0);

    #[task(cache = "inputs")]
    async fn flaky() -> Result<u64, String> {
        if RAN.fetch_add(1, Ordering::SeqCst) == 0 { Err("not yet".into()) } else { Ok(7) }
    }
    #[flow]
    async fn once() -> Result<u64> {
        Ok(flaky().await?)
    }

    let folder = tempfile::tempdir().unwrap();
    assert!(once().on(&process(&folder)).await.is_err());
    assert_eq!(once().on(&process(&folder)).await.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_result_is_used_as_long_as_its_ttl_says() {
    static RAN: AtomicU32 = AtomicU32::new(0);

    #[task(cache = "inputs", cache_ttl = "0.000001s")]
    async fn short() -> u32 {
        RAN.fetch_add(1, Ordering::SeqCst)
    }
    #[task(cache = "inputs", cache_ttl = "1h")]
    async fn long() -> u32 {
        RAN.fetch_add(1, Ordering::SeqCst)
    }
    #[flow]
    async fn both() -> Result<(u32, u32)> {
        Ok((short().await?, long().await?))
    }

    let folder = tempfile::tempdir().unwrap();
    assert_eq!(both().on(&process(&folder)).await.unwrap(), (0, 1));
    assert_eq!(both().on(&process(&folder)).await.unwrap(), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshing_takes_the_place_of_what_is_kept() {
    static RAN: AtomicU32 = AtomicU32::new(0);

    #[task(cache = "inputs")]
    async fn count() -> u32 {
        RAN.fetch_add(1, Ordering::SeqCst)
    }
    #[flow]
    async fn counts(refresh: bool) -> Result<u32> {
        Ok(if refresh { count().refresh_cache().await? } else { count().await? })
    }

    let folder = tempfile::tempdir().unwrap();
    assert_eq!(counts(false).on(&process(&folder)).await.unwrap(), 0);
    assert_eq!(counts(true).on(&process(&folder)).await.unwrap(), 1);
    assert_eq!(counts(false).on(&process(&folder)).await.unwrap(), 1);
}

/// Two processes ask at the same time: one executes, the other waits for its result and holds no slot meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn s5_two_processes_that_want_the_same_execute_it_once() {
    static RAN: AtomicU32 = AtomicU32::new(0);

    #[task(cache = "inputs", concurrency = "one")]
    async fn slow(n: u64) -> u64 {
        RAN.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(100)).await;
        n
    }
    #[flow]
    async fn twenty() -> Result<u64> {
        Ok(slow::map(0..20).await?.iter().sum())
    }

    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (process(&folder), process(&folder));
    let (first, second) = tokio::join!(twenty().on(&one), twenty().on(&other));
    assert_eq!((first.unwrap(), second.unwrap()), (190, 190));
    assert_eq!(RAN.load(Ordering::SeqCst), 20, "each of the twenty ran once, in either process");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_fails_in_one_process_gives_way_to_the_other() {
    static RAN: AtomicU32 = AtomicU32::new(0);

    #[task(cache = "inputs")]
    async fn first_one_fails() -> Result<u64, String> {
        let ran = RAN.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(50)).await;
        if ran == 0 { Err("lost".into()) } else { Ok(7) }
    }
    #[flow]
    async fn ask() -> Result<u64> {
        Ok(first_one_fails().await?)
    }

    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (process(&folder), process(&folder));
    let (first, second) = tokio::join!(ask().on(&one), ask().on(&other));
    let good: Vec<_> = [first, second].into_iter().filter_map(std::result::Result::ok).collect();
    assert_eq!((good, RAN.load(Ordering::SeqCst)), (vec![7], 2));
}

static READ: AtomicU32 = AtomicU32::new(0);

/// Two versions of a program: in each, the task has the same path and the same source, and only the type of its result
/// differs. Returns what a run of the version has read.
macro_rules! version {
    ($folder:expr, $amount:ty) => {{
        #[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
        struct Row {
            amount: $amount,
        }
        #[task(cache = "inputs")]
        async fn read() -> Row {
            READ.fetch_add(1, Ordering::SeqCst);
            Row::default()
        }
        #[flow]
        async fn reads() -> Result<$amount> {
            Ok(read().await?.amount)
        }
        reads().on(&process($folder)).run().await
    }};
}

/// R11, for the cache: a result of another type is a miss and never a wrong value, and is written over.
#[tokio::test(flavor = "multi_thread")]
async fn r11_a_cached_result_of_another_type_is_done_again_and_written_over() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(version!(&folder, u32).result().as_ref().unwrap(), &0);
    assert_eq!(version!(&folder, u32).task_runs_of("read")[0].state, State::Cached, "the key is the same");
    let changed = version!(&folder, String);
    assert_eq!(changed.result().as_ref().unwrap(), "");
    assert_eq!((changed.task_runs_of("read")[0].state, READ.load(Ordering::SeqCst)), (State::Completed, 2));
    assert_eq!(version!(&folder, String).task_runs_of("read")[0].state, State::Cached);
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_cache_says_which_argument_differs() {
    #[task(cache = "inputs")]
    async fn load(path: String, rows: u32) -> u32 {
        path.len() as u32 + rows
    }
    #[flow]
    async fn etl(rows: u32) -> Result<u32> {
        Ok(load("data.csv".to_owned(), rows).await?)
    }

    let folder = tempfile::tempdir().unwrap();
    let runtime = process(&folder);
    let first = etl(100).on(&runtime).run().await;
    let second = etl(101).on(&runtime).run().await;
    let third = etl(101).on(&runtime).run().await;
    let store = SqliteStore::open(file(&folder)).unwrap();
    let explain = |run: &flowkit::FlowRun<u32, flowkit::BoxError>| {
        explain_cache(&store, run.id().unwrap(), run.task_runs_of("load")[0].id).unwrap().unwrap()
    };
    assert_eq!(explain(&first), CacheExplanation::First);
    let short = first.id().unwrap().short();
    assert_eq!(
        explain(&second).to_string(),
        format!("the nearest earlier result is that of run {short}, but argument `rows` was 100, is 101")
    );
    assert_eq!(explain(&third), CacheExplanation::Found);
    assert!(store.cache_entries(third.id().unwrap(), TaskRunId::new(1), 10).unwrap().is_empty());
}
