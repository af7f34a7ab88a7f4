//! R39: many callers of one cache key. One of them executes, the others wait and get its result; if that one ends
//! without a result, in whatever way, one of the waiters replaces it, and none waits for ever.
//!
//! Not here: a leader whose process is killed (it needs a store).

mod bounds;
mod same_values;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flowkit::Runtime;
use flowkit::prelude::*;
use tokio::time::Instant;

const CALLERS: usize = 1_000;

const SECOND: Duration = Duration::from_secs(1);

/// What an execution does after a second, by its number, counting from 1.
type Script = fn(usize) -> Ending;

enum Ending {
    Good,
    Bad,
    Panics,
    Hangs,
}

use Ending::{Bad, Good, Hangs, Panics};

/// Counts executions, and how many of them there were at the same time.
#[derive(Clone, Default)]
struct Probe(Arc<Counts>);

#[derive(Default)]
struct Counts {
    executions: AtomicUsize,
    inside: AtomicUsize,
    most: AtomicUsize,
}

impl Probe {
    fn enter(&self) -> (usize, Inside<'_>) {
        let inside = self.0.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.most.fetch_max(inside, Ordering::SeqCst);
        (self.0.executions.fetch_add(1, Ordering::SeqCst) + 1, Inside(self))
    }

    /// How many executions there were, and the most at the same time.
    fn seen(&self) -> (usize, usize) {
        (self.0.executions.load(Ordering::SeqCst), self.0.most.load(Ordering::SeqCst))
    }
}

/// A running execution; dropped at its end, whatever that is.
struct Inside<'a>(&'a Probe);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.0.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Returns the number of the execution that made the value.
#[task(cache = |_: &Probe, _: &Script| "one key", concurrency = "one")]
async fn looked_up(probe: Probe, script: Script) -> Result<usize, String> {
    let (number, _inside) = probe.enter();
    tokio::time::sleep(SECOND).await;
    match script(number) {
        Good => Ok(number),
        Bad => Err(format!("execution {number}")),
        Panics => panic!("execution {number}"),
        Hangs => std::future::pending().await,
    }
}

fn started(callers: usize, probe: &Probe, script: Script) -> Vec<Handle<usize, String>> {
    (0..callers).map(|_| looked_up(probe.clone(), script).submit()).collect()
}

/// How many runs ended in a state.
fn count(states: &[State], state: State) -> usize {
    states.iter().filter(|other| **other == state).count()
}

/// What came out of many calls.
#[derive(Debug)]
struct Outcome {
    values: Vec<usize>,
    errors: Vec<Error<String>>,
    states: Vec<State>,
    took: Duration,
}

async fn settled(handles: Vec<Handle<usize, String>>, begun: Instant) -> Outcome {
    let (mut values, mut errors) = (Vec::new(), Vec::new());
    for result in settle_all(handles.clone()).await {
        match result {
            Ok(value) => values.push(value),
            Err(error) => errors.push(error),
        }
    }
    Outcome { values, errors, states: handles.iter().map(Handle::state).collect(), took: begun.elapsed() }
}

#[flow]
async fn all_at_once(callers: usize, probe: Probe, script: Script) -> Result<Outcome> {
    let begun = Instant::now();
    Ok(settled(started(callers, &probe, script), begun).await)
}

#[flowkit::test]
async fn r39_of_a_thousand_callers_one_executes_and_all_get_its_value() {
    let probe = Probe::default();
    let outcome = all_at_once(CALLERS, probe.clone(), |_| Good).await.unwrap();
    assert_eq!(probe.seen(), (1, 1));
    assert_eq!(outcome.values, [1; CALLERS]);
    assert_eq!(count(&outcome.states, State::Completed), 1);
    assert_eq!(count(&outcome.states, State::Cached), CALLERS - 1);
    assert_eq!(outcome.took, SECOND);
}

#[flowkit::test]
async fn r39_when_the_leader_fails_one_follower_is_promoted_and_the_error_is_the_leaders_alone() {
    let probe = Probe::default();
    let script: Script = |number| if number == 1 { Bad } else { Good };
    let outcome = all_at_once(CALLERS, probe.clone(), script).await.unwrap();
    assert_eq!(probe.seen(), (2, 1));
    assert_eq!(outcome.values, [2; CALLERS - 1]);
    let [error] = &outcome.errors[..] else { panic!("one failed: {:?}", outcome.errors) };
    assert_eq!(error.task_error().unwrap(), "execution 1");
    assert_eq!(outcome.took, 2 * SECOND);
}

#[flowkit::test]
async fn r39_when_every_execution_fails_each_caller_has_its_own_turn_and_error() {
    let probe = Probe::default();
    let outcome = all_at_once(CALLERS, probe.clone(), |_| Bad).await.unwrap();
    assert_eq!(probe.seen(), (CALLERS, 1));
    let mut errors: Vec<&String> = outcome.errors.iter().filter_map(Error::task_error).collect();
    errors.sort_unstable();
    errors.dedup();
    assert_eq!(errors.len(), CALLERS, "an error is never given to another caller");
}

#[flowkit::test]
async fn r39_when_the_leader_panics_one_follower_is_promoted() {
    let probe = Probe::default();
    let script: Script = |number| if number < 3 { Panics } else { Good };
    let outcome = all_at_once(CALLERS, probe.clone(), script).await.unwrap();
    assert_eq!(probe.seen(), (3, 1));
    assert_eq!(outcome.values, [3; CALLERS - 2]);
    assert!(outcome.errors.iter().all(Error::is_panicked));
}

#[flow]
async fn leader_timed_out(probe: Probe) -> Result<Outcome> {
    let begun = Instant::now();
    let script: Script = |number| if number == 1 { Hangs } else { Good };
    let leader = looked_up(probe.clone(), script).timeout(5 * SECOND).submit();
    let mut handles = started(CALLERS - 1, &probe, script);
    handles.push(leader);
    Ok(settled(handles, begun).await)
}

#[flowkit::test]
async fn r39_when_the_time_of_the_leader_is_up_one_follower_is_promoted() {
    let probe = Probe::default();
    let outcome = leader_timed_out(probe.clone()).await.unwrap();
    assert_eq!(probe.seen(), (2, 1));
    assert_eq!(outcome.values, [2; CALLERS - 1]);
    assert!(outcome.errors[0].is_timed_out());
    assert_eq!(outcome.took, 6 * SECOND);
}

#[flow]
async fn leader_cancelled(probe: Probe) -> Result<Outcome> {
    let begun = Instant::now();
    let handles = started(CALLERS, &probe, |_| Good);
    sleep(SECOND / 2).await;
    handles[0].cancel();
    Ok(settled(handles, begun).await)
}

#[flowkit::test]
async fn r39_when_the_leader_is_cancelled_one_follower_is_promoted() {
    let probe = Probe::default();
    let outcome = leader_cancelled(probe.clone()).await.unwrap();
    assert_eq!(probe.seen(), (2, 1));
    assert_eq!(outcome.states[0], State::Cancelled);
    assert_eq!(outcome.values, [2; CALLERS - 1]);
    assert_eq!(outcome.took, SECOND / 2 + SECOND);
}

#[flowkit::test]
async fn r39_when_the_flow_of_the_leader_is_cancelled_a_follower_in_another_flow_is_promoted() {
    let probe = Probe::default();
    let leading = all_at_once(1, probe.clone(), |_| Good).start();
    tokio::time::sleep(SECOND / 4).await;
    let following = all_at_once(CALLERS, probe.clone(), |_| Good).start();
    tokio::time::sleep(SECOND / 4).await;
    assert_eq!(probe.seen(), (1, 1));
    leading.cancel();
    assert_eq!(leading.await.task_runs()[0].state, State::Cancelled);
    assert_eq!(following.await.into_result().unwrap().values, [2; CALLERS]);
    assert_eq!(probe.seen(), (2, 1));
}

#[flowkit::test]
async fn r39_when_the_call_of_the_leader_is_dropped_one_follower_is_promoted() {
    let probe = Probe::default();
    let leader = looked_up(probe.clone(), |_| Good).into_future();
    let script: Script = |_| Good;
    let followers = all_at_once(CALLERS, probe.clone(), script).into_future();
    tokio::time::timeout(SECOND / 2, leader).await.unwrap_err();
    assert_eq!(followers.await.unwrap().values, [2; CALLERS]);
    assert_eq!(probe.seen(), (2, 1));
}

#[flow]
async fn followers_cancelled(probe: Probe) -> Result<Outcome> {
    let begun = Instant::now();
    let handles = started(CALLERS, &probe, |_| Good);
    sleep(SECOND / 2).await;
    handles.iter().skip(1).step_by(2).for_each(Handle::cancel);
    Ok(settled(handles, begun).await)
}

#[flowkit::test]
async fn r39_a_follower_that_is_cancelled_leaves_alone_and_at_once() {
    let probe = Probe::default();
    let outcome = followers_cancelled(probe.clone()).await.unwrap();
    assert_eq!(probe.seen(), (1, 1));
    assert_eq!(outcome.values, [1; CALLERS / 2]);
    assert_eq!(count(&outcome.states, State::Cancelled), CALLERS / 2);
    assert_eq!(outcome.took, SECOND);
}

#[flow]
async fn leader_retries(probe: Probe) -> Result<Outcome> {
    let begun = Instant::now();
    let script: Script = |number| if number < 3 { Bad } else { Good };
    let call = || looked_up(probe.clone(), script).retries(2).retry_delay(60 * SECOND);
    Ok(settled((0..CALLERS).map(|_| call().submit()).collect(), begun).await)
}

#[flowkit::test]
async fn r39_the_leader_keeps_its_place_from_attempt_to_attempt() {
    let probe = Probe::default();
    let outcome = leader_retries(probe.clone()).await.unwrap();
    assert_eq!(probe.seen(), (3, 1));
    assert_eq!(outcome.values, [3; CALLERS]);
    assert_eq!(outcome.took, 123 * SECOND);
}

/// Holds a slot of the same limit while it asks for the value.
#[task(concurrency = "one")]
async fn asking(probe: Probe, script: Script) -> Result<usize, Error<String>> {
    let submitted = looked_up(probe.clone(), script).submit();
    let value = looked_up(probe, script).await?;
    Ok(value + submitted.await?)
}

#[flow]
async fn under_a_limit_of_one(probe: Probe) -> Result<Vec<usize>> {
    flowkit::limits::set("one", 1);
    let script: Script = |_| Good;
    let handles: Handles<usize, _> = (0..CALLERS).map(|_| asking(probe.clone(), script).submit()).collect();
    Ok(handles.await?)
}

#[flowkit::test]
async fn r39_followers_hold_no_slot_so_that_a_limit_of_one_is_enough() {
    let probe = Probe::default();
    assert_eq!(under_a_limit_of_one(probe.clone()).await.unwrap(), [2; CALLERS]);
    assert_eq!(probe.seen(), (1, 1));
}

#[task(cache = |_: &Probe, _: &bool| "one key")]
async fn yielding(probe: Probe, fails: bool) -> Result<usize, String> {
    let (number, _inside) = probe.enter();
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
    if fails { Err("told to".into()) } else { Ok(number) }
}

#[flow]
async fn on_threads(callers: usize, probe: Probe, fails: bool, ttl: Duration) -> Result<Vec<usize>> {
    let call = || yielding(probe.clone(), fails).cache_ttl(ttl);
    let handles: Vec<_> = (0..callers).map(|_| call().submit()).collect();
    Ok(settle_all(handles).await.into_iter().filter_map(Result::ok).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r39_on_several_threads_too_one_executes() {
    for _ in 0..20 {
        let (runtime, probe) = (Runtime::builder().build(), Probe::default());
        let values = on_threads(CALLERS, probe.clone(), false, Duration::MAX).on(&runtime).await.unwrap();
        assert_eq!(values, [1; CALLERS]);
        assert_eq!(probe.seen(), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r39_on_several_threads_too_there_is_at_most_one_execution_at_a_time() {
    // A result that is never fresh, and a failure: each caller executes, one after the other.
    for fails in [false, true] {
        let (runtime, probe) = (Runtime::builder().build(), Probe::default());
        let call = on_threads(CALLERS, probe.clone(), fails, Duration::ZERO).on(&runtime);
        assert_eq!(call.await.unwrap().len(), if fails { 0 } else { CALLERS });
        assert_eq!(probe.seen(), (CALLERS, 1));
    }
}

#[flow]
async fn coming_again(callers: usize, times: usize, probe: Probe) -> Result<()> {
    #[task]
    async fn caller(times: usize, probe: Probe) -> Result<(), Error<String>> {
        for _ in 0..times {
            yielding(probe.clone(), false).cache_ttl(Duration::ZERO).await?;
        }
        Ok(())
    }
    caller::map(vec![times; callers], probe).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r39_a_caller_that_comes_just_when_an_execution_ends_waits_for_the_next() {
    let (runtime, probe) = (Runtime::builder().build(), Probe::default());
    coming_again(4, 2_000, probe.clone()).on(&runtime).await.unwrap();
    assert_eq!(probe.seen(), (4 * 2_000, 1));
}
