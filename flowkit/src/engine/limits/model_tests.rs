//! Random asks, drops and resizes against a model that is too simple to be wrong: a list in order of
//! priority and arrival, gone through from the start after every change.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;

use super::*;

const NAMES: [&str; 3] = ["a", "b", "c"];

#[derive(Clone, Debug)]
enum Change {
    /// With a priority.
    Ask(BTreeMap<usize, u32>, i16),
    /// Drops one future or permit, whatever it has reached.
    Drop(usize),
    Set(usize, u32),
    Remove(usize),
    /// Polls one future, so that others stay granted without knowing it.
    Poll(usize),
}

fn change() -> impl Strategy<Value = Change> {
    let wants = prop::collection::btree_map(0..NAMES.len(), 1_u32..=3, 1..=2);
    prop_oneof![
        6 => (wants, prop_oneof![3 => Just(0), 1 => -1..=1_i16]).prop_map(|(wants, priority)| Change::Ask(wants, priority)),
        5 => any::<usize>().prop_map(Change::Drop),
        2 => (0..NAMES.len(), 0_u32..=5).prop_map(|(name, slots)| Change::Set(name, slots)),
        1 => (0..NAMES.len()).prop_map(Change::Remove),
        2 => any::<usize>().prop_map(Change::Poll),
    ]
}

#[derive(Debug, PartialEq)]
enum Fate {
    Waiting,
    /// The slots it has taken: of names that had a limit at the time.
    Granted(BTreeMap<usize, u32>),
    Refused,
}

#[derive(Default)]
struct Model {
    slots: BTreeMap<usize, u32>,
    /// The first in line comes first.
    waiters: Vec<(BTreeMap<usize, u32>, Fate, i16)>,
}

impl Model {
    fn in_use(&self, name: usize) -> u32 {
        let held = self.waiters.iter().filter_map(|waiter| match &waiter.1 {
            Fate::Granted(held) => held.get(&name),
            _ => None,
        });
        held.sum()
    }

    fn waiting(&self, name: usize) -> usize {
        let waiting = self.waiters.iter().filter(|waiter| waiter.1 == Fate::Waiting);
        waiting.filter(|waiter| waiter.0.contains_key(&name)).count()
    }

    fn settle(&mut self) {
        for index in 0..self.waiters.len() {
            let (wants, fate, _) = &self.waiters[index];
            if *fate != Fate::Waiting {
                continue;
            }
            let limited =
                wants.iter().filter_map(|(&name, &weight)| Some((name, weight, *self.slots.get(&name)?)));
            let fate = if limited.clone().any(|(_, weight, slots)| weight > slots) {
                Fate::Refused
            } else if limited.clone().all(|(name, weight, slots)| self.can_go(index, name, weight, slots)) {
                Fate::Granted(limited.map(|(name, weight, _)| (name, weight)).collect())
            } else {
                continue;
            };
            self.waiters[index].1 = fate;
        }
    }

    fn can_go(&self, index: usize, name: usize, weight: u32, slots: u32) -> bool {
        let mut earlier = self.waiters[..index].iter();
        let is_first = !earlier.any(|(wants, fate, _)| *fate == Fate::Waiting && wants.contains_key(&name));
        is_first && self.in_use(name) + weight <= slots
    }
}

/// A waiter as the test holds it.
enum Real {
    Asking(Acquire),
    Answered(Result<Permit, LimitError>),
}

impl Real {
    fn poll(&mut self) {
        if let Self::Asking(acquire) = self
            && let Poll::Ready(answer) = Pin::new(acquire).poll(&mut Context::from_waker(Waker::noop()))
        {
            *self = Self::Answered(answer);
        }
    }

    fn agrees_with(&self, fate: &Fate) -> bool {
        match self {
            Self::Asking(_) => *fate == Fate::Waiting,
            Self::Answered(Ok(_)) => matches!(fate, Fate::Granted(_)),
            Self::Answered(Err(_)) => *fate == Fate::Refused,
        }
    }
}

fn apply(change: Change, limits: &Arc<Limits>, real: &mut Vec<Real>, model: &mut Model) {
    match change {
        Change::Ask(wants, priority) => {
            let asks: Vec<Want> =
                wants.iter().map(|(&name, &weight)| Want { name: NAMES[name].into(), weight }).collect();
            let mut asking = Real::Asking(limits.acquire(&asks, limits.place(priority)));
            asking.poll();
            let index = model.waiters.partition_point(|(_, _, other)| *other >= priority);
            real.insert(index, asking);
            model.waiters.insert(index, (wants, Fate::Waiting, priority));
        }
        Change::Drop(index) if !real.is_empty() => {
            let index = index % real.len();
            drop(real.remove(index));
            model.waiters.remove(index);
        }
        Change::Poll(index) if !real.is_empty() => {
            let index = index % real.len();
            real[index].poll();
            assert!(real[index].agrees_with(&model.waiters[index].1));
        }
        Change::Drop(_) | Change::Poll(_) => {}
        Change::Set(name, slots) => {
            limits.set(NAMES[name], slots);
            model.slots.insert(name, slots);
        }
        Change::Remove(name) => {
            limits.remove(NAMES[name]);
            model.slots.remove(&name);
        }
    }
    model.settle();
}

fn expected(model: &Model) -> Vec<LimitState> {
    let state = |(&name, &slots): (&usize, &u32)| LimitState {
        name: NAMES[name].to_owned(),
        slots: Some(slots),
        in_use: model.in_use(name),
        waiting: model.waiting(name),
        rate: None,
    };
    model.slots.iter().map(state).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_sequence_of_changes_agrees_with_the_model(changes in prop::collection::vec(change(), 1..80)) {
        let (limits, mut real, mut model) = (Arc::new(Limits::default()), Vec::new(), Model::default());
        for change in changes {
            apply(change, &limits, &mut real, &mut model);
            prop_assert_eq!(limits.snapshot(), expected(&model));
        }
        for (real, (_, fate, _)) in real.iter_mut().zip(&model.waiters) {
            real.poll();
            prop_assert!(real.agrees_with(fate));
        }
        drop(real);
        for state in limits.snapshot() {
            prop_assert_eq!((state.in_use, state.waiting), (0, 0));
        }
    }
}
