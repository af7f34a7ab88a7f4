//! The ambient context: which task run is running here, so that a call finds its flow without a parameter.

use std::collections::HashSet;
use std::future::Future;
use std::panic::Location;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::attempt::panics::guarded;
use super::flow_run::any_alive;
use super::flow_run::observer::Made;
use super::runtime::Runtime;
use super::task_run::core::{Core, TaskLocal};
use crate::model::Artifact;
use crate::store::FactKind;

/// The context in which a call is made.
#[derive(Clone)]
pub(crate) struct Current {
    scope: Arc<dyn TaskLocal>,
    pub(crate) group: Option<Arc<str>>,
}

impl Current {
    pub(crate) fn new(scope: Arc<dyn TaskLocal>) -> Self {
        Self { scope, group: None }
    }

    pub(crate) fn in_group(mut self, group: Arc<str>) -> Self {
        self.group = Some(group);
        self
    }

    pub(crate) fn core(&self) -> &Core {
        self.scope.core()
    }

    /// Runs a future in this context.
    pub(crate) fn scope<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, future)
    }

    /// Runs a closure in this context, on any thread.
    pub(crate) fn scope_blocking<R>(self, f: impl FnOnce() -> R) -> R {
        CURRENT.sync_scope(self, f)
    }
}

tokio::task_local! {
    static CURRENT: Current;
    static RUNTIME: Runtime;
}

/// Returns the context, if there is one here.
pub(crate) fn current() -> Option<Current> {
    CURRENT.try_with(Current::clone).ok()
}

/// Reads the context without cloning it.
pub(crate) fn with_core<R>(f: impl FnOnce(Option<&Core>) -> R) -> R {
    let mut f = Some(f);
    match CURRENT.try_with(|current| f.take().map(|f| f(Some(current.core())))) {
        Ok(Some(result)) => result,
        // `try_with` fails before it calls the closure, so `f` is still here.
        _ => f.take().expect("bug in flowkit: the context closure ran twice")(None),
    }
}

/// Persists a fact that the body running here reports of itself. Outside a flow it is lost, which is logged once.
#[track_caller]
pub(crate) fn report(fact: FactKind) {
    static WARNED: AtomicBool = AtomicBool::new(false);
    let what = match &fact {
        FactKind::Measured(_) => "a metric is not kept",
        FactKind::Made(_) => "an artifact is not kept",
        FactKind::Used(_) | FactKind::TimeUp(_) => "what a body says of itself is not kept",
    };
    if report_quietly(fact)
        || (warn_of_lost(what, Location::caller()) || WARNED.swap(true, Ordering::Relaxed))
    {
        return;
    }
    tracing::warn!("an artifact or a metric is not kept: it was made outside a flow");
}

/// Warns, once per location, that something is reported where no task or flow is known, although a flow runs: most likely its
/// context was lost. Returns whether a flow runs.
pub(crate) fn warn_of_lost(what: &str, location: &'static Location<'static>) -> bool {
    let is_lost = with_core(|core| core.is_none()) && any_alive();
    if is_lost && is_first_at(location) {
        tracing::warn!(
            %location,
            "{what}: no task or flow is known here, while one runs; take `let here = ctx();` along to a thread, and say \
             it in `here.enter(|| …)`, or spawn the future with `flowkit::spawn`"
        );
    }
    is_lost
}

/// Whether this is the first warning about this location.
pub(crate) fn is_first_at(location: &'static Location<'static>) -> bool {
    static WARNED: Mutex<Option<HashSet<&'static Location<'static>>>> = Mutex::new(None);
    WARNED.lock().get_or_insert_default().insert(location)
}

/// Persists an artifact that the body makes, and shows it to observers; `file` is the path of the file that it describes.
#[track_caller]
pub(crate) fn made(artifact: Artifact, file: Option<&Path>) {
    let observed = with_core(|core| {
        let core = core?;
        Some((core.runtime().observers().of_artifacts.get()?, core.run()?.id, core.id))
    });
    if let Some((listeners, flow_run, task_run)) = observed {
        let made = Made { flow_run, task_run, artifact: &artifact, file };
        for listener in listeners.iter() {
            guarded("observer", || listener(&made));
        }
    }
    report(FactKind::Made(artifact));
}

/// As [`report`], without a warning. Returns whether the fact was persisted.
pub(crate) fn report_quietly(fact: FactKind) -> bool {
    with_core(|core| {
        let Some((core, run)) = core.and_then(|core| Some((core, core.run()?))) else { return false };
        run.report(core.id, fact);
        true
    })
}

/// Returns the runtime of the current scope, or the ambient one.
pub(crate) fn runtime() -> Runtime {
    if let Some(runtime) = with_core(|core| core.map(|core| core.runtime().clone())) {
        return runtime;
    }
    RUNTIME.try_with(Runtime::clone).unwrap_or_else(|_| Runtime::ambient())
}

pub(crate) fn in_runtime<F: Future>(runtime: Runtime, future: F) -> impl Future<Output = F::Output> {
    RUNTIME.scope(runtime, future)
}
