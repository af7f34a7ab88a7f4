//! Waits of a body for several runs with a limit of time: a timeout is recorded, and a resumed or retried flow gets it again.
//! Not: how the body waits, which is the business of the combinators.

use std::sync::Arc;

use super::FlowAttempt;
use crate::engine::context;
use crate::engine::task_run::core::{Core, RunScope};
use crate::model::{Digest, Identity, RunRecord, TaskRunId, TaskRunRecord};
use crate::store::{FactKind, TimeUp};

/// One such wait, in a run whose decisions are kept.
pub(crate) struct TimedWait {
    attempt: Arc<FlowAttempt>,
    body: TaskRunId,
    key: Digest,
}

/// What tells the runs that are waited for from others, where calls have keys; `None` if one of them cannot be told from
/// others, so that what was decided of it may be decided of another one.
pub(crate) fn identity<'a>(cores: impl Iterator<Item = &'a Core>) -> Option<Digest> {
    let is_kept = |core: &&Core| core.run().is_some_and(|run| run.journal.is_some());
    let known = |identity: Identity| identity.unknown.is_none().then(|| identity.call.digest());
    let runs: Option<Vec<_>> = cores.filter(is_kept).filter_map(Core::identity).map(known).collect();
    Some(Digest::join(&runs?))
}

impl TimedWait {
    /// A wait of the body that runs here, for the runs of which this is the [`identity`].
    pub(crate) fn here(runs: Option<Digest>) -> Option<Self> {
        let runs = runs?;
        let current = context::current()?;
        let core = current.core();
        let RunScope::Flow(attempt) = &core.home else { return None };
        attempt.run.journal.as_ref()?;
        let key = attempt.ordinals.next_wait(core.identity(), runs);
        Some(Self { attempt: Arc::clone(attempt), body: core.id, key })
    }

    /// Returns the positions of the runs that had ended at a recorded timeout. Only if something has begun after it: a timeout
    /// without a consequence may be decided again.
    pub(crate) fn recorded(&self) -> Option<Vec<u32>> {
        let run = &self.attempt.run;
        if let Some(time_up) = run.journal.as_ref().and_then(|journal| journal.time_up(self.key)) {
            // The attempt of the flow itself comes of no wait.
            let came_of_it = |row: &TaskRunRecord| {
                let no = row.begun_no();
                row.id() != TaskRunId::FLOW && no > time_up.after && no <= self.attempt.after
            };
            let is_decided = run.read(|record| record.task_runs().any(came_of_it));
            return time_up.ended.filter(|_| is_decided);
        }
        run.kept.as_ref()?.earlier(|earlier| earlier.time_up(self.key))?
    }

    /// Keeps that the time was up.
    pub(crate) fn time_is_up(&self, ended: Vec<u32>) {
        self.keep(Some(ended));
    }

    /// Keeps that the wait ended in time, if a timeout is recorded of it: nothing had come of that, and nothing may, now that
    /// the body acts upon another outcome.
    pub(crate) fn ended_in_time(&self) {
        let run = &self.attempt.run;
        let noted = run.journal.as_ref().is_some_and(|journal| journal.time_up(self.key).is_some());
        let kept = || run.kept.as_ref()?.earlier(|earlier| earlier.has_unused_time_up(&self.key));
        if noted || kept() == Some(true) {
            self.keep(None);
        }
    }

    fn keep(&self, ended: Option<Vec<u32>>) {
        let run = &self.attempt.run;
        let time_up = TimeUp { key: self.key, ended, after: run.read(RunRecord::last_no) };
        if let Some(journal) = run.journal.as_ref().filter(|journal| journal.remembers()) {
            journal.note_time_up(time_up.clone());
        }
        if run.kept.is_some() {
            run.say(self.body, FactKind::TimeUp(time_up));
        }
    }
}
