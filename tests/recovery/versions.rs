//! What was made from a value that is recomputed stays only if the new value is equal.

use std::error::Error as StdError;
use std::sync::atomic::{AtomicU32, Ordering};

use flowkit::prelude::*;
use flowkit::store::MemoryStore;
use flowkit::{Runtime, State, allow_failure};

use crate::kit::Folder;

/// A store in a file, whose processes are distinguished, and one in memory.
fn processes() -> [Box<dyn Fn() -> Runtime>; 2] {
    let folder = Folder::new();
    let memory = Runtime::builder().store(MemoryStore::new()).build();
    [Box::new(move || Runtime::builder().store(folder.open()).build()), Box::new(move || memory.clone())]
}

/// Counts how often something was done since it was asked last.
fn times(count: &AtomicU32) -> u32 {
    count.swap(0, Ordering::SeqCst)
}

static ROWS: AtomicU32 = AtomicU32::new(0);
static SCORED: AtomicU32 = AtomicU32::new(0);
static SUMMED: AtomicU32 = AtomicU32::new(0);
static READY: AtomicU32 = AtomicU32::new(0);

/// Of its result nothing is persisted, and it depends on the weather.
#[task(persist = "never")]
async fn load() -> Vec<u32> {
    let base = ROWS.load(Ordering::SeqCst);
    vec![base + 1, base + 2, 3]
}

#[task]
async fn score(row: u32) -> u32 {
    SCORED.fetch_add(1, Ordering::SeqCst);
    row * 1000
}

#[task]
async fn sum(rows: &[u32]) -> u32 {
    SUMMED.fetch_add(1, Ordering::SeqCst);
    rows.iter().sum()
}

#[task]
async fn outcome(rows: &Result<Vec<u32>, Error>) -> u32 {
    rows.as_ref().map_or(0, |rows| rows[0])
}

#[task]
async fn last(_scores: Vec<u32>, sum: u32, _outcome: u32) -> Result<u32, String> {
    if READY.load(Ordering::SeqCst) == 1 { Ok(sum) } else { Err("not ready".into()) }
}

#[flow]
async fn scores() -> Result<(Vec<u32>, Vec<u32>, u32, u32, u32)> {
    let rows = load().submit();
    let scores = score::map(&rows);
    let (sum, outcome) = (sum::of(&rows).submit(), outcome::of(allow_failure(&rows)).submit());
    // By value too.
    let mut values = Vec::new();
    for row in rows.clone().await? {
        values.push(score(row).await?);
    }
    let last = last::of(&scores, &sum, &outcome).await?;
    Ok((scores.await?, values, sum.await?, outcome.await?, last))
}

#[tokio::test]
async fn what_was_made_from_a_value_that_is_made_anew_is_made_anew_unless_that_is_the_same() {
    for process in processes() {
        READY.store(0, Ordering::SeqCst);
        ROWS.store(0, Ordering::SeqCst);
        let id = scores().on(&process()).run().await.id().unwrap();
        assert_eq!((times(&SCORED), times(&SUMMED)), (6, 1));

        // The same value again: what was made from it stays.
        assert!(scores::resume(id).on(&process()).await.is_err());
        assert_eq!((times(&SCORED), times(&SUMMED)), (0, 0));

        ROWS.store(10, Ordering::SeqCst);
        READY.store(1, Ordering::SeqCst);
        let values = scores::resume(id).on(&process()).await.unwrap();
        let expected = vec![11_000, 12_000, 3_000];
        assert_eq!(values, (expected.clone(), expected, 26, 11, 26));
        assert_eq!(times(&SUMMED), 1);
        assert_eq!(
            times(&SCORED),
            4,
            "the row that is the same keeps its two scores, by value and of the list"
        );
    }
}

/// Its first item is always the same. Nothing that it returns is persisted.
#[task(persist = "never")]
async fn orders() -> Vec<u32> {
    vec![1, LAST_ORDER.load(Ordering::SeqCst)]
}

static LAST_ORDER: AtomicU32 = AtomicU32::new(0);
static SHIPPED: AtomicU32 = AtomicU32::new(0);
static PACKED: AtomicU32 = AtomicU32::new(0);
static TOUCHED: AtomicU32 = AtomicU32::new(0);
static SHOP_TRIES: AtomicU32 = AtomicU32::new(0);

/// Cannot be compared, so that it counts by its position in the list.
struct Parcel;

#[task(persist = "never")]
async fn parcels() -> Vec<Parcel> {
    vec![Parcel, Parcel]
}

#[task(at_most_once)]
async fn ship(_order: u32) {
    SHIPPED.fetch_add(1, Ordering::SeqCst);
}

#[task]
async fn pack(_order: u32) {
    PACKED.fetch_add(1, Ordering::SeqCst);
}

#[flow]
async fn packing(order: u32) -> Result<()> {
    Ok(pack(order).await?)
}

#[task]
async fn touch(_parcel: &Parcel) {
    TOUCHED.fetch_add(1, Ordering::SeqCst);
}

#[flow]
async fn ships() -> Result<()> {
    let (orders, parcels) = (orders().submit(), parcels().submit());
    let (shipped, packed) = (ship::map(&orders), packing::map(&orders));
    let touched = touch::map(&parcels);
    shipped.await?;
    packed.await?;
    touched.await?;
    if SHOP_TRIES.fetch_add(1, Ordering::SeqCst) == 0 { Err("not ready".into()) } else { Ok(()) }
}

#[tokio::test]
async fn what_was_made_from_an_item_stands_when_the_rest_of_its_list_changes() {
    for process in processes() {
        SHOP_TRIES.store(0, Ordering::SeqCst);
        LAST_ORDER.store(2, Ordering::SeqCst);
        let id = ships().on(&process()).run().await.id().unwrap();
        assert_eq!((times(&SHIPPED), times(&PACKED), times(&TOUCHED)), (2, 2, 2));

        LAST_ORDER.store(3, Ordering::SeqCst);
        ships::resume(id).on(&process()).await.unwrap();
        assert_eq!((times(&SHIPPED), times(&PACKED)), (1, 1), "of the new item, also in a sub-flow");
        assert_eq!(times(&TOUCHED), 2, "nobody knows whether these are the same");
    }
}

static PAID: AtomicU32 = AtomicU32::new(0);
static PRICE: AtomicU32 = AtomicU32::new(0);

#[task(persist = "never")]
async fn price() -> u32 {
    PRICE.load(Ordering::SeqCst)
}

#[task(at_most_once)]
async fn pay(price: u32) -> u32 {
    PAID.fetch_add(1, Ordering::SeqCst);
    price
}

#[flow]
async fn shop() -> Result<u32> {
    let price = price().submit();
    let paid = pay::of(&price).await?;
    if READY_TO_SHIP.load(Ordering::SeqCst) == 1 { Ok(paid) } else { Err("not ready".into()) }
}

static READY_TO_SHIP: AtomicU32 = AtomicU32::new(0);

#[tokio::test]
async fn what_may_run_at_most_once_is_not_run_with_another_value_of_its_input() {
    for process in processes() {
        READY_TO_SHIP.store(0, Ordering::SeqCst);
        PRICE.store(5, Ordering::SeqCst);
        let id = shop().on(&process()).run().await.id().unwrap();
        PRICE.store(7, Ordering::SeqCst);
        READY_TO_SHIP.store(1, Ordering::SeqCst);
        for _ in 0..2 {
            let refused = shop::resume(id).on(&process()).await.unwrap_err();
            let mut why = refused.to_string();
            let mut next = refused.source();
            while let Some(error) = next {
                why = format!("{why}: {error}");
                next = error.source();
            }
            assert!(why.contains("at most once") && why.contains("`price`"), "{why}");
        }
        assert_eq!(times(&PAID), 1);
        PRICE.store(5, Ordering::SeqCst);
        assert_eq!(shop::resume(id).on(&process()).await.unwrap(), 5, "the old value is given again");
        assert_eq!(times(&PAID), 0);
    }
}

#[tokio::test]
async fn what_was_made_from_a_value_that_cannot_be_compared_is_made_again() {
    static USED: AtomicU32 = AtomicU32::new(0);
    static TRIES: AtomicU32 = AtomicU32::new(0);

    #[derive(Clone)]
    struct Connection;

    #[task]
    async fn connect() -> Connection {
        Connection
    }
    #[task]
    async fn using(connection: &Connection) -> u32 {
        let Connection = connection;
        USED.fetch_add(1, Ordering::SeqCst)
    }
    #[flow]
    async fn uses() -> Result<u32> {
        let connection = connect().submit();
        let used = using::of(&connection).await?;
        if TRIES.fetch_add(1, Ordering::SeqCst) == 0 { Err("not ready".into()) } else { Ok(used) }
    }

    let folder = Folder::new();
    let process = || Runtime::builder().store(folder.open()).build();
    let id = uses().on(&process()).run().await.id().unwrap();
    let resumed = uses::resume(id).on(&process()).run().await;
    assert_eq!(resumed.result().as_ref().unwrap(), &1);
    let using = resumed.task_runs_of("using");
    assert_eq!((using.len(), using[0].state), (1, State::Completed), "in its own row");
}

#[tokio::test]
async fn a_retry_of_the_flow_in_the_process_follows_the_same_rule() {
    static LOADED: AtomicU32 = AtomicU32::new(0);
    static USED: AtomicU32 = AtomicU32::new(0);

    /// Not `Clone`, so that a retry of the flow makes it again; and other than it was, every second time.
    #[derive(serde::Serialize)]
    struct Loaded(u32);

    #[task]
    async fn load_one() -> Loaded {
        Loaded(LOADED.fetch_add(1, Ordering::SeqCst) / 2)
    }
    #[task]
    async fn using(loaded: &Loaded) -> u32 {
        USED.fetch_add(1, Ordering::SeqCst);
        loaded.0
    }
    #[flow(retries = 3)]
    async fn uses() -> Result<u32> {
        let loaded = load_one().submit();
        let used = using::of(&loaded).await?;
        if ctx().attempt() < 4 { Err("not ready".into()) } else { Ok(used) }
    }

    let [file, memory] = processes();
    for runtime in [file(), memory(), Runtime::builder().build()] {
        LOADED.store(0, Ordering::SeqCst);
        assert_eq!(uses().on(&runtime).await.unwrap(), 1);
        assert_eq!((times(&LOADED), times(&USED)), (4, 2), "twice the same value, twice another one");
    }
}

#[tokio::test]
async fn a_sub_flow_runs_anew_with_another_value_of_its_input() {
    static DOUBLED: AtomicU32 = AtomicU32::new(0);
    static GIVEN: AtomicU32 = AtomicU32::new(1);
    static TRIES: AtomicU32 = AtomicU32::new(0);

    #[task(persist = "never")]
    async fn give() -> u32 {
        GIVEN.load(Ordering::SeqCst)
    }
    #[task]
    async fn double(of: u32) -> u32 {
        DOUBLED.fetch_add(1, Ordering::SeqCst);
        2 * of
    }
    #[flow]
    async fn inner(of: u32) -> Result<u32> {
        Ok(double(of).await?)
    }
    #[flow]
    async fn outer() -> Result<u32> {
        let given = give().submit();
        let doubled = inner::of(&given).await?;
        if TRIES.fetch_add(1, Ordering::SeqCst) < 2 { Err("not ready".into()) } else { Ok(doubled) }
    }

    let folder = Folder::new();
    let process = || Runtime::builder().store(folder.open()).build();
    let id = outer().on(&process()).run().await.id().unwrap();
    assert!(outer::resume(id).on(&process()).await.is_err());
    assert_eq!(times(&DOUBLED), 1, "the value was the same");
    GIVEN.store(5, Ordering::SeqCst);
    assert_eq!(outer::resume(id).on(&process()).await.unwrap(), 10);
    assert_eq!(times(&DOUBLED), 1);
}

/// What a task returned before its rerun is not what it returns now.
#[tokio::test]
async fn the_old_result_is_gone_when_a_task_that_is_done_again_gives_one_that_cannot_be_persisted() {
    static RATED: AtomicU32 = AtomicU32::new(0);
    static TRIES: AtomicU32 = AtomicU32::new(0);

    #[task]
    async fn rate() -> f64 {
        if RATED.fetch_add(1, Ordering::SeqCst) == 0 { 0.5 } else { f64::NAN }
    }
    #[flow]
    async fn rates() -> Result<bool> {
        let rate = rate().await?;
        if TRIES.fetch_add(1, Ordering::SeqCst) < 2 { Err("not ready".into()) } else { Ok(rate.is_nan()) }
    }

    for process in processes() {
        let id = rates().on(&process()).run().await.id().unwrap();
        assert!(rates::resume(id).rerun_from("rate").on(&process()).await.is_err());
        assert!(rates::resume(id).on(&process()).await.unwrap(), "not the half that it gave at first");
        assert_eq!((times(&RATED), times(&TRIES)), (3, 3));
    }
}
