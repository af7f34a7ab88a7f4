//! What you learn: a whole pipeline around a real model: check the data, train, evaluate, and register the model if it is
//! good enough. A run that failed at the last step resumes there: nothing is trained twice.
//!
//! cargo run --example complete_ml
//!
//! ```text
//! accuracy  precision  recall     f1
//!    0.739      0.755   0.739  0.747
//! registered: accuracy 0.739 is at least 0.7
//! ```
//!
//! `--data generated` trains on meaningless numbers, `--data FILE` on your own file; `--threshold 0.9` asks for more than the
//! model can achieve; with `--registry FOLDER` the run fails until there is such a folder, and then
//! `resume` completes it.

mod steps;

use std::path::PathBuf;

use flowkit::prelude::*;
use steps::{alert, collect, evaluate, register, split, train, validate};

/// Trains a random forest, and registers it if it is good enough.
#[flow(task_defaults(retries = 1, retry_delay = "10ms"))]
async fn complete_ml(
    /// `wine`, `generated`, or a CSV file whose last column is 0 or 1
    #[param(default = "wine")]
    data: String,
    /// The accuracy that a model needs to be registered
    #[param(default = 0.7)]
    threshold: f64,
    /// How many trees to grow
    #[param(default = 100)]
    trees: u16,
    /// Where runs put their files
    #[param(default = std::env::temp_dir().join("complete_ml"))]
    folder: PathBuf,
    /// A folder for accepted models, which must exist; by default the run makes its own
    registry: Option<PathBuf>,
    /// Where to report a model that was not accepted, as `host:port`
    webhook: Option<String>,
) -> Result<Option<PathBuf>> {
    let folder = steps::folder_of_run(&folder)?;
    let raw = collect(data, folder.clone()).submit();
    let report = validate::submit(&raw);
    let parts = split::of(&raw).after(&report).submit();
    let model = train::submit(&parts, trees, folder.join("model.json"));
    let scores = evaluate::of(&parts, &model).await?;
    println!("accuracy  precision  recall     f1");
    println!("{:8.3}  {:9.3}  {:6.3}  {:5.3}", scores.accuracy, scores.precision, scores.recall, scores.f1);

    let accuracy = scores.accuracy;
    if accuracy < threshold {
        let reason = format!("accuracy {accuracy:.3} is below {threshold}");
        register::skip(reason.as_str());
        println!("not registered: {reason}");
        alert(reason, webhook).branch(format!("accuracy < {threshold}")).await?;
        return Ok(None);
    }
    alert::skip("the model is good enough");
    let registry = registry.map_or_else(|| steps::own_registry(&folder), Ok)?;
    let version = steps::version().await?;
    let registered =
        register::of(&model, registry, version).branch(format!("accuracy >= {threshold}")).await?;
    println!("registered: accuracy {accuracy:.3} is at least {threshold}");
    Ok(Some(registered))
}

flowkit::main!(complete_ml);
