//! R41: flows that call each other endlessly are refused at a depth, and can be dropped afterwards.
//!
//! Only flows: a task awaited in place is part of its caller's future, so tasks that await themselves end like any other
//! recursion, on the stack. If they are submitted, only memory limits them; a
//! chain of their errors, one inside the other, is dropped recursively, which ends at some 8,000 of them on a thread with 2 MiB.

use flowkit::prelude::*;
use flowkit::{Refusal, TaskError};

/// The most that flows may nest.
const DEPTH_MAX: u32 = 1_000;

#[flow]
async fn down(left: u32) -> Result<u32, String> {
    match left {
        0 => Ok(0),
        _ => match down(left - 1).await {
            Ok(depth) => Ok(depth + 1),
            Err(error) => Err(root(error)),
        },
    }
}

/// The message of the flow at the bottom.
fn root(error: Error<String>) -> String {
    match error {
        Error::Task(failure) => failure.to_string(),
        Error::Refused { refusal: refusal @ Refusal::DepthExceeded { .. }, .. } => refusal.to_string(),
        other => other.to_string(),
    }
}

/// Runs a future on a thread with the stack of a worker of tokio, and drops there whatever it returns.
fn on_a_thread_with_2_mib<F>(future: impl FnOnce() -> F + Send + 'static)
where
    F: Future,
{
    let run = || {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        drop(tokio.block_on(future()));
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r41_flows_nest_as_deep_as_the_limit() {
    assert_eq!(down(DEPTH_MAX).await.unwrap(), DEPTH_MAX);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r41_a_flow_that_calls_itself_without_end_is_refused_at_the_limit() {
    let error = down(u32::MAX).await.unwrap_err();
    assert_eq!(
        root(error),
        "it would be nested 1001 flows deep, and 1000 is the most: does a flow call itself without end?"
    );
}

#[flow]
async fn down_with_the_chain(left: u32) -> Result<u32> {
    if left == 0 { Ok(0) } else { Ok(down_with_the_chain(left - 1).await? + 1) }
}

#[flow]
async fn down_submitted(left: u32) -> Result<u32> {
    if left == 0 { Ok(0) } else { Ok(down_submitted(left - 1).submit().await? + 1) }
}

#[flow]
async fn down_with_runs(left: u32) -> Result<u32> {
    if left == 0 { Ok(0) } else { Ok(down_with_runs(left - 1).run().await.into_result()? + 1) }
}

fn length<E: TaskError>(error: &Error<E>) -> usize {
    std::iter::successors(std::error::Error::source(error), |error| (*error).source()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r41_an_error_with_a_cause_for_each_level_can_be_read_and_dropped() {
    let error = down_with_the_chain(u32::MAX).await.unwrap_err();
    assert_eq!(length(&error), DEPTH_MAX as usize + 2);
    drop(error);
    let error = down_submitted(u32::MAX).await.unwrap_err();
    assert_eq!(length(&error), DEPTH_MAX as usize + 2);
    drop(error);
    let error = down_with_runs(u32::MAX).await.unwrap_err();
    assert_eq!(length(&error), DEPTH_MAX as usize + 2);
}

/// A task between two flows: two causes for each level.
#[task]
async fn between(left: u32) -> Result<u32> {
    Ok(down_through_tasks(left).await?)
}

#[flow]
async fn down_through_tasks(left: u32) -> Result<u32> {
    if left == 0 { Ok(0) } else { Ok(between(left - 1).submit().await? + 1) }
}

#[test]
fn r41_2_mib_of_stack_are_enough_for_the_deepest_nesting_and_for_dropping_what_is_left_of_it() {
    on_a_thread_with_2_mib(|| async {
        assert_eq!(down(DEPTH_MAX).await.unwrap(), DEPTH_MAX);
        assert_eq!(down_submitted(DEPTH_MAX).await.unwrap(), DEPTH_MAX);
        assert_eq!(down_through_tasks(DEPTH_MAX).await.unwrap(), DEPTH_MAX);
        let run = down_through_tasks(u32::MAX).run().await;
        let (graph, record) = (run.graph(), run.task_runs());
        let handle = down_submitted::of(u32::MAX).start();
        let error = down_with_the_chain(u32::MAX).await.unwrap_err();
        assert_eq!(format!("{error:?}").lines().count(), DEPTH_MAX as usize + 3);
        (error.clone(), error, graph, record, run, handle.await)
    });
}

#[flow]
async fn waits_at(left: u32) -> Result<u32> {
    if left == 0 {
        std::future::pending::<()>().await;
    }
    Ok(waits_at(left - 1).await? + 1)
}

#[flowkit::test]
async fn r41_a_thousand_nested_flows_can_be_cancelled() {
    let running = waits_at(DEPTH_MAX).start();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    running.cancel();
    let run = running.await;
    assert_eq!((run.state(), run.task_runs()[0].state), (State::Cancelled, State::Cancelled));
}

#[test]
fn r41_a_thousand_nested_flows_can_be_dropped_with_their_tokio_runtime() {
    let tokio =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let running = tokio.block_on(async {
        let running = waits_at(DEPTH_MAX).start();
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        running
    });
    drop(tokio);
    assert_eq!(running.state(), State::Cancelled);
}

#[task]
async fn submits_itself(left: u32) -> Result<u32, String> {
    match left {
        0 => Ok(0),
        _ => {
            submits_itself(left - 1).submit().await.map(|depth| depth + 1).map_err(|error| error.to_string())
        }
    }
}

#[flow]
async fn nests_tasks(depth: u32) -> Result<u32> {
    Ok(submits_itself(depth).submit().await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r41_tasks_that_submit_themselves_nest_as_deep_as_the_memory_allows() {
    assert_eq!(nests_tasks(50_000).await.unwrap(), 50_000);
}
