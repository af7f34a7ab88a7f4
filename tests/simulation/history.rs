//! Carries one seed through all of its processes, and returns the trace.
//!
//! A process is a tokio runtime of one thread with a paused clock, and a flowkit runtime in it; when it dies, everything
//! in it is dropped. The disk stays, and the wall clock continues, or was set back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use flowkit::model::{StoredEvent, TaskRunId};
use flowkit::store::{FlowRunFilter, History, MemoryStore, Ownership, TaskRunFilter};
use flowkit::{Durability, FlowRun, FlowRunId, Runtime, State};
use tokio::time::Instant;

use crate::faults::FaultyStore;
use crate::flows::{Trouble, simulated};
use crate::trace::{self, Line, Who};
use crate::world::{End, LIMITS, Process, World, millis};

/// 2026-01-01, for no reason but that it is always the same.
pub(crate) const FIRST_WALL_US: i64 = 1_767_225_600_000_000;

/// Longer than any flow of any world, with all of its retries.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Nothing of a test counts as poison: here every crash has another reason.
const MAX_CRASHES: u32 = 1000;

/// What all processes of one simulation have in common.
pub(crate) struct Lives {
    pub(crate) disk: Arc<MemoryStore>,
    pub(crate) seed: u64,
    pub(crate) slots: [u32; 2],
    /// Whether waiters for a result are woken only when it is persisted.
    pub(crate) full: bool,
}

/// How a process ended.
pub(crate) enum Ended {
    /// It has nothing left to do, and its flow came to this.
    Over(FlowRun<u64, Trouble>),
    /// It has nothing left to do, and its flow was not awaited.
    Left,
    /// Nothing happens any more, although the flow has not ended.
    Hangs,
    Died,
}

/// Returns what happens in the world of a seed.
pub(crate) fn simulate(world: &World) -> Vec<Line> {
    let &World { seed, slots, full, .. } = world;
    let lives = Lives { disk: Arc::default(), seed, slots, full };
    let mut wall_us = FIRST_WALL_US;
    for (number, process) in (0..).zip(&world.processes) {
        let root = lives.root();
        let (lived, ended) = lives.live(number, process, wall_us, |runtime| {
            let runtime = runtime.clone();
            async move {
                match root {
                    None => simulated(seed).on(&runtime).run().await,
                    // The flow makes the same calls each time, so nothing is refused for having changed.
                    Some((id, _)) => simulated::resume(id).on(&runtime).strict().run().await,
                }
            }
        });
        match ended {
            Ended::Over(run) => {
                let (state, value) = (Some(run.state()), run.result().as_ref().ok().copied());
                trace::write(Line::Over { state, value, missing: run.not_called_again() });
            }
            Ended::Left => trace::write(Line::Over { state: None, value: None, missing: Vec::new() }),
            Ended::Hangs => trace::write(Line::Hangs),
            Ended::Died => {}
        }
        wall_us += lived;
        // A process that is over has let go of its runs, whether it could say so or not.
        lives.disk.crash();
        trace::look_back();
        lives.take_stock();
        if lives.root().is_some_and(|(_, state)| state.is_terminal()) {
            break;
        }
        wall_us += 1000 * process.then;
    }
    trace::take()
}

impl Lives {
    /// The run of the flow itself, if the disk has it, and its state.
    fn root(&self) -> Option<(FlowRunId, State)> {
        let page = self.disk.flow_runs(&FlowRunFilter::default(), None, 1).unwrap();
        page.runs.first().map(|run| (run.id, run.state))
    }

    /// Carries a process to its end, from the run that `begin` returns. Returns how long it lived, in microseconds.
    pub(crate) fn live<F>(
        &self,
        number: u64,
        process: &Process,
        wall_us: i64,
        begin: impl FnOnce(&Runtime) -> F,
    ) -> (i64, Ended)
    where
        F: Future<Output = FlowRun<u64, Trouble>>,
    {
        let tokio =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (lived, ended) = tokio.block_on(async {
            let begun = Instant::now();
            let wall = Duration::from_micros(wall_us.try_into().unwrap());
            flowkit::testing::set_wall_clock(SystemTime::UNIX_EPOCH + wall);
            trace::begin(wall_us);
            let store = FaultyStore::new(&self.disk, process, self.seed ^ number);
            let death = store.death();
            let runtime = self.runtime(store, number);
            let ended = tokio::select! {
                biased;
                () = death.notified() => Ended::Died,
                ended = self.run(&runtime, process.end, begin(&runtime)) => ended,
            };
            (begun.elapsed(), ended)
        });
        // All that is left of the process goes here.
        drop(tokio);
        (lived.as_micros().try_into().unwrap(), ended)
    }

    fn runtime(&self, store: FaultyStore, number: u64) -> Runtime {
        let &Self { seed, slots, full, .. } = self;
        let mut builder = Runtime::builder()
            .store(store)
            .seed(seed.wrapping_add(number))
            .max_crashes(MAX_CRASHES)
            .durability(if full { Durability::Full } else { Durability::Relaxed })
            .observe(|notice| {
                if !trace::is_dead() {
                    let node = notice.origin.map(|origin| trace::who(origin.flow_run, origin.task_run));
                    let seen = trace::happened(notice.flow_run, notice.event, notice.task_run, node);
                    trace::write(Line::Live(seen));
                }
            });
        for (name, slots) in LIMITS.iter().zip(slots) {
            builder = builder.limit(name, slots);
        }
        builder.build()
    }

    /// Waits for the flow until it ends or is stopped.
    async fn run(
        &self,
        runtime: &Runtime,
        end: Option<End>,
        run: impl Future<Output = FlowRun<u64, Trouble>>,
    ) -> Ended {
        let stop = async {
            match end {
                Some(End::Stops { after }) => {
                    tokio::time::sleep(millis(after)).await;
                    let root = self.root().map(|(id, _)| id);
                    root.into_iter().for_each(|id| drop(self.disk.request_cancel(id)));
                }
                Some(End::ShutsDown { after, drain }) => {
                    tokio::time::sleep(millis(after)).await;
                    runtime.suspend(millis(drain)).await.unwrap();
                }
                _ => {}
            }
        };
        let patience = match end {
            Some(End::Drops { after }) => millis(after),
            _ => DAY,
        };
        let both = async { futures::join!(run, stop).0 };
        match tokio::time::timeout(patience, both).await {
            Ok(run) => Ended::Over(run),
            Err(_) if patience == DAY => Ended::Hangs,
            Err(_) => {
                // The run is no longer awaited, which stops it; tasks that listen for that have their grace period.
                tokio::time::sleep(DAY).await;
                Ended::Left
            }
        }
    }

    /// Records the state of every run.
    fn take_stock(&self) {
        for id in trace::runs() {
            let Some(flow) = self.disk.flow_run(id).unwrap() else { continue };
            let events = self.disk.events(id, 0, usize::MAX).unwrap();
            let replayed = replay(&events);
            let tasks =
                self.disk.task_runs(id, &TaskRunFilter::default(), TaskRunId::FLOW, usize::MAX).unwrap();
            let rows = tasks.iter().map(|row| (row.id, row.state));
            for (task_run, row) in [(TaskRunId::FLOW, flow.state)].into_iter().chain(rows) {
                let who: Who = trace::who(id, task_run);
                trace::write(Line::Stands { who, row, replayed: replayed.get(&task_run).copied() });
            }
        }
    }
}

/// The states of the runs after these events; an impossible event ends the replay of its run.
fn replay(events: &[StoredEvent]) -> BTreeMap<TaskRunId, State> {
    let mut states = BTreeMap::new();
    for event in events {
        let before = states.get(&event.task_run).copied().unwrap_or(State::Scheduled);
        match before.after(&event.kind).ok() {
            Some(after) => states.insert(event.task_run, after),
            None => states.insert(event.task_run, State::Scheduled),
        };
    }
    states
}
