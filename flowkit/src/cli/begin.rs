//! Calls a flow with arguments that are JSON. Which flow it is, its [`FlowSpec`] knows.

use std::panic::Location;

use futures_util::future::BoxFuture;

use crate::any_flow::{Ended, FlowSpec};
use crate::engine::flow_run::start::start;
use crate::engine::runtime::Runtime;
use crate::engine::task_run::launch;
use crate::engine::task_run::options::CallOptions;
use crate::flow::{FlowBody, FlowRun, RunningFlow};
use crate::model::{BoxError, Error};

/// Reads the arguments and calls the flow; `None` if they cannot be read at all.
pub(crate) type Begin = fn(&str, Said) -> Option<Result<Run, BoxError>>;

/// A flow run. It begins when it is polled.
pub(crate) type Run = BoxFuture<'static, Ended>;

/// What is said about a run that begins, beside its arguments.
pub(crate) struct Said {
    pub(crate) runtime: Runtime,
    pub(crate) name: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) location: &'static Location<'static>,
}

impl FlowSpec {
    /// Calls the flow with arguments that are a JSON object.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the arguments.
    pub(super) fn begin(&self, arguments: &str, said: Said) -> Result<Run, BoxError> {
        (self.begin)(arguments, said)
            .unwrap_or_else(|| Err(format!("`{}` cannot be called with JSON", self.ident()).into()))
    }
}

pub(crate) fn begin<B: FlowBody>(arguments: &str, said: Said) -> Option<Result<Run, BoxError>> {
    let body = B::from_arguments(arguments)?;
    Some(body.map(|body| -> Run { Box::pin(begun(body, said)) }))
}

async fn begun<B: FlowBody>(body: B, said: Said) -> Ended {
    let Said { runtime, name, tags, location } = said;
    let options = CallOptions { runtime: Some(runtime), name, tags, ..CallOptions::default() };
    let label = launch::label::<B>(None);
    let started = start(body, Some(Box::new(options)), None, location)
        .map_err(|refusal| Error::Refused { run: label.clone(), refusal })?;
    let run: FlowRun<B::Output, B::Error> = RunningFlow::of(label, started).await;
    run.without_types(B::codec())
}
