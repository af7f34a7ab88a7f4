//! Keys for which there is one run.

use super::script::*;
use crate::model::FlowRunId;
use crate::store::Keep;

fn id(number: u128) -> FlowRunId {
    FlowRunId::new(uuid::Uuid::from_u128(number))
}

fn everything_that_has_ended() -> Keep {
    Keep { newest: Some(0), ..Keep::default() }
}

pub(crate) fn a_key_stands_for_the_first_run_that_reserved_it<P: Place>() {
    let place = P::new();
    let store = place.store();
    assert_eq!(store.reserve("a", id(1), false).unwrap(), id(1));
    assert_eq!(store.reserve("a", id(2), false).unwrap(), id(1));
    assert_eq!(store.reserve("b", id(2), false).unwrap(), id(2));
    if let Some(elsewhere) = place.elsewhere() {
        assert_eq!(elsewhere.reserve("a", id(3), false).unwrap(), id(1));
    }
}

pub(crate) fn a_key_whose_run_was_never_begun_gives_way_when_its_process_dies_or_it_is_given_up<P: Place>() {
    let mut place = P::new();
    assert_eq!(place.store().reserve("a", id(1), false).unwrap(), id(1));
    assert_eq!(place.store().reserve("a", id(2), true).unwrap(), id(2));
    place.crash();
    assert_eq!(place.store().reserve("a", id(3), false).unwrap(), id(3));
}

pub(crate) fn a_key_stays_with_a_run_that_has_begun_and_goes_with_it<P: Place>() {
    let mut place = P::new();
    let mut run = Script::begin(place.store());
    assert_eq!(place.store().reserve("a", run.id(), false).unwrap(), run.id());
    place.store().flush().unwrap();
    assert_eq!(place.store().reserve("a", id(1), true).unwrap(), run.id());
    run.ends(place.store());
    place.crash();
    assert_eq!(place.store().reserve("a", id(1), false).unwrap(), run.id());
    place.store().forget(everything_that_has_ended()).unwrap();
    assert_eq!(place.store().reserve("a", id(1), false).unwrap(), id(1));
}
