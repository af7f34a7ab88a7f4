//! C: results that are reused. `cache = "run"` shares them inside one flow run, `cache = "inputs"` between all runs
//! of a runtime, and a closure computes the key.
//!
//! Not here: C9 and C17 (there is one storage and one lock, so they cannot disagree); C4 in a later process, C19 and
//! C20 (they need a store). The many callers of one key are in `reliability/single_flight.rs`.

mod identity;
mod keys;

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use flowkit::prelude::*;
use flowkit::{FlowRun, Runtime};

use State::{Cached, Completed, Failed};

/// How the runs of one task ended, in the order of their calls.
fn states<T, E>(run: &FlowRun<T, E>, task: &str) -> Vec<State> {
    run.task_runs_of(task).iter().map(|task_run| task_run.state).collect()
}

/// How often the bodies of one task were started.
fn executions<T, E>(run: &FlowRun<T, E>, task: &str) -> u32 {
    run.task_runs_of(task).iter().map(|task_run| task_run.attempt).sum()
}

#[task]
async fn uncached(number: u32) -> u32 {
    number + 1
}

#[task(cache = "run")]
async fn shared_in_the_run(number: u32) -> u32 {
    number + 1
}

#[task(cache = "inputs")]
async fn shared(number: u32) -> u32 {
    number + 1
}

#[flow]
async fn twice_each() -> Result<Vec<u32>> {
    let mut values = Vec::new();
    for number in [1, 1, 2] {
        values.push(uncached(number).await?);
        values.push(shared_in_the_run(number).await?);
        values.push(shared(number).await?);
    }
    Ok(values)
}

#[flowkit::test]
async fn c1_nothing_is_cached_unless_it_is_asked_for() {
    let run = twice_each().run().await;
    assert_eq!(states(&run, "uncached"), [Completed; 3]);
}

#[flowkit::test]
async fn c2_the_second_call_with_equal_inputs_in_one_run_is_cached_and_the_body_ran_once() {
    let run = twice_each().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &[[2; 3], [2; 3], [3; 3]].concat());
    assert_eq!(states(&run, "shared_in_the_run"), [Completed, Cached, Completed]);
    assert_eq!(executions(&run, "shared_in_the_run"), 2);
    let cached = &run.task_runs_of("shared_in_the_run")[1];
    assert_eq!((cached.started_at, cached.attempt), (None, 0));
    assert!(cached.ended_at.is_some());
}

#[flowkit::test]
async fn c3_what_is_shared_in_one_run_is_not_shared_with_another() {
    for _ in 0..2 {
        let run = twice_each().run().await;
        assert_eq!(states(&run, "shared_in_the_run"), [Completed, Cached, Completed]);
    }
    for _ in 0..2 {
        assert_eq!(shared_in_the_run(1).await.unwrap(), 2, "outside a flow there is no run to share it");
    }
}

#[flowkit::test]
async fn c4_equal_inputs_in_a_later_run_are_cached() {
    let first = twice_each().run().await;
    assert_eq!(states(&first, "shared"), [Completed, Cached, Completed]);
    let second = twice_each().run().await;
    assert_eq!(states(&second, "shared"), [Cached; 3]);
}

#[flowkit::test]
async fn c4_another_runtime_has_a_cache_of_its_own() {
    twice_each().await.unwrap();
    let other = Runtime::builder().build();
    let run = twice_each().on(&other).run().await;
    assert_eq!(states(&run, "shared"), [Completed, Cached, Completed]);
}

#[flow]
async fn by_handle() -> Result<(u32, Vec<u32>)> {
    let one = uncached(0).submit();
    Ok((shared::of(&one).await?, shared::map([1, 1, 2, 1]).await?))
}

#[flowkit::test]
async fn c4_inputs_are_equal_by_value_however_they_are_given() {
    let run = by_handle().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &(2, vec![2, 2, 3, 2]));
    assert_eq!(states(&run, "shared"), [Completed, Cached, Cached, Completed, Cached]);
}

#[task(cache = "inputs", cache_ttl = "1s")]
async fn fresh_for_a_second(number: u32) -> u32 {
    number
}

#[flow]
async fn at(milliseconds: Vec<u64>) -> Result<()> {
    let begun = tokio::time::Instant::now();
    for moment in milliseconds {
        tokio::time::sleep_until(begun + Duration::from_millis(moment)).await;
        fresh_for_a_second(1).await?;
    }
    Ok(())
}

#[flowkit::test]
async fn c11_a_result_is_used_again_until_its_age_reaches_the_time_to_live() {
    let run = at(vec![0, 1, 999, 1000, 1001, 1999, 2000]).run().await;
    let expected = [Completed, Cached, Cached, Completed, Cached, Cached, Completed];
    assert_eq!(states(&run, "fresh_for_a_second"), expected, "a use does not make it younger");
}

#[flow]
async fn own_time_to_live() -> Result<()> {
    let minute = Duration::from_secs(60);
    shared(1).cache_ttl(minute).await?;
    sleep(minute / 2).await;
    shared(1).await?;
    sleep(minute / 2).await;
    shared(1).cache_ttl(Duration::ZERO).await?;
    shared(1).await?;
    sleep(100 * minute).await;
    shared(1).await?;
    Ok(())
}

#[flowkit::test]
async fn c11_a_call_may_say_for_how_long_its_result_is_kept() {
    let run = own_time_to_live().run().await;
    let expected = [Completed, Cached, Completed, Completed, Cached];
    assert_eq!(states(&run, "shared"), expected, "kept for a minute, not at all, for ever");
}

/// Fails as often as requested, then succeeds.
#[task(cache = "inputs")]
async fn failing_first(times: u32) -> Result<u32, String> {
    static DONE: Mutex<VecDeque<u32>> = Mutex::new(VecDeque::new());
    let mut done = DONE.lock().unwrap();
    done.push_back(times);
    let calls = done.iter().filter(|call| **call == times).count() as u32;
    if calls <= times { Err(format!("call {calls}")) } else { Ok(calls) }
}

#[flow]
async fn failures() -> Result<Vec<Option<u32>>> {
    let mut values = Vec::new();
    for _ in 0..4 {
        values.push(failing_first(2).await.ok());
    }
    Ok(values)
}

#[flowkit::test]
async fn c12_a_failure_is_never_stored() {
    let run = failures().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &[None, None, Some(3), Some(3)]);
    assert_eq!(states(&run, "failing_first"), [Failed, Failed, Completed, Cached]);
}

#[task(cache = "inputs")]
async fn nothing(_number: u32) {}

#[task(cache = "inputs")]
async fn no_inputs() -> Option<u32> {
    None
}

#[flow]
async fn empty_results() -> Result<()> {
    for _ in 0..2 {
        nothing(1).await?;
        no_inputs().await?;
    }
    Ok(())
}

#[flowkit::test]
async fn c13_nothing_is_a_result_that_is_cached_too() {
    let run = empty_results().run().await;
    assert_eq!(states(&run, "nothing"), [Completed, Cached]);
    assert_eq!(states(&run, "no_inputs"), [Completed, Cached]);
}

/// Returns the number of its execution.
#[task(cache = |_runtime: &u32| "the only key")]
async fn counting(executions: u32) -> u32 {
    executions
}

#[flow]
async fn refreshed() -> Result<Vec<u32>> {
    Ok(vec![
        counting(1).await?,
        counting(2).await?,
        counting(3).refresh_cache().await?,
        counting(4).await?,
        counting(5).no_cache().await?,
        counting(6).await?,
    ])
}

#[flowkit::test]
async fn c14_a_refresh_runs_the_body_and_overwrites_and_no_cache_leaves_everything_as_it_is() {
    let run = refreshed().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &[1, 1, 3, 3, 5, 3]);
    assert_eq!(states(&run, "counting"), [Completed, Cached, Completed, Cached, Completed, Cached]);
}

#[task(cache = "inputs")]
async fn slow(number: u32) -> u32 {
    sleep(Duration::from_secs(60)).await;
    number
}

#[flow]
async fn three_at_once() -> Result<(Vec<u32>, Duration)> {
    let begun = tokio::time::Instant::now();
    Ok((slow::map([7, 7, 7]).await?, begun.elapsed()))
}

#[flowkit::test]
async fn c15_c16_of_three_runs_at_once_with_one_key_one_runs_and_two_are_cached() {
    let run = three_at_once().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &(vec![7; 3], Duration::from_secs(60)));
    assert_eq!(states(&run, "slow"), [Completed, Cached, Cached]);
}
