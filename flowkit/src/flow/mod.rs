//! What users hold of a flow run: the run while it is running, and what is known about it when it has ended.

#[cfg(feature = "store")]
pub(crate) mod any_call;
#[cfg(feature = "store")]
#[doc(hidden)]
pub(crate) mod arguments;
mod artifacts;
mod events;
pub(crate) mod idempotent;
pub(crate) mod resume;
mod returned;
pub(crate) mod spec;

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
    anew_since,
};
use crate::task::call::Call;

impl<T, E, B> Call<'static, T, E, B>
where
    T: Send + Sync + 'static,
    E: TaskError,
    B: FlowBody<Output = T, Error = E>,
{
    /// Runs the flow and returns everything that is known of the run, whether it failed or not.
    ///
    /// Inside another flow this is a run of its own, which ends before the other one does, and not a node of it: use `.await`
    /// for that.
    pub async fn run(self) -> FlowRun<T, E> {
        self.start().await
    }

    /// Sets how many tasks of this run may run at the same time, instead of the attribute's `max_concurrency`; 0 is read as 1.
    ///
    /// It holds for this run in this process: tasks of its sub-flows are not counted, and a run that is resumed has the attribute's
    /// again.
    ///
    /// ```
    /// use flowkit::prelude::*;
    ///
    /// #[task]
    /// async fn fetch(page: u32) -> u32 { page }
    ///
    /// #[flow]
    /// async fn crawl(pages: u32) -> Result<u32> { Ok(fetch::map(1..=pages).await?.iter().sum()) }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// assert_eq!(crawl(10).max_concurrency(3).await.unwrap(), 55);
    /// # }
    /// ```
    pub fn max_concurrency(mut self, tasks: u32) -> Self {
        self.setup.options.get_or_insert_default().max_concurrency = Some(tasks.max(1));
        self
    }

    /// Starts the flow and returns the run, to watch it or to cancel it.
    ///
    /// Dropping the returned value cancels the run.
    pub fn start(self) -> RunningFlow<T, E> {
        let Self { body, mut setup, .. } = self;
        let started = start(body, setup.options.take(), setup.current.as_ref(), setup.location);
        RunningFlow::of::<B>(started.map_err(|refusal| launch::refusal::<B>(setup.index, refusal)))
    }
}

/// A flow run that has not ended. Await it for the [`FlowRun`]; drop it to cancel the run.
#[must_use = "dropping a running flow cancels it"]
pub struct RunningFlow<T, E> {
    label: RunLabel,
    state: Result<Live<T, E>, Error<E>>,
}

/// The run, its driver, and what cancels it when it is dropped.
type Live<T, E> = (Arc<Run>, JoinHandle<Result<T, Error<E>>>, CancelOnDrop);

impl<T, E> RunningFlow<T, E> {
    pub(crate) fn of<B: FlowBody>(started: Result<Started<T, E>, Error<E>>) -> Self {
        let state = started.map(|Started { run, driver }| {
            let guard = CancelOnDrop::of(&run);
            (run, driver, guard)
        });
        Self { label: launch::label::<B>(None), state }
    }

    /// Returns the id of the run; `None` if it was refused.
    pub fn id(&self) -> Option<FlowRunId> {
        self.state.as_ref().ok().map(|(run, ..)| run.id)
    }

    /// Returns the state of the run; `Failed` if it was refused.
    pub fn state(&self) -> State {
        self.state.as_ref().map_or(State::Failed, |(run, ..)| run.state())
    }

    /// Returns the number of task runs that have not ended.
    pub fn live_task_runs(&self) -> usize {
        self.state.as_ref().map_or(0, |(run, ..)| run.live_children())
    }

    /// Cancels the run and all of its tasks.
    ///
    /// Tasks end at their next await. A task that listens for cancellation gets the runtime's grace period. Does nothing if the
    /// run has ended.
    pub fn cancel(&self) {
        if let Ok((run, ..)) = &self.state {
            run.cancel();
        }
    }

    /// Returns a stream of the run's events from its beginning. No event is lost, however late it is read.
    pub fn events(&self) -> EventStream {
        EventStream { run: self.state.as_ref().ok().map(|(run, ..)| Arc::clone(run)), next: 0 }
    }

    /// Returns the graph of the task runs recorded so far.
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

/// A flow run that has ended: its result and everything that is recorded about it.
#[must_use = "it holds the result of the flow"]
pub struct FlowRun<T, E> {
    run: Option<Arc<Run>>,
    result: Result<T, Error<E>>,
}

impl<T, E> FlowRun<T, E> {
    /// Returns the labels of the task runs that earlier processes recorded and that this one did not call again, because the code
    /// has changed or took another branch. Empty for a run that was not resumed.
    pub fn not_called_again(&self) -> Vec<String> {
        self.previous(|previous| previous.not_called_again(None))
    }

    /// Returns the labels of calls that are not recorded and were made while recorded calls of the same body were missing: the
    /// counterpart of [`not_called_again`](Self::not_called_again). At most twenty, in the order in which they were made.
    pub fn called_instead(&self) -> Vec<String> {
        self.previous(|previous| previous.called_instead().to_vec())
    }

    fn previous(&self, read: impl FnOnce(&PreviousRuns) -> Vec<String>) -> Vec<String> {
        let run_store = self.run.as_ref().and_then(|run| run.run_store.as_ref());
        run_store.and_then(|run_store| run_store.previous(read)).unwrap_or_default()
    }

    /// Removes the types, for callers that do not know them.
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
            // A run that never began has neither a value nor an error of the flow's own type.
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
    /// If the flow failed, was cancelled or suspended, or was refused.
    pub fn into_result(self) -> Result<T, Error<E>> {
        self.result
    }

    /// Takes the value that the flow returned although its end could not be persisted. Such a run fails with [`Error::Store`],
    /// because the store does not have its end, yet the value exists. `None` if there is none, or if it was taken before.
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

    /// Returns the task runs that failed or timed out, in the order of their calls. A run that completed may have some, if the
    /// flow handled their errors.
    ///
    /// It leaves out task runs that were cancelled or did not run because an input failed, and failures in an attempt of the
    /// flow that was followed by another attempt.
    pub fn failures(&self) -> Vec<TaskRun> {
        let since = self.flow().and_then(|flow| anew_since(&flow.earlier_attempts));
        let mut task_runs = self.task_runs();
        task_runs.retain(|task_run| {
            matches!(task_run.state, State::Failed | State::TimedOut) && task_run.ended_no > since
        });
        task_runs
    }

    /// Returns the events of the run, in order.
    pub fn events(&self) -> Vec<Event> {
        let events = |run: &Arc<Run>| run.read(|record| record.events().iter().cloned().collect());
        self.run.as_ref().map_or_else(Vec::new, events)
    }

    /// Returns the graph of the task runs.
    pub fn graph(&self) -> Graph {
        self.run.as_ref().map_or_else(Graph::default, |run| run.graph())
    }

    /// Converts a timestamp of this run to wall-clock time, for display; `None` if the run never began.
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
