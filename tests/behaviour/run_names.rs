//! What `run_name = "…"` can show of the arguments: the parameters, their fields, and formats.

use flowkit::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Hyper {
    rate: f64,
    layers: (u8, Option<u8>),
    r#type: String,
}

fn hyper() -> Hyper {
    Hyper { rate: 0.12345, layers: (3, None), r#type: "sgd".to_owned() }
}

#[task(run_name = "{hyper:?} of {n:>4}|{n:04}|{n:#x}|{name:*<4}|{{}}")]
async fn whole(hyper: (u8, bool), n: u32, name: String) {
    let _ = (hyper, n, name);
}

#[task(run_name = "{hyper.rate:.2} {hyper.layers.0}+{hyper.layers.1:?} {hyper.type}")]
async fn fields(hyper: &Hyper) -> f64 {
    hyper.rate
}

#[task(run_name = "{list:?} {r#type}")]
async fn raw_and_borrowed(list: &[u8], r#type: &str) -> usize {
    list.len() + r#type.len()
}

#[flow(run_name = "train at {hyper.rate:e}")]
async fn train(hyper: Hyper) -> Result<()> {
    whole((1, true), 7, "ab".to_owned()).await?;
    fields(&hyper).await?;
    raw_and_borrowed(&[1, 2], "x").await?;
    Ok(())
}

#[flowkit::test]
async fn a_run_name_shows_parameters_and_fields_as_format_would() {
    let run = train(hyper()).run().await;
    assert!(run.result().is_ok());
    assert_eq!(run.graph().name(), "train at 1.2345e-1");
    let names: Vec<String> = run.task_runs().iter().map(|task| task.label().to_owned()).collect();
    assert_eq!(names, ["(1, true) of    7|0007|0x7|ab**|{}", "0.12 3+None sgd", "[1, 2] x"]);
}
