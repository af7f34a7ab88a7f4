//! `exercise4`: models are trained at the same time, sorted, and the best is saved; one that is unknown fails alone.

use serde_json::Value;

use super::Example;

fn accuracies(stdout: &str) -> Vec<(String, f64)> {
    let compared = stdout.lines().skip(1).take_while(|line| !line.starts_with("最終結果"));
    compared
        .map(|line| {
            let (model, accuracy) = line.split_once(": ").expect("a model and its accuracy");
            (model.to_owned(), accuracy.parse().expect("a number"))
        })
        .collect()
}

#[test]
fn an_unknown_model_type_fails_its_own_branch_and_the_others_are_compared() {
    let example = Example::new("exercise4");
    let ended = example.run(&["--model-types", "decision_tree,svm,random_forest"]).well();
    let compared = accuracies(&ended.stdout);
    let models: Vec<&str> = compared.iter().map(|(model, _)| model.as_str()).collect();
    assert_eq!(models, ["random_forest", "decision_tree"]);
    assert!(compared[0].1 > compared[1].1, "{compared:?}");
    let states: Vec<(String, String)> = example
        .task_runs("train_model")
        .iter()
        .map(|run| (run["label"].to_string(), run["state"].as_str().unwrap_or_default().to_owned()))
        .collect();
    let failed: Vec<_> = states.iter().filter(|(_, state)| state == "failed").collect();
    assert_eq!(failed.len(), 1, "{states:?}");
    assert!(
        failed[0].0.contains("svm") && ended.stderr.contains("未対応のモデルタイプ: svm"),
        "{}",
        ended.stderr
    );
}

#[test]
fn where_every_model_type_is_unknown_the_run_fails_with_the_reason() {
    let ended = Example::new("exercise4").run(&["--model-types", "svm"]).badly();
    assert!(ended.stderr.contains("no model could be trained"), "{}", ended.stderr);
}

#[test]
fn a_missing_library_is_a_warning_and_another_model_takes_its_place() {
    let example = Example::new("exercise4");
    let compared = accuracies(&example.run(&["--model-types", "xgboost,random_forest"]).well().stdout);
    assert_eq!(compared[0].1, compared[1].1);
    let log = example.run(&["logs", "--level", "warn"]).well().stdout;
    assert!(log.contains("xgboost未インストール。random_forestで代替"), "{log}");
}

#[test]
fn three_models_are_trained_at_the_same_time_and_the_best_is_a_file() {
    let example = Example::new("exercise4");
    let path = example.path("best.json");
    let types = "random_forest,xgboost,lightgbm";
    example.run(&["--model-types", types, "--path", &path.display().to_string()]).well();
    let trained = example.task_runs("train_model");
    let of = |run: &Value, key: &str| run[key].as_str().unwrap_or_default().to_owned();
    let last_start = trained.iter().map(|run| of(run, "started_at")).max();
    let first_end = trained.iter().map(|run| of(run, "ended_at")).min();
    assert!(trained.len() == 3 && last_start < first_end, "not all three at once: {trained:?}");
    let saved: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("the file")).expect("JSON");
    assert_eq!(saved["model_type"], "random_forest");
}
