//! A resumed run gets the recorded order of ends, so its body decides as it did in the process that died.

use std::fs;

use crate::kit::{Folder, aborted, succeeds};

#[test]
fn a_resumed_run_decides_as_it_did_in_the_process_that_died_and_orders_once() {
    let folder = Folder::new();
    let dies = folder.path().join("dies");
    fs::write(&dies, "").unwrap();
    for death in 1..=2 {
        assert!(aborted(folder.kit("decided", &[]).status().unwrap()), "death {death}");
    }
    fs::remove_file(&dies).unwrap();
    succeeds(&mut folder.kit("decided", &[]));
    let notes = folder.notes();
    let ordered: Vec<&str> = notes.lines().filter_map(|line| line.strip_prefix("order ")).collect();
    let expected = [
        "fast as_completed",
        "fast first_failure",
        "first_ended 1",
        "next_within false",
        "wait_within 0 1",
        "the fast one",
    ];
    assert_eq!(ordered, expected, "{notes}");
    assert_eq!(notes.matches("the fast one runs").count(), 1, "{notes}");
    assert!(notes.matches("the slow one runs").count() <= 1, "it has lost: {notes}");
}
