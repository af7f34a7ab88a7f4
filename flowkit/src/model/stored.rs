//! What is read back of flow runs, their events and their logs: plain data that owns its text. Not how it is persisted: that is a
//! store's business.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::{
    Attempt, Digest, ErrorReport, EventKind, FlowRunId, Kind, OrderNo, State, TaskRun, TaskRunId, Timestamp,
    anew_since,
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

    /// Returns the time from `earlier` to this moment, zero if it lies before.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
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

/// A flow run as it is persisted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StoredFlowRun {
    /// Its id, for ever.
    pub id: FlowRunId,
    /// The name of the flow.
    pub flow: String,
    /// The function of the flow, with its module path.
    pub path: String,
    /// The flow's version, if it sets one.
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
    pub earlier_attempts: Vec<Attempt>,
    /// When the last attempt began.
    pub attempt_started_at: Option<WallTime>,
    /// Why it has no result.
    pub error: Option<Arc<ErrorReport>>,
    /// How often its process died.
    pub crashes: u32,
    /// Where in the user's code it was called, as `file:line`.
    pub location: String,
    /// Who is to be asked about the flow, if it says so.
    #[serde(default)]
    pub owner: Option<String>,
    /// The revision of the code that began it, if that is known: mostly a git commit. See
    /// [`RuntimeBuilder::revision`](crate::RuntimeBuilder::revision).
    #[serde(default)]
    pub revision: Option<String>,
    /// The BLAKE3 digest of the program that began it. Known soon after the first run of a program that lives for a second or
    /// has a command line, and to stores that outlive the process only.
    #[serde(default)]
    pub program: Option<Digest>,
    /// How many of its task runs failed or timed out, without those of a flow attempt that was followed by another attempt.
    /// The store counts them when it is asked.
    #[serde(default)]
    pub failures: u64,
}

impl StoredFlowRun {
    /// Whether the flow completed although task runs failed.
    pub fn completed_with_failures(&self) -> bool {
        self.state.is_success() && self.failures > 0
    }

    /// As [`anew_since`], of the attempts of the flow itself.
    pub(crate) fn anew_since(&self) -> Option<OrderNo> {
        anew_since(&self.earlier_attempts)
    }

    /// Returns the number of the last begin or end of the flow itself.
    pub fn last_no(&self) -> Option<OrderNo> {
        self.ended_no.max(self.begun_no)
    }

    /// Returns how long it took, as [`TaskRun::duration`] does.
    pub fn duration(&self) -> Option<Duration> {
        self.as_task_run().duration()
    }

    /// Returns the flow itself as a row, as [`FlowRun::flow`](crate::FlowRun::flow) does.
    pub(crate) fn as_task_run(&self) -> TaskRun {
        TaskRun {
            id: TaskRunId::FLOW,
            parent: TaskRunId::FLOW,
            call: None,
            unknown: None,
            kind: Kind::Flow,
            task: self.flow.clone().into(),
            path: self.path.clone().into(),
            version: self.version.clone().map(Into::into),
            // A store does not persist that of a flow.
            source_hash: 0,
            index: None,
            name: self.name.clone(),
            tags: self.tags.iter().cloned().map(Into::into).collect(),
            group: None,
            branch: None,
            location: self.location.clone(),
            edges: Vec::new(),
            state: self.state,
            attempt: self.attempt,
            earlier_attempts: self.earlier_attempts.clone(),
            created_at: self.created_at,
            started_at: self.started_at,
            attempt_started_at: self.attempt_started_at,
            ended_at: self.ended_at,
            begun_no: self.begun_no,
            ended_no: self.ended_no,
            rank: None,
            error: self.error.clone(),
            skip_reason: None,
            flow_run: None,
            orphaned: false,
            cancelled_by_body: false,
            crashes: self.crashes,
            has_result: false,
            not_persisted: None,
            provenance: None,
        }
    }
}

/// An event as it is persisted.
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
