//! Failures as values: how a run ended as an argument, with its edge, and the same for a list of runs.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;

use crate::engine::handle::{Handle, Handles};
use crate::engine::task_run::completion::Continuation;
use crate::engine::task_run::core::Core;
use crate::engine::task_run::inputs::{CauseKind, Input, InputOutcome, Visit};
use crate::engine::task_run::queue::Ready;
use crate::engine::task_run::slot::Slot;
use crate::model::{CallId, EdgeKind, Error, TaskError};
use crate::task::args::{Arg, ByRef, IntoArg, Lender, Lent, Source};
use crate::task::combinators::IntoHandles;

/// How each run of a list ended.
type Outcomes<T, E> = Vec<Result<T, Error<E>>>;

/// Passes a handle on so that its failure is a value: for a parameter of the type `Result<T, Error<E>>` or a reference to
/// it. The task then runs however the input ended, and there is an edge to it.
///
/// Of [`Handles`], it is the same as [`settle_all`]: for a parameter of the type `Vec<Result<T, Error<E>>>` or
/// `&[Result<T, Error<E>>]`.
///
/// ```
/// use flowkit::prelude::*;
///
/// #[task]
/// async fn parse(page: String) -> Result<u32, String> {
///     page.parse().map_err(|_| format!("{page:?} is no number"))
/// }
///
/// #[task]
/// async fn report(pages: &[Result<u32, Error<String>>]) -> String {
///     let good: u32 = pages.iter().flatten().sum();
///     format!("{good} in all, {} failed", pages.iter().filter(|page| page.is_err()).count())
/// }
///
/// #[flow]
/// async fn totals(pages: Vec<String>) -> Result<String> {
///     let parsed = parse::map(pages);
///     Ok(report::of(allow_failure(&parsed)).await?) // one edge per page
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let pages = ["1", "x", "2"].map(str::to_owned).to_vec();
/// assert_eq!(totals(pages).await.unwrap(), "3 in all, 1 failed");
/// # }
/// ```
pub fn allow_failure<H: AllowsFailure>(handles: H) -> H::Outcome {
    handles.allow_failure()
}

/// A [`Handle`] or several of them, by value or by reference, whose failures may be values: the argument of [`allow_failure`].
#[diagnostic::on_unimplemented(
    message = "`allow_failure` takes a `Handle` or `Handles`, found `{Self}`",
    label = "neither a handle nor several of them",
    note = "a call gives a handle with `.submit()`"
)]
pub trait AllowsFailure {
    /// [`AllowFailure`] of a handle, [`SettleAll`] of several.
    type Outcome;

    #[doc(hidden)]
    fn allow_failure(self) -> Self::Outcome;
}

impl<T, E> AllowsFailure for Handle<T, E> {
    type Outcome = AllowFailure<T, E>;

    fn allow_failure(self) -> AllowFailure<T, E> {
        AllowFailure { slot: self.slot }
    }
}

impl<T, E> AllowsFailure for &Handle<T, E> {
    type Outcome = AllowFailure<T, E>;

    fn allow_failure(self) -> AllowFailure<T, E> {
        self.clone().allow_failure()
    }
}

macro_rules! several {
    ($($handles:ty),*) => {$(
        impl<T, E> AllowsFailure for $handles {
            type Outcome = SettleAll<T, E>;

            fn allow_failure(self) -> SettleAll<T, E> {
                settle_all(self)
            }
        }
    )*};
}

several!(Handles<T, E>, &Handles<T, E>, Vec<Handle<T, E>>, &Vec<Handle<T, E>>, &[Handle<T, E>]);

/// How all of them ended, in the order of the list: awaited, or as an argument.
///
/// `settle_all(&handles).await` waits for all and returns the results. What you then pass on are values, without edges: the
/// graph does not show where they come from, and after `rerun --from` one of those tasks, a call that took the results runs
/// again only if they have changed. To hand the results to a task, do not await them: `report::of(settle_all(&handles))`, for
/// a parameter `Vec<Result<T, Error<E>>>` or `&[Result<T, Error<E>>]`, gives it one edge per run. Its trigger rule counts
/// each of them as a success.
///
/// A mapped list whose own input has failed counts as one failure.
pub fn settle_all<T, E>(handles: impl IntoHandles<T, E>) -> SettleAll<T, E> {
    SettleAll(Settling::Handles(handles.into_handles()))
}

/// A handle whose failure is a value, made by [`allow_failure`].
#[must_use = "it is an argument of a task"]
pub struct AllowFailure<T, E> {
    slot: Arc<Slot<T, E>>,
}

/// The outcomes of several runs, to be awaited or to be an argument: made by [`settle_all`] and [`allow_failure`].
#[must_use = "await it for the results, or pass it to a task"]
pub struct SettleAll<T, E>(Settling<T, E>);

enum Settling<T, E> {
    Handles(Handles<T, E>),
    Waiting(BoxFuture<'static, Outcomes<T, E>>),
}

impl<T, E> SettleAll<T, E> {
    fn handles(self) -> Handles<T, E> {
        match self.0 {
            Settling::Handles(handles) => handles,
            Settling::Waiting(_) => panic!("`SettleAll` was polled before it was passed to a task"),
        }
    }
}

impl<T, E> Future for SettleAll<T, E>
where
    T: Clone + Send + Sync + 'static,
    E: TaskError,
{
    type Output = Outcomes<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Settling::Handles(handles) = &mut self.0 {
            self.0 = Settling::Waiting(Box::pin(outcomes(std::mem::take(handles))));
        }
        match &mut self.0 {
            Settling::Waiting(outcomes) => outcomes.as_mut().poll(cx),
            Settling::Handles(_) => unreachable!("bug in flowkit: it waits by now"),
        }
    }
}

/// Waits for all runs of a list.
pub(super) async fn outcomes<T: Clone, E: TaskError>(handles: Handles<T, E>) -> Outcomes<T, E> {
    let handles = match handles.into_list().await {
        Ok(handles) => handles,
        Err(failure) => return vec![Err(failure)],
    };
    let mut results = Vec::with_capacity(handles.len());
    for handle in handles {
        results.push(handle.await);
    }
    results
}

/// An input that counts as a success however it ended.
struct Ended<'a>(&'a dyn Input);

impl Input for Ended<'_> {
    fn input_core(&self) -> Option<&Core> {
        self.0.input_core()
    }

    fn call(&self) -> Option<CallId> {
        self.0.call()
    }

    fn outcome(&self) -> InputOutcome {
        match self.0.outcome() {
            InputOutcome::Pending => InputOutcome::Pending,
            InputOutcome::Success | InputOutcome::Failure(_) => InputOutcome::Success,
        }
    }

    fn subscribe(&self, continuation: &Arc<dyn Continuation>) -> bool {
        if !matches!(self.0.outcome(), InputOutcome::Pending) {
            return false;
        }
        let continuation: Arc<dyn Continuation> = Arc::new(AsSuccess(Arc::clone(continuation)));
        self.0.subscribe(&continuation)
    }

    fn visit_as(&self, kind: EdgeKind, visit: &mut Visit<'_>) {
        self.0.visit_as(kind, &mut |input, kind| visit(&Ended(input), kind));
    }
}

/// Has any end count as a success.
struct AsSuccess(Arc<dyn Continuation>);

impl Continuation for AsSuccess {
    fn input_ended(self: Arc<Self>, _failure: Option<CauseKind>) -> Option<Arc<dyn Ready>> {
        Arc::clone(&self.0).input_ended(None)
    }
}

impl<T: Send + Sync + 'static, E: TaskError> AllowFailure<T, E> {
    fn visit_ended(&self, visit: &mut Visit<'_>) {
        visit(&Ended(&*self.slot), EdgeKind::Data);
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> Source<Result<T, Error<E>>> for AllowFailure<T, E> {
    fn visit(&self, visit: &mut Visit<'_>) {
        self.visit_ended(visit);
    }

    fn take(self: Arc<Self>) -> Result<T, Error<E>> {
        self.slot.result().clone()
    }

    fn peek(&self) -> &Result<T, Error<E>> {
        self.slot.result()
    }
}

impl<T: Send + Sync + 'static, E: TaskError> Lender<Result<T, Error<E>>> for AllowFailure<T, E> {
    fn visit(&self, visit: &mut Visit<'_>) {
        self.visit_ended(visit);
    }

    fn by_ref(&self) -> &Result<T, Error<E>> {
        self.slot.result()
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> IntoArg<Result<T, Error<E>>> for AllowFailure<T, E> {
    fn into_arg(self) -> Arg<Result<T, Error<E>>> {
        Arg::Input(Arc::new(self))
    }
}

impl<'a, T: Send + Sync + 'static, E: TaskError> IntoArg<&'a Result<T, Error<E>>, ByRef>
    for AllowFailure<T, E>
{
    fn into_arg(self) -> Lent<'a, Result<T, Error<E>>> {
        Lent::Input(Arc::new(self))
    }
}

/// The outcomes of a list, gathered when all have ended.
struct Settled<T, E> {
    handles: Handles<T, E>,
    outcomes: Arc<OnceLock<Outcomes<T, E>>>,
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> Settled<T, E> {
    fn of(outcomes: SettleAll<T, E>) -> Arc<Self> {
        let handles = outcomes.handles();
        Arc::new(Self { outcomes: handles.gathered().outcomes.share(), handles })
    }

    fn visit_ended(&self, visit: &mut Visit<'_>) {
        self.handles.visit_as(EdgeKind::Data, &mut |input, kind| visit(&Ended(input), kind));
    }

    fn gather(&self) -> &Outcomes<T, E> {
        self.outcomes.get_or_init(|| copies(&self.handles))
    }
}

/// Copies the outcomes of a list whose runs have ended.
fn copies<T: Clone, E: TaskError>(handles: &Handles<T, E>) -> Outcomes<T, E> {
    match handles.ended() {
        Ok(list) => list.iter().map(|handle| handle.slot.result().clone()).collect(),
        Err(failure) => vec![Err(failure.clone())],
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> Source<Outcomes<T, E>> for Settled<T, E> {
    fn visit(&self, visit: &mut Visit<'_>) {
        self.visit_ended(visit);
    }

    fn take(self: Arc<Self>) -> Outcomes<T, E> {
        let (handles, outcomes) = match Arc::try_unwrap(self) {
            Ok(Self { handles, outcomes }) => {
                (handles, Arc::into_inner(outcomes).and_then(OnceLock::into_inner))
            }
            Err(shared) => (shared.handles.clone(), None),
        };
        outcomes.unwrap_or_else(|| match handles.into_known() {
            Ok(list) => list.into_iter().map(|handle| handle.slot.take()).collect(),
            Err(later) => copies(&later),
        })
    }

    fn peek(&self) -> &Outcomes<T, E> {
        self.gather()
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> Lender<[Result<T, Error<E>>]> for Settled<T, E> {
    fn visit(&self, visit: &mut Visit<'_>) {
        self.visit_ended(visit);
    }

    fn by_ref(&self) -> &[Result<T, Error<E>>] {
        self.gather()
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> IntoArg<Outcomes<T, E>> for SettleAll<T, E> {
    fn into_arg(self) -> Arg<Outcomes<T, E>> {
        Arg::Input(Settled::of(self))
    }
}

impl<'a, T: Clone + Send + Sync + 'static, E: TaskError> IntoArg<&'a [Result<T, Error<E>>], ByRef>
    for SettleAll<T, E>
{
    fn into_arg(self) -> Lent<'a, [Result<T, Error<E>>]> {
        Lent::Input(Settled::of(self))
    }
}
