//! Forgetting: what is old and has ended goes, with everything that belongs to it, and nothing else.

use std::time::Duration;

use super::StorePlace;
use super::script::*;
use crate::model::{EventKind, FlowRunId, LogLevel, TaskRunId, WallTime};
use crate::store::{CacheEntry, Entry, LogEntry, LogFilter, Retention, Store};

const DAY: Duration = Duration::from_secs(86_400);
const AGED: Retention = Retention { younger_than: Some(DAY), newest: None, cached: false };

/// A run that has ended, years ago or a moment ago.
fn ended(store: &dyn Store, is_old: bool) -> FlowRunId {
    let now = WallTime::from(crate::clock::wall_now());
    let created_at = Some(if is_old { FIRST } else { now });
    let mut run = Script::born(store, &ETL, Birth { created_at, ..Birth::default() });
    run.completes(store, &FETCH, b"1");
    run.ends(store);
    run.id()
}

fn is_kept(store: &dyn Store, id: FlowRunId) -> bool {
    store.flow_run(id).unwrap().is_some()
}

pub fn nothing_is_forgotten_where_nothing_is_said<P: StorePlace>() {
    let place = P::new();
    let run = ended(place.store(), true);
    assert_eq!(place.store().prune(Retention::default()).unwrap().flow_runs, 0);
    assert!(is_kept(place.store(), run));
}

pub fn old_runs_are_forgotten_with_all_that_belongs_to_them<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let mut old = Script::begin(store);
    let fetch = old.create(store, &FETCH);
    old.happens(store, fetch, started(1));
    old.apply(fetch, EventKind::Completed);
    let (result, cache) = (Some(vec![7; 1 << 20]), Some(cache_entry("a")));
    write(store, Entry { result, cache, ..old.last_entry() }).unwrap();
    store.log(LogEntry {
        run: old.id(),
        task_run: fetch,
        at: FIRST,
        level: LogLevel::Info,
        target: String::new(),
        message: "unforgettable".into(),
    });
    old.ends(store);
    let young = ended(store, false);
    assert_eq!(store.prune(AGED).unwrap().flow_runs, 1);
    assert!(!is_kept(store, old.id()));
    assert!(is_kept(store, young));
    assert_eq!(all_task_runs(store, old.id()), []);
    assert_eq!(store.events(old.id(), 0, 9).unwrap(), []);
    assert_eq!(store.logs(old.id(), &LogFilter::default(), 0, 9).unwrap(), []);
    assert_eq!(store.result(old.id(), fetch).unwrap(), None);
    assert_eq!(store.cached(cache_key("a")).unwrap(), None);
    assert_eq!(store.find(&old.id().short(), 9).unwrap(), []);
    assert_eq!(store.prune(AGED).unwrap().flow_runs, 0);
}

pub fn the_newest_runs_are_kept<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let runs: Vec<FlowRunId> = (0..5).map(|_| ended(store, true)).collect();
    assert_eq!(store.prune(Retention { newest: Some(2), ..Retention::default() }).unwrap().flow_runs, 3);
    let kept: Vec<bool> = runs.iter().map(|id| is_kept(store, *id)).collect();
    assert_eq!(kept, [false, false, false, true, true]);
}

pub fn both_age_and_number_must_allow_pruning<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let (older, old, young) = (ended(store, true), ended(store, true), ended(store, false));
    let keep = Retention { newest: Some(2), ..AGED };
    assert_eq!(store.prune(keep).unwrap().flow_runs, 1);
    assert_eq!([older, old, young].map(|id| is_kept(store, id)), [false, true, true]);
    let keep = Retention { newest: Some(0), ..AGED };
    assert_eq!(store.prune(keep).unwrap().flow_runs, 1);
    assert!(is_kept(store, young));
}

pub fn runs_that_have_not_ended_are_kept<P: StorePlace>() {
    let mut place = P::new();
    let crashed = Script::begin(place.store());
    place.store().flush().unwrap();
    place.crash();
    let store = place.store();
    let mut suspended = Script::begin(store);
    suspended.happens(store, TaskRunId::FLOW, started(1));
    acknowledged(|ack| store.suspend(suspended.owned, Some(ack))).unwrap();
    let running = Script::begin(store);
    store.flush().unwrap();
    for keep in [AGED, Retention { newest: Some(0), ..Retention::default() }] {
        assert_eq!(store.prune(keep).unwrap().flow_runs, 0);
    }
    assert_eq!([&crashed, &suspended, &running].map(|run| is_kept(store, run.id())), [true; 3]);
}

pub fn a_sub_flow_stays_with_the_run_that_started_it<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let mut parent = Script::begin(store);
    let node = parent.create(store, &ETL);
    let birth = Birth { parent: Some((parent.id(), node)), ..Birth::default() };
    let mut child = Script::born(store, &ETL, birth);
    child.ends(store);
    assert_eq!(store.prune(AGED).unwrap().flow_runs, 0);
    assert!(is_kept(store, child.id()));
    parent.ends(store);
    assert_eq!(store.prune(AGED).unwrap().flow_runs, 2);
    assert!(!is_kept(store, child.id()));
}

pub fn a_result_that_the_cache_offers_spares_its_run_if_that_is_wanted<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let caching = |input: &str, ttl: Option<Duration>, birth: Birth| {
        let mut run = Script::born(store, &ETL, birth);
        let id = run.create(store, &FETCH);
        run.happens(store, id, started(1));
        run.apply(id, EventKind::Completed);
        let cache = Some(CacheEntry { ttl, ..cache_entry(input) });
        write(store, Entry { result: Some(sealed(b"1")), cache, ..run.last_entry() }).unwrap();
        run
    };
    // All of them ended years ago.
    let mut expired = caching("expired", Some(DAY), Birth::default());
    let mut fresh = caching("fresh", None, Birth::default());
    let mut parent = Script::begin(store);
    let node = parent.create(store, &ETL);
    let birth = Birth { parent: Some((parent.id(), node)), ..Birth::default() };
    let mut child = caching("fresh in a sub-flow", None, birth);
    for run in [&mut expired, &mut fresh, &mut child, &mut parent] {
        run.ends(store);
    }
    assert_eq!(store.prune(Retention { cached: true, ..AGED }).unwrap().flow_runs, 1);
    let kept = [&expired, &fresh, &parent, &child].map(|run| is_kept(store, run.id()));
    assert_eq!(kept, [false, true, true, true]);
    assert_eq!(store.prune(Retention { cached: true, ..Retention::default() }).unwrap().flow_runs, 0);
    assert_eq!(store.prune(AGED).unwrap().flow_runs, 3);
}
