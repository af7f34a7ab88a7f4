//! R27: a flow of a thousand task runs, cancelled at any moment: a moment is the event at which it is cancelled.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flowkit::model::{EventKind, TaskRunId};
use flowkit::prelude::*;
use flowkit::{FlowRun, RunningFlow, Runtime};

use crate::support::{Bodies, replay};

const SECOND: Duration = Duration::from_secs(1);

#[task]
async fn yields(turns: usize, bodies: Bodies) -> u64 {
    let _inside = bodies.enter();
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
    turns as u64
}

#[task(retries = 2, retry_delay = "1s")]
async fn fails_first(bodies: Bodies) -> Result<u64, String> {
    let _inside = bodies.enter();
    tokio::task::yield_now().await;
    if ctx().attempt() < 3 { Err("again".into()) } else { Ok(1) }
}

#[task(concurrency = "disk")]
async fn adds(a: u64, b: u64, bodies: Bodies) -> u64 {
    let _inside = bodies.enter();
    tokio::time::sleep(SECOND).await;
    a + b
}

/// A thousand task runs of every kind: free ones, retried ones, ones with a slot and two inputs, nested ones.
#[flow]
async fn thousand(bodies: Bodies) -> Result<u64> {
    let mut sum = 0;
    let mut sums = Vec::new();
    for turn in 0..250 {
        let first = yields(turn % 7, bodies.clone()).submit();
        let second = fails_first(bodies.clone()).submit();
        sums.push(adds::of(&first, &second, bodies.clone()).submit());
        sum += yields(turn % 3, bodies.clone()).await?;
    }
    Ok(sum + Handles::from(sums).await?.len() as u64)
}

/// Counts events, and cancels the run at one of them: on the very thread and at the very moment it happens.
struct CancelAt {
    event: usize,
    seen: AtomicUsize,
    running: Mutex<Option<RunningFlow<u64, flowkit::BoxError>>>,
}

async fn cancel_at(event: usize) -> (FlowRun<u64, flowkit::BoxError>, Bodies, Runtime) {
    let cancel = Arc::new(CancelAt { event, seen: AtomicUsize::new(0), running: Mutex::default() });
    let observer = Arc::clone(&cancel);
    let runtime = Runtime::builder()
        .limit("disk", 10)
        .observe(move |_| {
            if observer.seen.fetch_add(1, Ordering::SeqCst) + 1 == observer.event {
                observer.running.lock().unwrap().as_ref().unwrap().cancel();
            }
        })
        .build();
    let bodies = Bodies::default();
    let mut ended = {
        let mut running = cancel.running.lock().unwrap();
        running.insert(thousand(bodies.clone()).on(&runtime).start()).events()
    };
    while ended.next().await.is_some() {}
    let running = cancel.running.lock().unwrap().take().unwrap();
    assert_eq!(running.live_task_runs(), 0);
    (running.await, bodies, runtime)
}

fn assert_nothing_is_left(run: &FlowRun<u64, flowkit::BoxError>, bodies: &Bodies, event: usize) {
    assert_eq!(bodies.begun(), bodies.over(), "cancelled at event {event}");
    replay::assert_structured(&run.events());
    let open: Vec<_> = run.task_runs().into_iter().filter(|run| !run.state.is_terminal()).collect();
    assert!(open.is_empty(), "cancelled at event {event}: {open:?}");
    assert!(replay::most_running(&run.events(), is_of(run, "adds")) <= 10, "cancelled at event {event}");
}

fn is_of<'a, T, E>(run: &FlowRun<T, E>, task: &'a str) -> impl Fn(TaskRunId) -> bool + use<'a, T, E> {
    let runs: std::collections::BTreeSet<_> = run.task_runs_of(task).iter().map(|run| run.id).collect();
    move |id| runs.contains(&id)
}

#[flowkit::test]
async fn r27_a_flow_of_a_thousand_tasks_that_is_cancelled_at_any_of_100_moments_leaves_nothing_behind() {
    let (whole, bodies, _) = cancel_at(usize::MAX).await;
    assert_eq!((whole.state(), whole.task_runs().len()), (State::Completed, 1000));
    assert_nothing_is_left(&whole, &bodies, usize::MAX);
    // The last event is the end of the flow, and after its end nothing can be cancelled.
    let events = whole.events().len() - 1;
    for moment in 1..=100 {
        let event = events * moment / 100;
        let (run, bodies, runtime) = cancel_at(event).await;
        assert_eq!(run.state(), State::Cancelled, "cancelled at event {event}");
        assert_nothing_is_left(&run, &bodies, event);
        assert_eq!(runtime.scope(async { flowkit::limits::free("disk") }).await, Some(10));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r27_on_two_threads_too_nothing_is_left_behind() {
    for event in (1..=2000).step_by(100) {
        let (run, bodies, runtime) = cancel_at(event).await;
        assert_eq!(run.state(), State::Cancelled, "cancelled at event {event}");
        assert_nothing_is_left(&run, &bodies, event);
        assert_eq!(runtime.scope(async { flowkit::limits::free("disk") }).await, Some(10));
    }
}

#[flowkit::test]
async fn s1_each_cancelled_run_says_so_once_and_as_not_orphaned() {
    let (run, ..) = cancel_at(900).await;
    let cancelled =
        run.events().into_iter().filter(|event| matches!(event.kind, EventKind::Cancelled { .. }));
    let orphaned = cancelled.filter(|event| matches!(event.kind, EventKind::Cancelled { orphaned: true }));
    assert_eq!(orphaned.count(), 0);
}
