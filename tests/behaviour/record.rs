//! The record of a run: its events in order, the observers that received them, and the row of a task run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flowkit::model::{Event, EventKind, TaskRunId, WallTime};
use flowkit::prelude::*;
use flowkit::{FlowRun, Runtime, TaskRun};
use futures::StreamExt;

use crate::support::{HOUR, replay};

const SECOND: Duration = Duration::from_secs(1);

#[task]
async fn fetch(number: u64) -> u64 {
    tokio::time::sleep(number as u32 * SECOND).await;
    number
}

#[task(retries = 2, retry_delay = "1m")]
async fn flaky(number: u64) -> Result<u64, String> {
    tokio::time::sleep(SECOND).await;
    if ctx().attempt() < 3 { Err(format!("attempt {}", ctx().attempt())) } else { Ok(number) }
}

#[task]
async fn broken(_number: u64) -> Result<u64, String> {
    Err("broken".into())
}

#[task]
async fn add(a: u64, b: u64) -> u64 {
    a + b
}

#[task]
fn on_a_thread(number: u64) -> u64 {
    number
}

#[task]
async fn calls_two(number: u64) -> Result<u64> {
    let submitted = fetch(number).submit();
    Ok(add(number, 1).await? + submitted.await?)
}

#[task(cache = "run")]
async fn cached(number: u64) -> u64 {
    number
}

#[flow]
async fn small() -> Result<u64> {
    Ok(fetch(1).submit().await?)
}

/// A bit of everything.
#[flow]
async fn all_sorts() -> Result<u64> {
    let fetched = fetch::map([3, 2, 1]);
    let [first, second, third] = fetched.list().await? else { panic!("three items") };
    let retried = flaky::submit(first);
    let sum = add::submit(second, &retried);
    let after = on_a_thread(4).after(third).submit();
    let failed = broken::submit(&after);
    let never = add::submit(&failed, &sum);
    fetch::skip("not today");
    let late = fetch(7).submit();
    late.cancel();
    let nested = calls_two(2).await? + small().await?;
    let twice = cached(5).await? + cached(5).await?;
    settle_all([never, late]).await;
    Ok(sum.await? + nested + twice)
}

async fn run_all_sorts() -> FlowRun<u64, flowkit::BoxError> {
    let run = all_sorts().run().await;
    assert_eq!(*run.result().as_ref().unwrap(), 2 + 3 + 5 + 1 + 10);
    run
}

#[flowkit::test]
async fn replaying_the_events_gives_the_states() {
    let run = run_all_sorts().await;
    let states = replay::states(&run.events());
    assert_eq!(states[&TaskRunId::FLOW], run.state());
    let recorded: BTreeMap<_, _> = run.task_runs().iter().map(|run| (run.id, run.state)).collect();
    assert_eq!(states.len(), recorded.len() + 1);
    assert!(recorded.iter().all(|(id, state)| states[id] == *state), "{recorded:?}");
    let mut kinds: Vec<_> = recorded.into_values().map(State::name).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, ["Cached", "Cancelled", "Completed", "Failed", "Skipped", "UpstreamFailed"]);
}

/// The position of the first event of a kind in the record.
fn place(events: &[Event], task_run: TaskRunId, kind: fn(&EventKind) -> bool) -> Option<usize> {
    events.iter().position(|event| event.task_run == task_run && kind(&event.kind))
}

#[flowkit::test]
async fn events_stand_in_causal_order() {
    let run = run_all_sorts().await;
    let events = run.events();
    replay::assert_structured(&events);
    let is_created: fn(&EventKind) -> bool = |kind| matches!(kind, EventKind::Created);
    let is_started: fn(&EventKind) -> bool = |kind| matches!(kind, EventKind::Started { .. });
    for task_run in run.task_runs() {
        let created = place(&events, task_run.id, is_created).unwrap();
        let parent_started = place(&events, task_run.parent, is_started).unwrap();
        assert!(parent_started < created, "{}: the caller runs when it calls", task_run.label());
        for edge in &task_run.edges {
            let input_ended = place(&events, edge.from(), EventKind::is_end).unwrap();
            let own = place(&events, task_run.id, is_started)
                .or_else(|| place(&events, task_run.id, EventKind::is_end));
            assert!(input_ended < own.unwrap(), "{}: its inputs end before it starts", task_run.label());
        }
        let parent_ended = place(&events, task_run.parent, EventKind::is_end).unwrap();
        let ended = place(&events, task_run.id, EventKind::is_end).unwrap();
        assert!(ended < events.len() - 1, "the flow ends last");
        assert!(task_run.parent == TaskRunId::FLOW || ended < parent_ended, "these were awaited");
    }
}

#[flowkit::test]
async fn a_retried_run_tells_every_attempt_and_every_wait() {
    let run = run_all_sorts().await;
    let [task_run] = &run.task_runs_of("flaky")[..] else { panic!() };
    let names = replay::names(&run.events(), task_run.id);
    assert_eq!(
        names,
        ["created", "started", "attempt_failed", "started", "attempt_failed", "started", "completed"]
    );
    let attempts = task_run.attempts();
    let numbers: Vec<_> = attempts.iter().map(|attempt| attempt.number).collect();
    assert_eq!((numbers, task_run.attempt), (vec![1, 2, 3], 3));
    let errors: Vec<_> =
        attempts.iter().map(|attempt| attempt.error.as_ref().map(|error| error.message.clone())).collect();
    assert_eq!(errors, [Some("attempt 1".into()), Some("attempt 2".into()), None]);
    assert_eq!(attempts[0].retry_in, Some(60 * SECOND));
}

#[flowkit::test]
async fn a13_duration_counts_from_the_first_attempt_and_busy_time_leaves_the_waits_out() {
    let run = run_all_sorts().await;
    let task_run = &run.task_runs_of("flaky")[0];
    let flow = run.flow().unwrap();
    assert_eq!(task_run.created_at, flow.created_at);
    assert_eq!(task_run.started_at.unwrap().since(flow.created_at), 3 * SECOND, "its input took so long");
    assert_eq!(task_run.duration(), Some(123 * SECOND));
    assert_eq!(task_run.busy_time(), 3 * SECOND);
    assert_eq!(task_run.ended_at.unwrap().since(task_run.started_at.unwrap()), 123 * SECOND);
    assert_eq!(flow.ended_at.unwrap().since(flow.created_at), flow.duration().unwrap());
    let last = run.events().last().unwrap().at;
    assert_eq!(WallTime::from(run.wall_time(last).unwrap()), flow.ended_at.unwrap());
}

#[flowkit::test]
async fn a_row_says_what_was_called_where_by_whom_and_why() {
    let run = run_all_sorts().await;
    let labels: Vec<_> = run.task_runs().iter().map(TaskRun::label).collect();
    assert_eq!(labels[..6], ["fetch[0]", "fetch[1]", "fetch[2]", "flaky", "add", "on_a_thread"]);
    let row = &run.task_runs()[1];
    assert_eq!((&*row.task, row.index, row.parent), ("fetch", Some(1), TaskRunId::FLOW));
    assert!(row.location.contains("record.rs:"));
    assert_eq!(row.path, "behaviour::record::fetch");
    let skipped = run.task_runs().into_iter().find(|run| run.state == State::Skipped).unwrap();
    assert_eq!(skipped.skip_reason.as_deref(), Some("not today"));
    let upstream = run.task_runs().into_iter().find(|run| run.state == State::UpstreamFailed).unwrap();
    assert_eq!(upstream.error.as_deref().unwrap().causes, ["task `broken` failed: broken"]);
    let caller = &run.task_runs_of("calls_two")[0];
    let called: Vec<_> =
        run.task_runs().iter().filter(|run| run.parent == caller.id).map(TaskRun::label).collect();
    assert_eq!(called, ["fetch", "add"]);
}

#[task(tags = ["etl"])]
async fn tagged(number: u64) -> u64 {
    number
}

#[flow(tags = ["nightly"])]
async fn labelled() -> Result<()> {
    tagged(1).tags(["once", "twice"]).named("the first").await?;
    group("outer", async {
        tagged(2).submit();
        calls_two(1).await?;
        Ok::<_, flowkit::BoxError>(group("inner", async { tagged(3).await }).await?)
    })
    .await?;
    tagged(4).branch("accuracy >= 0.8").await?;
    Ok(())
}

#[flowkit::test]
async fn tags_groups_branches_and_names_stand_in_the_rows() {
    let run = labelled().tags(["again"]).run().await;
    let rows = run.task_runs();
    let tags: Vec<Vec<&str>> = rows.iter().map(|row| row.tags.iter().map(|tag| &**tag).collect()).collect();
    assert_eq!(tags[0], ["etl", "once", "twice"]);
    assert_eq!(tags[1], ["etl"]);
    assert_eq!(run.flow().unwrap().tags.iter().collect::<Vec<_>>(), ["nightly", "again"]);
    let seen: Vec<_> =
        rows.iter().map(|row| (row.label(), row.group.as_deref(), row.branch.as_deref())).collect();
    let expected = [
        ("the first", None, None),
        ("tagged", Some("outer"), None),
        ("calls_two", Some("outer"), None),
        ("fetch", Some("outer"), None),
        ("add", Some("outer"), None),
        ("tagged", Some("inner"), None),
        ("tagged", None, Some("accuracy >= 0.8")),
    ];
    assert_eq!(seen, expected.map(|(label, group, branch)| (label.to_owned(), group, branch)));
}

/// What can be compared of events.
fn shown(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| format!("{event:?}")).collect()
}

#[flowkit::test]
async fn a_stream_gives_every_event_whenever_it_is_read() {
    let running = all_sorts().start();
    let (early, late) = (running.events(), running.events());
    let slow = running.events();
    let early = tokio::spawn(early.collect::<Vec<_>>());
    let slow = tokio::spawn(
        slow.then(|event| async move {
            tokio::time::sleep(HOUR).await;
            event
        })
        .collect::<Vec<_>>(),
    );
    let run = running.await;
    let events = shown(&run.events());
    assert_eq!(shown(&early.await.unwrap()), events);
    assert_eq!(shown(&late.collect::<Vec<_>>().await), events);
    assert_eq!(shown(&slow.await.unwrap()), events);
}

#[flowkit::test]
async fn a_stream_ends_with_the_run_and_stays_at_its_end() {
    let running = small().start();
    let mut events = running.events();
    let mut last = None;
    while let Some(event) = events.next().await {
        last = Some(event);
    }
    assert!(events.next().await.is_none());
    let last = last.unwrap();
    assert_eq!((last.task_run, last.kind.name()), (TaskRunId::FLOW, "completed"));
    assert_eq!(running.state(), State::Completed);
}

type Told = Arc<Mutex<Vec<(flowkit::model::FlowRunId, String, State, std::time::SystemTime)>>>;

fn tell(told: &Told) -> impl Fn(&flowkit::Notice<'_>) + Send + Sync + 'static {
    let told = Arc::clone(told);
    move |notice| {
        let event = format!("{:?}", notice.event);
        told.lock().unwrap().push((notice.flow_run, event, notice.task_run.state, notice.at));
    }
}

#[flowkit::test]
async fn an_observer_is_told_of_each_event_once_in_order_with_the_row_and_the_time() {
    let told = Told::default();
    let runtime = Runtime::builder().observe(tell(&told)).build();
    let run = all_sorts().on(&runtime).run().await;
    let told = told.lock().unwrap();
    let own: Vec<_> = told.iter().filter(|(id, ..)| Some(*id) == run.id()).collect();
    assert_eq!(own.iter().map(|(_, event, ..)| event.clone()).collect::<Vec<_>>(), shown(&run.events()));
    assert!(own.is_sorted_by_key(|(.., at)| *at));
    assert_eq!(own.last().unwrap().2, State::Completed);
    // The sub-flow is its own run, and is observed too.
    let inner = run.task_runs_of("small")[0].flow_run;
    assert!(told.iter().any(|(id, ..)| Some(*id) == inner));
    assert_eq!(told.len(), own.len() + told.iter().filter(|(id, ..)| Some(*id) == inner).count());
}

#[flowkit::test]
async fn an_observer_that_panics_harms_nobody() {
    let told = Told::default();
    let runtime = Runtime::builder().observe(|_| panic!("the observer")).observe(tell(&told)).build();
    let run = small().on(&runtime).run().await;
    assert_eq!(run.state(), State::Completed);
    assert_eq!(told.lock().unwrap().len(), run.events().len());
}

#[flowkit::test]
async fn an_observer_that_comes_later_is_told_of_what_happens_from_then_on() {
    let (told, runtime) = (Told::default(), Runtime::builder().build());
    small().on(&runtime).await.unwrap();
    runtime.observe(tell(&told));
    assert!(told.lock().unwrap().is_empty());
    let run = small().on(&runtime).run().await;
    assert_eq!(told.lock().unwrap().len(), run.events().len());
}

#[flowkit::test]
async fn an_observer_is_told_of_a_whole_run_or_of_nothing_of_it() {
    let (told, runtime) = (Told::default(), Runtime::builder().observe(|_| ()).build());
    let begun = small().on(&runtime).start();
    tokio::time::sleep(SECOND / 2).await;
    runtime.observe(tell(&told));
    let run = small().on(&runtime).run().await;
    let _ = begun.await;
    let told = told.lock().unwrap();
    assert!(told.iter().all(|(id, ..)| Some(*id) == run.id()));
    assert_eq!(told.len(), run.events().len());
}
