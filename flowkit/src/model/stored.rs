//! Runs as they are kept and read back: plain data that owns its text. Not how they are kept: that is a store's business.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::run::spent;
use super::{
    CallId, EdgeKind, ErrorReport, EventKind, FlowRunId, Kind, OrderNo, Provenance, State, TaskRunId,
    Timestamp,
};

/// A moment of the wall clock, in microseconds since 1970, UTC. For people and for waits that outlive a process.
///
/// Order comes from sequence numbers, and durations inside a process from [`Timestamp`]: a wall clock may jump.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WallTime(i64);

impl WallTime {
    /// Takes microseconds since 1970, UTC.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Returns the microseconds since 1970, UTC.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Returns the moment that lies `at` after this one, the creation of a run.
    pub fn plus(self, at: Timestamp) -> Self {
        let micros = i64::try_from(at.since_creation().as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros))
    }

    /// Returns this moment as the time since `created`, the creation of a run; zero if it lies before.
    pub fn since(self, created: Self) -> Timestamp {
        let micros = u64::try_from(self.0.saturating_sub(created.0)).unwrap_or(0);
        Timestamp::new(Duration::from_micros(micros))
    }

    /// Returns the time from this moment to a later one; none if it is not later.
    #[cfg(feature = "cli")]
    pub(crate) fn until(self, later: Self) -> Duration {
        later.since(self).since_creation()
    }
}

impl From<SystemTime> for WallTime {
    fn from(time: SystemTime) -> Self {
        let micros = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
        };
        Self(micros)
    }
}

impl From<WallTime> for SystemTime {
    fn from(time: WallTime) -> Self {
        let distance = Duration::from_micros(time.0.unsigned_abs());
        let moved =
            if time.0 < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) };
        moved.unwrap_or(UNIX_EPOCH)
    }
}

/// A flow run as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StoredFlowRun {
    /// Its id, for ever.
    pub id: FlowRunId,
    /// The name of the flow.
    pub flow: String,
    /// The function of the flow, with its module path.
    pub path: String,
    /// The flow's version, if it says one.
    pub version: Option<String>,
    /// The name of this run, if it has one of its own.
    pub name: Option<String>,
    /// The tags of the flow and of this run.
    pub tags: Vec<String>,
    /// Where it stands.
    pub state: State,
    /// Its arguments as a JSON object; `None` if one of them is not `Serialize`.
    pub parameters: Option<String>,
    /// The run in whose code it was started, and the task run there.
    pub parent: Option<(FlowRunId, TaskRunId)>,
    /// When it was created.
    pub created_at: WallTime,
    /// When its first attempt began.
    pub started_at: Option<WallTime>,
    /// When it ended.
    pub ended_at: Option<WallTime>,
    /// The number of the last attempt's begin.
    pub begun_no: Option<OrderNo>,
    /// The number of the end.
    pub ended_no: Option<OrderNo>,
    /// How many attempts of the flow began.
    pub attempt: u32,
    /// The attempts that did not end the run.
    pub earlier_attempts: Vec<StoredAttempt>,
    /// When the last attempt began.
    pub attempt_started_at: Option<WallTime>,
    /// Why it has no result.
    pub error: Option<ErrorReport>,
    /// How often its process died.
    pub crashes: u32,
    /// Where in the user's code it was called, as `file:line`.
    pub location: String,
    /// How many of its task runs failed or timed out, those left out that an attempt of the flow was followed by another one.
    /// The store counts them when it is asked.
    #[serde(default)]
    pub failures: u64,
}

impl StoredFlowRun {
    /// Whether the flow went on after failures, and completed.
    pub fn completed_with_failures(&self) -> bool {
        self.state.is_success() && self.failures > 0
    }

    /// Returns the number of the end of the last attempt that another one followed, those left out that do not
    /// count: what had no result by then is done anew.
    pub(crate) fn anew_since(&self) -> Option<OrderNo> {
        let ended = self.earlier_attempts.iter().filter(|attempt| attempt.counts());
        ended.filter_map(|attempt| attempt.ended_no).max()
    }

    /// Returns the number of the last that happened to the flow itself.
    pub(crate) fn last_no(&self) -> Option<OrderNo> {
        self.ended_no.max(self.begun_no)
    }

    /// Returns how long it took, as [`TaskRun::duration`](super::TaskRun::duration) does.
    pub fn duration(&self) -> Option<Duration> {
        let last = (self.attempt_started_at?, self.ended_at?);
        Some(duration(&self.earlier_attempts, self.attempt, last))
    }
}

/// A task run as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StoredTaskRun {
    /// Its number inside the flow run.
    pub id: TaskRunId,
    /// The run in whose body it was called; [`TaskRunId::FLOW`] for the flow's own body.
    pub parent: TaskRunId,
    /// What finds the call again when the flow runs again.
    pub call: Option<CallId>,
    /// The argument that cannot be compared, as `name: Type`; then the call is made again.
    pub unknown: Option<String>,
    /// Whether it is a task or a sub-flow.
    pub kind: Kind,
    /// The name of the task.
    pub task: String,
    /// The function of the task, with its module path.
    pub path: String,
    /// The task's version, if it says one.
    pub version: Option<String>,
    /// A hash of the task's code, without its layout, in the process that wrote of this run last.
    pub source_hash: u64,
    /// The position in the list that was mapped.
    pub index: Option<u32>,
    /// The name of this run, if it has one of its own.
    pub name: Option<String>,
    /// The tags of the task and of this call.
    pub tags: Vec<String>,
    /// The name of the group in which the call was made.
    pub group: Option<String>,
    /// The label of the branch that led to the call.
    pub branch: Option<String>,
    /// Where in the user's code it was called, as `file:line`.
    pub location: String,
    /// What it waited for.
    pub edges: Vec<(TaskRunId, EdgeKind)>,
    /// Where it stands.
    pub state: State,
    /// How many attempts began.
    pub attempt: u32,
    /// The attempts that did not end the run, the first one first.
    pub earlier_attempts: Vec<StoredAttempt>,
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
    pub error: Option<ErrorReport>,
    /// Why it was skipped.
    pub skip_reason: Option<String>,
    /// The flow run behind a sub-flow's node.
    pub flow_run: Option<FlowRunId>,
    /// Whether the body could not be stopped and went on after the end of the run.
    pub orphaned: bool,
    /// Whether the body that called it has cancelled it, for instance as the loser of a race.
    pub cancelled_by_body: bool,
    /// In how many processes that died it was running.
    pub crashes: u32,
    /// Whether its result is kept.
    pub has_result: bool,
    /// Why its result could not be persisted. `None` also where none is ever: its type cannot be, or the attribute says no.
    pub not_persisted: Option<String>,
    /// Which value it gave, and from which: a resumed run takes it over only if those are the same. `None` of what has
    /// not ended.
    pub provenance: Option<Provenance>,
}

impl StoredTaskRun {
    /// Returns how long it took, as [`TaskRun::duration`](super::TaskRun::duration) does.
    pub fn duration(&self) -> Option<Duration> {
        let last = (self.attempt_started_at?, self.ended_at?);
        Some(duration(&self.earlier_attempts, self.attempt, last))
    }

    /// Returns the number of the last that happened to it.
    pub(crate) fn last_no(&self) -> Option<OrderNo> {
        self.ended_no.max(self.begun_no)
    }

    /// Returns its place among other ends.
    pub(crate) fn place_among_ends(&self) -> Option<OrderNo> {
        self.rank.or(self.ended_no)
    }

    /// Returns the name of this run: its own, or the task's with the index of a mapped run: `fetch[3]`.
    pub fn label(&self) -> String {
        match (&self.name, self.index) {
            (Some(name), _) => name.clone(),
            (None, Some(index)) => format!("{}[{index}]", self.task),
            (None, None) => self.task.clone(),
        }
    }
}

/// Returns how long a run took, of which `last` is the begin and the end of the last attempt.
fn duration(
    earlier: &[StoredAttempt],
    attempts: u32,
    (began_at, ended_at): (WallTime, WallTime),
) -> Duration {
    let created = earlier.first().map_or(began_at, |first| first.started_at);
    let at = |time: WallTime| time.since(created);
    let mut spans: Vec<_> =
        earlier.iter().map(|one| (at(one.started_at), one.ended_at.map(at), one.retry_in)).collect();
    // A run that ended before its next attempt began has no other than those.
    if attempts as usize > earlier.len() {
        spans.push((at(began_at), Some(at(ended_at)), None));
    }
    spent(&spans, at(ended_at))
}

/// An attempt that did not end its run: it failed, its process died, or the run was done again after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StoredAttempt {
    /// Which one, counting from 1.
    pub number: u32,
    /// How it ended: `Failed`, `Crashed`, `Suspended` if it failed while the program was being stopped, or as the run had
    /// ended that was done again, such as `Completed`.
    pub state: State,
    /// When it began.
    pub started_at: WallTime,
    /// When it ended; `None` if nobody saw it.
    pub ended_at: Option<WallTime>,
    /// The number of its end among the begins and ends of the flow run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_no: Option<OrderNo>,
    /// Why it failed.
    pub error: Option<ErrorReport>,
    /// The wait after it, if another attempt was to follow.
    pub retry_in: Option<Duration>,
}

impl StoredAttempt {
    /// Whether it counts as a try: it ended by itself, not with its process or because that was being stopped.
    pub const fn counts(&self) -> bool {
        !matches!(self.state, State::Crashed | State::Suspended)
    }
}

/// An event as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StoredEvent {
    /// Its place in the history of the flow run, counting from 1 without gaps.
    pub sequence: u64,
    /// To whom it happened; [`TaskRunId::FLOW`] is the flow run itself.
    pub task_run: TaskRunId,
    /// When.
    pub at: WallTime,
    /// What.
    pub kind: EventKind,
}

/// A line that a run logged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StoredLog {
    /// The line's number in its flow run, in the order of arrival.
    pub sequence: u64,
    /// Whose line it is; [`TaskRunId::FLOW`] for the flow itself.
    pub task_run: TaskRunId,
    /// When it was written.
    pub at: WallTime,
    /// How much it matters.
    pub level: LogLevel,
    /// Where it comes from: the module path of the code.
    pub target: String,
    /// What it says.
    pub message: String,
}

/// How much a log line matters, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// For those who follow every move.
    Trace,
    /// For those who look for a mistake.
    Debug,
    /// What happens.
    Info,
    /// What should be looked at.
    Warn,
    /// What went wrong.
    Error,
}

impl LogLevel {
    /// All of them, the least first.
    pub const ALL: [Self; 5] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// Returns the name, as it is typed and kept: `info`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}
