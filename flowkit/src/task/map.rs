//! One run per item of a list. The list may not be there yet: then its items are learnt when it is.

use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use futures_util::FutureExt;
use tracing::Instrument;

use crate::engine::context;
use crate::engine::flow_run::OpenGuard;
use crate::engine::handle::{Handles, Later, LaterResult};
use crate::engine::task_run::completion::Completion;
use crate::engine::task_run::core::RunScope;
use crate::engine::task_run::inputs::Cause;
use crate::engine::task_run::launch::{label, refusal_of, warn_of_lost_context};
use crate::engine::task_run::options::Setup;
use crate::model::{Error, Refusal};
use crate::task::dispatch::Dispatch;
use crate::task::items::Items;

/// The columns of a map beside the first: their lengths, and what makes the call of one row.
type Columns<R> = Result<(Vec<Option<usize>>, R), Cause>;

/// Maps a task over `first`, beside `columns`. Lists that are known are submitted before this returns.
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
    let Some((current, flow)) = current.as_ref().and_then(|current| match &current.core().home {
        RunScope::Flow(flow) => Some((current.clone(), Arc::clone(flow))),
        RunScope::Outside(_) => None,
    }) else {
        return Handles::refused(refusal_of::<B>(Refusal::OutsideFlow { location: location.to_string() }));
    };
    let Some(open) = flow.run.hold_open() else {
        return Handles::refused(refusal_of::<B>(Refusal::FlowEnded));
    };
    let cancellation = flow.cancellation.child();
    let call = flow
        .run
        .journal
        .is_some()
        .then(|| flow.ordinals.next_map(current.core().identity(), B::identity(), of));
    let later = Arc::new(Later { promise: Completion::new(), cancellation: cancellation.clone(), call });
    let learning = Learning { later: Arc::clone(&later), _open: open };
    let handles = Handles::later(later);
    let learnt = handles.clone();
    let learn = async move {
        let rows = std::pin::pin!(rows);
        let cancelled = std::pin::pin!(cancellation.cancelled());
        if let futures_util::future::Either::Left((rows, _)) =
            futures_util::future::select(rows, cancelled).await
        {
            learning.later.promise.keep(submit_rows(rows, location));
            // Told to stop just now, the list was not known to the one who told it.
            if cancellation.is_cancelled() {
                learnt.stop();
            }
        }
    };
    flow.run.tokio.spawn(current.scope(learn).in_current_span());
    handles
}

/// Keeps the run open until the list is known, and leaves nobody waiting if it never is.
struct Learning<T, E: crate::model::TaskError> {
    later: Arc<Later<T, E>>,
    _open: OpenGuard,
}

impl<T, E: crate::model::TaskError> Drop for Learning<T, E> {
    fn drop(&mut self) {
        if self.later.promise.get().is_none() {
            let run = crate::model::RunLabel::new(crate::model::Kind::Task, "map".to_owned());
            self.later.promise.keep(Err(Error::Cancelled { run, orphaned: false }));
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
        return Err(refusal_of::<B>(Refusal::UnequalLengths { lengths }));
    }
    let current = context::current();
    let submit = |(item, index)| {
        row(item).submit(Setup { current: current.clone(), options: None, index: Some(index), location })
    };
    Ok(items.into_iter().zip(0..).map(submit).collect())
}
