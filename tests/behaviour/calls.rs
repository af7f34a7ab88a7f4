//! D: calling a task, submitting it, and what its handle returns.
//!
//! Not here: D9 (a task cannot wait for itself: its handle exists only after its arguments) and D16 (there is nothing to quote:
//! only `Handle`, `Handles` and `Call` represent results).

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use flowkit::model::{Edge, EdgeKind, Refusal, TaskRun};
use flowkit::prelude::*;
use flowkit::{FlowRun, wait_within};
use futures::FutureExt;
use tokio::sync::Notify;

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0} is odd")]
struct Odd(u32);

#[task]
async fn half(number: u32) -> Result<u32, Odd> {
    if number % 2 == 1 { Err(Odd(number)) } else { Ok(number / 2) }
}

/// Takes as many seconds as it says.
#[task]
async fn after_seconds(seconds: u64) -> Result<u64, Odd> {
    sleep(Duration::from_secs(seconds)).await;
    Ok(seconds)
}

fn only<T, E>(run: &FlowRun<T, E>, task: &str) -> TaskRun {
    let [task_run] = &run.task_runs_of(task)[..] else { panic!("`{task}` is called once") };
    task_run.clone()
}

#[flow]
async fn directly() -> Result<(u32, Error<Odd>)> {
    Ok((half(4).await?, half(3).await.unwrap_err()))
}

#[flowkit::test]
async fn d1_a_direct_call_gives_the_value_or_the_tasks_error() {
    let (value, error) = directly().await.unwrap();
    assert_eq!(value, 2);
    assert_eq!(error.task_error(), Some(&Odd(3)));
}

#[task]
async fn behind(gate: Arc<Notify>, number: u32) -> Result<u32, Odd> {
    gate.notified().await;
    half::raw(number).await
}

#[flow]
async fn submitted() -> Result<(Vec<State>, u32, Error<Odd>, State)> {
    let (even_gate, odd_gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let even = behind(even_gate.clone(), 4).submit();
    let odd = behind(odd_gate.clone(), 3).submit();
    let mut states = vec![even.state()];
    tokio::task::yield_now().await;
    states.push(even.state());
    even_gate.notify_one();
    let value = even.clone().await?;
    states.push(even.state());
    odd_gate.notify_one();
    let error = (&odd).await.unwrap_err();
    Ok((states, value, error, odd.state()))
}

#[flowkit::test]
async fn d2_submit_gives_a_handle_at_once_whose_state_never_blocks() {
    let (states, value, error, odd_state) = submitted().await.unwrap();
    assert_eq!(states, [State::Pending, State::Running, State::Completed]);
    assert_eq!(value, 2);
    assert_eq!(error.task_error(), Some(&Odd(3)));
    assert_eq!(odd_state, State::Failed);
}

#[task]
async fn latest(lone: u64, listed: &[u64]) -> u64 {
    listed.iter().copied().fold(lone, u64::max)
}

#[flow]
async fn handles_as_arguments() -> Result<u64> {
    let lone = after_seconds(5).submit();
    let listed = after_seconds::map([1, 9, 3]);
    Ok(latest::submit(&lone, &listed).await?)
}

#[flowkit::test]
async fn d3_a_task_waits_for_the_handles_among_its_arguments_and_gets_their_values() {
    let run = handles_as_arguments().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &9);
    let inputs = run.task_runs_of("after_seconds");
    let latest = only(&run, "latest");
    let last_end = inputs.iter().map(|input| input.ended_at.unwrap()).max().unwrap();
    assert!(latest.started_at.unwrap() >= last_end);
    let from: Vec<Edge> = inputs.iter().map(|input| Edge::new(input.id, EdgeKind::Data)).collect();
    assert_eq!(latest.edges, from);
}

#[flow]
async fn with_a_failed_input() -> Result<(Error<Odd>, bool)> {
    let failed = half(3).submit();
    let dependent = half::submit(&failed);
    let error = dependent.clone().await.unwrap_err();
    Ok((error, dependent.task_run().is_some_and(|run| run.started_at.is_some())))
}

#[flowkit::test]
async fn d4_a_task_whose_input_failed_never_runs_and_ends_upstream_failed() {
    let run = with_a_failed_input().run().await;
    let (error, started) = run.result().as_ref().unwrap();
    assert!(!started);
    assert!(error.is_upstream());
    assert_eq!(error.to_string(), "task `half` did not run: its input task `half` has no result");
    assert_eq!(error.source().unwrap().downcast_ref::<Error<Odd>>().unwrap().task_error(), Some(&Odd(3)));
    let [failed, dependent] = &run.task_runs()[..] else { panic!("two calls") };
    assert_eq!((failed.state, dependent.state), (State::Failed, State::UpstreamFailed));
    assert_eq!(dependent.attempt, 0);
}

#[flow]
async fn directly_with_a_failed_input() -> Result<u32> {
    let failed = half(3).submit();
    Ok(half::of(&failed).await?)
}

#[flowkit::test]
async fn d5_a_direct_call_with_a_failed_input_is_an_error() {
    let run = directly_with_a_failed_input().run().await;
    assert_eq!(run.state(), State::Failed);
    let error = run.result().as_ref().unwrap_err();
    assert!(format!("{error:?}").ends_with("caused by: 3 is odd"), "{error:?}");
}

#[task]
async fn described(outcome: Result<u32, Error<Odd>>) -> String {
    match outcome {
        Ok(value) => format!("value {value}"),
        Err(error) => format!("{error:?}"),
    }
}

#[task]
async fn was_good(outcome: &Result<u32, Error<Odd>>) -> bool {
    outcome.is_ok()
}

#[flow]
async fn failure_as_a_value() -> Result<(String, String, bool, bool)> {
    let (good, bad) = (half(4).submit(), half(3).submit());
    Ok((
        described::of(allow_failure(&good)).await?,
        described::submit(allow_failure(&bad)).await?,
        was_good::of(allow_failure(&good)).await?,
        was_good::submit(allow_failure(&bad)).await?,
    ))
}

#[flowkit::test]
async fn d6_a_task_that_allows_a_failure_runs_and_receives_the_error() {
    let (good, bad, good_lent, bad_lent) = failure_as_a_value().await.unwrap();
    assert_eq!(good, "value 2");
    assert_eq!(bad, "task `half` failed\n  caused by: 3 is odd");
    assert!(good_lent);
    assert!(!bad_lent);
}

#[flow]
async fn failure_of_a_failure() -> Result<String> {
    let failed = half(3).submit();
    let never_ran = half::submit(&failed);
    Ok(described::of(allow_failure(&never_ran)).await?)
}

#[flowkit::test]
async fn d7_a_task_that_allows_a_run_without_input_receives_the_upstream_error() {
    let expected = "task `half` did not run: its input task `half` has no result\n  \
                    caused by: task `half` failed\n  caused by: 3 is odd";
    assert_eq!(failure_of_a_failure().await.unwrap(), expected);
}

#[flow]
async fn one_after_another() -> Result<Error<Odd>> {
    let first = after_seconds(2).submit();
    half(4).after(&first).named("after a success").submit().await?;
    let failed = half(3).submit();
    let blocked = half(8).after(&failed).named("after a failure").submit();
    Ok(blocked.await.unwrap_err())
}

#[flowkit::test]
async fn d8_after_orders_without_data_and_a_failure_before_blocks() {
    let run = one_after_another().run().await;
    let task_runs = run.task_runs();
    let by_label = |label: &str| task_runs.iter().find(|run| run.label() == label).unwrap();
    let (first, second) = (by_label("after_seconds"), by_label("after a success"));
    assert!(second.started_at.unwrap() >= first.ended_at.unwrap());
    assert_eq!(second.edges, [Edge::new(first.id, EdgeKind::Order)]);
    assert_eq!(by_label("after a failure").state, State::UpstreamFailed);
    let error = run.result().as_ref().unwrap();
    assert_eq!(format!("{error}"), "task `after a failure` did not run: its input task `half` has no result");
}

#[flow]
async fn as_they_come() -> Result<(Vec<u64>, String)> {
    let handles = after_seconds::map([5, 60, 1, 90, 3]);
    let mut ended = as_completed(handles.list().await?.to_vec());
    let mut order = Vec::new();
    loop {
        match ended.next_within(Duration::from_secs(10)).await {
            Ok(next) => order.push(next.expect("two never end in time").1?),
            Err(late) => return Ok((order, late.to_string())),
        }
    }
}

#[flowkit::test]
async fn d10_results_come_in_the_order_of_their_ends_and_a_time_limit_tells_how_many_are_missing() {
    let (order, late) = as_they_come().await.unwrap();
    assert_eq!(order, [1, 3, 5]);
    assert_eq!(late, "2 task runs had not ended after 10s");
}

#[flow]
async fn waited_for_a_while() -> Result<(usize, usize, Vec<State>)> {
    let handles = [half(3).submit(), half(4).submit()];
    let slow: Vec<_> = [1, 60].into_iter().map(|seconds| after_seconds(seconds).submit()).collect();
    let (done, _) = wait_within(handles, Duration::from_secs(2)).await;
    let states = done.iter().map(Handle::state).collect();
    let (slow_done, slow_not_done) = wait_within(slow, Duration::from_secs(2)).await;
    Ok((slow_done.len(), slow_not_done.len(), states))
}

#[flowkit::test]
async fn d11_wait_within_gives_what_has_ended_and_what_has_not_and_a_failure_is_an_end() {
    let (done, not_done, states) = waited_for_a_while().await.unwrap();
    assert_eq!((done, not_done), (1, 1));
    assert_eq!(states, [State::Failed, State::Completed]);
}

type Settled = Vec<Result<u64, Error<Odd>>>;

#[task]
async fn odd_after(seconds: u64) -> Result<u64, Odd> {
    sleep(Duration::from_secs(seconds)).await;
    if seconds % 2 == 1 { Err(Odd(seconds as u32)) } else { Ok(seconds) }
}

#[flow]
async fn in_place_or_fast() -> Result<(Settled, Duration)> {
    let begun = tokio::time::Instant::now();
    let fast = odd_after::map([4, 1, 2]).await;
    assert_eq!(fast.unwrap_err().task_error(), Some(&Odd(1)));
    let failed_after = begun.elapsed();
    let settled = settle_all(odd_after::map([4, 1, 2]).list().await?.to_vec()).await;
    Ok((settled, failed_after))
}

#[flowkit::test]
async fn d12_a_list_fails_fast_or_settles_in_order_with_errors_in_place() {
    let (settled, failed_after) = in_place_or_fast().await.unwrap();
    assert_eq!(failed_after, Duration::from_secs(1));
    let settled: Vec<_> = settled.iter().map(|result| result.as_ref().map_err(Error::task_error)).collect();
    assert_eq!(settled, [Ok(&4), Err(Some(&Odd(1))), Ok(&2)]);
}

#[task(concurrency = "one")]
async fn one_at_a_time(seconds: u64) -> u64 {
    // Unlike `flowkit::sleep` this holds the slot, so that all but one are queued.
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    seconds
}

#[flow]
async fn without_waiting() -> Result<()> {
    let _ = one_at_a_time::map(1..=20);
    Ok(())
}

#[flowkit::test]
async fn d13_handles_nobody_awaited_are_joined_at_the_end_of_the_flow() {
    flowkit::limits::set("one", 1);
    let run = without_waiting().run().await;
    let task_runs = run.task_runs();
    assert_eq!(task_runs.len(), 20);
    assert!(task_runs.iter().all(|task_run| task_run.state == State::Completed));
    assert_eq!(run.state(), State::Completed);
}

#[task(concurrency = "one")]
async fn nested(depth: u32) -> Result<u32, Error> {
    #[task(concurrency = "one")]
    async fn leaf(depth: u32) -> u32 {
        depth
    }
    let leaves = leaf::map(0..depth).await?;
    Ok(leaves.into_iter().sum::<u32>() + leaf(1).await?)
}

#[flow]
async fn nested_submits() -> Result<Vec<u32>> {
    Ok(nested::map([2, 3, 4]).await?)
}

#[flowkit::test]
async fn d14_nested_submits_under_a_limit_of_one_cannot_deadlock() {
    flowkit::limits::set("one", 1);
    assert_eq!(nested_submits().await.unwrap(), [2, 4, 7]);
}

#[flowkit::test]
async fn d15_submit_and_map_outside_a_flow_are_clear_errors_and_a_direct_call_works() {
    assert_eq!(half(4).await.unwrap(), 2);
    let errors = [
        half(4).submit().await.unwrap_err(),
        half::submit(4u32).await.unwrap_err(),
        half::map([4, 6]).await.unwrap_err(),
    ];
    for error in errors {
        let Error::Refused { refusal: Refusal::OutsideFlow { ref location, .. }, .. } = error else {
            panic!("refused, not {error:?}")
        };
        assert!(location.starts_with(file!()), "{location}");
        let message = error.source().unwrap().to_string();
        assert!(message.contains("outside a flow") && message.contains("#[flow]"), "{message}");
    }
}

#[flow]
async fn states_only() -> Result<(State, State, State)> {
    let failed = half(3).submit();
    let blocked = half::submit(&failed);
    Ok((failed.ended().await, blocked.ended().await, half(2).submit().ended().await))
}

#[flowkit::test]
async fn d17_the_state_of_an_ended_run_can_be_awaited_instead_of_its_result() {
    let states = states_only().await.unwrap();
    assert_eq!(states, (State::Failed, State::UpstreamFailed, State::Completed));
    let run = directly_with_a_failed_input().run().await;
    assert_eq!(run.state(), State::Failed, "`run()` gives the state of a flow instead of raising");
}

#[task(retries = 3)]
fn raw_count(words: &str, mut calls: Vec<u32>) -> Result<usize, Odd> {
    calls.push(1);
    if words.is_empty() { Err(Odd(calls.len() as u32)) } else { Ok(words.split(' ').count()) }
}

#[test]
fn d18_the_function_as_written_needs_no_engine_at_all() {
    assert_eq!(raw_count::raw("a b", vec![]), Ok(2));
    assert_eq!(raw_count::raw("", vec![]), Err(Odd(1)), "and knows no retries");
    assert_eq!(half::raw(4).now_or_never(), Some(Ok(2)));
}
