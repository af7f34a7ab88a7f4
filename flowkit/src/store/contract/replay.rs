//! Any legal history, several runs at once: the store reads as a model says that is too simple to be wrong.
//!
//! The model is the engine's own record of each run; what a death does to it is told once more, in few words.

use std::time::Duration;

use super::StorePlace;
use super::script::*;
use crate::model::{EventKind, State, StoredEvent, TaskRunId};
use crate::store::{Entry, Store};

const RUNS: usize = 3;

/// Small numbers from which a move is made. A source of chance draws them; smaller ones make a simpler move.
type Choices = [u8; 5];

/// The most moves of a history.
const MOVES_MAX: usize = 60;

#[derive(Clone, Debug)]
enum Move {
    Create {
        run: usize,
    },
    /// Lets the `event`th thing happen to the `task_run`th task run, if it can; 0 is the flow itself.
    Happen {
        run: usize,
        task_run: usize,
        event: usize,
        is_awaited: bool,
    },
    Crash,
    TakeOver {
        run: usize,
    },
    Suspend {
        run: usize,
    },
}

impl Move {
    fn of([which, run, task_run, event, is_awaited]: Choices) -> Self {
        let run = usize::from(run) % RUNS;
        match which % 33 {
            0..4 => Self::Create { run },
            4..28 => Self::Happen {
                run,
                task_run: usize::from(task_run % 5),
                event: usize::from(event % 14),
                is_awaited: is_awaited % 2 == 0,
            },
            28..31 => Self::TakeOver { run },
            31 => Self::Suspend { run },
            _ => Self::Crash,
        }
    }
}

/// The `event`th of all the things that may happen.
fn kind(event: usize, attempts: u32) -> EventKind {
    let error = report("lost");
    match event {
        0 => EventKind::Queued,
        1 | 2 => started(attempts + 1),
        3 => retried(attempts, Duration::ZERO),
        4 => retried(attempts, Duration::from_secs(1)),
        5 => EventKind::Completed,
        6 => EventKind::Cached,
        7 => EventKind::Failed { error },
        8 => EventKind::TimedOut { error, orphaned: true },
        9 => EventKind::Cancelling,
        10 => EventKind::Skipped { reason: std::sync::Arc::new("no need".into()) },
        11 => EventKind::Stopping,
        12 => EventKind::Interrupted { attempt: attempts, error },
        _ => EventKind::Reopened,
    }
}

/// A run as it should stand.
struct Expected {
    script: Script,
    is_owned: bool,
    crashes: Vec<u32>,
    /// How many more attempts read as crashed than crashes are counted: those that were under way when their run was suspended
    /// or stopped, of which nobody saw the end, but for crashes between two attempts.
    left: Vec<i64>,
    /// Its process was told to stop: what dies with it is not counted as what brought it down.
    is_stopping: bool,
    results: Vec<Option<Vec<u8>>>,
}

impl Expected {
    fn begin(store: &dyn Store) -> Self {
        Self {
            script: Script::begin(store),
            is_owned: true,
            crashes: vec![0],
            left: vec![0],
            is_stopping: false,
            results: vec![None],
        }
    }

    fn state(&self, id: TaskRunId) -> State {
        self.script.record.task_run(id).unwrap().state()
    }

    /// Whether the attempt that is the last has failed, and no other one has begun.
    fn has_failed_attempt(&self, id: TaskRunId) -> bool {
        let task_run = self.script.record.task_run(id).unwrap();
        task_run.extras().earlier_attempts.last().is_some_and(|last| last.number == task_run.attempt_count())
    }

    fn create(&mut self, store: &dyn Store) {
        self.script.create(store, &FETCH);
        self.crashes.push(0);
        self.left.push(0);
        self.results.push(None);
    }

    fn happen(&mut self, store: &dyn Store, task_run: usize, event: usize, is_awaited: bool) {
        let id = TaskRunId::new((task_run % self.crashes.len()) as u64);
        let attempts = self.script.record.task_run(id).unwrap().attempt_count();
        let kind = kind(event, attempts);
        // An attempt that is under way is left only where its end was lost, and here nothing is lost.
        let begun =
            attempts as usize > self.script.record.task_run(id).unwrap().extras().earlier_attempts.len();
        let is_under_way = matches!(self.state(id), State::Running | State::Waiting | State::Cancelling);
        let is_lost =
            begun && is_under_way && matches!(kind, EventKind::Reopened | EventKind::Started { .. });
        // Nor does an attempt fail twice.
        let has_failed = !begun && matches!(kind, EventKind::AttemptFailed { .. });
        if is_lost || has_failed || self.state(id).after(&kind).is_err() {
            return;
        }
        let is_left = begun && self.state(id) == State::Suspended && matches!(kind, EventKind::Reopened);
        self.left[id.get() as usize] += i64::from(is_left);
        let is_result = matches!(kind, EventKind::Completed);
        if kind.leads_on() {
            // What it gave before is not what it gives now.
            self.results[id.get() as usize] = None;
        }
        self.is_stopping |= id == TaskRunId::FLOW && matches!(kind, EventKind::Stopping);
        self.script.apply(id, kind);
        let mut entry = self.script.last_entry();
        if is_result {
            let result = Some(sealed(format!("{id} {attempts}").as_bytes()));
            self.results[id.get() as usize].clone_from(&result);
            entry = Entry { result, ..entry };
        }
        if is_awaited {
            write(store, entry).unwrap();
        } else {
            store.record(entry, None);
        }
        self.is_owned = !self.state(TaskRunId::FLOW).is_terminal();
    }

    fn die(&mut self) {
        if std::mem::take(&mut self.is_owned) {
            self.leave(EventKind::Crashed);
        }
    }

    /// What is under way meets `fate`, what was told to stop has stopped, and what waits goes on waiting, but for the flow.
    fn leave(&mut self, fate: EventKind) {
        for index in (1..self.crashes.len()).chain([0]) {
            let id = TaskRunId::new(index as u64);
            let kind = match self.state(id) {
                State::Running => fate.clone(),
                State::Pending | State::Waiting | State::AwaitingRetry if index == 0 => fate.clone(),
                State::Cancelling => EventKind::Cancelled { orphaned: false },
                _ => continue,
            };
            if matches!(kind, EventKind::Crashed) {
                let counts = index == 0 || !self.is_stopping;
                self.crashes[index] += u32::from(counts);
                // One that had failed, and was to be followed at once, reads as it was.
                let reads_as_crashed = !self.has_failed_attempt(id);
                self.left[index] += i64::from(reads_as_crashed) - i64::from(counts);
            }
            self.script.apply(id, kind);
        }
    }

    fn take_over(&mut self, store: &dyn Store) {
        let taken = store.take_over(self.script.id());
        assert_eq!(taken.is_ok(), !self.is_owned, "{taken:?}");
        let Ok(recovered) = taken else { return };
        assert!(recovered.owned.epoch > self.script.owned.epoch);
        self.script.goes_on(&recovered);
        (self.is_owned, self.is_stopping) = (true, false);
        self.script.try_happen(store, TaskRunId::FLOW, EventKind::Reopened).unwrap();
    }

    fn suspend(&mut self, store: &dyn Store) {
        if std::mem::take(&mut self.is_owned) {
            acknowledged(|ack| store.suspend(self.script.owned, Some(ack))).unwrap();
            self.leave(EventKind::Suspended);
        }
    }

    /// Compares everything but the moments that the store itself read from the clock.
    fn check(&self, store: &dyn Store) {
        let (id, created_at) = (self.script.id(), self.script.owned.created_at);
        let live: Vec<_> = self.script.record.task_runs().collect();
        let row = flow_row(store, id);
        let flow = live[0];
        assert_eq!(
            (row.state, row.attempt, row.error.as_ref(), row.crashes),
            (flow.state(), flow.attempt_count(), flow.extras().error.as_ref(), self.crashes[0])
        );
        let kept = all_task_runs(store, id);
        assert_eq!(kept.len(), live.len() - 1);
        for (mut kept, live) in kept.into_iter().zip(live[1..].iter().copied()) {
            let index = live.id().get() as usize;
            let mut expected = live.row(created_at);
            expected.has_result = self.results[index].is_some();
            expected.crashes = self.crashes[index];
            expected.earlier_attempts.retain(|attempt| attempt.state != State::Crashed);
            let crashed = kept.earlier_attempts.iter().filter(|attempt| attempt.state == State::Crashed);
            assert_eq!(crashed.count() as i64, i64::from(expected.crashes) + self.left[index]);
            kept.earlier_attempts.retain(|attempt| attempt.state != State::Crashed);
            if kept.state == State::Cancelled {
                kept.ended_at = expected.ended_at;
                kept.ended_no = expected.ended_no;
            }
            assert_eq!(kept, expected);
            assert_eq!(store.result(id, live.id()).unwrap(), self.results[index]);
        }
        let events: Vec<_> =
            self.script.record.events().iter().map(|event| (event.task_run, event.kind.name())).collect();
        let kept: Vec<StoredEvent> = store.events(id, 0, usize::MAX).unwrap();
        assert!(kept.iter().zip(1..).all(|(event, sequence)| event.sequence == sequence));
        assert_eq!(kept.iter().map(|event| (event.task_run, event.kind.name())).collect::<Vec<_>>(), events);
    }
}

/// Each pair of a state and an event is met many times, three that must follow each other only in thousands of histories.
pub fn any_history_reads_as_the_model_says<P: StorePlace>() {
    each_history(P::HISTORIES, |choices| play::<P>(&choices.into_iter().map(Move::of).collect::<Vec<_>>()));
}

/// Our own tests shrink a history that fails.
#[cfg(test)]
fn each_history(histories: u32, play: impl Fn(Vec<Choices>)) {
    use proptest::prelude::*;

    let cases = ProptestConfig { cases: histories, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(cases, |(choices in prop::collection::vec(any::<Choices>(), 1..MOVES_MAX))| play(choices));
}

/// Other crates do without proptest, which would be a dependency of theirs. `FLOWKIT_SEED` plays one history again.
#[cfg(not(test))]
fn each_history(histories: u32, play: impl Fn(Vec<Choices>)) {
    let chosen =
        std::env::var("FLOWKIT_SEED").ok().map(|seed| seed.parse().expect("FLOWKIT_SEED is a number"));
    let seeds: Vec<u64> = match chosen {
        Some(seed) => vec![seed],
        None => std::iter::repeat_with(|| fastrand::u64(..)).take(histories as usize).collect(),
    };
    for seed in seeds {
        let mut random = fastrand::Rng::with_seed(seed);
        let moves = random.usize(1..MOVES_MAX);
        let history = (0..moves).map(|_| std::array::from_fn(|_| random.u8(..))).collect();
        let _seed = PrintedOnPanic(seed);
        play(history);
    }
}

/// The seed of a history that may fail.
#[cfg(not(test))]
struct PrintedOnPanic(u64);

#[cfg(not(test))]
impl Drop for PrintedOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("FLOWKIT_SEED={}", self.0);
        }
    }
}

fn play<P: StorePlace>(moves: &[Move]) {
    let mut place = P::new();
    let mut runs: Vec<Expected> = (0..RUNS).map(|_| Expected::begin(place.store())).collect();
    for one in moves {
        let touched = match one {
            Move::Create { run } => Some(*run).filter(|run| runs[*run].is_owned),
            Move::Happen { run, .. } => Some(*run).filter(|run| runs[*run].is_owned),
            Move::TakeOver { run } | Move::Suspend { run } => Some(*run),
            Move::Crash => None,
        };
        let store = place.store();
        match (one, touched) {
            (Move::Create { run }, Some(_)) => runs[*run].create(store),
            (Move::Happen { run, task_run, event, is_awaited }, Some(_)) => {
                runs[*run].happen(store, *task_run, *event, *is_awaited);
            }
            (Move::TakeOver { run }, _) => {
                store.flush().unwrap();
                runs[*run].take_over(store);
            }
            (Move::Suspend { run }, _) => runs[*run].suspend(store),
            (Move::Crash, _) => {
                // What was not acknowledged may be lost; this is about what is not.
                store.flush().unwrap();
                place.crash();
                runs.iter_mut().for_each(Expected::die);
            }
            _ => {}
        }
        if let Some(run) = touched {
            place.store().flush().unwrap();
            runs[run].check(place.store());
        }
    }
    runs.iter().for_each(|run| run.check(place.store()));
}
