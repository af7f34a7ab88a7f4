//! The failure policy (S92): a flow continues without a task that failed, unless the task is critical.

use std::error::Error as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flowkit::policy::trigger::Trigger;
use flowkit::prelude::*;
use flowkit::{FlowRun, TaskError};

/// What bodies note down, in order.
type Notes = Arc<Mutex<Vec<&'static str>>>;

fn states<T, E: TaskError>(run: &FlowRun<T, E>) -> Vec<(String, State)> {
    run.task_runs().iter().map(|task_run| (task_run.label().to_owned(), task_run.state)).collect()
}

fn named<const N: usize>(states: [(&str, State); N]) -> Vec<(String, State)> {
    states.map(|(name, state)| (name.to_owned(), state)).to_vec()
}

#[task(critical)]
async fn validate(is_good: bool) -> Result<u32, String> {
    sleep(Duration::from_secs(1)).await;
    if is_good { Ok(1) } else { Err("three nulls".into()) }
}

#[task]
async fn report() -> Result<u32, String> {
    Err("no paper".into())
}

#[task]
async fn train() -> u32 {
    sleep(Duration::from_secs(3600)).await;
    7
}

#[flow]
async fn goes_on() -> Result<u32> {
    let reported = report().submit();
    let trained = train().submit();
    validate(true).await?;
    drop(reported);
    Ok(trained.await?)
}

#[flowkit::test]
async fn a_flow_goes_on_without_a_task_that_is_not_critical_and_says_what_failed() {
    let run = goes_on().run().await;
    assert_eq!(*run.result().as_ref().unwrap(), 7);
    assert_eq!(run.state(), State::Completed);
    let failures = run.failures();
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].label(), "report");
    assert_eq!(failures[0].error.as_deref().unwrap().message, "no paper");
}

#[flow]
async fn stops(notes: Notes) -> Result<u32> {
    let trained = train().submit();
    let validated = validate(false).submit();
    let published = report().after(&validated).trigger(Trigger::AllDone).submit();
    // The body ignores how the critical task ended.
    sleep(Duration::from_secs(10)).await;
    notes.lock().unwrap().push("went on");
    drop((published, validated));
    Ok(trained.await?)
}

#[flowkit::test]
async fn a_critical_task_that_fails_ends_its_flow_with_everything_in_it() {
    let notes = Notes::default();
    let run = stops(Arc::clone(&notes)).run().await;
    assert_eq!(run.state(), State::Failed);
    let wanted = [("train", State::Cancelled), ("validate", State::Failed), ("report", State::Cancelled)];
    assert_eq!(states(&run), named(wanted));
    assert!(notes.lock().unwrap().is_empty(), "the body went on after that");
    assert_eq!(run.flow().unwrap().duration().unwrap(), Duration::from_secs(1));
    assert_eq!(run.failures().len(), 1, "those that were stopped are no failures");
}

#[flowkit::test]
async fn the_error_names_the_critical_task_and_keeps_its_type_and_its_chain() {
    let error = stops(Notes::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "flow `stops` cannot continue without task `validate`");
    let cause = error.source().unwrap();
    let Some(Error::Task(failure)) = cause.downcast_ref::<Error<String>>() else { panic!("{cause:?}") };
    assert_eq!(**failure, "three nulls");
}

#[flow]
async fn looks_away(notes: Notes) -> Result<u32> {
    if validate(false).await.is_err() {
        notes.lock().unwrap().push("before the next await");
    }
    // What comes after is cancelled.
    match train().await {
        Ok(trained) => Ok(trained),
        Err(_) => Ok(0),
    }
}

#[flowkit::test]
async fn the_body_cannot_make_the_failure_of_a_critical_task_good() {
    let notes = Notes::default();
    let run = looks_away(Arc::clone(&notes)).run().await;
    assert!(matches!(run.result(), Err(Error::CriticalFailed { .. })), "{run:?}");
    assert_eq!(*notes.lock().unwrap(), ["before the next await"]);
    assert_eq!(states(&run), named([("validate", State::Failed), ("train", State::Cancelled)]));
}

#[task(retries = 2, retry_delay = "1s", critical)]
async fn shaky(calls: Arc<AtomicU32>, failures: u32) -> Result<u32, String> {
    let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
    if call <= failures { Err(format!("call {call}")) } else { Ok(call) }
}

#[flow]
async fn waits_for_shaky(calls: Arc<AtomicU32>, failures: u32) -> Result<u32> {
    Ok(shaky(calls, failures).await?)
}

#[flowkit::test]
async fn a_critical_task_fails_only_when_its_retries_are_used_up() {
    assert_eq!(waits_for_shaky(Arc::default(), 2).await.unwrap(), 3);
    let error = waits_for_shaky(Arc::default(), 3).await.unwrap_err();
    assert!(error.source().unwrap().to_string().contains("after 3 attempts"), "{error:?}");
}

#[flow(retries = 1, retry_delay = "5s")]
async fn tries_again(calls: Arc<AtomicU32>) -> Result<u32> {
    let trained = train().submit();
    let value = shaky(calls, 3).await?;
    Ok(value + trained.await?)
}

#[flowkit::test]
async fn a_flow_with_retries_is_tried_again_after_a_critical_failure() {
    let run = tries_again(Arc::default()).run().await;
    assert_eq!(*run.result().as_ref().unwrap(), 4 + 7);
    assert_eq!(run.flow().unwrap().attempt, 2);
    assert!(run.failures().is_empty(), "what failed was done anew");
}

#[task(critical)]
async fn publish(_report: u32) {}

#[flow]
async fn publishes(is_wanted: bool) -> Result<u32> {
    let trained = train().submit();
    // What is to run where something has failed is skipped here, and with it what takes its result.
    let reported = if is_wanted { report() } else { report().after(&trained).trigger(Trigger::OneFailed) };
    let published = publish::submit(reported.submit());
    Ok((&trained).await? + u32::from(published.ended().await == State::Skipped))
}

#[flowkit::test]
async fn a_critical_task_whose_input_failed_ends_its_flow_and_one_that_is_skipped_does_not() {
    let error = publishes(true).await.unwrap_err();
    assert_eq!(error.to_string(), "flow `publishes` cannot continue without task `publish`");
    assert!(format!("{error:?}").contains("no paper"), "{error:?}");
    assert_eq!(publishes(false).await.unwrap(), 8);
}

#[task]
async fn plain(is_good: bool) -> Result<(), String> {
    if is_good { Ok(()) } else { Err("plain failure".into()) }
}

#[task(critical = false)]
async fn spare() -> Result<(), String> {
    Err("spare failure".into())
}

#[flow(task_defaults(critical))]
async fn fails_fast(is_good: bool) -> Result<u32> {
    let _ = (spare().submit(), plain(is_good).submit());
    Ok(train().await?)
}

#[flow]
async fn by_call(is_critical: bool) -> Result<u32> {
    let _ = plain(false).critical(is_critical).submit();
    Ok(train().await?)
}

#[flowkit::test]
async fn a_flow_may_say_it_for_all_of_its_tasks_and_a_call_for_itself() {
    assert_eq!(fails_fast(true).await.unwrap(), 7);
    let error = fails_fast(false).await.unwrap_err();
    assert_eq!(error.to_string(), "flow `fails_fast` cannot continue without task `plain`");
    assert_eq!(by_call(false).await.unwrap(), 7);
    assert!(matches!(by_call(true).await, Err(Error::CriticalFailed { .. })));
}

#[flow]
async fn inner() -> Result<u32> {
    Ok(validate(false).await?)
}

#[flow]
async fn outer(is_critical: bool) -> Result<u32> {
    let inner = inner().critical(is_critical).submit();
    let trained = train().await?;
    Ok(trained + u32::from(inner.await.is_ok()))
}

#[flowkit::test]
async fn a_critical_task_ends_its_own_flow_and_the_one_around_it_only_if_that_flow_is_critical_too() {
    assert_eq!(outer(false).await.unwrap(), 7);
    let error = outer(true).await.unwrap_err();
    assert_eq!(error.to_string(), "flow `outer` cannot continue without flow `inner`");
    assert!(format!("{error:?}").contains("three nulls"), "{error:?}");
}

#[flowkit::test]
async fn a_run_that_is_cancelled_is_cancelled_whatever_its_critical_tasks_say() {
    #[task(critical)]
    async fn stubborn() -> Result<(), String> {
        ctx().cancelled().await;
        Err("interrupted".into())
    }

    #[flow]
    async fn waits() -> Result<()> {
        Ok(stubborn().await?)
    }

    let run = waits().start();
    sleep(Duration::from_secs(1)).await;
    run.cancel();
    assert_eq!(run.await.state(), State::Cancelled);
}

#[flowkit::test]
async fn a_critical_task_that_breaks_while_it_is_stopped_is_not_why_its_flow_ended() {
    #[task(critical)]
    async fn stubborn() -> Result<(), String> {
        ctx().cancelled().await;
        panic!("the clean-up broke")
    }

    #[flow(timeout = "1s")]
    async fn runs_out_of_time() -> Result<()> {
        let _ = stubborn().submit();
        sleep(Duration::from_secs(60)).await;
        Ok(())
    }

    let run = runs_out_of_time().run().await;
    assert_eq!(run.state(), State::TimedOut, "{run:?}");
    assert_eq!(states(&run), named([("stubborn", State::Failed)]));
}

#[flowkit::test]
async fn outside_a_flow_a_critical_task_fails_like_any_other() {
    assert!(matches!(validate(false).await, Err(Error::Task(_))));
}
