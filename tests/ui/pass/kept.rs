use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use flowkit::FlowRunId;
use flowkit::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Summary {
    words: usize,
}

#[task(persist = "always", cache = "none", retries = 1)]
async fn summarize(page: String) -> Result<Summary, &'static str> {
    Ok(Summary { words: page.len() })
}

#[task(persist = "never", cache = "none")]
async fn name() -> Result<Vec<&'static str>, String> {
    Ok(vec!["a"])
}

type Log = Arc<Mutex<Vec<&'static str>>>;

#[flow]
async fn logged(log: Log) -> Log {
    log
}

#[task]
async fn borrowed() -> &'static str {
    "a"
}

#[task(persist = "always")]
async fn either() -> Cow<'static, str> {
    "a".into()
}

#[task(persist = "always")]
async fn same<T: Serialize + DeserializeOwned>(value: T) -> Vec<T> {
    vec![value]
}

#[task(at_most_once, retries = 0, cache = "run")]
async fn pay(amount: u32) -> Option<u32> {
    Some(amount)
}

#[task(at_most_once = false, retries = 3, persist = "auto")]
async fn pay_again(amount: u32) -> u32 {
    amount
}

#[flow(persist = "always", durability = "full")]
async fn etl(top: u32, label: Option<String>) -> usize {
    label.map_or(top as usize, |label| label.len())
}

struct Opaque;

#[flow(persist = "never", durability = "memory", retries = 0)]
async fn opaque(value: Opaque) -> Opaque {
    value
}

#[flow]
async fn generic<T: Clone, const N: usize>(list: [T; N]) -> usize {
    list.len()
}

fn main() {
    let id: FlowRunId = serde_json::from_str(r#""00000000-0000-0000-0000-000000000000""#).unwrap();
    let _ = etl::resume(id);
    let _ = opaque::resume(id);
    let _ = generic::resume::<String, 3>(id);
}
