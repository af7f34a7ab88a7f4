//! Which call is which, when another process resumes a run: what is taken over only if it is known to be the same.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use flowkit::prelude::*;
use flowkit::store::SqliteStore;
use flowkit::{FlowRunId, Runtime};

fn kept_in(folder: &tempfile::TempDir) -> Runtime {
    Runtime::builder().store(SqliteStore::open(folder.path().join("runs.db")).unwrap()).build()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_takes_a_set_is_not_paid_again_when_the_run_is_resumed() {
    static PAID: AtomicU32 = AtomicU32::new(0);
    static KEYS: Mutex<Vec<String>> = Mutex::new(Vec::new());
    static BROKEN: AtomicBool = AtomicBool::new(true);

    fn ids() -> HashSet<u64> {
        (0..20).collect()
    }
    #[task(at_most_once)]
    async fn pay(ids: HashSet<u64>) -> usize {
        PAID.fetch_add(1, Ordering::SeqCst);
        ids.len()
    }
    #[task]
    async fn book(ids: HashSet<u64>) -> Result<usize, String> {
        KEYS.lock().unwrap().push(ctx().idempotency_key().unwrap());
        if BROKEN.load(Ordering::SeqCst) { Err("the disk is full".into()) } else { Ok(ids.len()) }
    }
    #[flow]
    async fn orders() -> Result<usize> {
        Ok(pay(ids()).await? + book(ids()).await?)
    }

    let folder = tempfile::tempdir().unwrap();
    let id: FlowRunId = orders().on(&kept_in(&folder)).run().await.id().unwrap();
    BROKEN.store(false, Ordering::SeqCst);
    let run = orders::resume(id).on(&kept_in(&folder)).run().await;
    assert_eq!(run.result().as_ref().unwrap(), &40);
    assert_eq!(PAID.load(Ordering::SeqCst), 1);
    assert_eq!(run.task_runs().len(), 2, "a call that is made again is the same task run");
    let keys = KEYS.lock().unwrap();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
}
