//! What earlier processes left of a run, while its calls are made again: each call claims its own row, once.
//!
//! What becomes of a claimed row is decided in `policy/resume`; what is not claimed has diverged.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::clock;
use crate::model::{
    Attempt, CallId, Declaration, Digest, ErrorReport, Identity, NewTaskRun, Refusal, State, TaskRun,
    TaskRunId,
};
use crate::policy::resume::{
    AttemptProgress, Chosen, Redo, RedoRequest, ReplayDecision, cancelled_for_good, claimable, died, doubted,
    older_source, progress, standing,
};
use crate::store::{Recovered, TimeUp};

/// So many calls are named that were made instead of recorded ones.
const NAMED_MAX: usize = 20;

/// A run that was taken over, and what is wished for it.
#[derive(Debug)]
pub(crate) struct Resumed {
    pub(crate) recovered: Recovered,
    pub(crate) wish: ReplayOptions,
}

/// How a run is to be resumed.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReplayOptions {
    pub(crate) asked: RedoRequest,
    /// A call that is not recorded is refused, as long as recorded ones of the same body have not been made again.
    pub(crate) strict: bool,
}

/// What an earlier process left of a call that is made again.
#[derive(Clone, Debug)]
pub(crate) enum PreviousCall {
    /// Its result.
    Kept,
    /// Its failure.
    Failed(Arc<ErrorReport>),
    /// Its failure, whatever its inputs give: it had failed before they were looked at.
    FailedAnyway(Arc<ErrorReport>),
    /// The body cancelled it, and nothing that may have led to this decision runs again.
    Cancelled,
    /// Attempts, after which it goes on.
    Again(AttemptProgress),
    /// A reason not to run it.
    Refused(Refusal),
}

/// The row of a call, and what becomes of the call. A row is given once; a call may be refused for one that was given before.
pub(crate) type Left = (Option<TaskRun>, Option<PreviousCall>);

/// The task runs of earlier processes that have not been called again so far.
pub(crate) struct PreviousRuns {
    rows: HashMap<CallId, TaskRun>,
    /// Those with secrets, by what they are found by beside these.
    sealed: HashMap<Digest, Vec<CallId>>,
    /// Those whose calls were made with other secrets instead.
    replaced: HashSet<TaskRunId>,
    /// What was refused because its process died, or fails again for that or since its result cannot be persisted: a retry of
    /// the flow does not make it run.
    refused: HashMap<CallId, Refusal>,
    /// How many of them each body has called, without those that never began or cannot be told from others.
    open: HashMap<TaskRunId, usize>,
    redo: HashSet<TaskRunId>,
    /// What the body has cancelled, and would again.
    cancelled: HashSet<TaskRunId>,
    /// The timeouts of waits after which the body called something that has begun.
    times_up: HashMap<Digest, Vec<u32>>,
    /// The waits of which a timeout is recorded and nothing has come.
    unused_times_up: HashSet<Digest>,
    /// The same with those that an earlier process has done again, as far as it came.
    chosen: Chosen,
    pub(crate) wish: ReplayOptions,
    max_crashes: u32,
    /// In whose body each recorded task run was called.
    parents: HashMap<TaskRunId, TaskRunId>,
    /// The bodies whose calls nobody can expect again: they do not run again, or what is recorded of them are the calls of
    /// several attempts.
    quiet: HashSet<TaskRunId>,
    /// The calls that were made for the first time while recorded ones of the same body were missing.
    instead: Vec<String>,
    /// How many calls of tasks that may run at most once were made for the first time, by the path of the task.
    once_more: BTreeMap<&'static str, usize>,
    /// The tasks, by path, of which it was said that results come from an older source.
    older: HashSet<&'static str>,
    is_sub_flow: bool,
}

impl PreviousRuns {
    pub(crate) fn new(resumed: &Resumed, max_crashes: u32) -> Self {
        let Recovered { run, task_runs, .. } = &resumed.recovered;
        let mut rows: HashMap<_, TaskRun> =
            claimable(run, task_runs).into_iter().map(|(call, row)| (call, row.clone())).collect();
        let doubted = doubted(task_runs);
        for row in rows.values_mut().filter(|row| row.unknown.is_none()) {
            row.unknown =
                row.call.and_then(|call| doubted.get(&call.key)).map(|unknown| (*unknown).to_owned().into());
        }
        let mut sealed: HashMap<_, Vec<_>> = HashMap::new();
        for call in rows.keys().filter(|call| call.seal.is_some()) {
            sealed.entry(call.key).or_default().push(*call);
        }
        let mut open = HashMap::new();
        for row in rows.values().filter(|row| counts(row)) {
            *open.entry(row.parent).or_default() += 1;
        }
        let times_up = decided_upon(&resumed.recovered.times_up, task_runs);
        let timed_out = resumed.recovered.times_up.iter().map(|time_up| time_up.key);
        let unused_times_up = timed_out.filter(|key| !times_up.contains_key(key)).collect();
        let chosen = Chosen::of(task_runs, &resumed.wish.asked.redo);
        let has_failed = |attempts: &[Attempt]| attempts.iter().any(Attempt::counts);
        let repeated = task_runs.iter().filter(|row| has_failed(&row.earlier_attempts)).map(|row| row.id);
        let flow = has_failed(&run.earlier_attempts).then_some(TaskRunId::FLOW);
        Self {
            rows,
            sealed,
            replaced: HashSet::new(),
            refused: HashMap::new(),
            open,
            redo: resumed.wish.asked.left(task_runs, &chosen),
            times_up,
            unused_times_up,
            cancelled: cancelled_for_good(run, task_runs, &resumed.wish.asked),
            chosen,
            wish: resumed.wish.clone(),
            max_crashes,
            parents: task_runs.iter().map(|row| (row.id, row.parent)).collect(),
            quiet: repeated.chain(flow).collect(),
            instead: Vec::new(),
            once_more: BTreeMap::new(),
            older: HashSet::new(),
            is_sub_flow: run.parent.is_some(),
        }
    }

    /// Whether a call is refused in every attempt of the flow in this process.
    pub(crate) fn refuses(&self, call: &CallId) -> bool {
        self.refused.contains_key(call)
    }

    /// Returns the positions of the runs that had ended when the time of a wait was up.
    pub(crate) fn time_up(&self, key: Digest) -> Option<Vec<u32>> {
        self.times_up.get(&key).cloned()
    }

    /// Whether a timeout of a wait is recorded of which nothing has come.
    pub(crate) fn has_unused_time_up(&self, key: &Digest) -> bool {
        self.unused_times_up.contains(key)
    }

    /// Returns how the run behind the node of a sub-flow is to be resumed.
    pub(crate) fn wish_inside(&self, node: TaskRunId) -> ReplayOptions {
        ReplayOptions { asked: self.wish.asked.inside(node, &self.chosen), ..self.wish.clone() }
    }

    /// Whether somebody wants this task run done anew, so that it takes its result from no cache either.
    pub(crate) fn wants_anew(&self, task_run: TaskRunId) -> bool {
        matches!(self.wish.asked.redo, Redo::From(_) | Redo::Everything) && self.redo.contains(&task_run)
    }

    /// Returns what is left of a call; nothing for one that is made for the first time.
    ///
    /// # Errors
    ///
    /// If it is made for the first time, and the run is strict and misses recorded ones.
    pub(crate) fn claim(
        &mut self,
        identity: Identity,
        new: &NewTaskRun,
        at_most_once: bool,
    ) -> Result<Left, Refusal> {
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
            // Of a call that cannot be told from others, nobody can say that it is made for the first time.
            if identity.unknown.is_none() && !self.replaces(call) {
                self.first_time(new, at_most_once)?;
            }
            return Ok((None, None));
        };
        if counts(&row)
            && !self.replaced.remove(&row.id)
            && let Some(open) = self.open.get_mut(&row.parent)
        {
            *open -= 1;
        }
        let claimed = match self.standing(&row, at_most_once) {
            // A later attempt of the flow may know that it is another call.
            ReplayDecision::Again if another_secret.is_some() => return Ok((Some(row), another_secret)),
            ReplayDecision::Keep => PreviousCall::Kept,
            ReplayDecision::Replay => match &row.error {
                Some(error) if failed_unasked(&row) => PreviousCall::FailedAnyway(Arc::clone(error)),
                Some(error) => PreviousCall::Failed(Arc::clone(error)),
                None => PreviousCall::Again(AttemptProgress::default()),
            },
            // What is done again on request, for a result that is gone, or because nobody knows whether it is the same call,
            // has all of its retries again.
            ReplayDecision::Again
                if row.state.is_success() || row.unknown.is_some() || self.redo.contains(&row.id) =>
            {
                PreviousCall::Again(AttemptProgress { attempts: row.attempt, ..AttemptProgress::default() })
            }
            ReplayDecision::Again => PreviousCall::Again(progress(&row, &self.wish.asked, clock::wall())),
            ReplayDecision::Cancelled => PreviousCall::Cancelled,
            ReplayDecision::Poison => PreviousCall::Refused(Refusal::Poison { crashes: row.crashes }),
            ReplayDecision::UnknownOutcome => PreviousCall::Refused(Refusal::UnknownOutcome),
        };
        let is_final = match claimed {
            PreviousCall::Refused(_) => true,
            PreviousCall::Failed(_) | PreviousCall::FailedAnyway(_) => {
                died(&row) || row.not_persisted.is_some()
            }
            PreviousCall::Kept | PreviousCall::Cancelled | PreviousCall::Again(_) => false,
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
            self.quiet.insert(row.id);
        }
        Ok((Some(row), Some(claimed)))
    }

    /// Says, once per task, how many of its results come from other code than it has now, if that of `row`, which is kept, does.
    pub(crate) fn older_source(&mut self, row: &TaskRun, task: &'static Declaration) -> Option<String> {
        let is_older = |row: &TaskRun| row.path == task.path && row.source_hash != task.source_hash;
        if !is_older(row) || !self.older.insert(task.path) {
            return None;
        }
        let kept = |row: &&TaskRun| is_older(row) && self.standing(row, false) == ReplayDecision::Keep;
        let results = 1 + self.rows.values().filter(kept).count();
        // The results of a sub-flow are made anew through its node, in the run around it.
        let from = (!self.is_sub_flow).then_some(task.name);
        Some(older_source(task.name, results, from))
    }

    fn standing(&self, row: &TaskRun, at_most_once: bool) -> ReplayDecision {
        if self.cancelled.contains(&row.id) && row.unknown.is_none() {
            ReplayDecision::Cancelled
        } else {
            standing(row, &self.redo, at_most_once, self.max_crashes)
        }
    }

    /// Whether no row is left of this very call that has begun, but one of a call that was given other secrets. It may be of
    /// another call that has not been made again yet; then nobody knows, and what may run once does not run, unless somebody
    /// wants that one done again.
    fn had_another_secret(&self, call: CallId) -> bool {
        let has_begun = |call: &CallId| self.rows.get(call).filter(|row| row.attempt > 0);
        has_begun(&call).is_none()
            && self.sealed.get(&call.key).into_iter().flatten().any(|other| {
                other.seal != call.seal && has_begun(other).is_some_and(|row| !self.redo.contains(&row.id))
            })
    }

    /// Whether a call is one that is recorded with other secrets: it is made anew and has not diverged, and nobody expects the
    /// recorded one any more.
    fn replaces(&mut self, call: CallId) -> bool {
        let others = self.sealed.get(&call.key).into_iter().flatten();
        let mut rows = others.filter_map(|other| self.rows.get(other));
        let Some(row) = rows.find(|row| !self.replaced.contains(&row.id)) else { return false };
        self.replaced.insert(row.id);
        if counts(row)
            && let Some(open) = self.open.get_mut(&row.parent)
        {
            *open -= 1;
        }
        true
    }

    /// Takes note of a call that no record has.
    fn first_time(&mut self, call: &NewTaskRun, at_most_once: bool) -> Result<(), Refusal> {
        if at_most_once {
            *self.once_more.entry(call.task.path).or_default() += 1;
        }
        if self.quiet.contains(&call.parent) || self.open.get(&call.parent).is_none_or(|open| *open == 0) {
            return Ok(());
        }
        let got = call.label();
        if self.wish.strict {
            let recorded = self.not_called_again(Some(call.parent)).into_iter().next().unwrap_or_default();
            return Err(Refusal::Diverged { recorded, got: Some(got) });
        }
        if self.instead.len() < NAMED_MAX {
            self.instead.push(got);
        }
        Ok(())
    }

    /// Returns the labels of what was recorded and not called again, by all bodies or one of them.
    pub(crate) fn not_called_again(&self, by: Option<TaskRunId>) -> Vec<String> {
        let expected = |row: &&TaskRun| counts(row) && !self.replaced.contains(&row.id);
        let missing = self.rows.values().filter(|row| expected(row) && by.is_none_or(|by| row.parent == by));
        let mut rows: Vec<_> = missing.filter(|row| self.is_expected(row)).collect();
        rows.sort_unstable_by_key(|row| row.id);
        rows.into_iter().map(TaskRun::label).collect()
    }

    /// Returns the labels of what tasks that have finished had started and not awaited, and that did not come to its end: as
    /// they do not run again, nobody calls it any more.
    pub(crate) fn left_behind(&self) -> Vec<String> {
        let unfinished = self.rows.values().filter(|row| began(row) && !row.state.is_terminal());
        let mut rows: Vec<_> = unfinished.filter(|row| !self.is_expected(row)).collect();
        rows.sort_unstable_by_key(|row| row.id);
        rows.into_iter().map(TaskRun::label).collect()
    }

    /// Whether the body runs again that called it, or that called the caller, and so on.
    fn is_expected(&self, row: &TaskRun) -> bool {
        let mut callers = std::iter::successors(Some(row.parent), |caller| self.parents.get(caller).copied());
        !callers.any(|caller| self.quiet.contains(&caller))
    }

    /// Returns the tasks that may run at most once, and of which recorded calls are missing while others were made that no
    /// record has: with how many there are of each.
    pub(crate) fn perhaps_twice(&self) -> Vec<(&'static str, usize, usize)> {
        let gone = |path: &str| self.rows.values().filter(|row| row.path == path && row.attempt > 0).count();
        let all = self.once_more.iter().map(|(path, made)| (*path, gone(path), *made));
        all.filter(|(_, gone, _)| *gone > 0).collect()
    }

    /// Returns the labels of the calls that were made instead: some of them, if there are many.
    pub(crate) fn called_instead(&self) -> &[String] {
        &self.instead
    }
}

/// Leaves out the waits whose time was up without anything coming of it.
fn decided_upon(times_up: &[TimeUp], task_runs: &[TaskRun]) -> HashMap<Digest, Vec<u32>> {
    let last_begun = task_runs.iter().map(|row| row.begun_no).max().flatten();
    let decided = times_up.iter().filter(|time_up| last_begun > time_up.after);
    decided.filter_map(|time_up| Some((time_up.key, time_up.ended.clone()?))).collect()
}

/// Whether a task run was refused for what was known of it, by a process in which it did not begin: its record says nothing of
/// its inputs.
fn failed_unasked(row: &TaskRun) -> bool {
    let made_from = row.provenance.and_then(|provenance| provenance.made_from);
    made_from.is_none() && (row.attempt == 0 || died(row))
}

/// Whether a row is one of a call that is expected again, and known when it comes.
fn counts(row: &TaskRun) -> bool {
    began(row) && row.unknown.is_none()
}

/// Whether a row says more than that the flow decided against the task.
fn began(row: &TaskRun) -> bool {
    row.state != State::Skipped
}
