//! The log lines of a run and its sub-flows as one log, in the order of their times. Holds a page of each run at a time,
//! and prints nothing.

use std::collections::{HashMap, VecDeque};

use crate::cli::rows::{self, Member, PAGE};
use crate::cli::usage::UsageResult;
use crate::model::{FlowRunId, StoredLog, TaskRun, TaskRunId, WallTime};
use crate::store::{LogFilter, Store};

/// How many lines of all runs together are held.
const HELD_MAX: usize = 10 * PAGE;

/// Of more task runs, the labels are read again.
const LABELS_MAX: usize = 10 * PAGE;

/// A line with the label of its task run, and the labels of the sub-flows that lead to it.
pub(super) struct LabelledLine {
    pub(super) run: FlowRunId,
    pub(super) path: Option<String>,
    pub(super) label: String,
    pub(super) line: StoredLog,
}

/// The log of a run with its sub-flows, as far as it was read.
pub(super) struct LogLines {
    /// Each run before its sub-flows.
    logs: Vec<RunLog>,
    filter: LogFilter,
}

/// The log of one run.
struct RunLog {
    member: Member,
    /// The number of the last line that was read.
    since: u64,
    /// All of its lines have been read since there was none to return.
    is_read: bool,
    held: VecDeque<(WallTime, StoredLog)>,
    /// The latest time of a line. Lines are ordered by number; their times may not be.
    latest: WallTime,
    /// The labels of the task runs that have logged something; `None` for those that are not wanted.
    labels: HashMap<TaskRunId, Option<String>>,
}

impl LogLines {
    pub(super) fn of(family: Vec<Member>, filter: LogFilter) -> Self {
        let mut lines = Self { logs: Vec::new(), filter };
        lines.discover(family);
        lines
    }

    /// Adds the sub-flows that are not known yet.
    pub(super) fn discover(&mut self, family: Vec<Member>) {
        for member in family {
            if self.logs.iter().all(|known| known.member.run.id != member.run.id) {
                let latest = member.run.created_at;
                let (held, labels) = (VecDeque::new(), HashMap::new());
                self.logs.push(RunLog { member, since: 0, is_read: false, held, latest, labels });
            }
        }
    }

    /// Returns the next line of a task run, or of a flow itself, that `is_wanted`; `None` if there is none at present.
    pub(super) fn next(
        &mut self,
        store: &dyn Store,
        is_wanted: impl Fn(&Member, Option<&TaskRun>) -> bool,
    ) -> UsageResult<Option<LabelledLine>> {
        let page = (HELD_MAX / self.logs.len().max(1)).clamp(1, PAGE);
        loop {
            for log in self.logs.iter_mut().filter(|log| log.held.is_empty() && !log.is_read) {
                log.read(store, &self.filter, page, &is_wanted)?;
            }
            // Of lines in the same microsecond, that of the outer run comes first.
            let next = self.logs.iter_mut().filter(|log| !log.held.is_empty());
            let Some(log) = next.min_by_key(|log| log.held.front().map(|(at, _)| *at)) else {
                self.logs.iter_mut().for_each(|log| log.is_read = false);
                return Ok(None);
            };
            let Some((_, line)) = log.held.pop_front() else { continue };
            if let Some(Some(label)) = log.labels.get(&line.task_run) {
                let (run, path) = (log.member.run.id, log.member.path.clone());
                return Ok(Some(LabelledLine { run, path, label: label.clone(), line }));
            }
        }
    }
}

impl RunLog {
    /// Reads the next page.
    fn read(
        &mut self,
        store: &dyn Store,
        filter: &LogFilter,
        page: usize,
        is_wanted: impl Fn(&Member, Option<&TaskRun>) -> bool,
    ) -> UsageResult<()> {
        let lines = store.logs(self.member.run.id, filter, self.since, page)?;
        self.is_read = lines.len() < page;
        let Some(last) = lines.last() else { return Ok(()) };
        self.since = last.sequence;
        if self.labels.len() > LABELS_MAX {
            self.labels.clear();
        }
        let strangers = lines.iter().map(|line| line.task_run).filter(|id| !self.labels.contains_key(id));
        // Rows are written before the lines of their task run.
        let rows = rows::tasks_of(store, self.member.run.id, strangers.clone())?;
        let strangers: Vec<TaskRunId> = strangers.collect();
        for id in strangers {
            let label = match (rows.get(&id), id) {
                (Some(row), _) => row.label(),
                (None, TaskRunId::FLOW) => self.member.run.flow.clone(),
                // Its row is being removed.
                (None, id) => id.to_string(),
            };
            let label = is_wanted(&self.member, rows.get(&id)).then_some(label);
            self.labels.insert(id, label);
        }
        for line in lines {
            self.latest = self.latest.max(line.at);
            self.held.push_back((self.latest, line));
        }
        Ok(())
    }
}
