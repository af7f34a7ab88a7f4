//! Tests of the parent: what is done again after a crash, as a table.

use super::*;
use crate::model::Kind;

pub(super) fn row(state: State, attempt: u32, crashes: u32) -> StoredTaskRun {
    StoredTaskRun {
        id: TaskRunId::new(1),
        parent: TaskRunId::FLOW,
        key: None,
        kind: Kind::Task,
        task: "pay".to_owned(),
        path: "shop::pay".to_owned(),
        version: None,
        index: None,
        name: None,
        tags: Vec::new(),
        group: None,
        branch: None,
        location: String::new(),
        edges: Vec::new(),
        state,
        attempt,
        earlier_attempts: Vec::new(),
        created_at: WallTime::from_micros(0),
        started_at: None,
        attempt_started_at: None,
        ended_at: None,
        error: None,
        skip_reason: None,
        flow_run: None,
        orphaned: false,
        crashes,
        has_result: state == State::Completed,
    }
}

#[cfg(feature = "cli")]
pub(super) fn flow_row(state: State) -> StoredFlowRun {
    StoredFlowRun {
        id: crate::model::FlowRunId::new(uuid::Uuid::from_u128(1)),
        flow: "shop".to_owned(),
        path: "shop::shop".to_owned(),
        version: None,
        name: None,
        tags: Vec::new(),
        state,
        parameters: None,
        parent: None,
        created_at: WallTime::from_micros(0),
        started_at: None,
        ended_at: None,
        attempt: 1,
        earlier_attempts: Vec::new(),
        attempt_started_at: None,
        error: None,
        crashes: 0,
        location: String::new(),
    }
}

#[test]
fn what_was_under_way_is_done_again_unless_it_may_not_be() {
    // Pending with an attempt: taken up by a process that died before it ran, or refused, again.
    let table = [
        (row(State::Completed, 1, 0), Standing::Keep, Standing::Keep),
        (row(State::Failed, 1, 0), Standing::Replay, Standing::Replay),
        (row(State::Pending, 0, 0), Standing::Again, Standing::Again),
        (row(State::Crashed, 1, 1), Standing::Again, Standing::UnknownOutcome),
        (row(State::Pending, 1, 1), Standing::Again, Standing::UnknownOutcome),
        (row(State::Suspended, 1, 0), Standing::Again, Standing::UnknownOutcome),
        (row(State::Crashed, 3, 3), Standing::Poison, Standing::UnknownOutcome),
        (row(State::Pending, 3, 3), Standing::Poison, Standing::UnknownOutcome),
    ];
    let nothing = HashSet::new();
    for (row, usually, at_most_once) in table {
        assert_eq!(standing(&row, &nothing, false, 3), usually, "{:?}", row.state);
        assert_eq!(standing(&row, &nothing, true, 3), at_most_once, "{:?}", row.state);
        let wanted = HashSet::from([row.id]);
        assert_eq!(standing(&row, &wanted, true, 3), Standing::Again, "somebody wants it");
    }
}

#[test]
fn a_sub_flow_is_no_poison_because_it_takes_long() {
    let behind = crate::model::FlowRunId::new(uuid::Uuid::from_u128(7));
    let node = StoredTaskRun { flow_run: Some(behind), ..row(State::Crashed, 9, 9) };
    assert_eq!(standing(&node, &HashSet::new(), false, 3), Standing::Again);
}

#[test]
fn what_has_begun_since_it_was_asked_for_is_not_wanted_any_more() {
    let at = |micros| Some(WallTime::from_micros(micros));
    let ended = |id, begun, end| StoredTaskRun {
        id: TaskRunId::new(id),
        attempt_started_at: begun,
        ended_at: end,
        ..row(State::Completed, 1, 0)
    };
    // As it was; done again; under way again when the process died; never begun.
    let rows = [ended(1, at(1), at(5)), ended(2, at(6), at(7)), ended(3, at(6), None), ended(4, None, None)];
    let left = |since| {
        let asked = Asked { redo: Redo::Everything, since };
        let mut left: Vec<u64> =
            asked.left(&rows, &rows_to_redo(&rows, &asked.redo)).iter().map(|id| id.get()).collect();
        left.sort_unstable();
        left
    };
    assert_eq!(left(None), [1, 2, 3, 4], "it is asked for now");
    assert_eq!(left(at(5)), [1, 4]);
}
