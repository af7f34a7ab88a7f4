//! Clocks that are set between crashes: acknowledged tasks do not run again because of that, and the newest run stays so.

use std::future::pending;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use flowkit::prelude::*;
use flowkit::store::{FlowRunFilter, History, MemoryStore, Retention};
use flowkit::testing::set_wall_clock;
use flowkit::{FlowRunId, Runtime};

use crate::faults::FaultyStore;
use crate::world::Process;

const MOMENT: Duration = Duration::from_millis(100);
const HOUR: i64 = 3600;

/// A process over what earlier ones left, whose clock shows so many seconds after noon of some day.
fn process(disk: &Arc<MemoryStore>, after_noon: i64) -> Runtime {
    let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_770_033_600);
    let distance = Duration::from_secs(after_noon.unsigned_abs());
    set_wall_clock(if after_noon < 0 { noon - distance } else { noon + distance });
    Runtime::builder().store(FaultyStore::new(disk, &Process::default(), 0)).max_crashes(100).build()
}

/// Resumes a run until its body hangs, and lets the process die.
async fn dies(disk: &MemoryStore, goes_on: impl Future<Output: Send> + Send + 'static) {
    let running = tokio::spawn(goes_on);
    tokio::time::sleep(MOMENT).await;
    disk.crash();
    running.abort();
    tokio::time::sleep(MOMENT).await;
}

static RAN: Mutex<Vec<&str>> = Mutex::new(Vec::new());
static FIRST_HANGS: AtomicBool = AtomicBool::new(false);
static LAST_HANGS: AtomicBool = AtomicBool::new(false);

fn ran() -> Vec<&'static str> {
    std::mem::take(&mut *RAN.lock().unwrap())
}

async fn hangs(switch: &AtomicBool) {
    if switch.load(Ordering::SeqCst) {
        pending::<()>().await;
    }
}

#[task]
async fn first() -> u32 {
    hangs(&FIRST_HANGS).await;
    RAN.lock().unwrap().push("first");
    1
}

#[task]
async fn inside(n: u32) -> u32 {
    RAN.lock().unwrap().push("inside");
    n + 1
}

#[task]
async fn last(n: u32) -> u32 {
    hangs(&LAST_HANGS).await;
    RAN.lock().unwrap().push("last");
    n + 1
}

#[flow]
async fn part(n: u32) -> Result<u32> {
    let inside = inside(n).await?;
    Ok(last(inside).await?)
}

#[flow]
async fn chain() -> Result<u32> {
    let one = first().submit();
    let part = part::of(&one).submit();
    Ok(last::of(&part).await?)
}

#[flow]
async fn nothing() -> Result<()> {
    Ok(())
}

async fn is_done_again_once(set: i64) {
    let disk = Arc::default();
    let id = chain().on(&process(&disk, 0)).run().await.id().unwrap();
    assert_eq!(ran(), ["first", "inside", "last", "last"]);

    // An hour later a rerun is asked for, and the process dies before any task has run.
    FIRST_HANGS.store(true, Ordering::SeqCst);
    let runtime = process(&disk, HOUR);
    dies(&disk, async move { chain::resume(id).on(&runtime).rerun_from("first").run().await }).await;
    FIRST_HANGS.store(false, Ordering::SeqCst);
    assert_eq!(ran(), [""; 0]);

    // The clock is set. Some tasks run again, and the process dies.
    LAST_HANGS.store(true, Ordering::SeqCst);
    let runtime = process(&disk, HOUR + set);
    dies(&disk, async move { chain::resume(id).on(&runtime).run().await }).await;
    assert_eq!(ran(), ["first", "inside"], "clock set by {set} s");

    // And once more, before any further task has run.
    let runtime = process(&disk, HOUR + set);
    dies(&disk, async move { chain::resume(id).on(&runtime).run().await }).await;
    LAST_HANGS.store(false, Ordering::SeqCst);
    assert_eq!(ran(), [""; 0], "clock set by {set} s: it had been acknowledged");

    assert_eq!(chain::resume(id).on(&process(&disk, HOUR + set)).await.unwrap(), 4);
    assert_eq!(ran(), ["last", "last"], "clock set by {set} s");
}

#[tokio::test(start_paused = true)]
async fn what_was_done_again_and_acknowledged_is_not_done_once_more_however_the_clock_is_set() {
    for set in [0, -HOUR / 2, HOUR, -10 * HOUR, 10 * HOUR] {
        is_done_again_once(set).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_clock_was_ahead_is_neither_the_newest_nor_kept_for_the_newest() {
    let disk = Arc::default();
    let run = async |after_noon| nothing().on(&process(&disk, after_noon)).run().await.id().unwrap();
    let ahead = run(1000 * HOUR).await;
    let real: [FlowRunId; 3] = [run(0).await, run(-HOUR).await, run(1).await];
    let listed = || -> Vec<FlowRunId> {
        let runs = disk.flow_runs(&FlowRunFilter::default(), None, 9).unwrap().runs;
        runs.into_iter().map(|run| run.id).collect()
    };
    assert_eq!(listed(), [real[2], real[1], real[0], ahead]);
    let mut keep = Retention::default();
    keep.newest = Some(3);
    disk.prune(keep).unwrap();
    assert_eq!(listed(), [real[2], real[1], real[0]]);
}
