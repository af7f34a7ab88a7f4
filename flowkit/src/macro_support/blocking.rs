//! Runs the body of a blocking task, on flowkit's pool or where it is awaited. Does not manage the pool; `engine/blocking` does.

use std::future::Future;

use crate::engine::blocking;
use crate::engine::context;

/// Runs a blocking function on flowkit's own pool, in the context of the task run and of the tokio runtime, as
/// `tokio::task::spawn_blocking` does.
///
/// If the future is dropped early, the thread is left behind and the record says so. The thread holds its slots until it ends.
pub async fn run_blocking<R: Send + 'static>(function: impl FnOnce() -> R + Send + 'static) -> R {
    let current = context::current();
    let permit = current.as_ref().and_then(|current| current.core().take_permit());
    let span = tracing::Span::current();
    let scope = current.clone();
    let tokio = tokio::runtime::Handle::try_current().ok();
    let call = blocking::spawn(move || {
        let _entered = (tokio.as_ref().map(tokio::runtime::Handle::enter), span.enter());
        let value = match scope {
            Some(scope) => scope.scope_blocking(function),
            None => function(),
        };
        (value, permit)
    });
    let mut waiting = AbandonableCall { call: Some(call), current };
    let ended = std::future::poll_fn(|cx| match &mut waiting.call {
        Some(call) => std::pin::Pin::new(call).poll(cx),
        None => unreachable!("bug in flowkit: a blocking call lives until its future is dropped"),
    })
    .await;
    waiting.call = None;
    match ended {
        Ok((value, permit)) => {
            if let (Some(current), Some(permit)) = (&waiting.current, permit) {
                current.core().set_permit(permit);
            }
            value
        }
        // The attempt loop catches it again; the panic hook does not run a second time.
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Runs a blocking function that borrows, on the thread that awaits it.
///
/// On a multi-threaded runtime the other workers continue meanwhile, and the function may block as it likes, even on its own
/// runtime. A single-threaded runtime has no other thread to hand its work to.
pub fn run_in_place<R>(function: impl FnOnce() -> R) -> R {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(function),
        _ => function(),
    }
}

/// A blocking call whose future may be dropped before the call has ended.
struct AbandonableCall<R> {
    call: Option<blocking::BlockingCall<R>>,
    current: Option<context::Current>,
}

impl<R> Drop for AbandonableCall<R> {
    fn drop(&mut self) {
        if let Some(call) = self.call.take()
            && call.abandon()
            && let Some(current) = &self.current
        {
            current.core().set_orphaned();
        }
    }
}
