//! What surrounds a body on whatever thread it runs: the tokio runtime, and the task itself.

use std::time::Duration;

use flowkit::prelude::*;
use flowkit::{artifact, metric};
use tokio::runtime::{Builder, Handle as Tokio};

use crate::captured::Captured;
use crate::records::only;

/// What a blocking client of HTTP does.
fn on_a_runtime_of_its_own() -> u32 {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::spawn(async { 7 }).await.unwrap() })
}

#[task]
fn asks_tokio() -> u32 {
    let handle = Tokio::current();
    let spawned = handle.spawn(async {
        tokio::time::sleep(Duration::from_micros(1)).await;
        5
    });
    handle.block_on(spawned).unwrap() + on_a_runtime_of_its_own()
}

#[task]
fn asks_tokio_and_borrows(add: &u32) -> u32 {
    Tokio::current();
    on_a_runtime_of_its_own() + add
}

#[flow]
async fn asks(own: bool) -> Result<u32> {
    if own {
        return Ok(asks_tokio().await? + asks_tokio().submit().await?);
    }
    let one = asks_tokio_and_borrows(&1).await? - 7;
    let add = asks_tokio_and_borrows::submit(seven().submit()).await? - 7;
    Ok(one + add)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocking_task_finds_tokio_as_in_spawn_blocking_and_may_have_a_runtime_of_its_own() {
    assert_eq!(asks(true).await.unwrap(), 24);
    assert_eq!(asks(false).await.unwrap(), 8);
    // Outside a flow as well, on the thread of `block_on`.
    assert_eq!(asks_tokio().await.unwrap(), 12);
    assert_eq!(asks_tokio_and_borrows(&1).await.unwrap(), 8);
}

#[tokio::test]
async fn on_one_thread_a_blocking_task_that_owns_its_arguments_has_all_of_it_too() {
    assert_eq!(asks(true).await.unwrap(), 24);
    assert_eq!(asks_tokio().await.unwrap(), 12);
}

/// Where a body reports something, other than where it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Elsewhere {
    Thread,
    SpawnBlocking,
    TokioSpawn,
    FlowkitSpawn,
}

const EVERYWHERE: [Elsewhere; 4] =
    [Elsewhere::Thread, Elsewhere::SpawnBlocking, Elsewhere::TokioSpawn, Elsewhere::FlowkitSpawn];

fn says() -> String {
    metric("rows", 3);
    artifact::markdown("report", "# rows");
    tracing::info!("said elsewhere");
    flowkit::progress(1, 1);
    fatal("not again".to_owned())
}

#[task(retries = 5)]
async fn says_elsewhere(elsewhere: Elsewhere, is_entered: bool) -> Result<(), String> {
    let here = ctx();
    let say = {
        let here = here.clone();
        move || if is_entered { here.enter(says) } else { says() }
    };
    Err(match elsewhere {
        Elsewhere::Thread => std::thread::spawn(say).join().unwrap(),
        Elsewhere::SpawnBlocking => tokio::task::spawn_blocking(say).await.unwrap(),
        Elsewhere::TokioSpawn if is_entered => tokio::spawn(here.scope(async { says() })).await.unwrap(),
        Elsewhere::TokioSpawn => tokio::spawn(async { says() }).await.unwrap(),
        Elsewhere::FlowkitSpawn => flowkit::spawn(async { says() }).await.unwrap(),
    })
}

#[flow]
async fn says_all(elsewhere: Elsewhere, is_entered: bool) -> Result<()> {
    says_elsewhere(elsewhere, is_entered).await.ok();
    Ok(())
}

#[flowkit::test]
async fn what_a_task_says_on_another_thread_is_its_own_once_its_context_is_entered_there() {
    for elsewhere in EVERYWHERE {
        let run = says_all(elsewhere, true).run().await;
        let task = only(&run, "says_elsewhere");
        assert_eq!(task.attempt, 1, "{elsewhere:?}: `fatal` is heard");
        let (metrics, artifacts) = (run.metrics().unwrap(), run.artifacts().unwrap());
        assert_eq!(metrics.len(), 1, "{elsewhere:?}");
        assert_eq!(metrics[0].task_run, task.id);
        assert_eq!(artifacts.len(), 1, "{elsewhere:?}");
    }
}

#[task]
fn seven() -> u32 {
    7
}

#[task]
async fn calls_a_task_from_a_thread() -> u32 {
    let here = ctx();
    let called = std::thread::spawn(move || here.enter(|| seven().submit()));
    called.join().unwrap().await.unwrap()
}

#[flow]
async fn calls_from_a_thread() -> Result<u32> {
    Ok(calls_a_task_from_a_thread().await?)
}

#[flowkit::test]
async fn a_task_that_is_called_on_another_thread_is_part_of_the_flow_once_the_context_is_entered() {
    let run = calls_from_a_thread().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &7);
    let (caller, called) = (only(&run, "calls_a_task_from_a_thread"), only(&run, "seven"));
    assert_eq!(called.parent, caller.id);
}

#[flowkit::test]
async fn what_is_said_where_no_task_is_known_is_warned_of_once_for_each_place() {
    let (captured, _guard) = Captured::start();
    for _ in 0..2 {
        // Spawned on this very thread, where the warnings are caught.
        let run = says_all(Elsewhere::TokioSpawn, false).run().await;
        assert_eq!(only(&run, "says_elsewhere").attempt, 6, "`fatal` marks nothing there");
        assert!(run.metrics().unwrap().is_empty());
    }
    let lines = captured.lines();
    let warnings = |what: &str| lines.iter().filter(|line| line.message.contains(what)).count();
    for what in ["`fatal` marks nothing: ", "a metric is not kept: ", "an artifact is not kept: "] {
        assert_eq!(warnings(what), 1, "{what}");
    }
    assert_eq!(warnings("here.enter(|| …)"), 3);
}
