//! What you learn: delays that double, errors that are not worth a retry, and the history of attempts.
//!
//! cargo run --example retries
//!
//! ```text
//! flaky: Completed
//!   attempt 1: connection reset by peer, next in 10ms
//!   attempt 2: connection reset by peer, next in 20ms
//!   attempt 3: ok
//! broken: Failed
//!   attempt 1: connection reset by peer, next in 10ms
//!   attempt 2: connection reset by peer, next in 20ms
//!   attempt 3: connection reset by peer, next in 40ms
//!   attempt 4: connection reset by peer
//! locked: Failed
//!   attempt 1: 401 unauthorized
//! ```

use flowkit::prelude::*;

#[derive(Debug, thiserror::Error)]
enum ApiError {
    #[error("connection reset by peer")]
    Reset,
    #[error("401 unauthorized")]
    Unauthorized,
}

/// Calls a server that works from attempt `works_from` on. With `retry_delay = "1s"` it would wait 1, 2 and 4 s.
#[task(retries = 3, retry_delay = "10ms", backoff = "exponential", retry_if = |error| matches!(error, ApiError::Reset))]
async fn call(works_from: u32) -> Result<&'static str, ApiError> {
    match (works_from, ctx().attempt()) {
        (0, _) => Err(ApiError::Unauthorized),
        (works_from, attempt) if attempt < works_from => Err(ApiError::Reset),
        _ => Ok("200 OK"),
    }
}

#[flow]
async fn calls() -> Result<()> {
    let flaky = call(3).named("flaky").submit();
    let broken = call(99).named("broken").submit();
    let locked = call(0).named("locked").submit();
    settle_all([flaky, broken, locked]).await; // their errors are in the record
    Ok(())
}

#[tokio::main]
async fn main() {
    let run = calls().run().await;
    for task_run in run.task_runs() {
        println!("{}: {}", task_run.label(), task_run.state);
        for attempt in task_run.attempts() {
            let outcome = attempt.error.map_or("ok".to_owned(), |error| error.to_string());
            let wait = attempt.retry_in.map_or(String::new(), |wait| format!(", next in {wait:?}"));
            println!("  attempt {}: {outcome}{wait}", attempt.number);
        }
    }
}
