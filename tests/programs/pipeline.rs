//! A program that is its own command line: a small pipeline, and flows that misbehave in every way one might fear.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "no library")]

use std::path::PathBuf;
use std::time::Duration;

use flowkit::prelude::*;
use flowkit::{Secret, artifact};
use serde::{Deserialize, Serialize};

/// How to load.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Full,
    Incremental,
}

/// Where to load to.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Database {
    url: String,
    #[serde(default)]
    pool: u8,
}

#[task]
async fn extract(rows: u32) -> Vec<u32> {
    (1..=rows).collect()
}

#[task]
async fn double(row: u32) -> u32 {
    row * 2
}

#[task(cache = "inputs")]
async fn total(rows: &[u32]) -> u64 {
    rows.iter().copied().map(u64::from).sum()
}

/// Doubles some rows and adds them up.
///
/// Nothing of it leaves the process.
#[flow(owner = "data-team")]
async fn etl(
    /// How many rows to take
    #[param(default = 3)]
    rows: u32,
) -> Result<u64> {
    let rows = extract(rows).await?;
    let doubled = double::map(rows);
    Ok(total::of(&doubled).await?)
}

/// Says what it was given.
#[flow(name = "Echo of everything")]
#[allow(clippy::too_many_arguments, reason = "one of each kind")]
async fn echo(
    /// Rows per batch
    #[param(default = 100)]
    batch: u32,
    /// Load mode
    mode: Mode,
    /// Pages to read
    #[param(default = Vec::new())]
    urls: Vec<String>,
    /// Do everything except the final write
    #[param(default = false)]
    dry_run: bool,
    /// How long to wait
    #[param(default = Duration::from_secs(30))]
    wait: Duration,
    rate: Option<f64>,
    #[param(default = "out")] folder: PathBuf,
    /// Where to load to
    db: Option<Database>,
    /// The name of whom to greet
    name: Option<String>,
) -> String {
    format!("{batch} {mode:?} {urls:?} {dry_run} {wait:?} {rate:?} {folder:?} {db:?} {name:?}")
}

#[task]
async fn load(rows: u32, path: PathBuf) -> Result<u32, std::io::Error> {
    std::fs::read_to_string(path).map(|_| rows)
}

/// Fails as long as a file is not there.
#[flow]
async fn fragile(file: PathBuf) -> Result<u32> {
    let rows = extract(2).await?;
    Ok(load(rows.len() as u32, file).await?)
}

#[task]
async fn quadruple(row: u32) -> Result<u32> {
    let doubled = double(row).await?;
    Ok(double(doubled).await?)
}

#[task(retries = 1, run_name = "try of {row}")]
async fn stumble(row: u32) -> Result<u32, std::io::Error> {
    if ctx().attempt() == 1 { Err(std::io::Error::other("not yet")) } else { Ok(row) }
}

#[task]
async fn refuse() -> Result<u32, std::io::Error> {
    Err(std::io::Error::other("never"))
}

/// Has tasks that are retried, named, cached, skipped, and left without an input.
#[flow]
async fn colourful() -> Result<u64> {
    let named = stumble::map(1..=2).await?;
    let summed = total(&named).await?;
    let again = total(&named).await?;
    let refused = refuse().submit();
    let without = double::of(&refused).submit();
    let _ = (refused.await, without.await);
    Ok(summed + again)
}

/// Has a sub-flow that completes after failures.
#[flow]
async fn outer_colourful() -> Result<u64> {
    Ok(colourful().await?)
}

/// Has sub-flows, and a task that calls others; fails as long as a file is not there.
#[flow]
async fn nested(file: PathBuf) -> Result<u32> {
    etl(2).await?;
    let rows = quadruple(1).await?;
    Ok(rows + fragile(file).await?)
}

/// Logs in.
#[flow]
async fn login(user: String, token: Secret, file: PathBuf) -> Result<usize> {
    load(1, file).await?;
    Ok(user.len() + token.expose().len())
}

#[task]
async fn tick(k: u32) -> u32 {
    tokio::time::sleep(Duration::from_millis(20)).await;
    k
}

/// Runs until it is stopped.
#[flow]
async fn endless() -> Result<()> {
    for k in 0..100_000 {
        tick(k).await?;
    }
    Ok(())
}

#[task]
async fn wait(file: PathBuf) {
    while !file.exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until a file exists.
#[flow]
async fn patient(file: PathBuf) -> Result<()> {
    Ok(wait(file).await?)
}

#[task]
async fn early() -> u32 {
    tracing::info!("early it is");
    1
}

#[task]
async fn late(k: u32) -> u32 {
    tracing::info!("late it is");
    k
}

/// Waits for a file, again and again, before it does what is late.
#[flow]
async fn staged(first: PathBuf, second: PathBuf) -> Result<u32> {
    let mut sum = early().await?;
    for file in [first, second] {
        wait(file).await?;
        sum += late(sum).await?;
    }
    Ok(sum)
}

/// Whom to log in as.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Account {
    user: String,
    token: Secret,
}

/// Logs in with an account.
#[flow]
async fn enter(account: Account, file: PathBuf) -> Result<usize> {
    load(1, file).await?;
    Ok(account.user.len() + account.token.expose().len())
}

/// One row of a table.
#[derive(Serialize)]
struct Row {
    name: &'static str,
    accuracy: f64,
}

#[task]
async fn report(rows: u32) -> Result<u32> {
    artifact::markdown("summary", format!("# {rows} rows\n\nAll of them."));
    artifact::table("models", [Row { name: "forest", accuracy: 0.5 }, Row { name: "tree", accuracy: 0.25 }])?;
    artifact::link("page", "https://example.org/report");
    artifact::image("plot", *b"\x89PNG\r\n\x1a\n\0\xff");
    artifact::markdown("summary", format!("# {} rows", rows + 1));
    Ok(rows)
}

/// Leaves artifacts.
#[flow]
async fn reporting() -> Result<u32> {
    artifact::markdown("notes", "none");
    Ok(report(3).await?)
}

/// Has a sub-flow that leaves artifacts.
#[flow]
async fn around() -> Result<u32> {
    let rows = reporting().await?;
    artifact::markdown("notes", "outer");
    Ok(rows)
}

/// What is known of a model; its `password` is stored as it is.
#[derive(Serialize, Deserialize)]
struct Scored {
    model: String,
    password: String,
    bytes: Vec<u32>,
}

#[task(run_name = "score of {model}")]
async fn score(model: String, value: f64, loss: f64) -> Scored {
    tracing::info!("scored {model}");
    flowkit::metric("accuracy", value);
    flowkit::metric("loss", loss);
    Scored { model, password: "hunter2".into(), bytes: vec![1, 2] }
}

#[task(persist = "never")]
async fn passing(value: f64) -> f64 {
    value
}

/// Scores a model.
#[flow]
async fn scoring(value: f64, loss: f64) -> Result<f64> {
    score("forest".into(), value, loss).await?;
    Ok(passing(value).await?)
}

/// Has a sub-flow that logs, and has metrics.
#[flow(tags = ["nightly", "ml"])]
async fn season(#[param(default = 0.5)] value: f64, #[param(default = 2.0)] loss: f64) -> Result<f64> {
    tracing::info!("begins");
    let value = scoring(value, loss).await?;
    tracing::info!("ends");
    Ok(value)
}

flowkit::main!(
    etl,
    echo,
    fragile,
    nested,
    colourful,
    login,
    enter,
    endless,
    patient,
    staged,
    reporting,
    around,
    outer_colourful,
    season
);
