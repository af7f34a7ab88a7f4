//! A stream of the events of a run.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::engine::flow_run::Run;
use crate::model::Event;

/// A stream of the events of a flow run, in order and without loss. It ends with the run.
///
/// It reads the record of the run and has no buffer of its own, so a slow reader neither loses events nor delays the run.
#[must_use = "a stream does nothing until it is polled"]
pub struct EventStream {
    pub(super) run: Option<Arc<Run>>,
    pub(super) next: usize,
}

impl EventStream {
    /// Waits for the next event; `None` after the end of the run. Cancel safe.
    pub async fn next(&mut self) -> Option<Event> {
        std::future::poll_fn(|cx| self.poll_event(cx)).await
    }

    fn poll_event(&mut self, cx: &Context<'_>) -> Poll<Option<Event>> {
        let Some(run) = &self.run else {
            return Poll::Ready(None);
        };
        for waiting in [false, true] {
            // Read before the event: one may come between the two reads, but none after the end.
            let over = run.state().is_over();
            if let Some(event) = run.event(self.next) {
                self.next += 1;
                return Poll::Ready(Some(event));
            }
            if over {
                return Poll::Ready(None);
            }
            // The record is read once more after the waker is registered, so that no event is missed in between.
            if !waiting {
                run.wake_at_next_event(cx.waker());
            }
        }
        Poll::Pending
    }
}

impl futures_util::Stream for EventStream {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll_event(cx)
    }
}
