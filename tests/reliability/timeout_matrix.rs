//! The timeout matrix: async, never yields, blocking, blocking for ever (R30).
//!
//! The caller is free at the limit, what cannot be stopped is marked as orphaned, and no other task has to wait for it.
//! A stuck body is released only at the end of its test, so everything that a test sees before happened without it.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use flowkit::model::EventKind;
use flowkit::prelude::*;
use flowkit::{RunningFlow, TaskRun, limits};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

const LIMIT: Duration = Duration::from_secs(10);

/// Holds bodies back until it is opened.
struct Gate {
    arrivals: UnboundedSender<u32>,
    is_open: Mutex<bool>,
    changed: Condvar,
}

/// Opens the gate when it is dropped, so that also a test that fails lets its threads go.
struct Release(Arc<Gate>);

impl Gate {
    fn new() -> (Arc<Self>, Release, UnboundedReceiver<u32>) {
        let (arrivals, arrived) = unbounded_channel();
        let gate = Arc::new(Self { arrivals, is_open: Mutex::default(), changed: Condvar::new() });
        (Arc::clone(&gate), Release(gate), arrived)
    }

    /// Says that a body is here, and blocks its thread until the gate is open.
    fn pass(&self, body: u32) {
        let _ = self.arrivals.send(body);
        let mut is_open = self.is_open.lock().unwrap();
        while !*is_open {
            is_open = self.changed.wait(is_open).unwrap();
        }
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        *self.0.is_open.lock().unwrap() = true;
        self.0.changed.notify_all();
    }
}

#[task]
async fn quick(number: u32) -> u32 {
    number
}

#[task]
fn quick_on_a_thread(number: u32) -> u32 {
    number
}

/// Runs tasks of both kinds.
#[flow]
async fn others() -> Result<usize> {
    let numbers = quick::map(0..100);
    Ok(quick_on_a_thread::map(&numbers).await?.len())
}

fn timed_out(task_run: &TaskRun, orphaned: bool) {
    assert_eq!((task_run.state, task_run.orphaned), (State::TimedOut, orphaned), "{task_run:?}");
    let message = &task_run.error.as_deref().unwrap().message;
    assert_eq!(message.ends_with("and its thread cannot be stopped"), orphaned, "{message}");
}

#[flowkit::test]
async fn r30_an_async_body_ends_at_its_limit_and_leaves_nothing_behind() {
    #[task(timeout = "10s", concurrency = "database")]
    async fn waits() -> u32 {
        std::future::pending().await
    }

    #[flow]
    async fn try_it(submitted: bool) -> Result<u32> {
        Ok(if submitted { waits().submit().await? } else { waits().await? })
    }

    limits::set("database", 1);
    for submitted in [false, true] {
        let run = try_it(submitted).run().await;
        timed_out(&run.task_runs()[0], false);
        assert_eq!(run.task_runs()[0].duration(), Some(LIMIT));
        assert_eq!(limits::free("database"), Some(1));
    }
}

#[task(timeout = "10s", concurrency = "database")]
fn blocks(gate: Arc<Gate>, body: u32) -> u32 {
    gate.pass(body);
    body
}

#[flow]
async fn call_blocking(gate: Arc<Gate>, count: u32) -> Result<()> {
    let handles: Vec<_> = (0..count).map(|body| blocks(gate.clone(), body).submit()).collect();
    for result in settle_all(handles).await {
        assert!(result.unwrap_err().is_timed_out());
    }
    Ok(())
}

/// Waits until `count` bodies are stuck, and lets their limit pass.
///
/// A blocking body holds the paused clock, so the clock is moved by hand.
async fn pass_the_limit(arrived: &mut UnboundedReceiver<u32>, count: u32) {
    for _ in 0..count {
        arrived.recv().await.unwrap();
    }
    tokio::time::advance(LIMIT).await;
}

#[flowkit::test]
async fn r30_the_caller_of_a_blocking_body_is_free_at_the_limit() {
    let (gate, release, mut arrived) = Gate::new();
    let flow = call_blocking(gate, 1).start();
    pass_the_limit(&mut arrived, 1).await;
    // The whole flow has ended, and the body is still stuck.
    let run = flow.await;
    assert_eq!(run.state(), State::Completed);
    timed_out(&run.task_runs()[0], true);
    assert_eq!(run.task_runs()[0].duration(), Some(LIMIT));
    drop(release);
}

#[flowkit::test]
async fn r30_blocking_bodies_that_are_stuck_for_ever_hold_up_nobody_else() {
    let (gate, release, mut arrived) = Gate::new();
    let flow = call_blocking(gate, 32).start();
    pass_the_limit(&mut arrived, 32).await;
    let run = flow.await;
    for task_run in run.task_runs() {
        timed_out(&task_run, true);
    }
    // Neither flowkit's threads nor tokio's own are taken.
    assert_eq!(others().await.unwrap(), 100);
    assert!(tokio::fs::metadata(env!("CARGO_MANIFEST_DIR")).await.unwrap().is_dir());
    drop(release);
}

#[task(concurrency = "database")]
async fn next() -> u32 {
    7
}

/// Calls something that is left behind, and then something else that needs its slot.
#[flow]
async fn one_after_the_other(gate: Arc<Gate>) -> Result<u32> {
    let stuck = blocks(gate, 0).submit();
    assert!(stuck.await.unwrap_err().is_timed_out());
    Ok(next().await?)
}

/// Reads events until a task run waits for a slot.
async fn queued<T, E>(flow: &RunningFlow<T, E>) {
    let mut events = flow.events();
    while let Some(event) = events.next().await {
        if matches!(event.kind, EventKind::Queued) {
            return;
        }
    }
    panic!("the flow ended, and nothing had to wait");
}

/// Otherwise more would use what the limit protects than it allows.
#[flowkit::test]
async fn r30_an_orphan_keeps_its_slot_until_its_thread_has_ended() {
    limits::set("database", 1);
    let (gate, release, mut arrived) = Gate::new();
    let flow = one_after_the_other(gate).start();
    pass_the_limit(&mut arrived, 1).await;
    queued(&flow).await;
    assert_eq!(limits::free("database"), Some(0));
    drop(release);
    let run = flow.await;
    assert_eq!(run.result().as_ref().unwrap(), &7);
    timed_out(&run.task_runs()[0], true);
    assert_eq!(limits::free("database"), Some(1));
}

#[flowkit::test]
async fn r30_an_attempt_after_an_orphan_is_a_fresh_one() {
    #[task(timeout = "10s", retries = 1)]
    fn second_time_lucky(gate: Arc<Gate>) -> u32 {
        if ctx().attempt() == 1 {
            gate.pass(1);
        }
        ctx().attempt()
    }

    #[flow]
    async fn try_it(gate: Arc<Gate>) -> Result<u32> {
        Ok(second_time_lucky(gate).await?)
    }

    let (gate, release, mut arrived) = Gate::new();
    let flow = try_it(gate).start();
    pass_the_limit(&mut arrived, 1).await;
    let run = flow.await;
    assert_eq!(run.result().as_ref().unwrap(), &2);
    let task_run = &run.task_runs()[0];
    assert_eq!(task_run.state, State::Completed);
    assert!(!task_run.orphaned, "the attempt that counts has ended");
    let first = task_run.attempts()[0].error.clone().unwrap();
    assert!(first.message.ends_with("and its thread cannot be stopped"), "{first}");
    drop(release);
}

/// It needs a second thread: on the only one, the reader of the clock has to wait for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r30_the_caller_of_a_submitted_body_that_never_yields_is_free_at_the_limit() {
    // Real time: long enough that the body has begun, on whatever machine.
    #[task(timeout = "1s", concurrency = "never yields")]
    async fn never_yields(gate: Arc<Gate>) -> u32 {
        gate.pass(0);
        0
    }

    #[task(concurrency = "never yields")]
    async fn next() -> u32 {
        7
    }

    #[flow]
    async fn try_it(gate: Arc<Gate>, freed: UnboundedSender<bool>) -> Result<u32> {
        let error = never_yields(gate).submit().await.unwrap_err();
        freed.send(error.is_timed_out())?;
        Ok(next().await?)
    }

    limits::set("never yields", 1);
    let (gate, release, mut arrived) = Gate::new();
    let (freed, mut is_freed) = unbounded_channel();
    let flow = try_it(gate, freed).start();
    assert_eq!(arrived.recv().await, Some(0));
    // The caller continues, and so does every other task; the slot stays with the body.
    assert_eq!(is_freed.recv().await, Some(true));
    queued(&flow).await;
    assert_eq!(others().await.unwrap(), 100);
    drop(release);
    let run = flow.await;
    assert_eq!(run.result().as_ref().unwrap(), &7);
    timed_out(&run.task_runs()[0], true);
}
