//! Results that other runs find, and the right to make one.

use super::StorePlace;
use super::script::*;
use crate::model::{EventKind, TaskRunId};
use crate::policy::cache::{CacheKey, Difference, KeyParts, TaskIdentity};
use crate::store::{CacheEntry, CacheExplanation, Entry, Leased, Store, explain_cache};

/// Ends a started task with a result under a cache key.
fn caches(run: &mut Script, store: &dyn Store, input: &str, value: Option<&[u8]>) -> crate::model::TaskRunId {
    let id = run.create(store, &FETCH);
    run.happens(store, id, started(1));
    run.apply(id, EventKind::Completed);
    let entry = Entry { result: value.map(sealed), cache: Some(cache_entry(input)), ..run.last_entry() };
    write(store, entry).unwrap();
    id
}

pub fn a_cached_value_appears_with_its_result<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let mut run = Script::begin(store);
    assert_eq!(store.cached(cache_key("a")).unwrap(), None);
    let id = caches(&mut run, store, "a", Some(b"1"));
    let cached = store.cached(cache_key("a")).unwrap().unwrap();
    assert_eq!((cached.envelope, cached.from), (sealed(b"1"), (run.id(), id)));
    assert_eq!(cached.ttl, cache_entry("a").ttl);
    assert_eq!(store.cached(cache_key("b")).unwrap(), None);
}

pub fn a_cache_entry_without_a_result_is_not_kept<P: StorePlace>() {
    let place = P::new();
    let mut run = Script::begin(place.store());
    caches(&mut run, place.store(), "a", None);
    assert_eq!(place.store().cached(cache_key("a")).unwrap(), None);
}

pub fn the_latest_result_stands_for_its_key<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let (mut one, mut other) = (Script::begin(store), Script::begin(store));
    caches(&mut one, store, "a", Some(b"1"));
    let id = caches(&mut other, store, "a", Some(b"2"));
    let cached = store.cached(cache_key("a")).unwrap().unwrap();
    assert_eq!((cached.envelope, cached.from), (sealed(b"2"), (other.id(), id)));
}

pub fn a_miss_is_explained_by_the_nearest_earlier_result<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let mut run = Script::begin(store);
    let first = caches(&mut run, store, "a", Some(b"1"));
    let second = caches(&mut run, store, "b", Some(b"2"));
    let explained = |id| explain_cache(store, run.id(), id).unwrap().unwrap();
    assert_eq!(explained(first), CacheExplanation::First);
    let why = explained(second);
    assert!(matches!(&why, CacheExplanation::Differs { from, .. } if *from == (run.id(), first)), "{why:?}");
    assert!(why.to_string().ends_with(r#"argument `url` was "a", is "b""#), "{why}");
    assert_eq!(explain_cache(store, run.id(), crate::model::TaskRunId::new(99)).unwrap(), None);
}

pub fn a_miss_is_explained_however_many_results_have_come_since<P: StorePlace>() {
    const MANY: u64 = 1100;
    let place = P::new();
    let store = place.store();
    let all = |run: &mut Script, task: TaskIdentity<'_>| {
        let ids: Vec<TaskRunId> = (0..MANY)
            .map(|item| {
                let id = run.create(store, &FETCH);
                run.happens(store, id, started(1));
                run.apply(id, EventKind::Completed);
                let CacheEntry { ttl, parts, .. } = cache_entry(&item.to_string());
                let key = CacheKey::new(&task, None, parts.inputs[0].digest);
                let cache = Some(CacheEntry { key, ttl, parts: KeyParts::new(&task, parts.inputs) });
                store.record(Entry { result: Some(sealed(b"1")), cache, ..run.last_entry() }, None);
                id
            })
            .collect();
        store.flush().unwrap();
        ids
    };
    let (mut before, mut after) = (Script::begin(store), Script::begin(store));
    let first = all(&mut before, IDENTITY);
    let again = all(&mut after, TaskIdentity { source_hash: IDENTITY.source_hash + 1, ..IDENTITY });
    assert_eq!(explain_cache(store, before.id(), first[0]).unwrap(), Some(CacheExplanation::First));
    for item in [0, 7, 1099] {
        let differs = CacheExplanation::Differs {
            from: (before.id(), first[item]),
            differences: vec![Difference::Source],
        };
        assert_eq!(explain_cache(store, after.id(), again[item]).unwrap(), Some(differs), "{item}");
    }
}

pub fn a_result_that_only_its_run_shares_is_explained_so<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let mut runs = [Script::begin(store), Script::begin(store)];
    let ids = [0_u8, 1].map(|nth| {
        let run = &mut runs[usize::from(nth)];
        let id = run.create(store, &FETCH);
        run.happens(store, id, started(1));
        run.apply(id, EventKind::Completed);
        let CacheEntry { ttl, parts, .. } = cache_entry("a");
        let key = CacheKey::new(&IDENTITY, Some([nth; 16]), parts.inputs[0].digest);
        let cache = Some(CacheEntry { key, ttl, parts });
        write(store, Entry { result: Some(sealed(b"1")), cache, ..run.last_entry() }).unwrap();
        id
    });
    let why = explain_cache(store, runs[1].id(), ids[1]).unwrap().unwrap();
    assert!(why.to_string().contains("do not share results of this task"), "{why}");
}

pub fn a_lease_is_exclusive_until_it_is_released<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    assert!(lease(store, "a"));
    assert!(!lease(store, "a"));
    assert!(lease(store, "b"));
    let elsewhere = place.elsewhere();
    assert!(elsewhere.as_deref().is_none_or(|elsewhere| !lease(elsewhere, "a")));
    store.release(cache_key("a"));
    store.flush().unwrap();
    let next = elsewhere.as_deref().unwrap_or(store);
    assert!(lease(next, "a"));
    assert!(!lease(store, "a"));
}

pub fn keeping_a_result_gives_the_lease_back<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let mut run = Script::begin(store);
    assert!(lease(store, "a"));
    caches(&mut run, store, "a", Some(b"1"));
    assert!(lease(store, "a"));
}

pub fn a_lease_ends_with_its_owner<P: StorePlace>() {
    let mut place = P::new();
    assert!(lease(place.store(), "a"));
    place.crash();
    assert!(lease(place.store(), "a"));
}

pub fn a_lease_whose_caller_is_gone_is_free<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let (answer, caller) = tokio::sync::oneshot::channel();
    drop(caller);
    store.lease(cache_key("a"), answer);
    store.flush().unwrap();
    assert!(lease(store, "a"));
}

pub fn a_lease_comes_with_the_time_of_the_latest_result<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    assert_eq!(ask_for_lease(store, "a").unwrap(), Leased::Granted { stored_at: None });
    caches(&mut Script::begin(store), store, "a", Some(b"1"));
    let stored_at = store.cached(cache_key("a")).unwrap().map(|cached| cached.stored_at);
    assert!(stored_at.is_some());
    assert_eq!(ask_for_lease(store, "a").unwrap(), Leased::Granted { stored_at });
}
