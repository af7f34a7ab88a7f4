//! Hooks that are async: they are awaited before the run counts as ended, within a limit of time, and can break nothing.

use std::future::pending;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flowkit::prelude::*;
use flowkit::store::MemoryStore;
use flowkit::{Runtime, TaskRun};
use tokio::time::{Instant, sleep};

use crate::captured::Captured;

const SECOND: Duration = Duration::from_secs(1);

/// What hooks have done, in order.
#[derive(Clone, Default)]
struct Done(Arc<Mutex<Vec<String>>>);

impl Done {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// A hook that takes a second, and then says so.
    fn slowly(
        &self,
        name: &'static str,
    ) -> impl Fn(TaskRun) -> futures::future::BoxFuture<'static, ()> + use<> {
        let done = self.clone();
        move |run| {
            let done = done.clone();
            Box::pin(async move {
                sleep(SECOND).await;
                done.note(format!("{name}: {} {}", run.label(), run.state));
            })
        }
    }
}

#[task]
async fn fails() -> Result<u32, String> {
    Err("no".into())
}

#[task]
async fn works(number: u32) -> u32 {
    number
}

#[task]
async fn never_ends() {
    pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hook_sends_has_been_sent_when_the_flow_returns() {
    #[flow]
    async fn nightly(port: u16) -> Result<()> {
        let post = move |run: TaskRun| async move {
            let post = move || {
                let mut connection = TcpStream::connect(("127.0.0.1", port)).unwrap();
                connection.write_all(format!("{} {}", run.label(), run.state).as_bytes()).unwrap();
                connection.shutdown(Shutdown::Write).unwrap();
                // The answer: the server has taken it.
                connection.read_to_end(&mut Vec::new()).unwrap();
            };
            tokio::task::spawn_blocking(post).await.unwrap();
        };
        // Nothing awaits the task.
        drop(fails().on_failure_async(post).submit());
        Ok(())
    }

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let received = Arc::new(Mutex::new(String::new()));
    let server = {
        let received = Arc::clone(&received);
        std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let mut text = String::new();
            connection.read_to_string(&mut text).unwrap();
            *received.lock().unwrap() = text;
        })
    };
    nightly(port).await.unwrap();
    assert_eq!(*received.lock().unwrap(), "fails Failed");
    server.join().unwrap();
}

static DECLARED: Mutex<Vec<String>> = Mutex::new(Vec::new());

async fn by_value(run: TaskRun) {
    sleep(SECOND).await;
    DECLARED.lock().unwrap().push(format!("by value {}", run.state));
}

async fn by_reference(run: &TaskRun) {
    sleep(SECOND).await;
    DECLARED.lock().unwrap().push(format!("by reference {}", run.state));
}

fn at_once(run: &TaskRun) {
    DECLARED.lock().unwrap().push(format!("at once {}", run.state));
}

#[flowkit::test]
async fn an_attribute_takes_async_closures_and_functions_and_awaits_them_one_after_the_other() {
    #[task(on_success = [
        async |run| {
            sleep(SECOND).await;
            DECLARED.lock().unwrap().push(format!("async closure {}", run.state));
        },
        |run| async move {
            sleep(SECOND).await;
            DECLARED.lock().unwrap().push(format!("async block {}", run.state));
        },
        by_value,
        by_reference,
        at_once,
        |run| DECLARED.lock().unwrap().push(format!("closure {}", run.state)),
    ])]
    async fn fine() {}

    #[flow]
    async fn try_it() -> Result<()> {
        Ok(fine().await?)
    }

    let begun = Instant::now();
    try_it().await.unwrap();
    assert_eq!(begun.elapsed(), 4 * SECOND);
    assert_eq!(
        std::mem::take(&mut *DECLARED.lock().unwrap()),
        [
            "at once Completed",
            "closure Completed",
            "async closure Completed",
            "async block Completed",
            "by value Completed",
            "by reference Completed",
        ]
    );
}

#[flowkit::test]
async fn a_result_comes_after_the_hooks_of_its_run() {
    #[flow]
    async fn try_it(done: Done, submitted: bool) -> Result<u32> {
        let call = works(7).on_running_async(done.slowly("running")).on_success_async(done.slowly("success"));
        let result = if submitted { call.submit().await? } else { call.await? };
        done.note("result");
        Ok(result)
    }

    for runtime in [Runtime::builder().build(), Runtime::builder().store(MemoryStore::new()).build()] {
        for submitted in [false, true] {
            let done = Done::default();
            assert_eq!(try_it(done.clone(), submitted).on(&runtime).await.unwrap(), 7);
            assert_eq!(done.take(), ["running: works Running", "success: works Completed", "result"]);
        }
    }
}

#[flowkit::test]
async fn a_flow_has_async_hooks_too_and_its_result_comes_after_them() {
    #[flow]
    async fn try_it(good: bool) -> Result<u32, String> {
        if good { Ok(1) } else { Err("no".to_owned()) }
    }

    for runtime in [Runtime::builder().build(), Runtime::builder().store(MemoryStore::new()).build()] {
        for good in [true, false] {
            let (done, begun) = (Done::default(), Instant::now());
            let call = try_it(good).on(&runtime).on_success_async(done.slowly("success"));
            let run = call.on_failure_async(done.slowly("failure")).run().await;
            assert_eq!((run.result().is_ok(), begun.elapsed()), (good, SECOND));
            assert_eq!(
                done.take(),
                [if good { "success: try_it Completed" } else { "failure: try_it Failed" }]
            );
        }
    }
}

#[flowkit::test]
async fn hooks_at_a_retry_and_outside_a_flow_are_awaited() {
    #[task(retries = 1, retry_delay = "1s")]
    async fn flaky() -> Result<u32, String> {
        if ctx().attempt() == 2 { Ok(2) } else { Err("no".into()) }
    }

    let (done, begun) = (Done::default(), Instant::now());
    let call = flaky().on_retry_async(done.slowly("retry")).on_success_async(done.slowly("success"));
    assert_eq!(call.await.unwrap(), 2);
    assert_eq!(begun.elapsed(), 3 * SECOND);
    assert_eq!(done.take(), ["retry: flaky AwaitingRetry", "success: flaky Completed"]);
}

#[flowkit::test]
async fn a_hook_that_never_ends_is_stopped_after_thirty_seconds_with_a_warning() {
    #[flow]
    async fn try_it(done: Done) -> Result<u32> {
        let call = works(7).on_success_async(|_| pending());
        Ok(call.on_success_async(done.slowly("next")).await?)
    }

    let (captured, _guard) = Captured::start();
    let (done, begun) = (Done::default(), Instant::now());
    let run = try_it(done.clone()).run().await;
    assert_eq!((run.result().as_ref().unwrap(), run.state()), (&7, State::Completed));
    assert_eq!(begun.elapsed(), 31 * SECOND);
    assert_eq!(done.take(), ["next: works Completed"]);
    let lines = captured.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0].level, tracing::Level::WARN);
    assert_eq!(lines[0].message, "a hook was stopped: it exceeded its limit");
    assert_eq!((lines[0].fields.get("task"), lines[0].fields.get("limit")), ("task `works`", "30s"));

    let runtime = Runtime::builder().hook_timeout(2 * SECOND).build();
    let begun = Instant::now();
    try_it(done).on(&runtime).await.unwrap();
    assert_eq!(begun.elapsed(), 3 * SECOND);
}

#[flowkit::test]
async fn an_async_hook_that_panics_is_a_warning_and_the_next_one_is_still_awaited() {
    #[flow]
    async fn try_it(done: Done) -> Result<u32> {
        let call = works(7).on_success_async(|_| async { panic!("bad hook") });
        Ok(call.on_success_async(done.slowly("next")).await?)
    }

    let (captured, _guard) = Captured::start();
    let done = Done::default();
    assert_eq!(try_it(done.clone()).await.unwrap(), 7);
    assert_eq!(done.take(), ["next: works Completed"]);
    let lines = captured.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!((&*lines[0].message, lines[0].fields.get("panic")), ("a hook panicked", "bad hook"));
}

#[flowkit::test]
async fn the_hook_of_a_call_that_is_dropped_runs_on_and_its_flow_waits_for_it() {
    #[flow]
    async fn try_it(done: Done) -> Result<()> {
        let call = never_ends().on_cancel_async(done.slowly("cancel"));
        assert!(tokio::time::timeout(SECOND, call).await.is_err());
        Ok(())
    }

    let (done, begun) = (Done::default(), Instant::now());
    try_it(done.clone()).await.unwrap();
    assert_eq!(done.take(), ["cancel: never_ends Cancelled"]);
    assert_eq!(begun.elapsed(), 2 * SECOND);
}

#[flowkit::test]
async fn a_cancelled_flow_awaits_the_hooks_of_what_it_cancels() {
    #[flow]
    async fn try_it(done: Done) -> Result<()> {
        never_ends().on_cancel_async(done.slowly("cancel")).submit().await?;
        Ok(())
    }

    let done = Done::default();
    let running = try_it(done.clone()).start();
    sleep(SECOND).await;
    running.cancel();
    assert_eq!(running.await.state(), State::Cancelled);
    assert_eq!(done.take(), ["cancel: never_ends Cancelled"]);
}

#[flowkit::test]
async fn in_a_stopping_program_a_hook_has_the_grace_period_and_no_more() {
    #[flow]
    async fn try_it(hook: Duration, done: Done) -> Result<u32> {
        let slow = move |_| {
            let done = done.clone();
            async move {
                sleep(hook).await;
                done.note("sent");
            }
        };
        Ok(works(7).on_success_async(slow).await?)
    }

    for (hook, sent) in [(5 * SECOND, true), (20 * SECOND, false)] {
        let runtime = Runtime::builder().store(MemoryStore::new()).build();
        let done = Done::default();
        let running = try_it(hook, done.clone()).on(&runtime).start();
        sleep(SECOND).await;
        let begun = Instant::now();
        runtime.suspend(10 * SECOND).await.unwrap();
        assert!(begun.elapsed() <= 10 * SECOND, "{:?}", begun.elapsed());
        drop(running.await);
        assert_eq!(!done.take().is_empty(), sent);
    }
}
