//! The retry programs of the source text: what they wait, what they retry, what they log (S90, S105).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use flowkit::prelude::*;
use tracing::Level;

use crate::captured::{Captured, Line};
use crate::records::{only, seconds, waits};

/// The exceptions of the source text.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
enum Exception {
    #[error("ValueError: {0}")]
    Value(String),
    #[error("ConnectionError: {0}")]
    Connection(String),
    #[error("RuntimeError: {0}")]
    Runtime(String),
}

/// `retryable_exceptions=(ValueError, ConnectionError)`, the default of the source text.
fn is_retryable(exception: &Exception) -> bool {
    matches!(exception, Exception::Value(_) | Exception::Connection(_))
}

/// The attempt, the delay in milliseconds and the error of each line that announces a retry.
fn announced(lines: &[Line]) -> Vec<(String, String, String)> {
    let retries = lines.iter().filter(|line| line.message == "attempt failed, another one follows");
    let told = retries.map(|line| {
        assert_eq!(line.level, Level::WARN);
        assert_eq!(line.fields.get("error_type"), std::any::type_name::<Exception>());
        ["attempt", "delay_ms", "error"].map(|field| line.fields.get(field).to_owned())
    });
    told.map(|[attempt, delay, error]| (attempt, delay, error)).collect()
}

fn told<const N: usize>(lines: [(u32, u32, &str); N]) -> Vec<(String, String, String)> {
    lines.map(|(attempt, delay, error)| (attempt.to_string(), delay.to_string(), error.to_owned())).into()
}

#[flowkit::test]
async fn s90_three_tries_with_a_delay_of_5_and_a_backoff_of_2_wait_5_and_10_seconds() {
    // `retry_on_failure(max_retries=3, delay=5, backoff=2)` of the source text: three tries in all.
    #[task(retries = 2, retry_delay = "5s", backoff = "exponential")]
    async fn load_data() -> Result<(), Exception> {
        Err(Exception::Connection("no route".into()))
    }

    #[flow]
    async fn pipeline() -> Result<()> {
        Ok(load_data().await?)
    }

    let task_run = only(&pipeline().run().await, "load_data");
    assert_eq!(task_run.attempt, 3);
    assert_eq!(waits(&task_run), seconds([5, 10]));
}

#[flowkit::test]
async fn s105_the_backoff_waits_1_2_and_4_seconds() {
    #[task(retries = 3, retry_delay = "1s", backoff = "exponential", retry_if = is_retryable)]
    async fn fetch_data_from_api() -> Result<(), Exception> {
        Err(Exception::Connection("timed out".into()))
    }

    #[flow]
    async fn pipeline() -> Result<()> {
        Ok(fetch_data_from_api().await?)
    }

    let (captured, _guard) = Captured::start();
    let run = pipeline().run().await;
    let task_run = only(&run, "fetch_data_from_api");
    assert_eq!(waits(&task_run), seconds([1, 2, 4]));
    let error = "ConnectionError: timed out";
    assert_eq!(announced(&captured.lines()), told([(1, 1000, error), (2, 2000, error), (3, 4000, error)]));
}

/// Test 1 of the source text: `flaky_function`.
#[flowkit::test]
async fn s105_test_1_a_task_that_fails_twice_succeeds_at_its_third_attempt() {
    #[task(retries = 3, retry_delay = "500ms", backoff = "exponential", retry_if = is_retryable)]
    async fn flaky_function(attempt_count: Arc<AtomicU32>) -> Result<&'static str, Exception> {
        let attempt = attempt_count.fetch_add(1, Ordering::SeqCst) + 1;
        if attempt < 3 {
            return Err(Exception::Value(format!("失敗 ({attempt}回目)")));
        }
        Ok("成功")
    }

    #[flow]
    async fn test(attempt_count: Arc<AtomicU32>) -> Result<&'static str> {
        Ok(flaky_function(attempt_count).await?)
    }

    let (captured, _guard) = Captured::start();
    let attempt_count = Arc::new(AtomicU32::new(0));
    let run = test(Arc::clone(&attempt_count)).run().await;
    assert_eq!(*run.result().as_ref().unwrap(), "成功");
    assert_eq!(attempt_count.load(Ordering::SeqCst), 3);

    let lines = captured.lines();
    assert_eq!(
        announced(&lines),
        told([(1, 500, "ValueError: 失敗 (1回目)"), (2, 1000, "ValueError: 失敗 (2回目)")])
    );
    let success = lines.last().unwrap();
    assert_eq!((success.level, &*success.message), (Level::INFO, "succeeded after retries"));
    assert_eq!(success.fields.get("task"), "task `flaky_function`");
    assert_eq!(success.fields.get("retries"), "2");

    // The record has the same history.
    let task_run = only(&run, "flaky_function");
    let attempts = task_run.attempts();
    let errors: Vec<_> = attempts.iter().map(|attempt| attempt.error.as_deref()).collect();
    assert_eq!(errors[0].unwrap().message, "ValueError: 失敗 (1回目)");
    assert_eq!(errors[1].unwrap().message, "ValueError: 失敗 (2回目)");
    assert!(errors[2].is_none());
    assert_eq!(waits(&task_run), [500, 1000].map(Duration::from_millis));
}

/// Test 2 of the source text: `always_fails`.
#[flowkit::test]
async fn s105_test_2_a_task_that_always_fails_is_tried_three_times_with_two_retries() {
    #[task(retries = 2, retry_delay = "500ms", backoff = "exponential", retry_if = is_retryable)]
    async fn always_fails() -> Result<(), Exception> {
        Err(Exception::Value("常に失敗".into()))
    }

    #[flow]
    async fn test() -> Result<(), flowkit::Error<Exception>> {
        always_fails().await
    }

    let (captured, _guard) = Captured::start();
    let run = test().run().await;
    let error = run.result().as_ref().unwrap_err().task_error().unwrap();
    assert_eq!(error.task_error(), Some(&Exception::Value("常に失敗".into())));
    assert_eq!(only(&run, "always_fails").attempt, 3);

    let lines = captured.lines();
    let message = "ValueError: 常に失敗";
    assert_eq!(announced(&lines), told([(1, 500, message), (2, 1000, message)]));
    let failure = lines.iter().find(|line| line.level == Level::ERROR).unwrap();
    assert_eq!(failure.message, "failed");
    assert_eq!(failure.fields.get("task"), "task `always_fails`");
    assert_eq!(failure.fields.get("attempts"), "3");
    assert_eq!(failure.fields.get("error"), message);
    assert_eq!(failure.fields.get("error_type"), std::any::type_name::<Exception>());
}

/// Test 3 of the source text: `non_retryable_error`.
#[flowkit::test]
async fn s105_test_3_an_error_that_is_not_listed_is_raised_at_once() {
    #[task(retries = 3, retry_if = |error| matches!(error, Exception::Value(_)))]
    async fn non_retryable_error() -> Result<(), Exception> {
        Err(Exception::Runtime("リトライ対象外のエラー".into()))
    }

    #[flow]
    async fn test() -> Result<(), flowkit::Error<Exception>> {
        non_retryable_error().await
    }

    let (captured, _guard) = Captured::start();
    let run = test().run().await;
    let task_run = only(&run, "non_retryable_error");
    assert_eq!(task_run.attempt, 1);
    assert_eq!(task_run.duration(), Some(Duration::ZERO));

    let lines = captured.lines();
    assert!(announced(&lines).is_empty());
    let failure = lines.iter().find(|line| line.level == Level::ERROR).unwrap();
    assert_eq!(failure.fields.get("task"), "task `non_retryable_error`");
    assert_eq!(failure.fields.get("attempts"), "1");
    assert_eq!(failure.fields.get("error"), "RuntimeError: リトライ対象外のエラー");
}

#[flowkit::test]
async fn a_line_about_a_retry_says_how_many_attempts_there_may_be() {
    #[task(retries = 3)]
    async fn flaky() -> Result<u32, Exception> {
        if ctx().attempt() == 1 { Err(Exception::Value("once".into())) } else { Ok(0) }
    }

    #[flow]
    async fn test() -> Result<u32> {
        Ok(flaky().await?)
    }

    let (captured, _guard) = Captured::start();
    test().await.unwrap();
    let lines = captured.lines();
    assert_eq!(lines[0].fields.get("attempt"), "1");
    assert_eq!(lines[0].fields.get("max"), "4");
}

#[flowkit::test]
async fn a_flow_whose_tasks_succeed_at_once_logs_nothing() {
    #[task(retries = 3, timeout = "1s")]
    async fn quiet() -> u32 {
        0
    }

    #[flow]
    async fn test() -> Result<u32> {
        Ok(quiet().await? + quiet().submit().await?)
    }

    let (captured, _guard) = Captured::start();
    test().await.unwrap();
    assert!(captured.lines().is_empty(), "{:?}", captured.lines());
}

#[allow(clippy::disallowed_methods, reason = "real time is what this test looks at")]
#[flowkit::test]
async fn a_retry_delay_of_a_minute_passes_at_once() {
    #[task(retries = 1, retry_delay = "60s")]
    async fn second_time_lucky() -> Result<u32, Exception> {
        if ctx().attempt() == 1 { Err(Exception::Value("once".into())) } else { Ok(ctx().attempt()) }
    }

    let virtual_begin = tokio::time::Instant::now();
    let real_begin = std::time::Instant::now();
    assert_eq!(second_time_lucky().await.unwrap(), 2);
    let real = real_begin.elapsed();
    assert_eq!(virtual_begin.elapsed(), Duration::from_secs(60));

    // For people to read (`--nocapture`); how busy the machine is decides nothing.
    println!("60 s of waiting took {real:?}");
}
