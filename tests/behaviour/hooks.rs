//! Hooks: when each of them is called, what it sees, and that it can break nothing (G1 to G4, G6).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use flowkit::prelude::*;
use flowkit::{Runtime, TaskRun};
use tokio::time::sleep;

use crate::captured::Captured;
use crate::records::only;

/// What hooks saw, in order.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    /// Returns a hook that writes down its name, the state and the attempt.
    fn hook(&self, name: &'static str) -> impl Fn(&TaskRun) + Send + Sync + 'static {
        let seen = self.clone();
        move |run| seen.write(name, run)
    }

    fn write(&self, name: &str, run: &TaskRun) {
        self.0.lock().unwrap().push(format!("{name}: {} {}", run.state, run.attempt));
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Succeeds at its attempt number `good_at`.
#[task(retries = 2, retry_delay = "1s")]
async fn flaky(good_at: u32) -> Result<u32, String> {
    if ctx().attempt() >= good_at { Ok(good_at) } else { Err(format!("attempt {}", ctx().attempt())) }
}

/// Calls `flaky` with every hook there is.
#[flow]
async fn hooked(good_at: u32, seen: Seen, submitted: bool) -> Result<u32> {
    let call = flaky(good_at)
        .on_running(seen.hook("running"))
        .on_success(seen.hook("success"))
        .on_failure(seen.hook("failure"))
        .on_retry(seen.hook("retry"))
        .on_cancel(seen.hook("cancel"));
    Ok(if submitted { call.submit().await? } else { call.await? })
}

#[flowkit::test]
async fn g1_on_running_is_called_at_the_beginning_of_every_attempt() {
    for submitted in [false, true] {
        let seen = Seen::default();
        hooked(3, seen.clone(), submitted).await.unwrap();
        let mut running = seen.take();
        running.retain(|line| line.starts_with("running"));
        assert_eq!(running, ["running: Running 1", "running: Running 2", "running: Running 3"]);
    }
}

#[flowkit::test]
async fn g1_hooks_are_called_in_the_order_of_what_happens() {
    let seen = Seen::default();
    hooked(2, seen.clone(), false).await.unwrap();
    assert_eq!(
        seen.take(),
        ["running: Running 1", "retry: AwaitingRetry 1", "running: Running 2", "success: Completed 2"]
    );
}

#[flowkit::test]
async fn g2_on_failure_is_called_once_for_the_final_failure_and_never_for_a_retry() {
    for submitted in [false, true] {
        let seen = Seen::default();
        hooked(9, seen.clone(), submitted).await.unwrap_err();
        assert_eq!(
            seen.take(),
            [
                "running: Running 1",
                "retry: AwaitingRetry 1",
                "running: Running 2",
                "retry: AwaitingRetry 2",
                "running: Running 3",
                "failure: Failed 3",
            ]
        );
    }
}

#[flowkit::test]
async fn g2_a_hook_sees_the_run_as_it_stands_with_its_error_and_its_attempts() {
    #[task(retries = 1, retry_delay = "7s", on_failure = |run| SEEN.lock().unwrap().push(run.clone()))]
    async fn doomed() -> Result<(), String> {
        Err(format!("attempt {}", ctx().attempt()))
    }

    static SEEN: Mutex<Vec<TaskRun>> = Mutex::new(Vec::new());

    #[flow]
    async fn try_it() -> Result<()> {
        Ok(doomed().named("the doomed one").await?)
    }

    let run = try_it().run().await;
    let seen = SEEN.lock().unwrap();
    let [task_run] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!(task_run.id, only(&run, "doomed").id);
    assert_eq!(task_run.label(), "the doomed one");
    assert_eq!(task_run.error.as_deref().unwrap().message, "attempt 2");
    assert_eq!(task_run.attempts()[0].error.as_ref().unwrap().message, "attempt 1");
    assert_eq!(task_run.duration(), Some(Duration::from_secs(7)));
}

#[flowkit::test]
async fn g2_a_timeout_and_a_panic_are_failures_to_hooks_and_a_skipped_or_waiting_task_is_not() {
    #[task(timeout = "1s")]
    async fn slow() -> u32 {
        sleep(Duration::from_secs(60)).await;
        0
    }

    #[task]
    async fn shaky() -> u32 {
        panic!("oh")
    }

    #[task]
    async fn after(number: u32) -> u32 {
        number
    }

    #[flow]
    async fn try_it(seen: Seen) -> Result<()> {
        let slow = slow().on_failure(seen.hook("slow")).submit();
        let shaky = shaky().on_failure(seen.hook("shaky")).submit();
        let after = after::of(&shaky).on_failure(seen.hook("after")).on_success(seen.hook("after")).submit();
        settle_all([slow, shaky, after]).await;
        Ok(())
    }

    let seen = Seen::default();
    try_it(seen.clone()).await.unwrap();
    assert_eq!(seen.take(), ["shaky: Failed 1", "slow: TimedOut 1"]);
}

#[flowkit::test]
async fn g3_on_success_is_called_for_a_result_from_the_cache_and_the_state_says_so() {
    #[task(cache = "inputs")]
    async fn square(number: u32) -> u32 {
        number * number
    }

    #[flow]
    async fn try_it(seen: Seen) -> Result<u32> {
        let call = |name| square(3).on_running(seen.hook("running")).on_success(seen.hook(name));
        Ok(call("first").await? + call("second").submit().await?)
    }

    let seen = Seen::default();
    assert_eq!(try_it(seen.clone()).await.unwrap(), 18);
    assert_eq!(seen.take(), ["running: Running 1", "first: Completed 1", "second: Cached 0"]);
}

#[flowkit::test]
async fn g4_a_hook_that_panics_is_logged_and_the_next_one_is_still_called() {
    #[task(
        on_running = |_| panic!("bad hook 1"),
        on_success = [|_| panic!("bad hook 2"), |run| assert!(run.state.is_terminal())],
    )]
    async fn fine() -> u32 {
        7
    }

    #[flow]
    async fn try_it(seen: Seen) -> Result<u32> {
        let call = fine().on_running(seen.hook("running")).on_success(|_| panic!("bad hook 3"));
        Ok(call.on_success(seen.hook("success")).await?)
    }

    let (captured, _guard) = Captured::start();
    let seen = Seen::default();
    let run = try_it(seen.clone()).run().await;
    assert_eq!(run.result().as_ref().unwrap(), &7);
    assert_eq!(run.state(), State::Completed);
    assert_eq!(only(&run, "fine").state, State::Completed);
    assert_eq!(seen.take(), ["running: Running 1", "success: Completed 1"]);
    let lines = captured.lines();
    let told: Vec<_> = lines.iter().map(|line| (&*line.message, line.fields.get("panic"))).collect();
    assert_eq!(
        told,
        [
            ("a hook panicked", "bad hook 1"),
            ("a hook panicked", "bad hook 2"),
            ("a hook panicked", "bad hook 3"),
        ]
    );
}

#[flowkit::test]
async fn g4_a_hook_that_panics_at_a_retry_or_a_failure_changes_neither() {
    #[task(retries = 1, on_retry = |_| panic!("bad"), on_failure = |_| panic!("bad"))]
    async fn doomed() -> Result<(), String> {
        Err("no".into())
    }

    #[flow]
    async fn try_it() -> Result<()> {
        Ok(doomed().submit().await?)
    }

    let run = try_it().run().await;
    let task_run = only(&run, "doomed");
    assert_eq!((task_run.state, task_run.attempt), (State::Failed, 2));
    assert_eq!(task_run.error.as_deref().unwrap().message, "no");
}

#[flowkit::test]
async fn g6_on_cancel_is_called_for_a_task_that_was_told_to_stop() {
    #[task]
    async fn hour() {
        sleep(Duration::from_secs(3600)).await;
    }

    #[flow]
    async fn try_it(seen: Seen) -> Result<()> {
        let handle = hour().on_cancel(seen.hook("handle")).on_failure(seen.hook("failure")).submit();
        sleep(Duration::from_secs(1)).await;
        handle.cancel();
        handle.ended().await;
        Ok(())
    }

    let seen = Seen::default();
    try_it(seen.clone()).await.unwrap();
    assert_eq!(seen.take(), ["handle: Cancelled 1"]);
}

#[flowkit::test]
async fn g6_on_cancel_is_called_wherever_the_task_stands_when_its_flow_is_cancelled() {
    #[task]
    async fn hour(number: u32) -> u32 {
        sleep(Duration::from_secs(3600)).await;
        number
    }

    #[flow]
    async fn try_it(seen: Seen) -> Result<u32> {
        let running = hour(1).on_cancel(seen.hook("submitted")).submit();
        drop(hour::of(&running).on_cancel(seen.hook("waiting")).submit());
        Ok(hour(2).on_cancel(seen.hook("awaited")).await?)
    }

    let seen = Seen::default();
    let flow = try_it(seen.clone()).start();
    sleep(Duration::from_secs(1)).await;
    flow.cancel();
    let run = flow.await;
    assert_eq!(run.state(), State::Cancelled);
    let mut lines = seen.take();
    lines.sort();
    assert_eq!(lines, ["awaited: Cancelled 1", "submitted: Cancelled 1", "waiting: Cancelled 0"]);
}

#[flowkit::test]
async fn g6_on_cancel_is_called_for_a_call_that_is_dropped() {
    #[task]
    async fn hour() {
        sleep(Duration::from_secs(3600)).await;
    }

    #[flow]
    async fn try_it(seen: Seen) -> Result<()> {
        let call = hour().on_cancel(seen.hook("dropped"));
        assert!(tokio::time::timeout(Duration::from_secs(1), call).await.is_err());
        Ok(())
    }

    let seen = Seen::default();
    let run = try_it(seen.clone()).run().await;
    assert_eq!(only(&run, "hour").state, State::Cancelled);
    assert_eq!(seen.take(), ["dropped: Cancelled 1"]);
}

static FLOW_HOOKS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn told(name: &str, run: &TaskRun) {
    FLOW_HOOKS.lock().unwrap().push(format!("{name} {}: {} {}", run.task, run.state, run.attempt));
}

#[flowkit::test]
async fn g6_a_flow_has_the_same_hooks() {
    #[flow(
        retries = 1,
        on_running = |run| told("running", run),
        on_retry = |run| told("retry", run),
        on_success = |run| told("success", run),
        on_failure = |run| told("failure", run),
        on_cancel = |run| told("cancel", run),
    )]
    async fn nightly(good_at: u32) -> Result<(), String> {
        if good_at == 0 {
            std::future::pending::<()>().await;
        }
        if ctx().attempt() >= good_at { Ok(()) } else { Err("no".into()) }
    }

    let take = || std::mem::take(&mut *FLOW_HOOKS.lock().unwrap());
    nightly(1).await.unwrap();
    assert_eq!(take(), ["running nightly: Running 1", "success nightly: Completed 1"]);
    nightly(9).await.unwrap_err();
    assert_eq!(
        take(),
        [
            "running nightly: Running 1",
            "retry nightly: Running 1",
            "running nightly: Running 2",
            "failure nightly: Failed 2",
        ]
    );
    let flow = nightly(0).start();
    sleep(Duration::from_secs(1)).await;
    flow.cancel();
    drop(flow.await);
    assert_eq!(take(), ["running nightly: Running 1", "cancel nightly: Cancelled 1"]);
}

#[flowkit::test]
async fn the_attributes_hooks_are_called_before_those_of_the_call() {
    static ORDER: Mutex<Vec<&str>> = Mutex::new(Vec::new());

    #[task(on_success = [|_| ORDER.lock().unwrap().push("first"), |_| ORDER.lock().unwrap().push("second")])]
    async fn fine() {}

    #[flow]
    async fn try_it() -> Result<()> {
        let call = fine().on_success(|_| ORDER.lock().unwrap().push("third"));
        Ok(call.on_success(|_| ORDER.lock().unwrap().push("fourth")).await?)
    }

    try_it().await.unwrap();
    assert_eq!(*ORDER.lock().unwrap(), ["first", "second", "third", "fourth"]);
}

#[flowkit::test]
async fn an_observer_that_panics_stops_neither_the_run_nor_the_others() {
    #[flow]
    async fn quick() -> Result<u32> {
        Ok(flaky(1).await?)
    }

    let seen = Seen::default();
    let observer = seen.clone();
    let runtime = Runtime::builder()
        .observe(|_| panic!("bad observer"))
        .observe(move |notice| observer.write(notice.event.kind.name(), notice.task_run))
        .build();
    let run = quick().on(&runtime).run().await;
    assert_eq!(run.state(), State::Completed);
    assert_eq!(seen.take().len(), run.events().len());
}

#[flowkit::test]
async fn hooks_of_a_call_outside_a_flow_are_called_as_inside_one() {
    for good_at in [1, 3, 9] {
        let seen = Seen::default();
        hooked(good_at, seen.clone(), false).await.ok();
        let inside = seen.take();
        assert!(!inside.is_empty());
        let call = flaky(good_at)
            .on_running(seen.hook("running"))
            .on_success(seen.hook("success"))
            .on_failure(seen.hook("failure"))
            .on_retry(seen.hook("retry"))
            .on_cancel(seen.hook("cancel"));
        call.await.ok();
        assert_eq!(seen.take(), inside, "good at {good_at}");
    }
}

#[flowkit::test]
async fn a_hook_outside_a_flow_sees_what_is_known_of_the_call() {
    let told = Seen::default();
    let tell = |told: &Seen| {
        let told = told.clone();
        move |run: &TaskRun| {
            let took = run.duration().unwrap_or_default().as_secs();
            let error = run.error.as_deref().map(ToString::to_string).unwrap_or_default();
            told.0.lock().unwrap().push(format!("{} {took} s: {error}", run.label()));
        }
    };
    flaky(9).named("the third").on_failure(tell(&told)).await.unwrap_err();
    assert_eq!(told.take(), ["the third 2 s: attempt 3"]);
}

#[flowkit::test]
async fn a_call_outside_a_flow_that_is_dropped_calls_its_hook_too() {
    let seen = Seen::default();
    let call = never_ends().on_cancel(seen.hook("cancel"));
    assert!(tokio::time::timeout(Duration::from_secs(1), call).await.is_err());
    assert_eq!(seen.take(), ["cancel: Cancelled 1"]);
}

#[task]
async fn never_ends() {
    std::future::pending::<()>().await;
}
