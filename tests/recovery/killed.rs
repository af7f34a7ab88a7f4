//! R01, R06, R12, R13: a flow whose process is killed at any moment loses nothing that was relied on, and ends as if
//! it had not been killed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use flowkit::model::{State, TaskRunId};
use flowkit::policy::resume::MAX_CRASHES;
use flowkit::store::{FlowRunFilter, History, SqliteStore, TaskRunFilter};

use crate::kit::{Folder, SLOTS, each, kill, seed, succeeds, times, watch};

const PAIRS: u64 = 250;

/// What came of all trials.
#[derive(Default)]
struct Headline {
    kills: AtomicU64,
    trials: AtomicU64,
    relied: AtomicU64,
    again: AtomicU64,
}

/// Kills the program up to three times at moments that `random` chooses, and lets it end.
fn trial(random: &mut fastrand::Rng, headline: &Headline) {
    let folder = Folder::new();
    let mut kills = 0;
    for _ in 0..random.u32(1..=3) {
        let mut child = folder.squares(PAIRS, 0).spawn().unwrap();
        let alive = watch(&mut child, &folder, random.u64(0..PAIRS));
        std::thread::sleep(Duration::from_micros(random.u64(0..3000)));
        kill(child);
        kills += u64::from(alive);
    }
    succeeds(&mut folder.squares(PAIRS, 0));
    let found = folder.judge(PAIRS, kills);
    headline.kills.fetch_add(kills, Ordering::Relaxed);
    headline.trials.fetch_add(1, Ordering::Relaxed);
    headline.relied.fetch_add(found.relied.len() as u64, Ordering::Relaxed);
    headline.again.fetch_add(found.again(), Ordering::Relaxed);
}

/// `FLOWKIT_KILLS=1000` makes it longer. With `--nocapture` it prints the headline.
///
/// The flow of 500 tasks pays for each of them at a receiver that knows the idempotency key, and has 50 more tasks that
/// run at most once: the test checks those too.
#[test]
fn r01_r12_nothing_that_was_relied_on_is_lost_or_done_again_or_paid_twice_over_two_hundred_kills() {
    let wanted = times("FLOWKIT_KILLS", 200);
    let seed = seed();
    let headline = Headline::default();
    each(wanted, |number| {
        if headline.kills.load(Ordering::Relaxed) < wanted {
            trial(&mut fastrand::Rng::with_seed(seed ^ number), &headline);
        }
    });
    let [kills, trials, relied, again] =
        [&headline.kills, &headline.trials, &headline.relied, &headline.again]
            .map(|it| it.load(Ordering::Relaxed));
    assert!(kills >= wanted);
    println!("{kills} SIGKILLs survived in {trials} runs of 500 tasks");
    println!("0 acknowledged results lost of {relied} that were relied on");
    println!(
        "0 finished tasks done again, 0 payments made twice, 0 tasks begun twice that may run at most once"
    );
    println!("{again} tasks in flight done again; the bound, {SLOTS} for each kill, is {}", SLOTS * kills);
}

/// Whether no task is left that was running in two deaths: after a third, flowkit rightly refuses it as a poison pill.
fn nobody_is_in_danger(store: &SqliteStore) -> bool {
    let mut parts = FlowRunFilter::default();
    parts.sub_flows = true;
    parts.flows = vec!["part".to_owned()];
    store.flow_runs(&parts, None, 9).unwrap().runs.iter().all(|part| {
        let rows = store.task_runs(part.id, &TaskRunFilter::default(), TaskRunId::FLOW, usize::MAX).unwrap();
        rows.iter().all(|row| row.crashes < 2 || row.state.is_success())
    })
}

#[test]
fn r06_a_run_that_is_killed_twenty_times_in_a_row_ends_well_where_no_task_was_under_way_in_three_deaths() {
    // Enough for all twenty, also where it is looked at slowly.
    const MANY_PAIRS: u64 = 4 * PAIRS;
    const PACE: u64 = 10;
    let folder = Folder::new();
    let numbers = [MANY_PAIRS, SLOTS, 0, u64::from(MAX_CRASHES), PACE];
    let store = folder.open();
    for _ in 0..20 {
        let mut child = folder.kit("squares", &numbers).spawn().unwrap();
        if !watch(&mut child, &folder, 3 * SLOTS) {
            panic!("it ended too early: {:?}", child.wait_with_output().unwrap());
        }
        while !nobody_is_in_danger(&store) {
            std::thread::sleep(Duration::from_millis(1));
        }
        kill(child);
    }
    succeeds(&mut folder.kit("squares", &numbers));
    folder.judge(MANY_PAIRS, 20);
    let runs = store.flow_runs(&FlowRunFilter::default(), None, 2).unwrap().runs;
    assert_eq!(runs.len(), 1, "it was one run all the time");
    assert_eq!((runs[0].state, runs[0].crashes), (State::Completed, 20));
}

#[test]
fn r13_the_first_look_after_a_kill_shows_the_run_as_crashed() {
    for _ in 0..10 {
        let folder = Folder::new();
        let mut child = folder.squares(PAIRS, 0).spawn().unwrap();
        assert!(watch(&mut child, &folder, 20));
        kill(child);
        let store = folder.open();
        let mut all = FlowRunFilter::default();
        all.sub_flows = true;
        let runs = store.flow_runs(&all, None, 9).unwrap().runs;
        assert_eq!(runs.len(), 3);
        assert!(runs.iter().all(|run| run.state == State::Crashed), "{runs:?}");
    }
}
