//! Retries of a flow: its body runs again, and calls that succeeded before keep their results (A15 to A18).

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flowkit::prelude::*;
use flowkit::{FlowRun, TaskError};

use crate::records::{seconds, waits};

/// What bodies note down, in order.
type Notes = Arc<Mutex<Vec<String>>>;

fn note(notes: &Notes, text: impl Into<String>) {
    notes.lock().unwrap().push(text.into());
}

fn states_of<T, E: TaskError>(run: &FlowRun<T, E>, task: &str) -> Vec<State> {
    run.task_runs_of(task).iter().map(|run| run.state).collect()
}

#[flowkit::test]
async fn a15_a_flow_with_two_retries_runs_three_times_within_one_flow_run() {
    #[flow(retries = 2, retry_delay = "5s")]
    async fn third_time_lucky(seen: Notes) -> Result<u32> {
        let attempt = ctx().attempt();
        note(&seen, format!("attempt {attempt} of {}", ctx().flow_run_id().unwrap()));
        if attempt < 3 { Err("not yet".into()) } else { Ok(attempt) }
    }

    let seen = Notes::default();
    let run = third_time_lucky(Arc::clone(&seen)).run().await;
    let id = run.id().unwrap();
    assert_eq!(*seen.lock().unwrap(), [1, 2, 3].map(|attempt| format!("attempt {attempt} of {id}")));
    assert_eq!(run.result().as_ref().unwrap(), &3);
    assert_eq!(run.state(), State::Completed);
    let flow = run.flow().unwrap();
    assert_eq!(flow.attempt, 3);
    assert_eq!(waits(&flow), seconds([5, 5]));
}

#[flowkit::test]
async fn a15_a_flow_whose_retries_are_used_up_ends_with_the_last_error() {
    #[flow(retries = 2)]
    async fn unlucky() -> Result<(), String> {
        Err(format!("attempt {} failed", ctx().attempt()))
    }

    let run = unlucky().run().await;
    assert_eq!(run.state(), State::Failed);
    let error = run.result().as_ref().unwrap_err();
    assert_eq!(error.to_string(), "flow `unlucky` failed after 3 attempts: attempt 3 failed");
}

#[task(ignore(notes))]
async fn load(notes: Notes, part: u32) -> u32 {
    note(&notes, format!("load {part}"));
    part * 10
}

/// Fails at its first `failures` calls.
#[task(ignore(notes, failures))]
async fn check(notes: Notes, sum: u32, failures: Arc<AtomicU32>) -> Result<u32, String> {
    note(&notes, format!("check {sum}"));
    let left = failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
    if left.is_ok() { Err("no".into()) } else { Ok(sum) }
}

#[flow(retries = 2)]
async fn load_and_check(notes: Notes, failures: Arc<AtomicU32>) -> Result<u32> {
    let one = load(notes.clone(), 1).await?;
    let again = load(notes.clone(), 1).await?;
    let two = load(notes.clone(), 2).submit().await?;
    Ok(check(notes, one + again + two, failures).await?)
}

#[flowkit::test]
async fn a16_a_call_that_succeeded_is_taken_over_by_the_next_attempt_of_the_flow() {
    let notes = Notes::default();
    let run = load_and_check(Arc::clone(&notes), Arc::new(AtomicU32::new(2))).run().await;
    assert_eq!(run.result().as_ref().unwrap(), &40);
    // Two equal calls are two calls: each of them ran once, and neither ran again.
    assert_eq!(*notes.lock().unwrap(), ["load 1", "load 1", "load 2", "check 40", "check 40", "check 40"]);
    use State::{Cached, Completed};
    assert_eq!(
        states_of(&run, "load"),
        [Completed, Completed, Completed, Cached, Cached, Cached, Cached, Cached, Cached]
    );
    assert_eq!(states_of(&run, "check"), [State::Failed, State::Failed, Completed]);
}

#[flowkit::test]
async fn a16_the_order_of_calls_may_change_between_attempts() {
    #[flow(retries = 1)]
    async fn shuffled(notes: Notes) -> Result<u32> {
        let parts = if ctx().attempt() == 1 { [1, 2, 3] } else { [3, 1, 2] };
        let mut all = Vec::new();
        for part in parts {
            all.push(load(notes.clone(), part).await?);
        }
        if ctx().attempt() == 1 { Err("again".into()) } else { Ok(all[0] * 100 + all[1] * 10 + all[2]) }
    }

    let notes = Notes::default();
    assert_eq!(shuffled(Arc::clone(&notes)).await.unwrap(), 3120);
    assert_eq!(*notes.lock().unwrap(), ["load 1", "load 2", "load 3"]);
}

#[flowkit::test]
async fn a16_a_result_that_cannot_be_cloned_is_made_again_in_each_attempt() {
    struct Connection;

    #[task]
    async fn connect(notes: Notes) -> Connection {
        note(&notes, "connect");
        Connection
    }

    #[flow(retries = 1)]
    async fn try_it(notes: Notes) -> Result<u32> {
        connect(notes).await?;
        if ctx().attempt() == 1 { Err("again".into()) } else { Ok(2) }
    }

    let notes = Notes::default();
    let run = try_it(Arc::clone(&notes)).run().await;
    assert!(run.result().is_ok());
    assert_eq!(states_of(&run, "connect"), [State::Completed, State::Completed]);
    assert_eq!(notes.lock().unwrap().len(), 2);
}

#[flowkit::test]
async fn a17_a_failed_task_has_its_full_retries_again_in_the_next_attempt_of_the_flow() {
    #[task(retries = 2)]
    async fn unlucky(notes: Notes) -> Result<(), String> {
        note(&notes, format!("attempt {}", ctx().attempt()));
        Err("no".into())
    }

    #[flow(retries = 1)]
    async fn try_it(notes: Notes) -> Result<()> {
        Ok(unlucky(notes).await?)
    }

    let notes = Notes::default();
    let run = try_it(Arc::clone(&notes)).run().await;
    assert_eq!(run.state(), State::Failed);
    let attempts: Vec<_> = run.task_runs_of("unlucky").iter().map(|run| run.attempt).collect();
    assert_eq!(attempts, [3, 3]);
    assert_eq!(
        *notes.lock().unwrap(),
        ["attempt 1", "attempt 2", "attempt 3", "attempt 1", "attempt 2", "attempt 3"]
    );
}

#[flow(ignore(notes))]
async fn good_child(notes: Notes) -> Result<u32> {
    note(&notes, "good child");
    Ok(load(notes, 7).await?)
}

#[flow(ignore(notes, failures))]
async fn bad_child(notes: Notes, failures: Arc<AtomicU32>) -> Result<u32> {
    note(&notes, "bad child");
    Ok(check(notes, 1, failures).await?)
}

#[flowkit::test]
async fn a18_a_sub_flow_that_failed_runs_again_and_one_that_completed_does_not() {
    #[flow(retries = 1)]
    async fn parent(notes: Notes, failures: Arc<AtomicU32>) -> Result<u32> {
        let good = good_child(notes.clone()).await?;
        let bad = bad_child(notes, failures).await?;
        Ok(good + bad)
    }

    let notes = Notes::default();
    let run = parent(Arc::clone(&notes), Arc::new(AtomicU32::new(1))).run().await;
    assert_eq!(run.result().as_ref().unwrap(), &71);
    assert_eq!(
        *notes.lock().unwrap(),
        ["good child", "load 7", "bad child", "check 1", "bad child", "check 1"]
    );
    assert_eq!(states_of(&run, "good_child"), [State::Completed, State::Cached]);
    assert_eq!(states_of(&run, "bad_child"), [State::Failed, State::Completed]);
    // Each run of the child is its own flow run.
    let runs: Vec<_> = run.task_runs_of("bad_child").iter().map(|run| run.flow_run).collect();
    assert!(runs[0].is_some() && runs[1].is_some() && runs[0] != runs[1]);
}

#[flowkit::test]
async fn the_children_of_a_failed_attempt_end_before_the_next_attempt_begins() {
    #[task]
    async fn slow(notes: Notes) {
        tokio::time::sleep(Duration::from_secs(60)).await;
        note(&notes, "slow ended");
    }

    #[flow(retries = 1)]
    async fn try_it(notes: Notes) -> Result<()> {
        note(&notes, format!("attempt {}", ctx().attempt()));
        if ctx().attempt() == 1 {
            // It is never awaited.
            drop(slow(notes).submit());
            return Err("again".into());
        }
        Ok(())
    }

    let notes = Notes::default();
    try_it(Arc::clone(&notes)).await.unwrap();
    assert_eq!(*notes.lock().unwrap(), ["attempt 1", "slow ended", "attempt 2"]);
}

#[flowkit::test]
async fn an_error_of_the_body_that_is_fatal_ends_the_flow() {
    #[flow(retries = 3)]
    async fn hopeless(notes: Notes) -> Result<(), String> {
        note(&notes, "attempt");
        Err(fatal("hopeless".to_owned()))
    }

    let notes = Notes::default();
    assert!(hopeless(Arc::clone(&notes)).await.is_err());
    assert_eq!(notes.lock().unwrap().len(), 1);
}
