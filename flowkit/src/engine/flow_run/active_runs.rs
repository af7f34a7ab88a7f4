//! The active flow runs of a runtime: found by id to be cancelled, and suspended together with the program.

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

/// How often `drain` checks whether anything still runs, at first and later.
const FIRST_CHECK: Duration = Duration::from_millis(5);
const LAST_CHECK: Duration = Duration::from_millis(100);

/// The number of rows that are searched for each captured line: a fraction of a millisecond.
const ROWS_MAX: usize = 10_000;

#[derive(Default)]
pub(crate) struct ActiveRuns {
    /// The program was asked to stop: no attempt begins any more, and no failure is final. The signal handler itself sets
    /// it, since a failure caused by the same signal may be seen before anything else reacts.
    stopping: Arc<AtomicBool>,
    /// For bodies that want to know: see [`Context::stopping`](crate::Context::stopping).
    token: CancellationToken,
    refused: AtomicBool,
    /// Cancelled when the grace period of a stopping program is over.
    drained: CancellationToken,
    /// Async hooks that run now.
    hooks: Arc<()>,
    known: Mutex<RunEntry>,
    removed: Notify,
}

#[derive(Default)]
struct RunEntry {
    /// By age, so that a flow is suspended before its sub-flows.
    runs: BTreeMap<FlowRunId, Weak<Run>>,
    /// A run that begins now is suspended immediately.
    closed: bool,
    /// The runs that were suspended.
    suspended: Vec<FlowRunId>,
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
        // The outer run was lost while this one began.
        if let Some(why) = outer.as_ref().and_then(|outer| outer.lost())
            && run.lose(why)
        {
            run.cancellation.cancel();
        }
    }

    /// Fails a run that its store persists no further, unless another owner has taken it over since.
    pub(crate) fn lose(&self, lost: &Lost) {
        if let Some(run) = self.get(lost.run)
            && run.run_store.as_ref().is_some_and(|run_store| run_store.owned.epoch <= lost.epoch)
        {
            run.lose_all(&lost.error);
        }
    }

    /// All are suspended before any is stopped: a task of a sub-flow is stopped with the run around it, and must know by
    /// then that it was suspended and not cancelled.
    fn suspend_all(&self, runs: &[Arc<Run>]) {
        let suspended: Vec<_> = runs.iter().filter(|run| run.suspend()).collect();
        self.known.lock().suspended.extend(suspended.iter().map(|run| run.id));
        suspended.into_iter().for_each(|run| run.stop_suspended());
    }

    /// Returns the runs that were suspended so far.
    pub(crate) fn suspended(&self) -> Vec<FlowRunId> {
        self.known.lock().suspended.clone()
    }

    pub(crate) fn remove(&self, id: FlowRunId) {
        self.known.lock().runs.remove(&id);
        self.removed.notify_waiters();
    }

    pub(crate) fn get(&self, id: FlowRunId) -> Option<Arc<Run>> {
        self.known.lock().runs.get(&id).and_then(Weak::upgrade)
    }

    /// Waits until a run of this runtime has ended; `false` if it was not active.
    pub(crate) async fn ended(&self, id: FlowRunId) -> bool {
        let mut was_active = false;
        loop {
            let mut removed = std::pin::pin!(self.removed.notified());
            removed.as_mut().enable();
            if self.get(id).is_none() {
                return was_active;
            }
            was_active = true;
            removed.await;
        }
    }

    /// Whether a run is `id`, or was started inside it.
    pub(crate) fn is_within(&self, run: &Arc<Run>, id: FlowRunId) -> bool {
        let outer = |run: &Arc<Run>| self.get(run.origin.as_ref()?.flow_run);
        std::iter::successors(Some(Arc::clone(run)), outer).any(|run| run.id == id)
    }

    pub(super) fn all(&self) -> Vec<Arc<Run>> {
        self.known.lock().runs.values().filter_map(Weak::upgrade).collect()
    }

    /// Guesses which task run printed a line that was captured within the last `delay` from an unknown thread: the only
    /// task that was running all that time, or else the only outermost run.
    pub(crate) fn likely_printer(&self, delay: Duration) -> Option<(Arc<Run>, TaskRunId)> {
        let runs = self.all();
        let running: Option<Vec<_>> =
            runs.iter().map(|run| run.recently_running(delay).map(|tasks| (run, tasks))).collect();
        let mut running =
            running.into_iter().flatten().flat_map(|(run, tasks)| tasks.into_iter().map(move |id| (run, id)));
        if let (Some((run, (task_run, Since::Before))), None) = (running.next(), running.next()) {
            return Some((Arc::clone(run), task_run));
        }
        let mut outermost = runs.iter().filter(|run| run.origin.is_none());
        let first = outermost.next()?;
        outermost.next().is_none().then(|| (Arc::clone(first), TaskRunId::FLOW))
    }

    /// Whether no flow run may begin any more; then the caller is refused.
    pub(crate) fn refuses_runs(&self) -> bool {
        let stopping = self.is_stopping();
        if stopping {
            self.refused.store(true, Ordering::Release);
        }
        stopping
    }

    /// Whether a flow run was refused because of the shutdown.
    pub(crate) fn has_refused_runs(&self) -> bool {
        self.refused.load(Ordering::Acquire)
    }

    /// Whether the program was asked to stop: no attempt may begin any more, and no failure is final.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// The flag behind [`is_stopping`](Self::is_stopping), for a signal handler.
    #[cfg(all(feature = "store", unix))]
    pub(crate) fn stopping(&self) -> &Arc<AtomicBool> {
        &self.stopping
    }

    /// Returns a token that is cancelled when the program is asked to stop.
    pub(crate) fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Counts async hooks, which a stopping program gives time to end, until the value is dropped.
    pub(crate) fn hooks_begin(&self) -> Arc<()> {
        Arc::clone(&self.hooks)
    }

    fn is_at_work(&self) -> bool {
        Arc::strong_count(&self.hooks) > 1 || self.all().iter().any(|run| run.is_at_work())
    }

    /// Waits until the grace period of a stopping program is over.
    pub(crate) async fn drained(&self) {
        self.drained.cancelled().await;
    }

    /// Lets nothing begin any more, gives running tasks at most `drain` to end, suspends the rest, and waits until no run
    /// is left.
    pub(crate) async fn suspend(&self, drain: Duration) {
        self.stopping.store(true, Ordering::Release);
        for run in self.all() {
            run.begin_to_stop();
        }
        self.token.cancel();
        self.drain(drain).await;
        self.known.lock().closed = true;
        self.drained.cancel();
        self.suspend_all(&self.all());
        loop {
            let mut removed = std::pin::pin!(self.removed.notified());
            removed.as_mut().enable();
            if self.known.lock().runs.is_empty() {
                return;
            }
            removed.await;
        }
    }

    /// Waits until only flows are left that wait for tasks that may not begin.
    async fn drain(&self, timeout: Duration) {
        let begun: Instant = clock::now();
        let mut interval = FIRST_CHECK;
        let mut idle_checks = 0;
        // A flow whose last task has ended may be about to end itself, so one check is not enough.
        while idle_checks < 2 && !self.all().is_empty() {
            let left = timeout.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return;
            }
            idle_checks = if self.is_at_work() { 0 } else { idle_checks + 1 };
            clock::sleep(interval.min(left)).await;
            interval = (interval * 2).min(LAST_CHECK);
        }
    }
}

/// Whether a task was running during all of a period.
#[derive(Clone, Copy)]
enum Since {
    /// It was running before.
    Before,
    /// It began or ended within the period, so another task may have printed the line.
    Within,
}

impl Run {
    /// Returns up to two tasks that were running at some time within the last `delay`; `None` if there are too many rows to
    /// search.
    fn recently_running(&self, delay: Duration) -> Option<Vec<(TaskRunId, Since)>> {
        let now = self.clock.now().since_creation();
        let is_recent = |at: Timestamp| now.saturating_sub(at.since_creation()) < delay;
        self.read(|record| {
            let mut rows = record.task_runs();
            let tasks = rows.by_ref().take(ROWS_MAX).filter(|row| row.declaration().kind == Kind::Task);
            let running = tasks.filter_map(|row| match (row.state(), row.ended_at()) {
                (State::Running, _) if row.attempt_started_at().is_some_and(is_recent) => {
                    Some((row.id(), Since::Within))
                }
                (State::Running, _) => Some((row.id(), Since::Before)),
                (_, Some(ended_at)) if is_recent(ended_at) => Some((row.id(), Since::Within)),
                _ => None,
            });
            let running = running.take(2).collect::<Vec<_>>();
            (running.len() == 2 || rows.next().is_none()).then_some(running)
        })
    }
}
