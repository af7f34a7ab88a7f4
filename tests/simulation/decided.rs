//! The order of ends, under stores that answer late and processes that die: decided by number, and replayed.

use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flowkit::model::TaskRunId;
use flowkit::prelude::*;
use flowkit::store::{History, MemoryStore, TaskRunFilter};
use flowkit::{FlowRunId, Runtime};

use crate::faults::FaultyStore;
use crate::world::Process;

const MOMENT: Duration = Duration::from_millis(500);

/// A process whose store answers most entries late, in an order that the seed decides.
fn process(disk: &Arc<MemoryStore>, seed: u64) -> Runtime {
    let late = Process { slow_one_in: 2, ..Process::default() };
    Runtime::builder().store(FaultyStore::new(disk, &late, seed)).max_crashes(100).build()
}

/// The orders that bodies were given, by the seed of their run.
static GIVEN: Mutex<Vec<(u64, Vec<usize>)>> = Mutex::new(Vec::new());
/// The seeds whose process has died: their runs come to an end.
static RESUMED: Mutex<Vec<u64>> = Mutex::new(Vec::new());

async fn hangs_unless_resumed(seed: u64) {
    if !RESUMED.lock().unwrap().contains(&seed) {
        pending::<()>().await;
    }
}

fn given(seed: u64) -> Vec<Vec<usize>> {
    let given = GIVEN.lock().unwrap();
    given.iter().filter(|(of, _)| *of == seed).map(|(_, order)| order.clone()).collect()
}

#[task]
async fn nap(millis: u64, place: usize) -> Result<usize, String> {
    tokio::time::sleep(Duration::from_millis(millis)).await;
    if millis % 5 == 4 { Err(format!("{place} had a bad dream")) } else { Ok(place) }
}

/// Naps of a few milliseconds, so that several end in the same one, fewer than a late answer takes.
fn naps(seed: u64, odd: bool) -> Vec<Handle<usize, String>> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let count = rng.usize(2..9);
    (0..count)
        .map(|place| nap(if odd { rng.u64(1..10) } else { 5 * rng.u64(0..3) }, place).submit())
        .collect()
}

async fn in_order(seed: u64, naps: Vec<Handle<usize, String>>) {
    let mut ended = as_completed(naps);
    let mut order = Vec::new();
    while let Some((place, _)) = ended.next().await {
        order.push(place);
    }
    GIVEN.lock().unwrap().push((seed, order));
}

#[flow(retries = 1)]
async fn sleeps_well(seed: u64) -> Result<()> {
    in_order(seed, naps(seed, false)).await;
    if ctx().attempt() == 1 { Err("once more".into()) } else { Ok(()) }
}

#[flow]
async fn sleeps_badly(seed: u64) -> Result<()> {
    in_order(seed, naps(seed, true)).await;
    hangs_unless_resumed(seed).await;
    Ok(())
}

#[flow(retries = 1)]
async fn sleeps_through_all(seed: u64) -> Result<()> {
    in_order(seed, naps(seed, false)).await;
    if ctx().attempt() == 1 {
        return Err("once more".into());
    }
    hangs_unless_resumed(seed).await;
    Ok(())
}

/// The positions of the first naps of a run, by the numbers of their ends.
fn by_number(disk: &MemoryStore, run: FlowRunId, count: usize) -> Vec<usize> {
    let mut rows = disk.task_runs(run, &TaskRunFilter::default(), TaskRunId::FLOW, count).unwrap();
    rows.sort_by_key(|row| row.ended_no);
    let first = rows.iter().map(|row| row.id.get()).min().unwrap_or(0);
    rows.iter().map(|row| usize::try_from(row.id.get() - first).unwrap()).collect()
}

const SEEDS: std::ops::Range<u64> = 0..200;

#[tokio::test(start_paused = true)]
async fn results_come_by_the_numbers_of_their_ends_however_late_a_store_answers_and_so_again() {
    for seed in SEEDS {
        let disk = Arc::default();
        let run = sleeps_well(seed).on(&process(&disk, seed)).run().await;
        assert!(run.result().is_ok());
        let given = given(seed);
        assert_eq!(given[0], by_number(&disk, run.id().unwrap(), given[0].len()), "seed {seed}");
        assert_eq!(given[1], given[0], "seed {seed}: the second attempt of the flow");
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_goes_on_is_given_the_ends_in_the_order_in_which_they_were_given() {
    for seed in SEEDS {
        let (seed, disk) = (1000 + seed, Arc::default());
        let running = sleeps_badly(seed).on(&process(&disk, seed)).start();
        tokio::time::sleep(MOMENT).await;
        let id = running.id().unwrap();
        disk.crash();
        drop(running);
        tokio::time::sleep(MOMENT).await;
        RESUMED.lock().unwrap().push(seed);
        sleeps_badly::resume(id).on(&process(&disk, seed + 1)).await.unwrap();
        let given = given(seed);
        assert_eq!(given.len(), 2);
        assert_eq!(given[1], given[0], "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_resumes_a_retried_flow_is_given_the_order_of_its_first_attempt() {
    for seed in SEEDS {
        let (seed, disk) = (2000 + seed, Arc::default());
        let running = sleeps_through_all(seed).on(&process(&disk, seed)).start();
        tokio::time::sleep(MOMENT).await;
        let id = running.id().unwrap();
        disk.crash();
        drop(running);
        tokio::time::sleep(MOMENT).await;
        RESUMED.lock().unwrap().push(seed);
        sleeps_through_all::resume(id).on(&process(&disk, seed + 1)).await.unwrap();
        let given = given(seed);
        assert_eq!(given.len(), 3);
        assert!(given.iter().all(|order| *order == given[0]), "seed {seed}: {given:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_lost_a_race_has_lost_it_for_the_process_that_goes_on() {
    static BEGUN: AtomicU32 = AtomicU32::new(0);
    static HANGS: AtomicBool = AtomicBool::new(true);
    static RESULTS: Mutex<Vec<(u64, Vec<bool>)>> = Mutex::new(Vec::new());

    #[task(at_most_once)]
    async fn runner(millis: u64) -> u64 {
        BEGUN.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(millis)).await;
        millis
    }
    #[flow]
    async fn race() -> Result<()> {
        let runners = [30, 10, 20].map(|millis| runner(millis).submit());
        let winner = first_success(runners.clone()).await.map_err(|_| "nobody came in")?;
        let ended = settle_all(runners).await;
        let lost = ended.iter().map(|ended| matches!(ended, Err(Error::Cancelled { .. }))).collect();
        RESULTS.lock().unwrap().push((winner, lost));
        if HANGS.load(Ordering::SeqCst) {
            pending::<()>().await;
        }
        Ok(())
    }

    // A late answer holds up the beginning of a runner, so any of them may win.
    for seed in 0..50 {
        let disk: Arc<MemoryStore> = Arc::default();
        HANGS.store(true, Ordering::SeqCst);
        let running = race().on(&process(&disk, seed)).start();
        tokio::time::sleep(MOMENT).await;
        let id = running.id().unwrap();
        disk.crash();
        drop(running);
        tokio::time::sleep(MOMENT).await;
        HANGS.store(false, Ordering::SeqCst);
        let begun = BEGUN.load(Ordering::SeqCst);
        race::resume(id).on(&process(&disk, seed + 1)).await.unwrap();
        assert_eq!(BEGUN.load(Ordering::SeqCst), begun, "seed {seed}: a loser ran again");
        let results = std::mem::take(&mut *RESULTS.lock().unwrap());
        assert_eq!(results[1], results[0], "seed {seed}");
    }
}
