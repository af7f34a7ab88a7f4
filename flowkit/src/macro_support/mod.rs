//! What the attributes' generated code names. Not for people: it may change with any release.

#[cfg(feature = "store")]
mod codec;
mod keys;
#[cfg(feature = "store")]
mod rewritten;

use std::error::Error as StdError;
use std::future::Future;
use std::marker::PhantomData;

pub use futures_util::future::BoxFuture;
use serde::Serialize;

use crate::engine::blocking;
use crate::engine::context;

#[cfg(feature = "store")]
pub use self::codec::{
    Arguments, Compared, InKey, NotCompared, NotInKey, NotPersisted, NotProved, NotReadBack, NotRewritten,
    NotSerializedArgument, NotWritable, Parameter, Persisted, Proof, Proved, ProvidedArguments, ReadBack,
    Rewritten, SerializedArgument, Writable,
};
pub use self::keys::{KeyedArgument, KeyedByOs, NotKeyed};
pub use crate::engine::body::FlowBody;
pub use crate::engine::body::{Body, CacheScope, FlowSettings, Hooks, TaskInfo, TaskOutput};
pub use crate::engine::call_key::CallKey;
pub use crate::engine::flow_run::tally::Tally;
pub use crate::engine::handle::{Handle, Handles};
pub use crate::engine::limits::Want;
pub use crate::engine::task_run::inputs::{Cause, Visit};
pub use crate::engine::task_run::launch::skip;
pub use crate::engine::task_run::options::Setup;
pub use crate::flow::{ReturnedHandles, call_flow, submit_flow};
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

/// A return type that is a `Result`, taken apart.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the `Result` of the standard library",
    label = "flowkit goes by the name, and takes this for a `Result`",
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

/// Starts a call of which nothing is said beside its arguments.
#[track_caller]
pub fn submit<B: Dispatch + 'static>(body: B) -> Handle<B::Output, B::Error> {
    Call::<'static, B::Output, B::Error, B>::__new(body).submit()
}

/// Runs a blocking function on flowkit's own pool, in the context of the task run and of the tokio runtime, as
/// `tokio::task::spawn_blocking` does.
///
/// Dropped before it has ended, it leaves the thread behind and says so. The slots of limits go with the thread.
pub async fn run_blocking<R: Send + 'static>(function: impl FnOnce() -> R + Send + 'static) -> R {
    let current = context::current();
    let permit = current.as_ref().and_then(|current| current.core().take_permit());
    let span = tracing::Span::current();
    let scope = current.clone();
    let tokio = tokio::runtime::Handle::try_current().ok();
    let call = blocking::spawn(move || {
        let _entered = (tokio.as_ref().map(tokio::runtime::Handle::enter), span.enter());
        let value = match scope {
            Some(scope) => scope.scope_blocking(function),
            None => function(),
        };
        (value, permit)
    });
    let mut left = AbandonedCall { call: Some(call), current };
    let ended = std::future::poll_fn(|cx| match &mut left.call {
        Some(call) => std::pin::Pin::new(call).poll(cx),
        None => unreachable!("bug in flowkit: a blocking call is kept until its future is dropped"),
    })
    .await;
    left.call = None;
    match ended {
        Ok((value, permit)) => {
            if let (Some(current), Some(permit)) = (&left.current, permit) {
                current.core().set_permit(permit);
            }
            value
        }
        // The attempt loop catches it again; the panic hook does not run a second time.
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Runs a blocking function that borrows, where it is awaited.
///
/// On a worker of a multi-threaded runtime the others go on meanwhile, and the function may block as it likes, also on a
/// runtime of its own. A single-threaded runtime has no other thread to leave its work to.
pub fn run_in_place<R>(function: impl FnOnce() -> R) -> R {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(function),
        _ => function(),
    }
}

/// A blocking call whose future may be dropped before the call has ended.
struct AbandonedCall<R> {
    call: Option<blocking::BlockingCall<R>>,
    current: Option<context::Current>,
}

impl<R> Drop for AbandonedCall<R> {
    fn drop(&mut self) {
        if let Some(call) = self.call.take()
            && call.abandon()
            && let Some(current) = &self.current
        {
            current.core().set_orphaned();
        }
    }
}

/// Finds out at compile time what a type can do, without asking for it in a bound: autoref specialization.
///
/// `(&Probe(&value)).again()` takes the method of the trait for `Probe<T>` if `T` has what it needs, and otherwise,
/// one reference further, the method of the trait for `&Probe<T>`.
#[derive(Debug)]
pub struct Probe<'a, T: ?Sized>(pub &'a T);

/// Copies what is `Clone`.
pub trait Again<T> {
    fn again(&self) -> Option<T>;
}

impl<T: Clone> Again<T> for Probe<'_, T> {
    fn again(&self) -> Option<T> {
        Some(self.0.clone())
    }
}

/// Copies nothing.
pub trait NotAgain<T> {
    fn again(&self) -> Option<T>;
}

impl<T> NotAgain<T> for &Probe<'_, T> {
    fn again(&self) -> Option<T> {
        None
    }
}

/// Shows what is an error.
pub trait AsError<'a> {
    fn as_error(&self) -> Option<&'a (dyn StdError + 'static)>;
}

impl<'a, E: StdError + 'static> AsError<'a> for &Probe<'a, E> {
    fn as_error(&self) -> Option<&'a (dyn StdError + 'static)> {
        Some(self.0)
    }
}

/// Shows what dereferences to an error: `anyhow::Error`, `eyre::Report`, `Box<dyn Error + Send + Sync>`.
pub trait DerefsToError<'a> {
    fn as_error(&self) -> Option<&'a (dyn StdError + 'static)>;
}

impl<'a, E> DerefsToError<'a> for &&Probe<'a, E>
where
    E: std::ops::Deref,
    E::Target: ToStdError + 'a,
{
    fn as_error(&self) -> Option<&'a (dyn StdError + 'static)> {
        let error: &'a E = self.0;
        Some((**error).to_std_error())
    }
}

/// Erases what an error type promises beside being an error.
pub trait ToStdError {
    fn to_std_error(&self) -> &(dyn StdError + 'static);
}

impl ToStdError for dyn StdError + Send + Sync + 'static {
    fn to_std_error(&self) -> &(dyn StdError + 'static) {
        self
    }
}

/// Shows nothing.
pub trait NoErrorToShow<'a> {
    fn as_error(&self) -> Option<&'a (dyn StdError + 'static)>;
}

impl<'a, E> NoErrorToShow<'a> for Probe<'a, E> {
    fn as_error(&self) -> Option<&'a (dyn StdError + 'static)> {
        None
    }
}

/// Counts what is a handle in the result of a flow.
pub trait Tallied {
    fn tally(&self, tally: &mut Tally);
}

impl<R: ReturnedHandles> Tallied for Probe<'_, R> {
    fn tally(&self, tally: &mut Tally) {
        self.0.add_to(tally);
    }
}

/// Counts nothing.
pub trait NotTallied {
    fn tally(&self, _tally: &mut Tally) {}
}

impl<R> NotTallied for &Probe<'_, R> {}

/// Gives the digest of what can be serialized.
pub trait Digested {
    fn digest(&self) -> Option<Digest>;
}

impl<T: Serialize> Digested for Probe<'_, T> {
    fn digest(&self) -> Option<Digest> {
        digest(self.0).ok()
    }
}

/// Gives none.
pub trait NotDigested {
    fn digest(&self) -> Option<Digest> {
        None
    }
}

impl<T> NotDigested for &Probe<'_, T> {}

/// Takes the type of a hook, so that the closure's parameter need not be written.
pub const fn hook(hook: fn(&TaskRun)) -> fn(&TaskRun) {
    hook
}

/// The type of what a generic body does not mention in its arguments.
pub type Mention<T> = PhantomData<fn() -> T>;
