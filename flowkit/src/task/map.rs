//! One run per item of a list. If the list is pending, its runs are submitted when it is known.

use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use futures_util::FutureExt;
use tracing::Instrument;

use crate::engine::context;
use crate::engine::flow_run::OpenGuard;
use crate::engine::handle::{Handles, Later, LaterResult};
use crate::engine::task_run::core::RunScope;
use crate::engine::task_run::inputs::Cause;
use crate::engine::task_run::launch::{label, refusal, warn_of_lost_context};
use crate::engine::task_run::options::Setup;
use crate::model::{Error, Refusal};
use crate::task::dispatch::Dispatch;
use crate::task::items::Items;

/// The columns of a map beside the first: their lengths, and a function that makes the call of one row.
type Columns<R> = Result<(Vec<Option<usize>>, R), Cause>;

/// Maps a task over `first`, beside `columns`. Runs of known lists are submitted before this returns.
#[doc(hidden)]
pub fn map<H, B, R>(
    first: Items<H>,
    columns_later: bool,
    columns: impl Future<Output = Columns<R>> + Send + 'static,
    location: &'static Location<'static>,
) -> Handles<B::Output, B::Error>
where
    H: Send + 'static,
    B: Dispatch + 'static,
    R: FnMut(H) -> B + Send + 'static,
{
    let current = context::current();
    if current.is_none() {
        warn_of_lost_context(&B::info().declaration, location);
    }
    let of = match &first {
        Items::Later { of, .. } => *of,
        Items::Known(_) => None,
    };
    let later = columns_later || matches!(first, Items::Later { .. });
    let rows = async move {
        let (lengths, row) = columns.await?;
        let items = match first {
            Items::Known(items) => items,
            Items::Later { items, .. } => items.await?,
        };
        Ok((items, lengths, row))
    };
    if !later {
        let rows = rows.now_or_never().expect("bug in flowkit: known lists do not wait");
        return submit_rows(rows, location).map_or_else(Handles::refused, Handles::from);
    }
    let Some((current, flow)) = current.as_ref().and_then(|current| match &current.core().scope {
        RunScope::Flow(flow) => Some((current.clone(), Arc::clone(flow))),
        RunScope::Outside(_) => None,
    }) else {
        return Handles::refused(refusal::<B>(None, Refusal::OutsideFlow { location: location.to_string() }));
    };
    let Some(open) = flow.run.hold_open() else {
        return Handles::refused(refusal::<B>(None, Refusal::FlowEnded));
    };
    let cancellation = flow.cancellation.child();
    let call =
        flow.run.memo.is_some().then(|| flow.ordinals.next_map(current.core().identity(), B::identity(), of));
    let later = Arc::new(Later::new(cancellation.clone(), call));
    let pending = PendingMap { later: Arc::clone(&later), _open: open };
    let handles = Handles::later(later);
    let submitted = handles.clone();
    let submit = async move {
        let rows = std::pin::pin!(rows);
        let cancelled = std::pin::pin!(cancellation.cancelled());
        if let futures_util::future::Either::Left((rows, _)) =
            futures_util::future::select(rows, cancelled).await
        {
            pending.later.completion.complete(submit_rows(rows, location));
            // The list was cancelled just now, when its runs were not known yet.
            if cancellation.is_cancelled() {
                submitted.stop();
            }
        }
    };
    flow.run.tokio.spawn(current.scope(submit).in_current_span());
    handles
}

/// Keeps the run open until the list is known. Dropped before that, it completes the list as cancelled.
struct PendingMap<T, E: crate::model::TaskError> {
    later: Arc<Later<T, E>>,
    _open: OpenGuard,
}

impl<T, E: crate::model::TaskError> Drop for PendingMap<T, E> {
    fn drop(&mut self) {
        if self.later.completion.get().is_none() {
            let run = crate::model::RunLabel::new(crate::model::Kind::Task, "map".to_owned());
            self.later.completion.complete(Err(Error::Cancelled { run, orphaned: false }));
        }
    }
}

type Rows<H, R> = Result<(Vec<H>, Vec<Option<usize>>, R), Cause>;

fn submit_rows<H, B, R>(
    rows: Rows<H, R>,
    location: &'static Location<'static>,
) -> LaterResult<B::Output, B::Error>
where
    B: Dispatch + 'static,
    R: FnMut(H) -> B,
{
    let (items, lengths, mut row) = rows.map_err(|cause| Error::Upstream {
        met: None,
        run: label::<B>(None),
        input: cause.input,
        cause: cause.error,
    })?;
    if lengths.iter().flatten().any(|length| *length != items.len()) {
        let lengths = std::iter::once(items.len()).chain(lengths.into_iter().flatten()).collect();
        return Err(refusal::<B>(None, Refusal::UnequalLengths { lengths }));
    }
    let current = context::current();
    let submit = |(item, index)| {
        row(item).submit(Setup { current: current.clone(), options: None, index: Some(index), location })
    };
    Ok(items.into_iter().zip(0..).map(submit).collect())
}
