//! S1: cooperative cancellation. A body that listens is given the grace of the runtime, and its caller waits along.

use std::time::Duration;

use flowkit::prelude::*;
use flowkit::{RunningFlow, Runtime};
use tokio::time::Instant;

use crate::support::{Bodies, HOUR, replay};

const SECOND: Duration = Duration::from_secs(1);

#[task]
async fn waits(bodies: Bodies) -> u64 {
    let _inside = bodies.enter();
    tokio::time::sleep(HOUR).await;
    1
}

/// Ends by itself after `takes`, once it is cancelled.
#[task]
async fn listens(takes: Duration, bodies: Bodies) -> Result<u64, String> {
    let _inside = bodies.enter();
    ctx().cancelled().await;
    tokio::time::sleep(takes).await;
    Ok(takes.as_secs())
}

#[flow]
async fn submits_one_that_listens(takes: Duration, bodies: Bodies) -> Result<u64> {
    Ok(listens(takes, bodies).submit().await?)
}

#[flow]
async fn awaits_one_that_listens(takes: Duration, bodies: Bodies) -> Result<u64> {
    Ok(listens(takes, bodies).await?)
}

#[task]
async fn calls_one_that_listens(takes: Duration, bodies: Bodies) -> Result<u64> {
    Ok(listens(takes, bodies).await?)
}

#[flow]
async fn nests_one_that_listens(takes: Duration, bodies: Bodies) -> Result<u64> {
    let sub_flow = awaits_one_that_listens(takes, bodies.clone()).submit();
    let task = calls_one_that_listens(takes, bodies).submit();
    let _ = sub_flow.await;
    Ok(task.await?)
}

#[flow]
async fn listens_itself(takes: Duration, bodies: Bodies) -> Result<u64> {
    let _inside = bodies.enter();
    ctx().cancelled().await;
    tokio::time::sleep(takes).await;
    Ok(takes.as_secs())
}

/// Cancels a run after a second; returns how it and its tasks ended, and how long that took.
async fn cancel_after_a_second(
    call: impl Future<Output = RunningFlow<u64, flowkit::BoxError>>,
) -> (State, Vec<State>, Duration) {
    let running = call.await;
    tokio::time::sleep(SECOND).await;
    let cancelled = Instant::now();
    running.cancel();
    let run = running.await;
    replay::assert_structured(&run.events());
    (run.state(), run.task_runs().iter().map(|run| run.state).collect(), cancelled.elapsed())
}

const IN_TIME: Duration = Duration::from_secs(4);
const TOO_LONG: Duration = Duration::from_secs(40);
/// The default of the runtime.
const GRACE: Duration = Duration::from_secs(10);

#[flowkit::test]
async fn s1_a_task_that_listens_is_given_time_to_end_by_itself() {
    let bodies = Bodies::default();
    let submitted = async { submits_one_that_listens(IN_TIME, bodies.clone()).start() };
    let ended = cancel_after_a_second(submitted).await;
    assert_eq!(ended, (State::Cancelled, vec![State::Completed], IN_TIME));

    let awaited = async { awaits_one_that_listens(IN_TIME, bodies.clone()).start() };
    let ended = cancel_after_a_second(awaited).await;
    assert_eq!(ended.1, [State::Completed]);
    assert_eq!(ended.2, IN_TIME);
    bodies.assert_all_over();
}

#[flowkit::test]
async fn s1_a_task_that_listens_is_given_time_also_deep_inside_others() {
    let bodies = Bodies::default();
    let nested = async { nests_one_that_listens(IN_TIME, bodies.clone()).start() };
    let ended = cancel_after_a_second(nested).await;
    bodies.assert_all_over();
    assert_eq!(ended.2, IN_TIME);
    assert_eq!(bodies.begun(), 2);
}

#[flowkit::test]
async fn s1_a_flow_body_that_listens_is_given_time_too() {
    let bodies = Bodies::default();
    let own = async { listens_itself(IN_TIME, bodies.clone()).start() };
    let ended = cancel_after_a_second(own).await;
    bodies.assert_all_over();
    // Its result is discarded: the run was cancelled.
    assert_eq!(ended, (State::Cancelled, vec![], IN_TIME));
}

#[flowkit::test]
async fn s1_a_body_that_listens_and_does_not_end_is_ended_when_the_grace_is_over() {
    let bodies = Bodies::default();
    let submitted = async { submits_one_that_listens(TOO_LONG, bodies.clone()).start() };
    assert_eq!(cancel_after_a_second(submitted).await, (State::Cancelled, vec![State::Cancelled], GRACE));
    let awaited = async { awaits_one_that_listens(TOO_LONG, bodies.clone()).start() };
    assert_eq!(cancel_after_a_second(awaited).await, (State::Cancelled, vec![State::Cancelled], GRACE));
    let own = async { listens_itself(TOO_LONG, bodies.clone()).start() };
    assert_eq!(cancel_after_a_second(own).await, (State::Cancelled, vec![], GRACE));
    let nested = async { nests_one_that_listens(TOO_LONG, bodies.clone()).start() };
    let ended = cancel_after_a_second(nested).await;
    assert_eq!((ended.0, ended.2), (State::Cancelled, GRACE));
    bodies.assert_all_over();
}

#[flowkit::test]
async fn s1_the_grace_is_the_runtimes() {
    let (bodies, runtime) = (Bodies::default(), Runtime::builder().grace(SECOND).build());
    let submitted = async { submits_one_that_listens(IN_TIME, bodies.clone()).on(&runtime).start() };
    assert_eq!(cancel_after_a_second(submitted).await, (State::Cancelled, vec![State::Cancelled], SECOND));
    bodies.assert_all_over();
}

#[flow]
async fn awaits_a_deaf_one_after_one_that_listens(bodies: Bodies) -> Result<u64> {
    let call = listens(Duration::ZERO, bodies.clone());
    tokio::select! {
        _ = call => panic!("nobody cancelled it"),
        () = tokio::time::sleep(Duration::from_millis(1)) => {}
    }
    Ok(waits(bodies).await?)
}

#[flowkit::test]
async fn s1_the_patience_for_one_that_listens_ends_with_it() {
    let bodies = Bodies::default();
    let deaf = async { awaits_a_deaf_one_after_one_that_listens(bodies.clone()).start() };
    let ended = cancel_after_a_second(deaf).await;
    bodies.assert_all_over();
    assert_eq!(ended, (State::Cancelled, vec![State::Cancelled; 2], Duration::ZERO));
}
