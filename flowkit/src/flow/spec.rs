//! A flow without its types, as the command line and [`Runtime::resume`](crate::Runtime::resume) need it: the functions behind a
//! [`FlowSpec`], where untyped calls get their types and results lose them.

use crate::engine::body::FlowBody;
#[cfg(feature = "cli")]
use crate::engine::flow_run::start::{arguments_of, start};
use crate::engine::spec::{AnyFlowResult, FlowSpec, ResumeOptions};
#[cfg(feature = "cli")]
use crate::engine::spec::{RunOptions, UntypedCall};
#[cfg(feature = "cli")]
use crate::engine::task_run::{launch, options::CallOptions};
#[cfg(feature = "cli")]
use crate::flow::RunningFlow;
use crate::flow::resume::Resume;
use crate::model::FlowRunId;
#[cfg(feature = "cli")]
use crate::model::{BoxError, Error};

/// A flow by its type: what `#[flow]` makes of a function without type parameters.
pub trait Flow {
    /// Returns the flow without its types.
    fn spec() -> FlowSpec;
}

impl FlowSpec {
    #[doc(hidden)]
    pub fn __of<B: FlowBody>() -> Self {
        Self {
            declaration: &B::info().declaration,
            #[cfg(feature = "store")]
            parameters: B::parameters,
            #[cfg(feature = "cli")]
            call: call::<B>,
            resume: |id, options| Box::pin(resume::<B>(id, options)),
        }
    }

    /// Calls the flow with arguments as a JSON object.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the arguments.
    #[cfg(feature = "cli")]
    pub(crate) fn call(&self, arguments: &str, options: RunOptions) -> Result<UntypedCall, BoxError> {
        (self.call)(arguments, options)
            .unwrap_or_else(|| Err(format!("`{}` cannot be called with JSON", self.ident()).into()))
    }
}

#[cfg(feature = "cli")]
fn call<B: FlowBody>(arguments: &str, options: RunOptions) -> Option<Result<UntypedCall, BoxError>> {
    let body = B::from_arguments(arguments)?;
    Some(body.map(|body| {
        let arguments = arguments_of(&body);
        UntypedCall { arguments: arguments.clone(), run: Box::pin(run(body, arguments, options)) }
    }))
}

#[cfg(feature = "cli")]
async fn run<B: FlowBody>(body: B, arguments: Option<String>, options: RunOptions) -> AnyFlowResult {
    let RunOptions { runtime, name, tags, location } = options;
    let options = CallOptions { runtime: Some(runtime), name, tags, arguments, ..CallOptions::default() };
    let started = start(body, Some(Box::new(options)), None, location)
        .map_err(|refusal| Error::Refused { run: launch::label::<B>(None), refusal });
    RunningFlow::of::<B>(started).await.without_types(B::codec())
}

async fn resume<B: FlowBody>(id: FlowRunId, options: ResumeOptions) -> AnyFlowResult {
    Resume::<B>::with_options(id, options).run().await.without_types(B::codec())
}
