//! What a submitted call gives: [`Handle`] for one run, [`Handles`] for a mapped list of them.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use futures_util::task::AtomicWaker;

use crate::args::{Lender, Source, no_value};
use crate::engine::cancellation::Cancellation;
use crate::engine::inputs::{Input, Outcome, Visit};
use crate::engine::promise::{Continuation, Promise, Seat};
use crate::engine::queue::Ready;
use crate::engine::slot::Slot;
use crate::engine::take_up::TakeUp;
use crate::model::{EdgeKind, Error, State, TaskError, TaskRun, TaskRunId};

/// A task run that was started: clone it, await it, pass it to other tasks.
///
/// `handle.await` gives the value (cloned if somebody else holds the handle too); `(&handle).await` lends it, and
/// needs no `Clone`. Dropping a handle does not stop the run: the flow joins it at its end.
///
/// While a task waits for a handle it holds no slot of any limit.
pub struct Handle<T, E> {
    pub(crate) slot: Arc<Slot<T, E>>,
}

impl<T, E> Clone for Handle<T, E> {
    fn clone(&self) -> Self {
        Self { slot: Arc::clone(&self.slot) }
    }
}

impl<T, E> Handle<T, E> {
    pub(crate) fn new(slot: Arc<Slot<T, E>>) -> Self {
        Self { slot }
    }

    /// Returns the run's id inside its flow run.
    pub fn id(&self) -> TaskRunId {
        self.slot.core.id
    }

    /// Returns where the run stands. Never waits.
    pub fn state(&self) -> State {
        match self.slot.core.run().and_then(|run| run.task_run(self.slot.core.id)) {
            Some(task_run) => task_run.state(),
            // It was refused before it had a record.
            None => State::Failed,
        }
    }

    /// Returns what is recorded of the run; `None` if it was refused.
    pub fn task_run(&self) -> Option<TaskRun> {
        self.slot.core.run().and_then(|run| run.task_run(self.slot.core.id))
    }

    /// Whether the run has ended.
    pub fn is_finished(&self) -> bool {
        self.slot.promise.get().is_some()
    }

    /// Stops this run, and only this one. A run that has ended stays as it is.
    pub fn cancel(&self) {
        self.slot.core.cancel();
    }
}

impl<T, E: TaskError> Handle<T, E> {
    /// Waits for the end and returns its state; an error stays in the handle.
    pub async fn ended(&self) -> State
    where
        T: Send + Sync,
    {
        Wait::new(Arc::clone(&self.slot)).await;
        self.state()
    }
}

impl<T, E> fmt::Debug for Handle<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({}, {})", self.slot.core.label(), self.state())
    }
}

/// Waits until a slot has its result, and until the waiting task has its own slots of limits back.
struct Wait<T, E> {
    slot: Arc<Slot<T, E>>,
    seat: Seat,
    take_up: TakeUp,
}

impl<T, E> Wait<T, E> {
    fn new(slot: Arc<Slot<T, E>>) -> Self {
        Self { slot, seat: Seat::default(), take_up: TakeUp::default() }
    }
}

impl<T, E> Future for Wait<T, E> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let over = this.slot.promise.poll(&mut this.seat, cx).is_ready();
        this.take_up.poll(over, cx)
    }
}

impl<T, E> Drop for Wait<T, E> {
    fn drop(&mut self) {
        self.slot.promise.leave(&mut self.seat);
    }
}

/// The future of an awaited [`Handle`].
#[must_use = "futures do nothing until they are awaited"]
pub struct Joined<T, E> {
    // Taken at the end, so that the last holder moves the value out.
    wait: Option<Wait<T, E>>,
}

impl<T: Clone, E> Future for Joined<T, E> {
    type Output = Result<T, Error<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let wait = self.wait.as_mut().expect("`Joined` polled after it was ready");
        ready!(Pin::new(wait).poll(cx));
        let slot = self.wait.take().map(|wait| Arc::clone(&wait.slot));
        Poll::Ready(slot.expect("bug in flowkit: the slot is held until here").take())
    }
}

impl<T: Clone, E> IntoFuture for Handle<T, E> {
    type Output = Result<T, Error<E>>;
    type IntoFuture = Joined<T, E>;

    fn into_future(self) -> Joined<T, E> {
        Joined { wait: Some(Wait::new(self.slot)) }
    }
}

/// The future of a [`Handle`] that is awaited by reference.
#[must_use = "futures do nothing until they are awaited"]
pub struct Lending<'a, T, E> {
    slot: &'a Slot<T, E>,
    seat: Seat,
    take_up: TakeUp,
}

impl<'a, T, E> Future for Lending<'a, T, E> {
    type Output = Result<&'a T, Error<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let over = this.slot.promise.poll(&mut this.seat, cx).is_ready();
        ready!(this.take_up.poll(over, cx));
        Poll::Ready(this.slot.result().as_ref().map_err(Clone::clone))
    }
}

impl<T, E> Drop for Lending<'_, T, E> {
    fn drop(&mut self) {
        self.slot.promise.leave(&mut self.seat);
    }
}

impl<'a, T, E> IntoFuture for &'a Handle<T, E> {
    type Output = Result<&'a T, Error<E>>;
    type IntoFuture = Lending<'a, T, E>;

    fn into_future(self) -> Lending<'a, T, E> {
        Lending { slot: &self.slot, seat: Seat::default(), take_up: TakeUp::default() }
    }
}

/// The runs of a mapped list, in the order of its items.
///
/// `handles.await` gives all values, or the first failure as soon as it happens. As an argument it stands for a
/// `Vec<T>` or a `&[T]`.
pub struct Handles<T, E> {
    list: List<T, E>,
}

enum List<T, E> {
    Known(Vec<Handle<T, E>>),
    /// The length comes with the list that is mapped.
    Later(Arc<Later<T, E>>),
}

pub(crate) type LaterResult<T, E> = Result<Vec<Handle<T, E>>, Error<E>>;

/// A list of handles that is not known yet.
pub(crate) struct Later<T, E> {
    pub(crate) promise: Promise<LaterResult<T, E>>,
    /// Cancelled when the runs are to be stopped before they are known.
    pub(crate) cancellation: Cancellation,
}

impl<T, E> Clone for Handles<T, E> {
    fn clone(&self) -> Self {
        let list = match &self.list {
            List::Known(list) => List::Known(list.clone()),
            List::Later(later) => List::Later(Arc::clone(later)),
        };
        Self { list }
    }
}

impl<T, E> FromIterator<Handle<T, E>> for Handles<T, E> {
    fn from_iter<I: IntoIterator<Item = Handle<T, E>>>(handles: I) -> Self {
        Self { list: List::Known(handles.into_iter().collect()) }
    }
}

impl<T, E> From<Vec<Handle<T, E>>> for Handles<T, E> {
    fn from(list: Vec<Handle<T, E>>) -> Self {
        Self { list: List::Known(list) }
    }
}

impl<T, E> Handles<T, E> {
    pub(crate) fn later(later: Arc<Later<T, E>>) -> Self {
        Self { list: List::Later(later) }
    }

    pub(crate) fn refused(error: Error<E>) -> Self {
        Self::later(Arc::new(Later { promise: Promise::kept(Err(error)), cancellation: Cancellation::new() }))
    }

    /// Returns the handles, or `None` while the list that is mapped is not there yet.
    pub fn known(&self) -> Option<&[Handle<T, E>]> {
        match &self.list {
            List::Known(list) => Some(list),
            List::Later(later) => later.promise.get()?.as_ref().ok().map(Vec::as_slice),
        }
    }

    /// Waits until the list that is mapped is there, and returns its handles.
    ///
    /// # Errors
    ///
    /// The error of the list that was to be mapped, or that the lists differ in length.
    pub async fn list(&self) -> Result<&[Handle<T, E>], Error<E>> {
        match &self.list {
            List::Known(list) => Ok(list),
            List::Later(later) => {
                let mut seat = Seat::default();
                let mut take_up = TakeUp::default();
                let list = std::future::poll_fn(|cx| {
                    let over = later.promise.poll(&mut seat, cx).is_ready();
                    take_up.poll(over, cx)
                })
                .await;
                let () = list;
                match later.promise.get() {
                    Some(Ok(list)) => Ok(list),
                    Some(Err(error)) => Err(error.clone()),
                    None => unreachable!("bug in flowkit: a list was read before it was there"),
                }
            }
        }
    }

    /// Takes the values of runs that have ended, out of those that nobody else holds.
    fn take(self) -> Result<Vec<T>, Error<E>>
    where
        T: Clone,
    {
        match self.list {
            List::Known(list) => list.into_iter().map(|handle| handle.slot.take()).collect(),
            List::Later(_) => {
                self.known().unwrap_or_default().iter().map(|handle| handle.slot.result().clone()).collect()
            }
        }
    }

    /// Stops every run of the list. One that is not there yet will have none.
    pub fn cancel(&self) {
        if let List::Later(later) = &self.list {
            later.cancellation.cancel();
        }
        for handle in self.known().unwrap_or_default() {
            handle.cancel();
        }
    }
}

impl<T, E> fmt::Debug for Handles<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known() {
            Some(list) => f.debug_list().entries(list).finish(),
            None => f.write_str("[not known yet]"),
        }
    }
}

impl<T, E> IntoFuture for Handles<T, E>
where
    T: Clone + Send + Sync + 'static,
    E: TaskError,
{
    type Output = Result<Vec<T>, Error<E>>;
    type IntoFuture = futures_util::future::BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            wait_for_all(self.list().await?).await?;
            self.take()
        })
    }
}

/// Waits until every run has ended, or until the first one has failed: one wake-up, whatever the number.
async fn wait_for_all<T: Send + Sync + 'static, E: TaskError>(list: &[Handle<T, E>]) -> Result<(), Error<E>> {
    let gate = Arc::new(Gate {
        pending: AtomicUsize::new(1),
        failed: AtomicBool::new(false),
        waker: AtomicWaker::new(),
    });
    let mut subscriptions = Vec::new();
    for handle in list {
        if handle.slot.promise.get().is_none() {
            let watch = Arc::new(Watch { gate: Arc::clone(&gate), slot: Arc::clone(&handle.slot) });
            gate.pending.fetch_add(1, Ordering::AcqRel);
            let continuation: Arc<dyn Continuation> = watch;
            if !handle.slot.promise.subscribe(&continuation) {
                continuation.input_ended();
            } else {
                subscriptions.push(continuation);
            }
        }
        if let Some(Err(error)) = handle.slot.promise.get() {
            return Err(error.clone());
        }
    }
    gate.pending.fetch_sub(1, Ordering::AcqRel);
    let mut take_up = TakeUp::default();
    std::future::poll_fn(|cx| {
        gate.waker.register(cx.waker());
        let over = gate.pending.load(Ordering::Acquire) == 0 || gate.failed.load(Ordering::Acquire);
        take_up.poll(over, cx)
    })
    .await;
    match list.iter().find_map(|handle| handle.slot.promise.get()?.as_ref().err()) {
        Some(error) => Err(error.clone()),
        None => Ok(()),
    }
}

struct Gate {
    pending: AtomicUsize,
    failed: AtomicBool,
    waker: AtomicWaker,
}

struct Watch<T, E> {
    gate: Arc<Gate>,
    slot: Arc<Slot<T, E>>,
}

impl<T: Send + Sync, E: TaskError> Continuation for Watch<T, E> {
    fn input_ended(self: Arc<Self>) -> Option<Arc<dyn Ready>> {
        let failed = matches!(self.slot.promise.get(), Some(Err(_)));
        if failed {
            self.gate.failed.store(true, Ordering::Release);
        }
        if self.gate.pending.fetch_sub(1, Ordering::AcqRel) == 1 || failed {
            self.gate.waker.wake();
        }
        None
    }
}

/// Something to run after: a [`Handle`], [`Handles`], or several of them.
pub trait After {
    #[doc(hidden)]
    fn add_to(&self, inputs: &mut Vec<Arc<dyn Input>>);
}

impl<T: Send + Sync + 'static, E: TaskError> After for Handle<T, E> {
    fn add_to(&self, inputs: &mut Vec<Arc<dyn Input>>) {
        inputs.push(Arc::clone(&self.slot) as _);
    }
}

impl<T: Send + Sync + 'static, E: TaskError> After for Handles<T, E> {
    fn add_to(&self, inputs: &mut Vec<Arc<dyn Input>>) {
        match &self.list {
            List::Known(list) => list.iter().for_each(|handle| handle.add_to(inputs)),
            List::Later(later) => inputs.push(Arc::clone(later) as _),
        }
    }
}

impl<A: After + ?Sized> After for &A {
    fn add_to(&self, inputs: &mut Vec<Arc<dyn Input>>) {
        (**self).add_to(inputs);
    }
}

impl<A: After> After for [A] {
    fn add_to(&self, inputs: &mut Vec<Arc<dyn Input>>) {
        self.iter().for_each(|first| first.add_to(inputs));
    }
}

impl<A: After, const N: usize> After for [A; N] {
    fn add_to(&self, inputs: &mut Vec<Arc<dyn Input>>) {
        self.as_slice().add_to(inputs);
    }
}

impl<T: Send + Sync, E: TaskError> Input for Later<T, E> {
    fn input_core(&self) -> Option<&crate::engine::core::Core> {
        None
    }

    fn outcome(&self) -> Outcome {
        match self.promise.get() {
            None => Outcome::Pending,
            Some(Ok(_)) => Outcome::Success,
            Some(Err(error)) => Outcome::failure(error),
        }
    }

    fn subscribe(&self, continuation: &Arc<dyn Continuation>) -> bool {
        self.promise.subscribe(continuation)
    }

    fn visit_as(&self, kind: EdgeKind, visit: &mut Visit<'_>) {
        visit(self, kind);
        for handle in self.promise.get().and_then(|list| list.as_ref().ok()).into_iter().flatten() {
            visit(&*handle.slot, kind);
        }
    }
}

/// The values of a list of handles, gathered when all are there.
pub(crate) struct Gathered<T, E> {
    handles: Handles<T, E>,
    values: OnceLock<Vec<T>>,
}

impl<T: Clone, E> Gathered<T, E> {
    pub(crate) fn new(handles: Handles<T, E>) -> Self {
        Self { handles, values: OnceLock::new() }
    }

    fn gather(&self) -> &Vec<T> {
        self.values.get_or_init(|| {
            let list = self.handles.known().unwrap_or_default();
            list.iter()
                .map(|handle| match handle.slot.result() {
                    Ok(value) => value.clone(),
                    Err(_) => no_value(),
                })
                .collect()
        })
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> Gathered<T, E> {
    fn visit_all(&self, visit: &mut Visit<'_>) {
        match &self.handles.list {
            List::Known(list) => list.iter().for_each(|handle| visit(&*handle.slot, EdgeKind::Data)),
            List::Later(later) => later.visit_as(EdgeKind::Data, visit),
        }
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> Source<Vec<T>> for Gathered<T, E> {
    fn visit(&self, visit: &mut Visit<'_>) {
        self.visit_all(visit);
    }

    fn take(self: Arc<Self>) -> Vec<T> {
        let (handles, values) = match Arc::try_unwrap(self) {
            Ok(Self { handles, values }) => (handles, values.into_inner()),
            Err(shared) => (shared.handles.clone(), None),
        };
        values.unwrap_or_else(|| handles.take().unwrap_or_else(|_| no_value()))
    }

    fn peek(&self) -> &Vec<T> {
        self.gather()
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> Lender<[T]> for Gathered<T, E> {
    fn visit(&self, visit: &mut Visit<'_>) {
        self.visit_all(visit);
    }

    fn lend(&self) -> &[T] {
        self.gather()
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> Lender<Vec<T>> for Gathered<T, E> {
    fn visit(&self, visit: &mut Visit<'_>) {
        self.visit_all(visit);
    }

    fn lend(&self) -> &Vec<T> {
        self.gather()
    }
}

/// One item of a list that a task returned.
pub(crate) struct Element<T, E> {
    pub(crate) list: Arc<Slot<Vec<T>, E>>,
    pub(crate) index: usize,
}

impl<T, E> Element<T, E> {
    pub(crate) fn get(&self) -> &T {
        match self.list.result() {
            Ok(list) => &list[self.index],
            Err(_) => no_value(),
        }
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> Source<T> for Element<T, E> {
    fn visit(&self, visit: &mut Visit<'_>) {
        visit(&*self.list, EdgeKind::Data);
    }

    fn take(self: Arc<Self>) -> T {
        self.get().clone()
    }

    fn peek(&self) -> &T {
        self.get()
    }
}

/// A handle whose failure is a value. Made by [`allow_failure`](crate::allow_failure).
pub struct AllowFailure<T, E> {
    pub(crate) slot: Arc<Slot<T, E>>,
}

impl<T: Send + Sync, E: TaskError> AllowFailure<T, E> {
    fn visit_ended(&self, visit: &mut Visit<'_>) {
        visit(&Ended(&self.slot), EdgeKind::Data);
    }
}

/// An input that counts as a success however it ended.
struct Ended<'a, T, E>(&'a Slot<T, E>);

impl<T: Send + Sync, E: TaskError> Input for Ended<'_, T, E> {
    fn input_core(&self) -> Option<&crate::engine::core::Core> {
        self.0.input_core()
    }

    fn outcome(&self) -> Outcome {
        match self.0.promise.get() {
            None => Outcome::Pending,
            Some(_) => Outcome::Success,
        }
    }

    fn subscribe(&self, continuation: &Arc<dyn Continuation>) -> bool {
        self.0.promise.subscribe(continuation)
    }

    fn visit_as(&self, kind: EdgeKind, visit: &mut Visit<'_>) {
        visit(self, kind);
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

    fn lend(&self) -> &Result<T, Error<E>> {
        self.slot.result()
    }
}
