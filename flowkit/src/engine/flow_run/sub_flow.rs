//! A flow called in a flow: a node of the caller's graph, and a run of its own behind it.

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{BoxFuture, Either, select};

use super::start::{start, wait_for_end};
use crate::engine::attempt::panics::caught;
use crate::engine::attempt::{may_not_begin, stay};
use crate::engine::body::FlowBody;
use crate::engine::context;
use crate::engine::replay::known::inputs_or_known;
use crate::engine::replay::previous::ResumedRun;
use crate::engine::replay::run_store::ask;
use crate::engine::task_run::call_mode::CallMode;
use crate::engine::task_run::core::Core;
use crate::engine::task_run::execute::skipped;
use crate::engine::task_run::finish::{Finish, ResultSource, finish};
use crate::engine::task_run::launch::{self, refusal};
use crate::engine::task_run::options::Setup;
use crate::engine::task_run::options::{CallOptions, effective_policy};
use crate::model::Error;
use crate::policy::trigger::Trigger;

/// Awaits a flow: a sub-flow inside a flow, the root of a run elsewhere.
pub(crate) fn boxed_call<B: FlowBody>(
    body: B,
    setup: Setup<B::Error>,
) -> BoxFuture<'static, Result<B::Output, Error<B::Error>>> {
    Box::pin(call(body, setup))
}

async fn call<B: FlowBody>(body: B, mut setup: Setup<B::Error>) -> Result<B::Output, Error<B::Error>> {
    if let Some(current) = &setup.current
        && current.core().run().is_some()
    {
        return launch::call(body, setup, SubFlow).await;
    }
    match start(body, setup.options.take(), setup.current.as_ref(), setup.location) {
        Ok(started) => wait_for_end(started, &B::info().declaration).await,
        Err(why) => Err(refusal::<B>(setup.index, why)),
    }
}

/// Executes the node of a sub-flow in its parent: waits for the inputs and then for the run behind it.
#[derive(Clone, Copy)]
pub(crate) struct SubFlow;

impl<B: FlowBody> CallMode<B> for SubFlow {
    async fn execute<'a>(
        self,
        core: &'a Core,
        body: &'a mut Option<B>,
        options: &'a mut Option<Box<CallOptions<B::Error>>>,
    ) -> Result<B::Output, Error<B::Error>> {
        // The run behind the node has its own retries, timeout and hooks.
        let end = Finish::of(core, None);
        let mut source = ResultSource::default();
        let result = caught(core, sub_flow(core, body, options, &mut source)).await;
        finish::<B>(core, end, result, &mut source).await
    }
}

async fn sub_flow<B: FlowBody>(
    core: &Core,
    body: &mut Option<B>,
    options: &mut Option<Box<CallOptions<B::Error>>>,
    source: &mut ResultSource,
) -> Result<B::Output, Error<B::Error>> {
    let own_policy = effective_policy(options.as_deref(), B::info(), &core.scope);
    let policy = own_policy.as_deref().unwrap_or(&B::info().policy);
    if policy.critical == Some(true) {
        core.set_critical();
    }
    if let Some(skipped) = skipped(core, options.as_deref()) {
        return Err(skipped);
    }
    if let Some(known) = inputs_or_known(core, body, options.as_deref(), policy, source).await? {
        return Ok(known);
    }
    if let Some(options) = options {
        // The trigger rule is decided here, where all inputs are known; the run behind this node sees only data inputs.
        options.policy.trigger = Some(Trigger::Always);
    }
    let body = body.take().expect("bug in flowkit: a sub-flow was started without a body");
    // It is unknown whether the run behind the recorded node belongs to this call; with other inputs it is another run.
    let is_same = core.identity().is_none_or(|identity| identity.unknown.is_none())
        && core.recorded().is_none_or(|recorded| recorded.made_from == core.made_from());
    if core.is_claimed() && is_same {
        let resumed = Box::pin(earlier_run::<B>(core)).await?;
        options.get_or_insert_default().resumed = resumed;
    }
    if may_not_begin(core) {
        Box::pin(stay(core)).await?;
    }
    let current = context::current();
    let started = start(body, options.take(), current.as_ref(), core.location)
        .map_err(|refusal| Error::Refused { run: core.label(), refusal })?;
    if let Some(run) = core.run() {
        let id = started.run.id;
        run.change_task_run(core.id, |task_run| task_run.set_flow_run(id));
    }
    core.begin(core.attempts_left().attempts + 1, false);
    let run = Arc::clone(&started.run);
    let finished = pin!(wait_for_end(started, &B::info().declaration));
    match select(finished, pin!(core.cancelled())).await {
        Either::Left((result, _)) => result,
        Either::Right(((), finished)) => {
            run.cancel();
            finished.await
        }
    }
}

/// Takes over the run that an earlier process started behind this node, if there is one.
async fn earlier_run<B: FlowBody>(core: &Core) -> Result<Option<Box<ResumedRun>>, Error<B::Error>> {
    let Some(run_store) = core.run_store() else { return Ok(None) };
    let (id, node) = (run_store.owned.id, core.id);
    let (request, strict) = run_store.previous(|previous| previous.inside(node)).unwrap_or_default();
    let path = core.declaration.path;
    let found = ask(&run_store.store, move |store| {
        for child in store.sub_flow_runs(id, node)? {
            if store.flow_run(child)?.is_some_and(|child| child.path == path) {
                return store.take_over(child).map(Some);
            }
        }
        Ok(None)
    });
    let recovered =
        found.await.map_err(|error| Error::Store { run: core.label(), source: Arc::new(error) })?;
    Ok(recovered.map(|recovered| Box::new(ResumedRun { recovered, request, strict })))
}
