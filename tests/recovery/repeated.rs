//! R46: a flow whose task bodies all run twice returns the same; tasks that may run at most once have their own rules.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use flowkit::Runtime;
use flowkit::prelude::*;

use crate::kit::Folder;

#[tokio::test]
async fn r46_every_body_runs_twice_with_the_same_key_and_the_flow_gives_the_same() {
    static KEYS: Mutex<Vec<String>> = Mutex::new(Vec::new());
    static ONCE: AtomicU32 = AtomicU32::new(0);

    fn seen() {
        KEYS.lock().unwrap().push(format!("{} {}", ctx().idempotency_key().unwrap(), ctx().attempt()));
    }
    #[task]
    async fn read(part: u32) -> u32 {
        seen();
        part * 10
    }
    #[task(retries = 2)]
    async fn fragile(part: u32) -> Result<u32, String> {
        seen();
        if ctx().attempt() == 1 { Err(format!("part {part} is not ready")) } else { Ok(part) }
    }
    #[task]
    fn blocking(parts: &[u32]) -> u32 {
        seen();
        parts.iter().sum()
    }
    #[task(at_most_once)]
    async fn charge(sum: u32) -> u32 {
        ONCE.fetch_add(1, Ordering::SeqCst);
        sum
    }
    #[flow]
    async fn all() -> Result<u32> {
        let parts = read::map(0..3);
        let fragile = fragile(7).await?;
        let sum = blocking::of(&parts).await?;
        Ok(charge(sum + fragile).await?)
    }

    let plainly = all().on(&Runtime::builder().build()).await.unwrap();
    let once = std::mem::take(&mut *KEYS.lock().unwrap());
    assert_eq!(all().on(&Runtime::builder().repeat_bodies().build()).await.unwrap(), plainly);
    let twice = std::mem::take(&mut *KEYS.lock().unwrap());
    assert_eq!((once.len(), twice.len()), (6, 12));
    for key in &twice {
        assert_eq!(twice.iter().filter(|other| *other == key).count(), 2, "{key}");
    }
    assert_eq!(ONCE.load(Ordering::SeqCst), 2, "once in each run");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_run_at_most_once_holds_its_slot_while_it_runs() {
    static RUNNING: AtomicU32 = AtomicU32::new(0);

    #[task(at_most_once, concurrency = "till")]
    async fn charge(_n: u32) -> u32 {
        let beside = RUNNING.fetch_add(1, Ordering::SeqCst);
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        RUNNING.fetch_sub(1, Ordering::SeqCst);
        beside
    }
    #[flow]
    async fn charges() -> Result<Vec<u32>> {
        Ok(charge::map(0..20).await?)
    }

    let folder = Folder::new();
    let runtime = Runtime::builder().store(folder.open()).limit("till", 1).build();
    assert_eq!(charges().on(&runtime).await.unwrap(), [0; 20], "none runs beside another one");
}

#[tokio::test]
async fn what_is_kept_is_not_done_again_by_a_retry_of_the_flow_although_it_cannot_be_cloned() {
    static CHARGED: AtomicU32 = AtomicU32::new(0);

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Receipt(u32);

    #[task(at_most_once)]
    async fn charge() -> Receipt {
        Receipt(CHARGED.fetch_add(1, Ordering::SeqCst))
    }
    #[flow(retries = 1)]
    async fn shop() -> Result<u32> {
        let receipt = charge().await?;
        if ctx().attempt() == 1 { Err("the network is gone".into()) } else { Ok(receipt.0) }
    }

    let folder = Folder::new();
    let runtime = Runtime::builder().store(folder.open()).build();
    assert_eq!(shop().on(&runtime).await.unwrap(), 0);
    assert_eq!(CHARGED.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_an_earlier_process_finished_is_not_done_again_by_a_retry_of_the_flow() {
    static READ: AtomicU32 = AtomicU32::new(0);
    static TRIES: AtomicU32 = AtomicU32::new(0);

    #[task]
    async fn read() -> u32 {
        READ.fetch_add(1, Ordering::SeqCst) + 7
    }
    #[flow(retries = 1)]
    async fn stubborn() -> Result<u32> {
        let read = read().await?;
        // It fails twice in the first process, and once in the second.
        if TRIES.fetch_add(1, Ordering::SeqCst) < 3 { Err("the network is gone".into()) } else { Ok(read) }
    }

    let folder = Folder::new();
    let id = {
        let run = stubborn().on(&Runtime::builder().store(folder.open()).build()).run().await;
        assert!(run.result().is_err());
        run.id().unwrap()
    };
    let runtime = Runtime::builder().store(folder.open()).build();
    assert_eq!(stubborn::resume(id).on(&runtime).await.unwrap(), 7);
    assert_eq!(READ.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_may_run_at_most_once_is_not_retried_whatever_the_call_or_its_flow_says() {
    static PAID: AtomicU32 = AtomicU32::new(0);

    #[task(at_most_once)]
    async fn pay() -> Result<u32, String> {
        PAID.fetch_add(1, Ordering::SeqCst);
        Err("no answer".into())
    }
    #[flow(task_defaults(retries = 3))]
    async fn pays() -> Result<u32> {
        Ok(pay().retries(2).await?)
    }

    assert!(pays().await.is_err());
    assert_eq!(PAID.load(Ordering::SeqCst), 1);
}
