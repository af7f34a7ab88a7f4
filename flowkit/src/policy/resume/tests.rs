//! Tests of the parent: what is done again after a crash, as a table.

use super::*;
use crate::model::Kind;

pub(crate) fn row(state: State, attempt: u32, crashes: u32) -> TaskRun {
    TaskRun {
        id: TaskRunId::new(1),
        parent: TaskRunId::FLOW,
        call: None,
        unknown: None,
        kind: Kind::Task,
        task: "pay".into(),
        path: "shop::pay".into(),
        version: None,
        source_hash: 0,
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
        begun_no: None,
        ended_no: None,
        rank: None,
        error: None,
        skip_reason: None,
        flow_run: None,
        orphaned: false,
        cancelled_by_body: false,
        crashes,
        has_result: state == State::Completed,
        not_persisted: None,
        provenance: None,
    }
}

pub(crate) fn flow_row(state: State) -> StoredFlowRun {
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
        begun_no: None,
        ended_no: None,
        attempt: 1,
        earlier_attempts: Vec::new(),
        attempt_started_at: None,
        error: None,
        crashes: 0,
        location: String::new(),
        owner: None,
        revision: None,
        program: None,
        failures: 0,
    }
}

#[test]
fn what_was_under_way_is_done_again_unless_it_may_not_be() {
    // Pending with an attempt: taken up by a process that died before it ran, or refused, again.
    let table = [
        (row(State::Completed, 1, 0), ReplayDecision::Reuse, ReplayDecision::Reuse),
        (row(State::Failed, 1, 0), ReplayDecision::FailAgain, ReplayDecision::FailAgain),
        (row(State::Pending, 0, 0), ReplayDecision::RunAgain, ReplayDecision::RunAgain),
        (row(State::Crashed, 1, 1), ReplayDecision::RunAgain, ReplayDecision::UnknownOutcome),
        (row(State::Pending, 1, 1), ReplayDecision::RunAgain, ReplayDecision::UnknownOutcome),
        (row(State::Suspended, 1, 0), ReplayDecision::RunAgain, ReplayDecision::UnknownOutcome),
        (row(State::Crashed, 3, 3), ReplayDecision::Poison, ReplayDecision::UnknownOutcome),
        (row(State::Pending, 3, 3), ReplayDecision::Poison, ReplayDecision::UnknownOutcome),
    ];
    let nothing = HashSet::new();
    for (row, usually, at_most_once) in table {
        assert_eq!(decide(&row, &nothing, false, 3), usually, "{:?}", row.state);
        assert_eq!(decide(&row, &nothing, true, 3), at_most_once, "{:?}", row.state);
        let redo = HashSet::from([row.id]);
        assert_eq!(decide(&row, &redo, true, 3), ReplayDecision::RunAgain, "somebody wants it");
    }
}

#[test]
fn a_sub_flow_is_no_poison_because_it_takes_long() {
    let behind = crate::model::FlowRunId::new(uuid::Uuid::from_u128(7));
    let node = TaskRun { flow_run: Some(behind), ..row(State::Crashed, 9, 9) };
    assert_eq!(decide(&node, &HashSet::new(), false, 3), ReplayDecision::RunAgain);
}

#[test]
fn what_has_begun_since_it_was_asked_for_is_not_wanted_any_more() {
    // Whatever the clock showed.
    let at = |id: i64| Some(WallTime::from_micros(100 - id));
    let ended = |id: i64, begun: u64, end: u64| TaskRun {
        id: TaskRunId::new(id.unsigned_abs()),
        attempt_started_at: at(id),
        ended_at: at(id),
        begun_no: OrderNo::new(begun),
        ended_no: OrderNo::new(end),
        ..row(State::Completed, 1, 0)
    };
    // As it was; done again; under way again when the process died; never begun.
    let rows = [ended(1, 1, 5), ended(2, 6, 7), ended(3, 6, 0), ended(4, 0, 0)];
    let pending = |since| {
        let request = RedoRequest { scope: RedoScope::Everything, since };
        let mut pending: Vec<u64> = request
            .pending(&rows, &RedoRows::select(&rows, &request.scope))
            .iter()
            .map(|id| id.get())
            .collect();
        pending.sort_unstable();
        pending
    };
    assert_eq!(pending(None), [1, 2, 3, 4], "it is asked for now");
    assert_eq!(pending(Some(5)), [1, 4]);
    assert_eq!(pending(Some(0)), [4], "nothing had begun when it was asked for");
}

#[test]
fn only_what_failed_since_it_was_asked_for_counts_for_the_retries() {
    let attempt = |state, ended_no| Attempt {
        number: 1,
        state,
        started_at: WallTime::from_micros(0),
        ended_at: Some(WallTime::from_micros(0)),
        ended_no: OrderNo::new(ended_no),
        error: None,
        retry_in: None,
    };
    let earlier = [
        attempt(State::Failed, 2),
        attempt(State::Completed, 4),
        attempt(State::Failed, 6),
        attempt(State::Crashed, 0),
        attempt(State::Failed, 9),
    ];
    let tries = |scope, since| RedoRequest { scope, since }.failed_attempts(&earlier);
    assert_eq!(tries(RedoScope::Nothing, None), 3);
    assert_eq!(tries(RedoScope::Failed, Some(5)), 2);
    assert_eq!(tries(RedoScope::Failed, Some(9)), 0);
}

#[test]
fn what_a_body_cancelled_stays_so_unless_something_that_ended_before_is_done_anew() {
    let ended = |id, state, no| TaskRun {
        id: TaskRunId::new(id),
        ended_no: OrderNo::new(no),
        cancelled_by_body: state == State::Cancelled,
        ..row(state, 1, 0)
    };
    let rows = [
        ended(1, State::Completed, 1),
        ended(2, State::Cancelled, 2),
        ended(3, State::Failed, 3),
        ended(4, State::Cancelled, 4),
        TaskRun { cancelled_by_body: false, ..ended(5, State::Cancelled, 5) },
    ];
    let stays = |scope: RedoScope, since, attempts| {
        let mut run = flow_row(State::Crashed);
        run.earlier_attempts = attempts;
        let mut stays: Vec<u64> = cancelled_for_good(&run, &rows, &RedoRequest { scope, since })
            .iter()
            .map(|id| id.get())
            .collect();
        stays.sort_unstable();
        stays
    };
    let from = || RedoScope::From("pay".to_owned());
    assert_eq!(stays(RedoScope::Nothing, None, Vec::new()), [2, 4], "the failure is replayed");
    assert_eq!(stays(RedoScope::Failed, None, Vec::new()), [2], "the failure is tried anew");
    assert_eq!(stays(RedoScope::Failed, Some(2), Vec::new()), [2, 4], "it was tried since, and failed");
    assert_eq!(stays(from(), None, Vec::new()), [0; 0]);
    assert_eq!(stays(from(), Some(3), Vec::new()), [4], "it was decided since");
    let failed = Attempt {
        number: 1,
        state: State::Failed,
        started_at: WallTime::from_micros(0),
        ended_at: None,
        ended_no: OrderNo::new(6),
        error: None,
        retry_in: None,
    };
    assert_eq!(
        stays(RedoScope::Nothing, None, vec![failed]),
        [2],
        "a later attempt of the flow tries it anew"
    );
    let redone = RedoRows::select(&rows, &RedoScope::Failed).all;
    assert!([3, 4, 5].iter().all(|id| redone.contains(&TaskRunId::new(*id))));
    assert!(!redone.contains(&TaskRunId::new(2)), "it had lost before anything failed");
}

#[test]
fn a_failure_counts_unless_a_later_attempt_of_the_flow_tried_it_anew() {
    let row = |state, begun, end, ended_at| TaskRun {
        begun_no: OrderNo::new(begun),
        ended_no: OrderNo::new(end),
        ended_at: Some(WallTime::from_micros(ended_at)),
        ..row(state, 1, 0)
    };
    let since = OrderNo::new(5);
    assert!(!is_valid(&row(State::Failed, 1, 4, 900), since), "the clock was ahead");
    assert!(is_valid(&row(State::Failed, 6, 7, 1), since), "the clock was set back");
    assert!(is_valid(&row(State::Cancelled, 6, 0, 1), since), "nobody saw it end");
    assert!(is_valid(&row(State::Failed, 1, 4, 1), None), "the flow was not tried again");
}

#[test]
fn the_rest_of_a_wait_stays_between_zero_and_the_delay() {
    let at = |secs: i64| WallTime::from_micros(secs * 1_000_000);
    for (now, rest) in [(100, 60), (130, 30), (160, 0), (9_999, 0), (3, 60)] {
        let attempt = Attempt {
            number: 1,
            state: State::Failed,
            started_at: at(0),
            ended_at: Some(at(100)),
            ended_no: None,
            error: None,
            retry_in: Some(Duration::from_secs(60)),
        };
        let waiting = TaskRun { earlier_attempts: vec![attempt], ..row(State::AwaitingRetry, 1, 0) };
        let progress = progress(&waiting, &RedoRequest::default(), at(now));
        assert_eq!(progress, AttemptProgress { attempts: 1, failed: 1, wait: Duration::from_secs(rest) });
    }
}
