//! Going on with a run that an earlier process began.

use std::marker::PhantomData;
use std::panic::Location;

use crate::model::FlowRunId;

/// A run of a flow that is to go on: what `etl::resume(id)` gives.
#[must_use = "nothing goes on until it is awaited: add `.await`"]
pub struct Resume<B> {
    #[allow(dead_code, reason = "read when it is awaited")]
    pub(crate) run: FlowRunId,
    #[allow(dead_code, reason = "read when it is awaited")]
    pub(crate) location: &'static Location<'static>,
    body: PhantomData<fn() -> B>,
}

impl<B> Resume<B> {
    #[doc(hidden)]
    pub fn __new(run: FlowRunId, location: &'static Location<'static>) -> Self {
        Self { run, location, body: PhantomData }
    }
}
