//! How long a cancelled body is waited for: as long as the calls are patient that it awaits in place.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::Ordering;

use crate::engine::task_run::core::Core;

/// Makes the one who awaits a call in place as patient at a cancellation as the call is itself.
pub(crate) struct Grace<'a> {
    caller: &'a Core,
    listens: bool,
}

impl<'a> Grace<'a> {
    /// Awaits the call `callee`.
    pub(crate) async fn share<F: Future>(
        callee: &Core,
        caller: Option<&'a Core>,
        mut call: Pin<&mut F>,
    ) -> F::Output {
        let mut patience = caller.map(|caller| Self { caller, listens: false });
        poll_fn(|cx| {
            let polled = call.as_mut().poll(cx);
            if let Some(patience) = &mut patience {
                patience.set(polled.is_pending() && callee.is_cooperative());
            }
            polled
        })
        .await
    }

    fn set(&mut self, listens: bool) {
        if listens != self.listens {
            self.listens = listens;
            match listens {
                true => self.caller.listeners.fetch_add(1, Ordering::Relaxed),
                false => self.caller.listeners.fetch_sub(1, Ordering::Relaxed),
            };
        }
    }
}

impl Drop for Grace<'_> {
    fn drop(&mut self) {
        self.set(false);
    }
}
