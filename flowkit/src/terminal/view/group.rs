//! The runs of one task in the same position of the tree, folded. Only active runs are known individually.

use std::collections::BTreeMap;
use std::time::Duration;

use super::durations::Durations;
use super::{Counts, Key};
use crate::model::{State, WallTime};
use crate::terminal::styled_line::Link;
use crate::text::columns::visible;

/// At most this many tasks that a group waits for are named.
const WAITS_FOR_MAX: usize = 8;

const STATES: usize = State::Skipped as usize + 1;

/// The runs of one task.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) task: String,
    pub(crate) is_flow: bool,
    pub(crate) depth: usize,
    /// The name of the first run, which is the name of the group while there is no other.
    label: String,
    counts: [u32; STATES],
    total: u32,
    /// How many runs were retried.
    pub(crate) retried: u32,
    pub(crate) attempts_most: u32,
    /// Runs that have begun and not ended, in the order of their ids.
    pub(crate) active: BTreeMap<Key, Active>,
    /// The durations of runs that ended with a result.
    pub(crate) durations: Durations,
    /// The shortest and the longest duration of all ended runs.
    pub(crate) spent: Option<(Duration, Duration)>,
    pub(crate) waits_for: Vec<usize>,
    /// The artifacts of its runs, each once.
    pub(crate) artifacts: Vec<ShownArtifact>,
    /// Why the last skipped run was skipped.
    pub(crate) reason: Option<String>,
    /// The input without a result because of which the last run did not start, and what happened to it.
    pub(super) upstream: Option<(String, &'static str)>,
}

/// An artifact, as it is shown.
#[derive(Clone, Debug)]
pub(crate) struct ShownArtifact {
    /// The name of the file, or the key with what it is: `rows (table)`.
    pub(crate) label: String,
    /// The link to it.
    pub(crate) link: Option<Link>,
}

/// A task run that has begun and not ended.
#[derive(Clone, Debug)]
pub(crate) struct Active {
    pub(crate) label: String,
    /// When its attempt began.
    pub(crate) since: WallTime,
    /// When the next attempt begins.
    pub(crate) retry_at: Option<WallTime>,
    pub(crate) attempt: u32,
    /// It was retried before.
    pub(super) was_retried: bool,
    pub(crate) attempts_max: Option<u32>,
    /// How much is done, and the total.
    pub(crate) progress: Option<(u64, u64)>,
}

impl Group {
    pub(super) fn new(task: &str, is_flow: bool, depth: usize) -> Self {
        Self {
            task: visible(task),
            is_flow,
            depth,
            label: String::new(),
            counts: [0; STATES],
            total: 0,
            retried: 0,
            attempts_most: 0,
            active: BTreeMap::new(),
            durations: Durations::default(),
            spent: None,
            waits_for: Vec::new(),
            artifacts: Vec::new(),
            reason: None,
            upstream: None,
        }
    }

    pub(super) fn enter(&mut self, state: State, label: String) {
        if self.total == 0 {
            self.label = label;
        }
        self.total += 1;
        self.counts[state as usize] += 1;
    }

    /// Renames the only run: it may get its own name after its creation, when its arguments are known.
    pub(super) fn rename(&mut self, label: &str) {
        if self.total == 1 && self.label != label {
            self.label = visible(label);
        }
    }

    pub(super) fn moves(&mut self, from: State, to: State) {
        self.counts[from as usize] = self.counts[from as usize].saturating_sub(1);
        self.counts[to as usize] += 1;
    }

    /// Forgets a run without a result, which the next attempt of the flow repeats.
    pub(super) fn leave(&mut self, state: State) {
        self.total = self.total.saturating_sub(1);
        self.counts[state as usize] = self.counts[state as usize].saturating_sub(1);
        self.retried += u32::from(matches!(state, State::Failed | State::TimedOut));
    }

    pub(super) fn spend(&mut self, duration: Duration) {
        let (shortest, longest) = self.spent.unwrap_or((duration, duration));
        self.spent = Some((shortest.min(duration), longest.max(duration)));
    }

    pub(super) fn wait_for(&mut self, group: usize) {
        if self.waits_for.len() < WAITS_FOR_MAX && !self.waits_for.contains(&group) {
            self.waits_for.push(group);
        }
    }

    pub(crate) fn total(&self) -> u32 {
        self.total
    }

    pub(crate) fn count(&self, state: State) -> u32 {
        self.counts[state as usize]
    }

    fn sum(&self, states: &[State]) -> u32 {
        states.iter().map(|state| self.count(*state)).sum()
    }

    /// Returns the name: that of the only run, or the task's.
    pub(crate) fn name(&self) -> &str {
        if self.total == 1 { &self.label } else { &self.task }
    }

    pub(crate) fn under_way(&self) -> u32 {
        self.sum(&[State::Running, State::AwaitingRetry, State::Cancelling])
    }

    pub(crate) fn failed(&self) -> u32 {
        self.sum(&[State::Failed, State::TimedOut, State::Crashed])
    }

    /// Returns how many task runs failed by themselves. A sub-flow fails because a task run in it does.
    pub(super) fn failed_itself(&self) -> usize {
        if self.is_flow { 0 } else { self.sum(&[State::Failed, State::TimedOut]) as usize }
    }

    pub(crate) fn skipped(&self) -> u32 {
        self.sum(&[State::Skipped, State::UpstreamFailed])
    }

    pub(crate) fn to_come(&self) -> u32 {
        self.sum(&[State::Scheduled, State::Pending, State::Waiting])
    }

    pub(crate) fn ended(&self) -> u32 {
        self.total - self.under_way() - self.to_come()
    }

    /// Returns the state of the group: running if any run is, else the worst state of its runs.
    pub(crate) fn state(&self) -> State {
        const WORST_FIRST: [State; 8] = [
            State::Failed,
            State::Crashed,
            State::TimedOut,
            State::Cancelled,
            State::UpstreamFailed,
            State::Suspended,
            State::Completed,
            State::Cached,
        ];
        let all = |state| self.count(state) == self.total;
        if self.count(State::Cancelling) > 0 {
            return State::Cancelling;
        }
        if self.total > 0 && all(State::AwaitingRetry) {
            return State::AwaitingRetry;
        }
        if self.under_way() > 0 || (self.to_come() > 0 && self.ended() > 0) {
            return State::Running;
        }
        if self.to_come() > 0 || self.total == 0 {
            return if self.count(State::Waiting) > 0 { State::Waiting } else { State::Pending };
        }
        let worst = WORST_FIRST.into_iter().find(|state| self.count(*state) > 0);
        worst.unwrap_or(State::Skipped)
    }

    pub(super) fn add_to(&self, counts: &mut Counts) {
        let cached = self.count(State::Cached) as usize;
        let skipped = self.skipped() as usize;
        counts.cached += cached;
        counts.skipped += skipped;
        if self.is_flow {
            counts.seen += cached + skipped;
            counts.ended += cached + skipped;
            return;
        }
        counts.seen += self.total as usize;
        counts.ended += self.ended() as usize;
        counts.active += self.under_way() as usize;
        counts.ran += self.count(State::Completed) as usize;
        counts.failed += self.failed() as usize;
        counts.cancelled += self.sum(&[State::Cancelled, State::Suspended]) as usize;
    }
}
