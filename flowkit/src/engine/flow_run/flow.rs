//! Starts flow runs: as the root of everything, or as a node of the flow that calls it.

use parking_lot::Mutex;
use std::future::Future;
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::task::JoinHandle;
use tracing::Instrument;

use super::{DEPTH_MAX, FlowAttempt, KeptOpen, NewRun, Run};
use crate::call::Setup;
use crate::engine::attempt::once::Stop;
use crate::engine::attempt::panics::{caught, guarded};
use crate::engine::attempt::patience::Patience;
use crate::engine::attempt::take_up::laid_down;
use crate::engine::attempt::{Host, stay_if_closing};
use crate::engine::context::{self, Current};
use crate::engine::recover::conclude::{How, conclude, recorded};
use crate::engine::recover::earlier::{Claimed, Resumed};
use crate::engine::recover::kept::ask;
use crate::engine::task_run::core::{Core, Home};
use crate::engine::task_run::launch::{self, Carrier, refusal};
use crate::engine::task_run::options::{CallOptions, effective_policy};
use crate::engine::task_run::perform::{End, journal, perform, ready, recall, remember};
use crate::flow::{FlowBody, Tally};
use crate::model::{Edges, Error, Extras, Kind, NewTaskRun, Refusal, RunLabel, State, TaskRunId};
use crate::policy::TaskPolicy;
use crate::policy::resume::{Progress, Redo};
use crate::policy::trigger::Trigger;

/// A flow run that was started: its record, and its result to come.
pub(crate) struct Started<T, E> {
    pub(crate) run: Arc<Run>,
    pub(crate) driver: JoinHandle<Result<T, Error<E>>>,
}

/// Starts a flow on a worker: a body polled by `block_on` would pay a thread switch for each hand-off.
pub(crate) fn start<B: FlowBody>(
    body: B,
    mut options: Option<Box<CallOptions<B::Error>>>,
    parent: Option<&Current>,
    location: &'static Location<'static>,
) -> Result<Started<B::Output, B::Error>, Refusal> {
    let info = B::info();
    let tokio = tokio::runtime::Handle::try_current().map_err(|_| Refusal::OutsideTokio)?;
    let (depth, kept_open) = match parent.and_then(|parent| parent.core().run()) {
        Some(outer) => (outer.depth + 1, Some(outer.keep_open().ok_or(Refusal::FlowEnded)?)),
        None => (0, None),
    };
    let runtime = match parent {
        Some(parent) => parent.core().runtime().clone(),
        None => options.as_ref().and_then(|options| options.runtime.clone()).unwrap_or_else(context::runtime),
    };
    if depth == 0 && runtime.live().turns_away() {
        return Err(Refusal::ShuttingDown);
    }
    if depth > DEPTH_MAX {
        return Err(Refusal::DepthExceeded { depth });
    }
    let said = options.as_ref().map_or(TaskPolicy::EMPTY, |options| options.policy.clone());
    let retries = said.or(&info.policy).retries.unwrap_or(0);
    let parent_name = options.as_ref().and_then(|options| options.name.clone());
    let durability = info.flow.durability;
    let id = options.as_mut().and_then(|options| options.id.take());
    let resumed = options.as_mut().and_then(|options| options.resumed.take());
    let standing = resumed.as_deref().map(root_standing);
    let keeps = runtime.store().is_some() && resumed.is_none();
    let parameters =
        keeps.then(|| guarded("way to write arguments down", || body.arguments()).flatten()).flatten();
    let extras = options.as_deref().map(|options| {
        Box::new(Extras { name: parent_name.clone(), tags: options.tags.clone(), ..Extras::default() })
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
        max_concurrency: info.flow.max_concurrency,
        retries,
        durability,
        parameters,
        id,
        resumed,
        root,
    });
    let end = FinishOnDrop { run: Arc::clone(&run), _parent: kept_open };
    let span = tracing::info_span!("flow_run", flow = info.declaration.name, flow_run_id = %run.id);
    let way = Way { location, name: parent_name, standing };
    let driver = run.tokio.spawn(drive(end, body, options, way).instrument(span));
    Ok(Started { run, driver })
}

/// What a flow has of its own beside its arguments.
struct Way {
    location: &'static Location<'static>,
    name: Option<String>,
    /// What an earlier process left of it.
    standing: Option<Claimed>,
}

/// Says what becomes of a flow that is resumed: one that has ended needs not run, unless something is wanted again.
fn root_standing(resumed: &Resumed) -> Claimed {
    let run = &resumed.recovered.run;
    match (run.state, &run.error) {
        _ if resumed.wish.redo != Redo::Nothing => {}
        (State::Completed | State::Cached, _) => return Claimed::Kept,
        // That of a sub-flow: the process died before its node heard of it.
        (State::Failed | State::TimedOut, Some(error)) => return Claimed::Failed(Arc::new(error.clone())),
        _ => {}
    }
    let failed = run.earlier_attempts.iter().filter(|attempt| attempt.state != State::Crashed).count();
    // What is wanted again has all of its retries again; a sub-flow that was cancelled has those that it had left.
    let wanted_again = resumed.wish.redo != Redo::Nothing && run.state.is_terminal();
    let failed = if wanted_again { 0 } else { u32::try_from(failed).unwrap_or(u32::MAX) };
    Claimed::Again(Progress { attempts: run.attempt, failed, wait: Duration::ZERO })
}

async fn drive<B: FlowBody>(
    end: FinishOnDrop,
    body: B,
    mut options: Option<Box<CallOptions<B::Error>>>,
    Way { location, name, standing }: Way,
) -> Result<B::Output, Error<B::Error>> {
    let run = Arc::clone(&end.run);
    // The flow's own core belongs to an attempt that has no children: those belong to the attempts of its body.
    let home = Home::Flow(run.whole());
    let core = Arc::new(Core::new(home, TaskRunId::FLOW, &B::info().declaration, None, location));
    if let Some(name) = name {
        core.set_name(&name);
    }
    match standing {
        Some(ended @ (Claimed::Kept | Claimed::Failed(_))) => core.set_claimed(ended),
        Some(standing) => {
            run.reopen(TaskRunId::FLOW);
            core.set_claimed(standing);
        }
        None => {}
    }
    let host = FlowHost { core: Arc::clone(&core), run, body: Mutex::new(None) };
    if let Some(options) = &mut options {
        // What the flow runs after was waited for by its node in the parent.
        options.order.clear();
    }
    let current = Current::new(core.clone());
    let mut body = Some(body);
    let result = current.scope(perform(&core, &host, &mut body, options.as_deref())).await;
    drop(end);
    result
}

/// Ends a run, also one whose driver is dropped; only then may the flow end in which it was started.
struct FinishOnDrop {
    run: Arc<Run>,
    _parent: Option<KeptOpen>,
}

impl Drop for FinishOnDrop {
    fn drop(&mut self) {
        self.run.finish();
    }
}

/// Runs attempts of a flow: each has children, and ends when the last of them has.
struct FlowHost {
    core: Arc<Core>,
    run: Arc<Run>,
    /// What the body of the attempt runs in the scope of.
    body: Mutex<Option<Arc<Core>>>,
}

impl FlowHost {
    fn body(&self) -> Option<Arc<Core>> {
        self.body.lock().clone()
    }

    /// Reads the attempt that is under way, if any is.
    fn attempt<R>(&self, read: impl FnOnce(&FlowAttempt) -> R) -> Option<R> {
        match &self.body()?.home {
            Home::Flow(attempt) => Some(read(attempt)),
            Home::Outside(_) => None,
        }
    }
}

impl<B: FlowBody> Host<B> for FlowHost {
    fn start(&self, body: B) -> impl Future<Output = Result<B::Output, B::Error>> + Send {
        let home = Home::Flow(self.run.open());
        let inner =
            Arc::new(Core::new(home, TaskRunId::FLOW, self.core.declaration, None, self.core.location));
        inner.set_attempt(self.core.attempt());
        *self.body.lock() = Some(Arc::clone(&inner));
        async move {
            let running = pin!(Current::new(inner.clone()).scope(body.run()));
            let result = Patience::share(&inner, Some(&*self.core), running).await;
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
        self.run.check_against_record().map_err(Stop::Refused)?;
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

/// Awaits a flow: a sub-flow inside a flow, the root of a run elsewhere.
pub(crate) async fn call<B: FlowBody>(
    body: B,
    mut setup: Setup<B::Error>,
) -> Result<B::Output, Error<B::Error>> {
    if let Some(current) = &setup.current
        && current.core().run().is_some()
    {
        return launch::call(body, setup, SubFlow).await;
    }
    match start(body, setup.options.take(), setup.current.as_ref(), setup.location) {
        Ok(started) => finish(started, &B::info().declaration).await,
        Err(why) => Err(refusal::<B>(&setup, why)),
    }
}

/// Carries the node of a sub-flow in its parent: waits for the inputs and then for the run behind it.
#[derive(Clone, Copy)]
pub(crate) struct SubFlow;

impl<B: FlowBody> Carrier<B> for SubFlow {
    async fn carry<'a>(
        self,
        core: &'a Core,
        body: &'a mut Option<B>,
        options: &'a mut Option<Box<CallOptions<B::Error>>>,
    ) -> Result<B::Output, Error<B::Error>> {
        // Retries, timeout and hooks are those of the run behind the node.
        let end = End::of(core, None);
        let mut how = How::default();
        let result = caught(core, sub_flow(core, body, options, &mut how)).await;
        conclude::<B>(core, end, result, how).await
    }
}

async fn sub_flow<B: FlowBody>(
    core: &Core,
    body: &mut Option<B>,
    options: &mut Option<Box<CallOptions<B::Error>>>,
    how: &mut How,
) -> Result<B::Output, Error<B::Error>> {
    let own_policy = effective_policy(options.as_deref(), B::info(), &core.home);
    let policy = own_policy.as_deref().unwrap_or(&B::info().policy);
    if policy.critical == Some(true) {
        core.set_critical();
    }
    if core.is_claimed()
        && let Some(known) = Box::pin(recorded::<B>(core, how)).await
    {
        return known;
    }
    ready(core, body, options.as_deref(), policy).await?;
    if let Some(options) = options {
        // Decided here, where all inputs are known; the run behind this node sees only those with data.
        options.policy.trigger = Some(Trigger::Always);
    }
    if journal(core).is_some()
        && let Some(value) = Box::pin(recall::<B>(core)).await?
    {
        how.cached = true;
        return Ok(value);
    }
    let body = body.take().expect("bug in flowkit: a sub-flow was started without a body");
    if core.is_claimed() {
        let resumed = Box::pin(earlier_run::<B>(core)).await?;
        options.get_or_insert_default().resumed = resumed;
    }
    stay_if_closing(core).await?;
    let current = context::current();
    let started = start(body, options.take(), current.as_ref(), core.location)
        .map_err(|refusal| Error::Refused { run: core.label(), refusal })?;
    if let Some(run) = core.run() {
        let id = started.run.id;
        run.change_task_run(core.id, |task_run| task_run.set_flow_run(id));
    }
    core.begin(core.attempts_left().attempts + 1, false);
    let run = Arc::clone(&started.run);
    let finished = pin!(finish(started, &B::info().declaration));
    let value = match select(finished, pin!(core.cancelled())).await {
        Either::Left((result, _)) => result?,
        Either::Right(((), finished)) => {
            run.cancel();
            finished.await?
        }
    };
    remember::<B>(core, &value);
    Ok(value)
}

/// Takes over the run that an earlier process started behind this node, if it did.
async fn earlier_run<B: FlowBody>(core: &Core) -> Result<Option<Box<Resumed>>, Error<B::Error>> {
    let Some(run) = core.run() else { return Ok(None) };
    let Some(kept) = &run.kept else { return Ok(None) };
    let (id, node) = (run.id, core.id);
    let wish = kept.earlier(|earlier| earlier.wish.clone()).unwrap_or_default();
    let path = core.declaration.path;
    let found = ask(&kept.store, move |store| {
        for child in store.children(id, node)? {
            if store.flow_run(child)?.is_some_and(|child| child.path == path) {
                return store.take_over(child).map(Some);
            }
        }
        Ok(None)
    });
    let recovered =
        found.await.map_err(|error| Error::Store { run: core.label(), source: Arc::new(error) })?;
    Ok(recovered.map(|recovered| Box::new(Resumed { recovered, wish })))
}

/// Waits for the end of a flow run; ends it if nobody waits any more.
pub(crate) async fn finish<T, E>(
    started: Started<T, E>,
    declaration: &'static crate::model::Declaration,
) -> Result<T, Error<E>> {
    let Started { run, driver } = started;
    let guard = CancelOnDrop::of(&run);
    let joined = laid_down(driver).await;
    guard.disarm();
    joined.unwrap_or_else(|_| {
        // The tokio runtime ended under us.
        let run = RunLabel::new(Kind::Flow, declaration.name.to_owned());
        Err(Error::Cancelled { run, orphaned: false })
    })
}

/// Cancels a run that nobody waits for any more.
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
