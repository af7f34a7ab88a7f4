//! Reads a record back: the states that its events lead to, and what must hold at every event.

use std::collections::BTreeMap;

use flowkit::State;
use flowkit::model::{Event, EventKind, TaskRunId};

/// The states of the runs after these events, by the public transition alone.
pub fn states(events: &[Event]) -> BTreeMap<TaskRunId, State> {
    let mut states = BTreeMap::new();
    for event in events {
        match (states.get(&event.task_run).copied(), &event.kind) {
            (None, EventKind::Created) => states.insert(event.task_run, State::Pending),
            (None, kind) => panic!("{} was {} before it was created", event.task_run, kind.name()),
            (Some(state), kind) => states.insert(event.task_run, State::after(state, kind).unwrap()),
        };
    }
    states
}

/// Checks what holds for the record of every flow run that has ended, however it ended.
pub fn assert_structured(events: &[Event]) {
    let states = states(events);
    let open: Vec<_> = states.iter().filter(|(_, state)| !state.is_terminal()).collect();
    assert!(open.is_empty(), "left open: {open:?}");
    let ends = events.iter().filter(|event| event.kind.is_end()).count();
    assert_eq!(ends, states.len(), "one end per run");
    let last = events.last().expect("a run has events");
    assert!(last.task_run == TaskRunId::FLOW && last.kind.is_end(), "the flow ends last, not {last:?}");
    assert!(events.is_sorted_by_key(|event| event.at), "time does not go back");
    let attempt = events.iter().position(|event| matches!(event.kind, EventKind::Started { .. }));
    let child = events.iter().position(|event| event.task_run != TaskRunId::FLOW);
    assert!(child.is_none() || attempt < child, "a child was created before its flow started");
}

/// The largest number of attempts that ran at the same time, among the runs that `counts` picks.
pub fn most_running(events: &[Event], counts: impl Fn(TaskRunId) -> bool) -> usize {
    let (mut running, mut most) = (0_usize, 0);
    let mut is_running = BTreeMap::new();
    for event in events.iter().filter(|event| counts(event.task_run)) {
        let runs = matches!(event.kind, EventKind::Started { .. });
        let ran = is_running.insert(event.task_run, runs).unwrap_or(false);
        running = running + usize::from(runs) - usize::from(ran);
        most = most.max(running);
    }
    most
}

/// The events of one run, as their names.
pub fn names(events: &[Event], task_run: TaskRunId) -> Vec<&'static str> {
    events.iter().filter(|event| event.task_run == task_run).map(|event| event.kind.name()).collect()
}
