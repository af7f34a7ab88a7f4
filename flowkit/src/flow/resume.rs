//! Resuming a flow run that another process left: crashed, suspended, or failed.

use std::future::IntoFuture;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::engine::body::Body;
use crate::engine::body::FlowBody;
use crate::engine::context;
use crate::engine::flow_run::start::{Started, start, wait_for_end};
use crate::engine::replay::previous::{ReplayOptions, Resumed};
use crate::engine::replay::run_store::ask;
use crate::engine::runtime::Runtime;
use crate::engine::spec::ResumeOptions;
use crate::engine::task_run::launch;
use crate::engine::task_run::options::CallOptions;
use crate::flow::{FlowRun, RunningFlow};
use crate::model::{Error, FlowRunId, OrderNo, Refusal, StoredFlowRun, TaskRun, TaskRunId};
use crate::policy::resume::{Redo, RedoRequest};
use crate::store::{Recovered, Store, StoreError, TaskRunFilter};
use crate::task::call::Call;

/// A resumed flow run. Made by the flow's `resume`, or by [`Call::resuming`]; await it.
///
/// The flow function runs again from the top. Each call whose result is kept gives that result and does not run; what was
/// under way when the process died runs again; the rest runs for the first time. What of the record is not called again,
/// because the code has changed, is warned of when the flow has ended.
///
/// A task that starts others in its body should await them: once it has finished it does not run again, so nobody calls
/// again what it left running when the process died. The resumed run warns of that.
///
/// A run that failed for good does again what failed. One that has ended well gives its result.
#[must_use = "nothing is resumed until this is awaited"]
pub struct Resume<B: FlowBody> {
    pub(crate) run: FlowRunId,
    /// The arguments, if they do not come from the store.
    body: Option<B>,
    how: ResumeOptions,
    runtime: Option<Runtime>,
    pub(crate) location: &'static Location<'static>,
    marker: PhantomData<fn() -> B>,
}

impl<B: FlowBody> Resume<B> {
    #[doc(hidden)]
    pub fn __new(run: FlowRunId, location: &'static Location<'static>) -> Self {
        Self { run, body: None, how: ResumeOptions::default(), runtime: None, location, marker: PhantomData }
    }

    /// With arguments that do not come from the store.
    pub(crate) fn with_body(
        run: FlowRunId,
        body: B,
        runtime: &Runtime,
        location: &'static Location<'static>,
    ) -> Self {
        Self { body: Some(body), runtime: Some(runtime.clone()), ..Self::__new(run, location) }
    }

    pub(crate) fn with_options(
        run: FlowRunId,
        runtime: Runtime,
        how: ResumeOptions,
        location: &'static Location<'static>,
    ) -> Self {
        Self { runtime: Some(runtime), how, ..Self::__new(run, location) }
    }

    /// Uses this runtime, whose store has the run, instead of the ambient one.
    pub fn on(mut self, runtime: &Runtime) -> Self {
        self.runtime = Some(runtime.clone());
        self
    }

    /// Does again what failed for good, and what did not run because of it.
    pub fn retry_failed(mut self) -> Self {
        self.how.redo = Some(Redo::Failed);
        self
    }

    /// Does the task `task` again, by name, with all that it calls itself, and everything that used its results. It may be a
    /// sub-flow: then all of that is done again. Nothing of that is taken from the cache. What failed for good is tried again
    /// too, wherever it is: it may have failed for what the task gave. If the process dies over it, the next one that resumes
    /// the run goes on with that. A run that has called no task of that name is refused, and stays as it is.
    pub fn rerun_from(mut self, task: impl Into<String>) -> Self {
        self.how.redo = Some(Redo::From(task.into()));
        self
    }

    /// Refuses a call that is not recorded, as long as recorded ones of the same body have not been made again; and fails
    /// the run if some are never made. Nothing of what was refused runs.
    ///
    /// For flows whose body makes its calls in the same order each time. Without it, what has changed is warned of, and
    /// [`FlowRun::not_called_again`] and [`FlowRun::called_instead`] name it.
    pub fn strict(mut self) -> Self {
        self.how.strict = true;
        self
    }

    /// Goes on with the run, and gives everything that is known of it, whether it failed or not.
    pub async fn run(self) -> FlowRun<B::Output, B::Error> {
        match self.start().await {
            Ok(started) => RunningFlow::of(launch::label::<B>(None), started).await,
            Err(error) => FlowRun::refused(error),
        }
    }

    pub(crate) async fn start(self) -> Result<Started<B::Output, B::Error>, Error<B::Error>> {
        let label = launch::label::<B>(None);
        let refused = |refusal| Error::Refused { run: label.clone(), refusal };
        let runtime = self.runtime.unwrap_or_else(context::runtime);
        let store = runtime.store().ok_or_else(|| refused(Refusal::NoStore))?;
        let id = self.run;
        let path = B::info().declaration.path;
        let failed = |error| Error::Store { run: label.clone(), source: Arc::new(error) };
        // Looked at before it is taken over: a run that is refused stays as it is.
        let body = match ask(store, move |store| store.flow_run(id)).await.map_err(failed)? {
            Some(run) if run.path != path => {
                return Err(refused(Refusal::OtherFlow { run: id.short(), recorded: run.flow }));
            }
            Some(run) if self.body.is_none() => {
                Some(arguments::<B>(&run, self.how.arguments.as_deref()).map_err(&refused)?)
            }
            _ => self.body,
        };
        let redo = self.how.redo;
        if let Some(Redo::From(task)) = &redo {
            let known = ask(store, move |store| task_names(store, id)).await.map_err(failed)?;
            if !known.contains(task) {
                let (run, task) = (id.short(), task.clone());
                return Err(refused(Refusal::NoSuchTask { run, task, known }));
            }
        }
        let (recovered, asked) = ask(store, move |store| take_over(store, id, redo)).await.map_err(failed)?;
        let body = body.ok_or_else(|| refused(Refusal::NoArguments { run: id.short() }))?;
        let options = CallOptions {
            runtime: Some(runtime.clone()),
            resumed: Some(Box::new(Resumed {
                recovered,
                wish: ReplayOptions { asked, strict: self.how.strict },
            })),
            ..CallOptions::default()
        };
        start(body, Some(Box::new(options)), context::current().as_ref(), self.location).map_err(refused)
    }
}

/// Takes a run over, and keeps with it what is to be done again: the process may die before all of it is done, and results
/// that are wanted anew would stand for good then.
fn take_over(
    store: &dyn Store,
    id: FlowRunId,
    said: Option<Redo>,
) -> Result<(Recovered, RedoRequest), StoreError> {
    let recovered = store.take_over(id)?;
    let is_sealed = |row: &TaskRun| row.call.is_some_and(|call| call.seal.is_some());
    if let Err(file) = store.sealing()
        && recovered.task_runs.iter().any(is_sealed)
    {
        store.suspend(recovered.owned, None);
        return Err(StoreError::NoSealKey { file: file.to_owned() });
    }
    let asked = match said {
        Some(redo) => redo.into(),
        None => RedoRequest::of(&recovered.run, store.redo_request(id)?),
    };
    if asked.since.is_none() && asked.redo != Redo::Nothing {
        let since = recovered.last_no.map_or(0, OrderNo::get);
        store.request_redo(recovered.owned, &RedoRequest { since: Some(since), ..asked.clone() })?;
    }
    Ok((recovered, asked))
}

/// Returns the names of the tasks that a run has called, each once, in the order in which they were called first.
fn task_names(store: &dyn Store, id: FlowRunId) -> Result<Vec<String>, StoreError> {
    /// So many rows are read at once.
    const PAGE: usize = 1000;
    let (mut names, mut after) = (Vec::<String>::new(), TaskRunId::FLOW);
    loop {
        let rows = store.task_runs(id, &TaskRunFilter::default(), after, PAGE)?;
        let is_last = rows.len() < PAGE;
        for row in rows {
            after = row.id;
            if names.iter().all(|name| *name != row.task) {
                names.push(row.task.into_owned());
            }
        }
        if is_last {
            return Ok(names);
        }
    }
}

/// Reads the arguments that were said, or else those that were kept of a run.
fn arguments<B: FlowBody>(run: &StoredFlowRun, said: Option<&str>) -> Result<B, Refusal> {
    let body = said.or(run.parameters.as_deref()).and_then(B::from_arguments);
    let run = run.id.short();
    match body {
        Some(Ok(body)) => Ok(body),
        Some(Err(reason)) => Err(Refusal::Arguments { run, reason: reason.to_string() }),
        None => Err(Refusal::NoArguments { run }),
    }
}

impl<B: FlowBody> IntoFuture for Resume<B> {
    type Output = Result<B::Output, Error<B::Error>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let started = self.start().await?;
            wait_for_end(started, &B::info().declaration).await
        })
    }
}

impl<T, E, B> Call<'static, T, E, B>
where
    B: FlowBody + Body<Output = T, Error = E>,
{
    /// Goes on with the run `run` of this flow, which another process left, with these arguments.
    ///
    /// A flow whose arguments can be written and read has `resume(run)` too, which needs no arguments.
    #[track_caller]
    pub fn resuming(self, run: FlowRunId) -> Resume<B> {
        let runtime = self.setup.options.and_then(|options| options.runtime);
        Resume { runtime, body: Some(self.body), ..Resume::__new(run, Location::caller()) }
    }
}
