//! Sets have the order of their hasher, which says nothing about a call.

use std::collections::{BTreeSet, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use flowkit::Runtime;
use flowkit::prelude::*;
use flowkit::store::MemoryStore;

use crate::states;

/// A set with a hasher, and so with an order, of its own.
fn ids() -> HashSet<u64> {
    (0..20).collect()
}

#[flowkit::test]
async fn a_task_that_takes_a_set_is_not_paid_again_when_the_flow_is_retried() {
    static PAID: AtomicU32 = AtomicU32::new(0);

    #[task(at_most_once)]
    async fn pay(ids: HashSet<u64>) -> usize {
        PAID.fetch_add(1, Ordering::SeqCst);
        ids.len()
    }
    #[flow(retries = 3)]
    async fn orders() -> Result<usize, String> {
        let paid = pay(ids()).await.map_err(|error| error.to_string())?;
        if ctx().attempt() < 4 { Err("not yet".into()) } else { Ok(paid) }
    }

    assert_eq!(orders().await.unwrap(), 20);
    assert_eq!(PAID.load(Ordering::SeqCst), 1);
}

#[flowkit::test]
async fn a_set_gives_the_same_idempotency_key_in_every_attempt() {
    static KEYS: Mutex<Vec<String>> = Mutex::new(Vec::new());

    #[task]
    async fn charge(_ids: HashSet<u64>) -> Result<(), String> {
        KEYS.lock().unwrap().push(ctx().idempotency_key().unwrap());
        Err("the bank is closed".into())
    }
    #[flow(retries = 3)]
    async fn orders() -> Result<()> {
        charge(ids()).await?;
        Ok(())
    }

    let runtime = Runtime::builder().store(MemoryStore::new()).build();
    orders().on(&runtime).await.unwrap_err();
    let keys = KEYS.lock().unwrap();
    assert_eq!(keys.len(), 4);
    assert_eq!(keys.iter().collect::<HashSet<_>>().len(), 1, "{keys:?}");
}

#[flowkit::test]
async fn the_cache_knows_a_set_again_whatever_its_type_and_order() {
    #[task(cache = "inputs")]
    async fn count(ids: HashSet<u64>) -> usize {
        ids.len()
    }
    #[task(cache = "inputs")]
    async fn count_nested(ids: Vec<Option<BTreeSet<u64>>>) -> usize {
        ids.len()
    }
    #[flow]
    async fn counts() -> Result<()> {
        count(ids()).await?;
        count(ids()).await?;
        count((0..19).collect()).await?;
        count_nested(vec![None, Some((0..3).collect())]).await?;
        count_nested(vec![None, Some((0..3).collect())]).await?;
        Ok(())
    }

    let run = counts().run().await;
    assert_eq!(states(&run, "count"), [State::Completed, State::Cached, State::Completed]);
    assert_eq!(states(&run, "count_nested"), [State::Completed, State::Cached]);
}
