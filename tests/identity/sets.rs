//! Sets have the order of their hasher, which says nothing about a call.

use std::collections::{BTreeSet, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use flowkit::prelude::*;
use flowkit::store::MemoryStore;
use flowkit::{Runtime, Secret};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::captured::Captured;
use crate::states;

/// A set with its own hasher, and so with its own order.
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

/// Writes a set as a plain list, in the order of its hasher. Nothing shows that it is one.
#[derive(Clone)]
struct Listed(HashSet<u64>);

impl Serialize for Listed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.iter().collect::<Vec<_>>().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Listed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        HashSet::deserialize(deserializer).map(Self)
    }
}

/// Writes a set as text, in the order of its hasher.
#[derive(Clone, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
struct Worded(HashSet<u64>);

impl From<Worded> for String {
    fn from(ids: Worded) -> Self {
        ids.0.iter().map(u64::to_string).collect::<Vec<_>>().join(",")
    }
}

impl From<String> for Worded {
    fn from(text: String) -> Self {
        Self(text.split(',').map(|id| id.parse().unwrap()).collect())
    }
}

/// Writes a set as a list that is sorted.
#[derive(Clone, Serialize, Deserialize)]
#[serde(into = "Vec<u64>", from = "Vec<u64>")]
struct Sorted(HashSet<u64>);

impl From<Sorted> for Vec<u64> {
    fn from(ids: Sorted) -> Self {
        let mut ids: Vec<_> = ids.0.into_iter().collect();
        ids.sort_unstable();
        ids
    }
}

impl From<Vec<u64>> for Sorted {
    fn from(ids: Vec<u64>) -> Self {
        Self(ids.into_iter().collect())
    }
}

/// As [`Listed`], and cannot be read, or not without a panic.
#[derive(Clone)]
struct Unread<const PANICS: bool>(Listed);

impl<const PANICS: bool> Serialize for Unread<PANICS> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, const PANICS: bool> Deserialize<'de> for Unread<PANICS> {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        assert!(!PANICS, "it cannot be read");
        Err(serde::de::Error::custom("it cannot be read"))
    }
}

#[flowkit::test]
async fn a_set_that_is_written_in_the_order_of_its_hasher_is_not_paid_for() {
    static PAID: AtomicU32 = AtomicU32::new(0);

    #[task(at_most_once)]
    async fn pay(order: u32, ids: Listed) -> usize {
        PAID.fetch_add(1, Ordering::SeqCst);
        ids.0.len() + order as usize
    }
    #[task(at_most_once)]
    async fn pay_by_text(ids: &Worded) -> usize {
        PAID.fetch_add(1, Ordering::SeqCst);
        ids.0.len()
    }
    #[task(at_most_once)]
    async fn pay_all(ids: &[Option<Listed>]) -> usize {
        PAID.fetch_add(1, Ordering::SeqCst);
        ids.len()
    }
    #[flow]
    async fn shop() -> Result<()> {
        assert!(pay(1, Listed(ids())).await.is_err());
        assert!(pay_by_text(&Worded(ids())).await.is_err());
        assert!(pay_all(&[None, Some(Listed(ids()))]).await.is_err());
        assert!(pay::map([1, 2], Listed(ids())).await.is_err());
        Ok(())
    }

    let runtime = Runtime::builder().store(MemoryStore::new()).build();
    let run = shop().on(&runtime).run().await;
    run.result().as_ref().unwrap();
    assert_eq!(run.task_runs().len(), 5);
    for refused in run.task_runs() {
        let error = refused.error.as_deref().unwrap().to_string();
        assert!(error.contains("its argument `ids: "), "{error}");
        assert!(error.contains("in the order of its hasher (sort it there)"), "{error}");
        assert!(error.contains("give the task `key = |…| …`"), "{error}");
        assert_eq!(refused.attempt, 0, "it has not begun");
    }
    assert_eq!(PAID.load(Ordering::SeqCst), 0);
}

#[flowkit::test]
async fn what_is_written_alike_or_cannot_be_read_is_paid_for() {
    #[task(at_most_once)]
    async fn pay(list: Vec<u64>, sorted: &Sorted, set: HashSet<u64>, pairs: &[(f32, String)]) -> usize {
        list.len() + sorted.0.len() + set.len() + pairs.len()
    }
    #[task(at_most_once)]
    async fn pay_unread(
        ids: Unread<false>,
        others: Unread<true>,
        password: Secret,
        lent: Option<&str>,
    ) -> usize {
        ids.0.0.len() + others.0.0.len() + password.expose().len() + lent.map_or(0, str::len)
    }
    #[task(at_most_once, ignore(ids))]
    async fn pay_ignoring(ids: Listed) -> usize {
        ids.0.len()
    }
    #[task(at_most_once, key = |ids: &Listed| ids.0.len())]
    async fn pay_by_key(ids: Listed) -> usize {
        ids.0.len()
    }
    #[flow]
    async fn shop() -> Result<usize> {
        let pairs = [(0.1, "a".to_owned())];
        let paid = pay(vec![3, 1, 2], &Sorted(ids()), ids(), &pairs).await?
            + pay_unread(Unread(Listed(ids())), Unread(Listed(ids())), Secret::new("abc"), Some("a")).await?
            + pay_ignoring(Listed(ids())).await?
            + pay_by_key(Listed(ids())).await?;
        Ok(paid)
    }

    let runtime = Runtime::builder().store(MemoryStore::new()).build();
    assert_eq!(shop().on(&runtime).await.unwrap(), 44 + 44 + 20 + 20);
}

#[flowkit::test]
async fn a_set_that_is_written_in_the_order_of_its_hasher_is_not_cached_and_the_log_says_why() {
    #[task(cache = "inputs")]
    async fn count(ids: &Listed) -> usize {
        ids.0.len()
    }
    #[task(cache = "inputs")]
    async fn count_sorted(ids: Sorted) -> usize {
        ids.0.len()
    }
    #[flow]
    async fn counts() -> Result<()> {
        let same = Listed(ids());
        count(&same).await?;
        count(&same).await?;
        count_sorted(Sorted(ids())).await?;
        count_sorted(Sorted(ids())).await?;
        Ok(())
    }

    let (captured, _guard) = Captured::start();
    let run = counts().run().await;
    assert_eq!(states(&run, "count"), [State::Completed, State::Completed]);
    assert_eq!(states(&run, "count_sorted"), [State::Completed, State::Cached]);
    let said = captured.lines().into_iter().find(|line| line.message.starts_with("not cached"));
    assert!(format!("{:?}", said.unwrap()).contains("in the order of its hasher (sort it there)"));
}
