//! The retry table: 0 to 5 retries against everything that an attempt can do, exact in virtual time (R32).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use flowkit::policy::retry::Backoff;
use flowkit::prelude::*;
use flowkit::{FlowRun, Runtime, TaskRun};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// What the task does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Plan {
    /// Fails until this attempt, which succeeds.
    GoodAt(u32),
    /// Fails until this attempt, whose error is fatal.
    FatalAt(u32),
    /// Fails for ever, and the retry condition panics when it is asked for the time of this number.
    ConditionPanicsAt(u32),
    /// Fails for ever.
    Never,
}

#[task]
async fn follow(plan: Plan) -> Result<u32, String> {
    let attempt = ctx().attempt();
    // An attempt takes a second, so that waits and attempts cannot be mistaken for each other.
    tokio::time::sleep(SECOND).await;
    match plan {
        Plan::GoodAt(good) if attempt >= good => Ok(attempt),
        Plan::FatalAt(fatal_at) if attempt >= fatal_at => Err(fatal(format!("fatal at {attempt}"))),
        _ => Err(format!("failed at {attempt}")),
    }
}

/// How a delay grows, and until when.
#[derive(Clone, Copy, Debug)]
struct Waits {
    delay: Duration,
    backoff: Backoff,
    limit: Option<Duration>,
}

#[flow]
async fn table_row(plan: Plan, retries: u32, waits: Waits, submitted: bool) -> Result<u32> {
    let asked = Arc::new(AtomicU32::new(0));
    let condition = move |_: &String| {
        let asked = asked.fetch_add(1, Ordering::SeqCst) + 1;
        assert!(plan != Plan::ConditionPanicsAt(asked), "asked {asked} times");
        true
    };
    let mut call = follow(plan).retries(retries).retry_if(condition);
    call = call.retry_delay(waits.delay).backoff(waits.backoff);
    if let Some(limit) = waits.limit {
        call = call.max_retry_delay(limit);
    }
    Ok(if submitted { call.submit().await? } else { call.await? })
}

/// The number of attempts that a plan takes, and whether it succeeds.
fn expected(plan: Plan, retries: u32) -> (u32, State) {
    let allowed = retries + 1;
    match plan {
        Plan::GoodAt(attempt) if attempt <= allowed => (attempt, State::Completed),
        Plan::FatalAt(attempt) | Plan::ConditionPanicsAt(attempt) => (attempt.min(allowed), State::Failed),
        Plan::GoodAt(_) | Plan::Never => (allowed, State::Failed),
    }
}

/// Runs one row, checks what holds for every row, and returns the task run and how long the flow took.
async fn run_row(plan: Plan, retries: u32, waits: Waits, submitted: bool) -> (TaskRun, Duration) {
    let begin = Instant::now();
    let run: FlowRun<u32, _> = table_row(plan, retries, waits, submitted).run().await;
    let took = begin.elapsed();
    let row = format!("{plan:?}, {retries} retries, {waits:?}, submitted: {submitted}");
    let task_run = run.task_runs().remove(0);
    let (attempts, state) = expected(plan, retries);
    assert_eq!((task_run.attempt, task_run.state), (attempts, state), "{row}");
    let numbers: Vec<_> = task_run.attempts().iter().map(|attempt| attempt.number).collect();
    assert_eq!(numbers, (1..=attempts).collect::<Vec<_>>(), "{row}");
    match run.result() {
        Ok(value) => assert_eq!(*value, attempts, "{row}"),
        Err(_) => {
            assert!(task_run.error.as_deref().unwrap().message.contains(&format!("at {attempts}")), "{row}")
        }
    }
    // No wait after the last attempt: the flow ends with it.
    assert_eq!(task_run.ended_at.unwrap().since(run.flow().unwrap().created_at), took, "{row}");
    assert_eq!(task_run.attempts().last().unwrap().retry_in, None, "{row}");
    (task_run, took)
}

/// Checks the waits between attempts, as announced and as they came about.
fn check_waits(task_run: &TaskRun, wait: impl Fn(u32) -> Duration) {
    for pair in task_run.attempts().windows(2) {
        let expected = wait(pair[0].number);
        assert_eq!(pair[0].retry_in, Some(expected), "after attempt {}", pair[0].number);
        assert_eq!(pair[1].started_at.since(pair[0].ended_at.unwrap()), expected);
    }
}

#[flowkit::test]
async fn r32_attempts_and_waits_are_exact_for_every_plan_and_every_number_of_retries() {
    let mut rows = 0;
    for retries in 0..=5 {
        for attempt in 1..=6 {
            for plan in [Plan::GoodAt(attempt), Plan::FatalAt(attempt), Plan::ConditionPanicsAt(attempt)] {
                for submitted in [false, true] {
                    let waits = Waits { delay: 7 * SECOND, backoff: Backoff::Exponential, limit: None };
                    let (task_run, took) = run_row(plan, retries, waits, submitted).await;
                    check_waits(&task_run, |retry| 7 * SECOND * 2_u32.pow(retry - 1));
                    // 7 + 14 + 28 + …, and a second for each attempt.
                    let attempts = task_run.attempt;
                    let waited = 7 * SECOND * (2_u32.pow(attempts - 1) - 1);
                    assert_eq!(took, waited + attempts * SECOND);
                    rows += 1;
                }
            }
        }
    }
    assert_eq!(rows, 6 * 6 * 3 * 2);
}

#[flowkit::test]
async fn r32_a_task_that_never_succeeds_uses_up_its_retries_with_each_backoff() {
    let grown = |backoff, retry: u32| match backoff {
        Backoff::Fixed => 3 * SECOND,
        Backoff::Linear => 3 * SECOND * retry,
        Backoff::Exponential => 3 * SECOND * 2_u32.pow(retry - 1),
    };
    for retries in 0..=5 {
        for backoff in [Backoff::Fixed, Backoff::Linear, Backoff::Exponential] {
            for limit in [None, Some(10 * SECOND)] {
                let waits = Waits { delay: 3 * SECOND, backoff, limit };
                let (task_run, _) = run_row(Plan::Never, retries, waits, true).await;
                check_waits(&task_run, |retry| grown(backoff, retry).min(limit.unwrap_or(Duration::MAX)));
            }
        }
    }
}

#[flowkit::test]
async fn r32_a_delay_that_overflows_is_cut_to_its_limit() {
    for retries in 0..=5 {
        for backoff in [Backoff::Linear, Backoff::Exponential] {
            for delay in [Duration::MAX, Duration::MAX / 2, Duration::from_secs(u64::MAX / 3)] {
                let waits = Waits { delay, backoff, limit: Some(60 * SECOND) };
                let (task_run, _) = run_row(Plan::Never, retries, waits, false).await;
                check_waits(&task_run, |_| 60 * SECOND);
            }
        }
    }
}

/// Without its own limit, a delay is waited for in full: practically for ever.
#[flowkit::test]
async fn r32_a_delay_that_overflows_without_a_limit_waits_and_can_be_cancelled() {
    for backoff in [Backoff::Fixed, Backoff::Linear, Backoff::Exponential] {
        let waits = Waits { delay: Duration::MAX, backoff, limit: None };
        let flow = table_row(Plan::Never, 5, waits, true).start();
        tokio::time::sleep(365 * 24 * 60 * 60 * SECOND).await;
        assert_eq!(flow.live_task_runs(), 1, "it still waits after a year");
        flow.cancel();
        let run = flow.await;
        let task_run = run.task_runs().remove(0);
        assert_eq!((task_run.state, task_run.attempt), (State::Cancelled, 1));
        assert_eq!(task_run.attempts()[0].retry_in, Some(Duration::MAX));
    }
}

#[task(retry_delay = "10s", jitter = 0.25)]
async fn jittered() -> Result<(), String> {
    Err("no".into())
}

#[flow]
async fn draws(retries: u32) -> Result<()> {
    Ok(jittered().retries(retries).await?)
}

#[flowkit::test]
async fn r32_ten_thousand_jittered_waits_stay_inside_their_bounds() {
    let (shortest, longest) = (Duration::from_millis(7500), Duration::from_millis(12_500));
    let run = draws(10_000).on(&Runtime::builder().seed(32).build()).run().await;
    let attempts = run.task_runs().remove(0).attempts();
    let mut waits = Vec::new();
    for pair in attempts.windows(2) {
        let wait = pair[0].retry_in.unwrap();
        assert!((shortest..=longest).contains(&wait), "{wait:?}");
        let waited = pair[1].started_at.since(pair[0].ended_at.unwrap());
        // tokio's clock counts whole milliseconds and never wakes early.
        assert!(waited >= wait && waited < wait + Duration::from_millis(2), "{waited:?} instead of {wait:?}");
        waits.push(wait);
    }
    assert_eq!(waits.len(), 10_000);
    let mean = waits.iter().sum::<Duration>() / 10_000;
    assert!((Duration::from_millis(9900)..=Duration::from_millis(10_100)).contains(&mean), "{mean:?}");
    // Both ends of the band are reached, to within a hundredth of it.
    let near = (longest - shortest) / 100;
    assert!(*waits.iter().min().unwrap() < shortest + near);
    assert!(*waits.iter().max().unwrap() > longest - near);
}
