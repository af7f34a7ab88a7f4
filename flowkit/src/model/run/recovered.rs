//! Rows that an earlier process left in a store, as rows of the record of this one. Not: which rows a call may take up.

use std::sync::Arc;

use super::{Attempt, NewTaskRun, TaskRun};
use crate::model::{StoredAttempt, StoredFlowRun, StoredTaskRun, TaskRunId, WallTime};

impl Attempt {
    fn recovered(stored: &StoredAttempt, created: WallTime) -> Self {
        Self {
            number: stored.number,
            started_at: stored.started_at.since(created),
            ended_at: stored.ended_at.map(|ended_at| ended_at.since(created)),
            ended_no: stored.ended_no,
            state: stored.state,
            error: stored.error.clone().map(Arc::new),
            retry_in: stored.retry_in,
        }
    }
}

impl TaskRun {
    /// The task run `stored` of an earlier process, which is called again as `new` says.
    pub(crate) fn recovered(new: NewTaskRun, stored: &StoredTaskRun, created: WallTime) -> Self {
        let at = |time: WallTime| time.since(created);
        let mut task_run = Self::new(stored.id, new, at(stored.created_at));
        task_run.state = stored.state;
        task_run.orphaned = stored.orphaned;
        task_run.cancelled_by_body = stored.cancelled_by_body;
        task_run.attempt = stored.attempt;
        task_run.started_at = stored.started_at.map(at);
        task_run.attempt_started_at = at(stored.attempt_started_at.unwrap_or(stored.created_at));
        task_run.ended_at = stored.ended_at.map(at);
        task_run.begun_no = stored.begun_no;
        task_run.ended_no = stored.ended_no;
        if let Some(name) = &stored.name {
            task_run.extras().name.get_or_insert_with(|| name.clone());
        }
        if let Some(rank) = stored.rank {
            task_run.set_rank(rank);
        }
        if let Some(id) = stored.flow_run {
            task_run.extras().flow_run = Some(id);
        }
        if let Some(error) = &stored.error {
            task_run.extras().error = Some(Arc::new(error.clone()));
        }
        if let Some(reason) = &stored.skip_reason {
            task_run.extras().skip_reason = Some(Arc::new(reason.clone()));
        }
        if let Some(reason) = &stored.not_persisted {
            task_run.extras().not_persisted = Some(reason.as_str().into());
        }
        if !stored.earlier_attempts.is_empty() {
            let attempts = stored.earlier_attempts.iter().map(|attempt| Attempt::recovered(attempt, created));
            task_run.extras().failed_attempts = attempts.collect();
        }
        task_run
    }

    /// The flow itself, of a run that another process left.
    pub(crate) fn recovered_flow(new: NewTaskRun, stored: &StoredFlowRun) -> Self {
        let at = |time: WallTime| time.since(stored.created_at);
        let mut flow = Self::new(TaskRunId::FLOW, new, at(stored.created_at));
        flow.state = stored.state;
        flow.attempt = stored.attempt;
        flow.started_at = stored.started_at.map(at);
        flow.attempt_started_at = at(stored.attempt_started_at.unwrap_or(stored.created_at));
        flow.ended_at = stored.ended_at.map(at);
        flow.begun_no = stored.begun_no;
        flow.ended_no = stored.ended_no;
        if let Some(name) = &stored.name {
            flow.extras().name.get_or_insert_with(|| name.clone());
        }
        // Why its store gave it up is no error of an attempt.
        if let Some(error) = stored.error.as_ref().filter(|_| stored.state.is_terminal()) {
            flow.extras().error = Some(Arc::new(error.clone()));
        }
        let attempts = &stored.earlier_attempts;
        if !attempts.is_empty() {
            let recovered = attempts.iter().map(|attempt| Attempt::recovered(attempt, stored.created_at));
            flow.extras().failed_attempts = recovered.collect();
        }
        flow
    }
}
