//! Resuming a run inside one process: one that failed, one that has ended, one of other code.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use flowkit::prelude::*;
use flowkit::store::{History, SqliteStore};
use flowkit::{BoxError, FlowRun, FlowRunId, Refusal, Runtime};

use crate::kit::Folder;

fn kept_in(folder: &tempfile::TempDir) -> Runtime {
    Runtime::builder().store(SqliteStore::open(folder.path().join("runs.db")).unwrap()).build()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_goes_on_where_it_failed_and_does_nothing_else_again() {
    static EXTRACTED: AtomicU32 = AtomicU32::new(0);
    static LOADED: AtomicU32 = AtomicU32::new(0);
    static BROKEN: AtomicBool = AtomicBool::new(true);

    #[task]
    async fn extract(part: u32) -> u32 {
        EXTRACTED.fetch_add(1, Ordering::SeqCst);
        part * 10
    }
    #[task]
    async fn load(total: u32) -> Result<u32, String> {
        LOADED.fetch_add(1, Ordering::SeqCst);
        if BROKEN.load(Ordering::SeqCst) { Err("the disk is full".into()) } else { Ok(total) }
    }
    #[flow]
    async fn etl(parts: u32) -> Result<u32> {
        let total = extract::map(0..parts).await?.iter().sum();
        Ok(load(total).await?)
    }

    let folder = tempfile::tempdir().unwrap();
    let id = {
        let run = etl(4).on(&kept_in(&folder)).run().await;
        assert_eq!(run.state(), State::Failed);
        run.id().unwrap()
    };
    BROKEN.store(false, Ordering::SeqCst);
    let runtime = kept_in(&folder);
    let run = etl::resume(id).on(&runtime).run().await;
    assert_eq!(run.result().as_ref().unwrap(), &60);
    assert_eq!(run.id(), Some(id));
    assert_eq!(EXTRACTED.load(Ordering::SeqCst), 4, "what was finished is not done again");
    assert_eq!(LOADED.load(Ordering::SeqCst), 2);
    let load = &run.task_runs_of("load")[0];
    assert_eq!((load.state, load.attempt), (State::Completed, 2));
    assert_eq!(run.task_runs().len(), 5, "a call that is made again is the same task run");
    assert!(run.not_called_again().is_empty());

    // Once more: it has its result, and nothing runs.
    assert_eq!(etl::resume(id).on(&runtime).await.unwrap(), 60);
    assert_eq!(LOADED.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_and_what_used_its_results_can_be_done_again() {
    static RAN: Mutex<Vec<&str>> = Mutex::new(Vec::new());

    #[task]
    async fn first() -> u32 {
        RAN.lock().unwrap().push("first");
        1
    }
    #[task]
    async fn second(n: u32) -> u32 {
        RAN.lock().unwrap().push("second");
        n + 1
    }
    #[task]
    async fn third(n: u32) -> u32 {
        RAN.lock().unwrap().push("third");
        n + 1
    }
    #[flow]
    async fn chain() -> Result<u32> {
        let one = first().submit();
        let two = second::of(&one).submit();
        Ok(third::of(&two).await?)
    }

    let folder = tempfile::tempdir().unwrap();
    let runtime = kept_in(&folder);
    let id = chain().on(&runtime).run().await.id().unwrap();
    RAN.lock().unwrap().clear();
    assert_eq!(chain::resume(id).on(&runtime).rerun_from("second").await.unwrap(), 3);
    assert_eq!(*RAN.lock().unwrap(), ["second", "third"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_again_does_all_of_its_own_work_again() {
    static RAN: Mutex<Vec<&str>> = Mutex::new(Vec::new());

    #[task]
    async fn leaf(name: String) -> String {
        RAN.lock().unwrap().push(if name == "in a task" { "in a task" } else { "in a sub-flow" });
        name
    }
    #[task]
    async fn outer() -> Result<String> {
        Ok(leaf("in a task".into()).await?)
    }
    #[flow]
    async fn part() -> Result<String> {
        Ok(leaf("in a sub-flow".into()).await?)
    }
    #[flow]
    async fn whole() -> Result<usize> {
        Ok(outer().await?.len() + part().await?.len())
    }

    let folder = tempfile::tempdir().unwrap();
    let runtime = kept_in(&folder);
    let id = whole().on(&runtime).run().await.id().unwrap();
    for (from, ran) in [("outer", "in a task"), ("part", "in a sub-flow")] {
        RAN.lock().unwrap().clear();
        whole::resume(id).on(&runtime).rerun_from(from).await.unwrap();
        assert_eq!(*RAN.lock().unwrap(), [ran]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sub_flow_goes_on_inside_its_own_run() {
    static READ: AtomicU32 = AtomicU32::new(0);
    static BROKEN: AtomicBool = AtomicBool::new(true);

    #[task]
    async fn read(region: u32) -> u32 {
        READ.fetch_add(1, Ordering::SeqCst);
        region
    }
    #[task]
    async fn check(n: u32) -> Result<u32, String> {
        if n == 2 && BROKEN.load(Ordering::SeqCst) { Err("region 2 is closed".into()) } else { Ok(n) }
    }
    #[flow]
    async fn region(number: u32) -> Result<u32> {
        let n = read(number).await?;
        Ok(check(n).await?)
    }
    #[flow]
    async fn world() -> Result<u32> {
        Ok(region::map(vec![1, 2, 3]).await?.iter().sum())
    }

    let folder = tempfile::tempdir().unwrap();
    let run = world().on(&kept_in(&folder)).run().await;
    assert!(run.result().is_err());
    BROKEN.store(false, Ordering::SeqCst);
    let sum = world::resume(run.id().unwrap()).on(&kept_in(&folder)).await.unwrap();
    assert_eq!(sum, 6);
    assert_eq!(READ.load(Ordering::SeqCst), 3, "what the sub-flow had finished is not done again");
}

#[task]
async fn add(a: u32, b: u32) -> u32 {
    a + b
}

#[flow]
async fn one_sum(a: u32) -> Result<u32> {
    Ok(add(a, 1).await?)
}

#[flow]
async fn another() -> Result<u32> {
    Ok(1)
}

#[tokio::test]
async fn what_cannot_be_resumed_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = kept_in(&folder);
    let id = one_sum(1).on(&runtime).run().await.id().unwrap();

    let error = another::resume(id).on(&runtime).await.unwrap_err();
    assert!(format!("{error:?}").contains("is a run of the flow `one_sum`"), "{error:?}");
    let error = one_sum::resume(id).await.unwrap_err();
    assert!(format!("{error:?}").contains("its runtime has no store"), "{error:?}");
    let nobody: FlowRunId = serde_json::from_str("\"00000000-0000-7000-8000-000000000000\"").unwrap();
    let error = one_sum::resume(nobody).on(&runtime).await.unwrap_err();
    assert!(format!("{error:?}").contains("there is no flow run"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_not_made_again_are_named() {
    static SHORT: AtomicBool = AtomicBool::new(false);

    #[flow]
    async fn changing() -> Result<u32> {
        let sum = add(1, 1).await?;
        if !SHORT.load(Ordering::SeqCst) {
            let more = add(sum, 2).await?;
            return Err(format!("stop at {more}").into());
        }
        Ok(sum)
    }

    let folder = tempfile::tempdir().unwrap();
    let id = changing().on(&kept_in(&folder)).run().await.id().unwrap();
    SHORT.store(true, Ordering::SeqCst);
    let run = changing::resume(id).on(&kept_in(&folder)).run().await;
    assert_eq!(run.result().as_ref().unwrap(), &2);
    assert_eq!(run.not_called_again(), ["add"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_was_skipped_is_skipped_once_however_often_the_run_goes_on() {
    #[flow]
    async fn decides() -> Result<u32> {
        add::skip("nothing to add");
        Err("stop".into())
    }

    let folder = tempfile::tempdir().unwrap();
    let runtime = kept_in(&folder);
    let id = decides().on(&runtime).run().await.id().unwrap();
    for _ in 0..2 {
        let run = decides::resume(id).on(&runtime).run().await;
        let states: Vec<_> = run.task_runs().iter().map(|run| run.state).collect();
        assert_eq!(states, [State::Skipped]);
    }
    let rows = runtime.store().unwrap().counts(id).unwrap();
    assert_eq!(rows, [(State::Skipped, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_skipped_is_made_by_a_resumed_run_that_decides_otherwise_and_the_other_way_round() {
    static SKIPS: AtomicBool = AtomicBool::new(true);
    #[flow]
    async fn wavers() -> Result<u32> {
        let call = add(1, 2);
        let sum = if SKIPS.load(Ordering::SeqCst) { call.skip("not today") } else { call.submit() };
        match sum.await {
            Ok(sum) => Err(format!("stop at {sum}").into()),
            Err(error) => Err(format!("stop: {error}").into()),
        }
    }

    let folder = tempfile::tempdir().unwrap();
    let runtime = kept_in(&folder);
    let first = wavers().on(&runtime).run().await;
    let id = first.id().unwrap();
    assert!(first.result().as_ref().unwrap_err().to_string().contains("wavers"));
    for (skips, expected) in [(true, State::Skipped), (false, State::Completed), (true, State::Skipped)] {
        SKIPS.store(skips, Ordering::SeqCst);
        let run = wavers::resume(id).on(&runtime).run().await;
        let states: Vec<_> = run.task_runs().iter().map(|run| run.state).collect();
        assert_eq!(states, [expected]);
    }
}

/// Runs or resumes a flow with the old code.
async fn before(runtime: &Runtime, run: Option<FlowRunId>) -> FlowRun<u32, BoxError> {
    #[flow]
    async fn changed(parts: u32) -> Result<u32> {
        Err(format!("{parts} are too many").into())
    }
    match run {
        None => changed(4).on(runtime).run().await,
        Some(run) => changed::resume(run).on(runtime).run().await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_arguments_cannot_be_read_any_more_is_left_to_others() {
    // To the store it is the flow of `before`.
    #[flow]
    async fn changed(parts: Vec<String>) -> Result<u32> {
        Ok(parts.len() as u32)
    }

    let folder = tempfile::tempdir().unwrap();
    let runtime = kept_in(&folder);
    let id = before(&runtime, None).await.id().unwrap();
    let refused = changed::resume(id).on(&runtime).await.unwrap_err();
    assert!(matches!(refused, Error::Refused { refusal: Refusal::Arguments { .. }, .. }), "{refused:?}");
    let run = before(&kept_in(&folder), Some(id)).await;
    let Err(Error::Task(failure)) = run.into_result() else { panic!("somebody else has it") };
    assert_eq!(failure.to_string(), "4 are too many");
}

#[tokio::test]
async fn a_run_that_is_done_again_from_a_task_tries_again_what_failed_for_what_it_gave() {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    static CHECKED: AtomicU32 = AtomicU32::new(0);
    static BESIDE: AtomicU32 = AtomicU32::new(0);

    #[task]
    async fn give() -> u32 {
        // The value is the same; what is behind it is not.
        GIVEN.fetch_add(1, Ordering::SeqCst);
        7
    }
    #[task]
    async fn check(of: u32) -> Result<u32, String> {
        CHECKED.fetch_add(1, Ordering::SeqCst);
        if GIVEN.load(Ordering::SeqCst) > 1 { Ok(of) } else { Err("there is nothing behind it".into()) }
    }
    #[task]
    async fn beside() -> u32 {
        BESIDE.fetch_add(1, Ordering::SeqCst)
    }
    #[flow]
    async fn checks() -> Result<u32> {
        beside().await?;
        let given = give().await?;
        Ok(check(given).await?)
    }

    let folder = Folder::new();
    let runtime = Runtime::builder().store(folder.open()).build();
    let id = checks().on(&runtime).run().await.id().unwrap();
    assert_eq!(checks::resume(id).on(&runtime).rerun_from("give").await.unwrap(), 7);
    let ran = [&GIVEN, &CHECKED, &BESIDE].map(|count| count.load(Ordering::SeqCst));
    assert_eq!(ran, [2, 2, 1]);

    let before = folder.open().flow_run(id).unwrap();
    let error = checks::resume(id).on(&runtime).rerun_from("gve").await.unwrap_err();
    assert!(format!("{error:?}").contains("did you mean `give`?"), "{error:?}");
    let error = checks::resume(id).on(&runtime).rerun_from("no such task").await.unwrap_err();
    assert!(format!("{error:?}").contains("`beside`, `give` and `check`"), "{error:?}");
    assert_eq!(folder.open().flow_run(id).unwrap(), before, "it stays as it is");
}
