//! Rows that an earlier process left in a store, as entries of the record of this one. Not: which rows a call may take up.

use std::sync::Arc;

use super::{AttemptRecord, NewTaskRun, TaskRunRecord};
use crate::model::{Attempt, StoredFlowRun, TaskRun, Timestamp, WallTime};

impl AttemptRecord {
    fn recovered(attempt: &Attempt, at: impl Fn(WallTime) -> Timestamp) -> Self {
        Self {
            number: attempt.number,
            started_at: at(attempt.started_at),
            ended_at: attempt.ended_at.map(at),
            ended_no: attempt.ended_no,
            state: attempt.state,
            error: attempt.error.clone(),
            retry_in: attempt.retry_in,
        }
    }
}

impl TaskRunRecord {
    /// The task run `row` of an earlier process, which is called again as `new` says.
    pub(crate) fn recovered(new: NewTaskRun, row: &TaskRun, created_at: WallTime) -> Self {
        let at = |time: WallTime| Timestamp::new(time.since(created_at));
        let mut task_run = Self::new(row.id, new, at(row.created_at));
        task_run.state = row.state;
        task_run.orphaned = row.orphaned;
        task_run.cancelled_by_body = row.cancelled_by_body;
        task_run.attempt = row.attempt;
        task_run.started_at = row.started_at.map(at);
        task_run.attempt_started_at = at(row.attempt_started_at.unwrap_or(row.created_at));
        task_run.ended_at = row.ended_at.map(at);
        task_run.begun_no = row.begun_no;
        task_run.ended_no = row.ended_no;
        if let Some(name) = &row.name {
            task_run.extras_mut().name.get_or_insert_with(|| name.clone());
        }
        if let Some(rank) = row.rank {
            task_run.set_rank(rank);
        }
        if let Some(id) = row.flow_run {
            task_run.set_flow_run(id);
        }
        if let Some(error) = &row.error {
            task_run.extras_mut().error = Some(Arc::clone(error));
        }
        if let Some(reason) = &row.skip_reason {
            task_run.extras_mut().skip_reason = Some(Arc::new(reason.clone()));
        }
        if let Some(reason) = &row.not_persisted {
            task_run.set_not_persisted(reason.as_str().into());
        }
        if !row.earlier_attempts.is_empty() {
            let attempts = row.earlier_attempts.iter().map(|attempt| AttemptRecord::recovered(attempt, at));
            task_run.extras_mut().earlier_attempts = attempts.collect();
        }
        task_run
    }

    /// The flow itself, of a run that another process left.
    pub(crate) fn recovered_flow(new: NewTaskRun, stored: &StoredFlowRun) -> Self {
        let mut row = stored.as_task_run();
        // Why its store gave it up is no error of an attempt.
        row.error = row.error.filter(|_| row.state.is_terminal());
        Self::recovered(new, &row, stored.created_at)
    }
}
