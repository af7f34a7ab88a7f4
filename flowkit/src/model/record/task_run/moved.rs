//! How an event changes a row: its state, its attempts, its times and their numbers. Not: whether the event may happen, which
//! [`State::after`] decides.

use std::sync::Arc;

use super::{AttemptRecord, TaskRunRecord};
use crate::model::{ErrorReport, Event, EventKind, IllegalTransition, OrderNo, State, Timestamp};

impl TaskRunRecord {
    /// Moves the run by an event. `no` is the number of the next begin or end.
    // Once for each event of each task run: a call costs half of what it does.
    #[inline(always)]
    pub(crate) fn apply(&mut self, event: &Event, no: OrderNo) -> Result<(), IllegalTransition> {
        let before = self.state;
        self.state = before.after(&event.kind)?;
        match &event.kind {
            EventKind::Started { attempt } => {
                self.attempt = *attempt;
                self.attempt_started_at = event.at;
                self.begun_no = Some(no);
                self.started_at.get_or_insert(event.at);
            }
            EventKind::AttemptFailed { attempt, failure } => {
                let attempt = AttemptRecord {
                    number: *attempt,
                    started_at: self.attempt_started_at,
                    ended_at: Some(event.at),
                    ended_no: Some(no),
                    state: State::Failed,
                    error: Some(Arc::clone(&failure.error)),
                    retry_in: Some(failure.retry_in),
                };
                self.extras_mut().earlier_attempts.push(attempt);
            }
            EventKind::Failed { error } | EventKind::UpstreamFailed { error } => {
                self.extras_mut().error = Some(Arc::clone(error));
            }
            EventKind::TimedOut { error, orphaned } => {
                self.extras_mut().error = Some(Arc::clone(error));
                self.orphaned = *orphaned;
            }
            EventKind::Cancelled { orphaned } => self.orphaned = *orphaned,
            EventKind::Skipped { reason } => self.extras_mut().skip_reason = Some(Arc::clone(reason)),
            EventKind::Created
            | EventKind::Queued
            | EventKind::Completed
            | EventKind::Cached
            | EventKind::Cancelling
            | EventKind::Stopping
            | EventKind::Suspended => {}
            EventKind::Interrupted { attempt, error } => self.interrupt(*attempt, error, (event.at, no)),
            // The process that finds the crash keeps the attempt that died with it.
            EventKind::Crashed => self.push_attempt(State::Crashed, None),
            EventKind::Reopened => self.reopen(before),
        }
        if self.state.is_terminal() {
            self.ended_at = Some(event.at);
            self.ended_no = Some(no);
        }
        if !(self.state.is_success() || self.cancelled_by_body) && self.state.is_terminal() {
            self.forget_rank();
        }
        Ok(())
    }

    /// Makes the attempt that was interrupted an earlier one, and forgets that the run ended with it, if it did.
    fn interrupt(&mut self, number: u32, error: &Arc<ErrorReport>, (now, no): (Timestamp, OrderNo)) {
        let interrupted = AttemptRecord {
            number,
            started_at: self.attempt_started_at,
            ended_at: Some(self.ended_at.take().unwrap_or(now)),
            ended_no: Some(self.ended_no.take().unwrap_or(no)),
            state: State::Suspended,
            error: Some(Arc::clone(error)),
            retry_in: None,
        };
        self.orphaned = false;
        let is_earlier = self.attempt as usize <= self.extras().earlier_attempts.len();
        let extras = self.extras_mut();
        extras.error = None;
        if !is_earlier {
            extras.earlier_attempts.push(interrupted);
        }
    }

    fn forget_rank(&mut self) {
        if let Some(extras) = self.extras.as_deref_mut() {
            extras.rank = None;
        }
    }

    /// Forgets how the run ended, which was in the state `before`; its last attempt becomes an earlier one. A success keeps its
    /// place among other ends, because the body may have acted upon it: also if it has to be made again more than once.
    fn reopen(&mut self, before: State) {
        match self.extras().rank.or(self.ended_no) {
            Some(rank) if before.is_success() => self.set_rank(rank),
            _ if before.is_terminal() => self.forget_rank(),
            _ => {}
        }
        let error = self.extras.as_deref_mut().and_then(|extras| {
            extras.skip_reason = None;
            extras.not_persisted = None;
            extras.error.take()
        });
        // An attempt without an end was interrupted with its process.
        let ended = if before.is_terminal() { before } else { State::Crashed };
        self.push_attempt(ended, error);
        self.ended_at = None;
        self.ended_no = None;
        self.orphaned = false;
        self.cancelled_by_body = false;
    }

    /// Makes the last attempt an earlier one, if it is not one yet.
    fn push_attempt(&mut self, state: State, error: Option<Arc<ErrorReport>>) {
        let kept = self.extras().earlier_attempts.len();
        if self.attempt as usize > kept {
            let attempt = AttemptRecord {
                number: self.attempt,
                started_at: self.attempt_started_at,
                ended_at: self.ended_at,
                ended_no: self.ended_no,
                state,
                error,
                retry_in: None,
            };
            self.extras_mut().earlier_attempts.push(attempt);
        }
    }
}
