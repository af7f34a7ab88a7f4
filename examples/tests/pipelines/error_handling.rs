//! `error_handling`: what the run that goes on and the run that stops say of themselves.

use super::Example;

#[test]
fn steps_that_may_fail_are_summed_up_and_the_run_ends_well() {
    let ended = Example::new("error_handling").run(&["--broken", "report"]).well();
    assert!(ended.stdout.ends_with(
        "left out: 1 of 4 steps\n  - task `report` failed: no space left for the results of report\n"
    ));
    assert!(ended.stdout.contains("notify: Completed"), "{}", ended.stdout);
}

#[test]
fn where_nothing_fails_nobody_is_notified_and_drafts_are_removed_all_the_same() {
    let ended = Example::new("error_handling").run(&["--broken", "[]"]).well();
    assert!(ended.stdout.contains("notify: Skipped, clean_up: Completed"), "{}", ended.stdout);
}

#[test]
fn a_critical_step_that_fails_ends_the_run_and_what_comes_after_it_does_not_run() {
    let example = Example::new("error_handling");
    let ended = example.run(&["--broken", "data_validation"]).badly();
    let cause = "no space left for the results of data_validation";
    assert!(ended.stderr.contains(cause), "{}", ended.stderr);
    let shown = example.run(&["show"]).well().stdout;
    assert_eq!(shown.matches("UpstreamFailed").count(), 3, "{shown}");
    assert!(shown.contains(cause), "{shown}");
}
