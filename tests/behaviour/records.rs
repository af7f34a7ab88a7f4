//! What tests read out of the record of a run: the waits between attempts, the states in their order.

use std::time::Duration;

use flowkit::model::{Event, TaskRun};
use flowkit::prelude::*;
use flowkit::{FlowRun, TaskError};

/// Returns the only run of a task.
pub(crate) fn only<T, E: TaskError>(run: &FlowRun<T, E>, task: &str) -> TaskRun {
    let mut task_runs = run.task_runs_of(task);
    assert_eq!(task_runs.len(), 1, "runs of `{task}`");
    task_runs.remove(0)
}

/// Returns the time that really passed between the end of each attempt and the start of the next one.
pub(crate) fn waits(task_run: &TaskRun) -> Vec<Duration> {
    let attempts = task_run.attempts();
    let wait = |pair: &[flowkit::model::Attempt]| pair[1].started_at.since(pair[0].ended_at.unwrap());
    attempts.windows(2).map(wait).collect()
}

/// Returns the waits that were announced: one after each attempt that another one followed.
pub(crate) fn announced_waits(task_run: &TaskRun) -> Vec<Duration> {
    task_run.attempts().iter().filter_map(|attempt| attempt.retry_in).collect()
}

/// Returns what happened to a task run, in order.
pub(crate) fn events_of<T, E: TaskError>(run: &FlowRun<T, E>, task_run: &TaskRun) -> Vec<Event> {
    let mut events = run.events();
    events.retain(|event| event.task_run == task_run.id);
    events
}

/// Returns the states through which a task run went, the first one (`Pending`) included.
pub(crate) fn states<T, E: TaskError>(run: &FlowRun<T, E>, task_run: &TaskRun) -> Vec<State> {
    let mut state = State::Pending;
    let mut states = vec![state];
    for event in &events_of(run, task_run)[1..] {
        state = state.after(&event.kind).unwrap();
        states.push(state);
    }
    states
}

/// Returns durations of whole seconds.
pub(crate) fn seconds<const N: usize>(seconds: [u64; N]) -> Vec<Duration> {
    seconds.map(Duration::from_secs).into()
}
