//! What users hold of a flow run: the run while it goes on, and what is known of it when it has ended.

#[cfg(feature = "store")]
#[doc(hidden)]
pub(crate) mod arguments;
mod events;
pub(crate) mod idempotent;
mod outputs;
pub(crate) mod resume;
mod returned;
pub(crate) mod spec;
#[cfg(feature = "cli")]
pub(crate) mod start;

use std::future::IntoFuture;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;

pub use self::events::EventStream;
pub use self::returned::ReturnedHandles;
use crate::engine::attempt::permit::without_slots;
use crate::engine::body::FlowBody;
use crate::engine::flow_run::Run;
use crate::engine::flow_run::start::{CancelOnDrop, Started, start};
use crate::engine::flow_run::sub_flow::{self, SubFlow};
use crate::engine::handle::Handle;
use crate::engine::replay::previous::PreviousRuns;
use crate::engine::replay::run_store::RunStore;
use crate::engine::spec::AnyFlowRun;
use crate::engine::task_run::launch;
use crate::engine::task_run::on_heap::{OnHeap, Weighed};
use crate::graph::Graph;
use crate::model::{
    Codec, Error, Event, FlowRunId, Kind, RunLabel, State, TaskError, TaskRun, TaskRunId, Timestamp,
};
use crate::task::call::Call;

impl<T, E, B> Call<'static, T, E, B>
where
    T: Send + Sync + 'static,
    E: TaskError,
    B: FlowBody<Output = T, Error = E>,
{
    /// Runs the flow and gives everything that is known of the run, whether it failed or not.
    ///
    /// Inside another flow it is a run of its own that ends before the other one does, but no node of it: call `.await`
    /// for that.
    pub async fn run(self) -> FlowRun<T, E> {
        self.start().await
    }

    /// Starts the flow and gives the run, to watch it or to cancel it.
    ///
    /// Dropping what it gives cancels the run.
    pub fn start(self) -> RunningFlow<T, E> {
        let Self { body, mut setup, .. } = self;
        let label = launch::label::<B>(None);
        match start(body, setup.options.take(), setup.current.as_ref(), setup.location) {
            Ok(started) => RunningFlow::of(label, started),
            Err(why) => RunningFlow { label, state: Err(launch::refusal::<B>(setup.index, why)) },
        }
    }
}

/// A flow run that is going on. Await it for the [`FlowRun`]; drop it to cancel the run.
#[must_use = "dropping a running flow cancels it"]
pub struct RunningFlow<T, E> {
    label: RunLabel,
    state: Result<Live<T, E>, Error<E>>,
}

/// The run, its driver, and what cancels it when it is dropped.
type Live<T, E> = (Arc<Run>, JoinHandle<Result<T, Error<E>>>, CancelOnDrop);

impl<T, E> RunningFlow<T, E> {
    pub(crate) fn of(label: RunLabel, Started { run, driver }: Started<T, E>) -> Self {
        let guard = CancelOnDrop::of(&run);
        Self { label, state: Ok((run, driver, guard)) }
    }

    /// Returns the id of the run; `None` if it was refused.
    pub fn id(&self) -> Option<FlowRunId> {
        self.state.as_ref().ok().map(|(run, ..)| run.id)
    }

    /// Returns where the run stands.
    pub fn state(&self) -> State {
        self.state.as_ref().map_or(State::Failed, |(run, ..)| run.state())
    }

    /// Returns the number of task runs that have not ended.
    pub fn live_task_runs(&self) -> usize {
        self.state.as_ref().map_or(0, |(run, ..)| run.live_children())
    }

    /// Cancels the run with all of its tasks.
    ///
    /// Tasks end at their next await. One that listens for cancellation is given the runtime's grace period. A run that
    /// has ended stays as it is.
    pub fn cancel(&self) {
        if let Ok((run, ..)) = &self.state {
            run.cancel();
        }
    }

    /// Returns a stream of what happens to the run, from its beginning. Nothing is lost, however late it is read.
    pub fn events(&self) -> EventStream {
        EventStream { run: self.state.as_ref().ok().map(|(run, ..)| Arc::clone(run)), next: 0 }
    }

    /// Returns the graph as recorded so far.
    pub fn graph(&self) -> Graph {
        self.state.as_ref().map_or_else(|_| Graph::default(), |(run, ..)| run.graph())
    }
}

impl<T: Send + 'static, E: Send + Sync + 'static> IntoFuture for RunningFlow<T, E> {
    type Output = FlowRun<T, E>;
    type IntoFuture = BoxFuture<'static, FlowRun<T, E>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            match self.state {
                Err(error) => FlowRun { run: None, result: Err(error) },
                Ok((run, driver, guard)) => {
                    let result = without_slots(driver)
                        .await
                        .unwrap_or_else(|_| Err(Error::Cancelled { run: self.label, orphaned: false }));
                    guard.disarm();
                    FlowRun { run: Some(run), result }
                }
            }
        })
    }
}

/// A flow run that has ended: its result and everything that is recorded of it.
#[must_use = "it holds the result of the flow"]
pub struct FlowRun<T, E> {
    run: Option<Arc<Run>>,
    result: Result<T, Error<E>>,
}

impl<T, E> FlowRun<T, E> {
    pub(crate) fn refused(error: Error<E>) -> Self {
        Self { run: None, result: Err(error) }
    }

    /// Returns the labels of the task runs that earlier processes recorded and that were not called again: the code has
    /// changed, or took another way. Empty for a run that was not resumed.
    pub fn not_called_again(&self) -> Vec<String> {
        self.earlier(|earlier| earlier.not_called_again(None))
    }

    /// Returns the labels of calls that no record had, and that were made while recorded ones of the same body were
    /// missing: the other side of [`not_called_again`](Self::not_called_again). The first twenty.
    pub fn called_instead(&self) -> Vec<String> {
        self.earlier(|earlier| earlier.called_instead().to_vec())
    }

    fn earlier(&self, look: impl FnOnce(&PreviousRuns) -> Vec<String>) -> Vec<String> {
        let run_store = self.run.as_ref().and_then(|run| run.run_store.as_ref());
        run_store.and_then(|run_store| run_store.earlier(look)).unwrap_or_default()
    }

    /// The same for callers that do not know the types.
    ///
    /// # Errors
    ///
    /// Why the run never began.
    pub(crate) fn without_types(self, codec: Option<Codec<T>>) -> Result<AnyFlowRun, Error>
    where
        T: 'static,
    {
        match (self.run, self.result) {
            (Some(run), Ok(value)) => {
                let value = codec.and_then(|codec| (codec.json)(&value));
                Ok(AnyFlowRun { run, value })
            }
            (Some(run), Err(_)) => {
                let value = take_unpersisted(&run).zip(codec).and_then(|(value, codec)| (codec.json)(&value));
                Ok(AnyFlowRun { run, value })
            }
            (None, Err(Error::Store { run, source })) => Err(Error::Store { run, source }),
            (None, Err(Error::Refused { run, refusal })) => Err(Error::Refused { run, refusal }),
            // A run that never began has no value and no error of its own.
            (None, other) => {
                let run = other
                    .map_or_else(|error| error.run().clone(), |_| RunLabel::new(Kind::Flow, String::new()));
                Err(Error::Cancelled { run, orphaned: false })
            }
        }
    }

    /// Returns the id of the run; `None` if it was refused and never began.
    pub fn id(&self) -> Option<FlowRunId> {
        self.run.as_ref().map(|run| run.id)
    }

    /// Returns the result of the flow.
    pub fn result(&self) -> &Result<T, Error<E>> {
        &self.result
    }

    /// Takes the result of the flow.
    ///
    /// # Errors
    ///
    /// Why the flow gave no value.
    pub fn into_result(self) -> Result<T, Error<E>> {
        self.result
    }

    /// Takes what the flow gave although its end could not be kept: the run failed with [`Error::Store`], since nobody can
    /// find in the store how it ended, but the value is there. `None` if there is none, or if it was taken before.
    pub fn take_unpersisted(&self) -> Option<T>
    where
        T: 'static,
    {
        take_unpersisted(self.run.as_ref()?)
    }

    /// Returns how the run ended.
    pub fn state(&self) -> State {
        self.run.as_ref().map_or(State::Failed, |run| run.state())
    }

    /// Returns the run of the flow itself, with its attempts and timings; `None` if it never began.
    pub fn flow(&self) -> Option<TaskRun> {
        self.run.as_ref()?.task_run(TaskRunId::FLOW)
    }

    /// Returns the task runs in the order of their calls, without the flow itself.
    pub fn task_runs(&self) -> Vec<TaskRun> {
        self.run.as_ref().map_or_else(Vec::new, |run| run.task_runs())
    }

    /// Returns the runs of one task, in the order of their calls.
    pub fn task_runs_of(&self, task: &str) -> Vec<TaskRun> {
        let mut task_runs = self.task_runs();
        task_runs.retain(|task_run| task_run.task == task);
        task_runs
    }

    /// Returns the task runs that failed, in the order of their calls: what a run that completed went on without.
    ///
    /// Those that did not run because of them, or were stopped, are not among them, and neither is what failed in an attempt
    /// of the flow that was followed by another one.
    pub fn failures(&self) -> Vec<TaskRun> {
        let flow = self.flow();
        let earlier = flow.iter().flat_map(|flow| &flow.earlier_attempts);
        let since = earlier.filter_map(|attempt| attempt.ended_no).max();
        let mut task_runs = self.task_runs();
        task_runs.retain(|task_run| {
            matches!(task_run.state, State::Failed | State::TimedOut) && task_run.ended_no > since
        });
        task_runs
    }

    /// Returns what happened, in order.
    pub fn events(&self) -> Vec<Event> {
        let events = |run: &Arc<Run>| run.read(|record| record.events().iter().cloned().collect());
        self.run.as_ref().map_or_else(Vec::new, events)
    }

    /// Returns the graph of the task runs.
    pub fn graph(&self) -> Graph {
        self.run.as_ref().map_or_else(Graph::default, |run| run.graph())
    }

    /// Returns the wall-clock time of a moment of this run, for people to read.
    pub fn wall_time(&self, at: Timestamp) -> Option<std::time::SystemTime> {
        self.run.as_ref().map(|run| run.clock.wall(at))
    }
}

fn take_unpersisted<T: 'static>(run: &Run) -> Option<T> {
    run.run_store.as_ref().and_then(RunStore::take_unpersisted)
}

impl<T: std::fmt::Debug, E: TaskError> std::fmt::Debug for FlowRun<T, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FlowRun")
            .field("id", &self.id())
            .field("state", &self.state())
            .field("result", &self.result)
            .finish_non_exhaustive()
    }
}

#[doc(hidden)]
pub fn call_flow<B: FlowBody>(
    body: B,
    setup: crate::engine::task_run::options::Setup<B::Error>,
) -> BoxFuture<'static, Result<B::Output, Error<B::Error>>> {
    if B::IS_LARGE {
        return sub_flow::boxed_call(OnHeap::new(body), setup);
    }
    sub_flow::boxed_call(body, setup)
}

#[doc(hidden)]
pub fn submit_flow<B: FlowBody>(
    body: B,
    setup: crate::engine::task_run::options::Setup<B::Error>,
) -> Handle<B::Output, B::Error> {
    if B::IS_LARGE {
        return launch::submit(OnHeap::new(body), setup, SubFlow);
    }
    launch::submit(body, setup, SubFlow)
}
