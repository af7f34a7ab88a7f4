//! Keys that a closure returns (C7, C8, C18), and inputs that have none (C10).

use flowkit::prelude::*;
use serde::{Serialize, Serializer};

use super::states;
use crate::captured::Captured;
use State::{Cached, Completed, Failed};

#[task(cache = |path: &String, _verbose: &bool| path.clone())]
async fn loaded(path: String, verbose: bool) -> String {
    format!("{path}, verbose: {verbose}")
}

#[flow]
async fn all_inputs_but_one() -> Result<Vec<String>> {
    Ok(vec![
        loaded("a".into(), false).await?,
        loaded("a".into(), true).await?,
        loaded("b".into(), true).await?,
    ])
}

#[flowkit::test]
async fn c7_an_input_that_is_left_out_of_the_key_makes_no_difference() {
    let run = all_inputs_but_one().run().await;
    assert_eq!(states(&run, "loaded"), [Completed, Cached, Completed]);
    assert_eq!(run.result().as_ref().unwrap()[1], "a, verbose: false");
}

#[task(cache = |day: &u32, rows: &[u32], name: &str| (*day, rows.len(), name.to_owned()))]
async fn compound(day: u32, rows: &[u32], name: &str) -> u32 {
    day + rows.iter().sum::<u32>() + name.len() as u32
}

#[flow]
async fn parts_of_a_key() -> Result<()> {
    compound(1, &[1, 2], "a").await?;
    compound(1, &[3, 4], "a").await?;
    compound(2, &[1, 2], "a").await?;
    compound(1, &[1], "a").await?;
    compound(1, &[1, 2], "b").await?;
    compound(1, &[5, 6], "a").await?;
    Ok(())
}

#[flowkit::test]
async fn c8_a_key_of_several_parts_changes_with_each_of_them() {
    let run = parts_of_a_key().run().await;
    let expected = [Completed, Cached, Completed, Completed, Completed, Cached];
    assert_eq!(states(&run, "compound"), expected);
}

#[task(cache = |_: &u32| "latest")]
async fn latest(number: u32) -> u32 {
    number
}

fn report_key(day: &u32, _retry: &bool) -> String {
    format!("report-{day}")
}

#[task(cache = report_key)]
async fn report(day: u32, _retry: bool) -> u32 {
    day
}

#[flow]
async fn fixed_and_templated() -> Result<(u32, u32)> {
    latest(1).await?;
    report(1, false).await?;
    report(2, false).await?;
    report(1, true).await?;
    Ok((latest(2).await?, report(2, true).await?))
}

#[flowkit::test]
async fn c18_a_fixed_or_templated_key_finds_the_result_again() {
    let run = fixed_and_templated().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &(1, 2));
    assert_eq!(states(&run, "latest"), [Completed, Cached]);
    assert_eq!(states(&run, "report"), [Completed, Completed, Cached, Cached]);
}

/// Serializable by its type, but not by its value.
#[derive(Clone)]
struct Stubborn(&'static str);

impl Serialize for Stubborn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            "refuses" => Err(serde::ser::Error::custom("I would rather not")),
            "panics" => panic!("in `Serialize`"),
            text => serializer.serialize_str(text),
        }
    }
}

#[task(cache = "inputs")]
async fn taken(value: Stubborn) -> usize {
    value.0.len()
}

#[task(cache = |number: &u32| 10 / *number)]
async fn divided(number: u32) -> u32 {
    number
}

#[flow]
async fn without_a_key() -> Result<Vec<usize>> {
    let mut lengths = Vec::new();
    for how in ["serializes", "serializes", "refuses", "refuses", "panics", "panics"] {
        lengths.push(taken(Stubborn(how)).await?);
        lengths.push(taken(Stubborn(how)).submit().await?);
    }
    for number in [5, 5, 0, 0] {
        lengths.push(divided(number).submit().await? as usize);
    }
    Ok(lengths)
}

#[flowkit::test]
async fn c10_inputs_that_give_no_key_are_not_cached_the_task_runs_and_a_warning_says_why() {
    let (captured, _guard) = Captured::start();
    let run = without_a_key().run().await;
    let expected: Vec<usize> = [[10; 4], [7; 4], [6; 4], [5, 5, 0, 0]].concat();
    assert_eq!(run.result().as_ref().unwrap(), &expected);
    let ended = [vec![Completed, Cached, Cached, Cached], vec![Completed; 8]].concat();
    assert_eq!(states(&run, "taken"), ended);
    assert_eq!(states(&run, "divided"), [Completed, Cached, Completed, Completed]);
    let reasons: Vec<_> =
        captured.lines().into_iter().filter(|line| line.message.contains("cache")).collect();
    assert_eq!(reasons.len(), 4 + 4 + 2, "{reasons:?}");
    assert!(reasons[0].fields.get("reason").contains("I would rather not"), "{:?}", reasons[0]);
}

#[task(cache = "inputs")]
async fn failing(number: u32) -> Result<u32, String> {
    Err(format!("{number}"))
}

#[flow]
async fn refreshed_in_vain() -> Result<()> {
    for _ in 0..2 {
        failing(1).refresh_cache().await.unwrap_err();
    }
    failing(1).await.unwrap_err();
    Ok(())
}

#[flowkit::test]
async fn c12_a_failed_refresh_stores_nothing() {
    let run = refreshed_in_vain().run().await;
    assert_eq!(states(&run, "failing"), [Failed; 3]);
}
