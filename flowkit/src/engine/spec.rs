//! A flow without its types, as data: what a runtime knows about the flows that it can run by name. The functions in it, which know
//! the types, are made in `flow/spec`.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::engine::flow_run::Run;
use crate::engine::runtime::Runtime;
use crate::graph::Graph;
use crate::model::BoxError;
use crate::model::{Declaration, Error, ErrorReport, FlowRunId, State, TaskRun, TaskRunId};
use crate::policy::resume::RedoScope;
#[cfg(feature = "store")]
use crate::value::parameters::Parameter;

/// A flow without its types: `etl::spec()`. [`RuntimeBuilder::flow`](crate::RuntimeBuilder::flow) takes it.
#[derive(Clone, Copy)]
pub struct FlowSpec {
    pub(crate) declaration: &'static Declaration,
    #[cfg(feature = "store")]
    pub(crate) parameters: fn() -> Vec<Parameter>,
    /// Calls the flow with arguments as JSON; `None` if one of them is not deserializable.
    #[cfg(feature = "store")]
    pub(crate) call: fn(&str) -> Option<Result<UntypedCall, BoxError>>,
    pub(crate) resume: fn(FlowRunId, ResumeOptions) -> BoxFuture<'static, AnyFlowResult>,
}

/// A run that has ended, or why it never began.
pub(crate) type AnyFlowResult = Result<AnyFlowRun, Error>;

impl FlowSpec {
    /// Returns the name of the flow, as it is recorded: the function's, or the attribute's `name`.
    pub fn name(&self) -> &'static str {
        self.declaration.name
    }

    /// Returns the name of the function, which is the flow's name on the command line.
    pub fn ident(&self) -> &'static str {
        self.declaration.path.rsplit("::").next().unwrap_or(self.declaration.name)
    }

    /// Returns the `owner` of the flow, if it sets one.
    pub fn owner(&self) -> Option<&'static str> {
        self.declaration.owner
    }

    /// Returns the description of the flow: its doc comment, or the attribute's `description`.
    pub fn description(&self) -> &'static str {
        self.declaration.description
    }
}

#[cfg(feature = "store")]
impl FlowSpec {
    /// Returns the parameters of the flow; `None` if one of them is not `Deserialize`.
    pub fn parameters(&self) -> Option<Vec<Parameter>> {
        let parameters = self.all_parameters();
        parameters.iter().all(|parameter| parameter.is_read).then_some(parameters)
    }

    /// Returns the parameters of the flow, including those that are not `Deserialize`.
    pub(crate) fn all_parameters(&self) -> Vec<Parameter> {
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

/// How to resume a run.
#[derive(Clone, Debug)]
pub(crate) struct ResumeOptions {
    /// The runtime whose store has the run; `None` for the ambient one.
    pub(crate) runtime: Option<Runtime>,
    /// What to run again; `None` for what [`RedoRequest::by_default`](crate::policy::resume::RedoRequest::by_default) says.
    pub(crate) redo: Option<RedoScope>,
    pub(crate) strict: bool,
    /// Arguments as a JSON object, to be used instead of the persisted ones.
    pub(crate) arguments: Option<String>,
    pub(crate) location: &'static Location<'static>,
}

/// How to run a flow, beside its arguments.
#[cfg(feature = "store")]
pub(crate) struct RunOptions {
    /// `None` for the ambient one.
    pub(crate) runtime: Option<Runtime>,
    pub(crate) name: Option<String>,
    pub(crate) tags: Vec<String>,
    /// The idempotency key.
    pub(crate) key: Option<String>,
    pub(crate) location: &'static Location<'static>,
}

#[cfg(feature = "store")]
impl RunOptions {
    /// Of a call at this location, without anything else.
    pub(crate) fn at(location: &'static Location<'static>) -> Self {
        Self { runtime: None, name: None, tags: Vec::new(), key: None, location }
    }
}

/// A call of a flow whose types are not known.
#[cfg(feature = "store")]
pub(crate) struct UntypedCall {
    /// Its arguments as they are persisted, without secrets; `None` if one of them is not serializable.
    pub(crate) arguments: Option<String>,
    /// Returns the run. It begins when it is polled.
    pub(crate) begin: Box<dyn FnOnce(RunOptions) -> BoxFuture<'static, AnyFlowResult> + Send>,
}

/// A flow run that has ended, without its types: the output of [`Runtime::resume`], and of [`FlowSpec::start`].
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

    /// Returns the result of the flow as JSON; `None` if it has none, or one that is not serializable.
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// Returns the error with which the flow failed, if it did.
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
