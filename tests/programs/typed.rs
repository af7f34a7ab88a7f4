//! A flow for each type of parameter, which says what it was given: `typed run u128 --v 3`. With `--start u128 '{"v":3}'` it is
//! called in code. While `FAIL` is set, a flow fails with what it was given, so that its run can be resumed.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "no library")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use flowkit::prelude::*;
use flowkit::{Cli, Exit, Runtime, Secret};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Full,
    Incremental,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Database {
    url: String,
    #[serde(default)]
    pool: u8,
    wait: Option<Duration>,
}

fn say<T: std::fmt::Debug>(given: T) -> Result<String> {
    let said = format!("{given:?}");
    if std::env::var_os("FAIL").is_some() { Err(said.into()) } else { Ok(said) }
}

macro_rules! flows {
    ($($name:ident: $type:ty),+ $(,)?) => {
        $(
            #[flow]
            async fn $name(v: $type) -> Result<String> {
                say(v)
            }
        )+

        fn specs() -> Vec<flowkit::FlowSpec> {
            vec![$($name::spec()),+]
        }
    };
}

flows! {
    byte: u8,
    int: i64,
    big: u128,
    negative: i128,
    float: f64,
    maybe: Option<f64>,
    switch: bool,
    text: String,
    path: PathBuf,
    choice: Mode,
    wait: Duration,
    bbox: Vec<f64>,
    words: Vec<String>,
    database: Database,
    map: BTreeMap<String, u128>,
    pair: (f64, f64),
    secret: Secret,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Exit {
    let words: Vec<_> = std::env::args_os().collect();
    if words.get(1).is_some_and(|word| word == "--start") {
        return start(&words[2].to_string_lossy(), &words[3].to_string_lossy()).await;
    }
    specs().into_iter().fold(Cli::new(), Cli::flow).run().await
}

async fn start(flow: &str, json: &str) -> Exit {
    let runtime = specs().into_iter().fold(Runtime::builder(), |builder, flow| builder.flow(flow)).build();
    let call = match runtime.flow(flow).expect("a flow of this program").start(json) {
        Ok(call) => call,
        Err(error) => {
            eprintln!("{error}");
            return Exit::USAGE;
        }
    };
    match call.on(&runtime).await {
        Ok(run) => println!("{}", run.value().unwrap_or_default()),
        Err(error) => eprintln!("{error}"),
    }
    Exit::SUCCESS
}
