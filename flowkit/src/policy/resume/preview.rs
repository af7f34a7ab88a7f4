//! What will become of the recorded task runs when their run goes on, as far as the record can tell. For people who want to
//! know before they do it.
//!
//! Pure. It asks the same questions as a run that is resumed. Not certain: a flow decides what it calls when it runs, and
//! which tasks may run at most once is known to them alone.

use std::collections::{HashMap, HashSet};

use super::{
    Chosen, MAX_CRASHES, RedoRequest, ReplayDecision, cancelled_for_good, claimable, doubted, standing,
};
use crate::model::{State, StoredFlowRun, TaskRun, TaskRunId};

/// Whether the body of the flow runs again. Otherwise the run gives what it has: its result or its error.
pub(crate) fn flow_runs(run: &StoredFlowRun, asked: &RedoRequest) -> bool {
    match run.state {
        _ if asked.reopens(run) => true,
        State::Completed | State::Cached => false,
        State::Failed | State::TimedOut => run.error.is_none(),
        _ => true,
    }
}

/// Says what becomes of each recorded call that is made again, in the order in which they were made. Calls in a body that does
/// not run again are not made.
pub(crate) fn outlook<'r>(
    run: &StoredFlowRun,
    rows: &'r [TaskRun],
    asked: &RedoRequest,
) -> Vec<(&'r TaskRun, ReplayDecision)> {
    let chosen = claimable(run, rows);
    let wanted_again = asked.left(rows, &Chosen::of(rows, &asked.redo));
    let cancelled = cancelled_for_good(run, rows, asked);
    let mut bodies = HashSet::new();
    if flow_runs(run, asked) {
        bodies.insert(TaskRunId::FLOW);
    }
    // Of what does not stand any more, only the last is called again.
    let last: HashMap<_, TaskRunId> = rows.iter().filter_map(|row| Some((row.call?, row.id))).collect();
    let doubted = doubted(rows);
    let mut made = Vec::new();
    // A body has a smaller id than what is called in it.
    for row in rows {
        let found = row.call.and_then(|call| chosen.get(&call));
        let is_made = match (found, row.call) {
            (Some(found), _) => found.id == row.id,
            (None, Some(call)) => last.get(&call) == Some(&row.id),
            (None, None) => true,
        };
        if !is_made || !bodies.contains(&row.parent) {
            continue;
        }
        let standing = match found {
            Some(_) if row.call.is_some_and(|call| doubted.contains_key(&call.key)) => ReplayDecision::Again,
            Some(_) if cancelled.contains(&row.id) => ReplayDecision::Cancelled,
            Some(_) => standing(row, &wanted_again, false, MAX_CRASHES),
            None => ReplayDecision::Again,
        };
        if standing == ReplayDecision::Again {
            bodies.insert(row.id);
        }
        made.push((row, standing));
    }
    made
}

#[cfg(test)]
mod tests {
    use super::super::Redo;
    use super::super::tests::{flow_row, row};
    use super::*;
    use crate::model::{CallId, Digest};

    fn digest(id: u64) -> Digest {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&id.to_be_bytes());
        Digest::from_bytes(bytes)
    }

    fn called(id: u64, parent: u64, task: &str, state: State) -> TaskRun {
        TaskRun {
            id: TaskRunId::new(id),
            parent: TaskRunId::new(parent),
            call: Some(CallId { key: digest(id), seal: None, nth: 1 }),
            task: task.to_owned().into(),
            ended_at: Some(crate::model::WallTime::from_micros(1)),
            ..row(state, 1, 0)
        }
    }

    fn of(run: State, rows: &[TaskRun], redo: &Redo) -> Vec<(u64, ReplayDecision)> {
        outlook(&flow_row(run), rows, &redo.clone().into())
            .iter()
            .map(|(row, standing)| (row.id.get(), *standing))
            .collect()
    }

    #[test]
    fn what_succeeded_is_kept_and_the_rest_is_done() {
        let rows = [
            called(1, 0, "fetch", State::Completed),
            called(2, 0, "load", State::Failed),
            called(3, 0, "report", State::UpstreamFailed),
        ];
        use ReplayDecision::*;
        assert_eq!(of(State::Failed, &rows, &Redo::Failed), [(1, Keep), (2, Again), (3, Again)]);
        assert_eq!(of(State::Crashed, &rows, &Redo::Nothing), [(1, Keep), (2, Replay), (3, Again)]);
        let from = Redo::From("fetch".to_owned());
        assert_eq!(of(State::Completed, &rows[..1], &from), [(1, Again)]);
        assert_eq!(of(State::Completed, &rows[..1], &Redo::Nothing), [], "it gives its result");
    }

    #[test]
    fn a_run_that_is_done_again_from_a_task_tries_again_what_failed() {
        let failed = called(2, 0, "by_value", State::Failed);
        let refused = TaskRun { not_persisted: Some("NaN".to_owned()), ..called(3, 0, "pay", State::Failed) };
        let rows = [
            called(1, 0, "fetch", State::Completed),
            failed,
            refused,
            called(4, 0, "beside", State::Completed),
        ];
        use ReplayDecision::*;
        let from = Redo::From("fetch".to_owned());
        assert_eq!(of(State::Failed, &rows, &from), [(1, Again), (2, Again), (3, Replay), (4, Keep)]);
        let chosen = Chosen::of(&rows, &from);
        let inside = |node| RedoRequest::from(from.clone()).inside(TaskRunId::new(node), &chosen).redo;
        assert_eq!(inside(1), Redo::Everything);
        assert_eq!(inside(2), Redo::Failed, "a sub-flow that failed beside it keeps what it has");
        assert_eq!(inside(4), from);
    }

    #[test]
    fn calls_of_a_body_that_is_kept_are_not_made() {
        let rows = [
            called(1, 0, "outer", State::Completed),
            called(2, 1, "inner", State::Completed),
            called(3, 0, "outer", State::Crashed),
            called(4, 3, "inner", State::Completed),
        ];
        use ReplayDecision::*;
        assert_eq!(of(State::Crashed, &rows, &Redo::Nothing), [(1, Keep), (3, Again), (4, Keep)]);
        let from = Redo::From("inner".to_owned());
        assert_eq!(
            of(State::Completed, &rows, &from),
            [(1, Again), (2, Again), (3, Again), (4, Again)],
            "its caller must run again for that"
        );
    }

    #[test]
    fn a_call_without_a_key_is_made_anew() {
        let rows = [TaskRun { call: None, ..called(1, 0, "fetch", State::Completed) }];
        assert_eq!(of(State::Crashed, &rows, &Redo::Nothing), [(1, ReplayDecision::Again)]);
    }

    #[test]
    fn a_call_that_cannot_be_compared_is_made_again_with_all_that_had_its_name() {
        let named = |id, nth, unknown: Option<&str>| TaskRun {
            call: Some(CallId { key: digest(7), seal: None, nth }),
            unknown: unknown.map(|unknown| unknown.to_owned().into()),
            ..called(id, 0, "tag", State::Completed)
        };
        use ReplayDecision::*;
        let rows = [named(1, 1, None), called(2, 0, "fetch", State::Completed)];
        assert_eq!(of(State::Crashed, &rows, &Redo::Nothing), [(1, Keep), (2, Keep)]);
        let rows =
            [named(1, 1, None), named(2, 2, Some("pool: Pool")), called(3, 0, "fetch", State::Completed)];
        assert_eq!(of(State::Crashed, &rows, &Redo::Nothing), [(1, Again), (2, Again), (3, Keep)]);
        let failed = [TaskRun { state: State::Failed, ..named(1, 1, Some("pool: Pool")) }];
        assert_eq!(
            of(State::Crashed, &failed, &Redo::Nothing),
            [(1, Again)],
            "its failure may be another call's"
        );
    }
}
