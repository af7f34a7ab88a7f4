//! A4: what fails while the program is being stopped, or just before, may fail because of that. It is not final.
//!
//! In one process and with a paused clock, so that moments are exact; real signals and children are in `signals`.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use flowkit::prelude::*;
use flowkit::store::{SqliteStore, TaskRunFilter};
use flowkit::{FlowRunId, Runtime, TaskRun};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DRAIN: Duration = Duration::from_secs(30);

fn kept_in(folder: &TempDir) -> Runtime {
    Runtime::builder().store(SqliteStore::open(folder.path().join("runs.db")).unwrap()).build()
}

fn text(folder: &TempDir) -> String {
    folder.path().to_str().unwrap().to_owned()
}

/// Whether the run continues after the stop.
fn is_resumed(folder: &str) -> bool {
    Path::new(folder).join("resumed").exists()
}

/// From now on tasks do what they should.
fn mend(folder: &TempDir) {
    std::fs::write(folder.path().join("resumed"), "").unwrap();
}

/// The persisted task runs: the name, the state and the attempts of each.
fn kept_tasks(runtime: &Runtime, run: FlowRunId) -> Vec<(String, State, Vec<State>)> {
    let store = runtime.store().unwrap();
    let rows = store.task_runs(run, &TaskRunFilter::default(), flowkit::model::TaskRunId::FLOW, 100).unwrap();
    let states = |row: &flowkit::model::TaskRun| row.earlier_attempts.iter().map(|one| one.state).collect();
    rows.iter().map(|row| (row.task.to_string(), row.state, states(row))).collect()
}

/// Starts `call`, stops the program `after` its beginning, and says how long that took.
macro_rules! stopped {
    ($runtime:expr, $call:expr, $after:expr, $drain:expr) => {{
        let running = $call.on($runtime).start();
        sleep($after).await;
        let told = Instant::now();
        let suspended = $runtime.suspend($drain).await.unwrap();
        (running.await, suspended, told.elapsed())
    }};
}

#[flowkit::test]
async fn what_fails_panics_or_times_out_while_the_program_is_being_stopped_is_made_again() {
    static HOOKS: AtomicU32 = AtomicU32::new(0);
    fn heard(_: &TaskRun) {
        HOOKS.fetch_add(1, Ordering::SeqCst);
    }

    #[task(on_failure = heard, on_cancel = heard, critical = true)]
    async fn errs(folder: String) -> Result<u32, String> {
        sleep(SECOND).await;
        if is_resumed(&folder) { Ok(1) } else { Err("struck".into()) }
    }
    #[task(retries = 1, on_failure = heard, on_retry = heard)]
    async fn panics(folder: String) -> Result<u32, String> {
        sleep(SECOND).await;
        match (is_resumed(&folder), ctx().attempt()) {
            (false, _) => panic!("struck"),
            (true, 2) => Err("once more".into()),
            (true, _) => Ok(10),
        }
    }
    #[task(timeout = "1s", on_failure = heard)]
    async fn times_out(folder: String) -> u32 {
        sleep(if is_resumed(&folder) { Duration::ZERO } else { HOUR }).await;
        100
    }
    #[task]
    async fn adds(one: u32, ten: u32, hundred: u32) -> u32 {
        one + ten + hundred
    }
    #[flow]
    async fn all(folder: String) -> Result<u32> {
        let inputs =
            (errs(folder.clone()).submit(), panics(folder.clone()).submit(), times_out(folder).submit());
        Ok(adds::of(&inputs.0, &inputs.1, &inputs.2).await?)
    }

    let folder = tempfile::tempdir().unwrap();
    let runtime = kept_in(&folder);
    let (run, suspended, took) = stopped!(&runtime, all(text(&folder)), SECOND / 2, DRAIN);
    let id = run.id().unwrap();
    assert_eq!((run.state(), suspended), (State::Suspended, vec![id]));
    assert!(took < 2 * SECOND, "nothing runs, so nothing is waited for: {took:?}");
    let interrupted = |name: &str| (name.to_owned(), State::Suspended, vec![State::Suspended]);
    let rows = kept_tasks(&runtime, id);
    assert_eq!(rows[..3], ["errs", "panics", "times_out"].map(interrupted));
    assert_eq!(rows[3].1, State::Pending, "nothing is said of what waits for them");
    assert_eq!(HOOKS.load(Ordering::SeqCst), 0);
    drop(runtime);

    mend(&folder);
    let run = all::resume(id).on(&kept_in(&folder)).run().await;
    assert_eq!(run.result().as_ref().unwrap(), &111);
    let attempts = |name| run.task_runs_of(name)[0].attempt;
    // The stop took no try from the one that fails once more by itself.
    assert_eq!(["errs", "panics", "times_out"].map(attempts), [2, 3, 2]);
    assert_eq!(HOOKS.load(Ordering::SeqCst), 1, "one retry was told, and nothing of the stop");
}

#[task]
async fn fails_at_a_second(folder: String) -> Result<u32, String> {
    sleep(SECOND).await;
    if is_resumed(&folder) { Ok(1) } else { Err("struck".into()) }
}

#[task]
async fn takes(time: Duration) -> u32 {
    sleep(time).await;
    10
}

/// Continues without what failed.
#[flow]
async fn tolerates(folder: String, other: Duration) -> Result<u32> {
    let one = fails_at_a_second(folder.clone()).submit();
    let ten = takes(other).submit();
    Ok(one.await.unwrap_or(0) + ten.await?)
}

#[flowkit::test]
async fn what_failed_up_to_a_second_before_the_stop_is_made_again_and_what_failed_earlier_is_not() {
    let just = Duration::from_millis(1);
    for (after, sum, state) in
        [(2 * SECOND - just, 11, State::Suspended), (2 * SECOND + just, 10, State::Failed)]
    {
        let folder = tempfile::tempdir().unwrap();
        let runtime = kept_in(&folder);
        let (run, ..) = stopped!(&runtime, tolerates(text(&folder), HOUR), after, Duration::ZERO);
        let id = run.id().unwrap();
        assert_eq!(run.state(), State::Suspended);
        assert_eq!(kept_tasks(&runtime, id)[0].1, state, "{after:?}");
        drop(runtime);
        mend(&folder);
        let run = tolerates::resume(id).on(&kept_in(&folder)).run().await;
        assert_eq!(run.result().as_ref().unwrap(), &sum, "{after:?}");
    }
}

#[flowkit::test]
async fn a_flow_that_went_on_without_what_failed_just_before_the_stop_is_not_completed_by_that() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = kept_in(&folder);
    let call = tolerates(text(&folder), 2 * SECOND);
    let (run, ..) = stopped!(&runtime, call, SECOND + SECOND / 2, DRAIN);
    assert_eq!(run.state(), State::Suspended, "it had come to its end while the program was being stopped");
    drop(runtime);
    mend(&folder);
    let run = tolerates::resume(run.id().unwrap()).on(&kept_in(&folder)).run().await;
    assert_eq!(run.result().as_ref().unwrap(), &11);
    assert_eq!(run.task_runs_of("takes")[0].attempt, 1, "what succeeded meanwhile is kept");
}

#[flowkit::test]
async fn a_success_while_the_program_is_being_stopped_completes_the_flow() {
    let folder = tempfile::tempdir().unwrap();
    mend(&folder);
    let (run, suspended, _) =
        stopped!(&kept_in(&folder), tolerates(text(&folder), 2 * SECOND), SECOND / 2, DRAIN);
    assert_eq!((run.state(), suspended), (State::Completed, vec![]));
}

#[flowkit::test]
async fn what_may_run_at_most_once_and_fails_while_the_program_is_being_stopped_has_failed() {
    #[task(at_most_once)]
    async fn pays(folder: String) -> Result<u32, String> {
        sleep(SECOND).await;
        assert!(!is_resumed(&folder), "it was paid again");
        Err("no answer".into())
    }
    #[flow]
    async fn order(folder: String) -> Result<String> {
        let paid = pays(folder).submit();
        let why = format!("{:?}", paid.await.unwrap_err());
        takes(HOUR).await?;
        Ok(why)
    }

    let folder = tempfile::tempdir().unwrap();
    let runtime = kept_in(&folder);
    let (run, ..) = stopped!(&runtime, order(text(&folder)), SECOND / 2, 2 * SECOND);
    assert_eq!(run.state(), State::Suspended);
    let error = run.task_runs_of("pays")[0].error.as_deref().unwrap().to_string();
    assert_eq!(error, "no answer (while the program was being stopped)");
    assert_eq!(kept_tasks(&runtime, run.id().unwrap())[0].1, State::Failed);
    drop(runtime);
    mend(&folder);
    let run = order::resume(run.id().unwrap()).on(&kept_in(&folder)).run().await;
    assert!(run.result().as_ref().unwrap().contains("while the program was being stopped"));
}

#[flowkit::test]
async fn the_body_of_a_flow_that_fails_while_the_program_is_being_stopped_runs_again() {
    static HOOKS: AtomicU32 = AtomicU32::new(0);
    fn heard(_: &TaskRun) {
        HOOKS.fetch_add(1, Ordering::SeqCst);
    }

    #[flow(on_failure = heard, on_retry = heard, retries = 1)]
    async fn errs(folder: String) -> Result<u32> {
        sleep(SECOND).await;
        if is_resumed(&folder) { Ok(7) } else { Err("struck".into()) }
    }
    /// Hears nothing of its failure.
    #[flow]
    async fn outer(folder: String) -> Result<u32> {
        Ok(errs(folder).await.unwrap_or(0))
    }

    let folder = tempfile::tempdir().unwrap();
    let runtime = kept_in(&folder);
    let (run, suspended, _) = stopped!(&runtime, outer(text(&folder)), SECOND / 2, DRAIN);
    assert_eq!((run.state(), suspended.len()), (State::Suspended, 2));
    drop(runtime);
    mend(&folder);
    let run = outer::resume(run.id().unwrap()).on(&kept_in(&folder)).run().await;
    assert_eq!(run.result().as_ref().unwrap(), &7);
    assert_eq!(HOOKS.load(Ordering::SeqCst), 0);
}

#[flowkit::test]
async fn the_tasks_of_a_sub_flow_are_suspended_with_it_and_not_cancelled() {
    static CANCELLED: AtomicU32 = AtomicU32::new(0);
    fn heard(_: &TaskRun) {
        CANCELLED.fetch_add(1, Ordering::SeqCst);
    }

    #[task(on_cancel = heard)]
    async fn works(folder: String) -> u32 {
        sleep(if is_resumed(&folder) { Duration::ZERO } else { HOUR }).await;
        5
    }
    #[flow(on_cancel = heard)]
    async fn inner(folder: String) -> Result<u32> {
        Ok(works(folder).await?)
    }
    #[flow]
    async fn middle(folder: String) -> Result<u32> {
        Ok(inner(folder).await?)
    }

    let folder = tempfile::tempdir().unwrap();
    let runtime = kept_in(&folder);
    let (run, suspended, _) = stopped!(&runtime, middle(text(&folder)), SECOND, SECOND);
    assert_eq!(suspended.len(), 2);
    assert_eq!(CANCELLED.load(Ordering::SeqCst), 0);
    drop(runtime);
    mend(&folder);
    assert_eq!(middle::resume(run.id().unwrap()).on(&kept_in(&folder)).await.unwrap(), 5);
}

#[flowkit::test]
async fn a_run_that_is_cancelled_while_the_program_is_being_stopped_is_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = kept_in(&folder);
    // One that runs keeps the program from ending at once.
    let running = tolerates(text(&folder), HOUR).on(&runtime).start();
    sleep(SECOND / 2).await;
    let stop = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.suspend(DRAIN).await.unwrap() }
    });
    sleep(SECOND).await;
    running.cancel();
    let run = running.await;
    assert_eq!((run.state(), stop.await.unwrap()), (State::Cancelled, vec![]));
    assert!(run.task_runs().iter().all(|task| task.state == State::Cancelled));
}

#[flowkit::test]
async fn without_a_store_a_failure_is_final_since_nobody_could_resume_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let call = tolerates(text(&folder), 2 * SECOND);
    let (run, ..) = stopped!(&Runtime::builder().build(), call, SECOND / 2, DRAIN);
    assert_eq!(run.state(), State::Completed);
    assert_eq!(run.task_runs_of("fails_at_a_second")[0].state, State::Failed);
    assert_eq!(run.result().as_ref().unwrap(), &10);
}

#[flowkit::test]
async fn a_body_that_asks_is_told_of_the_stop_at_once() {
    #[task]
    async fn checkpoints(folder: String) -> Result<u32, String> {
        if is_resumed(&folder) {
            return Ok(3);
        }
        assert!(!ctx().is_stopping());
        let began = Instant::now();
        ctx().stopping().await;
        assert!(ctx().is_stopping() && !ctx().is_cancelled());
        assert_eq!(began.elapsed(), SECOND, "not when the time is over");
        Err("it is kept for the next process".into())
    }
    #[flow]
    async fn long(folder: String) -> Result<u32> {
        Ok(checkpoints(folder).await?)
    }

    let folder = tempfile::tempdir().unwrap();
    let runtime = kept_in(&folder);
    let (run, _, took) = stopped!(&runtime, long(text(&folder)), SECOND, DRAIN);
    assert_eq!(run.state(), State::Suspended);
    assert!(took < SECOND, "{took:?}");
    drop(runtime);
    mend(&folder);
    assert_eq!(long::resume(run.id().unwrap()).on(&kept_in(&folder)).await.unwrap(), 3);
}
