//! Bodies too large to be moved from layer to layer: their arguments and the future of an attempt are boxed first.
//!
//! A future that contains another one by value is as large, and is itself moved. Between the call and the body there are
//! some twenty of them, and without this each would reserve stack space for the body at the same time.

use std::error::Error as StdError;
use std::future::Future;

use super::inputs::Visit;
use crate::engine::body::FlowBody;
use crate::engine::body::{Body, TaskInfo};
use crate::engine::call_key::CallKey;
use crate::engine::flow_run::tally::Tally;
use crate::model::{BoxError, Codec, Digest, DigestError};
use crate::policy::cache::KeyInput;
use crate::value::canonical::Sealing;

/// The largest future that is moved by value, in bytes: that of tokio (`BOX_FUTURE_THRESHOLD`), which boxes larger ones
/// when they are spawned. Unoptimized code copies a value several times per move.
const BY_VALUE_MAX: usize = if cfg!(debug_assertions) { 2048 } else { 16_384 };

/// Whether a body is large.
pub(crate) trait Weighed: Body {
    /// Whether it must not be moved by value. A constant, so that only one of both ways is compiled for each body.
    const IS_LARGE: bool = size_of_output(&Self::run) > BY_VALUE_MAX;
}

impl<B: Body> Weighed for B {}

const fn size_of_output<B, F>(_run: &impl FnOnce(B) -> F) -> usize {
    size_of::<F>()
}

/// A large body. It must forward every method of the body, which `tests/architecture.rs` checks.
pub(crate) struct OnHeap<B>(Box<B>);

impl<B> OnHeap<B> {
    pub(crate) fn new(body: B) -> Self {
        Self(Box::new(body))
    }
}

impl<B: Body> Body for OnHeap<B> {
    type Output = B::Output;
    type Error = B::Error;

    fn info() -> &'static TaskInfo {
        B::info()
    }

    fn identity() -> &'static str {
        B::identity()
    }

    fn visit(&self, visit: &mut Visit<'_>) {
        self.0.visit(visit);
    }

    fn visit_compared(&self, visit: &mut Visit<'_>) {
        self.0.visit_compared(visit);
    }

    fn again(&self) -> Option<Self> {
        self.0.again().map(Self::new)
    }

    fn run(self) -> impl Future<Output = Result<B::Output, B::Error>> + Send {
        Box::pin(self.0.run())
    }

    fn run_detached(self) -> impl Future<Output = Result<B::Output, B::Error>> + Send
    where
        Self: 'static,
    {
        Box::pin(self.0.run_detached())
    }

    fn as_error(error: &B::Error) -> Option<&(dyn StdError + 'static)> {
        B::as_error(error)
    }

    fn retry_if(error: &B::Error) -> bool {
        B::retry_if(error)
    }

    fn run_name(&self) -> Option<String> {
        self.0.run_name()
    }

    fn cache_key(
        &self,
        sealing: Sealing<'_>,
        parts: Option<&mut Vec<KeyInput>>,
    ) -> Result<Digest, DigestError> {
        self.0.cache_key(sealing, parts)
    }

    fn call_key(&self, key: &mut CallKey<'_>) {
        self.0.call_key(key);
    }

    fn digest_output(output: &B::Output) -> Option<Digest> {
        B::digest_output(output)
    }

    fn codec() -> Option<Codec<B::Output>> {
        B::codec()
    }

    fn copy_output(output: &B::Output) -> Option<B::Output> {
        B::copy_output(output)
    }
}

impl<B: FlowBody> FlowBody for OnHeap<B> {
    fn arguments(&self) -> Option<String> {
        self.0.arguments()
    }

    fn from_arguments(json: &str) -> Option<Result<Self, BoxError>> {
        B::from_arguments(json).map(|read| read.map(Self::new))
    }

    #[cfg(feature = "store")]
    fn parameters() -> Vec<crate::value::parameters::Parameter> {
        B::parameters()
    }

    fn tally(output: &B::Output, tally: &mut Tally) {
        B::tally(output, tally);
    }
}
