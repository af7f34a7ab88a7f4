//! What an event says: the only file that lists every kind of event. Does not format it: `lines`, `json` and `picture` do. Pure.

use std::time::Duration;

use super::view::RunView;
use crate::engine::flow_run::observer::Notice;
use crate::model::{ErrorReport, EventKind, TaskRunId, WallTime};
use crate::text::columns::{shortened, visible};

/// A longer label is cut: it is there to be recognised, not to carry data.
const LABEL_COLUMNS_MAX: usize = 60;

/// An event with everything that the formatters show of it.
pub(crate) struct Fact<'a> {
    pub(super) notice: &'a Notice<'a>,
    pub(super) detail: Detail<'a>,
    /// The usual duration of runs of its task, if the run ended and was slow.
    pub(super) slow: Option<Duration>,
    /// When this execution of the flow run began; earlier ones are not counted in a duration.
    began_at: WallTime,
}

/// The part of a fact that depends on the kind of the event alone.
#[derive(Default)]
pub(super) struct Detail<'a> {
    /// The first word of its plain line; `None` if no line is printed. `docs/terminal.md` lists all of them.
    pub(super) word: Option<&'static str>,
    pub(super) attempt: Option<u32>,
    pub(super) attempts_max: Option<u32>,
    pub(super) retry_in: Option<Duration>,
    pub(super) error: Option<&'a ErrorReport>,
    pub(super) reason: Option<&'a str>,
}

impl<'a> Detail<'a> {
    pub(super) fn of(kind: &'a EventKind) -> Self {
        let line = |word| Self { word: Some(word), ..Self::default() };
        match kind {
            EventKind::Created | EventKind::Queued => Self::default(),
            EventKind::Started { attempt } => Self { attempt: Some(*attempt), ..line("start") },
            EventKind::AttemptFailed { attempt, failure } => Self {
                attempt: Some(*attempt),
                attempts_max: failure.attempts_max,
                retry_in: Some(failure.retry_in),
                error: Some(&failure.error),
                ..line("retry")
            },
            EventKind::Completed => line("ok"),
            EventKind::Cached => line("cached"),
            EventKind::Failed { error } => Self { error: Some(error), ..line("FAIL") },
            EventKind::TimedOut { error, .. } => Self { error: Some(error), ..line("TIMEOUT") },
            EventKind::Cancelling => line("cancel"),
            EventKind::Cancelled { .. } => line("cancelled"),
            EventKind::UpstreamFailed { error } => Self { error: Some(error), ..line("skip") },
            EventKind::Skipped { reason } => Self { reason: Some(reason), ..line("skip") },
            EventKind::Crashed => line("crashed"),
            EventKind::Stopping => line("stopping"),
            EventKind::Interrupted { attempt, error } => {
                Self { attempt: Some(*attempt), error: Some(error), ..line("suspended") }
            }
            EventKind::Suspended => line("suspended"),
            EventKind::Reopened => line("resume"),
        }
    }
}

impl<'a> Fact<'a> {
    /// Applies an event to the view of its run, and returns what it says.
    pub(crate) fn taken(notice: &'a Notice<'a>, view: &mut RunView) -> Self {
        let slow = view.take(notice);
        Self { notice, detail: Detail::of(&notice.event.kind), slow, began_at: view.began_at }
    }

    pub(super) fn kind(&self) -> &'a EventKind {
        &self.notice.event.kind
    }

    pub(super) fn at(&self) -> WallTime {
        self.notice.at.into()
    }

    /// Whether it happened to a flow run, not to a task run in it.
    pub(super) fn is_of_flow(&self) -> bool {
        self.notice.event.task_run == TaskRunId::FLOW
    }

    /// Whether it happened to the outermost flow run.
    pub(super) fn is_own(&self) -> bool {
        self.is_of_flow() && self.notice.origin.is_none()
    }

    /// Whether it happened to the node of a sub-flow, whose own run reports the same events.
    pub(super) fn is_of_node(&self) -> bool {
        !self.is_of_flow() && self.notice.task_run.flow_run.is_some()
    }

    /// Returns the duration of the run in this execution, if it ended.
    pub(super) fn took(&self) -> Option<Duration> {
        self.notice.task_run.duration_since(self.began_at).filter(|_| self.kind().is_end())
    }

    /// Returns the duration of the attempt that failed, if another one follows.
    pub(super) fn attempt_took(&self) -> Option<Duration> {
        let EventKind::AttemptFailed { attempt, .. } = self.kind() else { return None };
        self.notice.task_run.attempts().iter().find(|failed| failed.number == *attempt)?.duration()
    }
}

/// Returns the name of the run after those of the sub-flows that lead to it, without characters that could act.
pub(super) fn label(notice: &Notice<'_>) -> String {
    let path = notice.origin.map(|origin| visible(&origin.path));
    match path {
        Some(path) if notice.event.task_run == TaskRunId::FLOW => path_to("", &path),
        path => path_to(path.as_deref().unwrap_or_default(), &visible(&notice.task_run.label())),
    }
}

/// Returns the name of a run after the names of the sub-flows that lead to it.
pub(super) fn path_to(path: &str, own: &str) -> String {
    let label = if path.is_empty() { own.to_owned() } else { format!("{path} › {own}") };
    shortened(&label, LABEL_COLUMNS_MAX)
}
