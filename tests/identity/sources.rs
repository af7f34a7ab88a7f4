//! Changed code: results of the old code stay, and the log says where they come from.

use std::sync::atomic::{AtomicU32, Ordering};

use flowkit::model::TaskRunId;
use flowkit::prelude::*;
use flowkit::store::{History, SqliteStore, TaskRunFilter};
use flowkit::{FlowRunId, Runtime};
use tempfile::TempDir;

use crate::captured::Captured;

/// A process, with what it logs about sources.
async fn process<T>(folder: &TempDir, go_on: impl AsyncFnOnce(Runtime) -> T) -> (T, Vec<String>) {
    let (captured, _guard) = Captured::start();
    let runtime = Runtime::builder().store(open(folder)).build();
    let ended = go_on(runtime).await;
    let lines = captured.lines().into_iter().map(|line| line.message);
    (ended, lines.filter(|line| line.contains("an older source")).collect())
}

fn open(folder: &TempDir) -> SqliteStore {
    SqliteStore::open(folder.path().join("runs.db")).unwrap()
}

/// Makes what was recorded of `load` so far the work of a program with other code.
fn change_code(folder: &TempDir) {
    let raw = rusqlite::Connection::open(folder.path().join("runs.db")).unwrap();
    raw.execute_batch(
        "UPDATE tasks SET source_hash = 1 WHERE name = 'load'; UPDATE page_digest SET digest = NULL",
    )
    .unwrap();
}

/// The code of each recorded result of `load`: whether it is the changed one.
fn is_old(folder: &TempDir, id: FlowRunId) -> Vec<bool> {
    let rows = open(folder).task_runs(id, &TaskRunFilter::default(), TaskRunId::FLOW, 9).unwrap();
    rows.iter().filter(|row| row.task == "load").map(|row| row.source_hash == 1).collect()
}

#[tokio::test]
async fn results_of_an_older_source_stay_and_a_resumed_run_says_once_how_many_there_are() {
    static LOADED: AtomicU32 = AtomicU32::new(0);
    static PARTS: AtomicU32 = AtomicU32::new(2);

    #[task]
    async fn load(part: u32) -> u32 {
        LOADED.fetch_add(1, Ordering::SeqCst);
        part
    }
    #[task]
    async fn publish(parts: u32) -> Result<u32, String> {
        if parts < 4 { Err("not yet".into()) } else { Ok(parts) }
    }
    #[flow]
    async fn etl() -> Result<u32> {
        let parts = PARTS.load(Ordering::SeqCst);
        for part in 0..parts {
            load(part).await?;
        }
        Ok(publish(parts).await?)
    }

    let folder = tempfile::tempdir().unwrap();
    let (id, said) = process(&folder, async |runtime| etl().on(&runtime).run().await.id().unwrap()).await;
    assert_eq!((LOADED.swap(0, Ordering::SeqCst), said), (2, vec![]));

    let (_, said) = process(&folder, async |runtime| etl::resume(id).on(&runtime).await.is_err()).await;
    assert_eq!((LOADED.swap(0, Ordering::SeqCst), said), (0, vec![]), "the same code says nothing");

    change_code(&folder);
    PARTS.store(3, Ordering::SeqCst);
    let (_, said) = process(&folder, async |runtime| etl::resume(id).on(&runtime).await.is_err()).await;
    let both = "2 recorded results of `load` come from an older source; `rerun --from load` replaces them";
    assert_eq!((LOADED.swap(0, Ordering::SeqCst), said), (1, vec![both.to_owned()]));
    assert_eq!(is_old(&folder, id), [true, true, false], "each is of the process that made it");

    let (_, said) =
        process(&folder, async |runtime| etl::resume(id).rerun_from("load").on(&runtime).await.is_err())
            .await;
    assert_eq!((LOADED.swap(0, Ordering::SeqCst), said), (3, vec![]));
    assert_eq!(is_old(&folder, id), [false, false, false]);

    PARTS.store(4, Ordering::SeqCst);
    let (ended, said) = process(&folder, async |runtime| etl::resume(id).on(&runtime).await.unwrap()).await;
    assert_eq!((ended, LOADED.load(Ordering::SeqCst), said), (4, 1, vec![]));
}
