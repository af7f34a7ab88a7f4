//! Which call is which: a retried flow, a resumed run and the cache reuse results only if they are known to be the same.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "the names of tests are sentences")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "../behaviour/captured.rs"]
#[allow(dead_code, reason = "what the tests of behaviour need, too")]
mod captured;
mod lists;
mod resumed;
mod secrets;
mod sets;
mod sources;
mod unknown;

use flowkit::{FlowRun, State};

fn states<T, E>(run: &FlowRun<T, E>, task: &str) -> Vec<State> {
    run.task_runs_of(task).iter().map(|task_run| task_run.state).collect()
}
