//! From a call to a running task run: finds the flow, makes the record, and starts it now or when its inputs have ended.

use std::future::Future;
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tracing::Instrument;

use super::core::{Core, RunScope, TaskLocal};
use super::driver::{DetachOnDrop, Start};
use super::execute::{perform, visit_call};
use super::inputs::{self, Deferred, Visit};
use super::options::CallOptions;
use super::slot::Slot;
use crate::engine::attempt::AttemptRunner;
use crate::engine::attempt::grace::Grace;
use crate::engine::attempt::once::{Apart, within};
use crate::engine::attempt::reacquire::take_up;
use crate::engine::body::{Body, TaskInfo};
use crate::engine::call_key::{ArgumentsKey, CallKey};
use crate::engine::context::{self, Current};
use crate::engine::flow_run::{Child, Run, any_alive};
use crate::engine::handle::Handle;
use crate::engine::replay::previous::PreviousCall;
use crate::engine::replay::unknown;
use crate::engine::task_run::finish;
use crate::engine::task_run::options::Setup;
use crate::model::{
    Declaration, Edges, Error, EventKind, Extras, Identity, Kind, NewTaskRun, Refusal, RunLabel, TaskRunId,
    label_of,
};
use crate::text::wording::bounded;

/// Runs attempts where they are awaited.
#[derive(Clone, Copy)]
pub(crate) struct InPlace;

impl<B: Body> AttemptRunner<B> for InPlace {
    fn start(&self, body: B) -> impl Future<Output = Result<B::Output, B::Error>> + Send {
        body.run()
    }
}

/// Runs the attempts of a submitted call.
#[derive(Clone, Copy)]
pub(crate) struct Detached;

impl<B: Body + 'static> AttemptRunner<B> for Detached {
    fn start(&self, body: B) -> impl Future<Output = Result<B::Output, B::Error>> + Send {
        body.run_detached()
    }

    fn start_apart(&self, body: &mut Option<B>, limit: Duration) -> Option<Apart<B::Output, B::Error>> {
        // A blocking body leaves its thread behind by itself.
        let current = context::current().filter(|_| !B::info().blocking)?;
        let attempt = within(Some(limit), body.take()?.run_detached());
        Some(tokio::spawn(current.scope(attempt).in_current_span()))
    }
}

/// Carries a call from its inputs to its end.
///
/// The call comes by reference and a future is given, not an `async fn` around it: each would be one more copy of the
/// arguments in every task.
pub(crate) trait CallMode<B: Body>: Copy + Send + Sync {
    fn execute<'a>(
        self,
        core: &'a Core,
        body: &'a mut Option<B>,
        options: &'a mut Option<Box<CallOptions<B::Error>>>,
    ) -> impl Future<Output = Result<B::Output, Error<B::Error>>> + Send + 'a;
}

impl<B: Body> CallMode<B> for InPlace {
    fn execute<'a>(
        self,
        core: &'a Core,
        body: &'a mut Option<B>,
        options: &'a mut Option<Box<CallOptions<B::Error>>>,
    ) -> impl Future<Output = Result<B::Output, Error<B::Error>>> + Send + 'a {
        perform(core, &Self, body, options.as_deref())
    }
}

impl<B: Body + 'static> CallMode<B> for Detached {
    fn execute<'a>(
        self,
        core: &'a Core,
        body: &'a mut Option<B>,
        options: &'a mut Option<Box<CallOptions<B::Error>>>,
    ) -> impl Future<Output = Result<B::Output, Error<B::Error>>> + Send + 'a {
        perform(core, &Self, body, options.as_deref())
    }
}

/// Awaits a call in place.
pub(crate) fn boxed_call<'a, B: Body + 'a>(
    body: B,
    setup: Setup<B::Error>,
    carrier: impl CallMode<B> + 'a,
) -> BoxFuture<'a, Result<B::Output, Error<B::Error>>> {
    Box::pin(call(body, setup, carrier))
}

/// As [`boxed_call`], as a future that contains the body.
pub(crate) async fn call<B: Body>(
    body: B,
    mut setup: Setup<B::Error>,
    carrier: impl CallMode<B>,
) -> Result<B::Output, Error<B::Error>> {
    if tokio::runtime::Handle::try_current().is_err() {
        return Err(refusal::<B>(&setup, Refusal::OutsideTokio));
    }
    let core = match &setup.current {
        Some(current) => match register(&body, &setup, current) {
            Ok(registered) => registered.core,
            Err(refused) => return Err(refusal::<B>(&setup, refused)),
        },
        None => {
            let said = setup.options.as_ref().and_then(|options| options.runtime.clone());
            outside::<B>(&setup, RunScope::Outside(said.unwrap_or_else(context::runtime)))
        }
    };
    let core = Arc::new(core);
    let group = setup.current.as_ref().and_then(|current| current.group.clone());
    let scope = child_scope(group, core.clone());
    // While it waits, the caller releases its slots.
    if let Some(current) = &setup.current {
        current.core().lay_down();
    }
    let mut body = Some(body);
    let caller = setup.current.as_ref().map(Current::core);
    let result = if traced() {
        let carried = scope.scope(carrier.execute(&core, &mut body, &mut setup.options));
        Grace::share(&core, caller, Box::pin(carried.instrument(task_span(&core))).as_mut()).await
    } else {
        let carried = pin!(scope.scope(carrier.execute(&core, &mut body, &mut setup.options)));
        Grace::share(&core, caller, carried).await
    };
    if let Some(current) = &setup.current {
        take_up(current.core()).await;
    }
    result
}

/// Starts a call on its own.
pub(crate) fn submit<B: Body + 'static>(
    body: B,
    mut setup: Setup<B::Error>,
    carrier: impl CallMode<B> + 'static,
) -> Handle<B::Output, B::Error> {
    let Some(current) = setup.current.take().filter(|current| current.core().run().is_some()) else {
        return refused::<B>(&setup, Refusal::OutsideFlow { location: setup.location.to_string() });
    };
    let Registered { core, pending } = match register(&body, &setup, &current) {
        Ok(registered) => registered,
        Err(refusal) => return refused::<B>(&setup, refusal),
    };
    let slot = Arc::new(Slot::new(core));
    let handle = Handle::new(Arc::clone(&slot));
    // Made here, not when the inputs have ended: the run lies in the span of its caller, not of its last input.
    let span = traced().then(|| Box::new(task_span(&slot.core)));
    let options = setup.options;
    let start =
        Start { kept: DetachOnDrop(slot), group: current.group, span, body: Some(body), options, carrier };
    if pending == 0 || start.fires_early() {
        start.start();
    } else {
        Deferred::arrange(start);
    }
    handle
}

/// The core of a call outside a flow. Hooks want to see a task run, so there is one if there are hooks; nobody else does.
fn outside<B: Body>(setup: &Setup<B::Error>, home: RunScope) -> Core {
    let declaration = &B::info().declaration;
    let core = Core::new(home, TaskRunId::FLOW, declaration, setup.index, setup.location);
    let options = setup.options.as_deref();
    if B::info().hooks.any() || options.is_some_and(|options| !options.hooks.is_empty()) {
        let said = options.map(|options| Extras {
            name: options.name.clone(),
            tags: options.tags.clone(),
            ..Extras::default()
        });
        core.record_outside(NewTaskRun {
            task: declaration,
            parent: TaskRunId::FLOW,
            index: setup.index,
            edges: Edges::new(),
            location: setup.location,
            extras: said.map(Box::new),
        });
    }
    core
}

struct Registered {
    core: Core,
    /// How many inputs have not ended.
    pending: usize,
}

/// Makes the record of a call.
fn register<B: Body>(body: &B, setup: &Setup<B::Error>, current: &Current) -> Result<Registered, Refusal> {
    let declaration = &B::info().declaration;
    let parent = current.core();
    let RunScope::Flow(flow) = &parent.home else {
        return Ok(Registered { core: outside::<B>(setup, parent.home.clone()), pending: 0 });
    };
    let options = setup.options.as_deref();
    let (edges, pending) = inputs::edges(&|visit: &mut Visit<'_>| visit_call(body, options, visit), flow);
    let mut extras = extras(options, current);
    let name = extras.as_ref().and_then(|extras| extras.name.clone());
    let known = flow.run.journal.as_ref().map(|journal| {
        let sealing = flow.run.runtime.sealing();
        let inputs = CallKey::of(sealing, parent.identity(), |key| body.call_key(key));
        let said = options.and_then(|options| options.name.as_deref());
        let identity = flow.ordinals.next(parent.identity(), B::identity(), &inputs, said);
        let refusal = unknown::refusal::<B>(identity, &inputs, said, journal);
        CallRecord { identity, refusal, items_by_place: inputs.items_by_place }
    });
    let identity = known.as_ref().map(|known| known.identity);
    if let Some(unknown) = identity.and_then(|identity| identity.unknown) {
        extras.get_or_insert_default().unknown = Some(unknown);
    }
    let new = NewTaskRun {
        task: declaration,
        parent: parent.id,
        index: setup.index,
        edges,
        location: setup.location,
        extras,
    };
    let child = flow.run.create(new, identity, B::info().at_most_once)?;
    let id = child.id;
    let core = Core::new(parent.home.clone(), id, declaration, setup.index, setup.location);
    if let Some(name) = name {
        core.set_name(&name);
    }
    if let Some(known) = known {
        take_note(&core, &flow.run, known, child);
    }
    Ok(Registered { core, pending })
}

/// What is known of a call where a later attempt or another process may ask for it.
struct CallRecord {
    identity: Identity,
    refusal: Option<Refusal>,
    items_by_place: bool,
}

/// Takes note of which call it is, and of what is recorded of it.
fn take_note(
    core: &Core,
    run: &Arc<Run>,
    CallRecord { identity, refusal, items_by_place }: CallRecord,
    child: Child,
) {
    core.set_identity(identity);
    if items_by_place {
        core.set_items_by_place();
    }
    if let Some(argument) = identity.unknown {
        unknown::tell(core.declaration, argument, child.claimed.is_some());
    }
    if let Some(no) = run.recorded_no(identity, &child) {
        core.set_recorded_no(no);
    }
    if let Some(claimed) = refusal.map(PreviousCall::Refused).or(child.claimed) {
        core.set_claimed(claimed);
        let open = if core.is_settled() { run.hold_open() } else { None };
        core.set_recorded(child.recorded, open);
        finish::remember_persisted(core);
    }
}

fn extras<E>(options: Option<&CallOptions<E>>, current: &Current) -> Option<Box<Extras>> {
    let group = current.group.clone();
    let said = options
        .filter(|options| options.name.is_some() || options.branch.is_some() || !options.tags.is_empty());
    if group.is_none() && said.is_none() {
        return None;
    }
    Some(Box::new(Extras {
        name: said.and_then(|options| options.name.clone()),
        tags: said.map(|options| options.tags.clone()).unwrap_or_default(),
        branch: said.and_then(|options| options.branch.clone()),
        group,
        ..Extras::default()
    }))
}

pub(crate) fn child_scope(group: Option<Arc<str>>, scope: Arc<dyn TaskLocal>) -> Current {
    let current = Current::new(scope);
    match group {
        Some(group) => current.in_group(group),
        None => current,
    }
}

/// Whether anybody listens to our spans.
fn traced() -> bool {
    tracing::enabled!(tracing::Level::INFO)
}

fn task_span(core: &Core) -> tracing::Span {
    match core.run() {
        Some(run) => tracing::info_span!(
            "task_run",
            task = core.declaration.name,
            index = core.index,
            task_run_id = core.id.get(),
            flow_run_id = %run.id
        ),
        None => tracing::info_span!("task_run", task = core.declaration.name),
    }
}

/// Records that a task is not run.
#[doc(hidden)]
pub fn skip(info: &'static TaskInfo, reason: String, location: &'static Location<'static>) {
    let declaration = &info.declaration;
    let Some(current) = context::current() else {
        warn_of_lost_context(declaration, location);
        return;
    };
    if let RunScope::Flow(flow) = &current.core().home {
        let extras = extras::<std::convert::Infallible>(None, &current);
        let parent = current.core().id;
        let new =
            NewTaskRun { task: declaration, parent, index: None, edges: Edges::new(), location, extras };
        // Found again when the run goes on, so that it is not skipped twice.
        let identity = flow.run.journal.as_ref().map(|_| {
            let skipped = format!("{} skipped", declaration.path);
            let caller = current.core().identity();
            flow.ordinals.next(caller, &skipped, &ArgumentsKey::none(caller), None)
        });
        if let Ok(child) = flow.run.create(new, identity, false) {
            flow.run.emit(child.id, EventKind::Skipped { reason: bounded(reason).into() });
        }
    }
}

pub(crate) fn label<B: Body>(index: Option<u32>) -> RunLabel {
    let declaration = &B::info().declaration;
    RunLabel::new(declaration.kind, label_of(declaration.name, index, None))
}

pub(crate) fn refusal<B: Body>(setup: &Setup<B::Error>, refusal: Refusal) -> Error<B::Error> {
    Error::Refused { run: label::<B>(setup.index), refusal }
}

pub(crate) fn refusal_of<B: Body>(refusal: Refusal) -> Error<B::Error> {
    Error::Refused { run: label::<B>(None), refusal }
}

pub(crate) fn refused<B: Body>(setup: &Setup<B::Error>, why: Refusal) -> Handle<B::Output, B::Error> {
    let runtime = context::runtime();
    let declaration = &B::info().declaration;
    let core =
        Core::new(RunScope::Outside(runtime), TaskRunId::FLOW, declaration, setup.index, setup.location);
    Handle::new(Arc::new(Slot::ended(core, Err(refusal::<B>(setup, why)))))
}

/// Warns once per place of a task that is called outside a flow while a flow runs: it will not be recorded.
///
/// A flow is recorded wherever it is called, and several may run at the same time.
pub(crate) fn warn_of_lost_context(declaration: &'static Declaration, location: &'static Location<'static>) {
    if declaration.kind == Kind::Task && any_alive() && context::is_first_at(location) {
        tracing::warn!(
            task = declaration.name,
            %location,
            "called outside a flow while one runs; in a task of your own, use `flowkit::spawn` to keep the flow"
        );
    }
}
