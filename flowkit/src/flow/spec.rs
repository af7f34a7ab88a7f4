//! A flow without its types: found by name at run time, as a command line and a resumed run need it.

use std::fmt;
use std::future::IntoFuture;
use std::panic::Location;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::engine::flow_run::Run;
use crate::engine::runtime::Runtime;
#[cfg(feature = "store")]
use crate::flow::parameters::Parameter;
use crate::flow::resume::{How, Resume};
#[cfg(feature = "cli")]
use crate::flow::start::Begin;
use crate::flow::{FlowBody, FlowRun};
use crate::graph::Graph;
use crate::model::{
    Declaration, Error, ErrorReport, FlowRunId, Kind, Refusal, RunLabel, State, TaskRun, TaskRunId,
};
use crate::policy::resume::Redo;

/// A flow by its type: what `#[flow]` makes of a function without type parameters.
pub trait Flow {
    /// Returns the flow without its types.
    fn spec() -> FlowSpec;
}

/// A flow without its types: `etl::spec()`. [`RuntimeBuilder::flow`](crate::RuntimeBuilder::flow) takes it.
#[derive(Clone, Copy)]
pub struct FlowSpec {
    pub(crate) declaration: &'static Declaration,
    #[cfg(feature = "store")]
    parameters: fn() -> Vec<Parameter>,
    #[cfg(feature = "cli")]
    pub(crate) begin: Begin,
    resume: fn(FlowRunId, Runtime, How, &'static Location<'static>) -> BoxFuture<'static, Ended>,
}

pub(crate) type Ended = Result<AnyFlowRun, Error>;

impl FlowSpec {
    #[doc(hidden)]
    pub fn __of<B: FlowBody>() -> Self {
        Self {
            declaration: &B::info().declaration,
            #[cfg(feature = "store")]
            parameters: B::parameters,
            #[cfg(feature = "cli")]
            begin: crate::flow::start::begin::<B>,
            resume: |id, runtime, how, location| Box::pin(resumed::<B>(id, runtime, how, location)),
        }
    }

    /// Returns the name of the flow.
    pub fn name(&self) -> &'static str {
        self.declaration.name
    }

    /// Returns the name of the function: what people type.
    pub fn ident(&self) -> &'static str {
        self.declaration.path.rsplit("::").next().unwrap_or(self.declaration.name)
    }

    /// Returns what the flow says of itself: its doc comment, or the attribute's `description`.
    pub fn description(&self) -> &'static str {
        self.declaration.description
    }

    /// Returns what the flow wants to be given; `None` if one of its parameters is not `Deserialize`.
    #[cfg(feature = "store")]
    pub fn parameters(&self) -> Option<Vec<Parameter>> {
        let parameters = self.all_parameters();
        parameters.iter().all(|parameter| parameter.is_read).then_some(parameters)
    }

    /// The same with those that cannot be read.
    #[cfg(feature = "store")]
    pub(crate) fn all_parameters(&self) -> Vec<Parameter> {
        (self.parameters)()
    }

    /// Returns the JSON schema of the flow's arguments; `None` if one of its parameters is not `Deserialize`.
    #[cfg(feature = "store")]
    pub fn schema(&self) -> Option<String> {
        self.parameters().map(|parameters| crate::flow::parameters::schema(&parameters).to_string())
    }
}

impl fmt::Debug for FlowSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowSpec").field("name", &self.name()).finish_non_exhaustive()
    }
}

async fn resumed<B: FlowBody>(
    id: FlowRunId,
    runtime: Runtime,
    how: How,
    location: &'static Location<'static>,
) -> Ended {
    let run: FlowRun<B::Output, B::Error> = Resume::<B>::as_said(id, runtime, how, location).run().await;
    run.without_types(B::codec())
}

/// A flow run that has ended, without its types: what [`Runtime::resume`] gives.
#[derive(Clone)]
pub struct AnyFlowRun {
    pub(crate) run: Arc<Run>,
    pub(crate) value: Option<String>,
}

impl AnyFlowRun {
    /// Returns the id of the run.
    pub fn id(&self) -> FlowRunId {
        self.run.id
    }

    /// Returns how the run ended.
    pub fn state(&self) -> State {
        self.run.state()
    }

    /// Returns the result of the flow as JSON; `None` if it has none, or one that cannot be written.
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// Returns why the flow gave no value.
    pub fn error(&self) -> Option<ErrorReport> {
        self.flow().and_then(|flow| flow.error().cloned())
    }

    /// Returns the run of the flow itself, with its attempts and timings.
    pub fn flow(&self) -> Option<TaskRun> {
        self.run.task_run(TaskRunId::FLOW)
    }

    /// Returns the task runs in the order of their calls, without the flow itself.
    pub fn task_runs(&self) -> Vec<TaskRun> {
        self.run.read(|record| record.task_runs().skip(1).cloned().collect())
    }

    /// Returns the graph of the task runs.
    pub fn graph(&self) -> Graph {
        self.run.read(Graph::of)
    }
}

impl fmt::Debug for AnyFlowRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyFlowRun")
            .field("id", &self.id())
            .field("state", &self.state())
            .field("value", &self.value)
            .finish_non_exhaustive()
    }
}

impl Runtime {
    /// Goes on with a flow run of one of the flows that this runtime [knows](crate::RuntimeBuilder::flow), by id alone.
    /// Await it. See [`Resume`] for what that means.
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
    pub fn resume(&self, run: FlowRunId) -> ResumeAny {
        ResumeAny { run, runtime: self.clone(), how: How::default(), location: Location::caller() }
    }
}

/// A flow run that is resumed by its id. Made by [`Runtime::resume`]; await it.
#[must_use = "nothing is resumed until this is awaited"]
#[derive(Debug)]
pub struct ResumeAny {
    run: FlowRunId,
    runtime: Runtime,
    how: How,
    location: &'static Location<'static>,
}

impl ResumeAny {
    /// Does again what failed for good. See [`Resume::retry_failed`].
    pub fn retry_failed(mut self) -> Self {
        self.how.redo = Some(Redo::Failed);
        self
    }

    /// Does a task again, and everything that used its results. See [`Resume::rerun_from`].
    pub fn rerun_from(mut self, task: impl Into<String>) -> Self {
        self.how.redo = Some(Redo::From(task.into()));
        self
    }

    /// Refuses what is not recorded. See [`Resume::strict`].
    pub fn strict(mut self) -> Self {
        self.how.strict = true;
        self
    }

    /// Goes on with these arguments, a JSON object, instead of those that were kept.
    #[cfg(feature = "cli")]
    pub(crate) fn with_arguments(mut self, arguments: String) -> Self {
        self.how.arguments = Some(arguments);
        self
    }

    async fn go_on(self) -> Ended {
        let label = |name: String| RunLabel::new(Kind::Flow, name);
        let refused = |name: String, refusal| Err(Error::Refused { run: label(name), refusal });
        let Some(store) = self.runtime.store() else { return refused(self.run.short(), Refusal::NoStore) };
        let id = self.run;
        let found = crate::engine::recover::kept::ask(store, move |store| store.flow_run(id)).await;
        let row = match found {
            Ok(Some(row)) => row,
            Ok(None) => {
                let source = crate::store::StoreError::UnknownRun { id: id.to_string() };
                return Err(Error::Store { run: label(id.short()), source: Arc::new(source) });
            }
            Err(error) => return Err(Error::Store { run: label(id.short()), source: Arc::new(error) }),
        };
        match self.runtime.flows().iter().find(|flow| flow.declaration.path == row.path) {
            Some(flow) => (flow.resume)(id, self.runtime.clone(), self.how, self.location).await,
            None => {
                let known = self.runtime.flows().iter().map(|flow| flow.name().to_owned()).collect();
                refused(row.flow.clone(), Refusal::UnknownFlow { flow: row.flow, known })
            }
        }
    }
}

impl IntoFuture for ResumeAny {
    type Output = Ended;
    type IntoFuture = BoxFuture<'static, Ended>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.go_on())
    }
}
