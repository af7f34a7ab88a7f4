//! Tests of the parent: one table per trigger, and that an answer never changes.

use super::*;
use TriggerVerdict::*;
use proptest::prelude::*;

/// Reads inputs from letters: `s`ucceeded, `f`ailed, `u`pstream failed, s`k`ipped, `.` to come.
fn inputs(letters: &str) -> InputCounts {
    let count = |wanted: char| letters.matches(wanted).count() as u32;
    InputCounts {
        total: letters.len() as u32,
        succeeded: count('s'),
        failed: count('f'),
        upstream_failed: count('u'),
        skipped: count('k'),
    }
}

#[track_caller]
fn check(trigger: Trigger, table: &[(&str, TriggerVerdict)]) {
    for (letters, verdict) in table {
        assert_eq!(trigger.verdict(&inputs(letters)), *verdict, "{trigger} of {letters}");
    }
}

#[test]
fn all_success_runs_when_all_succeeded_and_fails_at_the_first_failure() {
    check(
        Trigger::AllSuccess,
        &[
            ("..", Wait),
            ("s.", Wait),
            ("ss", Run),
            ("f.", UpstreamFailed),
            ("u.", UpstreamFailed),
            ("k.", Wait),
            ("ks", Skip),
            ("kf", UpstreamFailed),
            ("kk", Skip),
        ],
    );
}

#[test]
fn all_failed_runs_when_all_failed_and_skips_at_the_first_other() {
    check(
        Trigger::AllFailed,
        &[
            ("..", Wait),
            ("f.", Wait),
            ("ff", Run),
            ("fu", Run),
            ("uu", Run),
            ("s.", Skip),
            ("k.", Skip),
            ("fs", Skip),
            ("fk", Skip),
        ],
    );
}

#[test]
fn all_done_runs_when_all_are_done() {
    check(
        Trigger::AllDone,
        &[("..", Wait), ("s.", Wait), ("f.", Wait), ("sf", Run), ("uk", Run), ("kk", Run)],
    );
}

#[test]
fn one_success_runs_at_the_first_success() {
    check(
        Trigger::OneSuccess,
        &[
            ("..", Wait),
            ("f.", Wait),
            ("k.", Wait),
            ("s.", Run),
            ("fs", Run),
            ("ff", UpstreamFailed),
            ("fk", UpstreamFailed),
            ("uk", UpstreamFailed),
            ("kk", Skip),
        ],
    );
}

#[test]
fn one_failed_runs_at_the_first_failure() {
    check(
        Trigger::OneFailed,
        &[("..", Wait), ("s.", Wait), ("f.", Run), ("u.", Run), ("ss", Skip), ("sk", Skip), ("kk", Skip)],
    );
}

#[test]
fn one_done_runs_at_the_first_that_ran_itself() {
    check(
        Trigger::OneDone,
        &[
            ("..", Wait),
            ("s.", Run),
            ("f.", Run),
            ("u.", Wait),
            ("k.", Wait),
            ("uk", Skip),
            ("uu", Skip),
            ("kk", Skip),
            ("ks", Run),
        ],
    );
}

#[test]
fn none_failed_runs_when_all_succeeded_or_were_skipped() {
    check(
        Trigger::NoneFailed,
        &[
            ("..", Wait),
            ("s.", Wait),
            ("k.", Wait),
            ("ss", Run),
            ("sk", Run),
            ("kk", Run),
            ("f.", UpstreamFailed),
            ("ku", UpstreamFailed),
        ],
    );
}

#[test]
fn none_skipped_skips_at_the_first_skip() {
    check(
        Trigger::NoneSkipped,
        &[
            ("..", Wait),
            ("s.", Wait),
            ("f.", Wait),
            ("k.", Skip),
            ("fk", Skip),
            ("ss", Run),
            ("sf", Run),
            ("uu", Run),
        ],
    );
}

#[test]
fn none_failed_min_one_success_wants_a_success_too() {
    check(
        Trigger::NoneFailedMinOneSuccess,
        &[
            ("..", Wait),
            ("s.", Wait),
            ("k.", Wait),
            ("ss", Run),
            ("sk", Run),
            ("kk", Skip),
            ("f.", UpstreamFailed),
            ("su", UpstreamFailed),
        ],
    );
}

#[test]
fn always_does_not_wait() {
    check(Trigger::Always, &[("..", Run), ("f.", Run), ("kk", Run), ("uu", Run)]);
}

#[test]
fn task_without_inputs_runs() {
    for trigger in Trigger::ALL {
        check(trigger, &[("", Run)]);
    }
}

#[test]
fn names_read_back_and_a_wrong_one_lists_them_all() {
    for trigger in Trigger::ALL {
        assert_eq!(trigger.name().parse(), Ok(trigger));
    }
    let error = "all_succes".parse::<Trigger>().unwrap_err().to_string();
    assert!(error.starts_with("unknown trigger `all_succes`; use `all_success`, `all_failed`, "), "{error}");
    assert!(error.ends_with(", `none_failed_min_one_success` or `always`"), "{error}");
}

proptest! {
    #[test]
    fn answer_is_given_at_the_end_and_never_changes(letters in "[sfuk]{0,8}") {
        for trigger in Trigger::ALL {
            let last = trigger.verdict(&inputs(&letters));
            prop_assert_ne!(last, Wait);
            for done in 0..=letters.len() {
                let so_far = format!("{}{}", &letters[..done], ".".repeat(letters.len() - done));
                let verdict = trigger.verdict(&inputs(&so_far));
                prop_assert!(verdict == Wait || verdict == last, "{trigger} of {so_far}: {verdict:?}, at last {last:?}");
            }
        }
    }

    #[test]
    fn wrong_counts_do_not_panic(total: u32, succeeded: u32, failed: u32, upstream_failed: u32, skipped: u32) {
        for trigger in Trigger::ALL {
            let _ = trigger.verdict(&InputCounts { total, succeeded, failed, upstream_failed, skipped });
        }
    }
}
