//! F: how a flow run ends, depending on what its body does and returns.
//!
//! F8 and F9 (parameters that are checked and coerced before the body runs) belong to the command line: in Rust the
//! compiler has checked them.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::error::Error as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flowkit::model::{AttemptFailure, ErrorReport, EventKind, TaskRunId};
use flowkit::policy::trigger::Trigger;
use flowkit::prelude::*;
use flowkit::{BoxError, Runtime};

use crate::support::{Bodies, HOUR, replay};

#[task]
async fn works() -> u64 {
    7
}

#[task]
async fn fails() -> Result<u64, String> {
    Err("no disk".into())
}

#[task]
async fn waits(bodies: Bodies) -> u64 {
    let _inside = bodies.enter();
    tokio::time::sleep(HOUR).await;
    7
}

#[flow]
async fn looks_away() -> u64 {
    let _ = fails().submit();
    1
}

#[flowkit::test]
async fn f1_a_flow_that_returns_a_value_completes_although_a_task_nobody_looked_at_failed() {
    let run = looks_away().run().await;
    assert_eq!(run.state(), State::Completed);
    assert_eq!(*run.result().as_ref().unwrap(), 1);
    assert_eq!(run.task_runs()[0].state, State::Failed);
}

#[flow(fail_on_any_task)]
async fn looks_closely() -> u64 {
    let _ = works().submit();
    let _ = fails().submit();
    1
}

#[flowkit::test]
async fn f1_with_fail_on_any_task_it_fails_and_says_why() {
    let run = looks_closely().run().await;
    assert_eq!(run.state(), State::Failed);
    let error = run.into_result().unwrap_err();
    assert_eq!(error.to_string(), "flow `looks_closely` failed: 1 of 2 task runs failed");
    assert!(error.source().unwrap().to_string().contains("no disk"), "{error:?}");
}

#[flow(fail_on_any_task = false)]
async fn looks_away_and_says_so() -> u64 {
    let _ = fails().submit();
    1
}

#[flowkit::test]
async fn f1_fail_on_any_task_can_be_switched_off_in_writing() {
    assert_eq!(looks_away_and_says_so().await.unwrap(), 1);
}

#[flow]
async fn raises(text: String) -> Result<u64, String> {
    works().await.map_err(|error| error.to_string())?;
    Err(text)
}

#[flowkit::test]
async fn f2_an_error_that_leaves_the_body_fails_the_flow_with_that_error() {
    let run = raises("out of paper".into()).run().await;
    assert_eq!(run.state(), State::Failed);
    assert_eq!(run.flow().unwrap().error.as_deref().unwrap().message, "out of paper");
    let Err(Error::Task(failure)) = run.result() else { panic!("{run:?}") };
    assert_eq!(**failure, "out of paper");
}

#[flow]
async fn passes_on() -> Result<u64> {
    Ok(fails().await?)
}

#[flowkit::test]
async fn f2_a_task_error_that_leaves_the_body_keeps_its_chain() {
    let error = passes_on().await.unwrap_err();
    let chain: Vec<_> =
        std::iter::successors(error.source(), |error| (*error).source()).map(ToString::to_string).collect();
    assert_eq!(error.to_string(), "flow `passes_on` failed");
    assert_eq!(chain, ["task `fails` failed: no disk"]);
}

#[flow]
async fn panics() -> u64 {
    works().await.unwrap();
    panic!("the roof")
}

#[flowkit::test]
async fn f2_a_panic_in_the_body_fails_the_flow() {
    let run = panics().run().await;
    assert_eq!(run.state(), State::Failed);
    assert_eq!(run.result().as_ref().unwrap_err().to_string(), "flow `panics` panicked: the roof");
}

#[flow]
async fn catches() -> Result<u64> {
    Ok(fails().await.unwrap_or(3))
}

#[flowkit::test]
async fn f3_an_error_that_the_body_catches_leaves_the_flow_completed() {
    let run = catches().run().await;
    assert_eq!(run.state(), State::Completed);
    assert_eq!(*run.result().as_ref().unwrap(), 3);
    assert_eq!(run.task_runs()[0].state, State::Failed);
}

#[flow]
async fn returns_handles() -> Vec<Handle<u64, String>> {
    vec![fails().submit(), fails().submit()]
}

#[flow]
async fn returns_good_and_bad() -> (Handle<u64, Infallible>, Handle<u64, String>) {
    (works().submit(), fails().submit())
}

#[flow]
async fn returns_good() -> Vec<Handle<u64, Infallible>> {
    vec![works().submit(), works().submit()]
}

#[flowkit::test]
async fn f4_a_flow_that_returns_handles_fails_if_one_of_them_did() {
    let run = returns_good_and_bad().run().await;
    assert_eq!(run.state(), State::Failed);
    let error = run.result().as_ref().unwrap_err();
    assert_eq!(error.to_string(), "flow `returns_good_and_bad` failed: 1 of 2 task runs failed");
    assert_eq!(error.source().unwrap().to_string(), "task `fails` failed: no disk");

    let error = returns_handles().await.unwrap_err();
    assert_eq!(error.to_string(), "flow `returns_handles` failed: 2 of 2 task runs failed");

    let run = returns_good().run().await;
    assert_eq!(run.state(), State::Completed);
}

#[flow]
async fn returns_skipped() -> Result<Handle<u64, Infallible>> {
    let good = works().submit();
    Ok(works().after(&good).trigger(Trigger::AllFailed).submit())
}

#[flowkit::test]
async fn f5_a_returned_handle_of_a_skipped_run_leaves_the_flow_completed() {
    let run = returns_skipped().run().await;
    assert_eq!(run.task_runs()[1].state, State::Skipped);
    assert_eq!(run.state(), State::Completed);
}

type Failing = Handle<u64, String>;

#[flow]
async fn in_a_tuple() -> (u64, Failing) {
    (1, fails().submit())
}

#[flow]
async fn in_a_list() -> Result<Handles<u64, String>> {
    Ok([fails().submit()].into_iter().collect())
}

#[flow]
async fn in_an_array_of_options() -> [Option<Failing>; 2] {
    [None, Some(fails().submit())]
}

#[flow]
async fn in_a_hash_map() -> HashMap<String, Failing> {
    HashMap::from([("a".to_owned(), fails().submit())])
}

#[flow]
async fn in_a_tree_map() -> Result<(BTreeMap<u8, Vec<Failing>>, u64)> {
    Ok((BTreeMap::from([(1, vec![fails().submit()])]), 4))
}

#[flowkit::test]
async fn f6_handles_count_wherever_they_stand_in_what_is_returned() {
    let errors = [
        in_a_tuple().await.unwrap_err().to_string(),
        in_a_list().await.unwrap_err().to_string(),
        in_an_array_of_options().await.unwrap_err().to_string(),
        in_a_hash_map().await.unwrap_err().to_string(),
        in_a_tree_map().await.unwrap_err().to_string(),
    ];
    for error in errors {
        assert!(error.ends_with("failed: 1 of 1 task runs failed"), "{error}");
    }
}

#[flow]
async fn returns_cancelled() -> Result<(Failing, Handle<u64, Infallible>)> {
    let cancelled = waits(Bodies::default()).submit();
    cancelled.cancel();
    Ok((fails().submit(), cancelled))
}

#[flowkit::test]
async fn f7_a_returned_handle_that_was_cancelled_makes_the_flow_cancelled_also_beside_a_failed_one() {
    let run = returns_cancelled().run().await;
    assert_eq!(run.state(), State::Cancelled);
    assert!(run.result().as_ref().unwrap_err().is_cancelled());
}

#[flow]
async fn returns_running(bodies: Bodies) -> Vec<Handle<u64, Infallible>> {
    vec![waits(bodies).submit()]
}

#[flowkit::test]
async fn f7_a_returned_handle_is_final_because_the_flow_joins_it() {
    let bodies = Bodies::default();
    let run = returns_running(bodies.clone()).run().await;
    assert_eq!(run.state(), State::Completed);
    assert_eq!(run.result().as_ref().unwrap()[0].state(), State::Completed);
    bodies.assert_all_over();
}

#[flow]
async fn joins(bodies: Bodies) -> Result<u64, String> {
    let _ = waits(bodies).submit();
    Err("early".into())
}

#[flowkit::test]
async fn f2_a_body_that_returned_an_error_still_joins_its_tasks() {
    let bodies = Bodies::default();
    let run = joins(bodies.clone()).run().await;
    bodies.assert_all_over();
    assert_eq!(run.state(), State::Failed);
    assert_eq!(run.task_runs()[0].state, State::Completed);
}

#[flow]
async fn waits_for_one(bodies: Bodies) -> Result<u64> {
    Ok(waits(bodies).submit().await?)
}

/// Reads the events of a run up to its end.
async fn rest(mut events: flowkit::EventStream) -> Vec<flowkit::model::Event> {
    let mut list = Vec::new();
    while let Some(event) = events.next().await {
        list.push(event);
    }
    list
}

#[flowkit::test]
async fn f10_a_flow_whose_future_is_dropped_ends_as_cancelled() {
    let bodies = Bodies::default();
    let running = waits_for_one(bodies.clone()).start();
    let mut events = running.events();
    while bodies.begun() == 0 {
        events.next().await.unwrap();
    }
    drop(running);
    let events = rest(events).await;
    assert!(matches!(events.last().unwrap().kind, EventKind::Cancelled { orphaned: false }), "{events:?}");
    bodies.assert_all_over();
}

#[flowkit::test]
async fn f10_a_cancelled_flow_gives_its_awaiter_the_cancellation() {
    let running = waits_for_one(Bodies::default()).start();
    running.cancel();
    let run = running.await;
    assert_eq!(run.state(), State::Cancelled);
    assert_eq!(run.into_result().unwrap_err().to_string(), "flow `waits_for_one` was cancelled");
}

#[test]
fn f10_a_flow_whose_tokio_runtime_ends_is_cancelled_and_nobody_waits_for_ever() {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let bodies = Bodies::default();
    let running = tokio.block_on(async {
        let running = waits_for_one(bodies.clone()).start();
        // A body begins after the event that announces it.
        while bodies.begun() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        running
    });
    drop(tokio);
    bodies.assert_all_over();
    let another = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let events = another.block_on(rest(running.events()));
    assert!(replay::states(&events).values().all(|state| *state == State::Cancelled));
    assert_eq!(another.block_on(async { running.await.state() }), State::Cancelled);
}

#[flowkit::test]
async fn f11_cancelling_and_dropping_after_the_end_change_nothing() {
    let running = passes_on_good().start();
    let events = rest(running.events()).await;
    assert_eq!(running.state(), State::Completed);
    running.cancel();
    assert_eq!(running.state(), State::Completed);
    let run = running.await;
    assert_eq!(run.state(), State::Completed);
    assert_eq!(run.events().len(), events.len());
    assert_eq!(*run.result().as_ref().unwrap(), 7);

    let running = passes_on_good().start();
    let mut last = running.events();
    while running.state() != State::Completed {
        last.next().await.unwrap();
    }
    drop(running);
    let events = rest(last).await;
    assert!(events.iter().all(|event| !matches!(event.kind, EventKind::Cancelled { .. })));
}

#[flow]
async fn passes_on_good() -> Result<u64> {
    Ok(works().await?)
}

#[test]
fn f11_no_event_moves_a_run_that_has_ended() {
    let error = || -> Arc<ErrorReport> {
        let tokio = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let run = tokio.block_on(raises("x".into()).run());
        Arc::new(run.flow().unwrap().error.as_deref().unwrap().clone())
    };
    let error = error();
    let events = [
        EventKind::Created,
        EventKind::Queued,
        EventKind::Started { attempt: 2 },
        EventKind::AttemptFailed {
            attempt: 1,
            failure: Arc::new(AttemptFailure::new(Arc::clone(&error), HOUR)),
        },
        EventKind::Completed,
        EventKind::Cached,
        EventKind::Failed { error: Arc::clone(&error) },
        EventKind::TimedOut { error: Arc::clone(&error), orphaned: false },
        EventKind::Cancelling,
        EventKind::Cancelled { orphaned: false },
        EventKind::UpstreamFailed { error },
        EventKind::Skipped { reason: Arc::new("why".to_owned()) },
    ];
    let ended = [
        State::Completed,
        State::Cached,
        State::Failed,
        State::TimedOut,
        State::Cancelled,
        State::UpstreamFailed,
        State::Skipped,
    ];
    for state in ended {
        assert!(state.is_terminal());
        for event in &events {
            let refused = state.after(event).unwrap_err();
            assert_eq!((refused.from, refused.event), (state, event.name()));
        }
    }
}

#[task(run_name = "load {table}")]
async fn load(table: String) -> usize {
    table.len()
}

#[flow(run_name = "nightly {day}")]
async fn nightly(day: u32) -> Result<usize> {
    let first = load("orders".into()).submit();
    let second = load("rows".into()).named("my own").submit();
    Ok(first.await? + second.await? + load::of(format!("{day}")).await?)
}

#[flowkit::test]
async fn f12_run_names_are_there_when_running_is_told() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&told);
    let runtime = Runtime::builder()
        .observe(move |notice| {
            if matches!(notice.event.kind, EventKind::Started { .. }) {
                list.lock().unwrap().push((notice.event.task_run, notice.task_run.label()));
            }
        })
        .build();
    let run = nightly(24).on(&runtime).run().await;
    assert_eq!(run.graph().name(), "nightly 24");
    let mut told = told.lock().unwrap().clone();
    told.sort();
    let labels: Vec<_> = told.iter().map(|(_, label)| label.as_str()).collect();
    assert_eq!(labels, ["nightly 24", "load orders", "my own", "load 24"]);
    assert_eq!(told[0].0, TaskRunId::FLOW);
}

#[flow(run_name = "{{{what}}}")]
async fn in_braces(what: String) -> Result<(), BoxError> {
    Err(what.into())
}

#[flowkit::test]
async fn f12_errors_use_the_name_of_the_run() {
    let error = in_braces("salt".into()).await.unwrap_err();
    assert_eq!(error.to_string(), "flow `{salt}` failed");
}
