//! Promise 2: no task outlives its run, however the run ends, however deep flows are nested, wherever it was called.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use flowkit::model::Event;
use flowkit::prelude::*;
use flowkit::{EventStream, RunningFlow};

use crate::support::{Bodies, HOUR, replay};

const DEPTH: u32 = 5;
const SECOND: Duration = Duration::from_secs(1);

/// How a flow calls the flow below it.
#[derive(Clone, Copy, Debug)]
enum How {
    InPlace,
    Submitted,
    Spawned,
    ARunOfItsOwn,
}

/// How the bottom of the nest behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bottom {
    Waits,
    Panics,
}

const WAYS: [How; 4] = [How::InPlace, How::Submitted, How::Spawned, How::ARunOfItsOwn];

#[task]
async fn waits(bodies: Bodies) {
    let _inside = bodies.enter();
    tokio::time::sleep(HOUR).await;
}

/// Continues for ten seconds after it was cancelled: within its grace period.
#[task]
async fn lingers(bodies: Bodies) {
    let _inside = bodies.enter();
    ctx().cancelled().await;
    tokio::time::sleep(9 * SECOND).await;
}

#[task]
async fn calls_on(bodies: Bodies) -> Result<()> {
    let _inside = bodies.enter();
    Ok(waits(bodies.clone()).await?)
}

#[flow]
async fn level(depth: u32, how: How, bottom: Bottom, bodies: Bodies) -> Result<()> {
    let _inside = bodies.enter();
    let _ = waits(bodies.clone()).submit();
    let _ = calls_on(bodies.clone()).submit();
    let of_a_spawned_task = bodies.clone();
    drop(flowkit::spawn(async move {
        let _ = waits(of_a_spawned_task.clone()).submit();
        waits(of_a_spawned_task).await
    }));
    if depth == 1 {
        let _ = lingers(bodies.clone()).submit();
        flowkit::sleep(SECOND).await;
        assert_ne!(bottom, Bottom::Panics, "the bottom");
        return Ok(waits(bodies.clone()).await?);
    }
    let below = level(depth - 1, how, bottom, bodies.clone());
    match how {
        How::InPlace => below.await?,
        How::Submitted => below.submit().await?,
        How::Spawned => flowkit::spawn(below.into_future()).await??,
        How::ARunOfItsOwn => below.run().await.into_result()?,
    }
    Ok(())
}

/// The bodies of one level: itself, two submitted tasks and one that is called on, two of a spawned task.
const PER_LEVEL: usize = 6;
/// What the bottom adds: a submitted task and one in place.
const AT_THE_BOTTOM: usize = 2;

async fn rest(mut events: EventStream) -> Vec<Event> {
    let mut list = Vec::new();
    while let Some(event) = events.next().await {
        list.push(event);
    }
    list
}

/// Starts the nest and lets it come to rest at its bottom, two seconds into the run.
async fn at_rest(how: How, bodies: &Bodies) -> RunningFlow<(), flowkit::BoxError> {
    let running = level(DEPTH, how, Bottom::Waits, bodies.clone()).start();
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(bodies.begun(), PER_LEVEL * DEPTH as usize + AT_THE_BOTTOM, "{how:?}");
    running
}

#[flowkit::test]
async fn s1_cancelling_the_root_of_five_nested_flows_ends_every_task_before_the_root_ends() {
    for how in WAYS {
        let bodies = Bodies::default();
        let running = at_rest(how, &bodies).await;
        running.cancel();
        let run = running.await;
        bodies.assert_all_over();
        assert_eq!(run.state(), State::Cancelled, "{how:?}");
        assert_eq!(run.flow().unwrap().duration(), Some(11 * SECOND), "{how:?}: the grace of the slowest");
        replay::assert_structured(&run.events());
    }
}

#[flowkit::test]
async fn s1_dropping_five_nested_flows_ends_every_task_before_the_root_ends() {
    for how in WAYS {
        let bodies = Bodies::default();
        let running = at_rest(how, &bodies).await;
        let events = running.events();
        drop(running);
        let events = rest(events).await;
        bodies.assert_all_over();
        replay::assert_structured(&events);
    }
}

#[flowkit::test]
async fn s1_dropping_the_future_of_a_flow_cancels_it() {
    let bodies = Bodies::default();
    tokio::select! {
        _ = level(DEPTH, How::InPlace, Bottom::Waits, bodies.clone()) => panic!("it waits for an hour"),
        () = tokio::time::sleep(2 * SECOND) => {}
    }
    // The run has no owner now; what it still holds ends within the grace period.
    tokio::time::sleep(10 * SECOND).await;
    bodies.assert_all_over();
}

#[flow(timeout = "1m")]
async fn times_out(how: How, bodies: Bodies) -> Result<()> {
    Ok(level(DEPTH, how, Bottom::Waits, bodies).await?)
}

#[flowkit::test]
async fn b6_five_nested_flows_that_time_out_leave_no_task_behind() {
    for how in WAYS {
        let bodies = Bodies::default();
        let run = times_out(how, bodies.clone()).run().await;
        bodies.assert_all_over();
        assert_eq!(run.state(), State::TimedOut, "{how:?}");
        replay::assert_structured(&run.events());
    }
}

#[flowkit::test]
async fn a_panic_at_the_bottom_of_five_nested_flows_leaves_no_task_behind() {
    for how in WAYS {
        let bodies = Bodies::default();
        let running = level(DEPTH, how, Bottom::Panics, bodies.clone()).start();
        tokio::time::sleep(2 * SECOND).await;
        assert_eq!(running.state(), State::Running, "{how:?}: those that go on are joined");
        // `lingers` waits to be cancelled; the others end by themselves.
        tokio::time::sleep(2 * HOUR).await;
        running.cancel();
        let run = running.await;
        bodies.assert_all_over();
        assert!(run.result().is_err());
        replay::assert_structured(&run.events());
    }
}

#[flow]
async fn panics_with_children(bodies: Bodies) -> u64 {
    let _ = waits(bodies.clone()).submit();
    flowkit::sleep(SECOND).await;
    panic!("the roof")
}

#[flowkit::test]
async fn a_flow_whose_body_panics_joins_its_tasks_and_fails() {
    let bodies = Bodies::default();
    let run = panics_with_children(bodies.clone()).run().await;
    bodies.assert_all_over();
    assert_eq!(run.state(), State::Failed);
    assert_eq!(run.task_runs()[0].state, State::Completed);
    replay::assert_structured(&run.events());
}

#[flow]
async fn races_a_sub_flow(how: How, bodies: Bodies) -> Result<()> {
    tokio::select! {
        _ = level(DEPTH, how, Bottom::Waits, bodies) => panic!("it waits for an hour"),
        () = flowkit::sleep(2 * SECOND) => Ok(()),
    }
}

#[flowkit::test]
async fn s1_a_sub_flow_that_loses_a_select_has_ended_when_the_flow_ends() {
    for how in WAYS {
        let bodies = Bodies::default();
        let run = races_a_sub_flow(how, bodies.clone()).run().await;
        bodies.assert_all_over();
        assert_eq!((run.state(), run.task_runs()[0].state), (State::Completed, State::Cancelled));
        replay::assert_structured(&run.events());
    }
}

/// Polls once, so that a future exists half-way.
async fn poll_once<F: Future>(future: F) {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| {
        let _ = future.as_mut().poll(cx);
        std::task::Poll::Ready(())
    })
    .await;
}

#[flow]
async fn drops_calls(bodies: Bodies) -> Result<()> {
    poll_once(calls_on(bodies.clone()).into_future()).await;
    poll_once(level(1, How::InPlace, Bottom::Waits, bodies.clone()).into_future()).await;
    drop(waits(bodies).into_future());
    Ok(())
}

#[flowkit::test]
async fn a_call_whose_future_is_dropped_is_recorded_as_cancelled_with_those_inside_it() {
    let bodies = Bodies::default();
    let run = drops_calls(bodies.clone()).run().await;
    assert_eq!(bodies.begun(), bodies.over());
    let task_runs = run.task_runs();
    let states: Vec<_> = task_runs.iter().map(|run| (&*run.task, run.state)).collect();
    assert_eq!(
        states,
        [("calls_on", State::Cancelled), ("waits", State::Cancelled), ("level", State::Cancelled),]
    );
    replay::assert_structured(&run.events());
}
