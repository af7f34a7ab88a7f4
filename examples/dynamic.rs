//! What you learn: loops and branches on results are plain Rust. The record shows which way a run went, and which way
//! it did not go.
//!
//! cargo run --example dynamic
//!
//! ```text
//! wanted 0.8: published with 80%
//!   train 1  Completed
//!   train 2  Completed
//!   alert    Skipped: the model is good
//!   publish  Completed
//! wanted 0.99: 95% is not enough
//!   train 1  Completed
//!   train 2  Completed
//!   train 3  Completed
//!   train 4  Completed
//!   publish  Skipped: not good after 4 rounds
//!   alert    Completed
//! ```

use flowkit::prelude::*;

/// Trains for one more round, and returns the new accuracy.
#[task]
async fn train(accuracy: f64) -> f64 {
    accuracy + (1.0 - accuracy) / 2.0
}

#[task]
async fn publish(accuracy: f64) -> String {
    format!("published with {:.0}%", accuracy * 100.0)
}

#[task]
async fn alert(accuracy: f64) -> String {
    format!("{:.0}% is not enough", accuracy * 100.0)
}

#[flow]
async fn until_good(wanted: f64, rounds: u32) -> Result<String> {
    let mut accuracy = 0.2;
    for round in 1..=rounds {
        accuracy = train(accuracy).named(format!("train {round}")).await?;
        if accuracy >= wanted {
            alert::skip("the model is good");
            return Ok(publish(accuracy).await?);
        }
    }
    publish::skip(format!("not good after {rounds} rounds"));
    Ok(alert(accuracy).await?)
}

#[tokio::main]
async fn main() -> Result<()> {
    for wanted in [0.8, 0.99] {
        let run = until_good(wanted, 4).run().await;
        println!("wanted {wanted}: {}", run.result().as_ref().map_err(Clone::clone)?);
        for task_run in run.task_runs() {
            let reason =
                task_run.skip_reason.as_deref().map_or(String::new(), |reason| format!(": {reason}"));
            println!("  {:<8} {}{reason}", task_run.label(), task_run.state);
        }
    }
    Ok(())
}
