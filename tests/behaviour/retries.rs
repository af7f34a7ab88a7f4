//! Retries of a task: how often, after which waits, and what the body and the record see of them (A1 to A14).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use flowkit::model::EventKind;
use flowkit::policy::TaskPolicy;
use flowkit::policy::retry::Backoff;
use flowkit::prelude::*;
use flowkit::{FlowRun, Runtime};

use crate::records::{announced_waits, events_of, only, seconds, states, waits};

const SECOND: Duration = Duration::from_secs(1);

/// Counts how often a body was entered, independently of what flowkit records.
#[derive(Clone, Default)]
struct Calls(Arc<AtomicU32>);

impl Calls {
    fn add(&self) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Fails until its call number `good_at`, which returns that number.
#[task]
async fn flaky(calls: Calls, good_at: u32) -> Result<u32, String> {
    match calls.add() {
        call if call >= good_at => Ok(call),
        call => Err(format!("call {call} failed")),
    }
}

const NEVER: u32 = u32::MAX;

#[flowkit::test]
async fn a1_a_task_with_three_retries_runs_four_times_and_ends_failed() {
    #[task(retries = 3)]
    async fn unlucky(calls: Calls) -> Result<(), String> {
        Err(format!("call {} failed", calls.add()))
    }

    #[flow]
    async fn try_it(calls: Calls) -> Result<()> {
        Ok(unlucky(calls).await?)
    }

    let calls = Calls::default();
    let run = try_it(calls.clone()).run().await;
    let task_run = only(&run, "unlucky");
    assert_eq!(calls.count(), 4);
    assert_eq!(task_run.attempt, 4);
    assert_eq!(task_run.state, State::Failed);
    assert_eq!(task_run.error.as_deref().unwrap().message, "call 4 failed");
}

#[flowkit::test]
async fn a1_the_error_says_how_many_attempts_there_were() {
    let error = flaky(Calls::default(), NEVER).retries(3).await.unwrap_err();
    assert_eq!(error.to_string(), "task `flaky` failed after 4 attempts: call 4 failed");
    let Error::Task(failure) = error else { panic!("{error}") };
    assert_eq!(failure.attempts(), 4);
    assert_eq!(*failure, "call 4 failed");
}

#[flowkit::test]
async fn a2_a_task_that_succeeds_at_its_second_attempt_is_not_tried_again() {
    #[flow]
    async fn try_it(calls: Calls) -> Result<u32> {
        Ok(flaky(calls, 2).retries(3).await?)
    }

    let calls = Calls::default();
    let run = try_it(calls.clone()).run().await;
    let task_run = only(&run, "flaky");
    assert_eq!(calls.count(), 2);
    assert_eq!(task_run.attempt, 2);
    assert_eq!(task_run.state, State::Completed);
    assert!(task_run.error.is_none(), "what succeeded in the end has no error");
}

#[flowkit::test]
async fn a3_the_last_of_several_delays_repeats() {
    #[task(retries = 4, retry_delay = ["100ms", "300ms"])]
    async fn unlucky() -> Result<(), String> {
        Err("no".into())
    }

    #[flow]
    async fn try_it() -> Result<()> {
        Ok(unlucky().await?)
    }

    let task_run = only(&try_it().run().await, "unlucky");
    assert_eq!(waits(&task_run), [100, 300, 300, 300].map(Duration::from_millis));
    assert_eq!(announced_waits(&task_run), waits(&task_run));
}

#[flow]
async fn wait_between(delay: Duration) -> Result<u32> {
    Ok(flaky(Calls::default(), 3).retries(2).retry_delay(delay).await?)
}

#[flowkit::test]
async fn a4_without_a_delay_a_retry_follows_at_once_with_no_state_in_between() {
    let run = wait_between(Duration::ZERO).run().await;
    let task_run = only(&run, "flaky");
    use State::{Completed, Pending, Running};
    // Running again after each failure, and again when the next attempt begins.
    assert_eq!(states(&run, &task_run), [Pending, Running, Running, Running, Running, Running, Completed]);
    assert_eq!(task_run.duration(), Some(Duration::ZERO));
}

#[flowkit::test]
async fn a5_with_a_delay_a_task_awaits_its_retry_and_the_record_says_until_when() {
    let run = wait_between(7 * SECOND).run().await;
    let task_run = only(&run, "flaky");
    use State::{AwaitingRetry, Completed, Pending, Running};
    assert_eq!(
        states(&run, &task_run),
        [Pending, Running, AwaitingRetry, Running, AwaitingRetry, Running, Completed]
    );
    let events = events_of(&run, &task_run);
    let mut retries = 0;
    for pair in events.windows(2) {
        if let EventKind::AttemptFailed { failure, .. } = &pair[0].kind {
            assert_eq!(pair[1].at.since(pair[0].at), failure.retry_in);
            assert!(matches!(pair[1].kind, EventKind::Started { .. }));
            retries += 1;
        }
    }
    assert_eq!(retries, 2);
}

#[flowkit::test]
async fn a6_the_waits_follow_the_backoff_and_its_limit() {
    #[flow]
    async fn try_it(backoff: Backoff, limit: Option<Duration>) -> Result<u32> {
        let call = flaky(Calls::default(), NEVER).retries(5).retry_delay(2 * SECOND).backoff(backoff);
        Ok(match limit {
            Some(limit) => call.max_retry_delay(limit).await?,
            None => call.await?,
        })
    }

    let table = [
        (Backoff::Fixed, None, [2, 2, 2, 2, 2]),
        (Backoff::Linear, None, [2, 4, 6, 8, 10]),
        (Backoff::Exponential, None, [2, 4, 8, 16, 32]),
        (Backoff::Linear, Some(5), [2, 4, 5, 5, 5]),
        (Backoff::Exponential, Some(10), [2, 4, 8, 10, 10]),
    ];
    for (backoff, limit, expected) in table {
        let run = try_it(backoff, limit.map(Duration::from_secs)).run().await;
        assert_eq!(waits(&only(&run, "flaky")), seconds(expected), "{backoff:?}, at most {limit:?}");
    }
}

/// What a literal in an attribute says wrongly is a compile error (`tests/ui`); a method gets its value at run time.
#[flowkit::test]
async fn a7_a_share_of_jitter_out_of_bounds_is_read_as_the_nearest_one() {
    #[flow]
    async fn try_it(jitter: f64) -> Result<u32> {
        Ok(flaky(Calls::default(), NEVER).retries(20).retry_delay(SECOND).jitter(jitter).await?)
    }

    for (jitter, shortest, longest) in
        [(-3.0, SECOND, SECOND), (f64::NAN, SECOND, SECOND), (7.0, Duration::ZERO, 2 * SECOND)]
    {
        for wait in announced_waits(&only(&try_it(jitter).run().await, "flaky")) {
            assert!((shortest..=longest).contains(&wait), "{wait:?} with jitter {jitter}");
        }
    }
}

#[flowkit::test]
async fn a7_a_method_takes_any_number_of_delays() {
    #[flow]
    async fn try_it() -> Result<u32> {
        let delays: Vec<_> = (1..=60).map(Duration::from_secs).collect();
        Ok(flaky(Calls::default(), NEVER).retries(61).retry_delays(delays).await?)
    }

    let waits = waits(&only(&try_it().run().await, "flaky"));
    assert_eq!(waits.len(), 61);
    assert_eq!((waits[0], waits[59], waits[60]), (SECOND, 60 * SECOND, 60 * SECOND));
}

#[task(retries = 400, retry_delay = "10s", jitter = 0.3)]
async fn jittered() -> Result<(), String> {
    Err("no".into())
}

#[flow]
async fn jitter() -> Result<()> {
    Ok(jittered().await?)
}

async fn jittered_waits(seed: u64) -> Vec<Duration> {
    let run = jitter().on(&Runtime::builder().seed(seed).build()).run().await;
    announced_waits(&only(&run, "jittered"))
}

#[flowkit::test]
async fn a8_jitter_keeps_every_wait_in_its_band_and_their_mean_near_the_delay() {
    let waits = jittered_waits(1).await;
    assert_eq!(waits.len(), 400);
    for wait in &waits {
        assert!((7 * SECOND..=13 * SECOND).contains(wait), "{wait:?}");
    }
    let mean = waits.iter().sum::<Duration>() / 400;
    assert!((9 * SECOND..=11 * SECOND).contains(&mean), "{mean:?}");
    assert!(waits.iter().any(|wait| *wait < 8 * SECOND) && waits.iter().any(|wait| *wait > 12 * SECOND));
}

#[flowkit::test]
async fn a8_the_same_seed_gives_the_same_waits() {
    assert_eq!(jittered_waits(7).await, jittered_waits(7).await);
    assert_ne!(jittered_waits(7).await, jittered_waits(8).await);
}

#[flowkit::test]
async fn a11_an_error_that_is_returned_is_a_failure_like_any_other() {
    let calls = Calls::default();
    assert!(flaky(calls.clone(), NEVER).retries(2).await.is_err());
    assert_eq!(calls.count(), 3);
}

#[flowkit::test]
async fn a12_the_body_sees_which_attempt_it_is() {
    #[task(retries = 3, retry_delay = "1s")]
    async fn attempts(seen: Arc<std::sync::Mutex<Vec<u32>>>) -> Result<(), String> {
        seen.lock().unwrap().push(ctx().attempt());
        Err("no".into())
    }

    #[task(retries = 3)]
    fn attempts_on_a_thread(seen: Arc<std::sync::Mutex<Vec<u32>>>) -> Result<(), String> {
        seen.lock().unwrap().push(ctx().attempt());
        Err("no".into())
    }

    #[flow]
    async fn try_it(seen: Arc<std::sync::Mutex<Vec<u32>>>) -> Result<()> {
        let _ = attempts(seen.clone()).await;
        let _ = attempts_on_a_thread(seen).submit().await;
        Ok(())
    }

    let seen = Arc::default();
    try_it(Arc::clone(&seen)).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [1, 2, 3, 4, 1, 2, 3, 4]);
}

#[flowkit::test]
async fn a12_every_attempt_has_the_same_idempotency_key_and_every_run_another() {
    #[task(retries = 2)]
    async fn keys(seen: Arc<std::sync::Mutex<Vec<String>>>) -> Result<(), String> {
        seen.lock().unwrap().push(ctx().idempotency_key().unwrap());
        Err("no".into())
    }

    #[flow]
    async fn try_it(seen: Arc<std::sync::Mutex<Vec<String>>>) -> Result<()> {
        let _ = keys(seen.clone()).await;
        let _ = keys(seen).await;
        Ok(())
    }

    let seen = Arc::default();
    try_it(Arc::clone(&seen)).await.unwrap();
    let mut seen = seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 6);
    seen.dedup();
    assert_eq!(seen.len(), 2);
}

#[flowkit::test]
async fn a13_a_run_begins_with_its_first_attempt_and_its_busy_time_leaves_the_waits_out() {
    #[task(retries = 2, retry_delay = "5s")]
    async fn slow(calls: Calls) -> Result<u32, String> {
        tokio::time::sleep(2 * SECOND).await;
        if calls.add() < 3 { Err("not yet".into()) } else { Ok(3) }
    }

    #[flow]
    async fn try_it() -> Result<u32> {
        tokio::time::sleep(SECOND).await;
        Ok(slow(Calls::default()).await?)
    }

    let run = try_it().run().await;
    let task_run = only(&run, "slow");
    assert_eq!(task_run.started_at.unwrap().since(run.flow().unwrap().created_at), SECOND);
    assert_eq!(task_run.busy_time(), 6 * SECOND);
    assert_eq!(task_run.duration(), Some(16 * SECOND));
}

#[flowkit::test]
async fn a14_the_strongest_place_that_speaks_of_retries_is_heard() {
    #[task]
    async fn silent(calls: Calls) -> Result<(), String> {
        Err(format!("call {}", calls.add()))
    }

    #[task(retries = 0)]
    async fn says_zero(calls: Calls) -> Result<(), String> {
        Err(format!("call {}", calls.add()))
    }

    #[flow]
    async fn silent_flow() -> Result<()> {
        let _ = silent(Calls::default()).await;
        let _ = says_zero(Calls::default()).await;
        Ok(())
    }

    #[flow(task_defaults(retries = 2))]
    async fn speaking_flow() -> Result<()> {
        let _ = silent(Calls::default()).await;
        let _ = says_zero(Calls::default()).await;
        let _ = says_zero(Calls::default()).retries(1).named("per call").await;
        Ok(())
    }

    fn attempts<T>(run: &FlowRun<T, flowkit::BoxError>) -> Vec<u32> {
        run.task_runs().iter().map(|run| run.attempt).collect()
    }

    let runtime = Runtime::builder().task_defaults(TaskPolicy::EMPTY.retries(3)).build();
    assert_eq!(attempts(&silent_flow().run().await), [1, 1]);
    assert_eq!(attempts(&silent_flow().on(&runtime).run().await), [4, 1]);
    assert_eq!(attempts(&speaking_flow().on(&runtime).run().await), [3, 1, 2]);
}
