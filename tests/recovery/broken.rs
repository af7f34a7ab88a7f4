//! R02, R07: a process that aborts at the worst moments, or because of one of its own tasks.

use crate::kit::{Folder, aborted, each, succeeds};

const PAIRS: u64 = 250;
/// Too large for the database itself, for the failpoint that only large results reach.
const LARGE: u64 = 300_000;

/// The failpoint at which to end, and on which visit.
const PLACES: [(&str, [u64; 5]); 9] = [
    ("before-submit-row", [1, 5, 60, 200, 500]),
    ("after-submit-row", [1, 5, 60, 200, 500]),
    ("before-run", [1, 5, 60, 200, 500]),
    ("after-body", [1, 5, 60, 200, 500]),
    ("before-commit", [3, 5, 9, 20, 35]),
    ("after-commit-before-ack", [1, 2, 5, 15, 30]),
    ("after-ack", [1, 2, 5, 15, 30]),
    ("mid-migration", [1, 2, 3, 4, 5]),
    ("mid-artifact-rename", [1, 2, 5, 10, 20]),
];

fn breaks(place: &str, ordinal: u64) {
    let folder = Folder::new();
    // Twenty large results say as much as 250.
    let (pairs, ballast) = if place == "mid-artifact-rename" { (20, LARGE) } else { (PAIRS, 0) };
    let mut program = folder.squares(pairs, ballast);
    let broken = program.env("FLOWKIT_FAILPOINT", format!("{place}:abort:{ordinal}")).output().unwrap();
    assert!(aborted(broken.status), "{place} was not reached {ordinal} times: {}", broken.status);
    succeeds(&mut folder.squares(pairs, ballast));
    folder.judge(pairs, 1);
}

#[test]
fn r02_a_process_that_aborts_at_any_of_ten_places_loses_nothing() {
    let trials: Vec<_> =
        PLACES.iter().flat_map(|(place, ordinals)| ordinals.map(|ordinal| (*place, ordinal))).collect();
    each(trials.len() as u64, |number| {
        let (place, ordinal) = trials[number as usize];
        breaks(place, ordinal);
    });
}

/// Each of the two parts of the flow reaches the tenth failpoint, and then the flow does: here, and again in processes that
/// resume it when only its end is left.
#[test]
fn r02_a_process_that_aborts_before_the_end_of_a_run_loses_nothing() {
    let deaths: [&[u64]; 5] = [&[1], &[2], &[3], &[3, 1], &[3, 1, 1]];
    for ordinals in deaths {
        let folder = Folder::new();
        for ordinal in ordinals {
            let mut program = folder.squares(PAIRS, 0);
            program.env("FLOWKIT_FAILPOINT", format!("before-run-complete:abort:{ordinal}"));
            let broken = program.output().unwrap();
            assert!(aborted(broken.status), "{}", broken.status);
        }
        succeeds(&mut folder.squares(PAIRS, 0));
        folder.judge(PAIRS, ordinals.len() as u64);
    }
}

#[test]
fn r07_a_task_that_aborts_the_process_three_times_is_refused_by_name_and_other_runs_go_on() {
    let folder = Folder::new();
    let mut deaths = 0;
    let refused = loop {
        let output = folder.kit("deadly", &[]).output().unwrap();
        if !aborted(output.status) {
            break output;
        }
        deaths += 1;
        assert!(deaths < 10, "it is tried for ever");
    };
    // The first death may come before anybody could write down what had begun.
    assert!((3..=4).contains(&deaths), "{deaths} deaths");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        said.contains("`aborts`") && said.contains("its process died 3 times while it was running"),
        "{said}"
    );
    assert_eq!(String::from_utf8_lossy(&refused.stdout), "harmless 7\n");
}

#[test]
fn a_task_that_may_run_once_stays_failed_after_its_process_died_also_when_its_flow_is_retried() {
    let folder = Folder::new();
    assert!(aborted(folder.kit("stubborn", &[]).output().unwrap().status));
    let output = folder.kit("stubborn", &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("the outcome of its last attempt is unknown"), "{said}");
    assert_eq!(folder.notes(), "charge\n");
}
