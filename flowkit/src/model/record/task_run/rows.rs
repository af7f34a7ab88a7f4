//! The row that readers get of an entry of the record. The only way from one to the other, so that an observer, the run itself and
//! every store show the same.

use super::{AttemptRecord, TaskRunRecord};
use crate::model::{Attempt, TaskRun, WallTime, place};

impl TaskRunRecord {
    /// Returns the task run as readers see it, in a flow run that was created at `created_at`. What only a store knows is empty.
    pub fn row(&self, created_at: WallTime) -> TaskRun {
        self.row_with(self.attempts_after(0, created_at).collect(), created_at)
    }

    /// Returns the row that comes after `before`, which an earlier entry has left. Of that it keeps what the record cannot know: the
    /// call, crashed attempts, whether a result is persisted and of what it was made.
    pub fn row_after(&self, before: TaskRun, created_at: WallTime) -> TaskRun {
        let mut attempts = before.earlier_attempts;
        let last = attempts.last().map_or(0, |attempt| attempt.number);
        attempts.extend(self.attempts_after(last, created_at));
        TaskRun {
            call: before.call,
            crashes: before.crashes,
            has_result: before.has_result,
            provenance: before.provenance,
            ..self.row_with(attempts, created_at)
        }
    }

    /// Returns the attempts that another one followed, from the one after `known` on: what is known of an attempt does not change
    /// when it is over.
    pub(crate) fn attempts_after(&self, known: u32, created_at: WallTime) -> impl Iterator<Item = Attempt> {
        let all = &self.extras().earlier_attempts;
        // From the end: most of them are known.
        let first = all.iter().rposition(|attempt| attempt.number <= known).map_or(0, |last| last + 1);
        all[first..].iter().map(move |attempt| attempt.row(created_at))
    }

    fn row_with(&self, earlier_attempts: Vec<Attempt>, created_at: WallTime) -> TaskRun {
        let (task, extras) = (self.task, self.extras());
        let declared = task.tags.iter().copied().map(Into::into);
        TaskRun {
            id: self.id,
            parent: self.parent,
            call: None,
            unknown: extras.unknown.map(Into::into),
            kind: task.kind,
            task: task.name.into(),
            path: task.path.into(),
            version: task.version.map(Into::into),
            source_hash: task.source_hash,
            index: self.index(),
            name: extras.name.clone(),
            tags: declared.chain(extras.tags.iter().cloned().map(Into::into)).collect(),
            group: extras.group.as_deref().map(str::to_owned),
            branch: extras.branch.as_deref().map(str::to_owned),
            location: place(self.location()),
            edges: self.edges.to_vec(),
            state: self.state,
            attempt: self.attempt,
            earlier_attempts,
            created_at: created_at.plus(self.created_at),
            started_at: self.started_at().map(|at| created_at.plus(at)),
            attempt_started_at: self.attempt_started_at().map(|at| created_at.plus(at)),
            ended_at: self.ended_at.map(|at| created_at.plus(at)),
            begun_no: self.begun_no,
            ended_no: self.ended_no,
            rank: extras.rank,
            error: extras.error.clone(),
            skip_reason: extras.skip_reason.as_deref().cloned(),
            flow_run: extras.flow_run,
            orphaned: self.is_orphaned(),
            cancelled_by_body: self.cancelled_by_body,
            crashes: 0,
            has_result: false,
            not_persisted: extras.not_persisted.as_deref().map(str::to_owned),
            provenance: None,
        }
    }
}

impl AttemptRecord {
    fn row(&self, created_at: WallTime) -> Attempt {
        Attempt {
            number: self.number,
            state: self.state,
            started_at: created_at.plus(self.started_at),
            ended_at: self.ended_at.map(|at| created_at.plus(at)),
            ended_no: self.ended_no,
            error: self.error.clone(),
            retry_in: self.retry_in,
        }
    }
}
