//! Waiting for all runs of a list: one wake-up, whatever their number, and at the first failure.

use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::task::AtomicWaker;

use super::{Ending, Handle, Handles, NextEnd};
use crate::engine::attempt::permit::Reacquire;
use crate::engine::flow_run::ends::Ends;
use crate::engine::task_run::completion::Continuation;
use crate::engine::task_run::inputs::CauseKind;
use crate::engine::task_run::queue::Ready;
use crate::model::{Error, TaskError};

impl<T, E> IntoFuture for Handles<T, E>
where
    T: Clone + Send + Sync + 'static,
    E: TaskError,
{
    type Output = Result<Vec<T>, Error<E>>;
    type IntoFuture = futures_util::future::BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let list = self.list().await?;
            if wait_for_all(list).await { self.take() } else { Err(first_failure(list).await) }
        })
    }
}

/// Waits until every run has succeeded, or one has failed: one wake-up, whatever their number. Returns whether none has
/// failed.
async fn wait_for_all<T: Send + Sync + 'static, E: TaskError>(list: &[Handle<T, E>]) -> bool {
    let gate = Arc::new(Gate {
        pending: AtomicUsize::new(1),
        failed: AtomicBool::new(false),
        waker: AtomicWaker::new(),
    });
    let continuation: Arc<dyn Continuation> = gate.clone();
    for handle in list {
        gate.pending.fetch_add(1, Ordering::AcqRel);
        if !handle.slot.completion.subscribe(&continuation) {
            gate.pending.fetch_sub(1, Ordering::AcqRel);
        }
        if let Some(Err(_)) = handle.slot.completion.get() {
            return false;
        }
    }
    gate.pending.fetch_sub(1, Ordering::AcqRel);
    let mut reacquire = Reacquire::default();
    std::future::poll_fn(|cx| {
        gate.waker.register(cx.waker());
        let over = gate.pending.load(Ordering::Acquire) == 0 || gate.failed.load(Ordering::Acquire);
        reacquire.poll(over, cx)
    })
    .await;
    !gate.failed.load(Ordering::Acquire)
}

/// Returns the first failure; at least one of the runs must have failed. A resumed flow gets the same one.
async fn first_failure<T: Send + Sync + 'static, E: TaskError>(list: &[Handle<T, E>]) -> Error<E> {
    let ends = Ends::of(list.iter().map(|handle| &handle.slot.core));
    loop {
        let next = NextEnd::of(&ends, |position| -> &dyn Ending { &*list[position].slot }).await;
        if let Err(failure) = list[next].slot.result() {
            return failure.clone();
        }
    }
}

/// Opens when all pending runs have succeeded, or one has failed.
struct Gate {
    pending: AtomicUsize,
    failed: AtomicBool,
    waker: AtomicWaker,
}

impl Continuation for Gate {
    fn input_ended(self: Arc<Self>, failure: Option<CauseKind>) -> Option<Arc<dyn Ready>> {
        let failed = failure.is_some();
        if failed {
            self.failed.store(true, Ordering::Release);
        }
        if self.pending.fetch_sub(1, Ordering::AcqRel) == 1 || failed {
            self.waker.wake();
        }
        None
    }
}
