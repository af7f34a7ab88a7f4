//! Calls a flow with arguments that are JSON. Which flow it is, its [`FlowSpec`] knows.

use crate::engine::attempt::panics::guarded;
use crate::engine::body::FlowBody;
use crate::engine::flow_run::start::start;
use crate::engine::spec::{BegunCall, Ended, FlowSpec, RunOptions};
use crate::engine::task_run::launch;
use crate::engine::task_run::options::CallOptions;
use crate::flow::{FlowRun, RunningFlow};
use crate::model::{BoxError, Error};

impl FlowSpec {
    /// Calls the flow with arguments that are a JSON object.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the arguments.
    pub(crate) fn begin(&self, arguments: &str, said: RunOptions) -> Result<BegunCall, BoxError> {
        (self.begin)(arguments, said)
            .unwrap_or_else(|| Err(format!("`{}` cannot be called with JSON", self.ident()).into()))
    }
}

pub(crate) fn begin<B: FlowBody>(arguments: &str, said: RunOptions) -> Option<Result<BegunCall, BoxError>> {
    let body = B::from_arguments(arguments)?;
    let call = |body: B| {
        let arguments = guarded("way to write arguments down", || body.arguments()).flatten();
        BegunCall { arguments, run: Box::pin(begun(body, said)) }
    };
    Some(body.map(call))
}

async fn begun<B: FlowBody>(body: B, said: RunOptions) -> Ended {
    let RunOptions { runtime, name, tags, location } = said;
    let options = CallOptions { runtime: Some(runtime), name, tags, ..CallOptions::default() };
    let label = launch::label::<B>(None);
    let started = start(body, Some(Box::new(options)), None, location)
        .map_err(|refusal| Error::Refused { run: label.clone(), refusal })?;
    let run: FlowRun<B::Output, B::Error> = RunningFlow::of(label, started).await;
    run.without_types(B::codec())
}
