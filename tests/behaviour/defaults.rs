//! A14: the defaults of a task without its own options: from its flow, then from the runtime.

use std::time::Duration;

use flowkit::Runtime;
use flowkit::policy::TaskPolicy;
use flowkit::prelude::*;

use crate::support::{Bodies, HOUR};

#[task]
async fn says_nothing(bodies: Bodies) -> Result<u64, String> {
    let _inside = bodies.enter();
    Err("no".into())
}

#[task(retries = 0)]
async fn says_none(bodies: Bodies) -> Result<u64, String> {
    let _inside = bodies.enter();
    Err("no".into())
}

#[task(retries = 1)]
async fn says_one(bodies: Bodies) -> Result<u64, String> {
    let _inside = bodies.enter();
    Err("no".into())
}

/// How often each of them was tried: awaited and submitted.
async fn tries() -> [usize; 4] {
    let all: [Bodies; 4] = Default::default();
    let _ = says_nothing(all[0].clone()).await;
    let _ = says_none(all[1].clone()).await;
    says_one(all[2].clone()).submit().ended().await;
    let _ = says_nothing(all[3].clone()).retries(0).await;
    all.map(|bodies| bodies.begun())
}

#[flow(task_defaults(retries = 3, retry_delay = "1h"))]
async fn with_defaults() -> [usize; 4] {
    tries().await
}

#[flow]
async fn without_defaults() -> [usize; 4] {
    tries().await
}

#[flow(task_defaults(retry_delay = "1m"))]
async fn with_other_defaults() -> [usize; 4] {
    tries().await
}

#[flow(task_defaults(retries = 0))]
async fn with_none_by_default() -> [usize; 4] {
    tries().await
}

#[flowkit::test]
async fn a14_a_task_takes_the_defaults_of_its_flow_and_an_explicit_zero_wins_over_them() {
    assert_eq!(with_defaults().await.unwrap(), [4, 1, 2, 1]);
    assert_eq!(without_defaults().await.unwrap(), [1, 1, 2, 1]);
}

#[flowkit::test]
async fn a14_the_runtime_gives_what_the_flow_leaves_open() {
    let runtime = Runtime::builder().task_defaults(TaskPolicy::EMPTY.retries(2)).build();
    assert_eq!(without_defaults().on(&runtime).await.unwrap(), [3, 1, 2, 1]);
    assert_eq!(with_other_defaults().on(&runtime).await.unwrap(), [3, 1, 2, 1]);
    assert_eq!(with_defaults().on(&runtime).await.unwrap(), [4, 1, 2, 1], "the flow is nearer");
    assert_eq!(with_none_by_default().on(&runtime).await.unwrap(), [1, 1, 2, 1], "a zero is said too");
}

#[flowkit::test]
async fn a14_the_runtime_gives_defaults_to_tasks_outside_a_flow_too() {
    let runtime = Runtime::builder().task_defaults(TaskPolicy::EMPTY.retries(2)).build();
    let bodies = Bodies::default();
    runtime.scope(says_nothing(bodies.clone()).into_future()).await.unwrap_err();
    assert_eq!(bodies.begun(), 3);
    let bodies = Bodies::default();
    says_none(bodies.clone()).on(&runtime).await.unwrap_err();
    assert_eq!(bodies.begun(), 1);
}

#[flow(task_defaults(retries = 3))]
async fn fails_itself(bodies: Bodies) -> Result<u64, String> {
    let _inside = bodies.enter();
    Err("no".into())
}

#[flowkit::test]
async fn a14_defaults_are_for_tasks_and_not_for_the_flow_that_gives_them() {
    let runtime = Runtime::builder().task_defaults(TaskPolicy::EMPTY.retries(5)).build();
    let bodies = Bodies::default();
    fails_itself(bodies.clone()).on(&runtime).await.unwrap_err();
    assert_eq!(bodies.begun(), 1);
}

#[task]
async fn is_slow() -> u64 {
    tokio::time::sleep(HOUR).await;
    1
}

#[flow(task_defaults(timeout = "1m"))]
async fn in_a_hurry() -> Result<(bool, Duration, Duration)> {
    let start = tokio::time::Instant::now();
    let timed_out = is_slow().submit().await.is_err_and(|error| error.is_timed_out());
    let patient = tokio::time::Instant::now();
    is_slow().timeout(Duration::MAX).await?;
    Ok((timed_out, patient - start, patient.elapsed()))
}

#[flowkit::test]
async fn a14_a_timeout_is_a_default_too_and_a_call_can_take_it_away() {
    assert_eq!(in_a_hurry().await.unwrap(), (true, Duration::from_secs(60), HOUR));
}
