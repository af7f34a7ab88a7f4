//! From a call to a running task run: finds the flow, registers the call with it, and starts it now or when its inputs have ended.

use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tracing::Instrument;

use super::call_mode::CallMode;
use super::core::{Core, RunScope, TaskLocal};
use super::driver::{CompleteOnDrop, Start};
use super::inputs::deferred::Deferred;
use super::inputs::wait::visit_call;
use super::inputs::{self, Visit};
use super::options::{CallOptions, Setup, declaration_of, identity_of};
use super::persisted::remember_persisted;
use super::slot::Slot;
use crate::engine::attempt::grace::Grace;
use crate::engine::attempt::permit::without_slots_of;
use crate::engine::body::{Body, TaskInfo};
use crate::engine::call_key::{ArgumentsKey, CallKey};
use crate::engine::context::{self, Current};
use crate::engine::flow_run::{Child, Run, any_alive};
use crate::engine::handle::Handle;
use crate::engine::replay::previous::PreviousCall;
use crate::engine::replay::unknown;
use crate::model::{
    Declaration, Edges, Error, EventKind, Extras, Identity, Kind, NewTaskRun, Refusal, RunLabel, TaskRunId,
    label_of,
};
use crate::text::wording::bounded;

/// Awaits a call in place.
pub(crate) fn boxed_call<'a, B: Body + 'a>(
    body: B,
    setup: Setup<B::Error>,
    mode: impl CallMode<B> + 'a,
) -> BoxFuture<'a, Result<B::Output, Error<B::Error>>> {
    Box::pin(call(body, setup, mode))
}

/// As [`boxed_call`], but the future contains the body.
pub(crate) async fn call<B: Body>(
    body: B,
    mut setup: Setup<B::Error>,
    mode: impl CallMode<B>,
) -> Result<B::Output, Error<B::Error>> {
    if tokio::runtime::Handle::try_current().is_err() {
        return Err(refused_call::<B>(&setup, Refusal::OutsideTokio));
    }
    let core = match &setup.current {
        Some(current) => match register(&body, &setup, current) {
            Ok(registered) => registered.core,
            Err(refused) => return Err(refused_call::<B>(&setup, refused)),
        },
        None => {
            let of_call = setup.options.as_ref().and_then(|options| options.runtime.clone());
            outside::<B>(&setup, RunScope::Outside(of_call.unwrap_or_else(context::runtime)))
        }
    };
    let core = Arc::new(core);
    let group = setup.current.as_ref().and_then(|current| current.group.clone());
    let scope = child_scope(group, core.clone());
    let mut body = Some(body);
    let caller = setup.current.as_ref().map(Current::core);
    if traced() {
        let executed = scope.scope(mode.execute(&core, &mut body, &mut setup.options));
        let mut executed = Box::pin(executed.instrument(task_span(&core)));
        without_slots_of(caller, Grace::share(&core, caller, executed.as_mut())).await
    } else {
        let executed = pin!(scope.scope(mode.execute(&core, &mut body, &mut setup.options)));
        without_slots_of(caller, Grace::share(&core, caller, executed)).await
    }
}

/// Starts a call that nothing awaits in place.
pub(crate) fn submit<B: Body + 'static>(
    body: B,
    mut setup: Setup<B::Error>,
    mode: impl CallMode<B> + 'static,
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
    // Created here and not when the inputs have ended: the run belongs to the span of its caller, not of its last input.
    let span = traced().then(|| Box::new(task_span(&slot.core)));
    let options = setup.options;
    let (slot, group) = (CompleteOnDrop(slot), current.group);
    let start = Start { slot, group, span, body: Some(body), options, mode };
    if pending == 0 {
        start.reserve();
        start.start();
    } else if start.fires_early() {
        start.start();
    } else {
        Deferred::schedule(start);
    }
    handle
}

/// The core of a call outside a flow. It has a task run only if there are hooks, which are shown it.
fn outside<B: Body>(setup: &Setup<B::Error>, scope: RunScope) -> Core {
    let options = setup.options.as_deref();
    let declaration = declaration_of::<B>(options);
    let core = Core::new(scope, TaskRunId::FLOW, declaration, setup.index, setup.location);
    if B::info().hooks.any() || options.is_some_and(|options| !options.hooks.is_empty()) {
        let extras = options.map(|options| Extras {
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
            extras: extras.map(Box::new),
        });
    }
    core
}

struct Registered {
    core: Core,
    /// The number of inputs that have not ended.
    pending: usize,
}

/// Adds a call to its flow run.
fn register<B: Body>(body: &B, setup: &Setup<B::Error>, current: &Current) -> Result<Registered, Refusal> {
    let options = setup.options.as_deref();
    let declaration = declaration_of::<B>(options);
    let parent = current.core();
    let RunScope::Flow(flow) = &parent.scope else {
        return Ok(Registered { core: outside::<B>(setup, parent.scope.clone()), pending: 0 });
    };
    let (edges, pending) = inputs::edges(&|visit: &mut Visit<'_>| visit_call(body, options, visit), flow);
    let mut extras = extras(options, current);
    let name = extras.as_ref().and_then(|extras| extras.name.clone());
    let known = flow.run.memo.as_ref().map(|memo| {
        let sealing = flow.run.runtime.sealing();
        let inputs = CallKey::of(sealing, parent.identity(), |key| body.call_key(key));
        let name = options.and_then(|options| options.name.as_deref());
        let mut called = identity_of::<B>(options);
        // A call that is skipped is another one than the same call when it is made.
        if options.is_some_and(|options| options.skip.is_some()) {
            called = skipped_path(&called).into();
        }
        let identity = flow.ordinals.next(parent.identity(), &called, &inputs, name);
        let refusal = unknown::refusal::<B>(identity, &inputs, name, memo);
        CallRecord { identity, refusal, items_by_position: inputs.items_by_position }
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
    let core = Core::new(parent.scope.clone(), id, declaration, setup.index, setup.location);
    if let Some(name) = name {
        core.set_name(&name);
    }
    if let Some(known) = known {
        note_call(&core, &flow.run, known, child);
    }
    Ok(Registered { core, pending })
}

/// The identity of a call that a later attempt or another process may make again.
struct CallRecord {
    identity: Identity,
    refusal: Option<Refusal>,
    items_by_position: bool,
}

/// Notes in the core which call it is, and what is recorded of it.
fn note_call(
    core: &Core,
    run: &Arc<Run>,
    CallRecord { identity, refusal, items_by_position }: CallRecord,
    child: Child,
) {
    core.set_identity(identity);
    if items_by_position {
        core.set_items_by_position();
    }
    if let Some(argument) = identity.unknown {
        unknown::warn(core.declaration, argument, child.claimed.is_some());
    }
    if let Some(no) = run.recorded_no(identity, &child) {
        core.set_recorded_no(no);
    }
    if let Some(claimed) = refusal.map(PreviousCall::Refused).or(child.claimed) {
        core.set_claimed(claimed);
        let open = if core.is_settled() { run.hold_open() } else { None };
        core.set_recorded(child.recorded, open);
        remember_persisted(core);
    }
}

fn extras<E>(options: Option<&CallOptions<E>>, current: &Current) -> Option<Box<Extras>> {
    let group = current.group.clone();
    let options = options
        .filter(|options| options.name.is_some() || options.branch.is_some() || !options.tags.is_empty());
    if group.is_none() && options.is_none() {
        return None;
    }
    Some(Box::new(Extras {
        name: options.and_then(|options| options.name.clone()),
        tags: options.map(|options| options.tags.clone()).unwrap_or_default(),
        branch: options.and_then(|options| options.branch.clone()),
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

/// Whether a subscriber records our spans.
fn traced() -> bool {
    tracing::enabled!(tracing::Level::INFO)
}

fn task_span(core: &Core) -> tracing::Span {
    match core.run() {
        // The span around it has the id of the flow run.
        Some(_) => tracing::info_span!(
            "task_run",
            task = core.declaration.name,
            index = core.index,
            task_run_id = core.id.get()
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
    if let RunScope::Flow(flow) = &current.core().scope {
        let extras = extras::<std::convert::Infallible>(None, &current);
        let parent = current.core().id;
        let new =
            NewTaskRun { task: declaration, parent, index: None, edges: Edges::new(), location, extras };
        // Found again when the run is resumed, so that it is not skipped twice.
        let identity = flow.run.memo.as_ref().map(|_| {
            let skipped = skipped_path(declaration.path);
            let caller = current.core().identity();
            flow.ordinals.next(caller, &skipped, &ArgumentsKey::none(caller), None)
        });
        if let Ok(child) = flow.run.create(new, identity, false) {
            flow.run.emit(child.id, EventKind::Skipped { reason: bounded(reason).into() });
        }
    }
}

fn skipped_path(path: &str) -> String {
    format!("{path} skipped")
}

pub(crate) fn label<B: Body>(index: Option<u32>) -> RunLabel {
    let declaration = &B::info().declaration;
    RunLabel::new(declaration.kind, label_of(declaration.name, index, None))
}

pub(crate) fn refusal<B: Body>(index: Option<u32>, refusal: Refusal) -> Error<B::Error> {
    Error::Refused { run: label::<B>(index), refusal }
}

fn refused_call<B: Body>(setup: &Setup<B::Error>, refusal: Refusal) -> Error<B::Error> {
    let declaration = declaration_of::<B>(setup.options.as_deref());
    let run = RunLabel::new(declaration.kind, label_of(declaration.name, setup.index, None));
    Error::Refused { run, refusal }
}

pub(crate) fn refused<B: Body>(setup: &Setup<B::Error>, why: Refusal) -> Handle<B::Output, B::Error> {
    let runtime = context::runtime();
    let declaration = declaration_of::<B>(setup.options.as_deref());
    let core =
        Core::new(RunScope::Outside(runtime), TaskRunId::FLOW, declaration, setup.index, setup.location);
    Handle::new(Arc::new(Slot::ended(core, Err(refused_call::<B>(setup, why)))))
}

/// Warns, once per location, of a task that is called outside a flow while a flow runs: it will not be recorded.
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
