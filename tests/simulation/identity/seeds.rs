//! Runs the plans of many seeds, each twice.

use std::panic::{self, AssertUnwindSafe};

use super::lives::live;
use super::plan::Plan;
use super::promises;
use super::tape::{self, Line};
use crate::seeds::{number, on_all_processors};
use crate::trace;

const SEEDS: u64 = 1000;

fn judge(plan: &Plan) -> Result<Vec<Line>, (String, Vec<Line>)> {
    let Ok(first) = panic::catch_unwind(AssertUnwindSafe(|| live(plan))) else {
        trace::take();
        return Err(("it panics".into(), tape::take()));
    };
    let second = live(plan);
    if let Some(at) = (0..first.len().max(second.len())).find(|at| first.get(*at) != second.get(*at)) {
        let why = format!("line {at} is not the same twice: {:?}, then {:?}", first.get(at), second.get(at));
        return Err((why, first));
    }
    match promises::check(plan, &first) {
        Ok(()) => Ok(first),
        Err(why) => Err((why, first)),
    }
}

#[test]
fn r34_every_call_is_known_by_what_it_is_given_whatever_the_values_orders_and_stops() {
    if let Some(seed) = number("FLOWKIT_SEED") {
        let plan = Plan::of(seed);
        println!("{plan:#?}");
        let (lines, why) = match judge(&plan) {
            Ok(lines) => (lines, None),
            Err((why, lines)) => (lines, Some(why)),
        };
        lines.iter().for_each(|line| println!("{line:?}"));
        assert_eq!(why, None);
        return;
    }
    on_all_processors(number("FLOWKIT_SEEDS").unwrap_or(SEEDS), |seed| {
        judge(&Plan::of(seed)).map(|lines| lines.len()).map_err(|(why, _)| why)
    });
}
