//! What becomes of a recorded task run when its flow runs again: kept, replayed, done again, or refused.
//!
//! Pure: it reads a row and a wish; who asks for it and what is done about it is the engine's business.

pub(crate) mod preview;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Attempt, CallId, Digest, OrderNo, State, StoredFlowRun, TaskRun, TaskRunId, WallTime};

/// After so many crashes of the process with the same task run under way, it is not tried again: most likely it is what
/// brings the process down. DBOS and Temporal call such a run a dead letter and a poison pill.
pub const MAX_CRASHES: u32 = 3;

/// What to do again, beside what was never finished.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Redo {
    /// Nothing: what failed for good has failed.
    #[default]
    Nothing,
    /// What failed, and what did not run because of it.
    Failed,
    /// This task, by name, with what it calls itself, and everything that used its results; and what failed, which may have
    /// failed for what that task gave.
    From(String),
    /// All of it: it is a sub-flow that is done again.
    Everything,
}

/// What somebody wants done again of a run. It is persisted, so that the process that resumes after a crash goes on with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedoRequest {
    /// What.
    pub redo: Redo,
    /// The number of the last begin or end before an earlier process was asked for it, 0 if there was none: what has begun
    /// or ended since then, in the run or in those of its sub-flows, has been done again. `None` if it is asked for now.
    pub since: Option<u64>,
}

impl From<Redo> for RedoRequest {
    fn from(redo: Redo) -> Self {
        Self { redo, since: None }
    }
}

impl RedoRequest {
    /// Returns what is done again where nobody says: of a run that failed for good, what failed; of one that is under way,
    /// what it was asked for.
    pub(crate) fn of(run: &StoredFlowRun, kept: Option<Self>) -> Self {
        match run.state {
            // A crash is a failure too, but what failed for good before it has failed.
            state if !state.is_terminal() => kept.unwrap_or_default(),
            state if state.is_failure() => Redo::Failed.into(),
            _ => Redo::Nothing.into(),
        }
    }

    /// Whether the body of the flow runs again, although it may have ended.
    pub(crate) fn reopens(&self, run: &StoredFlowRun) -> bool {
        self.redo != Redo::Nothing && !self.is_past(run.ended_no)
    }

    /// Leaves of the rows that are `chosen` those that have not been done again.
    pub(crate) fn left(&self, rows: &[TaskRun], chosen: &Chosen) -> HashSet<TaskRunId> {
        let done = |row: &TaskRun| self.is_past(row.last_no());
        rows.iter().filter(|row| chosen.rows.contains(&row.id) && !done(row)).map(|row| row.id).collect()
    }

    /// Returns what is asked of the run behind the node `node` of a sub-flow.
    pub(crate) fn inside(&self, node: TaskRunId, chosen: &Chosen) -> Self {
        let redo = match &self.redo {
            Redo::From(_) if chosen.failed.contains(&node) => Redo::Failed,
            Redo::From(_) if chosen.rows.contains(&node) => Redo::Everything,
            other => other.clone(),
        };
        Self { redo, since: self.since }
    }

    /// Returns how many attempts count for the retry budget: those that failed, which a crash or a stop of the program is
    /// not, since the run was asked to do something again, which has all of its retries again.
    pub(crate) fn tries(&self, earlier: &[Attempt]) -> u32 {
        let counts = |attempt: &&Attempt| {
            attempt.counts()
                && !attempt.state.is_success()
                && (self.redo == Redo::Nothing || self.since.is_none() || self.is_past(attempt.ended_no))
        };
        u32::try_from(earlier.iter().filter(counts).count()).unwrap_or(u32::MAX)
    }

    fn is_past(&self, no: Option<OrderNo>) -> bool {
        self.since.is_some_and(|since| no.map_or(0, OrderNo::get) > since)
    }
}

/// What becomes of a recorded task run when it is called again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayDecision {
    /// It has succeeded, and its result is there.
    Keep,
    /// It has failed for good, and fails again with the recorded error.
    Replay,
    /// The body cancelled it, and cancels it again.
    Cancelled,
    /// It runs, after what is left of the wait before the next attempt.
    Again,
    /// It was running in too many processes that died.
    Poison,
    /// It may run at most once, and nobody knows how it ended.
    UnknownOutcome,
}

/// Says what becomes of `row`. `redo` are the rows that are wanted again whatever they are.
pub fn standing(
    row: &TaskRun,
    redo: &HashSet<TaskRunId>,
    at_most_once: bool,
    max_crashes: u32,
) -> ReplayDecision {
    let wanted_again = redo.contains(&row.id);
    match row.state {
        _ if wanted_again => ReplayDecision::Again,
        // What cannot be told from other calls may be another one.
        State::Completed | State::Cached if row.unknown.is_some() => ReplayDecision::Again,
        State::Failed | State::TimedOut if row.unknown.is_some() => ReplayDecision::Again,
        State::Completed | State::Cached if row.has_result => ReplayDecision::Keep,
        State::Failed | State::TimedOut => ReplayDecision::Replay,
        // Not only where it crashed: the process may have died again after it was taken up, before it was refused.
        _ if at_most_once && row.attempt > 0 => ReplayDecision::UnknownOutcome,
        // The node of a sub-flow is under way as long as anything in it is; what brings the process down is in there.
        _ if row.crashes >= max_crashes && row.flow_run.is_none() => ReplayDecision::Poison,
        _ => ReplayDecision::Again,
    }
}

/// Says that recorded results of a task come from other code than it has now. They stay, since a task that was mended is why
/// most runs are resumed; `from` makes them anew, where the run itself can be asked for that.
pub(crate) fn older_source(task: &str, results: usize, from: Option<&str>) -> String {
    let (words, them) = match results {
        1 => (format!("1 recorded result of `{task}` comes from an older source"), "it"),
        _ => (format!("{results} recorded results of `{task}` come from an older source"), "them"),
    };
    match from {
        Some(from) => format!("{words}; `rerun --from {from}` makes {them} anew"),
        None => words,
    }
}

/// Returns the keys of calls that were to be told apart by their names and had the same one, with the argument that cannot
/// be compared. Only the second such call knows; the first is as doubtful.
pub(crate) fn doubted(rows: &[TaskRun]) -> HashMap<Digest, &str> {
    rows.iter().filter_map(|row| Some((row.call?.key, row.unknown.as_deref()?))).collect()
}

/// Returns the rows that the calls of `run` find again, by what they are found by.
pub(crate) fn claimable<'r>(run: &StoredFlowRun, rows: &'r [TaskRun]) -> HashMap<CallId, &'r TaskRun> {
    let since = run.anew_since();
    let mut found: HashMap<_, &TaskRun> = HashMap::new();
    for row in rows {
        let Some(call) = row.call else { continue };
        // A later row of a call that stays refused, or of a success that was being made again, is its echo in another attempt of
        // the flow: nothing of it has been relied upon.
        let stands = |known: &&TaskRun| known.state.is_success() || known.rank.is_some() || stays(known);
        if row.state.is_success() || (counts(row, since) && !found.get(&call).is_some_and(stands)) {
            found.insert(call, row);
        }
    }
    found
}

/// Whether what did not succeed still stands. What failed in an attempt of the flow that failed too is why there was a later
/// attempt, which tries it anew, unless it failed because its process died, or because its result cannot be persisted.
fn counts(row: &TaskRun, since: Option<OrderNo>) -> bool {
    // Of what was told to stop when its process died, nobody saw the end.
    !row.state.is_terminal() || stays(row) || since.is_none_or(|since| row.last_no() > Some(since))
}

/// Whether `row` failed because its process died, or because its result cannot be persisted: no attempt of the flow tries it
/// anew.
fn stays(row: &TaskRun) -> bool {
    died(row) || row.not_persisted.is_some()
}

/// Whether the last attempt of `row` died with its process, so that nobody knows how it ended.
pub fn died(row: &TaskRun) -> bool {
    let last = row.earlier_attempts.last().filter(|last| last.number == row.attempt);
    last.is_some_and(|last| last.state == State::Crashed)
}

/// Returns the rows that a body has cancelled and that stay cancelled when its calls are made again: the losers of a race.
///
/// The body based that decision on ends that came before it. If one of these was a failure that is retried, the body decides
/// again and what it had cancelled runs again; so does everything it had cancelled before a rerun was asked for.
pub(crate) fn cancelled_for_good(
    run: &StoredFlowRun,
    rows: &[TaskRun],
    asked: &RedoRequest,
) -> HashSet<TaskRunId> {
    let since = run.anew_since();
    let is_rerun = matches!(asked.redo, Redo::From(_) | Redo::Everything);
    let tries_failures = asked.redo == Redo::Failed;
    let first_retried =
        first_failure(rows, |row| !counts(row, since) || (tries_failures && !asked.is_past(row.ended_no)));
    let stays = |row: &&TaskRun| {
        is_cancelled_before(row, first_retried)
            && (!is_rerun || (asked.since.is_some() && asked.is_past(row.ended_no)))
    };
    rows.iter().filter(stays).map(|row| row.id).collect()
}

/// Returns the number of the first end that was a failure, and not the decision of a body, among the rows that are `meant`.
fn first_failure(rows: &[TaskRun], meant: impl Fn(&TaskRun) -> bool) -> Option<OrderNo> {
    let failed = rows.iter().filter(|row| row.state.is_failure() && !row.cancelled_by_body && meant(row));
    failed.filter_map(|row| row.ended_no).min()
}

/// Whether a body cancelled `row` before anything had failed.
fn is_cancelled_before(row: &TaskRun, first_failure: Option<OrderNo>) -> bool {
    let before = |no: OrderNo| first_failure.is_none_or(|first| no < first);
    row.state == State::Cancelled && row.cancelled_by_body && row.place_among_ends().is_some_and(before)
}

/// The rows that are done again although they have ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// All of them.
    pub rows: HashSet<TaskRunId>,
    /// Those that are done again only because they failed, beside a task from which a run is done again: an argument by value
    /// is no edge, so it is not known whether what that task gave is why. What failed inside is done again too, and no more.
    pub failed: HashSet<TaskRunId>,
}

impl Chosen {
    /// Chooses among the rows of a run.
    pub fn of(rows: &[TaskRun], redo: &Redo) -> Self {
        let mut chosen = Self::default();
        let first_failure = first_failure(rows, |_| true);
        // Inputs have smaller ids than what uses them, so one pass from the first to the last finds everything below.
        for row in rows {
            // What failed only because its result cannot be persisted has done what it does.
            let may_succeed = row.not_persisted.is_none();
            let is_chosen = match redo {
                Redo::Nothing => false,
                Redo::Failed if is_cancelled_before(row, first_failure) => false,
                Redo::Failed => (row.state.is_failure() && may_succeed) || row.state == State::Skipped,
                Redo::From(task) => {
                    let is_used = row.edges.iter().any(|edge| chosen.is_below(edge.from()));
                    // What is done again calls anew what it calls.
                    let is_below = row.task == *task || is_used || chosen.is_below(row.parent);
                    let has_failed = matches!(row.state, State::Failed | State::TimedOut);
                    if !is_below && has_failed && may_succeed && !died(row) {
                        chosen.failed.insert(row.id);
                    }
                    is_below || chosen.failed.contains(&row.id)
                }
                Redo::Everything => true,
            };
            if is_chosen {
                chosen.rows.insert(row.id);
            }
        }
        // A parent of a rerun task must run again, too.
        for row in rows.iter().rev() {
            if chosen.rows.contains(&row.id) {
                chosen.rows.insert(row.parent);
            }
        }
        chosen
    }

    /// Whether what uses this row, or is called by it, is done again too.
    fn is_below(&self, row: TaskRunId) -> bool {
        self.rows.contains(&row) && !self.failed.contains(&row)
    }
}

/// Where the attempts of a task run go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttemptProgress {
    /// The number of the last attempt that began.
    pub attempts: u32,
    /// How many of them count for the retry budget: those that failed. A crash, or a stop of the program, is not the task's
    /// failure.
    pub failed: u32,
    /// What is left of the wait before the next attempt.
    pub wait: Duration,
}

/// Returns where the attempts of `row` go on at the moment `now`, in a run of which something was `asked`.
///
/// `wait = ended_at + retry_in - now`, within 0 and `retry_in`: a clock that was set back does not make it longer.
pub fn progress(row: &TaskRun, asked: &RedoRequest, now: WallTime) -> AttemptProgress {
    let failed = asked.tries(&row.earlier_attempts);
    let last = row.earlier_attempts.last().filter(|last| last.number == row.attempt);
    let wait = last.and_then(|last| Some((last.retry_in?, last.ended_at?))).map_or(
        Duration::ZERO,
        |(retry_in, ended_at)| {
            let passed = u64::try_from(now.as_micros().saturating_sub(ended_at.as_micros())).unwrap_or(0);
            retry_in.saturating_sub(Duration::from_micros(passed))
        },
    );
    AttemptProgress { attempts: row.attempt, failed, wait }
}
