//! Waiting for several runs at once, sleeping, and the order of runs without data.

mod decided;
mod files;
mod places;
mod triggers;

use std::time::Duration;

use flowkit::prelude::*;
use flowkit::{FlowRun, without_slots};
use tokio::time::Instant;

/// Ends after so many seconds; an odd number is a failure.
#[task]
async fn even_after(seconds: u64) -> Result<u64, String> {
    sleep(Duration::from_secs(seconds)).await;
    if seconds % 2 == 1 { Err(format!("{seconds} is odd")) } else { Ok(seconds) }
}

fn started<const N: usize>(seconds: [u64; N]) -> [Handle<u64, String>; N] {
    seconds.map(|seconds| even_after(seconds).submit())
}

fn message(error: &Error<String>) -> &str {
    error.task_error().map_or("not the task's own error", String::as_str)
}

fn states<T, E>(run: &FlowRun<T, E>) -> Vec<State> {
    run.task_runs().iter().map(|task_run| task_run.state).collect()
}

#[flow]
async fn settled() -> Result<Vec<Result<u64, String>>> {
    let outcomes = settle_all(started([4, 1, 2])).await;
    Ok(outcomes.into_iter().map(|outcome| outcome.map_err(|error| message(&error).to_owned())).collect())
}

#[flowkit::test]
async fn settle_all_gives_every_outcome_in_the_order_given() {
    assert_eq!(settled().await.unwrap(), [Ok(4), Err("1 is odd".to_owned()), Ok(2)]);
}

#[flow]
async fn started_while_it_is_waited_for() -> Result<[Duration; 4]> {
    let lazy = || [4, 2, 4, 2].into_iter().map(|seconds| even_after(seconds).submit());
    let begun = Instant::now();
    settle_all(lazy()).await;
    let settled = begun.elapsed();
    all_or_cancel(lazy()).await?;
    let all = begun.elapsed() - settled;
    first_failure(lazy()).await;
    let failed = begun.elapsed() - settled - all;
    flowkit::wait_within(lazy(), Duration::from_secs(60)).await;
    Ok([settled, all, failed, begun.elapsed() - settled - all - failed])
}

#[flowkit::test]
async fn an_iterator_that_submits_as_it_goes_has_started_all_runs_before_the_first_is_waited_for() {
    assert_eq!(started_while_it_is_waited_for().await.unwrap(), [Duration::from_secs(4); 4]);
}

#[task]
async fn delays(last: u64) -> Result<Vec<u64>, String> {
    sleep(Duration::from_secs(1)).await;
    if last % 2 == 1 { Err(format!("{last} is odd")) } else { Ok(vec![6, last]) }
}

#[flow]
async fn mapped_lists(last: u64) -> Result<Vec<String>> {
    let mapped = even_after::map(delays(last).submit());
    let settled = settle_all(&mapped).await.len();
    let all = all_or_cancel(&mapped).await.map_err(|error| error.to_string());
    let first = first_success(&mapped).await.map_err(|errors| errors.len());
    let failed = first_failure(&mapped).await.is_some();
    let mut ended = as_completed(mapped);
    let mut order = Vec::new();
    while let Some((position, _)) = ended.next().await {
        order.push(position);
    }
    Ok(vec![format!("{settled} {all:?} {first:?} {failed} {order:?}")])
}

#[flowkit::test]
async fn a_mapped_list_that_is_not_known_yet_is_waited_for_as_a_whole() {
    assert_eq!(mapped_lists(2).await.unwrap(), ["2 Ok([6, 2]) Ok(2) false [1, 0]"]);
}

#[flowkit::test]
async fn a_mapped_list_whose_input_has_failed_counts_as_one_failure() {
    let told = mapped_lists(3).await.unwrap().concat();
    assert!(told.starts_with("1 Err(") && told.ends_with("Err(1) true [0]"), "{told}");
}

#[flow]
async fn race(seconds: [u64; 4]) -> Result<(Result<u64, Vec<String>>, Duration)> {
    let begun = Instant::now();
    let winner = first_success(started(seconds)).await;
    let winner = winner.map_err(|errors| errors.iter().map(|error| message(error).to_owned()).collect());
    Ok((winner, begun.elapsed()))
}

#[flowkit::test]
async fn first_success_takes_the_first_value_and_cancels_the_rest() {
    let run = race([1, 6, 2, 8]).run().await;
    assert_eq!(run.result().as_ref().unwrap(), &(Ok(2), Duration::from_secs(2)));
    assert_eq!(states(&run), [State::Failed, State::Cancelled, State::Completed, State::Cancelled]);
}

#[flowkit::test]
async fn first_success_of_failures_only_gives_all_of_them_as_they_happened() {
    let (failures, _) = race([7, 1, 5, 3]).await.unwrap();
    let expected = ["1 is odd", "3 is odd", "5 is odd", "7 is odd"].map(str::to_owned);
    assert_eq!(failures, Err(expected.to_vec()));
}

#[flow]
async fn trouble(seconds: [u64; 3]) -> Result<(Option<String>, Duration)> {
    let begun = Instant::now();
    let failure = first_failure(started(seconds)).await;
    Ok((failure.map(|error| message(&error).to_owned()), begun.elapsed()))
}

#[flowkit::test]
async fn first_failure_comes_as_soon_as_it_happens_and_the_others_go_on() {
    let run = trouble([2, 3, 60]).run().await;
    assert_eq!(run.result().as_ref().unwrap(), &(Some("3 is odd".to_owned()), Duration::from_secs(3)));
    assert_eq!(states(&run), [State::Completed, State::Failed, State::Completed]);
}

#[flowkit::test]
async fn first_failure_is_none_when_all_have_succeeded() {
    assert_eq!(trouble([2, 4, 60]).await.unwrap(), (None, Duration::from_secs(60)));
}

#[flow]
async fn two_failures() -> Result<String> {
    let handles = even_after::map([5, 2, 3]);
    settle_all(&handles).await;
    let failure = handles.await.err().ok_or("two have failed")?;
    Ok(message(&failure).to_owned())
}

#[flowkit::test]
async fn of_several_failures_in_a_list_the_one_that_happened_first_is_given() {
    assert_eq!(two_failures().await.unwrap(), "3 is odd");
}

#[flow]
async fn all_or_nothing(seconds: [u64; 3]) -> Result<(Result<Vec<u64>, String>, Vec<State>, Duration)> {
    let begun = Instant::now();
    let handles = started(seconds);
    let all = all_or_cancel(handles.clone()).await.map_err(|error| message(&error).to_owned());
    Ok((all, handles.iter().map(Handle::state).collect(), begun.elapsed()))
}

#[flowkit::test]
async fn all_or_cancel_gives_all_values_in_the_order_given() {
    let (all, _, waited) = all_or_nothing([4, 2, 6]).await.unwrap();
    assert_eq!((all, waited), (Ok(vec![4, 2, 6]), Duration::from_secs(6)));
}

#[flowkit::test]
async fn all_or_cancel_ends_the_others_at_the_first_failure_before_it_returns() {
    let (all, states, waited) = all_or_nothing([2, 3, 60]).await.unwrap();
    assert_eq!((all, waited), (Err("3 is odd".to_owned()), Duration::from_secs(3)));
    assert_eq!(states, [State::Completed, State::Failed, State::Cancelled]);
}

#[flow]
async fn positions() -> Result<Vec<(usize, bool)>> {
    let mut ended = as_completed(started([6, 1, 2]));
    let mut order = Vec::new();
    while let Some((position, outcome)) = ended.next().await {
        order.push((position, outcome.is_ok()));
    }
    Ok(order)
}

#[flowkit::test]
async fn as_completed_gives_each_outcome_once_with_its_position() {
    assert_eq!(positions().await.unwrap(), [(1, false), (2, true), (0, true)]);
}

#[flow]
async fn in_time() -> Result<[Option<usize>; 3]> {
    let mut ended = as_completed(started([2, 4]));
    let mut next = async || {
        let next = ended.next_within(Duration::from_secs(3)).await?;
        Ok::<_, flowkit::WaitTimeout>(next.map(|(position, _)| position))
    };
    Ok([next().await?, next().await?, next().await?])
}

#[flowkit::test]
async fn next_within_counts_its_time_anew_for_each_result_and_ends_with_none() {
    assert_eq!(in_time().await.unwrap(), [Some(0), Some(1), None]);
}

#[flow]
async fn nothing_to_wait_for() -> Result<[bool; 5]> {
    let none = || Vec::<Handle<u64, String>>::new();
    Ok([
        settle_all(none()).await.is_empty(),
        first_success(none()).await.is_err_and(|failures| failures.is_empty()),
        first_failure(none()).await.is_none(),
        all_or_cancel(none()).await.is_ok_and(|all| all.is_empty()),
        as_completed(none()).next().await.is_none(),
    ])
}

#[flowkit::test]
async fn waiting_for_nothing_ends_at_once() {
    assert_eq!(nothing_to_wait_for().await.unwrap(), [true; 5]);
}

#[task(concurrency = "one")]
async fn asleep(seconds: u64) -> u64 {
    sleep(Duration::from_secs(seconds)).await;
    seconds
}

#[task(concurrency = "one")]
async fn awaiting(seconds: u64) -> u64 {
    without_slots(tokio::time::sleep(Duration::from_secs(seconds))).await;
    seconds
}

#[task(concurrency = "one")]
async fn busy(seconds: u64) -> u64 {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    seconds
}

#[flow]
async fn under_a_limit_of_one() -> Result<[Duration; 3]> {
    flowkit::limits::set("one", 1);
    let begun = Instant::now();
    busy::map([60, 60, 60]).await?;
    let held = begun.elapsed();
    asleep::map([60, 60, 60]).await?;
    let slept = begun.elapsed() - held;
    awaiting::map([60, 60, 60]).await?;
    Ok([held, slept, begun.elapsed() - held - slept])
}

#[flowkit::test]
async fn sleep_holds_no_slot_and_neither_does_what_is_said_to_hold_none() {
    let [held, slept, awaited] = under_a_limit_of_one().await.unwrap();
    assert_eq!(held, Duration::from_secs(180), "other awaits hold the slot");
    assert_eq!((slept, awaited), (Duration::from_secs(60), Duration::from_secs(60)));
}
