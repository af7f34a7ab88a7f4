//! Runs that are found by a key or by their id alone, and values that are made once in a run.

use std::fs;
use std::future::IntoFuture;
use std::process::{Child, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use flowkit::prelude::*;
use flowkit::store::{FlowRunFilter, History, SqliteStore};
use flowkit::{Runtime, RuntimeBuilder, once};
use tempfile::TempDir;

use crate::kit::{Folder, kill, succeeds};

fn kept_in(folder: &TempDir) -> RuntimeBuilder {
    Runtime::builder().store(SqliteStore::open(folder.path().join("runs.db")).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_stands_for_one_run_in_all_processes_and_goes_on_with_it_after_a_failure() {
    static CHARGED: AtomicU32 = AtomicU32::new(0);
    static MAILED: AtomicU32 = AtomicU32::new(0);

    #[task]
    async fn charge(customer: u32) -> u32 {
        CHARGED.fetch_add(1, Ordering::SeqCst);
        customer * 10
    }
    #[task]
    async fn mail(amount: u32) -> Result<u32, String> {
        if MAILED.fetch_add(1, Ordering::SeqCst) == 0 { Err("no connection".into()) } else { Ok(amount) }
    }
    #[flow]
    async fn bill(customer: u32) -> Result<u32> {
        let amount = charge(customer).await?;
        Ok(mail(amount).await?)
    }

    let folder = tempfile::tempdir().unwrap();
    let failed = bill(7).on(&kept_in(&folder).build()).idempotency_key("november").run().await;
    assert_eq!(failed.state(), State::Failed);
    let runtime = kept_in(&folder).build();
    let again = bill(7).on(&runtime).idempotency_key("november").run().await;
    assert_eq!((again.result().as_ref().unwrap(), again.id()), (&70, failed.id()));
    assert_eq!(bill(7).on(&runtime).idempotency_key("november").await.unwrap(), 70);
    assert_eq!((CHARGED.load(Ordering::SeqCst), MAILED.load(Ordering::SeqCst)), (1, 2));
    let december = bill(7).on(&runtime).idempotency_key("december").run().await;
    assert_ne!(december.id(), failed.id());
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_calls_with_one_key_at_the_same_time_begin_one_run() {
    static CHARGED: AtomicU32 = AtomicU32::new(0);

    #[task]
    async fn charge() -> u32 {
        CHARGED.fetch_add(1, Ordering::SeqCst);
        7
    }
    #[flow]
    async fn bill() -> Result<u32> {
        Ok(charge().await?)
    }

    let folder = tempfile::tempdir().unwrap();
    let runtimes: Vec<_> = (0..10).map(|_| kept_in(&folder).build()).collect();
    let calls = runtimes.iter().map(|runtime| bill().on(runtime).idempotency_key("once").run());
    let runs = futures::future::join_all(calls).await;
    assert_eq!(CHARGED.load(Ordering::SeqCst), 1);
    for run in runs {
        match run.result() {
            Ok(value) => assert_eq!(value, &7),
            // A process that starts while another one executes it learns so.
            Err(error) => assert!(format!("{error:?}").contains("is being run by"), "{error:?}"),
        }
    }
}

/// A process that has reserved the key and is stopped before it begins its run, as after Ctrl-Z.
fn stopped_after_reserving(folder: &Folder) -> Child {
    folder.stopped_at("keyed", "after-reserve:stop")
}

/// Continues a stopped process, and returns what it prints.
fn said_after_going_on(child: Child) -> String {
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    said(child.wait_with_output().unwrap())
}

fn said(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// What a process says that asks for the run of the key.
fn asks(folder: &Folder) -> String {
    said(succeeds(&mut folder.kit("keyed", &[])))
}

#[test]
fn a_key_stays_with_a_process_that_stands_still_before_it_begins_the_run() {
    let folder = Folder::new();
    let stopped = stopped_after_reserving(&folder);
    let pid = stopped.id();
    let refused = asks(&folder);
    assert!(refused.contains(&format!("is being run by process {pid} on ")), "{refused}");
    let done = said_after_going_on(stopped);
    assert!(done.starts_with("done "), "{done}");
    assert_eq!(asks(&folder), done, "the run that it began");
    assert_eq!(folder.notes(), "charge 1\n");
}

#[test]
fn a_process_that_could_not_be_seen_and_lost_its_key_begins_nothing_when_it_goes_on() {
    let folder = Folder::new();
    let stopped = stopped_after_reserving(&folder);
    // As seen from another machine once its lease has expired.
    let raw = rusqlite::Connection::open(folder.database()).unwrap();
    raw.execute("UPDATE owners SET host = 'elsewhere', boot_id = 'another', lease_until = 0", []).unwrap();
    fs::remove_dir_all(folder.path().join("runs.db.owners")).unwrap();
    drop(raw);
    let done = asks(&folder);
    assert!(done.starts_with("done "), "{done}");
    let refused = said_after_going_on(stopped);
    assert!(refused.contains("another process has begun a run for its idempotency key"), "{refused}");
    assert_eq!(folder.notes(), "charge 1\n");
    assert_eq!(folder.open().flow_runs(&FlowRunFilter::default(), None, 9).unwrap().runs.len(), 1);
    assert_eq!(asks(&folder), done);
}

#[test]
fn a_key_is_free_at_once_when_the_process_dies_that_has_reserved_it() {
    let folder = Folder::new();
    kill(stopped_after_reserving(&folder));
    let aborts = folder.kit("keyed", &[]).env("FLOWKIT_FAILPOINT", "after-reserve:abort").output().unwrap();
    assert!(crate::kit::aborted(aborts.status), "{aborts:?}");
    let done = asks(&folder);
    assert!(done.starts_with("done "), "{done}");
    assert_eq!(folder.notes(), "charge 1\n");
}

#[flow(durability = "memory")]
async fn forgotten() -> Result<u32> {
    Ok(1)
}

#[flow]
async fn seven() -> Result<u32> {
    Ok(7)
}

#[tokio::test]
async fn a_key_of_a_run_that_is_not_kept_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = kept_in(&folder).build();
    let refused = forgotten().on(&runtime).idempotency_key("once").await.unwrap_err();
    assert!(format!("{refused:?}").contains("its runs are not persisted"), "{refused:?}");
}

#[tokio::test]
async fn a_call_that_is_dropped_while_it_asks_for_its_key_leaves_the_key_free() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = kept_in(&folder).build();
    for _ in 0..20 {
        let mut call = seven().on(&runtime).idempotency_key("once").into_future();
        assert!(futures::poll!(&mut call).is_pending());
        // Dropped here, whatever the store is about to answer.
    }
    assert_eq!(seven().on(&runtime).idempotency_key("once").await.unwrap(), 7);
}

#[tokio::test]
async fn a_key_inside_a_flow_is_one_of_the_store_of_that_flow() {
    #[flow]
    async fn outer(other: u32) -> Result<u32> {
        let elsewhere = Runtime::builder().store(flowkit::store::MemoryStore::new()).build();
        Ok(seven().on(&elsewhere).idempotency_key("inner").await? + other)
    }
    let folder = tempfile::tempdir().unwrap();
    let runtime = kept_in(&folder).build();
    assert_eq!(outer(1).on(&runtime).await.unwrap(), 8);
    assert_eq!(outer(2).on(&runtime).await.unwrap(), 9);
    let mut filter = FlowRunFilter::default();
    filter.sub_flows = true;
    let runs = runtime.store().unwrap().flow_runs(&filter, None, 9).unwrap().runs;
    assert_eq!(runs.iter().filter(|run| run.flow == "seven").count(), 1, "{runs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_gone_on_with_by_its_id_alone() {
    static BROKEN: AtomicBool = AtomicBool::new(true);

    #[task]
    async fn check(n: u32) -> Result<u32, String> {
        if BROKEN.load(Ordering::SeqCst) { Err("closed".into()) } else { Ok(n) }
    }
    /// Checks a number.
    #[flow]
    async fn checks(n: u32) -> Result<u32> {
        Ok(check(n).await?)
    }
    #[flow]
    async fn another() -> Result<u32> {
        Ok(1)
    }

    let folder = tempfile::tempdir().unwrap();
    let id = checks(5).on(&kept_in(&folder).build()).run().await.id().unwrap();
    let failed = kept_in(&folder).flow(checks::spec()).build().resume(id).await.unwrap();
    assert_eq!((failed.state(), failed.value()), (State::Failed, None));
    assert!(failed.error().unwrap().to_string().contains("closed"));
    BROKEN.store(false, Ordering::SeqCst);
    let knows_another = kept_in(&folder).flow(another::spec()).build();
    let error = knows_another.resume(id).await.unwrap_err();
    assert!(format!("{error:?}").contains("`.flow(checks::spec())`"), "{error:?}");
    drop(knows_another);
    let runtime = kept_in(&folder).flow(another::spec()).flow(checks::spec()).build();
    let run = runtime.resume(id).await.unwrap();
    assert_eq!((run.id(), run.state(), run.value()), (id, State::Completed, Some("5")));
    assert_eq!(run.task_runs().len(), 1);
    assert_eq!(runtime.flows()[1].description(), "Checks a number.");
    assert!(runtime.resume(knows_nobody()).await.is_err());
}

fn knows_nobody() -> flowkit::FlowRunId {
    serde_json::from_str("\"00000000-0000-7000-8000-000000000000\"").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_made_once_is_the_same_when_the_run_goes_on() {
    static MADE: AtomicU32 = AtomicU32::new(0);
    static SEEN: Mutex<Vec<u32>> = Mutex::new(Vec::new());
    static BROKEN: AtomicBool = AtomicBool::new(true);

    #[task]
    async fn seen(number: u32) -> Result<u32, String> {
        SEEN.lock().unwrap().push(number);
        if BROKEN.load(Ordering::SeqCst) { Err("not yet".into()) } else { Ok(number) }
    }
    #[flow]
    async fn draws() -> Result<(u32, u32)> {
        let first = once("draw", || MADE.fetch_add(1, Ordering::SeqCst)).await?;
        let second = once("draw", || MADE.fetch_add(1, Ordering::SeqCst)).await?;
        Ok((seen(first).await?, second))
    }

    let folder = tempfile::tempdir().unwrap();
    let id = draws().on(&kept_in(&folder).build()).run().await.id().unwrap();
    BROKEN.store(false, Ordering::SeqCst);
    let run = draws::resume(id).on(&kept_in(&folder).build()).run().await;
    assert_eq!(run.result().as_ref().unwrap(), &(0, 1));
    assert_eq!(*SEEN.lock().unwrap(), [0, 0]);
    assert_eq!(MADE.load(Ordering::SeqCst), 2, "each is made once");
    assert_eq!(run.task_runs()[0].label(), "draw");
}

#[tokio::test]
async fn a_value_outside_a_flow_is_made_each_time() {
    assert_eq!(once("name", || 7).await.unwrap(), 7);
}
