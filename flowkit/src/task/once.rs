//! A value that is made once per run: the time, an id, a random number. A resumed run gets the same one.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::future::Future;
use std::panic::Location;

use serde::{Deserialize, Serialize};

use crate::engine::body::{Body, CacheScope, FlowSettings, Hooks, TaskInfo, TaskOutput};
use crate::engine::call_key::CallKey;
use crate::engine::context;
use crate::engine::task_run::call_mode::InPlace;
use crate::engine::task_run::inputs::Visit;
use crate::engine::task_run::launch;
use crate::engine::task_run::options::CallOptions;
use crate::engine::task_run::options::Setup;
use crate::model::{Codec, Declaration, Digest, Error, Kind, digest};
use crate::policy::TaskPolicy;

/// Makes a value once in a flow run, and returns the recorded one when the run is resumed or the flow is retried.
///
/// A resumed flow runs from the top, so whatever it takes from outside its arguments must be the same again: get the time,
/// an id or a random number through this function. It is a node of the graph like a task, and called by its name. Two calls
/// with one name in one body are two values. Outside a flow it calls `make`.
///
/// ```
/// use flowkit::prelude::*;
/// use std::time::SystemTime;
///
/// #[flow]
/// async fn nightly() -> Result<u64> {
///     let now = flowkit::once("now", || SystemTime::now()).await?;
///     Ok(now.duration_since(SystemTime::UNIX_EPOCH)?.as_secs() / 86_400)
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// assert!(nightly().await.unwrap() > 20_000);
/// # }
/// ```
///
/// It also records a decision that flowkit does not see, such as which branch of a `select!` won:
/// `once("winner", || winner).await?` returns the first winner again.
///
/// # Errors
///
/// If `make` panics, the run is cancelled, or a store cannot persist the value: NaN, for instance. Cancel safe: a value
/// whose future is dropped is made again.
#[track_caller]
pub fn once<T, F>(name: &str, make: F) -> impl Future<Output = Result<T, Error>> + Send + use<T, F>
where
    T: Serialize + for<'de> Deserialize<'de> + Clone + TaskOutput,
    F: FnOnce() -> T + Send,
{
    let options = CallOptions { name: Some(name.to_owned()), ..CallOptions::default() };
    let setup = Setup {
        current: context::current(),
        options: Some(Box::new(options)),
        index: None,
        location: Location::caller(),
    };
    launch::call(Once { name: name.to_owned(), make }, setup, InPlace)
}

struct Once<F> {
    name: String,
    make: F,
}

static INFO: TaskInfo = TaskInfo {
    declaration: Declaration::__new(
        Kind::Task,
        "once",
        "flowkit::once",
        "A value that is made once in a run.",
        None,
        &[],
        0,
        file!(),
        line!(),
    ),
    policy: TaskPolicy::EMPTY,
    limits: &[],
    hooks: Hooks::NONE,
    cache: CacheScope::Off,
    blocking: false,
    at_most_once: false,
    must_persist: true,
    flow: FlowSettings::NONE,
};

impl<T, F> Body for Once<F>
where
    T: Serialize + for<'de> Deserialize<'de> + Clone + TaskOutput,
    F: FnOnce() -> T + Send,
{
    type Output = T;
    type Error = Infallible;

    fn info() -> &'static TaskInfo {
        &INFO
    }

    fn identity() -> &'static str {
        "flowkit::once"
    }

    fn visit(&self, _visit: &mut Visit<'_>) {}

    fn again(&self) -> Option<Self> {
        None
    }

    async fn run(self) -> Result<T, Infallible> {
        Ok((self.make)())
    }

    fn as_error(error: &Infallible) -> Option<&(dyn StdError + 'static)> {
        Some(error)
    }

    fn call_key(&self, key: &mut CallKey<'_>) {
        key.argument("name: &str").value(&self.name);
    }

    fn digest_output(output: &T) -> Option<Digest> {
        digest(output).ok()
    }

    #[cfg(feature = "store")]
    fn codec() -> Option<Codec<T>> {
        Some(crate::value::persist::codec())
    }

    fn copy_output(output: &T) -> Option<T> {
        Some(output.clone())
    }
}
