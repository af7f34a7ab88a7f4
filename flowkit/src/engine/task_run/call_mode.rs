//! The ways in which a task is called: awaited in place, or submitted. A flow that is called in a flow is a third one, see
//! `flow_run/sub_flow`.

use std::any::Any;
use std::future::Future;
use std::time::Duration;

use super::core::Core;
use super::execute::execute;
use super::options::CallOptions;
use crate::engine::attempt::AttemptRunner;
use crate::engine::attempt::once::{Apart, spawn_apart, within};
use crate::engine::body::Body;
use crate::engine::context;
use crate::model::Error;

/// Executes a call from its inputs to its end.
///
/// The call comes by reference, and a future is returned rather than wrapped in an `async fn`: each would be one more copy of
/// the arguments in every task.
pub(crate) trait CallMode<B: Body>: Copy + Send + Sync {
    fn execute<'a>(
        self,
        core: &'a Core,
        body: &'a mut Option<B>,
        options: &'a mut Option<Box<CallOptions<B::Error>>>,
    ) -> impl Future<Output = Result<B::Output, Error<B::Error>>> + Send + 'a;
}

/// Runs attempts where they are awaited.
#[derive(Clone, Copy)]
pub(crate) struct InPlace;

impl<B: Body> AttemptRunner<B> for InPlace {
    fn start(&self, body: B) -> impl Future<Output = Result<B::Output, B::Error>> + Send {
        body.run()
    }
}

impl<B: Body> CallMode<B> for InPlace {
    fn execute<'a>(
        self,
        core: &'a Core,
        body: &'a mut Option<B>,
        options: &'a mut Option<Box<CallOptions<B::Error>>>,
    ) -> impl Future<Output = Result<B::Output, Error<B::Error>>> + Send + 'a {
        execute(core, &Self, body, options.as_deref())
    }
}

/// Runs the attempts of a submitted call.
#[derive(Clone, Copy)]
pub(crate) struct Detached;

impl<B: Body + 'static> AttemptRunner<B> for Detached {
    fn start(&self, body: B) -> impl Future<Output = Result<B::Output, B::Error>> + Send {
        body.run_detached()
    }

    fn start_apart(&self, body: &mut Option<B>, limit: Duration) -> Option<Apart> {
        // A blocking body leaves its thread behind by itself.
        let current = context::current().filter(|_| !B::info().blocking)?;
        let attempt = within(Some(limit), body.take()?.run_detached());
        Some(spawn_apart(current, Box::pin(async { Box::new(attempt.await) as Box<dyn Any + Send> })))
    }
}

impl<B: Body + 'static> CallMode<B> for Detached {
    fn execute<'a>(
        self,
        core: &'a Core,
        body: &'a mut Option<B>,
        options: &'a mut Option<Box<CallOptions<B::Error>>>,
    ) -> impl Future<Output = Result<B::Output, Error<B::Error>>> + Send + 'a {
        execute(core, &Self, body, options.as_deref())
    }
}
