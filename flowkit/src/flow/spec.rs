//! A flow without its types, as the command line and [`Runtime::resume`](crate::Runtime::resume) need it: the functions behind a
//! [`FlowSpec`], where untyped calls get their types and results lose them.

#[cfg(feature = "store")]
use crate::engine::body::Body;
use crate::engine::body::FlowBody;
#[cfg(feature = "store")]
use crate::engine::flow_run::start::{arguments_of, start};
use crate::engine::spec::{AnyFlowResult, FlowSpec, ResumeOptions};
#[cfg(feature = "store")]
use crate::engine::spec::{RunOptions, UntypedCall};
#[cfg(feature = "store")]
use crate::engine::task_run::{launch, options::CallOptions};
#[cfg(feature = "store")]
use crate::flow::RunningFlow;
#[cfg(feature = "store")]
use crate::flow::idempotent::Keyed;
use crate::flow::resume::Resume;
use crate::model::FlowRunId;
#[cfg(feature = "store")]
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
            #[cfg(feature = "store")]
            call: call::<B>,
            resume: |id, options| Box::pin(resume::<B>(id, options)),
        }
    }
}

#[cfg(feature = "store")]
fn call<B: FlowBody>(arguments: &str) -> Option<Result<UntypedCall, BoxError>> {
    let body = B::from_arguments(arguments)?;
    Some(body.map(|body| {
        let arguments = arguments_of(&body);
        let begin = {
            let arguments = arguments.clone();
            |options| -> futures_util::future::BoxFuture<'static, AnyFlowResult> {
                Box::pin(run(body, arguments, options))
            }
        };
        UntypedCall { arguments, begin: Box::new(begin) }
    }))
}

#[cfg(feature = "store")]
async fn run<B: FlowBody>(body: B, arguments: Option<String>, options: RunOptions) -> AnyFlowResult {
    let RunOptions { runtime, name, tags, key, location } = options;
    let options =
        CallOptions::<<B as Body>::Error> { runtime, name, tags, arguments, ..CallOptions::default() };
    if let Some(key) = key {
        return Keyed::new(body, options, key, location).run().await.without_types(B::codec());
    }
    let started = start(body, Some(Box::new(options)), None, location)
        .map_err(|refusal| Error::Refused { run: launch::label::<B>(None), refusal });
    RunningFlow::of::<B>(started).await.without_types(B::codec())
}

async fn resume<B: FlowBody>(id: FlowRunId, options: ResumeOptions) -> AnyFlowResult {
    Resume::<B>::with_options(id, options).run().await.without_types(B::codec())
}
