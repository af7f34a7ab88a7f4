//! Pipelines as plain Rust functions.
//!
//! `#[task]` and `#[flow]` wrap ordinary functions with retries, timeouts and caching; while a flow runs, its task
//! graph is recorded and executed concurrently on tokio.
//!
//! ```
//! use flowkit::prelude::*;
//!
//! /// Counts the words of one page.
//! #[task(retries = 3, retry_delay = "1s", backoff = "exponential", timeout = "30s")]
//! async fn count_words(page: String) -> usize {
//!     page.split_whitespace().count()
//! }
//!
//! #[task]
//! async fn total(counts: &[usize]) -> usize {
//!     counts.iter().sum()
//! }
//!
//! #[flow]
//! async fn word_count(pages: Vec<String>) -> Result<usize> {
//!     let counts = count_words::map(pages); // all running now
//!     Ok(total::of(&counts).await?)         // one edge per page
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<()> {
//!     assert_eq!(word_count(vec!["a b".into(), "c".into()]).await?, 3);
//!     Ok(())
//! }
//! ```
//!
//! # Task or plain function? Flow or task?
//!
//! | you want | write |
//! |---|---|
//! | a retry, a timeout, a cached result, a node in the graph, something that runs beside others | a `#[task]` |
//! | to put tasks together, with `if`, `for` and `?` | a `#[flow]` |
//! | a step inside one of them that needs none of this | a plain function |
//!
//! # What a task gives
//!
//! `#[task] async fn add(a: u64, b: u64) -> Result<u64, E>` gives two names in one:
//!
//! | written | means |
//! |---|---|
//! | `add(1, 2).await` | runs it here: `Result<u64, flowkit::Error<E>>` |
//! | `add(1, 2).submit()` | starts it now and gives a [`Handle`] |
//! | `add::of(x, y)`, `add::submit(x, y)` | the same with values **or handles** in any place: each handle is an edge |
//! | `add::map(xs, y)` | one run per item of `xs`, with `y` for all of them (or [`each`]`(ys)`) |
//! | `add::raw(1, 2)` | the function as written, with nothing around it |
//! | `add::skip("why")` | records that it does not run, for the branch that was not taken |
//!
//! # Feature flags
//!
//! - `macros` (default): the attributes.
//! - `json` (default): [`graph::Graph::to_json`], [`artifact::table`], [`Dataset`] and [`Model`].
//! - `logs` (default): [`layer`], for a `tracing` registry.
//! - `store` (default): results and arguments are kept where there is a store, in the form of `model::envelope`.
//! - `sqlite` (default): [`store::SqliteStore`], for runs that outlive their process.
//! - `signals` (default): [`Runtime::until_signal`], on Unix.
//! - `cli` (default): [`main!`] and [`cli::Cli`], the program as the command line of its flows; see `docs/cli.md`.
//! - `testing`: `#[flowkit::test]` and mocks, for `[dev-dependencies]`.

// The attributes name `::flowkit`, also in our own tests.
#[cfg(test)]
#[allow(unused_extern_crates, reason = "for tests that use the attributes")]
extern crate self as flowkit;

mod any_flow;
pub mod args;
pub mod artifact;
mod call;
#[cfg(all(feature = "cli", unix))]
pub mod cli;
mod combinators;
mod context;
mod engine;
mod ensure;
mod failpoint;
mod flow;
#[cfg(feature = "store")]
#[doc(hidden)]
mod given;
pub mod graph;
mod handle;
pub mod items;
mod keyed;
pub mod limits;
mod logs;
mod metric;
pub mod model;
mod once;
mod output;
#[cfg(feature = "store")]
mod parameters;
pub mod policy;
pub mod prelude;
mod progress;
mod resume;
#[doc(hidden)]
pub mod rules;
mod secret;
#[cfg(all(feature = "signals", unix))]
mod signals;
pub mod store;
mod task;
pub mod terminal;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "json")]
mod tracked;
mod wording;
#[cfg(feature = "store")]
#[doc(hidden)]
mod written;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use any_flow::{AnyFlowRun, Flow, FlowSpec, ResumeAny};
pub use call::Call;
#[cfg(all(feature = "cli", unix))]
pub use cli::{Cli, Exit};
pub use combinators::{
    AsCompleted, NoFile, StillWaiting, WaitForFile, all_or_cancel, allow_failure, as_completed,
    first_failure, first_success, group, holding_no_slot, settle_all, sleep, wait_for_file, wait_within,
    with_resource,
};
pub use context::{Context, ctx, fatal, spawn};
pub use engine::flow_run::observer::Notice;
pub use engine::runtime::{Runtime, RuntimeBuilder};
pub use ensure::{Unfulfilled, ensure, ensure_file};
pub use flow::{EventStream, FlowRun, RunningFlow};
#[cfg(all(feature = "macros", feature = "testing"))]
pub use flowkit_macros::test;
#[cfg(feature = "macros")]
pub use flowkit_macros::{flow, task};
pub use handle::{AllowFailure, Handle, Handles};
pub use items::each;
pub use keyed::Keyed;
#[cfg(feature = "logs")]
pub use logs::{LogLayer, layer};
pub use metric::{Metrics, metric, metric_at};
pub use model::{BoxError, Error, Failure, FlowRunId, Refusal, State, TaskError, TaskRun};
pub use once::once;
pub use output::Output;
#[cfg(feature = "store")]
pub use parameters::Parameter;
pub use progress::{Progress, progress};
pub use resume::Resume;
pub use secret::Secret;
#[cfg(all(feature = "signals", unix))]
pub use signals::Interrupted;
#[doc(hidden)]
pub use task::Body;
pub use task::{Durability, TaskOutput};
#[cfg(feature = "cli")]
pub use terminal::stderr;
#[cfg(feature = "json")]
pub use tracked::{Dataset, DatasetKind, Model, ModelKind, Tracked, TrackedKind};

/// Calls `observer` for each event of each flow run of the ambient runtime that begins from now on.
///
/// See [`Runtime::observe`].
pub fn observe(observer: impl Fn(&Notice<'_>) + Send + Sync + 'static) {
    Runtime::ambient().observe(observer);
}

/// Returns how many blocking bodies run on although their task run has ended: timed out or cancelled.
///
/// A thread cannot be stopped from outside. Each holds one of the 512 threads of flowkit's blocking pool, and the slots
/// of limits that its task took, until it returns.
pub fn orphaned_threads() -> usize {
    engine::blocking::orphans()
}
