//! What becomes of a recorded task run when its flow is resumed: its outcome is reused, or it runs again, or it is refused.
//!
//! Pure: it reads rows and a request. The engine asks for the decisions and carries them out.

pub(crate) mod preview;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Attempt, CallId, Digest, OrderNo, State, StoredFlowRun, TaskRun, TaskRunId, WallTime};

/// The number of crashes of the process, with the same task run running each time, after which that task run is not run again:
/// most likely it is what crashes the process. DBOS calls this a dead letter, Temporal a poison pill.
pub const MAX_CRASHES: u32 = 3;

/// What to run again when a run is resumed, beside what was never finished.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RedoScope {
    /// Nothing: what failed for good stays failed.
    #[default]
    Nothing,
    /// What failed, and what did not run because of it.
    Failed,
    /// All calls of the task of this name, or the one call with this label (`fetch[3]`), with everything that they call and
    /// everything that used their results. What failed runs again as well, since its failure may be due to what they returned.
    From(String),
    /// Everything: the run is one of a sub-flow that runs again.
    Everything,
}

/// A request to run parts of a run again. It is persisted, so that the next process continues with it if this one crashes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedoRequest {
    /// What to run again.
    #[serde(rename = "redo")]
    pub scope: RedoScope,
    /// The number of the last begin or end before an earlier process persisted the request, 0 if there was none. What has begun
    /// or ended since then, in the run or in those of its sub-flows, has been run again. `None` if the request is new.
    pub since: Option<u64>,
}

impl From<RedoScope> for RedoRequest {
    fn from(scope: RedoScope) -> Self {
        Self { scope, since: None }
    }
}

impl RedoRequest {
    /// Returns the request for a run that is resumed without one: `Failed` if the run failed for good; the `persisted` request if
    /// it has not ended.
    pub(crate) fn by_default(run: &StoredFlowRun, persisted: Option<Self>) -> Self {
        match run.state {
            // A crash is a failure too, but what failed for good before it stays failed.
            state if !state.is_terminal() => persisted.unwrap_or_default(),
            state if state.is_failure() => RedoScope::Failed.into(),
            _ => RedoScope::Nothing.into(),
        }
    }

    /// Whether the body of the flow runs again, even if it has ended.
    pub(crate) fn reopens(&self, run: &StoredFlowRun) -> bool {
        self.scope != RedoScope::Nothing && !self.is_past(run.ended_no)
    }

    /// Returns those of the rows to run again that have not been run again since the request.
    pub(crate) fn pending(&self, rows: &[TaskRun], redo: &RedoRows) -> HashSet<TaskRunId> {
        let done = |row: &TaskRun| self.is_past(row.last_no());
        rows.iter().filter(|row| redo.all.contains(&row.id) && !done(row)).map(|row| row.id).collect()
    }

    /// Returns the request for the run of a sub-flow behind the node `node`.
    pub(crate) fn inside(&self, node: TaskRunId, redo: &RedoRows) -> Self {
        let scope = match &self.scope {
            RedoScope::From(_) if redo.only_failed.contains(&node) => RedoScope::Failed,
            RedoScope::From(_) if redo.all.contains(&node) => RedoScope::Everything,
            other => other.clone(),
        };
        Self { scope, since: self.since }
    }

    /// Returns the number of attempts that count for the retry budget: those that failed since the request, because what runs
    /// again on request has all of its retries again. A crash or a stop of the program is not a failed attempt.
    pub(crate) fn failed_attempts(&self, attempts: &[Attempt]) -> u32 {
        let counts = |attempt: &&Attempt| {
            attempt.counts()
                && !attempt.state.is_success()
                && (self.scope == RedoScope::Nothing
                    || self.since.is_none()
                    || self.is_past(attempt.ended_no))
        };
        u32::try_from(attempts.iter().filter(counts).count()).unwrap_or(u32::MAX)
    }

    fn is_past(&self, no: Option<OrderNo>) -> bool {
        self.since.is_some_and(|since| no.map_or(0, OrderNo::get) > since)
    }
}

/// What becomes of a recorded task run when it is called again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayDecision {
    /// It returns the recorded result.
    Reuse,
    /// It has failed for good, and fails again with the recorded error.
    FailAgain,
    /// Its caller cancelled it, and cancels it again.
    CancelAgain,
    /// It runs, after the rest of the wait before the next attempt.
    RunAgain,
    /// It does not run: too many processes crashed while it was running.
    Poison,
    /// It does not run: it may run at most once, and its outcome is not known.
    UnknownOutcome,
}

/// Decides what becomes of the body of a flow: it runs again, or the flow ends as it did.
pub(crate) fn decide_flow(run: &StoredFlowRun, request: &RedoRequest) -> ReplayDecision {
    match run.state {
        _ if request.reopens(run) => ReplayDecision::RunAgain,
        State::Completed | State::Cached => ReplayDecision::Reuse,
        // A sub-flow: the process died before the node of the run was updated.
        State::Failed | State::TimedOut if run.error.is_some() => ReplayDecision::FailAgain,
        _ => ReplayDecision::RunAgain,
    }
}

/// Decides what becomes of `row`. The rows in `redo` run again whatever their outcome.
pub fn decide(
    row: &TaskRun,
    redo: &HashSet<TaskRunId>,
    at_most_once: bool,
    max_crashes: u32,
) -> ReplayDecision {
    match row.state {
        _ if redo.contains(&row.id) => ReplayDecision::RunAgain,
        // The row may belong to another call, as nothing distinguishes them.
        State::Completed | State::Cached if row.unknown.is_some() => ReplayDecision::RunAgain,
        State::Failed | State::TimedOut if row.unknown.is_some() => ReplayDecision::RunAgain,
        State::Completed | State::Cached if row.has_result => ReplayDecision::Reuse,
        State::Failed | State::TimedOut => ReplayDecision::FailAgain,
        // Not only in state `Crashed`: another process may have reopened the row and died before it refused the call.
        _ if at_most_once && row.attempt > 0 => ReplayDecision::UnknownOutcome,
        // The node of a sub-flow runs as long as anything inside does; it is something inside that crashes the process.
        _ if row.crashes >= max_crashes && row.flow_run.is_none() => ReplayDecision::Poison,
        _ => ReplayDecision::RunAgain,
    }
}

/// Words a warning that recorded results of a task come from an older version of its code. They are reused all the same, since
/// most runs are resumed because a task was fixed. `from` is the task to rerun for new results, if the run can be.
pub(crate) fn older_source(task: &str, results: usize, from: Option<&str>) -> String {
    let (words, them) = match results {
        1 => (format!("1 recorded result of `{task}` comes from an older source"), "it"),
        _ => (format!("{results} recorded results of `{task}` come from an older source"), "them"),
    };
    match from {
        Some(from) => format!("{words}; `rerun --from {from}` replaces {them}"),
        None => words,
    }
}

/// Returns the keys that stand for several calls, with the argument that cannot be compared: calls that only their names
/// distinguish, and that have the same name. Only the row of the second call says so, but it is as true of the first.
pub(crate) fn ambiguous_keys(rows: &[TaskRun]) -> HashMap<Digest, &str> {
    rows.iter().filter_map(|row| Some((row.call?.key, row.unknown.as_deref()?))).collect()
}

/// Returns the rows that calls of `run` can claim, by the identity of the call.
pub(crate) fn claimable<'r>(run: &StoredFlowRun, rows: &'r [TaskRun]) -> HashMap<CallId, &'r TaskRun> {
    let since = run.anew_since();
    let mut found: HashMap<_, &TaskRun> = HashMap::new();
    for row in rows {
        let Some(call) = row.call else { continue };
        // A second row of a call that is always refused, or whose success was being made again, comes from a later attempt of
        // the flow, and nothing has used it.
        let outranks = |known: &&TaskRun| known.state.is_success() || known.rank.is_some() || is_final(known);
        if row.state.is_success() || (is_valid(row, since) && !found.get(&call).is_some_and(outranks)) {
            found.insert(call, row);
        }
    }
    found
}

/// Whether the recorded state of a task run that did not succeed is still valid. A failure in an attempt of the flow that failed
/// too is the reason for the next attempt, which runs the task again, unless the failure is [final](is_final).
fn is_valid(row: &TaskRun, since: Option<OrderNo>) -> bool {
    // If it was being cancelled when its process died, its end was not recorded.
    !row.state.is_terminal() || is_final(row) || since.is_none_or(|since| row.last_no() > Some(since))
}

/// Whether `row` failed because its process died, or because its result cannot be persisted: no later attempt of the flow runs
/// it again.
pub(crate) fn is_final(row: &TaskRun) -> bool {
    died(row) || row.not_persisted.is_some()
}

/// Whether the process died during the last attempt of `row`, so that its outcome is not known.
pub fn died(row: &TaskRun) -> bool {
    let last = row.earlier_attempts.last().filter(|last| last.number == row.attempt);
    last.is_some_and(|last| last.state == State::Crashed)
}

/// Returns the rows that a body has cancelled and that stay cancelled when its calls are made again: the losers of a race.
///
/// The body based that decision on ends that came before it. If one of these was a failure that is retried, the body decides
/// again and what it had cancelled runs again; so does everything it had cancelled before a rerun was requested.
pub(crate) fn cancelled_for_good(
    run: &StoredFlowRun,
    rows: &[TaskRun],
    request: &RedoRequest,
) -> HashSet<TaskRunId> {
    let since = run.anew_since();
    let is_rerun = matches!(request.scope, RedoScope::From(_) | RedoScope::Everything);
    let retries_failures = request.scope == RedoScope::Failed;
    let first_retried = first_failure(rows, |row| {
        !is_valid(row, since) || (retries_failures && !request.is_past(row.ended_no))
    });
    let stays = |row: &&TaskRun| {
        is_cancelled_before(row, first_retried)
            && (!is_rerun || (request.since.is_some() && request.is_past(row.ended_no)))
    };
    rows.iter().filter(stays).map(|row| row.id).collect()
}

/// Returns the number of the first end, among the rows that `filter` accepts, that was a failure and not the decision of a body.
fn first_failure(rows: &[TaskRun], filter: impl Fn(&TaskRun) -> bool) -> Option<OrderNo> {
    let failed = rows.iter().filter(|row| row.state.is_failure() && !row.cancelled_by_body && filter(row));
    failed.filter_map(|row| row.ended_no).min()
}

/// Whether a body cancelled `row` before anything had failed.
fn is_cancelled_before(row: &TaskRun, first_failure: Option<OrderNo>) -> bool {
    let before = |no: OrderNo| first_failure.is_none_or(|first| no < first);
    row.state == State::Cancelled && row.cancelled_by_body && row.place_among_ends().is_some_and(before)
}

/// The rows of a run that are to run again although they have ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedoRows {
    /// All of them.
    pub all: HashSet<TaskRunId>,
    /// Those that run again only because they failed, when a run is rerun from a task: an argument by value makes no edge, so
    /// what that task returned may have been the reason. If such a row is a sub-flow, only what failed inside runs again.
    pub only_failed: HashSet<TaskRunId>,
}

impl RedoRows {
    /// Selects the rows that are in `scope`.
    pub fn select(rows: &[TaskRun], scope: &RedoScope) -> Self {
        let mut redo = Self::default();
        let first_failure = first_failure(rows, |_| true);
        // Inputs have smaller ids than what uses them, so one pass from the first to the last finds everything downstream.
        for row in rows {
            // If it failed only because its result cannot be persisted, its body has run successfully.
            let may_succeed = row.not_persisted.is_none();
            let is_selected = match scope {
                RedoScope::Nothing => false,
                RedoScope::Failed if is_cancelled_before(row, first_failure) => false,
                RedoScope::Failed => (row.state.is_failure() && may_succeed) || row.state == State::Skipped,
                RedoScope::From(task) => {
                    let uses_rerun = row.edges.iter().any(|edge| redo.spreads_from(edge.from()));
                    // A body that runs again makes its calls again.
                    let is_rerun = row.is_called(task) || uses_rerun || redo.spreads_from(row.parent);
                    let has_failed = matches!(row.state, State::Failed | State::TimedOut);
                    if !is_rerun && has_failed && may_succeed && !died(row) {
                        redo.only_failed.insert(row.id);
                    }
                    is_rerun || redo.only_failed.contains(&row.id)
                }
                RedoScope::Everything => true,
            };
            if is_selected {
                redo.all.insert(row.id);
            }
        }
        // A parent of a rerun task must run again, too.
        for row in rows.iter().rev() {
            if redo.all.contains(&row.id) {
                redo.all.insert(row.parent);
            }
        }
        redo
    }

    /// Whether everything that uses this row, or is called by it, runs again too.
    fn spreads_from(&self, row: TaskRunId) -> bool {
        self.all.contains(&row) && !self.only_failed.contains(&row)
    }
}

/// Where the attempts of a task run continue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttemptProgress {
    /// The number of the last attempt that began; 0 if none did.
    pub attempts: u32,
    /// How many of them count for the retry budget: those that failed. A crash, or a stop of the program, is not the task's
    /// failure.
    pub failed: u32,
    /// The rest of the wait before the next attempt.
    pub wait: Duration,
}

/// Returns where the attempts of `row` continue at the time `now`.
///
/// `wait = ended_at + retry_in - now`, within 0 and `retry_in`: a clock that was set back does not make it longer.
pub fn progress(row: &TaskRun, request: &RedoRequest, now: WallTime) -> AttemptProgress {
    let failed = request.failed_attempts(&row.earlier_attempts);
    let last = row.earlier_attempts.last().filter(|last| last.number == row.attempt);
    let rest = |last: &Attempt| Some(last.retry_in?.saturating_sub(now.since(last.ended_at?)));
    let wait = last.and_then(rest).unwrap_or_default();
    AttemptProgress { attempts: row.attempt, failed, wait }
}
