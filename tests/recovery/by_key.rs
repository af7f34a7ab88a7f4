//! Runs that are found by a key or by their id alone, and values that are made once in a run.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use flowkit::prelude::*;
use flowkit::store::SqliteStore;
use flowkit::{Runtime, RuntimeBuilder, once};
use tempfile::TempDir;

fn kept_in(folder: &TempDir) -> RuntimeBuilder {
    Runtime::builder().store(SqliteStore::open(folder.path().join("runs.db")).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_stands_for_one_run_in_all_processes_and_goes_on_with_it_after_a_failure() {
    static CHARGED: AtomicU32 = AtomicU32::new(0);
    static MAILED: AtomicU32 = AtomicU32::new(0);

    #[task]
    async fn charge(customer: u32) -> u32 {
        CHARGED.fetch_add(1, Ordering::SeqCst);
        customer * 10
    }
    #[task]
    async fn mail(amount: u32) -> Result<u32, String> {
        if MAILED.fetch_add(1, Ordering::SeqCst) == 0 { Err("no connection".into()) } else { Ok(amount) }
    }
    #[flow]
    async fn bill(customer: u32) -> Result<u32> {
        let amount = charge(customer).await?;
        Ok(mail(amount).await?)
    }

    let folder = tempfile::tempdir().unwrap();
    let failed = bill(7).on(&kept_in(&folder).build()).idempotency_key("november").run().await;
    assert_eq!(failed.state(), State::Failed);
    let runtime = kept_in(&folder).build();
    let again = bill(7).on(&runtime).idempotency_key("november").run().await;
    assert_eq!((again.result().as_ref().unwrap(), again.id()), (&70, failed.id()));
    assert_eq!(bill(7).on(&runtime).idempotency_key("november").await.unwrap(), 70);
    assert_eq!((CHARGED.load(Ordering::SeqCst), MAILED.load(Ordering::SeqCst)), (1, 2));
    let december = bill(7).on(&runtime).idempotency_key("december").run().await;
    assert_ne!(december.id(), failed.id());
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_calls_with_one_key_at_the_same_time_begin_one_run() {
    static CHARGED: AtomicU32 = AtomicU32::new(0);

    #[task]
    async fn charge() -> u32 {
        CHARGED.fetch_add(1, Ordering::SeqCst);
        7
    }
    #[flow]
    async fn bill() -> Result<u32> {
        Ok(charge().await?)
    }

    let folder = tempfile::tempdir().unwrap();
    let runtimes: Vec<_> = (0..10).map(|_| kept_in(&folder).build()).collect();
    let calls = runtimes.iter().map(|runtime| bill().on(runtime).idempotency_key("once").run());
    let runs = futures::future::join_all(calls).await;
    assert_eq!(CHARGED.load(Ordering::SeqCst), 1);
    for run in runs {
        match run.result() {
            Ok(value) => assert_eq!(value, &7),
            // Whoever comes while another one runs it is told so.
            Err(error) => assert!(format!("{error:?}").contains("is being run by"), "{error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_gone_on_with_by_its_id_alone() {
    static BROKEN: AtomicBool = AtomicBool::new(true);

    #[task]
    async fn check(n: u32) -> Result<u32, String> {
        if BROKEN.load(Ordering::SeqCst) { Err("closed".into()) } else { Ok(n) }
    }
    /// Checks a number.
    #[flow]
    async fn checks(n: u32) -> Result<u32> {
        Ok(check(n).await?)
    }
    #[flow]
    async fn another() -> Result<u32> {
        Ok(1)
    }

    let folder = tempfile::tempdir().unwrap();
    let id = checks(5).on(&kept_in(&folder).build()).run().await.id().unwrap();
    let failed = kept_in(&folder).flow(checks::spec()).build().resume(id).await.unwrap();
    assert_eq!((failed.state(), failed.value()), (State::Failed, None));
    assert!(failed.error().unwrap().to_string().contains("closed"));
    BROKEN.store(false, Ordering::SeqCst);
    let knows_another = kept_in(&folder).flow(another::spec()).build();
    let error = knows_another.resume(id).await.unwrap_err();
    assert!(format!("{error:?}").contains("`.flow(checks::spec())`"), "{error:?}");
    drop(knows_another);
    let runtime = kept_in(&folder).flow(another::spec()).flow(checks::spec()).build();
    let run = runtime.resume(id).await.unwrap();
    assert_eq!((run.id(), run.state(), run.value()), (id, State::Completed, Some("5")));
    assert_eq!(run.task_runs().len(), 1);
    assert_eq!(runtime.flows()[1].description(), "Checks a number.");
    assert!(runtime.resume(knows_nobody()).await.is_err());
}

fn knows_nobody() -> flowkit::FlowRunId {
    serde_json::from_str("\"00000000-0000-7000-8000-000000000000\"").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_made_once_is_the_same_when_the_run_goes_on() {
    static MADE: AtomicU32 = AtomicU32::new(0);
    static SEEN: Mutex<Vec<u32>> = Mutex::new(Vec::new());
    static BROKEN: AtomicBool = AtomicBool::new(true);

    #[task]
    async fn seen(number: u32) -> Result<u32, String> {
        SEEN.lock().unwrap().push(number);
        if BROKEN.load(Ordering::SeqCst) { Err("not yet".into()) } else { Ok(number) }
    }
    #[flow]
    async fn draws() -> Result<(u32, u32)> {
        let first = once("draw", || MADE.fetch_add(1, Ordering::SeqCst)).await?;
        let second = once("draw", || MADE.fetch_add(1, Ordering::SeqCst)).await?;
        Ok((seen(first).await?, second))
    }

    let folder = tempfile::tempdir().unwrap();
    let id = draws().on(&kept_in(&folder).build()).run().await.id().unwrap();
    BROKEN.store(false, Ordering::SeqCst);
    let run = draws::resume(id).on(&kept_in(&folder).build()).run().await;
    assert_eq!(run.result().as_ref().unwrap(), &(0, 1));
    assert_eq!(*SEEN.lock().unwrap(), [0, 0]);
    assert_eq!(MADE.load(Ordering::SeqCst), 2, "each is made once");
    assert_eq!(run.task_runs()[0].label(), "draw");
}

#[tokio::test]
async fn a_value_outside_a_flow_is_made_each_time() {
    assert_eq!(once("name", || 7).await.unwrap(), 7);
}
