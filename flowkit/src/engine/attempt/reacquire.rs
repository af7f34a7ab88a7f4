//! Lays slots of limits down while a body waits, and takes them up again before it goes on.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use super::permit::BodyWait;
use crate::engine::context;
use crate::engine::limits::Acquire;
use crate::engine::task_run::core::Core;

/// One wait of a body. A body may wait in several places at once: the first that is over gets the slots for all.
#[derive(Default)]
pub(crate) struct TakeUp {
    acquire: Option<Acquire>,
    wait: BodyWait,
}

impl TakeUp {
    /// Lays the slots down while something is pending; `Ready` when it is over and the slots are back.
    pub(crate) fn poll(&mut self, over: bool, cx: &mut Context<'_>) -> Poll<()> {
        if !context::with_core(|core| core.is_some_and(Core::holds_slots)) {
            return if over { Poll::Ready(()) } else { Poll::Pending };
        }
        match context::current() {
            Some(current) if over => self.poll_back(current.core(), cx),
            Some(current) => {
                current.core().lay_down_for(&mut self.wait, cx.waker());
                Poll::Pending
            }
            None => unreachable!("bug in flowkit: the context went away"),
        }
    }

    /// `Ready` when the body has reacquired the slots that it released.
    fn poll_back(&mut self, core: &Core, cx: &mut Context<'_>) -> Poll<()> {
        let Some(wants) = core.released(&mut self.wait, cx.waker()) else {
            self.acquire = None;
            return Poll::Ready(());
        };
        let acquire = self.acquire.get_or_insert_with(|| core.runtime().limits().acquire(&wants));
        let permit = ready!(Pin::new(acquire).poll(cx));
        self.acquire = None;
        // The limit may be gone or too small by now; then there is nothing to hold, and waiting would not end.
        if let Ok(permit) = permit {
            core.take_up(permit);
        }
        Poll::Ready(())
    }
}

/// Awaits something without holding a slot.
pub(crate) async fn released<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let (mut ended, mut take_up) = (None, TakeUp::default());
    poll_fn(|cx| {
        if ended.is_none()
            && let Poll::Ready(result) = future.as_mut().poll(cx)
        {
            ended = Some(result);
        }
        take_up.poll(ended.is_some(), cx)
    })
    .await;
    ended.expect("bug in flowkit: a wait ended without a result")
}

/// Reacquires the slots that a body released.
pub(crate) async fn take_up(core: &Core) {
    if core.holds_slots() {
        let mut take_up = TakeUp::default();
        poll_fn(|cx| take_up.poll_back(core, cx)).await;
    }
}
