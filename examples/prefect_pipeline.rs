//! What you learn: a Prefect pipeline, ported line by line: names in any language, timeouts, retries, log lines, a dict of paths.
//! What Prefect writes to its server is in the program's own database: `logs`, `show last データ検証`, `resume`.
//!
//! cargo run --example prefect_pipeline
//!
//! ```text
//! 結果: モデル=None, accuracy=0.520, test_samples=200
//! ```
//!
//! The numbers are meaningless, so the model is not good enough. `--data wine` trains on a real table, and registers it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use flowkit::prelude::*;
use ml::{Forest, ForestOptions, Table};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

const WINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/winequality-red.csv");
const SEED: u64 = 42;

/// The paths of the four files of a split, by name.
type Paths = BTreeMap<String, PathBuf>;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Metrics {
    accuracy: f64,
    test_samples: usize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Trained {
    model_path: Option<PathBuf>,
    metrics: Metrics,
}

/// データ収集タスク
#[task(name = "データ収集", retries = 3, retry_delay = "60s", cache = "none", timeout = "300s")]
fn collect_data(data: String, folder: PathBuf) -> Result<PathBuf> {
    info!("データ収集開始");
    let table = match data.as_str() {
        "wine" => Table::read(WINE.as_ref(), |quality| u32::from(quality >= 6.0))?,
        _ => Table::generated(1000, SEED),
    };
    let path = folder.join("raw_data.csv");
    table.write(&path)?;
    info!("データ収集完了: {}件", table.len());
    Ok(path)
}

/// データ品質検証
#[task(name = "データ検証")]
fn validate_data(path: &Path) -> Result<()> {
    info!("データ検証開始");
    let table = Table::read(path, |class| class as u32)?;
    let columns = table.rows.first().map_or(0, Vec::len) + 1; // with the target
    let checks = BTreeMap::from([
        ("no_nulls", !table.rows.iter().flatten().any(|value| value.is_nan())),
        ("sufficient_size", table.len() >= 500),
        ("feature_count", columns >= 4),
    ]);
    info!("検証結果: {checks:?}");
    if checks.values().all(|passed| *passed) {
        return Ok(());
    }
    Err(format!("データ検証失敗: {checks:?}").into())
}

/// データ前処理
#[task(name = "前処理")]
fn preprocess_data(path: &Path) -> Result<Paths> {
    info!("前処理開始");
    let [train, test] = Table::read(path, |class| class as u32)?.split(0.2, SEED);
    let names = ["X_train", "y_train", "X_test", "y_test"];
    let [x_train, y_train, x_test, y_test] = names.map(|name| path.with_file_name(format!("{name}.csv")));
    train.write_pair(&x_train, &y_train)?;
    test.write_pair(&x_test, &y_test)?;
    info!("前処理完了: 訓練={}, テスト={}", train.len(), test.len());
    Ok(names.map(String::from).into_iter().zip([x_train, y_train, x_test, y_test]).collect())
}

/// モデル訓練
#[task(name = "モデル訓練", timeout = "1800s")]
fn train_model(paths: &Paths, n_estimators: u16) -> Result<PathBuf> {
    info!("モデル訓練開始: n_estimators={n_estimators}");
    let table = Table::read_pair(&paths["X_train"], &paths["y_train"])?;
    let forest = Forest::train(&table, ForestOptions { trees: n_estimators, depth: None }, SEED)?;
    let path = paths["X_train"].with_file_name("model.json");
    ml::replace(&path, &serde_json::to_vec(&forest)?)?;
    info!("モデル訓練完了");
    Ok(path)
}

/// モデル評価
#[task(name = "モデル評価")]
fn evaluate_model(model: &Path, paths: &Paths) -> Result<Metrics> {
    info!("モデル評価開始");
    let table = Table::read_pair(&paths["X_test"], &paths["y_test"])?;
    let forest: Forest = serde_json::from_slice(&fs::read(model)?)?;
    let metrics = Metrics { accuracy: forest.evaluate(&table)?.accuracy, test_samples: table.len() };
    info!("評価完了: {metrics:?}");
    flowkit::metric("accuracy", metrics.accuracy);
    Ok(metrics)
}

/// モデル登録
#[task(name = "モデル登録")]
fn register_model(model: &Path, metrics: Metrics, stamp: u64) -> Result<Option<PathBuf>> {
    if metrics.accuracy < 0.7 {
        warn!("モデル品質不足: accuracy={:.3}", metrics.accuracy);
        return Ok(None);
    }
    let registry = model.with_file_name("models");
    fs::create_dir_all(&registry)?;
    let path = registry.join(format!("model_{stamp}.json"));
    fs::copy(model, &path)?;
    info!("モデル登録完了: {}", path.display());
    Ok(Some(path))
}

/// 完全なML訓練パイプライン
#[flow(name = "ML Training Pipeline")]
async fn ml_training_pipeline(
    /// How many trees to grow
    #[param(default = 100)]
    n_estimators: u16,
    /// `generated` or `wine`
    #[param(default = "generated")]
    data: String,
) -> Result<Trained> {
    info!("パイプライン開始");
    // Two runs at the same time must not overwrite each other's files.
    let run = ctx().flow_run_id().ok_or("the flow runs as a run")?;
    let folder = std::env::temp_dir().join("ml_training").join(run.to_string());
    fs::create_dir_all(&folder)?;

    let data = collect_data(data, folder).submit();
    let valid = validate_data::submit(&data);
    let paths = preprocess_data::of(&data).after(&valid).submit();
    let model = train_model::submit(&paths, n_estimators);
    let metrics = evaluate_model::submit(&model, &paths);
    #[expect(clippy::disallowed_methods, reason = "what is not flowkit's own code may read the clock")]
    let now = flowkit::once("now", SystemTime::now).await?; // the same when the run is resumed
    let stamp = now.duration_since(UNIX_EPOCH)?.as_secs();
    let model_path = register_model::of(&model, &metrics, stamp).await?;

    info!("パイプライン完了: {model_path:?}");
    let metrics = metrics.await?;
    let Metrics { accuracy, test_samples } = metrics;
    let name = model_path.as_ref().and_then(|path| path.file_name());
    println!("結果: モデル={name:?}, accuracy={accuracy:.3}, test_samples={test_samples}");
    Ok(Trained { model_path, metrics })
}

flowkit::main!(ml_training_pipeline);
