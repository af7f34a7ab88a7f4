//! A flow without its types, as data: what a runtime knows of the flows that it can run by name. Where the types come from and go
//! to, see `flow/spec`.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::engine::flow_run::Run;
use crate::engine::runtime::Runtime;
use crate::graph::Graph;
use crate::model::BoxError;
use crate::model::{Declaration, Error, ErrorReport, FlowRunId, State, TaskRun, TaskRunId};
use crate::policy::resume::Redo;

/// A flow without its types: `etl::spec()`. [`RuntimeBuilder::flow`](crate::RuntimeBuilder::flow) takes it.
#[derive(Clone, Copy)]
pub struct FlowSpec {
    pub(crate) declaration: &'static Declaration,
    #[cfg(feature = "store")]
    pub(crate) parameters: fn() -> Vec<crate::value::parameters::Parameter>,
    #[cfg(feature = "cli")]
    pub(crate) begin: Begin,
    pub(crate) resume:
        fn(FlowRunId, Runtime, ResumeOptions, &'static Location<'static>) -> BoxFuture<'static, Ended>,
}

pub(crate) type Ended = Result<AnyFlowRun, Error>;

impl FlowSpec {
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
}

#[cfg(feature = "store")]
impl FlowSpec {
    /// Returns what the flow wants to be given; `None` if one of its parameters is not `Deserialize`.
    pub fn parameters(&self) -> Option<Vec<crate::value::parameters::Parameter>> {
        let parameters = self.all_parameters();
        parameters.iter().all(|parameter| parameter.is_read).then_some(parameters)
    }

    /// The same with those that cannot be read.
    pub(crate) fn all_parameters(&self) -> Vec<crate::value::parameters::Parameter> {
        (self.parameters)()
    }

    /// Returns the JSON schema of the flow's arguments; `None` if one of its parameters is not `Deserialize`.
    pub fn schema(&self) -> Option<String> {
        self.parameters().map(|parameters| crate::value::parameters::schema(&parameters).to_string())
    }
}

impl fmt::Debug for FlowSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowSpec").field("name", &self.name()).finish_non_exhaustive()
    }
}

/// Options for resuming a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResumeOptions {
    pub(crate) redo: Option<Redo>,
    pub(crate) strict: bool,
    /// Arguments as JSON that count instead of those that were kept.
    pub(crate) arguments: Option<String>,
}

/// Reads the arguments and calls the flow; `None` if they cannot be read at all.
pub(crate) type Begin = fn(&str, RunOptions) -> Option<Result<BegunCall, BoxError>>;

/// A flow that is called.
pub(crate) struct BegunCall {
    /// Its arguments as they are kept and may be shown, without secrets; `None` if one of them cannot be written.
    pub(crate) arguments: Option<String>,
    /// The run. It begins when it is polled.
    pub(crate) run: BoxFuture<'static, Ended>,
}

/// What is said about a run that begins, beside its arguments.
pub(crate) struct RunOptions {
    pub(crate) runtime: Runtime,
    pub(crate) name: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) location: &'static Location<'static>,
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
        self.flow()?.error.map(Arc::unwrap_or_clone)
    }

    /// Returns the run of the flow itself, with its attempts and timings.
    pub fn flow(&self) -> Option<TaskRun> {
        self.run.task_run(TaskRunId::FLOW)
    }

    /// Returns the task runs in the order of their calls, without the flow itself.
    pub fn task_runs(&self) -> Vec<TaskRun> {
        self.run.task_runs()
    }

    /// Returns the graph of the task runs.
    pub fn graph(&self) -> Graph {
        self.run.graph()
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
