//! Which parts of what a flow returns are handles: it ends as they do.

use std::collections::{BTreeMap, HashMap};

use crate::engine::flow_run::tally::Tally;
use crate::engine::handle::{Handle, Handles};
use crate::model::TaskError;

/// A part of what a flow returns that ends as the flow does.
#[doc(hidden)]
pub trait Returned {
    fn add_to(&self, tally: &mut Tally);
}

impl<T, E: TaskError> Returned for Handle<T, E> {
    fn add_to(&self, tally: &mut Tally) {
        tally.count(self);
    }
}

impl<T, E: TaskError> Returned for Handles<T, E> {
    fn add_to(&self, tally: &mut Tally) {
        for handle in self.known().unwrap_or_default() {
            tally.count(handle);
        }
    }
}

impl<R: Returned> Returned for Vec<R> {
    fn add_to(&self, tally: &mut Tally) {
        self.iter().for_each(|returned| returned.add_to(tally));
    }
}

impl<R: Returned> Returned for Option<R> {
    fn add_to(&self, tally: &mut Tally) {
        self.iter().for_each(|returned| returned.add_to(tally));
    }
}

impl<K, R: Returned, S> Returned for HashMap<K, R, S> {
    fn add_to(&self, tally: &mut Tally) {
        self.values().for_each(|returned| returned.add_to(tally));
    }
}

impl<K, R: Returned> Returned for BTreeMap<K, R> {
    fn add_to(&self, tally: &mut Tally) {
        self.values().for_each(|returned| returned.add_to(tally));
    }
}

impl<R: Returned, const N: usize> Returned for [R; N] {
    fn add_to(&self, tally: &mut Tally) {
        self.iter().for_each(|returned| returned.add_to(tally));
    }
}
