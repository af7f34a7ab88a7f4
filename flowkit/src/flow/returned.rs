//! The handles in the value that a flow returns: the flow fails if one of their tasks does.

use std::collections::{BTreeMap, HashMap};

use crate::engine::flow_run::tally::Tally;
use crate::engine::handle::{Handle, Handles};
use crate::model::TaskError;

/// A part of a flow's return value that consists of handles.
#[doc(hidden)]
pub trait ReturnedHandles {
    fn add_to(&self, tally: &mut Tally);
}

impl<T, E: TaskError> ReturnedHandles for Handle<T, E> {
    fn add_to(&self, tally: &mut Tally) {
        tally.count(self);
    }
}

impl<T, E: TaskError> ReturnedHandles for Handles<T, E> {
    fn add_to(&self, tally: &mut Tally) {
        for handle in self.known().unwrap_or_default() {
            tally.count(handle);
        }
    }
}

impl<R: ReturnedHandles> ReturnedHandles for Vec<R> {
    fn add_to(&self, tally: &mut Tally) {
        self.iter().for_each(|returned| returned.add_to(tally));
    }
}

impl<R: ReturnedHandles> ReturnedHandles for Option<R> {
    fn add_to(&self, tally: &mut Tally) {
        self.iter().for_each(|returned| returned.add_to(tally));
    }
}

impl<K, R: ReturnedHandles, S> ReturnedHandles for HashMap<K, R, S> {
    fn add_to(&self, tally: &mut Tally) {
        self.values().for_each(|returned| returned.add_to(tally));
    }
}

impl<K, R: ReturnedHandles> ReturnedHandles for BTreeMap<K, R> {
    fn add_to(&self, tally: &mut Tally) {
        self.values().for_each(|returned| returned.add_to(tally));
    }
}

impl<R: ReturnedHandles, const N: usize> ReturnedHandles for [R; N] {
    fn add_to(&self, tally: &mut Tally) {
        self.iter().for_each(|returned| returned.add_to(tally));
    }
}
