//! What a task records besides its result is persisted before the result is, wherever the process dies.

use std::collections::BTreeSet;

use flowkit::State;
use flowkit::model::TaskRunId;
use flowkit::store::{FlowRunFilter, History, LogFilter, SqliteStore, TaskRunFilter};

use crate::kit::{Folder, aborted, each, succeeds};

const NOTES: u64 = 60;

/// The failpoint at which to end, and on which visit.
const PLACES: [(&str, [u64; 3]); 5] = [
    ("after-body", [2, 17, 50]),
    ("before-commit", [4, 6, 8]),
    ("after-commit-before-ack", [2, 4, 6]),
    ("after-ack", [2, 4, 6]),
    ("mid-artifact-rename", [1, 2, 5]),
];

/// Checks the run, and returns which tasks have ended with a result.
fn judge(store: &SqliteStore) -> BTreeSet<TaskRunId> {
    let runs = store.flow_runs(&FlowRunFilter::default(), None, 9).unwrap().runs;
    let Some(run) = runs.first().map(|run| run.id) else { return BTreeSet::new() };
    let filter = TaskRunFilter::default();
    let rows = store.task_runs(run, &filter, TaskRunId::FLOW, usize::MAX).unwrap();
    let completed = rows.iter().filter(|row| row.state == State::Completed && row.has_result);
    let completed: BTreeSet<_> = completed.map(|row| row.id).collect();

    let artifacts = store.artifacts(run, 0, usize::MAX).unwrap();
    for artifact in &artifacts {
        let content = store.artifact(run, artifact.sequence).unwrap().unwrap();
        assert_eq!(content.len() as u64, artifact.bytes, "whole: {}", artifact.key);
    }
    let made = artifacts.iter().map(|artifact| artifact.task_run).collect();
    assert!(completed.is_subset(&made), "a result without its artifact");
    let measured = store.metrics(run, 0, usize::MAX).unwrap().iter().map(|metric| metric.task_run).collect();
    assert!(completed.is_subset(&measured), "a result without its metric");
    let lines = store.logs(run, &LogFilter::default(), 0, usize::MAX).unwrap();
    let logged = lines.iter().filter(|line| line.message.starts_with("making")).map(|line| line.task_run);
    assert!(completed.is_subset(&logged.collect()), "a result without its line");
    completed
}

fn dies(place: &str, ordinal: u64) -> usize {
    let folder = Folder::new();
    let mut broken = folder.kit("made", &[NOTES]);
    let broken = broken.env("FLOWKIT_FAILPOINT", format!("{place}:abort:{ordinal}")).output().unwrap();
    assert!(aborted(broken.status), "{place} was not reached {ordinal} times: {broken:?}");
    let before = judge(&folder.open());
    succeeds(&mut folder.kit("made", &[NOTES]));
    let store = folder.open();
    let after = judge(&store);
    assert_eq!(after.len() as u64, NOTES);
    let run = store.flow_runs(&FlowRunFilter::default(), None, 9).unwrap().runs[0].id;
    for artifact in store.artifacts(run, 0, usize::MAX).unwrap() {
        let is_first = artifact.version == 1;
        assert!(is_first || !before.contains(&artifact.task_run), "made again: {}", artifact.key);
    }
    before.len()
}

#[test]
fn what_a_task_leaves_is_there_with_its_result_wherever_the_process_dies() {
    let trials: Vec<_> =
        PLACES.iter().flat_map(|(place, ordinals)| ordinals.map(|ordinal| (*place, ordinal))).collect();
    let kept = std::sync::atomic::AtomicUsize::new(0);
    each(trials.len() as u64, |number| {
        let (place, ordinal) = trials[number as usize];
        kept.fetch_add(dies(place, ordinal), std::sync::atomic::Ordering::Relaxed);
    });
    let kept = kept.into_inner();
    println!("{kept} results of {} processes that died had everything with them", trials.len());
    assert!(kept > 0, "no process died late enough to say anything");
}
