//! R29 and the record under threads: one end per run, nothing lost, nothing twice, nothing out of order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use flowkit::Runtime;
use flowkit::model::{Event, EventKind, FlowRunId, TaskRunId};
use flowkit::prelude::*;
use futures::FutureExt;

use crate::support::{Bodies, replay};

#[task]
async fn quick(bodies: Bodies) -> u64 {
    let _inside = bodies.enter();
    tokio::task::yield_now().await;
    1
}

#[flow]
async fn two(bodies: Bodies) -> Result<u64> {
    let submitted = quick(bodies.clone()).submit();
    Ok(quick(bodies).await? + submitted.await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r29_a_cancellation_that_races_with_success_gives_one_end_ten_thousand_times() {
    let bodies = Bodies::default();
    let (mut completed, mut cancelled) = (0, 0);
    for turn in 0..10_000 {
        let running = two(bodies.clone()).start();
        for _ in 0..turn % 13 {
            tokio::task::yield_now().await;
        }
        running.cancel();
        let run = running.await;
        assert_eq!(bodies.begun(), bodies.over());
        replay::assert_structured(&run.events());
        match (run.state(), run.result()) {
            (State::Completed, Ok(2)) => completed += 1,
            (State::Cancelled, Err(error)) if error.is_cancelled() => cancelled += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(completed + cancelled, 10_000);
    assert!(cancelled > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r29_a_cancelled_handle_that_races_with_success_gives_one_end() {
    for turn in 0..2000 {
        let run = cancels_a_handle(turn % 7).run().await;
        let state = *run.result().as_ref().unwrap();
        assert!(matches!(state, State::Completed | State::Cancelled), "{state}");
        assert_eq!(run.task_runs()[0].state, state);
        replay::assert_structured(&run.events());
    }
}

#[flow]
async fn cancels_a_handle(turns: u32) -> Result<State> {
    let handle = quick(Bodies::default()).submit();
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
    handle.cancel();
    Ok(handle.ended().await)
}

#[task]
async fn adds(a: u64, b: u64) -> u64 {
    a + b
}

#[task(retries = 1)]
async fn fails_once(number: u64) -> Result<u64, String> {
    if ctx().attempt() == 1 { Err("once".into()) } else { Ok(number) }
}

/// A thousand task runs: 250 chains of four.
#[flow]
async fn thousand() -> Result<u64> {
    let mut sums = Vec::new();
    for number in 0..250 {
        let first = adds(number, 0).submit();
        let second = fails_once::submit(&first);
        let third = adds::submit(&first, &second);
        sums.push(adds::submit(&third, 1_u64));
    }
    Ok(Handles::from(sums).await?.iter().sum())
}

#[derive(Clone, Default)]
struct Told(Arc<Mutex<BTreeMap<FlowRunId, Vec<Event>>>>);

impl Told {
    fn of(&self, run: FlowRunId) -> Vec<Event> {
        self.0.lock().unwrap().get(&run).cloned().unwrap_or_default()
    }

    fn runtime(&self) -> Runtime {
        let told = self.clone();
        Runtime::builder()
            .observe(move |notice| {
                told.0.lock().unwrap().entry(notice.flow_run).or_default().push(notice.event.clone());
            })
            .build()
    }
}

/// What can be compared of events.
fn shown(events: &[Event]) -> Vec<(TaskRunId, &'static str, flowkit::model::Timestamp)> {
    events.iter().map(|event| (event.task_run, event.kind.name(), event.at)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn observers_are_told_of_each_event_once_and_in_order_when_threads_race() {
    let (first, second) = (Told::default(), Told::default());
    let runtime = first.runtime();
    let also = second.clone();
    runtime.observe(move |notice| {
        also.0.lock().unwrap().entry(notice.flow_run).or_default().push(notice.event.clone());
    });
    for _ in 0..10 {
        let run = thousand().on(&runtime).run().await;
        assert_eq!(*run.result().as_ref().unwrap(), 2 * (249 * 250 / 2) + 250);
        let (id, events) = (run.id().unwrap(), run.events());
        assert_eq!(run.task_runs().len(), 1000);
        assert_eq!(shown(&first.of(id)), shown(&events));
        assert_eq!(shown(&second.of(id)), shown(&events));
        replay::assert_structured(&events);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_read_while_threads_race_gives_every_event_up_to_the_end() {
    for turn in 0..3000 {
        let running = two(Bodies::default()).start();
        let mut events = running.events();
        let mut list = Vec::new();
        while let Some(event) = events.next().await {
            list.push(event);
            if turn % 3 == 0 {
                tokio::task::yield_now().await;
            }
        }
        let run = running.await;
        assert_eq!(shown(&list), shown(&run.events()));
    }
}

/// Reads a stream without ever sleeping.
fn read_busily(mut events: flowkit::EventStream) -> Vec<Event> {
    let mut list = Vec::new();
    loop {
        match events.next().now_or_never() {
            Some(Some(event)) => list.push(event),
            Some(None) => return list,
            None => std::hint::spin_loop(),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_looked_at_all_the_time_gives_the_last_event_too() {
    for _ in 0..2000 {
        let running = two(Bodies::default()).start();
        let events = running.events();
        let reader = std::thread::spawn(move || read_busily(events));
        let run = running.await;
        assert_eq!(shown(&reader.join().unwrap()), shown(&run.events()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_streams_of_one_run_give_all_events_to_each_reader() {
    let running = thousand().start();
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let mut events = running.events();
            tokio::spawn(async move {
                let mut list = Vec::new();
                while let Some(event) = events.next().await {
                    list.push(event);
                }
                list
            })
        })
        .collect();
    let run = running.await;
    for reader in readers {
        assert_eq!(shown(&reader.await.unwrap()), shown(&run.events()));
    }
}

#[task(concurrency = "three")]
async fn one_of_three(number: u32, bodies: Bodies) -> Result<u32, String> {
    let _inside = bodies.enter();
    tokio::task::yield_now().await;
    if number.is_multiple_of(5) && ctx().attempt() < 3 { Err("again".into()) } else { Ok(number) }
}

#[task(concurrency = "three")]
fn one_of_three_on_a_thread(number: u32, bodies: Bodies) -> u32 {
    let _inside = bodies.enter();
    number
}

#[flow(max_concurrency = 5)]
async fn limited(bodies: Bodies, others: Bodies) -> Result<()> {
    let retried: Vec<_> =
        (0..100).map(|number| one_of_three(number, bodies.clone()).retries(2).submit()).collect();
    let threads = one_of_three_on_a_thread::map(0..50, bodies);
    let free = quick::map(vec![others; 100]);
    Handles::from(retried).await?;
    threads.await?;
    free.await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i4_at_every_event_no_more_run_than_there_are_slots() {
    let runtime = Runtime::builder().limit("three", 3).build();
    for _ in 0..10 {
        let (bodies, others) = (Bodies::default(), Bodies::default());
        let run = limited(bodies.clone(), others.clone()).on(&runtime).run().await;
        run.result().as_ref().unwrap();
        let events = run.events();
        replay::assert_structured(&events);
        let of_three: Vec<_> = run
            .task_runs()
            .iter()
            .filter(|run| run.task.starts_with("one_of_three"))
            .map(|run| run.id)
            .collect();
        assert!(replay::most_running(&events, |id| of_three.contains(&id)) <= 3);
        assert!(replay::most_running(&events, |id| id != TaskRunId::FLOW) <= 5);
        assert!(bodies.most() <= 3, "{}", bodies.most());
        assert!(events.iter().any(|event| matches!(event.kind, EventKind::Queued)));
    }
}
