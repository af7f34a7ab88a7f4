//! The flow runs of a runtime that are alive: found by id to cancel them, and suspended together with the program.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Run;
use crate::clock;
use crate::model::{FlowRunId, Kind, State, TaskRunId, Timestamp};
use crate::store::Lost;

/// How often it is looked whether anything still runs, at first and later.
const FIRST_LOOK: Duration = Duration::from_millis(5);
const LAST_LOOK: Duration = Duration::from_millis(100);

/// So many rows are looked through for each line that was heard: a fraction of a millisecond.
const ROWS_MAX: usize = 10_000;

#[derive(Default)]
pub(crate) struct ActiveRuns {
    /// The program was told to stop: no attempt begins any more, and no failure is final. Set by the handler of the signal
    /// itself, since a failure that the same signal caused may be seen before anything else could be told of it.
    stopping: Arc<AtomicBool>,
    /// For bodies that want to know: see [`Context::stopping`](crate::Context::stopping).
    token: CancellationToken,
    turned_away: AtomicBool,
    known: Mutex<RunEntry>,
    one_less: Notify,
}

#[derive(Default)]
struct RunEntry {
    /// By age, so that a flow is suspended before its sub-flows.
    runs: BTreeMap<FlowRunId, Weak<Run>>,
    /// A run that begins now is suspended at once.
    closed: bool,
    /// Those that were suspended.
    aside: Vec<FlowRunId>,
}

impl ActiveRuns {
    pub(crate) fn add(&self, run: &Arc<Run>) {
        let mut known = self.known.lock();
        known.runs.insert(run.id, Arc::downgrade(run));
        let closed = known.closed;
        let outer = known.runs.get(&run.root()).and_then(Weak::upgrade);
        drop(known);
        if self.is_stopping() {
            run.begin_to_stop();
        }
        if closed {
            self.suspend_all(&[Arc::clone(run)]);
        }
        // The outer one was lost while this one began.
        if let Some(why) = outer.as_ref().and_then(|outer| outer.lost())
            && run.loses(why)
        {
            run.cancellation.cancel();
        }
    }

    /// Ends a run that its store keeps no further, unless it was taken over since.
    pub(crate) fn lose(&self, lost: &Lost) {
        if let Some(run) = self.get(lost.run)
            && run.kept.as_ref().is_some_and(|kept| kept.owned.epoch <= lost.epoch)
        {
            run.lose_all(&lost.error);
        }
    }

    /// All are suspended before any is stopped: what runs of a sub-flow is stopped with the run around it, and must know by
    /// then that nobody has cancelled it.
    fn suspend_all(&self, runs: &[Arc<Run>]) {
        let aside: Vec<_> = runs.iter().filter(|run| run.suspend()).collect();
        self.known.lock().aside.extend(aside.iter().map(|run| run.id));
        aside.into_iter().for_each(|run| run.stop_suspended());
    }

    /// Returns the runs that were suspended so far.
    pub(crate) fn aside(&self) -> Vec<FlowRunId> {
        self.known.lock().aside.clone()
    }

    pub(crate) fn remove(&self, id: FlowRunId) {
        self.known.lock().runs.remove(&id);
        self.one_less.notify_waiters();
    }

    pub(crate) fn get(&self, id: FlowRunId) -> Option<Arc<Run>> {
        self.known.lock().runs.get(&id).and_then(Weak::upgrade)
    }

    pub(super) fn all(&self) -> Vec<Arc<Run>> {
        self.known.lock().runs.values().filter_map(Weak::upgrade).collect()
    }

    /// Returns who may have said something that was heard from this process at most `delay` ago, when nobody knows the
    /// thread: the only task that was running in all of that time, or else the only outermost run.
    pub(crate) fn speaker(&self, delay: Duration) -> Option<(Arc<Run>, TaskRunId)> {
        let runs = self.all();
        let running: Option<Vec<_>> =
            runs.iter().map(|run| run.speaking(delay).map(|tasks| (run, tasks))).collect();
        let mut running =
            running.into_iter().flatten().flat_map(|(run, tasks)| tasks.into_iter().map(move |id| (run, id)));
        if let (Some((run, (task_run, Since::Before))), None) = (running.next(), running.next()) {
            return Some((Arc::clone(run), task_run));
        }
        let mut outermost = runs.iter().filter(|run| run.origin.is_none());
        let first = outermost.next()?;
        outermost.next().is_none().then(|| (Arc::clone(first), TaskRunId::FLOW))
    }

    /// Whether no flow run may begin any more; callers are turned away then.
    pub(crate) fn turns_away(&self) -> bool {
        let stopping = self.is_stopping();
        if stopping {
            self.turned_away.store(true, Ordering::Release);
        }
        stopping
    }

    /// Whether a flow run was not begun because of the shut-down.
    #[cfg(feature = "signals")]
    pub(crate) fn has_turned_away(&self) -> bool {
        self.turned_away.load(Ordering::Acquire)
    }

    /// Whether the program was told to stop: no attempt may begin any more, and no failure is final.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// The flag that says so, for a handler of signals.
    #[cfg(all(feature = "signals", unix))]
    pub(crate) fn stopping(&self) -> &Arc<AtomicBool> {
        &self.stopping
    }

    /// Returns a token that is cancelled when the program is told to stop.
    pub(crate) fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Lets nothing begin any more, gives what runs at most `drain` to end, suspends the rest, and waits until no run is
    /// left.
    pub(crate) async fn suspend(&self, drain: Duration) {
        self.stopping.store(true, Ordering::Release);
        for run in self.all() {
            run.begin_to_stop();
        }
        self.token.cancel();
        self.drain(drain).await;
        self.known.lock().closed = true;
        self.suspend_all(&self.all());
        loop {
            let mut one_less = std::pin::pin!(self.one_less.notified());
            one_less.as_mut().enable();
            if self.known.lock().runs.is_empty() {
                return;
            }
            one_less.await;
        }
    }

    /// Waits until nothing runs but flows that wait for what may not begin.
    async fn drain(&self, patience: Duration) {
        let begun: Instant = clock::now();
        let mut look = FIRST_LOOK;
        let mut idle_looks = 0;
        // A flow whose last task has ended may be about to end itself, so one look is not enough.
        while idle_looks < 2 && !self.all().is_empty() {
            let left = patience.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return;
            }
            idle_looks = if self.all().iter().any(|run| run.is_at_work()) { 0 } else { idle_looks + 1 };
            clock::sleep(look.min(left)).await;
            look = (look * 2).min(LAST_LOOK);
        }
    }
}

/// Whether a task was running in all of a time.
#[derive(Clone, Copy)]
enum Since {
    /// It was running before.
    Before,
    /// It began, or ended, within that time: somebody else may have been the one.
    Within,
}

impl Run {
    /// Returns up to two tasks that were running at some time of the last `delay`; `None` if there are too many rows to look
    /// through.
    fn speaking(&self, delay: Duration) -> Option<Vec<(TaskRunId, Since)>> {
        let now = self.clock.now().since_creation();
        let is_recent = |at: Timestamp| now.saturating_sub(at.since_creation()) < delay;
        self.read(|record| {
            let mut rows = record.task_runs();
            let tasks = rows.by_ref().take(ROWS_MAX).filter(|row| row.declaration().kind == Kind::Task);
            let speaking = tasks.filter_map(|row| match (row.state(), row.ended_at()) {
                (State::Running, _) if row.attempt_started_at().is_some_and(is_recent) => {
                    Some((row.id(), Since::Within))
                }
                (State::Running, _) => Some((row.id(), Since::Before)),
                (_, Some(ended_at)) if is_recent(ended_at) => Some((row.id(), Since::Within)),
                _ => None,
            });
            let speaking = speaking.take(2).collect::<Vec<_>>();
            (speaking.len() == 2 || rows.next().is_none()).then_some(speaking)
        })
    }
}
