//! How a call of a body is made: awaited in place, or submitted. What the body itself is, [`Body`] describes.

use futures_util::future::BoxFuture;

use crate::engine::body::Body;
use crate::engine::handle::Handle;
use crate::engine::task_run::launch;
use crate::engine::task_run::on_heap::{OnHeap, Weighed};
use crate::engine::task_run::options::Setup;
use crate::model::Error;

/// A body that can be called: a task as it says here, a flow as a run of its own.
#[doc(hidden)]
pub trait Dispatch: Body {
    /// Awaits the call in place.
    fn call<'a>(self, call: Setup<Self::Error>) -> BoxFuture<'a, Result<Self::Output, Error<Self::Error>>>
    where
        Self: 'a,
    {
        if Self::IS_LARGE {
            return launch::boxed_call(OnHeap::new(self), call, launch::InPlace);
        }
        launch::boxed_call(self, call, launch::InPlace)
    }

    /// Submits the call.
    fn submit(self, call: Setup<Self::Error>) -> Handle<Self::Output, Self::Error>
    where
        Self: 'static,
    {
        if Self::IS_LARGE {
            return launch::submit(OnHeap::new(self), call, launch::Detached);
        }
        launch::submit(self, call, launch::Detached)
    }
}
