//! The user's code may panic anywhere. Here a panic becomes a value, so that it is a failed task and nothing worse.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_util::FutureExt;

use crate::engine::task_run::core::Core;
use crate::model::{Error, ErrorReport, TaskError, place};
use crate::text::wording::{TEXT_MAX, bounded_to};

/// A panic message is part of a longer message, which must not be truncated for it a second time.
const PANIC_MAX: usize = TEXT_MAX - 1024;

/// Calls a user's closure that must not take the engine down; a panic is logged and gives `None`.
pub(crate) fn guarded<R>(what: &str, f: impl FnOnce() -> R) -> Option<R> {
    guarded_or_why(what, f).ok()
}

/// As [`guarded`], and returns the panic message.
pub(crate) fn guarded_or_why<R>(what: &str, f: impl FnOnce() -> R) -> Result<R, Arc<str>> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(value) => Ok(value),
        Err(panic) => Err(logged(what, panic)),
    }
}

/// Apart from its generic caller, which is compiled for every task.
#[cold]
fn logged(what: &str, panic: Box<dyn Any + Send>) -> Arc<str> {
    let message = panic_message(panic);
    tracing::error!(panic = %message, "a {what} panicked");
    message
}

/// Turns a panic of the user's code into an error of its run.
///
/// Bodies are caught where they run; this is for the code around them: keys, names, clones and drops.
pub(crate) fn caught<T, E>(
    core: &Core,
    run: impl Future<Output = Result<T, Error<E>>>,
) -> impl Future<Output = Result<T, Error<E>>> {
    AssertUnwindSafe(run).catch_unwind().map(|ended| {
        ended.unwrap_or_else(|panic| {
            drop(core.take_permit());
            Err(Error::Panicked { run: core.label(), message: panic_message(panic) })
        })
    })
}

/// Renders an error for the record. Its `Display` is the user's code, which may panic.
pub(crate) fn report<E: TaskError>(core: &Core, error: &Error<E>) -> Arc<ErrorReport> {
    let report = guarded_or_why("way to show an error", || error.report(core.location));
    Arc::new(report.unwrap_or_else(|why| {
        let message = format!("an error that cannot be shown: {why}");
        ErrorReport::new(core.label().as_str().to_owned(), message, None, place(core.location))
    }))
}

/// Reads the message of a panic. The payload may be anything, also something whose drop panics.
pub(crate) fn panic_message(payload: Box<dyn Any + Send>) -> Arc<str> {
    let message = if let Some(text) = payload.downcast_ref::<&'static str>() {
        bounded_to(PANIC_MAX, (*text).to_owned()).into()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        bounded_to(PANIC_MAX, text.clone()).into()
    } else {
        "a payload that is not text".into()
    };
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
    message
}
