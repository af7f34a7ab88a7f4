//! What a store has to do with the end of a task run: its result is kept before anybody may rely on it, and a run that
//! ended in an earlier process is not run again.

use std::future::Future;
use std::sync::Arc;

use futures_util::future::Either;

use crate::engine::attempt::panics::guarded_or_why;
use crate::engine::body::Body;
use crate::engine::cache::SharedResult;
use crate::engine::replay::known::journal;
use crate::engine::replay::memo::MemoValue;
use crate::engine::replay::previous::PreviousCall;
use crate::engine::replay::run_store::{PersistRequest, RunStore, ask, comes, committed};
use crate::engine::task_run::core::Core;
use crate::engine::task_run::execute::Finish;
use crate::model::{Error, Provenance, Refusal, TaskRunId, Unreadable, ValueVersion};
use crate::policy::durability::Durability;
use crate::store::{Store, StoreError};

/// How a task run came to its result.
#[derive(Default)]
pub(crate) struct ResultSource {
    /// It was known already.
    pub(crate) cached: bool,
    /// It ended so in an earlier process, and nothing happens to it in this one.
    pub(crate) recorded: bool,
    /// The version of a result that is known from an earlier attempt of the flow.
    pub(crate) version: Option<Box<ValueVersion>>,
    /// The result for those who ask the cache for it.
    pub(crate) shared: Option<Box<SharedResult>>,
}

impl ResultSource {
    /// Takes over what an earlier attempt of the flow left, if it is there.
    pub(crate) fn take_over<T>(&mut self, value: Option<T>, provenance: Provenance) -> Option<T> {
        if value.is_some() {
            self.cached = true;
            self.version = Some(Box::new(provenance.version));
        }
        value
    }
}

/// Tells the end of a task run, and waits until its result is kept.
pub(crate) fn conclude<'a, B: Body + 'a>(
    core: &'a Core,
    end: Finish<'a, B::Error>,
    mut result: Result<B::Output, Error<B::Error>>,
    how: &'a mut ResultSource,
) -> impl Future<Output = Result<B::Output, Error<B::Error>>> + Send + 'a {
    if core.id == TaskRunId::FLOW && !how.recorded && core.run().is_some_and(|run| run.kept.is_some()) {
        return Either::Right(Either::Left(Box::pin(conclude_flow::<B>(core, end, result, how))));
    }
    let receipt = if how.recorded {
        end.known(&result);
        None
    } else {
        let mut keeping = keeping::<B>(core, &mut result, &mut how.shared);
        if core.identity().is_some() {
            keeping.provenance =
                provenance::<B>(core, &result, keeping.result.as_deref(), how.version.as_deref().copied());
        }
        end.tell(&result, how.cached, &mut keeping)
    };
    match receipt {
        None => {
            publish(core, how.shared.take());
            Either::Left(std::future::ready(result))
        }
        // Boxed: most runs have no store.
        Some(receipt) => Either::Right(Either::Right(Box::pin(async move {
            let result = committed(core, receipt, result).await;
            drop(core.let_go());
            match &result {
                Ok(_) => {
                    how.shared.iter_mut().for_each(|shared| shared.is_kept());
                    publish(core, how.shared.take());
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
    end: Finish<'_, B::Error>,
    mut result: Result<B::Output, Error<B::Error>>,
    how: &mut ResultSource,
) -> Result<B::Output, Error<B::Error>> {
    let keeping = keeping::<B>(core, &mut result, &mut how.shared);
    let (event, hook) = end.ending(&result, how.cached);
    let Some((run, (event, receipt))) =
        core.run().and_then(|run| Some((run, run.propose_end(event, keeping)?)))
    else {
        // It was suspended, or lost, after its body returned.
        let is_lost = core.run().is_some_and(|run| run.lost().is_some());
        result = match result {
            Ok(value) => Err(not_kept::<B>(core, value)),
            // It has a reason of its own.
            Err(error @ Error::Refused { .. }) => Err(error),
            // Its tasks were stopped for the loss, which may look like a failure of its body.
            Err(_) if is_lost => Err(core.stopped(false)),
            Err(error) => Err(error),
        };
        end.tell(&result, how.cached, &mut PersistRequest::default());
        return result;
    };
    match comes(core, receipt).await {
        Ok(()) => {
            run.ends(event);
            end.told(&result, hook, false);
            if result.is_ok() {
                how.shared.iter_mut().for_each(|shared| shared.is_kept());
                publish(core, how.shared.take());
            }
            result
        }
        Err(why) => {
            tracing::error!(flow = %core.label(), error = %why, "the end of the flow run could not be kept");
            if let Some(kept) = &run.kept {
                kept.lose(why.clone());
            }
            // Before anybody is told: the run around this one must not record its end as a failure.
            run.lose_all(&why);
            let result = Err(match result {
                Ok(value) => not_kept::<B>(core, value),
                Err(_) => core.stopped(false),
            });
            end.tell(&result, false, &mut PersistRequest::default());
            result
        }
    }
}

/// Says why a flow failed although it gave a value; who asks for that gets it all the same.
fn not_kept<B: Body>(core: &Core, value: B::Output) -> Error<B::Error> {
    if let Some(kept) = core.run().and_then(|run| run.kept.as_ref()) {
        kept.leave_unpersisted(value);
    }
    core.stopped(false)
}

/// Gives a result that is kept to those who asked the cache for it.
fn publish(core: &Core, shared: Option<Box<SharedResult>>) {
    if let Some(shared) = shared {
        shared.publish(core.runtime().cache());
    }
}

/// Writes down what a store is to keep of a result. One that has to be persisted and cannot be becomes a failure here, before
/// anybody relies on it.
fn keeping<B: Body>(
    core: &Core,
    result: &mut Result<B::Output, Error<B::Error>>,
    shared: &mut Option<Box<SharedResult>>,
) -> PersistRequest {
    match core.run().and_then(|run| run.kept.as_ref()) {
        None => PersistRequest::default(),
        Some(kept) => written::<B>(core, kept, result, shared),
    }
}

#[inline(never)]
fn written<B: Body>(
    core: &Core,
    kept: &RunStore,
    result: &mut Result<B::Output, Error<B::Error>>,
    shared: &mut Option<Box<SharedResult>>,
) -> PersistRequest {
    // The end of a run is always waited for: the process may end with it.
    let awaited = (result.is_ok() && kept.durability == Durability::Full) || core.id == TaskRunId::FLOW;
    let mut keeping = PersistRequest { awaited, ..PersistRequest::default() };
    let not_persisted: Arc<str> = match (&*result, B::codec()) {
        (Ok(value), Some(codec)) => {
            let encode = || codec.encode(value, B::info().declaration.version);
            match guarded_or_why("way to write a result down", encode) {
                Ok(Ok(bytes)) => {
                    keeping.result = Some(bytes);
                    keeping.cache = shared.as_deref_mut().and_then(SharedResult::take_entry);
                    return keeping;
                }
                Ok(Err(reason)) => reason.to_string().into(),
                Err(panic) => format!("its `Serialize` or `Deserialize` panicked: {panic}").into(),
            }
        }
        // An earlier attempt of the flow has found it out.
        (Err(Error::Refused { refusal: Refusal::NotPersisted { reason, .. }, .. }), _) => {
            reason.as_str().into()
        }
        _ => return keeping,
    };
    // Another call would take for good what a resumed run makes again.
    *shared = None;
    if result.is_ok() && B::info().must_persist {
        let task = core.declaration.name.to_owned();
        let refusal = Refusal::NotPersisted { task, reason: not_persisted.to_string() };
        if let Some((journal, key)) = journal(core) {
            journal.refuse(key, refusal.clone());
        }
        *result = Err(Error::Refused { run: core.label(), refusal });
    } else if result.is_ok() && kept.is_news(core.declaration.path, &not_persisted) {
        tracing::warn!(
            task = %core.label(),
            reason = %not_persisted,
            "the result is not persisted: a resumed run makes it again"
        );
    }
    keeping.not_persisted = Some(not_persisted);
    keeping
}

/// Says which value a task run gave and from which, to those that are made from it and to later attempts of the flow.
fn provenance<B: Body>(
    core: &Core,
    result: &Result<B::Output, Error<B::Error>>,
    persisted: Option<&[u8]>,
    known: Option<ValueVersion>,
) -> Option<Provenance> {
    let made_from = core.made_from();
    let version = match (result, known) {
        (Ok(_), Some(known)) => known,
        (Ok(value), None) => {
            let copy = || guarded_or_why("clone of a result", || B::copy_output(value)).ok().flatten();
            let copy = journal(core).and_then(|_| copy());
            // Of a copy nobody makes another one, unless in another process.
            let is_here = copy.is_some() && core.run().is_none_or(|run| run.kept.is_none());
            let content =
                || guarded_or_why("way to digest a result", || B::digest_output(value)).ok().flatten();
            let version = match persisted.and_then(ValueVersion::of_envelope) {
                Some(version) => version,
                None if is_here => core.stamp(),
                None => content().map_or_else(|| core.stamp(), ValueVersion::of_content),
            };
            if let Some((journal, key)) = journal(core) {
                let in_store = persisted.map(|_| MemoValue::Store(core.id));
                let place = copy.map(|copy| MemoValue::Here(Arc::new(copy))).or(in_store);
                let provenance = Provenance { version, made_from };
                place.into_iter().for_each(|place| journal.keep(key, place, provenance));
            }
            version
        }
        (Err(Error::Cancelled { .. } | Error::Suspended { .. }), _) => return None,
        // A caller that takes a failure as a value is given this text.
        (Err(error), _) => {
            let text = guarded_or_why("way to show an error", || error.to_string()).unwrap_or_default();
            ValueVersion::hashed(&[error.kind().as_bytes(), text.as_bytes()])
        }
    };
    core.set_version(version);
    Some(Provenance { version, made_from })
}

/// Returns what an earlier process left of this call, if that settles it.
pub(crate) async fn recorded<B: Body>(
    core: &Core,
    how: &mut ResultSource,
) -> Option<Result<B::Output, Error<B::Error>>> {
    match core.claimed()? {
        PreviousCall::Again(_) => None,
        PreviousCall::Refused(refusal) => Some(Err(Error::Refused { run: core.label(), refusal })),
        PreviousCall::Cancelled => {
            how.recorded = true;
            Some(Err(Error::Cancelled { run: core.label(), orphaned: false }))
        }
        PreviousCall::Failed(report) | PreviousCall::FailedAnyway(report) => {
            how.recorded = true;
            core.recorded().into_iter().for_each(|recorded| core.set_version(recorded.version));
            Some(Err(Error::Recorded { run: core.label(), report }))
        }
        PreviousCall::Kept => match Box::pin(persisted_value::<B>(core, core.id)).await {
            Ok(Some(value)) => {
                how.recorded = true;
                let version = core.recorded().map_or_else(|| core.stamp(), |recorded| recorded.version);
                core.set_version(version);
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

/// Tells the journal of a result that an earlier process left of this call: already when it is claimed, since this attempt of
/// the flow may end before the result is read.
pub(crate) fn remember_persisted(core: &Core) {
    if let Some(PreviousCall::Kept) = core.claimed()
        && let Some((journal, key)) = journal(core)
    {
        let provenance = core
            .recorded()
            .unwrap_or_else(|| Provenance { version: core.stamp(), made_from: core.made_from() });
        journal.keep(key, MemoValue::Store(core.id), provenance);
    }
}

/// Reads the result that an earlier process or attempt of the flow left as that of `task_run`; `None`, with a warning, if it
/// is lost and may be made again.
pub(crate) async fn persisted_value<B: Body>(
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
        let refusal =
            Refusal::ResultLost { task: core.declaration.name.to_owned(), reason: reason.to_string() };
        return Err(Error::Refused { run: core.label(), refusal });
    }
    tracing::warn!(task = %core.label(), %reason, "the kept result is lost: it is done again");
    Ok(None)
}
