//! What would become of the recorded task runs if their run were resumed, as far as the record can tell.
//!
//! Pure. It makes the same decisions as a run that is resumed, but is not certain: a flow decides what it calls when it runs, and
//! the record does not have which tasks may run at most once.

use std::collections::{HashMap, HashSet};

use super::{
    MAX_CRASHES, RedoRequest, RedoRows, ReplayDecision, ambiguous_keys, cancelled_for_good, claimable,
    decide, decide_flow,
};
use crate::model::{StoredFlowRun, TaskRun, TaskRunId};

/// Returns the decision about each recorded call that would be made again, in the order in which they were made. Calls in a body
/// that does not run again are not made.
pub(crate) fn decisions<'r>(
    run: &StoredFlowRun,
    rows: &'r [TaskRun],
    request: &RedoRequest,
) -> Vec<(&'r TaskRun, ReplayDecision)> {
    let claimable = claimable(run, rows);
    let redo = request.pending(rows, &RedoRows::select(rows, &request.scope));
    let cancelled = cancelled_for_good(run, rows, request);
    let mut bodies = HashSet::new();
    if decide_flow(run, request) == ReplayDecision::RunAgain {
        bodies.insert(TaskRunId::FLOW);
    }
    // Where none of the rows of a call is valid any more, the last one stands for the call.
    let last: HashMap<_, TaskRunId> = rows.iter().filter_map(|row| Some((row.call?, row.id))).collect();
    let ambiguous = ambiguous_keys(rows);
    let mut made = Vec::new();
    // A body has a smaller id than what is called in it.
    for row in rows {
        let found = row.call.and_then(|call| claimable.get(&call));
        let is_made = match (found, row.call) {
            (Some(found), _) => found.id == row.id,
            (None, Some(call)) => last.get(&call) == Some(&row.id),
            (None, None) => true,
        };
        if !is_made || !bodies.contains(&row.parent) {
            continue;
        }
        let decision = match found {
            Some(_) if row.call.is_some_and(|call| ambiguous.contains_key(&call.key)) => {
                ReplayDecision::RunAgain
            }
            Some(_) if cancelled.contains(&row.id) => ReplayDecision::CancelAgain,
            Some(_) => decide(row, &redo, false, MAX_CRASHES),
            None => ReplayDecision::RunAgain,
        };
        if decision == ReplayDecision::RunAgain {
            bodies.insert(row.id);
        }
        made.push((row, decision));
    }
    made
}

#[cfg(test)]
mod tests {
    use super::super::RedoScope;
    use super::super::tests::{flow_row, row};
    use super::*;
    use crate::model::{CallId, Digest, State};

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

    fn of(run: State, rows: &[TaskRun], redo: &RedoScope) -> Vec<(u64, ReplayDecision)> {
        decisions(&flow_row(run), rows, &redo.clone().into())
            .iter()
            .map(|(row, decision)| (row.id.get(), *decision))
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
        assert_eq!(of(State::Failed, &rows, &RedoScope::Failed), [(1, Reuse), (2, RunAgain), (3, RunAgain)]);
        assert_eq!(
            of(State::Crashed, &rows, &RedoScope::Nothing),
            [(1, Reuse), (2, FailAgain), (3, RunAgain)]
        );
        let from = RedoScope::From("fetch".to_owned());
        assert_eq!(of(State::Completed, &rows[..1], &from), [(1, RunAgain)]);
        assert_eq!(of(State::Completed, &rows[..1], &RedoScope::Nothing), [], "it gives its result");
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
        let from = RedoScope::From("fetch".to_owned());
        assert_eq!(
            of(State::Failed, &rows, &from),
            [(1, RunAgain), (2, RunAgain), (3, FailAgain), (4, Reuse)]
        );
        let redo = RedoRows::select(&rows, &from);
        let inside = |node| RedoRequest::from(from.clone()).inside(TaskRunId::new(node), &redo).scope;
        assert_eq!(inside(1), RedoScope::Everything);
        assert_eq!(inside(2), RedoScope::Failed, "a sub-flow that failed beside it keeps what it has");
        assert_eq!(inside(4), from);
    }

    #[test]
    fn one_run_of_a_task_is_done_again_with_what_used_its_result_and_no_other_run_of_it() {
        let mapped = |id, index| TaskRun { index: Some(index), ..called(id, 0, "fetch", State::Completed) };
        let named = TaskRun { name: Some("of monday".to_owned()), ..called(3, 0, "load", State::Completed) };
        let input = crate::model::Edge::new(TaskRunId::new(2), crate::model::EdgeKind::Data);
        let total = TaskRun { edges: vec![input], ..called(4, 0, "total", State::Completed) };
        let rows = [mapped(1, 0), mapped(2, 1), named, total];
        use ReplayDecision::*;
        let again = |from: &str| of(State::Completed, &rows, &RedoScope::From(from.to_owned()));
        assert_eq!(again("fetch[1]"), [(1, Reuse), (2, RunAgain), (3, Reuse), (4, RunAgain)]);
        assert_eq!(again("of monday"), [(1, Reuse), (2, Reuse), (3, RunAgain), (4, Reuse)]);
        assert_eq!(again("load")[2], (3, RunAgain), "the task's name means it, too");
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
        assert_eq!(of(State::Crashed, &rows, &RedoScope::Nothing), [(1, Reuse), (3, RunAgain), (4, Reuse)]);
        let from = RedoScope::From("inner".to_owned());
        assert_eq!(
            of(State::Completed, &rows, &from),
            [(1, RunAgain), (2, RunAgain), (3, RunAgain), (4, RunAgain)],
            "its caller must run again for that"
        );
    }

    #[test]
    fn a_call_without_a_key_is_made_anew() {
        let rows = [TaskRun { call: None, ..called(1, 0, "fetch", State::Completed) }];
        assert_eq!(of(State::Crashed, &rows, &RedoScope::Nothing), [(1, ReplayDecision::RunAgain)]);
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
        assert_eq!(of(State::Crashed, &rows, &RedoScope::Nothing), [(1, Reuse), (2, Reuse)]);
        let rows =
            [named(1, 1, None), named(2, 2, Some("pool: Pool")), called(3, 0, "fetch", State::Completed)];
        assert_eq!(
            of(State::Crashed, &rows, &RedoScope::Nothing),
            [(1, RunAgain), (2, RunAgain), (3, Reuse)]
        );
        let failed = [TaskRun { state: State::Failed, ..named(1, 1, Some("pool: Pool")) }];
        assert_eq!(
            of(State::Crashed, &failed, &RedoScope::Nothing),
            [(1, RunAgain)],
            "its failure may be another call's"
        );
    }
}
