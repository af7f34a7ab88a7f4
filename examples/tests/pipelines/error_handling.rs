//! `error_handling`: what a run that continues and a run that stops report.

use std::time::Duration;

use flowkit::prelude::*;

use super::Example;

#[path = "../../error_handling/api.rs"]
mod api;

#[flow]
async fn patient() -> Result<()> {
    api::fetch("secret").await?;
    Ok(())
}

#[flowkit::test]
async fn an_api_is_tried_again_after_5_and_10_seconds() {
    let run = patient().run().await; // a quarter of a minute of waits, at once
    let waits: Vec<_> = run.task_runs()[0].attempts().iter().map(|attempt| attempt.retry_in).collect();
    assert_eq!(waits, [Some(Duration::from_secs(5)), Some(Duration::from_secs(10)), None]);
}

#[test]
fn steps_that_may_fail_are_summed_up_and_the_run_ends_well() {
    let ended = Example::new("error_handling").run(&["--broken", "report"]).well();
    let end = "went on without 1 of 4 steps\n  report: no space left for the results of report\n";
    assert!(ended.stdout.ends_with(end), "{}", ended.stdout);
    assert!(ended.stdout.contains("notify: Completed"), "{}", ended.stdout);
    assert!(ended.stderr.contains("no space left for the results of report"), "{}", ended.stderr);
}

#[test]
fn where_nothing_fails_nobody_is_notified_and_drafts_are_removed_all_the_same() {
    let ended = Example::new("error_handling").run(&["--broken", "[]"]).well();
    assert!(ended.stdout.contains("notify: Skipped, clean_up: Completed"), "{}", ended.stdout);
}

#[test]
fn a_critical_step_that_fails_ends_the_run_and_cancels_what_has_not_ended() {
    let example = Example::new("error_handling");
    let ended = example.run(&["--broken", "data_validation"]).badly();
    let cause = "no space left for the results of data_validation";
    assert!(ended.stderr.contains(cause), "{}", ended.stderr);
    let shown = example.run(&["show"]).well().stdout;
    assert!(shown.contains("✗ data_validation failed") && shown.contains(cause), "{shown}");
    let rows = example.run(&["show", "--output", "json"]).well().stdout;
    let cancelled = |task: &str| {
        let task = format!(r#""state":"cancelled","t":"task_run","task":"{task}""#);
        rows.matches(&task).count()
    };
    assert_eq!((cancelled("perform"), cancelled("notify"), cancelled("clean_up")), (3, 1, 1), "{rows}");
}

#[test]
fn failures_are_a_value_that_the_flow_returns() {
    let ended = Example::new("error_handling").run(&["--broken", "report", "--output", "json"]).well();
    let rows = ended.stdout.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let result = rows.into_iter().find(|row| row["t"] == "run.result").expect("the result");
    let failure =
        serde_json::json!([{ "step": "report", "error": "no space left for the results of report" }]);
    assert_eq!(result["value"], failure);
}
