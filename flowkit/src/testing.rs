//! For tests (feature `testing`, for `[dev-dependencies]`): the paused clock and mocks for flows, and the contract that every
//! store keeps.
//!
//! A task needs none of this: call `task::raw(…)` for the function as written, or await the task for its policies too.

use std::any::TypeId;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::engine::body::TaskInfo;
use crate::engine::context;
use crate::engine::mocks::{Mocked, Replacement};
use crate::engine::runtime::Runtime;
#[cfg(feature = "store")]
#[doc(inline)]
pub use crate::{__store_contract as store_contract, store::contract::StorePlace};

/// The seed of jitter in tests that do not set one.
const SEED: u64 = 0x5eed;

/// Runs a test: on one thread, with tokio's clock paused, in a runtime of its own with seeded jitter.
///
/// This is what `#[flowkit::test]` calls. When every task waits, the clock jumps to the next timer: a retry delay of
/// 60 s passes at once. Blocking tasks run on real threads and hold the clock while they do.
///
/// # Panics
///
/// If tokio cannot start, or if the test panics.
pub fn run<F: Future>(seed: Option<u64>, test: F) -> F::Output {
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a tokio runtime for the test");
    let runtime = Runtime::builder().seed(seed.unwrap_or(SEED)).build();
    tokio.block_on(context::in_runtime(runtime, test))
}

/// Sets the wall clock of this thread: it shows `wall` now, and advances with tokio's clock, also while that is paused.
///
/// For tests of what outlives a process: after it, another one may find a clock that was set forward or back. It holds
/// for runs on this thread, until it is set again or the thread ends.
pub fn set_wall_clock(wall: std::time::SystemTime) {
    crate::clock::set_wall(wall);
}

/// What the closure of a mock may return: what the task returns, or a future of that.
///
/// ```
/// # use flowkit::prelude::*;
/// #[task]
/// fn load(path: String) -> Result<usize, String> {
///     std::fs::read(path).map(|bytes| bytes.len()).map_err(|error| error.to_string())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// let at_once = load::mock(|path| Ok(path.len()));
/// assert_eq!(load("ab".to_owned()).await?, 2);
/// assert_eq!(at_once.calls(), 1);
///
/// let later = load::mock(|_path| async { Err("down".to_owned()) });
/// assert!(load("ab".to_owned()).await.is_err());
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "a mock of this task cannot return `{Self}`",
    label = "the task returns `{Output}`",
    note = "let the closure return `{Output}`, or a future of it: `|…| async move {{ … }}`"
)]
pub trait MockOutput<Output, Kind> {
    /// The future that gives the output.
    type Future: Future<Output = Output>;

    /// Returns the future.
    fn into_future(self) -> Self::Future;
}

/// The output itself. See [`MockOutput`].
#[doc(hidden)]
pub enum AtOnce {}

/// A future of the output. See [`MockOutput`].
#[doc(hidden)]
pub enum Later {}

impl<Output> MockOutput<Output, AtOnce> for Output {
    type Future = std::future::Ready<Output>;

    fn into_future(self) -> Self::Future {
        std::future::ready(self)
    }
}

impl<F: Future> MockOutput<F::Output, Later> for F {
    type Future = F;

    fn into_future(self) -> F {
        self
    }
}

/// A task that is replaced until this is dropped. Made by the task's `mock` method.
#[must_use = "the task is replaced only while this lives"]
pub struct Mock {
    runtime: Runtime,
    mocked: Mocked,
    calls: Arc<AtomicUsize>,
}

impl Mock {
    #[doc(hidden)]
    pub fn __replace<C: Send + Sync + 'static>(task: &'static TaskInfo, call: C) -> Self {
        let mocked = (task.declaration.path, TypeId::of::<C>());
        let runtime = context::runtime();
        let calls = Arc::new(AtomicUsize::new(0));
        let replacement = Replacement { call: Arc::new(call), calls: Arc::clone(&calls) };
        runtime.mocks().0.lock().entry(mocked).or_default().push(replacement);
        Self { runtime, mocked, calls }
    }

    /// Returns how often the task was tried.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        let mut mocks = self.runtime.mocks().0.lock();
        let over = mocks.get_mut(&self.mocked).and_then(|replacements| {
            let place = replacements.iter().position(|one| Arc::ptr_eq(&one.calls, &self.calls))?;
            Some(replacements.remove(place))
        });
        drop(mocks);
        // Under no lock: it owns what the user's closure captured.
        drop(over);
    }
}

/// Returns what stands for a task here, and counts the call.
#[doc(hidden)]
pub fn __mocked<C: Clone + Send + Sync + 'static>(task: &'static TaskInfo) -> Option<C> {
    let runtime = context::runtime();
    let mocked = (task.declaration.path, TypeId::of::<C>());
    let replacement = runtime.mocks().0.lock().get(&mocked)?.last().cloned()?;
    let call = replacement.call.downcast_ref::<C>().cloned()?;
    replacement.calls.fetch_add(1, Ordering::SeqCst);
    Some(call)
}
