//! Keys for which there is one run.

use super::StorePlace;
use super::script::*;
use crate::model::FlowRunId;
use crate::store::{Reserved, Retention, Store, StoreError};

fn id(number: u128) -> FlowRunId {
    FlowRunId::new(uuid::Uuid::from_u128(number))
}

fn everything_that_has_ended() -> Retention {
    Retention { newest: Some(0), ..Retention::default() }
}

/// Reserves a key for a run that is begun next.
#[track_caller]
fn reserved(store: &dyn Store, key: &str) -> Birth {
    let birth = Birth { id: Some(next_id(FIRST)), key: Some(key.into()), ..Birth::default() };
    assert_eq!(store.reserve(key, birth.id.unwrap()).unwrap(), Reserved::Granted);
    birth
}

pub fn a_key_is_reserved_for_one_run_until_that_begins<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let birth = reserved(store, "a");
    let first = birth.id.unwrap();
    let elsewhere = place.elsewhere();
    for store in [Some(store), elsewhere.as_deref()].into_iter().flatten() {
        // However often it is asked for: its process lives.
        for _ in 0..300 {
            let answer = store.reserve("a", id(2)).unwrap();
            assert!(
                matches!(&answer, Reserved::Held(run, owner) if *run == first && owner.pid == std::process::id())
            );
        }
    }
    assert_eq!(store.reserve("b", id(2)).unwrap(), Reserved::Granted, "another key");
    let run = Script::born(store, &ETL, birth);
    for store in [Some(store), elsewhere.as_deref()].into_iter().flatten() {
        assert_eq!(store.reserve("a", id(3)).unwrap(), Reserved::Begun(run.id()));
    }
}

pub fn a_key_that_is_given_back_or_whose_process_dies_can_be_reserved_again<P: StorePlace>() {
    let mut place = P::new();
    let first = reserved(place.store(), "a").id.unwrap();
    place.store().unreserve("a", id(7));
    assert!(
        matches!(place.store().reserve("a", id(2)).unwrap(), Reserved::Held(..)),
        "another's is not given back"
    );
    place.store().unreserve("a", first);
    reserved(place.store(), "a");
    place.crash();
    let birth = reserved(place.store(), "a");
    let run = Script::born(place.store(), &ETL, birth);
    place.store().unreserve("a", run.id());
    assert_eq!(place.store().reserve("a", id(2)).unwrap(), Reserved::Begun(run.id()), "it has begun");
}

pub fn a_run_whose_key_is_not_reserved_for_it_any_more_does_not_begin<P: StorePlace>() {
    let place = P::new();
    let late = reserved(place.store(), "a");
    place.store().unreserve("a", late.id.unwrap());
    let birth = reserved(place.store(), "a");
    let mut late = Script::born(place.store(), &ETL, late);
    let refused = late.try_happen(place.store(), crate::model::TaskRunId::FLOW, started(1));
    assert!(matches!(refused, Err(StoreError::UnknownRun { .. })), "{refused:?}");
    let mut run = Script::born(place.store(), &ETL, birth);
    run.ends(place.store());
    let later = Script::born(place.store(), &ETL, Birth { key: Some("a".into()), ..Birth::default() });
    place.store().flush().unwrap();
    assert_eq!(place.store().reserve("a", id(1)).unwrap(), Reserved::Begun(run.id()));
    for never_begun in [late.id(), later.id()] {
        assert_eq!(place.store().flow_run(never_begun).unwrap(), None);
    }
}

pub fn a_key_stays_with_a_run_that_has_begun_and_goes_with_it<P: StorePlace>() {
    let mut place = P::new();
    let birth = reserved(place.store(), "a");
    let mut run = Script::born(place.store(), &ETL, birth);
    run.ends(place.store());
    place.crash();
    assert_eq!(place.store().reserve("a", id(1)).unwrap(), Reserved::Begun(run.id()));
    place.store().prune(everything_that_has_ended()).unwrap();
    assert_eq!(place.store().reserve("a", id(1)).unwrap(), Reserved::Granted);
}
