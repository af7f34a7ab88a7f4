//! Bugs that seeds have found, each retold as its own test, without a world.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use flowkit::policy::trigger::Trigger;
use flowkit::prelude::*;
use flowkit::store::{History, MemoryStore, SqliteStore, Store};
use flowkit::{FlowRun, FlowRunId, RunningFlow, Runtime, TaskError};

use crate::faults::FaultyStore;
use crate::world::Process;

const MOMENT: Duration = Duration::from_millis(100);

/// Longer than anything that ends.
const HOUR: Duration = Duration::from_secs(3600);

/// A process over what earlier ones left.
fn process(disk: &Arc<MemoryStore>) -> Runtime {
    Runtime::builder().store(FaultyStore::new(disk, &Process::default(), 0)).max_crashes(100).build()
}

/// Lets the process of a run die that can go no further.
async fn dies<T, E: TaskError>(disk: &MemoryStore, running: RunningFlow<T, E>) -> FlowRunId {
    tokio::time::sleep(MOMENT).await;
    let id = running.id().unwrap();
    disk.crash();
    drop(running);
    tokio::time::sleep(HOUR).await;
    id
}

#[tokio::test(start_paused = true)]
async fn a_cached_result_that_could_not_be_kept_leaves_the_right_to_make_it_to_others() {
    static MADE: AtomicU32 = AtomicU32::new(0);

    #[task(cache = "inputs")]
    async fn shared(n: u64) -> u64 {
        MADE.fetch_add(1, Ordering::SeqCst);
        n + 1
    }
    #[flow]
    async fn asks_twice() -> Result<()> {
        for _ in 0..2 {
            let ended = tokio::time::timeout(HOUR, shared(1).into_future()).await?;
            assert!(ended.is_err(), "it could not be kept");
        }
        Ok(())
    }

    // The beginning of the flow is persisted, and nothing after it.
    let refuses = Process { refuses_one_in: 1, refuses_after: 2, ..Process::default() };
    let store = FaultyStore::new(&Arc::default(), &refuses, 0);
    // Nor can the end of the flow be persisted.
    assert!(asks_twice().on(&Runtime::builder().store(store).build()).await.is_err());
    assert_eq!(MADE.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_run_that_has_ended_gives_its_result_as_often_as_it_is_asked() {
    #[task]
    async fn one() -> u64 {
        1
    }
    #[flow]
    async fn simple() -> Result<u64> {
        Ok(one().await?)
    }
    async fn ask(store: impl Store) {
        let runtime = Runtime::builder().store(store).build();
        let id = simple().on(&runtime).run().await.id().unwrap();
        for _ in 0..3 {
            assert_eq!(simple::resume(id).on(&runtime).await.unwrap(), 1);
        }
    }

    ask(MemoryStore::new()).await;
    let folder = tempfile::tempdir().unwrap();
    ask(SqliteStore::open(folder.path().join("runs.db")).unwrap()).await;
}

#[tokio::test(start_paused = true)]
async fn a_result_of_an_earlier_process_is_used_by_every_later_attempt_of_the_flow() {
    static MADE: AtomicU32 = AtomicU32::new(0);

    #[task]
    async fn made() -> u32 {
        MADE.fetch_add(1, Ordering::SeqCst)
    }
    #[flow(retries = 2)]
    async fn third_time_lucky() -> Result<u32> {
        let made = made().await?;
        match ctx().attempt() {
            1 => pending().await,
            2 => Err("not yet".into()),
            _ => Ok(made),
        }
    }

    let disk = Arc::default();
    let id = dies(&disk, third_time_lucky().on(&process(&disk)).start()).await;
    assert_eq!(third_time_lucky::resume(id).on(&process(&disk)).await.unwrap(), 0);
    assert_eq!(MADE.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_result_of_an_earlier_process_outlives_an_attempt_of_the_flow_that_ends_before_it_is_read() {
    static MADE: AtomicU32 = AtomicU32::new(0);

    #[task]
    async fn shaky() -> Result<u32> {
        Err("not yet".into())
    }
    #[task(at_most_once)]
    async fn paid() -> Result<u32> {
        Ok(MADE.fetch_add(1, Ordering::SeqCst))
    }
    #[flow(retries = 3)]
    async fn third_time_lucky() -> Result<u32> {
        let paid = paid().submit();
        match ctx().attempt() {
            1 => {
                paid.await?;
                pending().await
            }
            // It does not even wait for its own task.
            2 => Ok(shaky().await?),
            _ => Ok(paid.await?),
        }
    }

    let disk = Arc::default();
    let id = dies(&disk, third_time_lucky().on(&process(&disk)).start()).await;
    assert_eq!(third_time_lucky::resume(id).on(&process(&disk)).await.unwrap(), 0);
    assert_eq!(MADE.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_of_the_flow_that_crashed_twice_goes_on_with_the_same_task_runs() {
    #[task]
    async fn stuck_twice() -> u32 {
        if ctx().attempt() < 3 { pending().await } else { ctx().attempt() }
    }
    #[flow(retries = 1)]
    async fn second_time_lucky() -> Result<u32> {
        if ctx().attempt() == 1 { Err("not yet".into()) } else { Ok(stuck_twice().await?) }
    }

    let disk = Arc::default();
    let id = dies(&disk, second_time_lucky().on(&process(&disk)).start()).await;
    let (runtime, last) = (process(&disk), process(&disk));
    let again = tokio::spawn(async move { second_time_lucky::resume(id).on(&runtime).run().await });
    tokio::time::sleep(MOMENT).await;
    disk.crash();
    again.abort();
    tokio::time::sleep(HOUR).await;
    let run = tokio::time::timeout(HOUR, second_time_lucky::resume(id).on(&last).run()).await.unwrap();
    assert_eq!(run.result().as_ref().unwrap(), &3);
    assert_eq!(run.task_runs().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_finished_task_had_called_is_not_missed_when_its_flow_goes_on() {
    static IS_STUCK: AtomicBool = AtomicBool::new(true);

    #[task]
    async fn part(n: u32) -> u32 {
        n
    }
    #[task]
    async fn whole() -> Result<u32> {
        Ok(part(1).await? + part(2).await?)
    }
    #[flow]
    async fn nested() -> Result<u32> {
        let whole = whole().await?;
        if IS_STUCK.load(Ordering::SeqCst) { pending().await } else { Ok(whole + part(3).await?) }
    }

    let disk = Arc::default();
    let id = dies(&disk, nested().on(&process(&disk)).start()).await;
    IS_STUCK.store(false, Ordering::SeqCst);
    let run = nested::resume(id).on(&process(&disk)).strict().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &6);
    assert!(run.not_called_again().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_process_that_has_lost_its_run_takes_no_result_for_kept() {
    static VALUES: AtomicU32 = AtomicU32::new(0);

    #[task]
    async fn nap() {
        tokio::time::sleep(MOMENT).await;
    }
    #[flow]
    async fn two_naps() -> Result<()> {
        // They end at the same moment, so that one ends when the other has heard of it.
        for ended in settle_all([nap().submit(), nap().submit()]).await {
            VALUES.fetch_add(u32::from(ended.is_ok()), Ordering::SeqCst);
        }
        Ok(())
    }

    let disk = Arc::default();
    let running = two_naps().on(&process(&disk)).start();
    tokio::time::sleep(MOMENT / 2).await;
    disk.crash();
    assert!(running.await.result().is_err());
    assert_eq!(VALUES.load(Ordering::SeqCst), 0);
}

#[task]
async fn ends(well: bool) -> Result<(), String> {
    if well { Ok(()) } else { Err("as it was told".into()) }
}

#[task]
async fn takes(_first: (), _second: ()) {}

#[flow]
async fn rules() -> Result<()> {
    let failed = ends(false).submit();
    let never = ends(true).after(ends(true).submit()).trigger(Trigger::AllFailed).submit();
    ends(true).named("in order").after(&never).after(&failed).submit();
    takes::of(&never, &failed).named("with values").submit();
    takes::of(&failed, &never).named("no rule").trigger(Trigger::AllFailed).submit();
    Ok(())
}

#[flowkit::test]
async fn a_failed_input_counts_for_more_than_a_skipped_one_and_the_rule_for_more_than_both() {
    let run: FlowRun<_, _> = rules().run().await;
    let state = |name: &str| {
        run.task_runs().iter().find(|task_run| task_run.name.as_deref() == Some(name)).unwrap().state
    };
    assert_eq!(state("in order"), State::UpstreamFailed);
    assert_eq!(state("with values"), State::UpstreamFailed);
    assert_eq!(state("no rule"), State::Skipped);
}

#[flow]
async fn stuck() -> Result<()> {
    pending().await
}

#[tokio::test(start_paused = true)]
async fn a_run_that_nobody_waits_for_before_it_is_gone_on_with_stops_and_can_be_gone_on_with() {
    let disk = Arc::default();
    let id = dies(&disk, stuck().on(&process(&disk)).start()).await;
    let mut states = Vec::new();
    // How many turns of the scheduler it has, before it is dropped.
    for turns in 0..4 {
        let runtime = process(&disk);
        let mut resumed = Box::pin(stuck::resume(id).on(&runtime).run());
        for turn in 0..turns {
            if turn > 0 {
                tokio::task::yield_now().await;
            }
            assert!(futures::poll!(&mut resumed).is_pending());
        }
        drop(resumed);
        tokio::time::sleep(HOUR).await;
        states.push(disk.flow_run(id).unwrap().unwrap().state);
    }
    assert_eq!(states, [State::Crashed, State::Cancelled, State::Cancelled, State::Cancelled]);
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_end_could_not_be_kept_runs_again_when_its_flow_has_ended() {
    #[task]
    async fn seven() -> u32 {
        7
    }
    #[flow]
    async fn week() -> Result<u32> {
        Ok(seven().await?)
    }

    let disk = Arc::default();
    let forgetful = Process { loses_results: true, ..Process::default() };
    let runtime = Runtime::builder().store(FaultyStore::new(&disk, &forgetful, 0)).build();
    let id = week().on(&runtime).run().await.id().unwrap();
    assert_eq!(disk.flow_run(id).unwrap().unwrap().state, State::Failed);
    assert_eq!(week::resume(id).on(&process(&disk)).await.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_critical_task_whose_result_could_not_be_kept_ends_its_flow() {
    #[task(critical)]
    async fn charge() -> u32 {
        7
    }
    #[flow]
    async fn careless() -> Result<u32> {
        Ok(charge().await.unwrap_or(0))
    }

    let forgetful = Process { loses_results: true, ..Process::default() };
    let runtime = Runtime::builder().store(FaultyStore::new(&Arc::default(), &forgetful, 0)).build();
    let error = careless().on(&runtime).await.unwrap_err();
    assert!(matches!(error, flowkit::Error::CriticalFailed { .. }), "{error:?}");
}
