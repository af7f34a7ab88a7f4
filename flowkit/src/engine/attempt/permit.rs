//! The permit of an attempt: the slots of named limits that it acquires before it starts, releases while its body waits, and
//! reacquires before it continues. Who gets a slot is decided in `limits`.

use std::borrow::Cow;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use crate::engine::context;
use crate::engine::limits::{Acquire, LimitError, Permit, Place, Want};
use crate::engine::task_run::core::{Core, HAS_PERMIT, RESERVED};
use crate::engine::task_run::options::CallOptions;
use crate::model::{Error, EventKind, Kind, Refusal};

/// The slots that a running attempt holds, or held before it began to wait.
pub(crate) struct AttemptPermit {
    wants: Arc<[Want]>,
    /// `None` while they are released.
    permit: Option<Permit>,
    /// The waits of the body, woken when one of them has reacquired the slots: those that are over need not ask for them
    /// any more, and those that are not release them again.
    waits: Vec<Waker>,
    /// How often the slots were reacquired.
    round: u64,
}

/// Whether an attempt has to ask for slots at all: a flow waits for its tasks, and a waiting run holds none.
pub(crate) fn needs_slots(core: &Core) -> bool {
    !core.runtime().limits().is_empty() && core.declaration.kind == Kind::Task
}

/// Acquires the slots that an attempt needs; waits for them if it must.
pub(crate) async fn acquire_slots<E>(
    core: &Core,
    declared: &'static [Want],
    options: Option<&CallOptions<E>>,
    priority: i16,
) -> Result<(), Error<E>> {
    let wants = wants(core, declared, options);
    if wants.is_empty() {
        return Ok(());
    }
    let reserved = core.take_reserved();
    let mut acquire =
        reserved.unwrap_or_else(|| core.runtime().limits().acquire(&wants, core.place(priority)));
    let mut cancelled = pin!(core.cancelled());
    let mut queued = false;
    let permit = poll_fn(|cx| {
        if let Poll::Ready(permit) = Pin::new(&mut acquire).poll(cx) {
            return Poll::Ready(Some(permit));
        }
        if !queued {
            queued = true;
            core.emit(EventKind::Queued);
        }
        cancelled.as_mut().poll(cx).map(|()| None)
    })
    .await;
    match permit {
        // The slot is often free because its last holder was cancelled too.
        Some(Ok(_)) if queued && core.is_cancelled() => Err(core.stopped(false)),
        Some(Ok(permit)) => {
            let (wants, permit) = (wants.into(), Some(permit));
            core.set_permit(AttemptPermit { wants, permit, waits: Vec::new(), round: 0 });
            Ok(())
        }
        Some(Err(error)) => Err(Error::Refused { run: core.label(), refusal: error.into() }),
        None => Err(core.stopped(false)),
    }
}

/// Queues for the slots of the first attempt before a driver executes it: drivers take their turns in another order than that in
/// which the calls were submitted.
pub(crate) fn reserve_slots<E>(
    core: &Core,
    declared: &'static [Want],
    options: Option<&CallOptions<E>>,
    priority: i16,
) {
    let wants = wants(core, declared, options);
    if wants.is_empty() {
        return;
    }
    let mut acquire = core.runtime().limits().acquire(&wants, core.place(priority));
    acquire.queue();
    core.set_reserved(acquire);
}

/// Lists what an attempt needs. A tag that is also the name of a limit counts as one slot of it, and so does a name that the call
/// gives its task.
fn wants<E>(core: &Core, declared: &'static [Want], options: Option<&CallOptions<E>>) -> Vec<Want> {
    let of_call = options.and_then(|options| options.limits.as_deref());
    let mut wants = of_call.unwrap_or(declared).to_vec();
    let mut want = |name: Cow<'static, str>| {
        if !wants.iter().any(|want| want.name == name) {
            wants.push(Want { name, weight: 1 });
        }
    };
    for tag in core.declaration.tags {
        want((*tag).into());
    }
    for tag in options.iter().flat_map(|options| &options.tags) {
        want(tag.clone().into());
    }
    if let Some(task) = options.and_then(|options| options.task) {
        want(task.name.into());
    }
    if let Some(limit) = core.run().and_then(|run| run.max_concurrency.as_ref()) {
        want(limit.name.clone());
    }
    wants
}

impl From<LimitError> for Refusal {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::WeightExceedsLimit { name, weight, slots } => {
                Self::WeightExceedsLimit { limit: name, weight, slots }
            }
        }
    }
}

/// The registration of one wait of a body: in which round, and with which waker, it is among the waits of the permit.
#[derive(Default)]
struct BodyWait(Option<(u64, Waker)>);

impl AttemptPermit {
    /// Registers a wait to be woken when the slots are reacquired, once.
    fn register(&mut self, wait: &mut BodyWait, waker: &Waker) {
        let round = self.round;
        if !wait.0.as_ref().is_some_and(|(known, own)| *known == round && own.will_wake(waker)) {
            self.waits.push(waker.clone());
            wait.0 = Some((round, waker.clone()));
        }
    }
}

impl Core {
    pub(crate) fn set_permit(&self, permit: AttemptPermit) {
        self.extras().get_or_insert_default().permit = Some(permit);
        self.set(HAS_PERMIT);
    }

    /// The place among those that wait for slots, which a call keeps.
    fn place(&self, priority: i16) -> Place {
        let limits = self.runtime().limits();
        *self.extras().get_or_insert_default().place.get_or_insert_with(|| limits.place(priority))
    }

    fn set_reserved(&self, acquire: Acquire) {
        self.extras().get_or_insert_default().reserved = Some(acquire);
        self.set(RESERVED);
    }

    fn take_reserved(&self) -> Option<Acquire> {
        if !self.has(RESERVED) {
            return None;
        }
        self.clear(RESERVED);
        self.extras().as_mut().and_then(|extras| extras.reserved.take())
    }

    /// Whether the attempt holds slots, or must reacquire some when it stops waiting.
    pub(crate) fn has_permit(&self) -> bool {
        self.has(HAS_PERMIT)
    }

    /// Takes the permit away: the attempt is over, or the thread that runs it holds the slots from now on. Slots that are still
    /// reserved are not needed any more.
    pub(crate) fn take_permit(&self) -> Option<AttemptPermit> {
        if !self.has(HAS_PERMIT | RESERVED) {
            return None;
        }
        drop(self.take_reserved());
        self.clear(HAS_PERMIT);
        self.extras().as_mut().and_then(|extras| extras.permit.take())
    }

    /// Releases the slots while the body waits.
    pub(crate) fn release_slots(&self) {
        if self.has_permit() {
            // Dropped after the lock is released, since it wakes those who wait for the slots.
            let permit = self.extras().as_mut().and_then(|extras| extras.permit.as_mut()?.permit.take());
            drop(permit);
        }
    }

    /// Releases the slots until `wait` is over. It is woken when another wait of the body has reacquired them, since a future
    /// that polls several waits may not poll this one again by itself.
    fn release_slots_during(&self, wait: &mut BodyWait, waker: &Waker) {
        let permit = self.extras().as_mut().and_then(|extras| extras.permit.as_mut()).and_then(|permit| {
            permit.register(wait, waker);
            permit.permit.take()
        });
        drop(permit);
    }

    /// Returns what the body must reacquire before it continues, if it released anything; then `wait` is woken when another
    /// one has reacquired it.
    fn released_slots(&self, wait: &mut BodyWait, waker: &Waker) -> Option<Arc<[Want]>> {
        let mut extras = self.extras();
        let permit = extras.as_mut()?.permit.as_mut().filter(|permit| permit.permit.is_none())?;
        permit.register(wait, waker);
        Some(Arc::clone(&permit.wants))
    }

    fn reacquired(&self, slots: Permit) {
        let mut extras = self.extras();
        let waits = extras.as_mut().and_then(|extras| extras.permit.as_mut()).map(|permit| {
            permit.permit = Some(slots);
            permit.round += 1;
            std::mem::take(&mut permit.waits)
        });
        drop(extras);
        waits.into_iter().flatten().for_each(Waker::wake);
    }
}

/// One wait of a body. A body may have several waits at once: the first that is over reacquires the slots for all.
#[derive(Default)]
pub(crate) struct Reacquire {
    acquire: Option<Acquire>,
    wait: BodyWait,
}

impl Reacquire {
    /// Releases the slots while something is pending; `Ready` when it is over and the slots are reacquired.
    pub(crate) fn poll(&mut self, over: bool, cx: &mut Context<'_>) -> Poll<()> {
        if !context::with_core(|core| core.is_some_and(Core::has_permit)) {
            return if over { Poll::Ready(()) } else { Poll::Pending };
        }
        match context::current() {
            Some(current) => self.poll_of(current.core(), over, cx),
            None => unreachable!("bug in flowkit: the context went away"),
        }
    }

    /// The same for the body of this task run, which must have a permit.
    fn poll_of(&mut self, core: &Core, over: bool, cx: &mut Context<'_>) -> Poll<()> {
        if over {
            return self.poll_reacquired(core, cx);
        }
        core.release_slots_during(&mut self.wait, cx.waker());
        Poll::Pending
    }

    /// `Ready` when the body has reacquired the slots that it released.
    fn poll_reacquired(&mut self, core: &Core, cx: &mut Context<'_>) -> Poll<()> {
        let Some(wants) = core.released_slots(&mut self.wait, cx.waker()) else {
            self.acquire = None;
            return Poll::Ready(());
        };
        // It drew a place when it first acquired them.
        let acquire =
            self.acquire.get_or_insert_with(|| core.runtime().limits().acquire(&wants, core.place(0)));
        let permit = ready!(Pin::new(acquire).poll(cx));
        self.acquire = None;
        // The limit may be gone or too small by now; then there is nothing to hold, and waiting would not end.
        if let Ok(permit) = permit {
            core.reacquired(permit);
        }
        Poll::Ready(())
    }
}

/// Awaits something without holding a slot.
pub(crate) async fn without_slots<F: Future>(future: F) -> F::Output {
    released(future, Reacquire::poll).await
}

/// Awaits a call while its caller holds no slot. The caller may await several at once, and the first that ends reacquires the slots
/// for it: as long as this one is pending, it releases them again.
pub(crate) async fn without_slots_of<F: Future>(caller: Option<&Core>, call: F) -> F::Output {
    match caller.filter(|caller| caller.has_permit()) {
        Some(caller) => {
            // Before the call asks for its own.
            caller.release_slots();
            // Boxed: most callers hold none.
            Box::pin(released(call, |reacquire, over, cx| reacquire.poll_of(caller, over, cx))).await
        }
        None => call.await,
    }
}

/// Awaits something, and asks `poll` whether the slots may stay released, or are reacquired.
async fn released<F: Future>(
    future: F,
    mut poll: impl FnMut(&mut Reacquire, bool, &mut Context<'_>) -> Poll<()>,
) -> F::Output {
    let mut future = pin!(future);
    let (mut ended, mut reacquire) = (None, Reacquire::default());
    poll_fn(|cx| {
        if ended.is_none()
            && let Poll::Ready(result) = future.as_mut().poll(cx)
        {
            ended = Some(result);
        }
        poll(&mut reacquire, ended.is_some(), cx)
    })
    .await;
    ended.expect("bug in flowkit: a wait ended without a result")
}
