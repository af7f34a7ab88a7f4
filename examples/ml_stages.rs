//! What you learn: the six stages of a machine learning pipeline are six functions, and what passes between them is the graph.
//!
//! cargo run --example ml_stages
//!
//! ```text
//! deployed: 71.7% of the wines that it had not seen
//! acquire     Completed
//! preprocess  Completed
//! engineer    Completed
//! train       Completed
//! evaluate    Completed
//! deploy      Completed
//! ```

use flowkit::prelude::*;
use ml::{Forest, ForestOptions, Table};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/winequality-red.csv");
const SEED: u64 = 42;

/// Reads the wines. Those that tasters gave 6 or more are in class 1.
#[task(retries = 2, retry_delay = "1s")]
fn acquire() -> Result<Table> {
    Table::read(SOURCE.as_ref(), |quality| u32::from(quality >= 6.0))
}

/// Drops wines with missing values.
#[task]
fn preprocess(table: Table) -> Table {
    let wines = table.rows.into_iter().zip(table.classes);
    let (rows, classes) = wines.filter(|(row, _)| !row.iter().any(|value| value.is_nan())).unzip();
    Table { rows, classes }
}

/// Adds the bound sulphur dioxide, the total less the free part, and reserves a fifth of the wines for the evaluation.
#[task]
fn engineer(mut table: Table) -> [Table; 2] {
    table.rows.iter_mut().for_each(|row| row.push(row[6] - row[5]));
    table.split(0.2, SEED)
}

#[task]
fn train([wines, _]: &[Table; 2]) -> Result<Forest> {
    Forest::train(wines, ForestOptions { trees: 10, depth: Some(10) }, SEED)
}

#[task]
fn evaluate(forest: &Forest, [_, wines]: &[Table; 2]) -> Result<f64> {
    Ok(forest.evaluate(wines)?.accuracy)
}

/// Would put the model where requests are answered.
#[task]
fn deploy(_forest: &Forest, accuracy: f64) {
    println!("deployed: {:.1}% of the wines that it had not seen", accuracy * 100.0);
}

#[flow]
async fn ml_stages() -> Result<()> {
    let parts = engineer::of(preprocess::of(acquire())).submit();
    let forest = train::submit(&parts);
    let accuracy = evaluate::submit(&forest, &parts);
    deploy::of(&forest, &accuracy).await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let run = ml_stages().run().await;
    for task_run in run.task_runs() {
        println!("{:<10}  {}", task_run.label(), task_run.state);
    }
    run.into_result()?;
    Ok(())
}
