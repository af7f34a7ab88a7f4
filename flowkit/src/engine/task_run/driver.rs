//! Carries submitted task runs to their ends: a tokio task that goes on with the next run when one has ended.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;
use tracing::Instrument;

use super::completion::Continuation;
use super::execute::visit_call;
use super::inputs::{self, Deferrable, Deferred, Inputs, Visit};
use super::launch::{CallMode, child_scope};
use super::options::{CallOptions, effective_policy};
use super::queue::Ready;
use super::slot::Slot;
use crate::clock;
use crate::engine::attempt::panics::guarded;
use crate::engine::body::Body;
use crate::engine::flow_run::Run;
use crate::model::Error;
use crate::policy::trigger::Trigger;

/// How long a driver goes on before it gives way to what else tokio has to do: what is advised for the time between two
/// awaits, and long enough that giving way does not show.
const TURN: Duration = Duration::from_micros(50);

/// The same, in runs: with a paused clock no time passes.
const TURN_RUNS: u32 = 128;

/// A submitted call that is ready to be started, or will be when its inputs have ended.
pub(crate) struct Start<B: Body, C> {
    pub(crate) kept: DetachOnDrop<B::Output, B::Error>,
    pub(crate) group: Option<Arc<str>>,
    pub(crate) span: Option<Box<tracing::Span>>,
    pub(crate) body: Option<B>,
    pub(crate) options: Option<Box<CallOptions<B::Error>>>,
    pub(crate) carrier: C,
}

/// Leaves a result also when the driver is dropped, as at the end of the tokio runtime: nobody waits for ever.
pub(crate) struct DetachOnDrop<T, E>(pub(crate) Arc<Slot<T, E>>);

impl<T, E> Drop for DetachOnDrop<T, E> {
    fn drop(&mut self) {
        self.0.core.release_flow();
        if self.0.promise.get().is_none() {
            self.0.promise.keep(Err(self.0.core.stopped(false)));
        }
    }
}

impl<B: Body + 'static, C: CallMode<B> + 'static> Start<B, C> {
    /// Starts it now, or when its turn comes.
    pub(crate) fn start(self) {
        if self.run().queue.admit() {
            self.spawn();
        } else {
            Arc::new(Deferred::ready(self)).enqueue();
        }
    }

    /// Whether a trigger rule may let the call start before all of its inputs have ended.
    pub(crate) fn fires_early(&self) -> bool {
        let own = effective_policy(self.options.as_deref(), B::info(), &self.kept.0.core.home);
        let policy = own.as_deref().unwrap_or(&B::info().policy);
        !matches!(policy.trigger.unwrap_or_default(), Trigger::AllSuccess | Trigger::AllDone)
    }

    /// Carries the call to its end.
    fn execute(&mut self) -> impl Future<Output = Result<B::Output, Error<B::Error>>> + Send + '_ {
        let slot = Arc::clone(&self.kept.0);
        let scope = child_scope(self.group.take(), slot);
        scope.scope(async {
            let carried = self.carrier.execute(&self.kept.0.core, &mut self.body, &mut self.options);
            // The future of a run that nobody traces stays small.
            match self.span.take() {
                Some(span) => Box::pin(carried.instrument(*span)).await,
                None => carried.await,
            }
        })
    }

    /// Tells the result, and says what the driver shall go on with: a run that this one has made ready, or else the next
    /// in the queue. A run of another task needs a driver of its own.
    fn end(&self, result: Result<B::Output, Error<B::Error>>) -> Option<Self> {
        let run = self.run();
        let mut next = None;
        self.kept.0.promise.complete_and(result, &mut |ready| match Self::of(ready) {
            Ok(start) if next.is_none() && Arc::ptr_eq(run, start.run()) => next = Some(start),
            Ok(start) => start.start(),
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
        self.kept.0.core.run().expect("bug in flowkit: a call was submitted outside a flow")
    }

    fn subscribe(&self, continuation: &Arc<dyn Continuation>) -> usize {
        inputs::subscribe(self, continuation)
    }

    fn wake_at_cancel(&self, waker: &Waker) {
        self.kept.0.core.wake_at_cancel(waker);
    }

    fn spawn(mut self) {
        let run = Arc::clone(self.run());
        let mut place = DriverPermit { run: Arc::clone(&run), ahead: true };
        run.tokio.spawn(async move {
            let mut turn = place.come().await;
            loop {
                let result = self.execute().await;
                let Some(next) = self.end(result) else { return };
                let ended = std::mem::replace(&mut self, next);
                // It may be the last holder of what users made, and the next run must not suffer from it.
                guarded("drop of what a task run left", || drop(ended));
                if turn.is_over() {
                    turn = place.give_way().await;
                }
            }
        });
    }
}

/// The place of a driver: whether it is ahead, or carries a run.
struct DriverPermit {
    run: Arc<Run>,
    ahead: bool,
}

impl DriverPermit {
    /// Waits until the driver may carry a run.
    async fn come(&mut self) -> DriverTurn {
        while !self.run.queue.come() {
            yield_to_others().await;
        }
        self.ahead = false;
        DriverTurn { began: clock::now(), runs: 0 }
    }

    async fn give_way(&mut self) -> DriverTurn {
        self.ahead = true;
        self.run.queue.give_way();
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

/// What a driver does without giving way.
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

/// Goes to the end of tokio's queue, where other threads may steal it. `tokio::task::yield_now` would wait apart, until
/// this thread has nothing else to do.
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
