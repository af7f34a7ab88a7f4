//! What generated code refers to. Not for people: it may change with any release.

mod blocking;
#[cfg(feature = "store")]
mod codec;
mod keys;
mod probe;
#[cfg(feature = "store")]
mod rewritten;

use std::future::Future;
use std::marker::PhantomData;

pub use futures_util::future::BoxFuture;

pub use self::blocking::{run_blocking, run_in_place};
pub use self::keys::{KeyedArgument, KeyedByOs, NotKeyed};
pub use self::probe::{
    Again, AsError, DerefsToError, Digested, NoErrorToShow, NotAgain, NotDigested, NotTallied, Probe, Tallied,
};
#[cfg(feature = "store")]
pub use self::probe::{InKey, NotInKey};
pub use crate::engine::body::FlowBody;
pub use crate::engine::body::{Body, CacheScope, FlowSettings, Hooks, TaskInfo, TaskOutput};
pub use crate::engine::call_key::CallKey;
pub use crate::engine::flow_run::tally::Tally;
pub use crate::engine::handle::{Handle, Handles};
pub use crate::engine::hook::{Awaited, Called, Hook, HookFn, HookOf};
pub use crate::engine::limits::Want;
pub use crate::engine::task_run::inputs::{Cause, Visit};
pub use crate::engine::task_run::launch::skip;
pub use crate::engine::task_run::options::Setup;
#[cfg(feature = "store")]
pub use crate::flow::arguments::{Arguments, ProvidedArguments};
pub use crate::flow::{ReturnedHandles, call_flow, submit_flow};
#[cfg(feature = "store")]
pub use crate::macro_support::codec::{
    Compared, NotCompared, NotPersisted, NotProved, NotReadBack, NotSerializedArgument, NotWritable,
    Persisted, Proof, Proved, ReadBack, SerializedArgument, Writable,
};
#[cfg(feature = "store")]
pub use crate::macro_support::rewritten::{NotRewritten, Rewritten};
pub use crate::model::{
    BoxError, Codec, Declaration, Digest, DigestError, Error, Kind, TaskError, TaskRun, digest,
};
pub use crate::policy::TaskPolicy;
pub use crate::policy::cache::KeyInput;
pub use crate::policy::durability::Durability;
pub use crate::policy::retry::Backoff;
pub use crate::policy::trigger::Trigger;
pub use crate::task::args::{Arg, ByRef, ByValue, IntoArg, Lent, ParamMode};
pub use crate::task::call::Call;
pub use crate::task::dispatch::Dispatch;
pub use crate::task::items::{Column, IntoColumn, IntoItems};
pub use crate::task::map::map;
#[cfg(feature = "testing")]
pub use crate::testing::{__mocked as mocked, Mock};
pub use crate::value::canonical::Sealing;
#[cfg(feature = "store")]
pub use crate::value::parameters::Parameter;

/// Takes a return type that is a `Result` apart.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the `Result` of the standard library",
    label = "flowkit knows a `Result` by its name",
    note = "give the type another name, here or where it is declared"
)]
pub trait Fallible {
    type Value;
    type Error;
    fn into_result(self) -> Result<Self::Value, Self::Error>;
}

impl<T, E> Fallible for Result<T, E> {
    type Value = T;
    type Error = E;

    fn into_result(self) -> Self {
        self
    }
}

/// Starts a call without options.
#[track_caller]
pub fn submit<B: Dispatch + 'static>(body: B) -> Handle<B::Output, B::Error> {
    Call::<'static, B::Output, B::Error, B>::__new(body).submit()
}

/// A closure as a hook. The type tells the compiler that of the closure's parameter, so that users need not write it.
pub const fn hook(hook: fn(&TaskRun)) -> HookOf<fn(&TaskRun), Called> {
    HookOf::new(hook)
}

/// An async closure as a hook, or one that returns an `async` block.
pub const fn async_hook<H, F>(hook: H) -> HookOf<H, Awaited>
where
    H: Fn(TaskRun) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    HookOf::new(hook)
}

/// A function as a hook, of whichever kind.
pub const fn named_hook<H: HookFn<How>, How>(hook: H) -> HookOf<H, How> {
    HookOf::new(hook)
}

/// Mentions the type parameters that no argument of a generic body mentions.
pub type Mention<T> = PhantomData<fn() -> T>;
