//! The slots of named limits that an attempt takes. Laying them down and taking them up is `take_up`'s business.

use std::borrow::Cow;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use crate::engine::limits::{LimitError, Want};
use crate::engine::task_run::core::Core;
use crate::engine::task_run::options::CallOptions;
use crate::model::{Error, EventKind, Kind, Refusal};

/// Whether an attempt has to ask for slots at all: a flow waits for its tasks, and a waiting run holds none.
pub(crate) fn needs_slots(core: &Core) -> bool {
    !core.runtime().limits().is_empty() && core.declaration.kind == Kind::Task
}

/// Takes the slots that an attempt needs; waits for them if it must.
pub(crate) async fn take_slots<E>(
    core: &Core,
    declared: &'static [Want],
    options: Option<&CallOptions<E>>,
) -> Result<(), Error<E>> {
    let wants = wants(core, declared, options);
    if wants.is_empty() {
        return Ok(());
    }
    let mut acquire = core.runtime().limits().acquire(&wants);
    let mut cancelled = pin!(core.cancelled());
    let mut queued = false;
    let permit = poll_fn(|cx| {
        if let Poll::Ready(permit) = Pin::new(&mut acquire).poll(cx) {
            return Poll::Ready(Some(permit));
        }
        if !queued {
            queued = true;
            core.emit(EventKind::Queued);
        }
        cancelled.as_mut().poll(cx).map(|()| None)
    })
    .await;
    match permit {
        // The slot is often free because the one who held it was cancelled too.
        Some(Ok(_)) if queued && core.is_cancelled() => Err(core.stopped(false)),
        Some(Ok(permit)) => {
            core.hold(wants.into(), permit);
            Ok(())
        }
        Some(Err(error)) => Err(Error::Refused { run: core.label(), refusal: error.into() }),
        None => Err(core.stopped(false)),
    }
}

/// Lists what an attempt needs. A tag that is also the name of a limit counts as one slot of it.
fn wants<E>(core: &Core, declared: &'static [Want], options: Option<&CallOptions<E>>) -> Vec<Want> {
    let said = options.and_then(|options| options.limits.as_deref()).unwrap_or(declared);
    let mut wants = said.to_vec();
    let mut want = |name: Cow<'static, str>| {
        if !wants.iter().any(|want| want.name == name) {
            wants.push(Want { name, weight: 1 });
        }
    };
    for tag in core.declaration.tags {
        want((*tag).into());
    }
    for tag in options.iter().flat_map(|options| &options.tags) {
        want(tag.clone().into());
    }
    if let Some(limit) = core.run().and_then(|run| run.max_concurrency.as_ref()) {
        want(limit.name.clone());
    }
    wants
}

impl From<LimitError> for Refusal {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::WeightExceedsLimit { name, weight, slots } => {
                Self::WeightExceedsLimit { limit: name, weight, slots }
            }
        }
    }
}
