//! What a store has to do with the end of a task run: its result is kept before anybody may rely on it, and a run that
//! ended in an earlier process is not run again.

use std::future::Future;
use std::sync::Arc;

use futures_util::future::Either;

use super::earlier::Claimed;
use super::kept::{Keeping, ask, comes, committed};
use crate::engine::attempt::panics::guarded;
use crate::engine::cache::Shared;
use crate::engine::task_run::core::Core;
use crate::engine::task_run::perform::{End, journal};
use crate::model::{Error, Refusal, TaskRunId, Unreadable};
use crate::store::{Store, StoreError};
use crate::task::{Body, Durability};

/// How a task run came to its result.
#[derive(Default)]
pub(crate) struct How {
    /// It was known already.
    pub(crate) cached: bool,
    /// It ended so in an earlier process, and nothing happens to it in this one.
    pub(crate) recorded: bool,
    /// The result for those who ask the cache for it.
    pub(crate) shared: Option<Box<Shared>>,
}

/// Tells the end of a task run, and waits until its result is kept.
pub(crate) fn conclude<'a, B: Body + 'a>(
    core: &'a Core,
    end: End<'a, B::Error>,
    result: Result<B::Output, Error<B::Error>>,
    mut how: How,
) -> impl Future<Output = Result<B::Output, Error<B::Error>>> + Send + 'a {
    if core.id == TaskRunId::FLOW && !how.recorded && core.run().is_some_and(|run| run.kept.is_some()) {
        return Either::Right(Either::Left(Box::pin(conclude_flow::<B>(core, end, result, how))));
    }
    let receipt = if how.recorded {
        end.known(&result);
        None
    } else {
        let keeping = keeping::<B>(core, &result, how.shared.as_deref_mut());
        end.tell(&result, how.cached, keeping)
    };
    match receipt {
        None => {
            publish(core, how.shared);
            Either::Left(std::future::ready(result))
        }
        // Boxed: most runs have no store.
        Some(receipt) => Either::Right(Either::Right(Box::pin(async move {
            let result = committed(core, receipt, result).await;
            drop(core.let_go());
            match &result {
                Ok(_) => {
                    how.shared.iter_mut().for_each(|shared| shared.is_kept());
                    publish(core, how.shared);
                }
                Err(error) => core.fail_flow_if_critical(error),
            }
            result
        }))),
    }
}

/// Ends a flow run that a store keeps. Nobody hears of its end before that is kept, and with it all that was recorded
/// before: a run that says it has completed has nothing missing in its store.
async fn conclude_flow<B: Body>(
    core: &Core,
    end: End<'_, B::Error>,
    mut result: Result<B::Output, Error<B::Error>>,
    mut how: How,
) -> Result<B::Output, Error<B::Error>> {
    let keeping = keeping::<B>(core, &result, how.shared.as_deref_mut());
    let (event, hook) = end.ending(&result, how.cached);
    let Some((run, (event, receipt))) =
        core.run().and_then(|run| Some((run, run.propose_end(event, keeping)?)))
    else {
        // It was put aside, or lost, since its body has returned.
        if let Ok(value) = result {
            result = Err(not_kept::<B>(core, value));
        }
        end.tell(&result, how.cached, Keeping::default());
        return result;
    };
    match comes(core, receipt).await {
        Ok(()) => {
            run.ends(event);
            end.told(&result, hook, false);
            if result.is_ok() {
                how.shared.iter_mut().for_each(|shared| shared.is_kept());
                publish(core, how.shared);
            }
            result
        }
        Err(why) => {
            tracing::error!(flow = %core.label(), error = %why, "the end of the flow run could not be kept");
            if let Some(kept) = &run.kept {
                kept.lose(why);
            }
            let result = Err(match result {
                Ok(value) => not_kept::<B>(core, value),
                Err(_) => core.stopped(false),
            });
            end.tell(&result, false, Keeping::default());
            result
        }
    }
}

/// Says why a flow failed although it gave a value; who asks for that gets it all the same.
fn not_kept<B: Body>(core: &Core, value: B::Output) -> Error<B::Error> {
    if let Some(kept) = core.run().and_then(|run| run.kept.as_ref()) {
        kept.leave_unkept(value);
    }
    core.stopped(false)
}

/// Gives a result that is kept to those who asked the cache for it.
fn publish(core: &Core, shared: Option<Box<Shared>>) {
    if let Some(shared) = shared {
        shared.publish(core.runtime().cache());
    }
}

/// Writes down what a store is to keep of a result.
fn keeping<B: Body>(
    core: &Core,
    result: &Result<B::Output, Error<B::Error>>,
    shared: Option<&mut Shared>,
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
            keeping.cache = shared.and_then(Shared::take_entry);
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
        Claimed::Cancelled => {
            how.recorded = true;
            Some(Err(Error::Cancelled { run: core.label(), orphaned: false }))
        }
        Claimed::Failed(report) => {
            how.recorded = true;
            Some(Err(Error::Recorded { run: core.label(), report }))
        }
        Claimed::Kept => match Box::pin(kept_value::<B>(core, core.id)).await {
            Ok(Some(value)) => {
                how.recorded = true;
                if let Some((journal, key)) = journal(core) {
                    journal.keep_place(key, core.id);
                }
                Some(Ok(value))
            }
            Ok(None) => {
                core.reopen();
                None
            }
            // The record stays as it is: the task did end well.
            Err(error) => {
                how.recorded = true;
                Some(Err(error))
            }
        },
    }
}

/// Reads the result that an earlier process or attempt of the flow left as that of `task_run`; `None`, with a warning, if it
/// is lost and may be made again.
pub(crate) async fn kept_value<B: Body>(
    core: &Core,
    task_run: TaskRunId,
) -> Result<Option<B::Output>, Error<B::Error>> {
    let Some((run, kept)) = core.run().and_then(|run| Some((run, run.kept.as_ref()?))) else {
        return Ok(None);
    };
    let id = run.id;
    let read = move |store: &dyn Store| match store.result(id, task_run)? {
        // One of this process may still wait to be written, where nobody waited for that.
        None => store.flush().and_then(|()| store.result(id, task_run)),
        kept => Ok(kept),
    };
    let bytes = match ask(&kept.store, read).await {
        Ok(bytes) => bytes,
        // Its own bytes are wrong, which asking again would not mend.
        Err(StoreError::Damaged { reason, .. }) => return lost::<B>(core, &reason),
        Err(error) => return Err(Error::Store { run: core.label(), source: Arc::new(error) }),
    };
    let Some(bytes) = bytes else { return lost::<B>(core, &"it is gone") };
    let changed = |reason: String| {
        let task = core.declaration.name.to_owned();
        Err(Error::Refused { run: core.label(), refusal: Refusal::ResultChanged { task, reason } })
    };
    let Some(codec) = B::codec() else {
        return changed("its type is no longer `Serialize + Deserialize`".into());
    };
    match (codec.decode)(&bytes, B::info().declaration.version) {
        Ok(value) => Ok(Some(value)),
        Err(Unreadable::Damaged(reason)) => lost::<B>(core, &reason),
        Err(Unreadable::Changed(reason)) => changed(reason.to_string()),
    }
}

/// A kept result is damaged or gone: the task is done again, unless it may run only once.
fn lost<B: Body>(
    core: &Core,
    reason: &(dyn std::fmt::Display + Sync),
) -> Result<Option<B::Output>, Error<B::Error>> {
    if B::info().at_most_once {
        return Err(Error::Refused { run: core.label(), refusal: Refusal::UnknownOutcome });
    }
    tracing::warn!(task = %core.label(), %reason, "the kept result is lost: it is done again");
    Ok(None)
}
