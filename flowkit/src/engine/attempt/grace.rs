//! The grace period after a cancellation: if a callee handles cancellation cooperatively, its caller gets the same grace
//! period.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::Ordering;

use crate::engine::task_run::core::Core;

/// Lends the caller of a call awaited in place the grace period of its callee.
pub(crate) struct Grace<'a> {
    caller: &'a Core,
    is_cooperative: bool,
}

impl<'a> Grace<'a> {
    /// Awaits the call `callee`.
    pub(crate) async fn share<F: Future>(
        callee: &Core,
        caller: Option<&'a Core>,
        mut call: Pin<&mut F>,
    ) -> F::Output {
        let mut grace = caller.map(|caller| Self { caller, is_cooperative: false });
        poll_fn(|cx| {
            let polled = call.as_mut().poll(cx);
            if let Some(grace) = &mut grace {
                grace.set(polled.is_pending() && callee.is_cooperative());
            }
            polled
        })
        .await
    }

    fn set(&mut self, is_cooperative: bool) {
        if is_cooperative != self.is_cooperative {
            self.is_cooperative = is_cooperative;
            if is_cooperative {
                self.caller.listeners.fetch_add(1, Ordering::Relaxed)
            } else {
                self.caller.listeners.fetch_sub(1, Ordering::Relaxed)
            };
        }
    }
}

impl Drop for Grace<'_> {
    fn drop(&mut self) {
        self.set(false);
    }
}
