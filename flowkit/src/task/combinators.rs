//! Ways to wait for several handles, and ways to name and time parts of a flow.
//!
//! Decisions between runs follow the numbers of their ends, so a resumed or retried flow decides the same way. Decisions
//! that flowkit does not see are not covered: `select!`, `is_finished()`, timeouts of tokio.

mod as_completed;
mod first_ended;
mod in_time;
mod into_handles;

use std::future::{Future, IntoFuture};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock;
use crate::engine::attempt::permit;
use crate::engine::context;
use crate::engine::handle::Handle;
use crate::model::{Error, TaskError};
use crate::task::outcomes::outcomes;

pub use self::as_completed::{AsCompleted, as_completed};
pub use self::first_ended::first_ended;
pub use self::in_time::{WaitTimeout, wait_within};
pub use self::into_handles::IntoHandles;

/// Waits for all; at the first failure it cancels the others, waits for their end, and returns the failure.
///
/// A resumed flow gets the same failure. If that failure is retried, the runs that it had cancelled are retried too.
///
/// # Errors
///
/// The failure that happened first.
pub async fn all_or_cancel<T: Clone, E: TaskError>(
    handles: impl IntoHandles<T, E>,
) -> Result<Vec<T>, Error<E>> {
    let handles = handles.into_handles().into_list().await?;
    match first_failure(handles.iter().cloned()).await {
        None => outcomes(handles.into()).await.into_iter().collect(),
        Some(failure) => {
            handles.iter().for_each(Handle::cancel);
            outcomes(handles.into()).await;
            Err(failure)
        }
    }
}

/// Returns the value of the first run that succeeds, and cancels the others.
///
/// A resumed or retried flow gets the same winner, and the losers stay cancelled, unless an earlier failure is retried.
///
/// # Errors
///
/// All failures, in the order in which they happened, if none succeeds.
pub async fn first_success<T: Clone, E: TaskError>(
    handles: impl IntoHandles<T, E>,
) -> Result<T, Vec<Error<E>>> {
    let handles = handles.into_handles().into_list().await.map_err(|failure| vec![failure])?;
    let mut ended = as_completed(handles.iter().cloned());
    let mut failures = Vec::new();
    while let Some((_, result)) = ended.next().await {
        match result {
            Ok(value) => {
                handles.iter().for_each(Handle::cancel);
                return Ok(value);
            }
            Err(failure) => failures.push(failure),
        }
    }
    Err(failures)
}

/// Returns the first failure, or `None` when all have succeeded. The others continue.
pub async fn first_failure<T: Clone, E: TaskError>(handles: impl IntoHandles<T, E>) -> Option<Error<E>> {
    let mut ended = as_completed(handles);
    while let Some((_, result)) = ended.next().await {
        if let Err(failure) = result {
            return Some(failure);
        }
    }
    None
}

/// Sleeps without holding a slot of any limit. It follows the paused clock of tests.
pub async fn sleep(wait: Duration) {
    permit::without_slots(clock::sleep(wait)).await;
}

/// Awaits anything without holding a slot of any limit; the slots are reacquired before it returns.
///
/// Put it around a `select!` over handles or calls: the branch that loses cannot reacquire the slots that it released.
pub async fn without_slots<F: IntoFuture>(future: F) -> F::Output {
    permit::without_slots(future.into_future()).await
}

/// Calls made inside belong to the group `name`: the graph shows them in one box.
pub async fn group<F: IntoFuture>(name: impl Into<String>, body: F) -> F::Output {
    match context::current() {
        Some(current) => current.in_group(name.into().into()).scope(body.into_future()).await,
        None => body.await,
    }
}

/// Sets something up, uses it, and tears it down in every case: also when the body fails or is cancelled.
///
/// `teardown` is synchronous, so that it can run while a cancelled task is dropped.
///
/// # Errors
///
/// The error of the set-up or of the body.
pub async fn with_resource<R, T, E, S, B>(
    setup: S,
    body: impl FnOnce(&R) -> B,
    teardown: impl FnOnce(R),
) -> Result<T, E>
where
    R: Clone,
    S: Future<Output = Result<R, E>>,
    B: Future<Output = Result<T, E>>,
{
    let resource = setup.await?;
    let guard = TearDown(Some((resource.clone(), teardown)));
    let result = body(&resource).await;
    drop(guard);
    result
}

struct TearDown<R, F: FnOnce(R)>(Option<(R, F)>);

impl<R, F: FnOnce(R)> Drop for TearDown<R, F> {
    fn drop(&mut self) {
        if let Some((resource, teardown)) = self.0.take() {
            teardown(resource);
        }
    }
}

/// Waits for a file to exist: `wait_for_file("in.csv").every(minute).timeout(hour).await?`.
///
/// It holds no slot while it waits. By default it checks every 60 s and gives up after an hour, as the examples of
/// Airflow's `FileSensor` do.
pub fn wait_for_file(path: impl AsRef<Path>) -> WaitForFile {
    WaitForFile {
        path: path.as_ref().to_owned(),
        every: Duration::from_secs(60),
        timeout: Duration::from_secs(3600),
    }
}

/// A wait for a file, made by [`wait_for_file`].
#[must_use = "it waits when it is awaited"]
#[derive(Clone, Debug)]
pub struct WaitForFile {
    path: PathBuf,
    every: Duration,
    timeout: Duration,
}

/// The file did not appear.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the file `{}` did not appear within {waited:?}", path.display())]
#[non_exhaustive]
pub struct FileTimeout {
    /// The path of the file.
    pub path: PathBuf,
    /// How long the wait lasted.
    pub waited: Duration,
}

impl WaitForFile {
    /// Sets how often to check; at least 1 ms apart.
    pub fn every(mut self, every: Duration) -> Self {
        self.every = every.max(Duration::from_millis(1));
        self
    }

    /// Sets after what time to give up.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    async fn wait(self) -> Result<PathBuf, FileTimeout> {
        let begun = clock::now();
        loop {
            if self.path.exists() {
                return Ok(self.path);
            }
            let left = self.timeout.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Err(FileTimeout { path: self.path, waited: self.timeout });
            }
            sleep(self.every.min(left)).await;
        }
    }
}

impl IntoFuture for WaitForFile {
    type Output = Result<PathBuf, FileTimeout>;
    type IntoFuture = futures_util::future::BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.wait())
    }
}
