//! What you learn: what may fail, and what happens then: a retry, giving up at once, a fallback, going without, or the end of
//! the run. At the end flowkit lists what the run went without, and `show` does so later.
//!
//! cargo run --example error_handling
//!
//! ```text
//! fetch: 200 rows at attempt 3
//! fetch without a password: 401 unauthorized at attempt 1
//! task `upload to main store` failed: 503 service unavailable; to the mirror
//! notify: Completed, clean_up: Completed
//! went on without 2 of 4 steps
//!   statistics: no space left for the results of statistics
//!   report: no space left for the results of report
//! ```
//!
//! `--broken model_training` breaks a critical step: the run fails with it, and everything unfinished is cancelled.

mod api;

use std::fmt;
use std::time::Duration;

use api::fetch;
use flowkit::policy::retry::Backoff;
use flowkit::policy::trigger::Trigger;
use flowkit::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    DataValidation,
    Statistics,
    ModelTraining,
    Report,
}

impl Step {
    const ALL: [Self; 4] = [Self::DataValidation, Self::Statistics, Self::ModelTraining, Self::Report];

    /// Whether the run is worthless without it.
    fn is_critical(self) -> bool {
        matches!(self, Self::DataValidation | Self::ModelTraining)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// A step that the run went without, and why. Failures are values: the flow returns them.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Failure {
    step: Step,
    error: String,
}

#[task(run_name = "{step}")]
async fn perform(step: Step, is_broken: bool) -> Result<(), String> {
    if is_broken { Err(format!("no space left for the results of {step}")) } else { Ok(()) }
}

#[task(run_name = "upload to {store}")]
async fn upload(store: &str) -> Result<(), String> {
    if store == "main store" { Err("503 service unavailable".to_owned()) } else { Ok(()) }
}

#[task]
async fn notify() {}

#[task]
async fn clean_up() {}

/// Fetches, performs the steps, and uploads.
#[flow]
async fn nightly(
    /// Steps that should fail
    #[param(default = vec![Step::Statistics, Step::Report])]
    broken: Vec<Step>,
    /// How long to wait before the first retry; the task's own delay is 5 s
    #[param(default = Duration::from_millis(5))]
    retry_delay: Duration,
) -> Result<Vec<Failure>> {
    let fetched = fetch("secret").retry_delay(retry_delay).backoff(Backoff::Exponential).submit();
    println!("fetch: {} rows at attempt {}", (&fetched).await?, attempts(&fetched));
    // A result is a value, and so is an error.
    let refused = fetch("").submit();
    if let Err(error) = (&refused).await {
        let reason = error.task_error().map_or(error.to_string(), ToString::to_string);
        println!("fetch without a password: {reason} at attempt {}", attempts(&refused));
    }

    // One after the other, however the one before ended; if a critical one fails, the run ends.
    let mut steps: Vec<Handle<(), String>> = Vec::new();
    for step in Step::ALL {
        let call = perform(step, broken.contains(&step)).critical(step.is_critical());
        steps.push(call.after(&steps[..]).trigger(Trigger::AllDone).submit());
    }
    let notified = notify().after(&steps[..]).trigger(Trigger::OneFailed).submit();
    let cleaned_up = clean_up().after(&steps[..]).trigger(Trigger::AllDone).submit();

    // A fallback is an `or`.
    if let Err(error) = upload("main store").await {
        println!("{error}; to the mirror");
        upload("mirror").await?;
    }

    println!("notify: {}, clean_up: {}", notified.ended().await, cleaned_up.ended().await);
    let outcomes = Step::ALL.into_iter().zip(settle_all(steps).await);
    let failures: Vec<Failure> = outcomes
        .filter_map(|(step, outcome)| Some(Failure { step, error: outcome.err()?.task_error()?.to_owned() }))
        .collect();
    println!("went on without {} of {} steps", failures.len(), Step::ALL.len());
    for Failure { step, error } in &failures {
        println!("  {step}: {error}");
    }
    Ok(failures)
}

fn attempts<T, E>(handle: &Handle<T, E>) -> usize {
    handle.task_run().map_or(0, |task_run| task_run.attempts().len())
}

flowkit::main!(nightly);
