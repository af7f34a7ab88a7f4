//! What you learn: an Airflow DAG of three Python operators and a shell command, as a flow. No XCom: results are values.
//!
//! cargo run --example airflow_basic
//!
//! ```text
//! extracting from the database
//! transforming 1000 records
//! training on 50 features
//! model validated
//! ```

use std::process::Command;

use flowkit::prelude::*;

#[derive(Clone, Debug)]
struct Table {
    records: u32,
    features: u32,
}

#[task]
async fn extract() -> Table {
    println!("extracting from the database");
    Table { records: 1000, features: 0 }
}

#[task]
async fn transform(table: Table) -> Table {
    println!("transforming {} records", table.records);
    Table { features: 50, ..table }
}

#[task]
async fn train(table: &Table) -> f64 {
    println!("training on {} features", table.features);
    0.92
}

/// Runs a shell command and returns what it prints. A plain `fn` may block: it has its own thread.
#[task]
fn sh(command: String) -> Result<String> {
    let output = Command::new("sh").arg("-c").arg(&command).output()?;
    if !output.status.success() {
        return Err(format!("`{command}` ended with {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// `default_args` are `task_defaults`; `>>` is an argument, or `.after` where no data passes.
#[flow(tags = ["ml", "training"], task_defaults(retries = 2, retry_delay = "5m", timeout = "1h"))]
async fn ml_pipeline_basic() -> Result<f64> {
    let extracted = extract().submit();
    let transformed = transform::submit(&extracted);
    let accuracy = train::submit(&transformed);
    print!("{}", sh("echo model validated".into()).after(&accuracy).await?);
    Ok(accuracy.await?)
}

#[tokio::main]
async fn main() -> Result<()> {
    ml_pipeline_basic().await?;
    Ok(())
}
