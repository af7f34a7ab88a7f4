//! Resuming a flow run that an earlier process left: crashed, suspended, or failed. What becomes of each recorded call is decided
//! in `policy/resume`.

use std::future::IntoFuture;
use std::panic::Location;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::engine::body::{Body, FlowBody};
use crate::engine::context;
use crate::engine::flow_run::start::{Started, start};
use crate::engine::replay::previous::ResumedRun;
use crate::engine::replay::run_store::ask;
use crate::engine::runtime::Runtime;
use crate::engine::spec::{AnyFlowResult, ResumeOptions};
use crate::engine::task_run::launch;
use crate::engine::task_run::options::CallOptions;
use crate::flow::{FlowRun, RunningFlow};
use crate::model::{Error, FlowRunId, Kind, OrderNo, Refusal, RunLabel, StoredFlowRun, TaskRun, TaskRunId};
use crate::policy::resume::{RedoRequest, RedoScope};
use crate::store::{Store, StoreError, TaskRunFilter};
use crate::task::call::Call;

/// A flow run to be resumed. Made by the flow's `resume`, by [`Call::resuming`] or by [`Runtime::resume`]; await it.
///
/// The flow function runs again from the top. A call whose result is persisted returns that result without running; a call that
/// was running when the process died runs again; all others run for the first time. When the flow has ended, a warning names the
/// recorded calls that were not made again because the code has changed.
///
/// A task that starts other tasks in its body should await them. Once it has finished it does not run again, so no code calls
/// again what it left running when the process died. The resumed run warns about that, too.
///
/// By default, resuming a run that has failed for good is [`retry_failed`](Self::retry_failed). A run that has completed returns
/// its result.
#[must_use = "nothing is resumed until this is awaited"]
#[derive(Debug)]
pub struct Resume<B = AnyFlow> {
    pub(crate) run: FlowRunId,
    /// The arguments, if they do not come from the store.
    body: Option<B>,
    pub(crate) options: ResumeOptions,
}

/// Stands for the type of a flow that is found by the path which is recorded with its run: see [`Runtime::resume`].
#[derive(Debug)]
pub enum AnyFlow {}

impl<B> Resume<B> {
    #[doc(hidden)]
    pub fn __new(run: FlowRunId, location: &'static Location<'static>) -> Self {
        let options = ResumeOptions { runtime: None, redo: None, strict: false, arguments: None, location };
        Self { run, body: None, options }
    }

    pub(crate) fn with_options(run: FlowRunId, options: ResumeOptions) -> Self {
        Self { run, body: None, options }
    }

    /// Uses the arguments in `body` instead of those in the store.
    pub(crate) fn with_body(self, body: B) -> Self {
        Self { body: Some(body), ..self }
    }

    /// Runs nothing again that has ended, not even what failed for good.
    pub(crate) fn with_its_end(mut self) -> Self {
        self.options.redo = Some(RedoScope::Nothing);
        self
    }

    /// Uses this runtime, whose store has the run, instead of the ambient one.
    pub fn on(mut self, runtime: &Runtime) -> Self {
        self.options.runtime = Some(runtime.clone());
        self
    }

    /// Retries the calls that failed for good, and those that did not run because of them.
    pub fn retry_failed(mut self) -> Self {
        self.options.redo = Some(RedoScope::Failed);
        self
    }

    /// Runs every call of the task named `task` again, with all that it calls itself, and everything that used its results. None
    /// of their results is taken from the cache. The task may be a sub-flow, which then runs again as a whole. The
    /// [label](TaskRun::label) of one call, such as `fetch[3]` or a run name, means that call alone.
    ///
    /// Calls that failed for good run again as well, wherever they are: their failure may be due to what the task returned. The
    /// request is persisted, so if the process dies before all of it is done, the next process that resumes the run continues
    /// with it. If the run has never called a task of that name, the request is refused and the run stays as it is.
    pub fn rerun_from(mut self, task: impl Into<String>) -> Self {
        self.options.redo = Some(RedoScope::From(task.into()));
        self
    }

    /// Refuses, without running it, a call that is not recorded while recorded calls of the same body have not been made again,
    /// and fails the run if some of these are never made.
    ///
    /// For flows whose body makes its calls in the same order each time. Without it, such changes of the code are only warned
    /// about, and [`FlowRun::not_called_again`] and [`FlowRun::called_instead`] list them.
    pub fn strict(mut self) -> Self {
        self.options.strict = true;
        self
    }
}

impl<B: FlowBody> Resume<B> {
    /// Resumes the run and returns everything that is known of it, whether it failed or not.
    pub async fn run(self) -> FlowRun<B::Output, B::Error> {
        RunningFlow::of::<B>(self.start().await).await
    }

    pub(crate) async fn start(mut self) -> Result<Started<B::Output, B::Error>, Error<B::Error>> {
        self.begin().await
    }

    /// Begins the run. If it is refused, the body stays, and it can be begun again.
    pub(crate) async fn begin(&mut self) -> Result<Started<B::Output, B::Error>, Error<B::Error>> {
        let Self { run: id, body, options } = self;
        let ResumeOptions { runtime, redo, strict, arguments, location } = options.clone();
        let id = *id;
        let label = launch::label::<B>(None);
        let refused = |refusal| Error::Refused { run: label.clone(), refusal };
        let failed = |error| Error::Store { run: label.clone(), source: Arc::new(error) };
        let runtime = runtime.unwrap_or_else(context::runtime);
        let store = runtime.store().ok_or_else(|| refused(Refusal::NoStore))?;
        // Checked before the run is taken over: a run that is refused stays as it is.
        match ask(store, move |store| store.flow_run(id)).await.map_err(failed)? {
            Some(run) if run.path != B::info().declaration.path => {
                return Err(refused(Refusal::OtherFlow { run: id.short(), recorded: run.flow }));
            }
            Some(run) if body.is_none() => {
                *body = Some(body_of::<B>(&run, arguments.as_deref()).map_err(&refused)?);
            }
            _ => {}
        }
        if let Some(RedoScope::From(task)) = &redo {
            let named = TaskRunFilter { called: Some(task.clone()), ..TaskRunFilter::default() };
            let found = ask(store, move |store| store.task_runs(id, &named, TaskRunId::FLOW, 1)).await;
            if found.map_err(failed)?.is_empty() {
                let known = ask(store, move |store| task_names(store, id)).await.map_err(failed)?;
                let (run, task) = (id.short(), task.clone());
                return Err(refused(Refusal::NoSuchTask { run, task, known }));
            }
        }
        let resumed = ask(store, move |store| take_over(store, id, redo, strict)).await.map_err(failed)?;
        let body = body.take().ok_or_else(|| refused(Refusal::NoArguments { run: id.short() }))?;
        let options = CallOptions {
            runtime: Some(runtime.clone()),
            resumed: Some(Box::new(resumed)),
            ..CallOptions::default()
        };
        start(body, Some(Box::new(options)), context::current().as_ref(), location).map_err(refused)
    }
}

/// Takes a run over and persists the request of what to run again: the process may die before all of it is done, and without
/// the request the recorded results would then be used after all.
fn take_over(
    store: &dyn Store,
    id: FlowRunId,
    redo: Option<RedoScope>,
    strict: bool,
) -> Result<ResumedRun, StoreError> {
    let recovered = store.take_over(id)?;
    let is_sealed = |row: &TaskRun| row.call.is_some_and(|call| call.seal.is_some());
    if let Err(file) = store.sealing()
        && recovered.task_runs.iter().any(is_sealed)
    {
        store.suspend(recovered.owned, None);
        return Err(StoreError::NoSealKey { file: file.to_owned() });
    }
    let request = match redo {
        Some(scope) => scope.into(),
        None => RedoRequest::by_default(&recovered.run, store.redo_request(id)?),
    };
    if request.since.is_none() && request.scope != RedoScope::Nothing {
        let since = recovered.last_no.map_or(0, OrderNo::get);
        store.request_redo(recovered.owned, &RedoRequest { since: Some(since), ..request.clone() })?;
    }
    Ok(ResumedRun { recovered, request, strict })
}

/// Returns the names of the tasks that a run has called, each once, in the order of their first calls.
fn task_names(store: &dyn Store, id: FlowRunId) -> Result<Vec<String>, StoreError> {
    /// The number of rows that are read at once.
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

/// Makes the body from `arguments`, or else from the persisted arguments of the run.
fn body_of<B: FlowBody>(run: &StoredFlowRun, arguments: Option<&str>) -> Result<B, Refusal> {
    let body = arguments.or(run.parameters.as_deref()).and_then(B::from_arguments);
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
        Box::pin(async move { self.run().await.into_result() })
    }
}

impl<T, E, B> Call<'static, T, E, B>
where
    B: FlowBody + Body<Output = T, Error = E>,
{
    /// Resumes the run `run` of this flow, which an earlier process left, with these arguments instead of the persisted ones.
    ///
    /// A flow whose arguments are serializable has `resume(run)` too, which needs no arguments.
    #[track_caller]
    pub fn resuming(self, run: FlowRunId) -> Resume<B> {
        let mut resume = Resume::__new(run, Location::caller()).with_body(self.body);
        resume.options.runtime = self.setup.options.and_then(|options| options.runtime);
        resume
    }
}

impl Runtime {
    /// Resumes a run of one of the flows that this runtime [knows](crate::RuntimeBuilder::flow), by its id alone. Await it.
    ///
    /// ```
    /// # use flowkit::prelude::*;
    /// # use flowkit::{Runtime, store::MemoryStore};
    /// #[flow]
    /// async fn etl(rows: u32) -> Result<u32> { Ok(rows * 2) }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let runtime = Runtime::builder().store(MemoryStore::new()).flow(etl::spec()).build();
    /// let id = etl(21).on(&runtime).run().await.id().unwrap();
    /// let run = runtime.resume(id).await.unwrap();
    /// assert_eq!(run.value(), Some("42"));
    /// # }
    /// ```
    #[track_caller]
    pub fn resume(&self, run: FlowRunId) -> Resume {
        Resume::__new(run, Location::caller()).on(self)
    }
}

impl Resume {
    /// Finds the flow of the run among those that the runtime knows, and resumes the run with its types.
    async fn by_path(self) -> AnyFlowResult {
        let Self { run: id, options, .. } = self;
        let label = |name: String| RunLabel::new(Kind::Flow, name);
        let refused = |name: String, refusal| Err(Error::Refused { run: label(name), refusal });
        let runtime = options.runtime.clone().unwrap_or_else(context::runtime);
        let Some(store) = runtime.store() else { return refused(id.short(), Refusal::NoStore) };
        let found = ask(store, move |store| store.flow_run(id)).await;
        let row = match found.and_then(|row| row.ok_or_else(|| StoreError::UnknownRun { id: id.to_string() }))
        {
            Ok(row) => row,
            Err(error) => return Err(Error::Store { run: label(id.short()), source: Arc::new(error) }),
        };
        match runtime.flows().iter().find(|flow| flow.declaration.path == row.path) {
            Some(flow) => (flow.resume)(id, options).await,
            None => {
                let known = runtime.flows().iter().map(|flow| flow.name().to_owned()).collect();
                refused(row.flow.clone(), Refusal::UnknownFlow { flow: row.flow, known })
            }
        }
    }
}

impl IntoFuture for Resume {
    type Output = AnyFlowResult;
    type IntoFuture = BoxFuture<'static, AnyFlowResult>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.by_path())
    }
}
