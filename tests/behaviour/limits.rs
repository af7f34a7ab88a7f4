//! I7, I8 and B7: how many run at the same time, and how many start in a time. Nested waits: `reliability/nested_limits.rs`.

use std::sync::Arc;
use std::time::Duration;

use flowkit::model::TaskRunId;
use flowkit::prelude::*;
use flowkit::{Refusal, Runtime, limits};
use tokio::sync::Barrier;
use tokio::time::Instant;

use crate::support::{Bodies, HOUR, replay};

const SECOND: Duration = Duration::from_secs(1);

#[task(concurrency = "gpu")]
async fn trains(bodies: Bodies) -> u64 {
    let _inside = bodies.enter();
    tokio::time::sleep(HOUR).await;
    1
}

#[flow]
async fn trains_many(count: usize, bodies: Bodies) -> Result<u64> {
    Ok(trains::map(vec![bodies; count]).await?.iter().sum())
}

#[flowkit::test]
async fn i7_as_many_run_as_the_limit_has_slots_and_the_others_wait() {
    limits::set("gpu", 3);
    let (bodies, start) = (Bodies::default(), Instant::now());
    let run = trains_many(10, bodies.clone()).run().await;
    assert_eq!((bodies.begun(), bodies.most()), (10, 3));
    assert_eq!(start.elapsed(), 4 * HOUR);
    assert_eq!(replay::most_running(&run.events(), |id| id != TaskRunId::FLOW), 3);
    assert_eq!(replay::names(&run.events(), TaskRunId::new(1)), ["created", "started", "completed"]);
    assert_eq!(
        replay::names(&run.events(), TaskRunId::new(4)),
        ["created", "queued", "started", "completed"]
    );
    assert_eq!(limits::free("gpu"), Some(3));
}

#[flowkit::test]
async fn i7_a_run_that_waits_for_a_slot_is_waiting_and_not_running() {
    limits::set("gpu", 1);
    let running = trains_many(2, Bodies::default()).start();
    tokio::time::sleep(SECOND).await;
    let states: Vec<_> = running.graph().nodes().iter().map(|node| node.state).collect();
    assert_eq!(states, [State::Running, State::Waiting]);
    let run = running.await;
    let started_at = run.task_runs()[1].started_at.unwrap();
    assert_eq!(started_at.since(run.flow().unwrap().created_at), HOUR);
}

#[flowkit::test]
async fn i7_a_name_without_a_limit_costs_nothing_and_holds_nobody_up() {
    let (bodies, start) = (Bodies::default(), Instant::now());
    trains_many(10, bodies.clone()).await.unwrap();
    assert_eq!((bodies.most(), start.elapsed()), (10, HOUR));
    assert_eq!(limits::free("gpu"), None);
}

#[task(tags = ["database"])]
async fn reads(bodies: Bodies) {
    let _inside = bodies.enter();
    tokio::time::sleep(HOUR).await;
}

#[task]
async fn tagged_by_the_call(bodies: Bodies) {
    let _inside = bodies.enter();
    tokio::time::sleep(HOUR).await;
}

#[flow]
async fn reads_many(bodies: Bodies) -> Result<()> {
    reads::map(vec![bodies.clone(); 2]).list().await?;
    let call = tagged_by_the_call(bodies).tags(["slow", "database"]).submit();
    Ok(call.await?)
}

#[flowkit::test]
async fn i7_a_tag_that_is_the_name_of_a_limit_takes_a_slot_of_it() {
    limits::set("database", 1);
    let bodies = Bodies::default();
    reads_many(bodies.clone()).await.unwrap();
    assert_eq!((bodies.begun(), bodies.most()), (3, 1));
}

#[task(concurrency = "gpu:3")]
async fn heavy(bodies: Bodies) {
    let _inside = bodies.enter();
    tokio::time::sleep(HOUR).await;
}

#[flow]
async fn heavy_and_light(bodies: Bodies) -> Result<Vec<u64>> {
    let start = Instant::now();
    let light = trains(bodies.clone()).submit();
    let heavy = heavy(bodies.clone()).submit();
    let later = trains(bodies).submit();
    let mut ends = Vec::new();
    light.await?;
    ends.push(start.elapsed().as_secs());
    heavy.await?;
    ends.push(start.elapsed().as_secs());
    later.await?;
    ends.push(start.elapsed().as_secs());
    Ok(ends)
}

#[flowkit::test]
async fn i7_a_weight_takes_so_many_slots_and_is_not_overtaken() {
    limits::set("gpu", 3);
    let bodies = Bodies::default();
    let hour = HOUR.as_secs();
    assert_eq!(heavy_and_light(bodies.clone()).await.unwrap(), [hour, 2 * hour, 3 * hour]);
    assert_eq!(bodies.most(), 1);
}

#[flow]
async fn asks_for_too_much(bodies: Bodies) -> Result<()> {
    Ok(heavy(bodies).await?)
}

#[flowkit::test]
async fn i7_a_weight_that_never_fits_is_refused_and_not_waited_for() {
    limits::set("gpu", 2);
    let bodies = Bodies::default();
    let run = asks_for_too_much(bodies.clone()).run().await;
    assert_eq!((bodies.begun(), run.task_runs()[0].state), (0, State::Failed));
    let message = run.task_runs()[0].error.as_deref().unwrap().to_string();
    assert_eq!(message, "task `heavy` cannot run: it asks for 3 of the limit `gpu`, which has 2");
}

#[flow]
async fn one_with_another_limit(bodies: Bodies) -> Result<()> {
    let (first, second) = (
        trains(bodies.clone()).concurrency("cpu", 1).submit(),
        trains(bodies.clone()).concurrency("cpu", 1).submit(),
    );
    trains(bodies).await?;
    first.await?;
    second.await?;
    Ok(())
}

#[flowkit::test]
async fn i7_what_a_call_says_of_limits_replaces_what_its_task_says() {
    limits::set("gpu", 1);
    limits::set("cpu", 1);
    let (bodies, start) = (Bodies::default(), Instant::now());
    one_with_another_limit(bodies.clone()).await.unwrap();
    assert_eq!((bodies.most(), start.elapsed()), (2, 2 * HOUR));
}

#[flowkit::test]
async fn i8_a_limit_may_grow_shrink_and_go_while_tasks_wait_for_it() {
    limits::set("gpu", 1);
    let bodies = Bodies::default();
    let running = trains_many(6, bodies.clone()).start();
    tokio::time::sleep(SECOND).await;
    assert_eq!(bodies.begun(), 1);
    limits::set("gpu", 3);
    tokio::time::sleep(SECOND).await;
    assert_eq!(bodies.begun(), 3);
    limits::set("gpu", 1);
    tokio::time::sleep(HOUR).await;
    assert_eq!((bodies.begun(), bodies.over()), (4, 3));
    limits::remove("gpu");
    running.await.into_result().unwrap();
    assert_eq!((bodies.begun(), bodies.most()), (6, 3));
}

#[task(concurrency = "gpu", timeout = "1m")]
async fn times_out(bodies: Bodies) -> u64 {
    let _inside = bodies.enter();
    tokio::time::sleep(HOUR).await;
    1
}

#[task(concurrency = "gpu", retries = 1, retry_delay = "1h")]
async fn fails(bodies: Bodies) -> Result<u64, String> {
    let _inside = bodies.enter();
    Err("no".into())
}

#[flow]
async fn times_out_then_fails(bodies: Bodies) -> Result<u64> {
    let ends = (times_out(bodies.clone()).submit(), fails(bodies.clone()).submit(), trains(bodies).submit());
    ends.0.ended().await;
    ends.1.ended().await;
    Ok(ends.2.await?)
}

#[flowkit::test]
async fn b7_a_slot_is_free_at_a_timeout_and_in_a_retry_delay() {
    limits::set("gpu", 1);
    let (bodies, start) = (Bodies::default(), Instant::now());
    let run = times_out_then_fails(bodies.clone()).run().await;
    assert_eq!(bodies.most(), 1);
    // A minute for the first; the second waits an hour for its retry, in which the third runs.
    assert_eq!(start.elapsed(), HOUR + 60 * SECOND);
    assert_eq!(replay::most_running(&run.events(), |id| id != TaskRunId::FLOW), 1);
}

#[task]
async fn sleeps(bodies: Bodies) -> u64 {
    let _inside = bodies.enter();
    tokio::time::sleep(HOUR).await;
    1
}

#[flow(max_concurrency = 4)]
async fn four_at_a_time(bodies: Bodies) -> Result<()> {
    sleeps::map(vec![bodies; 10]).await?;
    Ok(())
}

#[flowkit::test]
async fn max_concurrency_is_the_number_of_tasks_of_a_run_that_run_at_the_same_time() {
    let (bodies, start) = (Bodies::default(), Instant::now());
    let run = four_at_a_time(bodies.clone()).run().await;
    assert_eq!((bodies.begun(), bodies.most()), (10, 4));
    assert_eq!(start.elapsed(), 3 * HOUR);
    assert_eq!(replay::most_running(&run.events(), |id| id != TaskRunId::FLOW), 4);
}

#[flowkit::test]
async fn max_concurrency_counts_for_each_run_by_itself() {
    let bodies = Bodies::default();
    let (first, second) = tokio::join!(four_at_a_time(bodies.clone()), four_at_a_time(bodies.clone()));
    first.unwrap();
    second.unwrap();
    assert_eq!(bodies.most(), 8);
}

#[flowkit::test]
async fn the_limit_of_a_run_goes_with_it() {
    let runtime = Runtime::builder().build();
    let nothing = format!("{runtime:?}");
    four_at_a_time(Bodies::default()).on(&runtime).await.unwrap();
    let running = four_at_a_time(Bodies::default()).on(&runtime).start();
    assert_ne!(format!("{runtime:?}"), nothing);
    running.cancel();
    let _ = running.await;
    assert_eq!(format!("{runtime:?}"), nothing);
}

#[task]
async fn meets(barrier: Arc<Barrier>) -> bool {
    barrier.wait().await.is_leader()
}

#[task]
fn meets_on_a_thread(barrier: Arc<std::sync::Barrier>) -> bool {
    barrier.wait().is_leader()
}

#[flow]
async fn all_meet(count: usize) -> Result<usize> {
    let (barrier, on_threads) = (Arc::new(Barrier::new(count)), Arc::new(std::sync::Barrier::new(count)));
    let tasks = meets::map((0..count).map(|_| Arc::clone(&barrier)));
    let threads = meets_on_a_thread::map((0..count).map(|_| Arc::clone(&on_threads)));
    let mut leaders = tasks.await?;
    leaders.extend(threads.await?);
    Ok(leaders.into_iter().filter(|leader| *leader).count())
}

#[flowkit::test]
async fn twenty_seven_tasks_run_at_the_same_time_and_so_do_twenty_seven_blocking_ones() {
    assert_eq!(all_meet(27).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_seven_tasks_meet_on_two_threads_too() {
    assert_eq!(all_meet(27).await.unwrap(), 2);
}

#[task(concurrency = "api")]
async fn asks(start: Instant) -> Duration {
    start.elapsed()
}

#[flow]
async fn asks_many(count: usize) -> Result<Vec<u64>> {
    let asked = asks::map(vec![Instant::now(); count]).await?;
    Ok(asked.into_iter().map(|wait| wait.as_secs()).collect())
}

#[flowkit::test]
async fn a_rate_lets_so_many_start_in_a_time_and_holds_the_others_up() {
    limits::set_rate("api", 3, 60 * SECOND);
    let mut waits = asks_many(8).await.unwrap();
    waits.sort_unstable();
    assert_eq!(waits, [0, 0, 0, 60, 60, 60, 120, 120]);
}

#[flowkit::test]
async fn a_rate_is_the_runtimes_and_counts_over_all_of_its_runs() {
    let runtime = Runtime::builder().rate("api", 2, 60 * SECOND).build();
    assert_eq!(asks_many(2).on(&runtime).await.unwrap(), [0, 0]);
    assert_eq!(asks_many(2).on(&runtime).await.unwrap(), [60, 60]);
    assert_eq!(asks_many(2).await.unwrap(), [0, 0], "in another runtime");
}

#[task(concurrency = "api", retries = 2)]
async fn is_refused(start: Instant) -> Result<u64, String> {
    if ctx().attempt() < 3 { Err("busy".into()) } else { Ok(start.elapsed().as_secs()) }
}

#[flow]
async fn asks_until_it_may() -> Result<u64> {
    Ok(is_refused(Instant::now()).await?)
}

#[flowkit::test]
async fn each_attempt_counts_for_a_rate() {
    limits::set_rate("api", 1, 60 * SECOND);
    assert_eq!(asks_until_it_may().await.unwrap(), 120);
}

#[flow]
async fn one_call_outside(bodies: Bodies) -> u64 {
    // The runtime's limits hold for calls outside a flow too.
    trains(bodies).await.unwrap_or(0)
}

#[flowkit::test]
async fn i7_limits_hold_for_tasks_that_are_called_outside_a_flow() {
    limits::set("gpu", 1);
    let (bodies, start) = (Bodies::default(), Instant::now());
    let (outside, inside) = tokio::join!(trains(bodies.clone()), one_call_outside(bodies.clone()));
    assert_eq!((outside.unwrap(), inside.unwrap()), (1, 1));
    assert_eq!((bodies.most(), start.elapsed()), (1, 2 * HOUR));
}

#[flowkit::test]
async fn i7_a_limit_of_no_slots_refuses_every_caller() {
    limits::set("gpu", 0);
    let error = trains(Bodies::default()).await.unwrap_err();
    let Error::Refused { refusal, .. } = error else { panic!("{error:?}") };
    assert_eq!(refusal, Refusal::WeightExceedsLimit { limit: "gpu".into(), weight: 1, slots: 0 });
}
