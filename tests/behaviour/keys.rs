//! Two calls with one idempotency key: in one runtime the second waits for the first; another process is refused, with a type.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use flowkit::prelude::*;
use flowkit::store::{MemoryStore, SqliteStore};
use flowkit::{Refusal, Runtime};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

/// How often `charge` has begun, by test.
static CHARGED: [AtomicU32; 4] = [const { AtomicU32::new(0) }; 4];

fn charged(test: usize) -> u32 {
    CHARGED[test].load(Ordering::SeqCst)
}

#[task]
async fn charge(amount: u32, test: usize) -> Result<u32, String> {
    let call = CHARGED[test].fetch_add(1, Ordering::SeqCst);
    sleep(10 * SECOND).await;
    if amount == 13 && call == 0 { Err("unlucky".into()) } else { Ok(amount) }
}

#[flow]
async fn bill(amount: u32, test: usize) -> Result<u32> {
    Ok(charge(amount, test).await?)
}

fn kept() -> Runtime {
    Runtime::builder().store(MemoryStore::new()).build()
}

#[flowkit::test]
async fn a_second_call_in_the_same_runtime_waits_for_the_first_and_gets_its_result() {
    let (runtime, begun) = (kept(), Instant::now());
    let call = |amount| bill(amount, 0).on(&runtime).idempotency_key("november").run();
    let (first, second, third) = tokio::join!(call(7), call(7), call(7));
    for run in [&second, &third] {
        assert_eq!((run.result().as_ref().unwrap(), run.id()), (&7, first.id()));
    }
    assert_eq!(charged(0), 1);
    assert!(begun.elapsed() < 15 * SECOND, "{:?}", begun.elapsed());
}

#[flowkit::test]
async fn a_second_call_that_waited_gets_the_failure_of_the_first_and_a_later_one_retries_it() {
    let runtime = kept();
    let call = || bill(13, 1).on(&runtime).idempotency_key("november").run();
    let (first, second) = tokio::join!(call(), call());
    assert_eq!((first.state(), second.state()), (State::Failed, State::Failed));
    assert_eq!(second.id(), first.id());
    assert_eq!(charged(1), 1);
    assert_eq!(call().await.result().as_ref().unwrap(), &13);
}

#[flowkit::test]
async fn a_call_that_waits_may_be_dropped_and_one_whose_first_is_dropped_continues_it() {
    let runtime = kept();
    let call = || bill(7, 2).on(&runtime).idempotency_key("november").run();
    let first = tokio::spawn(call());
    sleep(SECOND).await;
    assert!(tokio::time::timeout(SECOND, call()).await.is_err());
    let last = tokio::spawn(call());
    sleep(SECOND).await;
    assert!(!first.is_finished());
    first.abort();
    assert!(first.await.is_err());
    assert_eq!(last.await.unwrap().result().as_ref().unwrap(), &7);
    assert_eq!(charged(2), 2, "the task that was cancelled with its flow ran again");
}

#[flowkit::test]
async fn a_call_from_elsewhere_is_refused_with_the_run_and_the_process_that_hold_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let open = || SqliteStore::open(folder.path().join("runs.db")).unwrap();
    let [here, elsewhere] = [open(), open()].map(|store| Runtime::builder().store(store).build());
    let call = |runtime| bill(7, 3).on(runtime).idempotency_key("november").run();
    let first = tokio::spawn(call(&here));
    sleep(SECOND).await;
    let refused = call(&elsewhere).await;
    let error = refused.result().as_ref().unwrap_err();
    let Error::Refused { refusal: Refusal::KeyHeld { held_by, owner, .. }, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(owner.pid, std::process::id());
    assert!(format!("{error:?}").contains("is being run by process"), "{error:?}");
    let first = first.await.unwrap();
    assert_eq!(first.id(), Some(*held_by));
    assert_eq!(call(&elsewhere).await.result().as_ref().unwrap(), &7);
    assert_eq!(charged(3), 1);
}

#[flowkit::test]
async fn a_flow_that_calls_itself_with_its_own_key_is_refused_and_does_not_wait_for_ever() {
    #[flow]
    async fn recurses(depth: u32) -> Result<u32> {
        let inner = Box::pin(recurses(depth + 1).idempotency_key("one").run()).await;
        let error = inner.result().as_ref().unwrap_err();
        assert!(matches!(error, Error::Refused { refusal: Refusal::KeyHeld { .. }, .. }), "{error:?}");
        Ok(depth)
    }

    assert_eq!(recurses(0).on(&kept()).idempotency_key("one").await.unwrap(), 0);
}
