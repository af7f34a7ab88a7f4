//! How a body is called: awaited in place, or submitted. [`Body`] describes the body itself.

use futures_util::future::BoxFuture;

use crate::engine::body::Body;
use crate::engine::handle::Handle;
use crate::engine::task_run::call_mode::{Detached, InPlace};
use crate::engine::task_run::launch;
use crate::engine::task_run::on_heap::{OnHeap, Weighed};
use crate::engine::task_run::options::Setup;
use crate::model::Error;

/// A body that can be called: a task as below, a flow as a run of its own.
#[doc(hidden)]
pub trait Dispatch: Body {
    /// Awaits the call in place.
    fn call<'a>(self, call: Setup<Self::Error>) -> BoxFuture<'a, Result<Self::Output, Error<Self::Error>>>
    where
        Self: 'a,
    {
        if Self::IS_LARGE {
            return launch::boxed_call(OnHeap::new(self), call, InPlace);
        }
        launch::boxed_call(self, call, InPlace)
    }

    /// Submits the call.
    fn submit(self, call: Setup<Self::Error>) -> Handle<Self::Output, Self::Error>
    where
        Self: 'static,
    {
        if Self::IS_LARGE {
            return launch::submit(OnHeap::new(self), call, Detached);
        }
        launch::submit(self, call, Detached)
    }
}
