//! Handles and lists in the key of a call: it must not depend on what has ended by the time of the call.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use flowkit::prelude::*;

use crate::states;

#[task]
async fn numbers() -> Vec<u32> {
    vec![1, 2, 3]
}

#[task]
async fn double(n: u32) -> u32 {
    n * 2
}

#[flowkit::test]
async fn what_takes_a_mapped_list_has_the_same_key_whether_the_list_is_known_by_then_or_not() {
    static KEYS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    static PAID: AtomicU32 = AtomicU32::new(0);

    #[task(at_most_once)]
    async fn total(of: Vec<u32>) -> u32 {
        PAID.fetch_add(1, Ordering::SeqCst);
        KEYS.lock().unwrap().insert(ctx().idempotency_key().unwrap());
        of.iter().sum()
    }
    #[task]
    async fn report(total: u32) -> String {
        KEYS.lock().unwrap().insert(ctx().idempotency_key().unwrap());
        total.to_string()
    }
    #[flow(retries = 2)]
    async fn sums() -> Result<String> {
        let list = numbers().submit();
        if ctx().attempt() == 2 {
            (&list).await?;
        }
        let doubled = double::map(&list);
        let again = double::map(&doubled);
        if ctx().attempt() > 1 {
            again.list().await?;
        }
        if ctx().attempt() == 3 {
            again.clone().await?;
        }
        let total = total::of(&again).submit();
        let report = report::of(&total).await?;
        if ctx().attempt() < 3 { Err("again".into()) } else { Ok(report) }
    }

    assert_eq!(sums().await.unwrap(), "24");
    assert_eq!(PAID.load(Ordering::SeqCst), 1);
    assert_eq!(KEYS.lock().unwrap().len(), 2, "one for each task: {:?}", KEYS.lock().unwrap());
}

#[flowkit::test]
async fn one_more_item_in_a_list_changes_nothing_for_the_others() {
    #[task(persist = "never")]
    async fn rows(attempt: u32) -> Vec<u32> {
        if attempt == 1 { vec![1, 2, 3] } else { vec![0, 1, 2, 3] }
    }
    #[flow(retries = 1)]
    async fn squares() -> Result<Vec<u32>> {
        let rows = rows(ctx().attempt()).submit();
        let doubled = double::map(&rows).await?;
        if ctx().attempt() == 1 { Err("again".into()) } else { Ok(doubled) }
    }

    let run = squares().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &[0, 2, 4, 6]);
    use State::{Cached, Completed};
    assert_eq!(states(&run, "double"), [Completed, Completed, Completed, Completed, Cached, Cached, Cached]);
}

#[flowkit::test]
async fn an_item_that_cannot_be_compared_is_found_by_its_list_and_its_place_in_it() {
    #[derive(Clone)]
    struct Row(u32);

    #[task]
    async fn rows() -> Vec<Row> {
        vec![Row(1), Row(2)]
    }
    #[task]
    async fn value(row: &Row) -> u32 {
        row.0
    }
    #[flow(retries = 1)]
    async fn values() -> Result<Vec<u32>> {
        let values = value::map(rows().submit()).await?;
        if ctx().attempt() == 1 { Err("again".into()) } else { Ok(values) }
    }

    let run = values().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &[1, 2]);
    use State::{Cached, Completed};
    assert_eq!(states(&run, "value"), [Completed, Completed, Cached, Cached]);
}
