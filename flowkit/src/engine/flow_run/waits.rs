//! Time limits on waits for several runs: a timeout is recorded, and a resumed or retried flow gets it again. How the body
//! waits is up to the combinators.

use std::sync::Arc;

use super::FlowAttempt;
use crate::engine::context;
use crate::engine::task_run::core::{Core, RunScope};
use crate::model::{Digest, Identity, RunRecord, TaskRunId, TaskRunRecord};
use crate::store::{FactKind, TimeUp};

/// One such wait, in a run whose decisions are recorded.
pub(crate) struct TimedWait {
    attempt: Arc<FlowAttempt>,
    body: TaskRunId,
    key: Digest,
}

/// A digest of the runs to wait for, where calls have keys; `None` if one of them cannot be distinguished from other calls, so that
/// a recorded decision might be about another one.
pub(crate) fn identity<'a>(cores: impl Iterator<Item = &'a Core>) -> Option<Digest> {
    let has_memo = |core: &&Core| core.run().is_some_and(|run| run.memo.is_some());
    let known = |identity: Identity| identity.unknown.is_none().then(|| identity.call.digest());
    let runs: Option<Vec<_>> = cores.filter(has_memo).filter_map(Core::identity).map(known).collect();
    Some(Digest::join(&runs?))
}

impl TimedWait {
    /// A wait of the body that runs here, for the runs with this [`identity`].
    pub(crate) fn here(runs: Option<Digest>) -> Option<Self> {
        let runs = runs?;
        let current = context::current()?;
        let core = current.core();
        let RunScope::Flow(attempt) = &core.scope else { return None };
        attempt.run.memo.as_ref()?;
        let key = attempt.ordinals.next_wait(core.identity(), runs);
        Some(Self { attempt: Arc::clone(attempt), body: core.id, key })
    }

    /// Returns the positions of the runs that had ended at a recorded timeout. Only if something has begun after it: a
    /// timeout without consequences may be decided again.
    pub(crate) fn recorded(&self) -> Option<Vec<u32>> {
        let run = &self.attempt.run;
        if let Some(time_up) = run.memo.as_ref().and_then(|memo| memo.time_up(self.key)) {
            // The attempt of the flow itself is not a consequence of the wait.
            let came_of_it = |row: &TaskRunRecord| {
                let no = row.begun_no();
                row.id() != TaskRunId::FLOW && no > time_up.after && no <= self.attempt.after
            };
            let is_decided = run.read(|record| record.task_runs().any(came_of_it));
            return time_up.ended.filter(|_| is_decided);
        }
        run.run_store.as_ref()?.previous(|previous| previous.time_up(self.key))?
    }

    /// Records a timeout.
    pub(crate) fn time_is_up(&self, ended: Vec<u32>) {
        self.record(Some(ended));
    }

    /// Records that the wait ended in time, if a timeout is recorded of it: that had no consequences, and must get none,
    /// now that the body acts upon another outcome.
    pub(crate) fn ended_in_time(&self) {
        let run = &self.attempt.run;
        let noted = run.memo.as_ref().is_some_and(|memo| memo.time_up(self.key).is_some());
        let recorded = || run.run_store.as_ref()?.previous(|previous| previous.has_unused_time_up(&self.key));
        if noted || recorded() == Some(true) {
            self.record(None);
        }
    }

    fn record(&self, ended: Option<Vec<u32>>) {
        let run = &self.attempt.run;
        let time_up = TimeUp { key: self.key, ended, after: run.read(RunRecord::last_no) };
        if let Some(memo) = run.memo.as_ref().filter(|memo| memo.remembers()) {
            memo.note_time_up(time_up.clone());
        }
        if run.run_store.is_some() {
            run.report(self.body, FactKind::TimeUp(time_up));
        }
    }
}
