//! `kubeflow_tuning`: the search is 27 parallel runs of one task, and finds the same each time.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use super::Example;

#[test]
fn a_grid_of_nine_in_three_folds_is_27_runs_beside_each_other_and_the_best_is_trained() {
    let example = Example::new("kubeflow_tuning");
    let small = ["--trees", "1,2,4", "--depths", "1,2,3"];
    let first = example.run(&small).well().stdout;
    let tried = example.task_runs("try_out");
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
    assert!(tried.iter().any(|run| overlaps(run) > 0), "one after the other: {tried:?}");

    let accuracies: Vec<f64> =
        first.lines().skip(1).filter_map(|line| line.split_whitespace().nth(2)?.parse().ok()).collect();
    assert_eq!(accuracies.len(), 9, "{first}");
    assert!(accuracies.is_sorted_by(|a, b| a >= b), "the best is not the first: {first}");
    assert_eq!(example.run(&small).well().stdout, first);
}

#[test]
fn a_search_that_was_killed_keeps_the_forests_that_it_has_measured() {
    let example = Example::new("kubeflow_tuning");
    // Forests of different sizes, so that they do not all end at once.
    let mut killed =
        example.command(&["--trees", "1,10,20"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let completed = || {
        let tried = example.task_runs("try_out").into_iter().filter(|run| run["state"] == "completed");
        tried.map(|run| (run["label"].to_string(), run["ended_at"].to_string())).collect::<BTreeMap<_, _>>()
    };
    while completed().is_empty() {
        assert_eq!(killed.try_wait().unwrap(), None, "it ended before it could be killed");
        std::thread::sleep(Duration::from_millis(20));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let kept = completed();
    assert!(kept.len() < 27, "there is nothing left to do");

    example.run(&["resume"]).well();
    let finished = completed();
    assert_eq!(finished.len(), 27);
    for (label, ended_at) in &kept {
        assert_eq!(&finished[label], ended_at, "{label} was done again");
    }
}
