//! D10: what a body holds, takes and returns is on the stack only where tokio puts it there, not once per layer of flowkit.
//!
//! Each test runs on a thread with the stack of a worker, so that it does not depend on the test runner. One that fails ends its
//! process.

use std::future::Future;
use std::hint::black_box;
use std::thread;

use flowkit::prelude::*;
use tokio::task::yield_now;

/// The stack of tokio's workers, and of the threads that run tests.
const STACK: usize = 2 * 1024 * 1024;

/// What a body holds: tokio alone bears it too, and not much more where nothing is optimized.
const LARGE: usize = 256 * 1024;

/// An argument is less, since an `async fn` has room for each of its arguments twice.
const ARGUMENT: usize = LARGE / 4;

fn on_a_worker<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    let run =
        || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(test());
    thread::Builder::new().stack_size(STACK).spawn(run).unwrap().join().unwrap();
}

#[task]
async fn holds() -> usize {
    let bytes = [1_u8; LARGE];
    yield_now().await;
    black_box(&bytes).len()
}

#[task(retries = 1)]
async fn holds_and_fails_once() -> Result<usize, String> {
    let bytes = [1_u8; LARGE];
    yield_now().await;
    if ctx().attempt() == 1 { Err("not yet".into()) } else { Ok(black_box(&bytes).len()) }
}

#[task(timeout = "1h")]
async fn holds_with_a_limit() -> usize {
    let bytes = [1_u8; LARGE];
    yield_now().await;
    black_box(&bytes).len()
}

#[task]
async fn borrows(bytes: &[u8]) -> usize {
    let mine = [1_u8; LARGE];
    yield_now().await;
    black_box(&mine).len() + bytes.len()
}

/// Only what is worth another attempt gets one.
#[task(retries = 5, retry_if = |error: &String| error == "again", run_name = "large {number}")]
async fn says_everything(number: u32) -> Result<usize, String> {
    let bytes = [1_u8; LARGE];
    yield_now().await;
    match ctx().attempt() {
        1 => Err("again".into()),
        _ => Err(format!("{number}: {} bytes", black_box(&bytes).len())),
    }
}

#[task]
async fn takes(bytes: [u8; ARGUMENT]) -> usize {
    yield_now().await;
    black_box(&bytes).len()
}

#[task]
fn takes_and_blocks(bytes: [u8; ARGUMENT]) -> usize {
    black_box(&bytes).len()
}

#[flow]
async fn flow_that_holds(left: u32) -> Result<usize> {
    let bytes = [1_u8; LARGE];
    let below = match left {
        0 => 0,
        _ => flow_that_holds(left - 1).await?,
    };
    Ok(below + black_box(&bytes).len())
}

#[flow]
async fn flow_that_takes(bytes: [u8; ARGUMENT]) -> Result<usize> {
    yield_now().await;
    Ok(black_box(&bytes).len())
}

#[flow]
async fn awaits_in_place() -> Result<usize> {
    Ok(holds().await? + holds_with_a_limit().await? + holds_and_fails_once().await?)
}

#[flow]
async fn submits() -> Result<usize> {
    let handles = [holds().submit(), holds_with_a_limit().submit(), holds::submit()];
    let mut sum = holds_and_fails_once().submit().await?;
    for handle in handles {
        sum += handle.await?;
    }
    Ok(sum)
}

#[flow]
async fn fails() -> Result<usize> {
    Ok(says_everything(7).submit().await?)
}

#[flow]
async fn gives_large_arguments() -> Result<usize> {
    Ok(takes([1_u8; ARGUMENT]).submit().await? + takes_and_blocks([1; ARGUMENT]).submit().await?)
}

#[test]
fn d10_a_task_that_is_awaited_may_hold_much() {
    on_a_worker(|| async {
        assert_eq!(holds().await.unwrap(), LARGE);
        assert_eq!(awaits_in_place().await.unwrap(), 3 * LARGE);
        assert_eq!(borrows(&[1, 2]).await.unwrap(), LARGE + 2);
    });
}

#[test]
fn d10_a_task_that_is_submitted_may_hold_much() {
    on_a_worker(|| async { assert_eq!(submits().await.unwrap(), 4 * LARGE) });
}

#[test]
fn d10_a_flow_and_its_sub_flows_may_hold_much() {
    on_a_worker(|| async {
        assert_eq!(flow_that_holds(20).await.unwrap(), 21 * LARGE);
        assert_eq!(flow_that_holds(1).run().await.into_result().unwrap(), 2 * LARGE);
    });
}

#[test]
fn d10_a_large_body_has_the_policies_and_the_name_of_its_task() {
    on_a_worker(|| async {
        let run = fails().run().await;
        let failed = &run.task_runs()[0];
        assert_eq!((failed.attempt, failed.label()), (2, "large 7".to_owned()));
    });
}

#[test]
fn d10_an_argument_may_be_large() {
    on_a_worker(|| async { assert_eq!(gives_large_arguments().await.unwrap(), 2 * ARGUMENT) });
    on_a_worker(|| async { assert_eq!(takes([1_u8; ARGUMENT]).await.unwrap(), ARGUMENT) });
    on_a_worker(|| async { assert_eq!(flow_that_takes([1_u8; ARGUMENT]).await.unwrap(), ARGUMENT) });
}
