//! What you learn: what a task can record besides its result: tables and texts to look at, numbers to compare runs by, files
//! with a known lineage.
//!
//! cargo run --example artifacts
//!
//! ```text
//! `generate` made the dataset `points`
//! `fit` made the table `residuals`
//! `the flow` made the markdown `summary`
//! slope = 2
//! intercept = 1
//! `points` was made by 1 task and used by 1
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

use flowkit::prelude::*;
use flowkit::store::MemoryStore;
use flowkit::{Dataset, Metrics, Output, Runtime, artifact, ensure_file};

/// Writes a file that exists completely or not at all.
#[task]
fn generate(path: PathBuf) -> Result<Dataset> {
    let mut file = Output::atomic(&path)?;
    for x in 0..5 {
        writeln!(file, "{x} {}", 2 * x + 1)?;
    }
    ensure_file(file.commit()?)?;
    Ok(Dataset::at(&path)?.with("rows", 5).register("points"))
}

/// Fits a line through the points.
#[task]
fn fit(points: Dataset) -> Result<Metrics> {
    let text = fs::read_to_string(points.input()?)?;
    let numbers = text.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    let points: Vec<(f64, f64)> = numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / points.len() as f64;
    let slope = (mean(|(x, y)| x * y) - mean(|p| p.0) * mean(|p| p.1))
        / (mean(|(x, _)| x * x) - mean(|p| p.0) * mean(|p| p.0));
    let intercept = mean(|p| p.1) - slope * mean(|p| p.0);
    let residual = |(x, y): &(f64, f64)| BTreeMap::from([("x", *x), ("residual", y - slope * x - intercept)]);
    artifact::table("residuals", points.iter().map(residual))?;
    let mut line = Metrics::new();
    line.log("slope", slope);
    line.log("intercept", intercept);
    Ok(line)
}

#[flow]
async fn regression(path: PathBuf) -> Result<Dataset> {
    let points = generate::submit(path);
    let line = fit::of(&points).await?;
    artifact::markdown("summary", format!("The slope is **{}**.", line.get("slope").unwrap_or(f64::NAN)));
    Ok(points.await?)
}

#[tokio::main]
async fn main() -> Result<()> {
    let runtime = Runtime::builder().store(MemoryStore::new()).build();
    let path = std::env::temp_dir().join(format!("flowkit-points-{}.txt", std::process::id()));
    let run = regression(path.clone()).on(&runtime).run().await;
    let tasks = run.task_runs();
    for made in run.artifacts()? {
        let maker = tasks.iter().find(|task| task.id == made.task_run).map_or("the flow", |task| &task.task);
        println!("`{maker}` made the {} `{}`", made.kind.name(), made.key);
    }
    for metric in run.metrics()? {
        println!("{} = {}", metric.name, metric.value);
    }
    let points = run.into_result()?;
    if let Some(store) = runtime.store() {
        let lineage = store.lineage(points.hash())?;
        let (made, used) = (lineage.made_by.len(), lineage.used_by.len());
        println!("`points` was made by {made} task and used by {used}");
    }
    fs::remove_file(path)?;
    Ok(())
}
