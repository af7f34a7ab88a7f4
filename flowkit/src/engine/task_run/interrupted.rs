//! What fails while the program is being stopped: it may fail because of that, so its failure is not final.
//!
//! Its run is suspended, those who await it hear nothing, and it is made again when the flow is resumed. Not: when a
//! program is told to stop, which `flow_run/live` knows, and what becomes of a failure that came just before, which is
//! `flow_run/stopping`'s business.

use super::core::Core;
use super::execute::Finish;
use crate::engine::attempt::panics::report;
use crate::engine::replay::run_store::PersistRequest;
use crate::engine::task_run::finish::ResultSource;
use crate::model::{Error, EventKind, TaskError};

/// Whether a failure is one that another attempt may mend, so that it need not be final.
pub(crate) fn may_be_made_again<E>(error: &Error<E>, is_once: bool) -> bool {
    !is_once
        && matches!(
            error,
            Error::Task(_)
                | Error::TimedOut { .. }
                | Error::Panicked { .. }
                | Error::TasksFailed { .. }
                | Error::CriticalFailed { .. }
        )
}

/// Whether the end of a task run is [held back](hold_back): the program is being stopped, and it failed or rests on a run that
/// failed since.
pub(crate) fn is_held_back<T, E: TaskError>(
    core: &Core,
    end: &Finish<'_, E>,
    result: &Result<T, Error<E>>,
    how: &ResultSource,
) -> bool {
    match result {
        Err(error) if !how.recorded && may_be_made_again(error, end.is_once()) => {
            core.is_stopping() && !core.is_cancelled() || core.is_suspended()
        }
        // It may rest on a failure that does not count.
        Ok(_) => core.is_stopping() && rests_on_an_interrupted_run(core),
        Err(_) => false,
    }
}

fn rests_on_an_interrupted_run(core: &Core) -> bool {
    core.run().is_some_and(|run| run.rests_on_an_interrupted_run(core.id))
}

/// Notes how the attempt failed, and waits until the run is suspended, or cancelled.
pub(crate) async fn hold_back<T, E: TaskError>(
    core: &Core,
    end: Finish<'_, E>,
    failure: Option<Error<E>>,
) -> Result<T, Error<E>> {
    if let Some(error) = failure.filter(|_| !core.is_cancelled()) {
        let error = report(core, &error);
        tracing::warn!(
            task = %core.label(),
            %error,
            "failed while the program is being stopped: it is made again when the run is resumed"
        );
        core.emit(EventKind::Interrupted { attempt: core.attempt(), error });
    }
    drop(core.let_go());
    core.cancelled().await;
    let result = Err(core.stopped(core.is_orphaned()));
    end.tell(&result, false, &mut PersistRequest::default());
    result
}
