//! A program whose every text is hostile to a terminal: `run attack [--fails] --text …` puts the texts of `TEXTS` into names,
//! messages, parameters and results.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "no library")]

use flowkit::prelude::*;
use flowkit::{artifact, metric};
use serde::Serialize;

mod hostile_texts;
use hostile_texts::TEXTS;

#[derive(Serialize)]
struct Row {
    text: String,
}

#[task(run_name = "name {text}")]
async fn says(text: String) -> Result<String> {
    tracing::warn!("says {text}");
    metric(format!("metric {text}"), 1);
    artifact::markdown(format!("key {text}"), format!("content {text}"));
    artifact::link(format!("link {text}"), format!("https://example.org/{text}"));
    artifact::table(format!("table {text}"), [Row { text: text.clone() }])?;
    Ok(text)
}

#[task(retries = 1)]
async fn fails(text: String) -> Result<String> {
    Err(format!("error {text}").into())
}

#[task]
async fn takes(text: String) -> String {
    text
}

#[task]
async fn left_out(_text: String) -> String {
    String::new()
}

/// Says all that it can.
#[flow]
async fn attack(text: String, #[param(default = false)] fails_in_the_end: bool) -> Result<String> {
    for text in TEXTS {
        says((*text).to_owned()).await?;
        left_out::skip(format!("reason {text}"));
    }
    let failed = fails(TEXTS.concat()).submit();
    let without = takes::of(&failed).submit();
    let _ = (failed.await, without.await);
    if fails_in_the_end {
        return Err(format!("the flow says {}", TEXTS.concat()).into());
    }
    Ok(text)
}

flowkit::main!(attack);
