//! Promises that are the hardest to keep, and whether power cuts find those that are broken on purpose.

use super::cut::Fate;
use super::record::Operation;
use super::stage::{Recording, Variable};
use super::workloads::{
    FILES_AFTER_A_KILL, FORGOTTEN, PUBLISHED_AFTER_A_KILL, RESULTS_IN_FILES, SMALL_RESULTS, Workload,
};
use super::{Cut, record, survives};
use crate::kit::each;

/// Cuts the power after every `step`-th note and at the end: only what is safe survives. Returns the first promise that was
/// broken.
fn broken_promise(workload: &Workload, recording: &Recording, step: usize) -> Option<String> {
    let operations = recording.operations.iter().enumerate();
    let notes = operations.filter(|(_, operation)| matches!(operation, Operation::Mark { .. }));
    let moments = notes.map(|(at, _)| at + 1).step_by(step).chain([recording.operations.len()]);
    moments.into_iter().find_map(|at| {
        let cut = Cut { at, fate: Fate::Nothing, seed: 0, is_cut_again: false };
        let promise = survives(workload, recording, &cut, 1).err()?;
        Some(format!("cut at {at} of {} operations: {promise}", recording.operations.len()))
    })
}

#[test]
fn r47_a_promise_that_is_broken_on_purpose_is_found() {
    let table: [(Workload, Variable, &str); 5] = [
        (SMALL_RESULTS, ("FLOWKIT_TEST_RELAXED", "1"), ""),
        (RESULTS_IN_FILES, ("FLOWKIT_BREAK", "no-value-sync"), ""),
        (RESULTS_IN_FILES, ("FLOWKIT_BREAK", "no-folder-sync"), ""),
        (FILES_AFTER_A_KILL, ("FLOWKIT_BREAK", "trust-what-is-there"), "rename:1"),
        (PUBLISHED_AFTER_A_KILL, ("FLOWKIT_BREAK", "no-output-sync"), "any:30"),
    ];
    each(table.len() as u64, |number| {
        let (workload, variable, kill) = &table[number as usize];
        let found = broken_promise(workload, &record(workload, &[*variable], kill), 1);
        println!("{variable:?}: {found:?}");
        assert!(found.is_some(), "nobody notices {variable:?}");
    });
}

/// A process that dies between naming a file and syncing that name leaves a file that looks safe.
#[test]
fn r47_what_a_killed_process_had_named_is_made_safe_before_anybody_relies_on_it() {
    let kills =
        ["rename:1", "rename:2", "rename:4", "folder:2", "folder:3", "folder:4", "link:1", "create:1"];
    let workloads = [FILES_AFTER_A_KILL, PUBLISHED_AFTER_A_KILL];
    each((kills.len() * workloads.len()) as u64, |number| {
        let (workload, kill) = (&workloads[number as usize % 2], kills[number as usize / 2]);
        let broken = broken_promise(workload, &record(workload, &[], kill), 12);
        assert_eq!(broken, None, "{}, killed right after {kill}", workload.name);
    });
}

/// The folder of a value, the log of the database, and the database itself when the log is moved into it.
#[test]
fn r47_what_could_not_be_brought_to_the_disk_is_not_acknowledged() {
    let fails = ["runs.db.values/:0:1", "runs.db.values/:0:3", "-wal:5:1", "-wal:12:3", "/runs.db:0:1"];
    each(fails.len() as u64, |number| {
        let fails = fails[number as usize];
        let recording = record(&RESULTS_IN_FILES, &[("RECORD_EIO", fails)], "");
        let lost =
            recording.operations.iter().filter(|operation| matches!(operation, Operation::Lose { .. }));
        assert!(lost.count() > 0, "no sync has failed: {fails}");
        assert_eq!(broken_promise(&RESULTS_IN_FILES, &recording, 4), None, "{fails}");
    });
}

/// Whether a file is removed while the log is not on the disk.
fn removes_too_early(variables: &[Variable]) -> bool {
    let recording = record(&FORGOTTEN, variables, "");
    let mut disk = recording.start;
    let mut removed = Vec::new();
    for operation in &recording.operations {
        if matches!(operation, Operation::Unlink { path } if path.starts_with("runs.db.values/")) {
            removed.push(disk.is_synced("runs.db-wal"));
        }
        disk.apply(operation);
    }
    assert!(!removed.is_empty(), "no file was removed");
    removed.contains(&false)
}

/// Where a commit does not wait for the disk, a power cut may bring rows back. It must not find them without their files.
#[test]
fn r47_a_file_is_removed_only_when_no_power_cut_can_bring_its_row_back() {
    let relaxed = ("FLOWKIT_TEST_RELAXED", "1");
    assert!(!removes_too_early(&[relaxed]));
    assert!(removes_too_early(&[relaxed, ("FLOWKIT_BREAK", "trust-the-log")]), "nobody notices");
}
