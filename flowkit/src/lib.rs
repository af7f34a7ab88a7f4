//! Pipelines as plain Rust functions.
//!
//! `#[task]` and `#[flow]` wrap ordinary functions with retries, timeouts and caching; while a flow runs, its task
//! graph is recorded and executed concurrently on tokio. With a store, a run outlives its process, and continues where
//! it stopped; [`main!`] makes a program the command line of its own flows. It is a library: there is no server, nothing to
//! set up and no config file.
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
//! # A whole program
//!
//! ```no_run
//! use flowkit::prelude::*;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Debug, Serialize, Deserialize)]
//! #[serde(rename_all = "lowercase")]
//! enum Mode { All, Recent }
//!
//! #[task(retries = 3, retry_delay = "1s", backoff = "exponential")]
//! async fn fetch(page: u32) -> Result<Vec<f64>> {
//!     tracing::info!(page, "asking"); // a line in the log of this task run
//!     Ok(vec![f64::from(page)])
//! }
//!
//! #[task]
//! fn report(pages: &[Vec<f64>]) -> f64 {
//!     let total = pages.iter().flatten().sum();
//!     flowkit::metric("total", total); // `compare last last~1` shows it side by side
//!     flowkit::artifact::markdown("report", format!("# {total} in all"));
//!     total
//! }
//!
//! /// Sums up orders.
//! #[flow]
//! async fn orders(
//!     /// Which pages to take
//!     #[param(default = Mode::All)]
//!     mode: Mode,
//!     /// How many pages there are
//!     pages: u32,
//! ) -> Result<f64> {
//!     let first = match mode { Mode::All => 0, Mode::Recent => pages.saturating_sub(1) };
//!     Ok(report::of(fetch::map(first..pages)).await?)
//! }
//!
//! flowkit::main!(orders);
//! ```
//!
//! ```text
//! orders --pages 3 --mode recent       runs it, draws it live, and persists it in .flowkit/runs.db
//! orders run orders --help             its parameters; they also come from variables, files and flowkit.toml
//! orders show, orders logs             the last run
//! orders resume                        continues the last run: tasks that succeeded do not run again
//! ```
//!
//! Its `[dependencies]` are `flowkit`, `serde` with `derive`, and `tracing`. Parameter types derive `Serialize` and
//! `Deserialize`, so that arguments are persisted with the run; result types derive both, so that results are. A program
//! with its own `main` also needs `tokio`, and a store only if its runs must outlive it:
//!
//! ```
//! # use flowkit::prelude::*;
//! # #[flow]
//! # async fn nightly() -> Result<u32> { Ok(1) }
//! use flowkit::{Runtime, store::SqliteStore};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<()> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("runs.db");
//! let runtime = Runtime::builder().store(SqliteStore::open(path)?).build();
//! nightly().on(&runtime).await?;
//! # Ok(())
//! # }
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
//! Where the compiler says that it expected a value and found a `Call` or a `Handle`, write `add::of(…)` for `add(…)`.
//!
//! # What is where
//!
//! | you look for | it is |
//! |---|---|
//! | what an attribute may say: retries, timeouts, caching, limits, hooks | [`macro@task`], [`macro@flow`] |
//! | waiting for some of many, for the first, for a file | [`settle_all`], [`as_completed`], [`first_success`], [`first_ended`], [`wait_for_file`] |
//! | a graph that comes from data, and failures that are values | [`Handles`], [`Call::task_named`], [`After`]; [`allow_failure`] |
//! | what a task knows of its run: attempt, key, cancellation | [`ctx`], [`Context`] |
//! | an error that is not tried again, and what an error holds | [`fatal`], [`Error`], [`Failure`] |
//! | how many may run at the same time | [`limits`] |
//! | a run as a value: states, times, results, its graph | [`FlowRun`], [`graph`] |
//! | runs that outlive their process | [`store`], [`Runtime`], [`Resume`], [`once`] |
//! | looking back at runs | [`store::History`], [`store::FlowRunFilter`] |
//! | the command line, and secrets on it | [`main!`], [`Cli`], [`Secret`] |
//! | what people see meanwhile | [`terminal`], [`observe`], [`progress`] |
//! | logs, reports, scores and files | [`layer`], [`artifact`], [`metric`], [`Dataset`], [`Output`], [`ensure`] |
//! | tests without waiting, mocks, and tests of a store of your own | `testing`, for `[dev-dependencies]` |
//!
//! # Feature flags
//!
//! - `macros` (default): the attributes.
//! - `store` (default): what a store of your own, or a program around your flows, needs. Results and arguments are written
//!   as JSON; [`Runtime::until_signal`], [`Command`], [`artifact::table`], [`Dataset`] and [`Model`], [`layer`] for a
//!   `tracing` registry, [`graph::Graph::to_json`], and the language of [`store::FlowRunFilter::parse`].
//! - `sqlite` (default, with `store`): [`store::SqliteStore`], for runs that outlive their process.
//! - `cli` (default, with all of the above): [`main!`] and [`cli::Cli`], the program as the command line of its flows; see
//!   `docs/cli.md`.
//! - `testing`: `#[flowkit::test]`, mocks and failpoints, and with `store` the contract that every store keeps; for
//!   `[dev-dependencies]`.
//!
//! With no features, runs and results live in memory only, and flowkit depends on 45 crates. `store`, `sqlite` and `cli` are
//! for Unix and Windows. For Windows they are compiled, and were tried under Wine; `docs/cli.md` says what differs there.

// Lower rooms compile whole; what is used of them depends on the rooms above. All of it is, with all features.
#![cfg_attr(
    not(all(feature = "cli", feature = "testing")),
    allow(dead_code, unreachable_pub, unused_imports, reason = "for features that are off")
)]

// The attributes name `::flowkit`, also in our own tests.
#[cfg(test)]
#[allow(unused_extern_crates, reason = "for tests that use the attributes")]
extern crate self as flowkit;

#[cfg(all(feature = "store", not(any(unix, windows))))]
compile_error!(
    "the feature `store` of flowkit is for Unix and Windows; elsewhere, build it with `default-features = false` and \
     `features = [\"macros\"]`"
);

#[cfg(feature = "cli")]
pub mod cli;
mod clock;
mod ctx;
mod engine;
mod failpoint;
mod flow;
pub mod graph;
#[doc(hidden)]
pub mod macro_support;
pub mod model;
pub mod policy;
pub mod prelude;
#[cfg(feature = "store")]
mod shutdown;
pub mod store;
mod task;
pub mod terminal;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
pub mod value;

#[doc(hidden)]
pub use self::macro_support as __private;
#[cfg(feature = "cli")]
pub use cli::{Cli, Exit};
pub use ctx::ensure::{EnsureError, ensure, ensure_file};
pub use ctx::metric::{Metrics, metric, metric_at};
pub use ctx::output::Output;
pub use ctx::progress::progress;
pub use ctx::{Context, artifact, ctx, fatal, limits, spawn};
#[cfg(feature = "store")]
pub use ctx::{
    command::{Command, CommandError},
    dataset::{Dataset, DatasetKind, Model, ModelKind, Tracked, TrackedKind},
    logs::layer::{LogLayer, layer},
};
#[doc(hidden)]
pub use engine::body::Body;
pub use engine::body::TaskOutput;
pub use engine::flow_run::observer::{Notice, Progress};
pub use engine::handle::{After, AnyHandle, Handle, Handles};
pub use engine::runtime::{Runtime, RuntimeBuilder};
pub use engine::spec::{AnyFlowRun, FlowSpec};
#[cfg(feature = "store")]
pub use flow::any_call::AnyFlowCall;
#[cfg(feature = "store")]
pub use flow::arguments::{ArgumentMistake, ArgumentsError};
pub use flow::idempotent::Keyed;
pub use flow::resume::{AnyFlow, Resume};
pub use flow::spec::Flow;
pub use flow::{EventStream, FlowRun, RunningFlow};
#[cfg(all(feature = "macros", feature = "testing"))]
pub use flowkit_macros::test;
#[cfg(feature = "macros")]
pub use flowkit_macros::{flow, task};
pub use model::{BoxError, Error, Failure, FlowRunId, Refusal, State, TaskError, TaskRun};
pub use policy::durability::Durability;
/// SQLite, as [`store::SqliteStore`] uses it: version 0.39 of `rusqlite`, with SQLite itself built in.
///
/// A program can contain one SQLite only, so cargo refuses another version of `rusqlite` beside flowkit (``links = "sqlite3"``).
/// Use this one, or depend on `rusqlite = "0.39"` for features that flowkit does not enable.
///
/// Which version it is is not covered by flowkit's own versioning: a minor version of flowkit may change it.
///
/// ```
/// use flowkit::rusqlite::{Connection, Result};
///
/// # fn main() -> Result<()> {
/// let connection = Connection::open_in_memory()?;
/// let sum: i64 = connection.query_row("SELECT 1 + ?1", [2], |row| row.get(0))?;
/// assert_eq!(sum, 3);
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "sqlite")]
#[doc(no_inline)]
pub use rusqlite;
#[cfg(feature = "store")]
pub use shutdown::Interrupted;
#[doc(hidden)]
pub use task::bounds as rules;
pub use task::call::Call;
pub use task::combinators::{
    AsCompleted, FileTimeout, IntoHandles, WaitForFile, WaitTimeout, all_or_cancel, as_completed,
    first_ended, first_failure, first_success, group, sleep, wait_for_file, wait_within, with_resource,
    without_slots,
};
pub use task::items::each;
pub use task::once::once;
pub use task::outcomes::{AllowFailure, AllowsFailure, SettleAll, allow_failure, settle_all};
pub use task::{args, items};
#[cfg(feature = "cli")]
pub use terminal::stderr;
#[cfg(feature = "store")]
pub use value::parameters::Parameter;
pub use value::secret::Secret;

/// Calls `observer` for each event of each flow run of the ambient runtime that begins from now on.
///
/// See [`Runtime::observe`].
pub fn observe(observer: impl Fn(&Notice<'_>) + Send + Sync + 'static) {
    Runtime::ambient().observe(observer);
}

/// Returns how many blocking bodies are still running after their task run timed out or was cancelled.
///
/// A thread cannot be stopped from outside. Each holds one of the 512 threads of flowkit's blocking pool, and the slots
/// of limits that its task took, until it returns.
pub fn orphaned_threads() -> usize {
    engine::blocking::orphans()
}
