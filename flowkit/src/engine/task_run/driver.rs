//! Drives submitted task runs: a tokio task that continues with the next run when one has ended.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;
use tracing::Instrument;

use super::call_mode::CallMode;
use super::completion::Continuation;
use super::inputs::deferred::{Deferrable, Deferred};
use super::inputs::wait::visit_call;
use super::inputs::{self, Inputs, Visit};
use super::launch::child_scope;
use super::options::{CallOptions, effective_policy};
use super::queue::Ready;
use super::slot::Slot;
use crate::clock;
use crate::engine::attempt::panics::guarded;
use crate::engine::attempt::permit::{needs_slots, reserve_slots};
use crate::engine::body::{Body, CacheScope};
use crate::engine::flow_run::Run;
use crate::model::Error;
use crate::policy::trigger::Trigger;

/// How long a driver continues before it yields to other tasks of tokio: the time advised between two awaits, and long enough
/// that yielding costs nothing measurable.
const TURN: Duration = Duration::from_micros(50);

/// The same in runs, since no time passes while the clock is paused.
const TURN_RUNS: u32 = 128;

/// A submitted call that is ready to start, or will be when its inputs have ended.
pub(crate) struct Start<B: Body, C> {
    pub(crate) slot: CompleteOnDrop<B::Output, B::Error>,
    pub(crate) group: Option<Arc<str>>,
    pub(crate) span: Option<Box<tracing::Span>>,
    pub(crate) body: Option<B>,
    pub(crate) options: Option<Box<CallOptions<B::Error>>>,
    pub(crate) mode: C,
}

/// Completes a result also when the driver is dropped, as at the end of the tokio runtime, so that no reader waits for ever.
pub(crate) struct CompleteOnDrop<T, E>(pub(crate) Arc<Slot<T, E>>);

impl<T, E> Drop for CompleteOnDrop<T, E> {
    fn drop(&mut self) {
        self.0.core.release_flow();
        if self.0.completion.get().is_none() {
            drop(self.0.core.take_permit());
            self.0.completion.complete(Err(self.0.core.stopped(false)));
        }
    }
}

impl<B: Body + 'static, C: CallMode<B> + 'static> Start<B, C> {
    /// Has a call whose inputs have ended queue for the slots that it needs.
    #[inline]
    pub(crate) fn reserve(&self) {
        if needs_slots(&self.slot.0.core) {
            self.reserve_slots();
        }
    }

    #[cold]
    fn reserve_slots(&self) {
        let (core, options, info) = (&self.slot.0.core, self.options.as_deref(), B::info());
        // What may wait for something else first, such as an equal call or an item of a list, must not hold slots meanwhile.
        if info.cache == CacheScope::Off && !core.is_claimed() && !inputs::has_pending(self) {
            let own = effective_policy(options, info, &core.scope);
            let priority = own.as_deref().unwrap_or(&info.policy).priority.unwrap_or_default();
            guarded("limit", || reserve_slots(core, info.limits, options, priority));
        }
    }

    /// Starts the call now, or when its turn comes.
    pub(crate) fn start(self) {
        if self.run().queue.admit() {
            self.spawn();
        } else {
            Arc::new(Deferred::ready(self)).enqueue();
        }
    }

    /// Whether a trigger rule may let the call start before all of its inputs have ended.
    pub(crate) fn fires_early(&self) -> bool {
        let own = effective_policy(self.options.as_deref(), B::info(), &self.slot.0.core.scope);
        let policy = own.as_deref().unwrap_or(&B::info().policy);
        !matches!(policy.trigger.unwrap_or_default(), Trigger::AllSuccess | Trigger::AllDone)
    }

    /// Executes the call.
    fn execute(&mut self) -> impl Future<Output = Result<B::Output, Error<B::Error>>> + Send + '_ {
        let slot = Arc::clone(&self.slot.0);
        let scope = child_scope(self.group.take(), slot);
        scope.scope(async {
            let executed = self.mode.execute(&self.slot.0.core, &mut self.body, &mut self.options);
            // The future of a run that is not traced stays small.
            match self.span.take() {
                Some(span) => Box::pin(executed.instrument(*span)).await,
                None => executed.await,
            }
        })
    }

    /// Completes the result, and returns the driver's next run: one that this run has made ready, or else the next in the queue.
    /// A run of another task needs a driver of its own.
    fn end(&self, result: Result<B::Output, Error<B::Error>>) -> Option<Self> {
        let run = self.run();
        let mut next = None;
        self.slot.0.completion.complete_with(result, &mut |ready| match Self::of(ready) {
            Ok(start) => {
                start.reserve();
                if next.is_none() && Arc::ptr_eq(run, start.run()) {
                    next = Some(start);
                } else {
                    start.start();
                }
            }
            Err(ready) => ready.enqueue(),
        });
        next.or_else(|| Self::of(run.queue.pop()?).map_err(|other| run.queue.spawn(other)).ok())
    }

    /// Takes out a call of this kind.
    fn of(ready: Arc<dyn Ready>) -> Result<Self, Arc<dyn Ready>> {
        let any: &dyn Any = &*ready;
        match any.downcast_ref::<Deferred<Self>>() {
            Some(deferred) => Ok(deferred.take()),
            None => Err(ready),
        }
    }
}

impl<B: Body + 'static, C> Inputs for Start<B, C> {
    fn visit(&self, visit: &mut Visit<'_>) {
        if let Some(body) = &self.body {
            visit_call(body, self.options.as_deref(), visit);
        }
    }
}

impl<B: Body + 'static, C: CallMode<B> + 'static> Deferrable for Start<B, C> {
    fn run(&self) -> &Arc<Run> {
        self.slot.0.core.run().expect("bug in flowkit: a call was submitted outside a flow")
    }

    fn subscribe(&self, continuation: &Arc<dyn Continuation>) -> usize {
        inputs::subscribe(self, continuation)
    }

    fn reserve(&self) {
        Self::reserve(self);
    }

    fn wake_at_cancel(&self, waker: &Waker) {
        self.slot.0.core.wake_at_cancel(waker);
    }

    fn spawn(mut self) {
        let run = Arc::clone(self.run());
        let mut permit = DriverPermit { run: Arc::clone(&run), ahead: true };
        run.tokio.spawn(async move {
            let mut turn = permit.come().await;
            loop {
                let result = self.execute().await;
                let Some(next) = self.end(result) else { return };
                let ended = std::mem::replace(&mut self, next);
                // It may hold the last reference to a user's value, whose drop must not disturb the next run.
                guarded("drop of what a task run left", || drop(ended));
                if turn.is_over() {
                    turn = permit.yield_turn().await;
                }
            }
        });
    }
}

/// Whether a driver is ahead, or drives a run.
struct DriverPermit {
    run: Arc<Run>,
    ahead: bool,
}

impl DriverPermit {
    /// Waits until the driver may drive a run.
    async fn come(&mut self) -> DriverTurn {
        while !self.run.queue.come() {
            yield_to_others().await;
        }
        self.ahead = false;
        DriverTurn { began: clock::now(), runs: 0 }
    }

    async fn yield_turn(&mut self) -> DriverTurn {
        self.ahead = true;
        self.run.queue.yield_turn();
        yield_to_others().await;
        self.come().await
    }
}

impl Drop for DriverPermit {
    fn drop(&mut self) {
        if self.ahead {
            self.run.queue.abandon();
        }
    }
}

/// What a driver does before it yields.
struct DriverTurn {
    began: Instant,
    runs: u32,
}

impl DriverTurn {
    fn is_over(&mut self) -> bool {
        self.runs += 1;
        self.runs == TURN_RUNS || self.began.elapsed() > TURN
    }
}

/// Moves to the end of tokio's queue, where other threads may steal it. `tokio::task::yield_now` would wait outside the queue,
/// until this thread has nothing else to do.
async fn yield_to_others() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
