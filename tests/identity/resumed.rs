//! Which call is which, when another process resumes a run: results are reused only if they are known to be the same.

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

/// A client as most tasks take one: serde knows nothing of it.
#[derive(Clone)]
struct Client(&'static str);

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_cannot_be_told_apart_are_made_again_on_resume_as_the_next_attempts_of_their_rows() {
    static RESUMED: AtomicBool = AtomicBool::new(false);
    static KEYS: Mutex<Vec<String>> = Mutex::new(Vec::new());

    #[task]
    async fn greet(client: Client) -> String {
        KEYS.lock().unwrap().push(ctx().idempotency_key().unwrap());
        client.0.to_owned()
    }
    #[task]
    async fn fail() -> Result<(), String> {
        if RESUMED.load(Ordering::SeqCst) { Ok(()) } else { Err("the disk is full".into()) }
    }
    #[flow]
    async fn both() -> Result<(String, String)> {
        let order = if RESUMED.load(Ordering::SeqCst) { ["b", "a"] } else { ["a", "b"] };
        let mut all = Vec::new();
        for name in order {
            all.push(greet(Client(name)).await?);
        }
        fail().await?;
        all.sort();
        Ok((all.remove(0), all.remove(0)))
    }

    let folder = tempfile::tempdir().unwrap();
    let first = both().on(&kept_in(&folder)).run().await;
    assert!(first.task_runs_of("greet").iter().all(|run| run.unknown.as_deref() == Some("client: Client")));
    RESUMED.store(true, Ordering::SeqCst);
    // Strictly: calls that cannot be distinguished are not missing.
    let run = both::resume(first.id().unwrap()).on(&kept_in(&folder)).strict().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &("a".to_owned(), "b".to_owned()));
    let attempts: Vec<_> = run.task_runs_of("greet").iter().map(|run| run.attempt).collect();
    assert_eq!(attempts, [2, 2], "the rows are taken over, not their results");
    assert!(run.not_called_again().is_empty());
    let keys = KEYS.lock().unwrap();
    assert!(keys.iter().all(|key| key.contains("/greet/#")), "{keys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_ignored_or_stands_in_a_key_is_found_again_on_resume() {
    static RESUMED: AtomicBool = AtomicBool::new(false);
    static RAN: AtomicU32 = AtomicU32::new(0);

    #[task(ignore(client))]
    async fn fetch(client: Client, page: u32) -> String {
        RAN.fetch_add(1, Ordering::SeqCst);
        format!("{} {page}", client.0)
    }
    #[task(at_most_once, key = |_client: &Client, page: &u32| *page)]
    async fn pay(client: Client, page: u32) -> String {
        RAN.fetch_add(1, Ordering::SeqCst);
        format!("{} {page}", client.0)
    }
    #[flow(ignore(client))]
    async fn part(client: Client, page: u32) -> Result<String> {
        Ok(fetch(client, page).await?)
    }
    #[flow]
    async fn all() -> Result<Vec<String>> {
        let pages = if RESUMED.load(Ordering::SeqCst) { [3, 2, 1] } else { [1, 2, 3] };
        let client = || Client(if RESUMED.load(Ordering::SeqCst) { "second" } else { "first" });
        let mut all = Vec::new();
        for page in pages {
            all.push(fetch(client(), page).await?);
            all.push(pay(client(), page).await?);
            all.push(part(client(), page).await?);
        }
        if RESUMED.load(Ordering::SeqCst) { Ok(all) } else { Err("the disk is full".into()) }
    }

    let folder = tempfile::tempdir().unwrap();
    let id = all().on(&kept_in(&folder)).run().await.id().unwrap();
    assert_eq!(RAN.load(Ordering::SeqCst), 9);
    RESUMED.store(true, Ordering::SeqCst);
    let all = all::resume(id).on(&kept_in(&folder)).await.unwrap();
    let expected: Vec<_> = [3, 2, 1].iter().flat_map(|page| vec![format!("first {page}"); 3]).collect();
    assert_eq!(all, expected);
    assert_eq!(RAN.load(Ordering::SeqCst), 9, "nothing ran again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_for_an_unknown_outcome_is_refused_for_it_however_often_the_run_is_resumed() {
    static PROCESS: AtomicU32 = AtomicU32::new(0);
    static BEGUN: AtomicU32 = AtomicU32::new(0);

    async fn hangs_in(process: u32) {
        BEGUN.fetch_add(1, Ordering::SeqCst);
        if PROCESS.load(Ordering::SeqCst) <= process {
            std::future::pending::<()>().await;
        }
    }
    #[task]
    async fn price() -> u32 {
        7
    }
    #[task(at_most_once)]
    async fn pay(price: u32) -> u32 {
        hangs_in(1).await;
        price
    }
    #[task]
    async fn book() {
        hangs_in(2).await;
    }
    #[flow]
    async fn shop() -> Result<String> {
        let price = price().submit();
        let refused = pay::of(&price).await.err().map(|error| format!("{:?}", anyhow::Error::from(error)));
        book().await?;
        Ok(refused.unwrap_or_default())
    }

    let folder = tempfile::tempdir().unwrap();
    let mut id = None;
    for process in 1..=2 {
        PROCESS.store(process, Ordering::SeqCst);
        let runtime = kept_in(&folder);
        let running = async {
            match id {
                None => shop().on(&runtime).run().await.id(),
                Some(id) => shop::resume(id).on(&runtime).run().await.id(),
            }
        };
        let stop = async {
            while BEGUN.load(Ordering::SeqCst) < process {
                tokio::task::yield_now().await;
            }
            runtime.suspend(std::time::Duration::ZERO).await.unwrap();
        };
        (id, ()) = tokio::join!(running, stop);
    }
    PROCESS.store(3, Ordering::SeqCst);
    let refused = shop::resume(id.unwrap()).on(&kept_in(&folder)).await.unwrap();
    assert!(refused.contains("the outcome of its last attempt is unknown"), "{refused}");
    assert_eq!(BEGUN.load(Ordering::SeqCst), 3, "it did not run again");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_refused_in_every_attempt_of_the_flow_keeps_its_place_in_a_race() {
    static PROCESS: AtomicU32 = AtomicU32::new(1);
    static BEGUN: AtomicU32 = AtomicU32::new(0);
    static PLACED: Mutex<Vec<usize>> = Mutex::new(Vec::new());

    /// Ends when both races have a winner, in the second process.
    async fn loses() -> f64 {
        BEGUN.fetch_add(1, Ordering::SeqCst);
        while PROCESS.load(Ordering::SeqCst) == 1 || PLACED.lock().unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
        1.0
    }
    /// It is running when the first process ends.
    #[task(at_most_once)]
    async fn dash() -> f64 {
        loses().await
    }
    /// Its result has to be persisted and cannot be.
    #[task(at_most_once)]
    async fn stray() -> f64 {
        f64::NAN
    }
    #[task]
    async fn stroll(_lane: u32) -> f64 {
        loses().await
    }
    #[task(at_most_once)]
    async fn place(winner: usize) {
        PLACED.lock().unwrap().push(winner);
    }
    #[task]
    async fn wait() {
        while PROCESS.load(Ordering::SeqCst) == 1 {
            tokio::task::yield_now().await;
        }
    }
    #[flow(retries = 1)]
    async fn race() -> Result<()> {
        let (dash, stroll_beside) = (dash().submit(), stroll(0).submit());
        wait().await?;
        let (stray, stroll_ahead) = (stray().submit(), stroll(1).submit());
        let lanes = [[stroll_beside, dash], [stroll_ahead, stray]];
        for (number, lane) in lanes.clone().into_iter().enumerate() {
            let (first, _) = as_completed(lane).next().await.unwrap();
            place(2 * number + first).await?;
        }
        for [stroll, _] in lanes {
            stroll.await?;
        }
        if ctx().attempt() < 3 { Err("the network is gone".into()) } else { Ok(()) }
    }

    let folder = tempfile::tempdir().unwrap();
    let runtime = kept_in(&folder);
    let stop = async {
        while BEGUN.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
        runtime.suspend(std::time::Duration::ZERO).await.unwrap();
    };
    let (run, ()) = tokio::join!(race().on(&runtime).run(), stop);
    let id = run.id().unwrap();
    PROCESS.store(2, Ordering::SeqCst);
    let run = race::resume(id).on(&kept_in(&folder)).run().await;
    assert!(run.result().is_ok(), "{run:?}");
    assert_eq!(*PLACED.lock().unwrap(), [1, 3], "each race has one winner, who is placed once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sub_flow_that_cannot_be_told_apart_gets_a_run_of_its_own_again() {
    static RESUMED: AtomicBool = AtomicBool::new(false);

    #[task]
    async fn name(text: String) -> Result<String, String> {
        if RESUMED.load(Ordering::SeqCst) { Ok(text) } else { Err("no".into()) }
    }
    #[flow]
    async fn part(client: Client) -> Result<String> {
        Ok(name(client.0.to_owned()).await?)
    }
    #[flow]
    async fn all() -> Result<Vec<String>> {
        let order = if RESUMED.load(Ordering::SeqCst) { ["b", "a"] } else { ["a", "b"] };
        let mut all = Vec::new();
        for name in order {
            all.push(part(Client(name)).await);
        }
        Ok(all.into_iter().collect::<Result<_, _>>()?)
    }

    let folder = tempfile::tempdir().unwrap();
    let id = all().on(&kept_in(&folder)).run().await.id().unwrap();
    RESUMED.store(true, Ordering::SeqCst);
    let all = all::resume(id).on(&kept_in(&folder)).await.unwrap();
    assert_eq!(all, ["b", "a"]);
}
