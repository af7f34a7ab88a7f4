//! The recorded task runs of a resumed run, while its calls are made again: each call claims its own row, once. A row that no call
//! claims means that the code has diverged from the record. What becomes of a claimed row is decided in `policy/resume`.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::clock;
use crate::model::{
    Attempt, CallId, Declaration, Digest, ErrorReport, Identity, NewTaskRun, Refusal, State, TaskRun,
    TaskRunId,
};
use crate::policy::resume::{
    AttemptProgress, RedoRequest, RedoRows, RedoScope, ReplayDecision, ambiguous_keys, cancelled_for_good,
    claimable, decide, decide_flow, died, is_final, older_source, progress,
};
use crate::store::{Recovered, TimeUp};

/// The number of calls made instead of recorded ones that are listed.
const CALLED_INSTEAD_MAX: usize = 20;

/// A run that was taken over, and how to resume it.
#[derive(Debug)]
pub(crate) struct ResumedRun {
    pub(crate) recovered: Recovered,
    pub(crate) request: RedoRequest,
    /// A call that is not recorded is refused while recorded calls of the same body have not been made again.
    pub(crate) strict: bool,
}

impl ResumedRun {
    /// Returns what an earlier process left of the flow itself.
    pub(crate) fn flow_call(&self) -> PreviousCall {
        let run = &self.recovered.run;
        match (decide_flow(run, &self.request), &run.error) {
            (ReplayDecision::Reuse, _) => PreviousCall::Succeeded,
            (ReplayDecision::FailAgain, Some(error)) => PreviousCall::Failed(Arc::clone(error)),
            _ => {
                // A flow that runs again on request has all of its retries again; a cancelled sub-flow has the rest of them.
                let is_redone = self.request.reopens(run) && run.state.is_terminal();
                let failed = if is_redone { 0 } else { self.request.failed_attempts(&run.earlier_attempts) };
                PreviousCall::Again(AttemptProgress { attempts: run.attempt, failed, wait: Duration::ZERO })
            }
        }
    }
}

/// What an earlier process left of a call that is made again.
#[derive(Clone, Debug)]
pub(crate) enum PreviousCall {
    /// Its result.
    Succeeded,
    /// Its failure.
    Failed(Arc<ErrorReport>),
    /// Its failure, whatever its inputs are: it failed before they were compared.
    FailedAnyway(Arc<ErrorReport>),
    /// Its cancellation: the body cancelled it, and nothing that may have led to this decision runs again.
    Cancelled,
    /// Its attempts: it runs again and counts on from there.
    Again(AttemptProgress),
    /// The reason why it may not run.
    Refused(Refusal),
}

/// The row of a call, and what the earlier process left of the call. A row is claimed once; a later call of the same identity may
/// be refused because of it.
pub(crate) type Claim = (Option<TaskRun>, Option<PreviousCall>);

/// The recorded task runs of earlier processes that no call has claimed so far.
pub(crate) struct PreviousRuns {
    rows: HashMap<CallId, TaskRun>,
    /// The calls with secrets, by their key, in which the secrets are not.
    sealed: HashMap<Digest, Vec<CallId>>,
    /// The rows whose calls were made with other secrets instead.
    replaced: HashSet<TaskRunId>,
    /// The calls that are refused in every attempt of the flow: their process died, or their result cannot be persisted.
    refused: HashMap<CallId, Refusal>,
    /// How many calls are expected of each body: rows that began and can be told from others.
    expected: HashMap<TaskRunId, usize>,
    /// The rows that are still to run again on request.
    redo: HashSet<TaskRunId>,
    /// The same, with those that an earlier process has run again.
    redo_rows: RedoRows,
    request: RedoRequest,
    pub(super) strict: bool,
    /// The rows that the body cancelled and would cancel again.
    cancelled: HashSet<TaskRunId>,
    /// The timeouts of waits after which the body called something that began.
    times_up: HashMap<Digest, Vec<u32>>,
    /// The waits whose recorded timeout had no consequence.
    unused_times_up: HashSet<Digest>,
    max_crashes: u32,
    /// The task run in whose body each recorded task run was called.
    parents: HashMap<TaskRunId, TaskRunId>,
    /// The bodies whose recorded calls need not come again: they do not run again, or the calls are those of several attempts.
    unchecked: HashSet<TaskRunId>,
    /// The labels of calls that are not recorded and were made while recorded calls of the same body were missing.
    called_instead: Vec<String>,
    /// The number of unrecorded calls of each task that may run at most once, by the path of the task.
    new_at_most_once: BTreeMap<&'static str, usize>,
    /// The paths of the tasks about whose older source a warning was given.
    warned_older: HashSet<&'static str>,
    is_sub_flow: bool,
}

impl PreviousRuns {
    pub(crate) fn new(resumed: &ResumedRun, max_crashes: u32) -> Self {
        let Recovered { run, task_runs, .. } = &resumed.recovered;
        let mut rows: HashMap<_, TaskRun> =
            claimable(run, task_runs).into_iter().map(|(call, row)| (call, row.clone())).collect();
        let ambiguous = ambiguous_keys(task_runs);
        for row in rows.values_mut().filter(|row| row.unknown.is_none()) {
            row.unknown = row
                .call
                .and_then(|call| ambiguous.get(&call.key))
                .map(|unknown| (*unknown).to_owned().into());
        }
        let mut sealed: HashMap<_, Vec<_>> = HashMap::new();
        for call in rows.keys().filter(|call| call.seal.is_some()) {
            sealed.entry(call.key).or_default().push(*call);
        }
        let mut expected = HashMap::new();
        for row in rows.values().filter(|row| is_comparable(row)) {
            *expected.entry(row.parent).or_default() += 1;
        }
        let times_up = used_times_up(&resumed.recovered.times_up, task_runs);
        let timed_out = resumed.recovered.times_up.iter().map(|time_up| time_up.key);
        let unused_times_up = timed_out.filter(|key| !times_up.contains_key(key)).collect();
        let redo_rows = RedoRows::select(task_runs, &resumed.request.scope);
        let has_failed = |attempts: &[Attempt]| attempts.iter().any(Attempt::counts);
        let repeated = task_runs.iter().filter(|row| has_failed(&row.earlier_attempts)).map(|row| row.id);
        let flow = has_failed(&run.earlier_attempts).then_some(TaskRunId::FLOW);
        Self {
            rows,
            sealed,
            replaced: HashSet::new(),
            refused: HashMap::new(),
            expected,
            redo: resumed.request.pending(task_runs, &redo_rows),
            redo_rows,
            request: resumed.request.clone(),
            strict: resumed.strict,
            cancelled: cancelled_for_good(run, task_runs, &resumed.request),
            times_up,
            unused_times_up,
            max_crashes,
            parents: task_runs.iter().map(|row| (row.id, row.parent)).collect(),
            unchecked: repeated.chain(flow).collect(),
            called_instead: Vec::new(),
            new_at_most_once: BTreeMap::new(),
            warned_older: HashSet::new(),
            is_sub_flow: run.parent.is_some(),
        }
    }

    /// Whether a call is refused in every attempt of the flow in this process.
    pub(crate) fn refuses(&self, call: &CallId) -> bool {
        self.refused.contains_key(call)
    }

    /// Returns the positions of the runs that had ended when a wait timed out.
    pub(crate) fn time_up(&self, key: Digest) -> Option<Vec<u32>> {
        self.times_up.get(&key).cloned()
    }

    /// Whether a wait has a recorded timeout without a consequence.
    pub(crate) fn has_unused_time_up(&self, key: &Digest) -> bool {
        self.unused_times_up.contains(key)
    }

    /// Returns how to resume the run behind the node of a sub-flow: what to run again, and whether it is strict.
    pub(crate) fn inside(&self, node: TaskRunId) -> (RedoRequest, bool) {
        (self.request.inside(node, &self.redo_rows), self.strict)
    }

    /// Whether a rerun of this task run was requested, so that it does not take its result from a cache either.
    pub(crate) fn is_rerun(&self, task_run: TaskRunId) -> bool {
        matches!(self.request.scope, RedoScope::From(_) | RedoScope::Everything)
            && self.redo.contains(&task_run)
    }

    /// Claims the row of a call and returns what becomes of the call; nothing for a call that is not recorded.
    ///
    /// # Errors
    ///
    /// If the call is not recorded, the run is strict, and recorded calls of the same body are missing.
    pub(crate) fn claim(
        &mut self,
        identity: Identity,
        new: &NewTaskRun,
        at_most_once: bool,
    ) -> Result<Claim, Refusal> {
        let call = identity.call;
        if let Some(refusal) = self.refused.get(&call) {
            return Ok((None, Some(PreviousCall::Refused(refusal.clone()))));
        }
        let another_secret = (at_most_once && self.had_another_secret(call)).then(|| {
            let (task, what) = (new.task.name.to_owned(), "a secret".to_owned());
            PreviousCall::Refused(Refusal::InputsChanged { task, what })
        });
        let Some(row) = self.rows.remove(&call) else {
            if another_secret.is_some() {
                return Ok((None, another_secret));
            }
            // A call that cannot be told from others may be recorded or not.
            if identity.unknown.is_none() && !self.replaces(call) {
                self.note_unrecorded(new, at_most_once)?;
            }
            return Ok((None, None));
        };
        if is_comparable(&row) && !self.replaced.remove(&row.id) {
            self.expect_one_less(row.parent);
        }
        let claimed = match self.decide(&row, at_most_once) {
            // In a later attempt of the flow it may turn out to be another call.
            ReplayDecision::RunAgain if another_secret.is_some() => return Ok((Some(row), another_secret)),
            ReplayDecision::Reuse => PreviousCall::Succeeded,
            ReplayDecision::FailAgain => match &row.error {
                Some(error) if failed_uncompared(&row) => PreviousCall::FailedAnyway(Arc::clone(error)),
                Some(error) => PreviousCall::Failed(Arc::clone(error)),
                None => PreviousCall::Again(AttemptProgress::default()),
            },
            // A call that runs again on request, because its result is lost, or because it may be another call, has all of its
            // retries again.
            ReplayDecision::RunAgain
                if row.state.is_success() || row.unknown.is_some() || self.redo.contains(&row.id) =>
            {
                PreviousCall::Again(AttemptProgress { attempts: row.attempt, ..AttemptProgress::default() })
            }
            ReplayDecision::RunAgain => PreviousCall::Again(progress(&row, &self.request, clock::wall())),
            ReplayDecision::CancelAgain => PreviousCall::Cancelled,
            ReplayDecision::Poison => PreviousCall::Refused(Refusal::Poison { crashes: row.crashes }),
            ReplayDecision::UnknownOutcome => PreviousCall::Refused(Refusal::UnknownOutcome),
        };
        let is_final = match claimed {
            PreviousCall::Refused(_) => true,
            PreviousCall::Failed(_) | PreviousCall::FailedAnyway(_) => is_final(&row),
            PreviousCall::Succeeded | PreviousCall::Cancelled | PreviousCall::Again(_) => false,
        };
        if is_final {
            let refusal = match &row.not_persisted {
                Some(reason) => Refusal::NotPersisted { task: row.task.to_string(), reason: reason.clone() },
                None if at_most_once => Refusal::UnknownOutcome,
                None => Refusal::Poison { crashes: row.crashes },
            };
            self.refused.insert(call, refusal);
        }
        if !matches!(claimed, PreviousCall::Again(_)) {
            self.unchecked.insert(row.id);
        }
        Ok((Some(row), Some(claimed)))
    }

    /// Returns a warning, once per task, if `row`, whose result is reused, comes from an older version of the task's code.
    pub(crate) fn older_source(&mut self, row: &TaskRun, task: &'static Declaration) -> Option<String> {
        let is_older = |row: &TaskRun| row.path == task.path && row.source_hash != task.source_hash;
        if !is_older(row) || !self.warned_older.insert(task.path) {
            return None;
        }
        let reused = |row: &&TaskRun| is_older(row) && self.decide(row, false) == ReplayDecision::Reuse;
        let results = 1 + self.rows.values().filter(reused).count();
        // In a sub-flow, a rerun is requested for its node, in the run around it.
        let from = (!self.is_sub_flow).then_some(task.name);
        Some(older_source(task.name, results, from))
    }

    fn decide(&self, row: &TaskRun, at_most_once: bool) -> ReplayDecision {
        if self.cancelled.contains(&row.id) && row.unknown.is_none() {
            return ReplayDecision::CancelAgain;
        }
        decide(row, &self.redo, at_most_once, self.max_crashes)
    }

    fn expect_one_less(&mut self, body: TaskRunId) {
        if let Some(expected) = self.expected.get_mut(&body) {
            *expected -= 1;
        }
    }

    /// Whether there is no row of this very call that has begun, but one of a call with other secrets that has. That row may
    /// belong to another call which has not been made again yet. As this cannot be known, a task that may run at most once does
    /// not run, unless a rerun of that row was requested.
    fn had_another_secret(&self, call: CallId) -> bool {
        let has_begun = |call: &CallId| self.rows.get(call).filter(|row| row.attempt > 0);
        has_begun(&call).is_none()
            && self.sealed.get(&call.key).into_iter().flatten().any(|other| {
                other.seal != call.seal && has_begun(other).is_some_and(|row| !self.redo.contains(&row.id))
            })
    }

    /// Whether a call replaces one that is recorded with other secrets, which is then no longer expected. Such a call runs and has
    /// not diverged.
    fn replaces(&mut self, call: CallId) -> bool {
        let others = self.sealed.get(&call.key).into_iter().flatten();
        let mut rows = others.filter_map(|other| self.rows.get(other));
        let Some(row) = rows.find(|row| !self.replaced.contains(&row.id)) else { return false };
        let expected_of = is_comparable(row).then_some(row.parent);
        self.replaced.insert(row.id);
        expected_of.into_iter().for_each(|body| self.expect_one_less(body));
        true
    }

    /// Takes note of a call that is not recorded.
    fn note_unrecorded(&mut self, call: &NewTaskRun, at_most_once: bool) -> Result<(), Refusal> {
        if at_most_once {
            *self.new_at_most_once.entry(call.task.path).or_default() += 1;
        }
        let expected = self.expected.get(&call.parent).copied().unwrap_or_default();
        if self.unchecked.contains(&call.parent) || expected == 0 {
            return Ok(());
        }
        let got = call.label();
        if self.strict {
            let recorded = self.not_called_again(Some(call.parent)).into_iter().next().unwrap_or_default();
            return Err(Refusal::Diverged { recorded, got: Some(got) });
        }
        if self.called_instead.len() < CALLED_INSTEAD_MAX {
            self.called_instead.push(got);
        }
        Ok(())
    }

    /// Returns the labels of the recorded calls that were not made again, of all bodies or of the body `by`.
    pub(crate) fn not_called_again(&self, by: Option<TaskRunId>) -> Vec<String> {
        let is_missing = |row: &TaskRun| {
            is_comparable(row) && !self.replaced.contains(&row.id) && by.is_none_or(|by| row.parent == by)
        };
        self.labels(|row| is_missing(row) && self.is_checked(row))
    }

    /// Returns the labels of the unfinished calls that finished tasks had made and not awaited: as those tasks do not run again,
    /// nothing makes the calls again.
    pub(crate) fn left_behind(&self) -> Vec<String> {
        self.labels(|row| !is_skip(row) && !row.state.is_terminal() && !self.is_checked(row))
    }

    /// Returns the labels of the rows that `filter` accepts, in the order of their ids.
    fn labels(&self, filter: impl Fn(&TaskRun) -> bool) -> Vec<String> {
        let mut rows: Vec<_> = self.rows.values().filter(|row| filter(row)).collect();
        rows.sort_unstable_by_key(|row| row.id);
        rows.into_iter().map(TaskRun::label).collect()
    }

    /// Whether all bodies around a call, from its caller up to the flow, run again and are checked.
    fn is_checked(&self, row: &TaskRun) -> bool {
        let mut callers = std::iter::successors(Some(row.parent), |caller| self.parents.get(caller).copied());
        !callers.any(|caller| self.unchecked.contains(&caller))
    }

    /// Returns the tasks that may run at most once and may have run twice: recorded calls are missing, while unrecorded calls were
    /// made. With the number of missing and of unrecorded calls.
    pub(crate) fn perhaps_twice(&self) -> Vec<(&'static str, usize, usize)> {
        let missing =
            |path: &str| self.rows.values().filter(|row| row.path == path && row.attempt > 0).count();
        let all = self.new_at_most_once.iter().map(|(path, made)| (*path, missing(path), *made));
        all.filter(|(_, missing, _)| *missing > 0).collect()
    }

    /// Returns the labels of the calls that were made instead of recorded ones, at most [`CALLED_INSTEAD_MAX`].
    pub(crate) fn called_instead(&self) -> &[String] {
        &self.called_instead
    }
}

/// Returns the timeouts that had a consequence: something began after them.
fn used_times_up(times_up: &[TimeUp], task_runs: &[TaskRun]) -> HashMap<Digest, Vec<u32>> {
    let last_begun = task_runs.iter().map(|row| row.begun_no).max().flatten();
    let used = times_up.iter().filter(|time_up| last_begun > time_up.after);
    used.filter_map(|time_up| Some((time_up.key, time_up.ended.clone()?))).collect()
}

/// Whether a task run was refused before its inputs were compared, so that its record says nothing about them.
fn failed_uncompared(row: &TaskRun) -> bool {
    let made_from = row.provenance.and_then(|provenance| provenance.made_from);
    made_from.is_none() && (row.attempt == 0 || died(row))
}

/// Whether the call of a row is expected again and is recognised when it is made.
fn is_comparable(row: &TaskRun) -> bool {
    !is_skip(row) && row.unknown.is_none()
}

/// Whether a row only says that the flow decided against the task.
fn is_skip(row: &TaskRun) -> bool {
    row.state == State::Skipped
}
