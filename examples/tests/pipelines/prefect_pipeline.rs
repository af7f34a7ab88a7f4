//! `prefect_pipeline`: its names, log lines, checks and results are those of the Prefect pipeline that it ports.

use serde_json::Value;

use super::{Example, files};

/// Returns the log as (task, level, message).
fn log(example: &Example) -> Vec<[String; 3]> {
    let lines = example.run(&["logs", "--output", "json"]).well().stdout;
    let rows = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("a JSON line"));
    rows.map(|row| ["label", "level", "message"].map(|key| row[key].as_str().unwrap_or_default().to_owned()))
        .collect()
}

fn has(log: &[[String; 3]], task: &str, level: &str, message: &str) -> bool {
    log.iter().any(|[of, at, text]| of == task && at == level && text.starts_with(message))
}

#[test]
fn every_logger_line_is_kept_with_its_task_and_its_level() {
    let example = Example::new("prefect_pipeline");
    example.run(&["--n-estimators", "5"]).well();
    let log = log(&example);
    let expected = [
        ("データ収集", "info", "データ収集開始"),
        ("データ収集", "info", "データ収集完了: 1000件"),
        (
            "データ検証",
            "info",
            "検証結果: {\"feature_count\": true, \"no_nulls\": true, \"sufficient_size\": true}",
        ),
        ("前処理", "info", "前処理完了: 訓練=800, テスト=200"),
        ("モデル訓練", "info", "モデル訓練開始: n_estimators=5"),
        ("モデル評価", "info", "評価完了"),
        ("モデル登録", "warn", "モデル品質不足: accuracy="),
        ("ML Training Pipeline", "info", "パイプライン完了: None"),
    ];
    for (task, level, message) in expected {
        assert!(has(&log, task, level, message), "{task} {level} {message}: {log:#?}");
    }
}

#[test]
fn a_task_with_a_japanese_name_is_found_by_it() {
    let example = Example::new("prefect_pipeline");
    example.run(&["--n-estimators", "2"]).well();
    let shown = example.run(&["show", "last", "データ検証"]).well().stdout;
    assert!(shown.contains("データ検証") && shown.contains("Completed"), "{shown}");
    assert_eq!(example.task_runs("モデル訓練").len(), 1);
    let graph = example.run(&["graph", "--format", "mermaid"]).well().stdout;
    assert!(graph.contains("モデル登録"), "{graph}");
}

#[test]
fn a_good_model_is_registered_and_its_path_and_metrics_are_the_result() {
    let example = Example::new("prefect_pipeline");
    let ended = example.run(&["--data", "wine", "--n-estimators", "20", "--output", "json"]).well();
    let rows = ended.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let result = rows.into_iter().find(|row| row["t"] == "run.result").expect("the result");
    let model = result["value"]["model_path"].as_str().expect("a path");
    assert!(std::path::Path::new(model).is_file(), "{model}");
    assert!(
        result["value"]["metrics"]["accuracy"].as_f64().is_some_and(|accuracy| accuracy >= 0.7),
        "{result}"
    );
    let run = files(&example.path("ml_training")).pop().expect("the folder of the run");
    assert_eq!(files(&run.join("models")).len(), 1);
}
