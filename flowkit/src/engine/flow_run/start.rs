//! Starts a flow run, drives the attempts of its body, and ends it. Its node in the flow that calls it is in `sub_flow`.

use parking_lot::Mutex;
use std::future::Future;
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tracing::Instrument;

use super::{DEPTH_MAX, FlowAttempt, NewRun, OpenGuard, Run};
use crate::engine::attempt::AttemptRunner;
use crate::engine::attempt::grace::Grace;
use crate::engine::attempt::once::Stop;
use crate::engine::attempt::panics::guarded;
use crate::engine::attempt::permit::without_slots;
use crate::engine::body::FlowBody;
use crate::engine::context::{self, Current};
use crate::engine::flow_run::tally::Tally;
use crate::engine::replay::previous::{PreviousCall, ResumedRun};
use crate::engine::replay::run_store::RunStore;
use crate::engine::task_run::core::{Core, RunScope};
use crate::engine::task_run::execute::execute;
use crate::engine::task_run::on_heap::{OnHeap, Weighed};
use crate::engine::task_run::options::CallOptions;
use crate::model::{Edges, Error, Extras, Kind, NewTaskRun, Refusal, RunLabel, TaskRunId};
use crate::policy::TaskPolicy;

/// A flow run that was started: its record, and its pending result.
pub(crate) struct Started<T, E> {
    pub(crate) run: Arc<Run>,
    pub(crate) driver: JoinHandle<Result<T, Error<E>>>,
}

/// Starts a flow on a worker thread: a body polled by `block_on` would cost a thread switch for each hand-off.
pub(crate) fn start<B: FlowBody>(
    body: B,
    options: Option<Box<CallOptions<B::Error>>>,
    parent: Option<&Current>,
    location: &'static Location<'static>,
) -> Result<Started<B::Output, B::Error>, Refusal> {
    if B::IS_LARGE {
        return started(OnHeap::new(body), options, parent, location);
    }
    started(body, options, parent, location)
}

fn started<B: FlowBody>(
    body: B,
    mut options: Option<Box<CallOptions<B::Error>>>,
    parent: Option<&Current>,
    location: &'static Location<'static>,
) -> Result<Started<B::Output, B::Error>, Refusal> {
    let info = B::info();
    let tokio = tokio::runtime::Handle::try_current().map_err(|_| Refusal::OutsideTokio)?;
    let (depth, parent_open) = match parent.and_then(|parent| parent.core().run()) {
        Some(outer) => (outer.depth + 1, Some(outer.hold_open().ok_or(Refusal::FlowEnded)?)),
        None => (0, None),
    };
    let runtime = match parent {
        Some(parent) => parent.core().runtime().clone(),
        None => options.as_ref().and_then(|options| options.runtime.clone()).unwrap_or_else(context::runtime),
    };
    if depth == 0 && runtime.active_runs().refuses_runs() {
        return Err(Refusal::ShuttingDown);
    }
    if depth > DEPTH_MAX {
        return Err(Refusal::DepthExceeded { depth });
    }
    let of_call = options.as_ref().map_or(TaskPolicy::EMPTY, |options| options.policy.clone());
    let retries = of_call.or(&info.policy).retries.unwrap_or(0);
    let name = options.as_ref().and_then(|options| options.name.clone());
    let max_concurrency = options.as_ref().and_then(|options| options.max_concurrency);
    let durability = info.flow.durability;
    let keyed = options.as_mut().and_then(|options| options.keyed.take());
    let resumed = options.as_mut().and_then(|options| options.resumed.take());
    let previous = resumed.as_deref().map(ResumedRun::flow_call);
    let serialized = options.as_mut().and_then(|options| options.arguments.take());
    let is_persisted = runtime.store().is_some() && resumed.is_none();
    let parameters = is_persisted.then(|| serialized.or_else(|| arguments_of(&body))).flatten();
    #[cfg(feature = "store")]
    for (argument, reason) in parameters
        .as_deref()
        .filter(|_| depth == 0)
        .map(crate::value::not_persisted::all_not_persisted)
        .unwrap_or_default()
    {
        tracing::warn!(
            flow = info.declaration.name,
            argument,
            reason,
            "this run cannot be resumed without giving the argument again: it could not be persisted"
        );
    }
    let extras = options.as_deref().map(|options| {
        Box::new(Extras { name: name.clone(), tags: options.tags.clone(), ..Extras::default() })
    });
    let root = NewTaskRun {
        task: &info.declaration,
        parent: TaskRunId::FLOW,
        index: None,
        edges: Edges::new(),
        location,
        extras,
    };
    let run = Run::new(NewRun {
        runtime,
        tokio,
        parent,
        depth,
        task_defaults: info.flow.task_defaults.clone(),
        max_concurrency: max_concurrency.or(info.flow.max_concurrency),
        retries,
        durability,
        parameters,
        keyed,
        resumed,
        root,
    });
    let end = FinishOnDrop { run: Arc::clone(&run), _parent: parent_open };
    let span = tracing::info_span!("flow_run", flow = info.declaration.name, flow_run = %run.id.short());
    let flow = FlowCall { location, name, previous };
    let driver = run.tokio.spawn(drive(end, body, options, flow).instrument(span));
    Ok(Started { run, driver })
}

/// What a flow has beside its body and options.
struct FlowCall {
    location: &'static Location<'static>,
    name: Option<String>,
    /// What an earlier process left of it.
    previous: Option<PreviousCall>,
}

/// Serializes the arguments of a flow as a JSON object; `None` if they cannot be.
pub(crate) fn arguments_of<B: FlowBody>(body: &B) -> Option<String> {
    guarded("way to write arguments down", || body.arguments()).flatten()
}

async fn drive<B: FlowBody>(
    end: FinishOnDrop,
    body: B,
    mut options: Option<Box<CallOptions<B::Error>>>,
    FlowCall { location, name, previous }: FlowCall,
) -> Result<B::Output, Error<B::Error>> {
    let run = Arc::clone(&end.run);
    // The flow's own core belongs to no attempt with children: those belong to the attempts of its body.
    let scope = RunScope::Flow(run.whole());
    let core = Arc::new(Core::new(scope, TaskRunId::FLOW, &B::info().declaration, None, location));
    if let Some(name) = name {
        core.set_name(&name);
    }
    match previous {
        Some(ended @ (PreviousCall::Succeeded | PreviousCall::Failed(_))) => core.set_claimed(ended),
        Some(previous) => {
            run.reopen(TaskRunId::FLOW);
            core.set_claimed(previous);
        }
        None => {}
    }
    let runner = FlowRunner { core: Arc::clone(&core), run, body: Mutex::new(None) };
    if let Some(options) = &mut options {
        // Its node in the parent has already waited for the inputs of the flow.
        options.order.clear();
    }
    let current = Current::new(core.clone());
    let mut body = Some(body);
    let result = current.scope(execute(&core, &runner, &mut body, options.as_deref())).await;
    drop(end);
    result
}

/// Ends a run, also if its driver is dropped. The flow in which it was started ends only after that.
struct FinishOnDrop {
    run: Arc<Run>,
    _parent: Option<OpenGuard>,
}

impl Drop for FinishOnDrop {
    fn drop(&mut self) {
        self.run.finish();
    }
}

/// Runs the attempts of a flow: each has children, and ends when the last of them has ended.
struct FlowRunner {
    core: Arc<Core>,
    run: Arc<Run>,
    /// The core in whose scope the body of the current attempt runs.
    body: Mutex<Option<Arc<Core>>>,
}

impl FlowRunner {
    fn body(&self) -> Option<Arc<Core>> {
        self.body.lock().clone()
    }

    /// Reads the current attempt, if there is one.
    fn attempt<R>(&self, read: impl FnOnce(&FlowAttempt) -> R) -> Option<R> {
        match &self.body()?.scope {
            RunScope::Flow(attempt) => Some(read(attempt)),
            RunScope::Outside(_) => None,
        }
    }
}

impl<B: FlowBody> AttemptRunner<B> for FlowRunner {
    fn start(&self, body: B) -> impl Future<Output = Result<B::Output, B::Error>> + Send {
        let scope = RunScope::Flow(self.run.open());
        let inner =
            Arc::new(Core::new(scope, TaskRunId::FLOW, self.core.declaration, None, self.core.location));
        inner.set_attempt(self.core.attempt());
        *self.body.lock() = Some(Arc::clone(&inner));
        async move {
            let running = pin!(Current::new(inner.clone()).scope(body.run()));
            let result = Grace::share(&inner, Some(&*self.core), running).await;
            if inner.is_fatal() {
                self.core.set_fatal();
            }
            self.run.join().await;
            result
        }
    }

    fn watched(&self) -> Option<Arc<Core>> {
        self.body()
    }

    async fn settle(&self, stopped: bool) {
        let begun = self.attempt(|attempt| {
            if stopped {
                attempt.cancellation.cancel();
            }
        });
        if begun.is_some() {
            self.run.join().await;
        }
    }

    fn verify(&self, ended: Result<B::Output, Stop<B::Error>>) -> Result<B::Output, Stop<B::Error>> {
        if let Some(failure) = self.attempt(|attempt| attempt.failure().cloned()).flatten() {
            return Err(Stop::CriticalFailed(failure));
        }
        let value = ended?;
        self.run.run_store.as_ref().map_or(Ok(()), RunStore::check).map_err(Stop::Refused)?;
        let mut tally = Tally::default();
        B::tally(&value, &mut tally);
        if B::info().flow.fail_on_any_task {
            self.attempt(|attempt| {
                self.run.read(|record| tally.count_task_runs(record, attempt.first_child));
            });
        }
        if tally.is_good() { Ok(value) } else { Err(Stop::TasksFailed(tally)) }
    }
}

/// Waits for the end of a flow run. Dropped before that, it cancels the run.
pub(crate) async fn wait_for_end<T, E>(
    started: Started<T, E>,
    declaration: &'static crate::model::Declaration,
) -> Result<T, Error<E>> {
    let Started { run, driver } = started;
    let guard = CancelOnDrop::of(&run);
    let joined = without_slots(driver).await;
    guard.disarm();
    joined.unwrap_or_else(|_| {
        // The tokio runtime has ended.
        let run = RunLabel::new(Kind::Flow, declaration.name.to_owned());
        Err(Error::Cancelled { run, orphaned: false })
    })
}

/// Cancels a run when its last waiter is dropped.
pub(crate) struct CancelOnDrop(Option<Arc<Run>>);

impl CancelOnDrop {
    pub(crate) fn of(run: &Arc<Run>) -> Self {
        Self(Some(Arc::clone(run)))
    }

    pub(crate) fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(run) = &self.0 {
            run.cancel();
        }
    }
}
