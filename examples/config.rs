//! What you learn: where the parameters of a flow come from. Its signature is the whole configuration: flowkit merges flags,
//! variables, a file and defaults, and the program reads nothing by hand.
//!
//! cargo run --example config -- --params examples/data/config.yaml --n-estimators 50 --show-config
//!
//! ```text
//!   data_source      s3://bucket/data.csv                 examples/data/config.yaml
//!   output_dir       /tmp/output                          examples/data/config.yaml
//!   model_type       random_forest                        examples/data/config.yaml
//!   n_estimators     50                                   --n-estimators
//!   test_size        0.2                                  examples/data/config.yaml
//!   random_state     42                                   examples/data/config.yaml
//!   hyperparameters  {max_depth=10, min_samples_split=5}  examples/data/config.yaml
//! ```
//!
//! From strongest to weakest: flags, variables (`FLOWKIT_PARAM_N_ESTIMATORS`), the file of `--params` (YAML, TOML or JSON),
//! `[params.training]` in `flowkit.toml`, defaults. Without `--show-config` the flow runs.

use std::path::PathBuf;

use flowkit::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ModelType {
    RandomForest,
    GradientBoosting,
}

/// What only the model uses.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hyperparameters {
    max_depth: u16,
    min_samples_split: u16,
}

/// Prints what it would train.
#[flow]
async fn training(
    /// Where the data is
    data_source: String,
    /// Where models go
    #[param(default = "/tmp/output")]
    output_dir: PathBuf,
    /// Which kind of model to train
    #[param(default = ModelType::RandomForest)]
    model_type: ModelType,
    /// How many trees to grow
    #[param(default = 100)]
    n_estimators: u32,
    /// The share of the rows that is reserved for the test
    #[param(default = 0.2)]
    test_size: f64,
    #[param(default = 42)] random_state: u64,
    #[param(default = Hyperparameters { max_depth: 5, min_samples_split: 2 })]
    hyperparameters: Hyperparameters,
) -> Result<()> {
    println!("a {model_type:?} of {n_estimators} trees on {data_source}, with {hyperparameters:?}");
    println!(
        "tested on {test_size} of the rows in the order of {random_state}; kept in {}",
        output_dir.display()
    );
    Ok(())
}

flowkit::main!(training);
