//! Which failures are worth another attempt: `retry_if`, `fatal`, and what is retried without being asked (A9, A10).

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use flowkit::prelude::*;

use crate::records::only;

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
enum Trouble {
    #[error("the line is busy")]
    Busy,
    #[error("no such number")]
    WrongNumber,
}

#[task(retries = 3)]
async fn dial(trouble: Trouble) -> Result<(), Trouble> {
    Err(trouble)
}

#[flowkit::test]
async fn a9_a_condition_that_says_no_ends_the_run_after_one_attempt() {
    #[task(retries = 3, retry_if = |trouble| *trouble == Trouble::Busy)]
    async fn call(trouble: Trouble) -> Result<(), Trouble> {
        Err(trouble)
    }

    #[flow]
    async fn try_it(trouble: Trouble) -> Result<()> {
        Ok(call(trouble).await?)
    }

    let run = try_it(Trouble::WrongNumber).run().await;
    assert_eq!(only(&run, "call").attempt, 1);
    assert_eq!(only(&run, "call").state, State::Failed);
    let run = try_it(Trouble::Busy).run().await;
    assert_eq!(only(&run, "call").attempt, 4);
}

#[flowkit::test]
async fn a9_the_condition_sees_the_typed_error_of_each_failed_attempt() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&seen);
    let condition = move |trouble: &Trouble| {
        let mut asked = asked.lock().unwrap();
        asked.push(trouble.clone());
        asked.len() < 2
    };
    let error = dial(Trouble::Busy).retry_if(condition).await.unwrap_err();
    assert_eq!(error.task_error(), Some(&Trouble::Busy));
    assert_eq!(*seen.lock().unwrap(), [Trouble::Busy, Trouble::Busy]);
}

#[flowkit::test]
async fn a9_a_condition_of_the_call_takes_the_place_of_the_attributes() {
    #[task(retries = 1, retry_if = |_| false)]
    async fn call(trouble: Trouble) -> Result<(), Trouble> {
        Err(trouble)
    }

    let attempts = |error: flowkit::Error<Trouble>| match error {
        Error::Task(failure) => failure.attempts(),
        other => panic!("{other}"),
    };
    assert_eq!(attempts(call(Trouble::Busy).await.unwrap_err()), 1);
    assert_eq!(attempts(call(Trouble::Busy).retry_if(|_| true).await.unwrap_err()), 2);
}

#[flowkit::test]
async fn a9_a_condition_may_be_a_function() {
    fn is_transient(trouble: &Trouble) -> bool {
        matches!(trouble, Trouble::Busy)
    }

    #[task(retries = 2, retry_if = is_transient)]
    async fn call(calls: Arc<AtomicU32>, trouble: Trouble) -> Result<(), Trouble> {
        calls.fetch_add(1, Ordering::SeqCst);
        Err(trouble)
    }

    let calls = Arc::new(AtomicU32::new(0));
    assert!(call(calls.clone(), Trouble::WrongNumber).await.is_err());
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert!(call(calls.clone(), Trouble::Busy).await.is_err());
    assert_eq!(calls.load(Ordering::SeqCst), 4);
}

#[flowkit::test]
async fn a10_a_condition_that_panics_ends_the_run_and_the_message_says_so() {
    #[task(retries = 3, retry_if = |_| panic!("which error is this?"))]
    async fn call() -> Result<(), Trouble> {
        Err(Trouble::Busy)
    }

    #[flow]
    async fn try_it() -> Result<()> {
        Ok(call().await?)
    }

    let run = try_it().run().await;
    let task_run = only(&run, "call");
    assert_eq!(task_run.state, State::Failed);
    assert_eq!(task_run.attempt, 1);
    let report = task_run.error.as_deref().unwrap().to_string();
    assert_eq!(report, "the line is busy (not retried: `retry_if` panicked: which error is this?)");
    let error = run.result().as_ref().unwrap_err();
    assert_eq!(
        format!("{error:?}"),
        "flow `try_it` failed\n  \
         caused by: task `call` failed (not retried: `retry_if` panicked: which error is this?)\n  \
         caused by: the line is busy"
    );
}

#[flowkit::test]
async fn a_fatal_error_is_not_retried_and_stays_what_it_is() {
    #[task(retries = 3)]
    async fn call(calls: Arc<AtomicU32>) -> Result<(), Trouble> {
        match calls.fetch_add(1, Ordering::SeqCst) {
            0 => Err(Trouble::Busy),
            _ => Err(fatal(Trouble::WrongNumber)),
        }
    }

    let calls = Arc::new(AtomicU32::new(0));
    let error = call(calls.clone()).await.unwrap_err();
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_eq!(error.task_error(), Some(&Trouble::WrongNumber));
}

#[flowkit::test]
async fn a_fatal_error_beats_a_condition_that_says_yes() {
    #[task(retries = 3, retry_if = |_| true)]
    fn call() -> Result<(), Trouble> {
        Err(fatal(Trouble::WrongNumber))
    }

    #[flow]
    async fn try_it() -> Result<()> {
        Ok(call().submit().await?)
    }

    assert_eq!(only(&try_it().run().await, "call").attempt, 1);
}

#[flowkit::test]
async fn the_mark_of_a_fatal_error_is_forgotten_by_the_next_attempt() {
    #[task(retries = 2, timeout = "1s")]
    async fn call() -> Result<u32, Trouble> {
        match ctx().attempt() {
            1 => {
                let _marked_but_never_returned = fatal(Trouble::WrongNumber);
                std::future::pending().await
            }
            2 => Err(Trouble::Busy),
            attempt => Ok(attempt),
        }
    }

    assert_eq!(call().await.unwrap(), 3);
}

#[flowkit::test]
async fn a_panic_is_not_retried_unless_the_policy_says_so() {
    #[task(retries = 3)]
    async fn shaky(calls: Arc<AtomicU32>) -> u32 {
        match calls.fetch_add(1, Ordering::SeqCst) {
            0 => panic!("once"),
            call => call,
        }
    }

    let calls = Arc::new(AtomicU32::new(0));
    assert!(shaky(calls.clone()).await.unwrap_err().is_panicked());
    assert_eq!(calls.load(Ordering::SeqCst), 1);

    let defaults = flowkit::policy::TaskPolicy::EMPTY.retry_panics(true);
    let runtime = flowkit::Runtime::builder().task_defaults(defaults).build();
    assert_eq!(shaky(Arc::default()).on(&runtime).await.unwrap(), 1);
}
