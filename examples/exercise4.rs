//! What you learn: several models are trained at the same time, compared, and the best is saved. A model type that is unknown
//! fails its own branch and no other; one whose library is missing falls back to another, with a warning in the log.
//!
//! cargo run --example exercise4
//!
//! ```text
//! === モデル比較 ===
//! random_forest: 0.7463
//! xgboost: 0.7463
//! decision_tree: 0.7059
//! 最終結果: Saved { model_type: "random_forest", accuracy: 0.7463235294117647, path: "/tmp/best_model.json" }
//! ```
//!
//! `--model-types decision_tree,svm` trains others, and `--path FILE` saves the best elsewhere.

use std::path::PathBuf;

use flowkit::policy::trigger::Trigger;
use flowkit::prelude::*;
use ml::{Forest, ForestOptions, Table};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

const WINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/winequality-red.csv");
const SEED: u64 = 42;

type Parts = [Table; 2];

#[derive(Debug, Serialize, Deserialize)]
struct Model {
    model_type: String,
    forest: Forest,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Score {
    model_type: String,
    accuracy: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Saved {
    model_type: String,
    accuracy: f64,
    path: PathBuf,
}

#[derive(Debug, thiserror::Error)]
enum TrainError {
    #[error("未対応のモデルタイプ: {0}")]
    UnknownType(String),
    #[error(transparent)]
    Training(#[from] Box<dyn std::error::Error + Send + Sync>),
}

/// データ生成
#[task]
fn load_data() -> Result<Table> {
    Table::read(WINE.as_ref(), |quality| u32::from(quality >= 6.0))
}

/// データ分割
#[task]
fn split_data(table: &Table, test_size: f64) -> Parts {
    let parts = table.split(test_size, SEED);
    info!("訓練データ: {}件, テストデータ: {}件", parts[0].len(), parts[1].len());
    parts
}

/// 個別モデル訓練
#[task(run_name = "train {model_type}")]
fn train_model(model_type: String, [train, _]: &Parts) -> Result<Model, TrainError> {
    info!("{model_type}モデル訓練開始");
    let trees = match model_type.as_str() {
        "decision_tree" => 1,
        "random_forest" => 20,
        "xgboost" | "lightgbm" => {
            warn!("{model_type}未インストール。random_forestで代替");
            20
        }
        _ => return Err(TrainError::UnknownType(model_type)),
    };
    let forest = Forest::train(train, ForestOptions { trees, depth: None }, SEED)?;
    info!("{model_type}モデル訓練完了");
    Ok(Model { model_type, forest })
}

/// モデル評価
#[task(run_name = "evaluate {model_type}")]
fn evaluate_model(model: &Model, model_type: String, [_, test]: &Parts) -> Result<Score> {
    let accuracy = model.forest.evaluate(test)?.accuracy;
    info!("{model_type} - 精度: {accuracy:.4}");
    flowkit::metric(format!("accuracy of {model_type}"), accuracy);
    Ok(Score { model_type, accuracy })
}

/// 最良モデル選択: sorts the scores, best first.
#[task]
fn select_best_model(mut scores: Vec<Score>) -> Result<Vec<Score>> {
    scores.sort_by(|a, b| b.accuracy.total_cmp(&a.accuracy));
    let best = scores.first().ok_or("no model could be trained")?;
    info!("最良モデル: {} (精度: {:.4})", best.model_type, best.accuracy);
    Ok(scores)
}

/// 最良モデル保存
#[task]
fn save_best_model(model: &Model, accuracy: f64, path: PathBuf) -> Result<Saved> {
    ml::replace(&path, &serde_json::to_vec(model)?)?;
    info!("最良モデル保存: {} ({})", path.display(), model.model_type);
    Ok(Saved { model_type: model.model_type.clone(), accuracy, path })
}

/// 複数モデル並列訓練パイプライン
#[flow(name = "Multi-Model Training Pipeline")]
async fn multi_model_training(
    /// Which models to train
    #[param(default = ["random_forest", "xgboost", "decision_tree"].map(String::from).to_vec())]
    model_types: Vec<String>,
    /// The share of the rows that is reserved for the test
    #[param(default = 0.2)]
    test_size: f64,
    /// Where the best model goes
    #[param(default = std::env::temp_dir().join("best_model.json"))]
    path: PathBuf,
) -> Result<Saved> {
    info!("訓練モデル: {model_types:?}");
    let parts = split_data::of(load_data(), test_size).submit();
    let models = train_model::map(model_types.clone(), &parts); // all are being trained now
    let scores = evaluate_model::map(&models, each(model_types.clone()), &parts);
    let known = settle_all(scores.clone()).await.into_iter().flatten().collect();
    let ranking = select_best_model(known).after(&scores).trigger(Trigger::AllDone).await?;

    println!("=== モデル比較 ===");
    for Score { model_type, accuracy } in &ranking {
        println!("{model_type}: {accuracy:.4}");
    }
    let best = &ranking[0];
    let position = model_types.iter().position(|model_type| *model_type == best.model_type);
    let model = position.and_then(|at| models.known()?.get(at)).ok_or("the best is one of them")?;
    let saved = save_best_model::of(model, best.accuracy, path).await?;
    println!("最終結果: {saved:?}");
    Ok(saved)
}

flowkit::main!(multi_model_training);
