//! What a store has to do with the end of a task run: its result is kept before anybody may rely on it, and a run that
//! ended in an earlier process is not run again.

use std::future::Future;

use futures_util::future::Either;

use super::core::Core;
use super::kept::{Claimed, Keeping, ask, committed};
use super::panics::guarded;
use super::perform::End;
use crate::model::{BoxError, Error, TaskRunId};
use crate::store::CacheEntry;
use crate::task::{Body, Durability};

/// How a task run came to its result.
#[derive(Default)]
pub(crate) struct How {
    /// It was known already.
    pub(crate) cached: bool,
    /// It ended so in an earlier process, and nothing happens to it in this one.
    pub(crate) recorded: bool,
    /// Its place in the cache that outlives the process.
    pub(crate) cache: Option<Box<CacheEntry>>,
}

/// Tells the end of a task run, and waits until its result is kept.
pub(crate) fn conclude<'a, B: Body + 'a>(
    core: &'a Core,
    end: End<'_, B::Error>,
    result: Result<B::Output, Error<B::Error>>,
    how: How,
) -> impl Future<Output = Result<B::Output, Error<B::Error>>> + Send + 'a {
    let receipt = if how.recorded {
        end.known();
        None
    } else {
        let keeping = keeping::<B>(core, &result, how.cache);
        end.tell(&result, how.cached, keeping)
    };
    match receipt {
        None => Either::Left(std::future::ready(result)),
        // Boxed: most runs have no store.
        Some(receipt) => Either::Right(Box::pin(async move {
            let result = committed(core, receipt, result).await;
            drop(core.let_go());
            result
        })),
    }
}

/// Writes down what a store is to keep of a result.
fn keeping<B: Body>(
    core: &Core,
    result: &Result<B::Output, Error<B::Error>>,
    cache: Option<Box<CacheEntry>>,
) -> Keeping {
    let Some(kept) = core.run().and_then(|run| run.kept.as_ref()) else { return Keeping::default() };
    // The end of a run is always waited for: the process may end with it.
    let awaited = (result.is_ok() && kept.durability == Durability::Full) || core.id == TaskRunId::FLOW;
    let mut keeping = Keeping { awaited, ..Keeping::default() };
    let (Ok(value), Some(codec)) = (result, B::codec()) else { return keeping };
    let encode = || (codec.encode)(value, B::info().declaration.version);
    match guarded("way to write a result down", encode) {
        Some(Ok(bytes)) => {
            keeping.result = Some(bytes);
            keeping.cache = cache.map(|cache| *cache);
        }
        Some(Err(reason)) => {
            tracing::warn!(task = %core.label(), %reason, "the result is not kept: a resumed run does this again");
        }
        None => {}
    }
    keeping
}

/// Returns what an earlier process left of this call, if that settles it.
pub(crate) async fn recorded<B: Body>(
    core: &Core,
    how: &mut How,
) -> Option<Result<B::Output, Error<B::Error>>> {
    match core.claimed()? {
        Claimed::Again(_) => None,
        Claimed::Refused(refusal) => Some(Err(Error::Refused { run: core.label(), refusal })),
        Claimed::Failed(report) => {
            how.recorded = true;
            Some(Err(Error::Recorded { run: core.label(), report }))
        }
        Claimed::Kept => match Box::pin(kept_value::<B>(core)).await {
            Some(value) => {
                how.recorded = true;
                Some(Ok(value))
            }
            None => {
                core.reopen();
                None
            }
        },
    }
}

/// Reads the result that an earlier process left; `None`, with a warning, if it cannot be used.
async fn kept_value<B: Body>(core: &Core) -> Option<B::Output> {
    let run = core.run()?;
    let (store, id, task_run) = (&run.kept.as_ref()?.store, run.id, core.id);
    let reason: BoxError = match ask(store, move |store| store.result(id, task_run)).await {
        Ok(None) => return None,
        Ok(Some(bytes)) => match B::codec() {
            Some(codec) => match (codec.decode)(&bytes, B::info().declaration.version) {
                Ok(value) => return Some(value),
                Err(reason) => reason,
            },
            None => "its type can no longer be read".into(),
        },
        Err(error) => error.into(),
    };
    tracing::warn!(task = %core.label(), %reason, "the kept result cannot be used: it is done again");
    None
}
