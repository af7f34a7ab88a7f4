//! A task run as every reader sees it, live or from a store: plain data, and what is computed from it. Not how it changes: a live
//! run has a [`TaskRunRecord`](super::TaskRunRecord), of which this is a copy, and a store has rows.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    CallId, Edge, ErrorReport, FlowRunId, Kind, OrderNo, Provenance, State, TaskRunId, WallTime, label_of,
};

/// One call of a task, or of a flow, inside a flow run: where it stands and how it got there.
///
/// It is the same for a run of this process and for one in a store. Four fields are known to a store alone, and empty in what a
/// live run shows: `call`, `crashes`, `has_result` and `provenance`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TaskRun {
    /// Its number inside the flow run; [`TaskRunId::FLOW`] is the flow itself.
    pub id: TaskRunId,
    /// The run in whose body it was called; [`TaskRunId::FLOW`] for the flow's own body.
    pub parent: TaskRunId,
    /// What finds the call again when the flow runs again.
    pub call: Option<CallId>,
    /// The argument that cannot be compared with that of another call, as `name: Type`: if the flow is retried or resumed, this
    /// call is made again. `None` too if neither can happen.
    pub unknown: Option<Cow<'static, str>>,
    /// Whether it is a task or a flow.
    pub kind: Kind,
    /// The name of the task.
    pub task: Cow<'static, str>,
    /// The function of the task, with its module path.
    pub path: Cow<'static, str>,
    /// The task's version, if its attribute has one.
    pub version: Option<Cow<'static, str>>,
    /// A hash of the task's code, without its layout, in the process that wrote of this run last.
    pub source_hash: u64,
    /// The position in the list that was mapped.
    pub index: Option<u32>,
    /// The name that only this run has: its `run_name`, or what the call was named.
    pub name: Option<String>,
    /// The tags of the task and of this call.
    pub tags: Vec<Cow<'static, str>>,
    /// The name of the group in which the call was made.
    pub group: Option<String>,
    /// The label of the branch that led to the call.
    pub branch: Option<String>,
    /// Where in the user's code the call was made, as `file:line`.
    pub location: String,
    /// What it waited for.
    pub edges: Vec<Edge>,
    /// Where it stands.
    pub state: State,
    /// How many attempts began.
    pub attempt: u32,
    /// The attempts that did not end the run, the first one first.
    pub earlier_attempts: Vec<Attempt>,
    /// When it was created.
    pub created_at: WallTime,
    /// When the first attempt began.
    pub started_at: Option<WallTime>,
    /// When the last attempt began.
    pub attempt_started_at: Option<WallTime>,
    /// When it ended.
    pub ended_at: Option<WallTime>,
    /// The number of the last attempt's begin among the begins and ends of the flow run.
    pub begun_no: Option<OrderNo>,
    /// The number of the end; `None` also where no process saw it.
    pub ended_no: Option<OrderNo>,
    /// The number that the same end had in an earlier attempt of the flow: its place among other ends, if it is not
    /// `ended_no`. Also while a success is being made again.
    pub rank: Option<OrderNo>,
    /// Why it has no result.
    pub error: Option<Arc<ErrorReport>>,
    /// Why it was skipped.
    pub skip_reason: Option<String>,
    /// The flow run behind a sub-flow's node.
    pub flow_run: Option<FlowRunId>,
    /// Whether the body could not be stopped and went on after the end of the run.
    pub orphaned: bool,
    /// Whether the body that called it has cancelled it, for instance as the loser of a race.
    pub cancelled_by_body: bool,
    /// How many processes died while it was running.
    pub crashes: u32,
    /// Whether its result is persisted.
    pub has_result: bool,
    /// Why its result could not be persisted. `None` also where none is ever: its type cannot be, or the attribute says no.
    pub not_persisted: Option<String>,
    /// Which value it returned, and from which inputs: a resumed run reuses it only if the inputs are the same. `None`
    /// until it has ended.
    pub provenance: Option<Provenance>,
}

impl TaskRun {
    /// Returns the name of this run: its own, or the task's with the index of a mapped run: `fetch[3]`.
    pub fn label(&self) -> String {
        label_of(&self.task, self.index, self.name.as_deref())
    }

    /// Whether `name` means this run: it is the name of its task, or its [label](Self::label), or its position in the list that
    /// was mapped (`fetch[3]`), which was its label until its own name was known.
    pub fn is_called(&self, name: &str) -> bool {
        self.task == name || self.label() == name || label_of(&self.task, self.index, None) == name
    }

    /// Returns the time from the first attempt to the end, with the waits that the retry policy put between attempts.
    ///
    /// Of a run that was interrupted and resumed, the time between the two processes is left out, and so is that of an
    /// attempt whose end no process saw.
    pub fn duration(&self) -> Option<Duration> {
        self.attempt_started_at?;
        Some(spent(&self.attempts(), self.ended_at?))
    }

    /// The same, of the attempts that began at `begin` or later: those of one execution, if the flow run was resumed.
    pub(crate) fn duration_since(&self, begin: WallTime) -> Option<Duration> {
        self.attempt_started_at?;
        let attempts = self.attempts();
        let first = attempts.iter().position(|attempt| attempt.started_at >= begin).unwrap_or(attempts.len());
        Some(spent(&attempts[first..], self.ended_at?))
    }

    /// Returns the time during which attempts ran, waits between them left out.
    pub fn busy_time(&self) -> Duration {
        self.attempts().iter().filter_map(Attempt::duration).sum()
    }

    /// Returns all attempts, the first one first: the earlier ones and the last.
    pub fn attempts(&self) -> Vec<Attempt> {
        let last = Attempt {
            number: self.attempt,
            state: self.state,
            started_at: self.attempt_started_at.unwrap_or(self.created_at),
            ended_at: self.ended_at,
            ended_no: self.ended_no,
            error: self.error.clone(),
            retry_in: None,
        };
        with_last(&self.earlier_attempts, last)
    }

    /// Whether its last attempt failed while the program was being stopped.
    pub(crate) fn was_interrupted(&self) -> bool {
        let last = self.earlier_attempts.last();
        last.is_some_and(|last| last.state == State::Suspended && last.number == self.attempt)
    }

    /// Returns the number of its last begin or end.
    pub fn last_no(&self) -> Option<OrderNo> {
        self.ended_no.max(self.begun_no)
    }

    /// Returns its place among other ends.
    pub(crate) fn place_among_ends(&self) -> Option<OrderNo> {
        self.rank.or(self.ended_no)
    }
}

/// One try of a task run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Attempt {
    /// Which one, counting from 1.
    pub number: u32,
    /// How it ended: as the run did, or `Failed` if another attempt followed, `Crashed` if its process died, `Suspended` if it failed
    /// while the program was being stopped. Where the run stands, while it runs.
    pub state: State,
    /// When it began.
    pub started_at: WallTime,
    /// When it ended; `None` while it runs, and if no process saw it.
    pub ended_at: Option<WallTime>,
    /// The number of its end among the begins and ends of the flow run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_no: Option<OrderNo>,
    /// Why it failed, if it did.
    pub error: Option<Arc<ErrorReport>>,
    /// The wait after it, if another attempt was to follow.
    pub retry_in: Option<Duration>,
}

impl Attempt {
    /// The attempt that was running when its process died. No process saw its end.
    pub(crate) fn crashed(number: u32, started_at: WallTime) -> Self {
        let state = State::Crashed;
        Self { number, state, started_at, ended_at: None, ended_no: None, error: None, retry_in: None }
    }

    /// Returns how long it ran; `None` if its end is not known.
    pub fn duration(&self) -> Option<Duration> {
        Some(self.ended_at?.since(self.started_at))
    }

    /// Whether it counts as a try: it ended by itself, not with its process or because that was being stopped.
    pub const fn counts(&self) -> bool {
        !matches!(self.state, State::Crashed | State::Suspended)
    }
}

/// Returns the number of the end of the last attempt of a flow that another one followed, apart from those that do not
/// [count](Attempt::counts): calls that had no result by then run again.
pub(crate) fn anew_since(earlier: &[Attempt]) -> Option<OrderNo> {
    earlier.iter().filter(|attempt| attempt.counts()).filter_map(|attempt| attempt.ended_no).max()
}

/// Returns all attempts of a run, of which the `last` may be among the `earlier` ones: another one is to follow it.
pub(super) fn with_last(earlier: &[Attempt], last: Attempt) -> Vec<Attempt> {
    let last = (last.number as usize > earlier.len()).then_some(last);
    earlier.iter().cloned().chain(last).collect()
}

/// Returns how long a run that ended at `end` was at it: its attempts, and the waits after them. What lies between two processes
/// is no wait, or longer than one.
pub(super) fn spent(attempts: &[Attempt], end: WallTime) -> Duration {
    let next = attempts.iter().skip(1).map(|attempt| attempt.started_at).chain([end]);
    let spans = attempts.iter().zip(next).filter_map(|(attempt, next)| {
        let wait = next.since(attempt.ended_at?).min(attempt.retry_in.unwrap_or_default());
        Some(attempt.duration()? + wait)
    });
    spans.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_one_execution_is_that_of_the_attempts_that_began_in_it() {
        let moment = |seconds: i64| WallTime::from_micros(seconds * 1_000_000);
        let ended = |number, from, to| Attempt {
            ended_at: Some(moment(to)),
            ..Attempt::crashed(number, moment(from))
        };
        let row = TaskRun {
            attempt: 3,
            started_at: Some(moment(0)),
            attempt_started_at: Some(moment(104)),
            ended_at: Some(moment(106)),
            earlier_attempts: vec![
                ended(1, 0, 2),
                Attempt { retry_in: Some(Duration::from_secs(1)), ..ended(2, 100, 103) },
            ],
            ..crate::policy::resume::tests::row(State::Completed, 3, 0)
        };
        assert_eq!(row.duration(), Some(Duration::from_secs(8)));
        assert_eq!(row.duration_since(moment(100)), Some(Duration::from_secs(6)));
        assert_eq!(row.duration_since(moment(0)), row.duration());
    }

    #[test]
    fn only_an_attempt_that_failed_by_itself_ends_what_the_one_before_it_has_failed() {
        let ended = |number, state, no| Attempt {
            state,
            ended_no: OrderNo::new(no),
            ..Attempt::crashed(number, WallTime::from_micros(0))
        };
        let failed = ended(1, State::Failed, 3);
        let interrupted = ended(2, State::Suspended, 9);
        assert_eq!(anew_since(&[failed.clone(), interrupted.clone()]), OrderNo::new(3));
        assert_eq!(anew_since(&[interrupted]), None, "its failures are those of the run that is resumed");
        assert_eq!(anew_since(&[failed, ended(2, State::Failed, 12)]), OrderNo::new(12));
    }
}
