//! `kubeflow_tuning`: that the search is 27 runs of one task, beside each other, and that it finds the same again.

use serde_json::Value;

use super::Example;

#[test]
fn a_grid_of_nine_in_three_folds_is_27_runs_beside_each_other_and_the_best_is_trained() {
    let example = Example::new("kubeflow_tuning");
    let small = ["--trees", "1,2,4", "--depths", "1,2,3"];
    let first = example.run(&small).well().stdout;
    let lines = example.run(&["show", "--output", "json"]).well().stdout;
    let runs: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let tried: Vec<_> = runs.iter().filter(|run| run["task"] == "try_out").collect();
    assert_eq!(tried.len(), 27);
    let of = |run: &Value, key: &str| run[key].as_str().unwrap_or_default().to_owned();
    let overlaps = |run: &Value| {
        let others = tried.iter().filter(|other| other["task_run"] != run["task_run"]);
        others
            .filter(|other| {
                of(other, "started_at") < of(run, "ended_at") && of(run, "started_at") < of(other, "ended_at")
            })
            .count()
    };
    assert!(tried.iter().any(|run| overlaps(run) > 0), "one after the other: {lines}");

    let accuracies: Vec<f64> =
        first.lines().skip(1).filter_map(|line| line.split_whitespace().nth(2)?.parse().ok()).collect();
    assert_eq!(accuracies.len(), 9, "{first}");
    assert!(accuracies.is_sorted_by(|a, b| a >= b), "the best is not the first: {first}");
    assert_eq!(example.run(&small).well().stdout, first);
}
