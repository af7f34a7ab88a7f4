//! I8: a cached value is the value that would be computed again.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use flowkit::FlowRun;
use flowkit::prelude::*;
use proptest::prelude::*;
use serde::Serialize;

/// Something that happens to the cache.
#[derive(Clone, Debug)]
enum Step {
    Call { number: u8, ttl_ms: Option<u64>, refresh: bool },
    WithoutCache { number: u8 },
    Wait { ms: u64 },
}

#[task(cache = "inputs")]
async fn squared(number: u8) -> u32 {
    u32::from(number).pow(2)
}

#[flow]
async fn follow(steps: Vec<Step>) -> Result<Vec<u32>> {
    let mut values = Vec::new();
    for step in steps {
        match step {
            Step::Wait { ms } => sleep(Duration::from_millis(ms)).await,
            Step::WithoutCache { number } => values.push(squared(number).no_cache().await?),
            Step::Call { number, ttl_ms, refresh } => {
                let mut call = squared(number);
                if let Some(ttl) = ttl_ms {
                    call = call.cache_ttl(Duration::from_millis(ttl));
                }
                if refresh {
                    call = call.refresh_cache();
                }
                values.push(call.await?);
            }
        }
    }
    Ok(values)
}

/// The values and the states that a cache without bounds leads to.
fn model(steps: &[Step]) -> (Vec<u32>, Vec<State>) {
    let mut kept: HashMap<u8, (u64, u64)> = HashMap::new();
    let (mut values, mut states, mut now) = (Vec::new(), Vec::new(), 0);
    for step in steps {
        let (number, state) = match *step {
            Step::Wait { ms } => {
                now += ms;
                continue;
            }
            Step::WithoutCache { number } => (number, State::Completed),
            Step::Call { number, ttl_ms, refresh } => {
                let fresh = kept.get(&number).is_some_and(|(at, ttl)| now - at < *ttl);
                if fresh && !refresh {
                    (number, State::Cached)
                } else {
                    kept.insert(number, (now, ttl_ms.unwrap_or(u64::MAX)));
                    (number, State::Completed)
                }
            }
        };
        values.push(u32::from(number).pow(2));
        states.push(state);
    }
    (values, states)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let call = (0_u8..4, prop::option::of(0_u64..30), prop::bool::weighted(0.1))
        .prop_map(|(number, ttl_ms, refresh)| Step::Call { number, ttl_ms, refresh });
    let step = prop_oneof![
        6 => call,
        1 => (0_u8..4).prop_map(|number| Step::WithoutCache { number }),
        3 => (0_u64..20).prop_map(|ms| Step::Wait { ms }),
    ];
    prop::collection::vec(step, 1..80)
}

/// Inputs that differ slightly: an encoding that confuses two of them would give one the value of the other.
#[derive(Clone, Debug, Serialize)]
struct Inputs {
    nested: Option<Option<u8>>,
    texts: (String, String),
    lists: Vec<Vec<u8>>,
    number: f64,
    kind: Kind,
    map: HashMap<u8, Option<bool>>,
}

#[derive(Clone, Debug, Serialize)]
enum Kind {
    Unit,
    Tuple(u8, u8),
    Named { first: u8, second: u8 },
}

/// Says everything of the inputs, in one order.
fn described(inputs: &Inputs) -> String {
    let map: BTreeMap<_, _> = inputs.map.iter().collect();
    let Inputs { nested, texts, lists, number, kind, .. } = inputs;
    format!("{nested:?} {texts:?} {lists:?} {number:?} {kind:?} {map:?}")
}

#[task(cache = "inputs")]
async fn description(inputs: Inputs) -> String {
    described(&inputs)
}

#[flow]
async fn descriptions(inputs: Vec<Inputs>) -> Result<Vec<String>> {
    Ok(description::map(inputs).await?)
}

fn inputs() -> impl Strategy<Value = Inputs> {
    let kind = prop_oneof![
        Just(Kind::Unit),
        (0_u8..2, 0_u8..2).prop_map(|(left, right)| Kind::Tuple(left, right)),
        (0_u8..2, 0_u8..2).prop_map(|(first, second)| Kind::Named { first, second }),
    ];
    let number = prop::sample::select(vec![0.0, -0.0, 1.0, f64::NAN, f64::INFINITY]);
    let map = prop::collection::hash_map(0_u8..3, prop::option::of(any::<bool>()), 0..3);
    let lists = prop::collection::vec(prop::collection::vec(0_u8..2, 0..3), 0..3);
    (prop::option::of(prop::option::of(0_u8..2)), ("[ab]{0,2}", "[ab]{0,2}"), lists, number, kind, map)
        .prop_map(|(nested, texts, lists, number, kind, map)| Inputs {
            nested,
            texts,
            lists,
            number,
            kind,
            map,
        })
}

fn states<T, E>(run: &FlowRun<T, E>) -> Vec<State> {
    run.task_runs().iter().map(|task_run| task_run.state).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn i8_whatever_happens_to_the_cache_its_values_are_those_of_a_fresh_execution(steps in steps()) {
        let run = flowkit::testing::run(None, follow(steps.clone()).run());
        let (values, expected_states) = model(&steps);
        prop_assert_eq!(run.result().as_ref().unwrap(), &values);
        prop_assert_eq!(states(&run), expected_states);
    }

    #[test]
    fn i8_inputs_that_differ_in_little_never_share_a_value(mut inputs in prop::collection::vec(inputs(), 1..40)) {
        // Each twice, so that every value is also taken from the cache.
        inputs.extend(inputs.clone());
        let expected: Vec<String> = inputs.iter().map(described).collect();
        let run = flowkit::testing::run(None, descriptions(inputs).run());
        prop_assert_eq!(run.result().as_ref().unwrap(), &expected);
        let cached = states(&run).iter().filter(|state| **state == State::Cached).count();
        let different: std::collections::HashSet<&String> = expected.iter().collect();
        prop_assert_eq!(cached, expected.len() - different.len());
    }
}
