//! The result of a task run in the store: encoded when the run ends, and read when a later attempt of the flow or another process
//! makes the call again.

use std::fmt::Display;
use std::sync::Arc;

use super::core::Core;
use super::finish::ResultSource;
use crate::engine::attempt::panics::guarded_or_why;
use crate::engine::body::Body;
use crate::engine::cache::SharedResult;
use crate::engine::replay::known::memo;
use crate::engine::replay::memo::MemoValue;
use crate::engine::replay::previous::PreviousCall;
use crate::engine::replay::run_store::{PersistRequest, RunStore, ask};
use crate::model::{Error, Provenance, Refusal, TaskRunId, Unreadable, ValueVersion};
use crate::policy::durability::Durability;
use crate::store::{Store, StoreError};

/// Encodes what the store is to persist of a result. One that has to be persisted and cannot be becomes a failure here, before
/// anything relies on it.
pub(super) fn persist_request<B: Body>(
    core: &Core,
    result: &mut Result<B::Output, Error<B::Error>>,
    shared: &mut Option<Box<SharedResult>>,
) -> PersistRequest {
    match core.run_store() {
        None => PersistRequest::default(),
        Some(run_store) => encoded::<B>(core, run_store, result, shared),
    }
}

#[inline(never)]
fn encoded<B: Body>(
    core: &Core,
    run_store: &RunStore,
    result: &mut Result<B::Output, Error<B::Error>>,
    shared: &mut Option<Box<SharedResult>>,
) -> PersistRequest {
    // The commit of a flow's end is always awaited: the process may exit with it.
    let awaited = (result.is_ok() && run_store.durability == Durability::Full) || core.id == TaskRunId::FLOW;
    let mut persist = PersistRequest { awaited, ..PersistRequest::default() };
    let not_persisted: Arc<str> = match (&*result, B::codec()) {
        (Ok(value), Some(codec)) => {
            let encode = || codec.encode(value, B::info().declaration.version);
            match guarded_or_why("way to write a result down", encode) {
                Ok(Ok(bytes)) => {
                    persist.result = Some(bytes);
                    persist.cache = shared.as_deref_mut().and_then(SharedResult::take_entry);
                    return persist;
                }
                Ok(Err(reason)) => reason.to_string().into(),
                Err(panic) => format!("its `Serialize` or `Deserialize` panicked: {panic}").into(),
            }
        }
        // An earlier attempt of the flow has found that out.
        (Err(Error::Refused { refusal: Refusal::NotPersisted { reason, .. }, .. }), _) => {
            reason.as_str().into()
        }
        _ => return persist,
    };
    // Another call would rely on a value that a resumed run makes again.
    *shared = None;
    if result.is_ok()
        && let Err(refusal) = without_result(core, run_store, &not_persisted, B::info().must_persist)
    {
        *result = Err(Error::Refused { run: core.label(), refusal });
    }
    persist.not_persisted = Some(not_persisted);
    persist
}

/// Warns that a result is not persisted.
///
/// # Errors
///
/// If it must be.
fn without_result(
    core: &Core,
    run_store: &RunStore,
    reason: &Arc<str>,
    must_persist: bool,
) -> Result<(), Refusal> {
    if must_persist {
        let task = core.declaration.name.to_owned();
        let refusal = Refusal::NotPersisted { task, reason: reason.to_string() };
        if let Some((memo, key)) = memo(core) {
            memo.refuse(key, refusal.clone());
        }
        return Err(refusal);
    }
    if run_store.is_first_warning(core.declaration.path, reason) {
        tracing::warn!(task = %core.label(), %reason, "the result is not persisted: a resumed run makes it again");
    }
    Ok(())
}

/// Determines the version of the value that a task run gave, and of those it was made from. Sets it for the calls that take
/// the value, and adds the value to the memo for later attempts of the flow.
pub(super) fn provenance<B: Body>(
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
            let copy = memo(core).and_then(|_| copy());
            // A later attempt takes the copy itself; only another process would have to make the value again.
            let is_here = copy.is_some() && core.run_store().is_none();
            let content =
                || guarded_or_why("way to digest a result", || B::digest_output(value)).ok().flatten();
            let version = match persisted.and_then(ValueVersion::of_envelope) {
                Some(version) => version,
                None if is_here => core.stamp(),
                None => content().map_or_else(|| core.stamp(), ValueVersion::of_content),
            };
            if let Some((memo, key)) = memo(core) {
                let in_store = persisted.map(|_| MemoValue::Store(core.id));
                let value = copy.map(|copy| MemoValue::Here(Arc::new(copy))).or(in_store);
                let provenance = Provenance { version, made_from };
                value.into_iter().for_each(|value| memo.insert(key, value, provenance));
            }
            version
        }
        (Err(Error::Cancelled { .. } | Error::Suspended { .. }), _) => return None,
        // A caller that takes the failure as a value sees this text.
        (Err(error), _) => {
            let text = guarded_or_why("way to show an error", || error.to_string()).unwrap_or_default();
            ValueVersion::hashed(&[error.kind().as_bytes(), text.as_bytes()])
        }
    };
    core.set_version(version);
    Some(Provenance { version, made_from })
}

/// Returns the recorded end of this call, if no attempt is to be made.
pub(crate) async fn recorded<B: Body>(
    core: &Core,
    source: &mut ResultSource,
) -> Option<Result<B::Output, Error<B::Error>>> {
    match core.claimed()? {
        PreviousCall::Again(_) => None,
        PreviousCall::Refused(refusal) => Some(Err(Error::Refused { run: core.label(), refusal })),
        PreviousCall::Cancelled => {
            source.recorded = true;
            Some(Err(Error::Cancelled { run: core.label(), orphaned: false }))
        }
        PreviousCall::Failed(report) | PreviousCall::FailedAnyway(report) => {
            source.recorded = true;
            core.recorded().into_iter().for_each(|recorded| core.set_version(recorded.version));
            Some(Err(Error::Recorded { run: core.label(), report }))
        }
        PreviousCall::Succeeded => match Box::pin(persisted_value::<B>(core, core.id)).await {
            Ok(Some(value)) => {
                source.recorded = true;
                let version = core.recorded().map_or_else(|| core.stamp(), |recorded| recorded.version);
                core.set_version(version);
                Some(Ok(value))
            }
            Ok(None) => {
                core.reopen();
                None
            }
            // The record stays as it is: the task has succeeded.
            Err(error) => {
                source.recorded = true;
                Some(Err(error))
            }
        },
    }
}

/// Adds the result that an earlier process left of this call to the memo: as soon as it is claimed, since this attempt of the
/// flow may end before the result is read.
pub(crate) fn remember_persisted(core: &Core) {
    if let Some(PreviousCall::Succeeded) = core.claimed()
        && let Some((memo, key)) = memo(core)
    {
        let provenance = core
            .recorded()
            .unwrap_or_else(|| Provenance { version: core.stamp(), made_from: core.made_from() });
        memo.insert(key, MemoValue::Store(core.id), provenance);
    }
}

/// Reads the result that an earlier process or attempt of the flow persisted for `task_run`; `None`, with a warning, if it is
/// lost and may be made again.
pub(crate) async fn persisted_value<B: Body>(
    core: &Core,
    task_run: TaskRunId,
) -> Result<Option<B::Output>, Error<B::Error>> {
    let at_most_once = B::info().at_most_once;
    let bytes = match persisted_bytes(core, task_run, at_most_once).await {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(None),
        Err(unread) => return Err(unread.error(core)),
    };
    let unread = match B::codec().map(|codec| (codec.decode)(&bytes, B::info().declaration.version)) {
        Some(Ok(value)) => return Ok(Some(value)),
        Some(Err(Unreadable::Damaged(reason))) => match lost(core, &reason, at_most_once) {
            Ok(()) => return Ok(None),
            Err(unread) => unread,
        },
        Some(Err(Unreadable::Changed(reason))) => Unread::changed(core, reason.to_string()),
        None => Unread::changed(core, "its type is no longer `Serialize + Deserialize`".to_owned()),
    };
    Err(unread.error(core))
}

/// Why a persisted result is not read.
enum Unread {
    Store(StoreError),
    Refused(Refusal),
}

impl Unread {
    fn changed(core: &Core, reason: String) -> Self {
        Self::Refused(Refusal::ResultChanged { task: core.declaration.name.to_owned(), reason })
    }

    fn error<E>(self, core: &Core) -> Error<E> {
        let run = core.label();
        match self {
            Self::Store(error) => Error::Store { run, source: Arc::new(error) },
            Self::Refused(refusal) => Error::Refused { run, refusal },
        }
    }
}

/// Reads the bytes of a result; `None`, with a warning, if they are lost and the task runs again.
async fn persisted_bytes(
    core: &Core,
    task_run: TaskRunId,
    at_most_once: bool,
) -> Result<Option<Vec<u8>>, Unread> {
    let Some(run_store) = core.run_store() else { return Ok(None) };
    let id = run_store.owned.id;
    let read = move |store: &dyn Store| match store.result(id, task_run)? {
        // A result of this process may still be queued for writing.
        None => store.flush().and_then(|()| store.result(id, task_run)),
        found => Ok(found),
    };
    match ask(&run_store.store, read).await {
        Ok(Some(bytes)) => Ok(Some(bytes)),
        Ok(None) => lost(core, &"it is gone", at_most_once).map(|()| None),
        // The stored bytes are wrong, and reading them again would not help.
        Err(StoreError::Damaged { reason, .. }) => lost(core, &reason, at_most_once).map(|()| None),
        Err(error) => Err(Unread::Store(error)),
    }
}

/// A persisted result is damaged or gone: the task runs again, unless it may run at most once.
fn lost(core: &Core, reason: &(dyn Display + Sync), at_most_once: bool) -> Result<(), Unread> {
    if at_most_once {
        let task = core.declaration.name.to_owned();
        return Err(Unread::Refused(Refusal::ResultLost { task, reason: reason.to_string() }));
    }
    tracing::warn!(task = %core.label(), %reason, "the kept result is lost: it is done again");
    Ok(())
}
