//! Each invariant refuses a trace that breaks it: the inputs here are made by hand.

use flowkit::State;

use crate::flows::worth;
use crate::invariants::{INVARIANTS, Rules, check};
use crate::trace::{Happened, Line, Who};

const RULES: Rules = Rules { slots: [1, 1], full: true, is_tried_once: true };
const FLOW: Who = Who { run: 0, task_run: 0 };
const FIRST: Who = Who { run: 0, task_run: 1 };
const SECOND: Who = Who { run: 0, task_run: 2 };

fn event(who: Who, name: &'static str) -> Happened {
    let state = match name {
        "created" => State::Pending,
        "started" => State::Running,
        _ => State::Completed,
    };
    // The second takes what the first returns.
    let inputs = if who == SECOND { vec![FIRST] } else { Vec::new() };
    Happened { who, name, state, detail: String::new(), at_us: 0, node: None, inputs }
}

/// The store learns of each event first.
fn told(who: Who, name: &'static str) -> [Line; 2] {
    [Line::Kept(event(who, name)), Line::Live(event(who, name))]
}

fn begins(who: Who) -> Vec<Line> {
    let enters = Line::Enters { who, call: Some(who.task_run), allowed: 1, holds: [1, 0] };
    [told(who, "created").to_vec(), told(who, "started").to_vec(), vec![enters]].concat()
}

fn ends(who: Who) -> Vec<Line> {
    [vec![Line::Leaves(who)], told(who, "completed").to_vec(), vec![Line::Acked(who)]].concat()
}

fn took(value: u64) -> Line {
    Line::Took { who: SECOND, node: 1, state: State::Completed, value: Some(value), cached: Some(3) }
}

fn stands(who: Who, row: State) -> Line {
    Line::Stands { who, row, replayed: Some(State::Completed) }
}

/// A flow with two tasks that breaks no promise.
fn honest() -> Vec<Line> {
    let over = Line::Over { state: Some(State::Completed), value: Some(worth(3)), missing: Vec::new() };
    [
        vec![Line::Process { wall_us: 0 }],
        told(FLOW, "created").to_vec(),
        told(FLOW, "started").to_vec(),
        begins(FIRST),
        ends(FIRST),
        begins(SECOND),
        ends(SECOND),
        vec![took(worth(3))],
        told(FLOW, "completed").to_vec(),
        vec![Line::Acked(FLOW), over],
        [FLOW, FIRST, SECOND].map(|who| stands(who, State::Completed)).to_vec(),
    ]
    .concat()
}

fn with(line: Line, at: &Line) -> Vec<Line> {
    let mut lines = honest();
    let at = lines.iter().position(|line| line == at).unwrap();
    lines.insert(at, line);
    lines
}

fn without(line: &Line) -> Vec<Line> {
    let (mut lines, honest) = (honest(), honest());
    lines.retain(|kept| kept != line);
    assert_eq!(lines.len() + 1, honest.len(), "there is one such line");
    lines
}

fn instead_of(line: &Line, other: Line) -> Vec<Line> {
    honest().into_iter().map(|kept| if kept == *line { other.clone() } else { kept }).collect()
}

fn refuses(invariant: &str, lines: &[Line]) {
    let (name, holds) = INVARIANTS.iter().find(|(name, _)| name.starts_with(invariant)).unwrap();
    assert!(holds(&RULES, lines).is_err(), "not noticed: {name}");
}

#[test]
fn an_honest_trace_keeps_every_invariant() {
    assert_eq!(check(&RULES, &honest()), Ok(()));
}

#[test]
fn i1_refuses_a_second_end_and_a_body_that_begins_after_it() {
    refuses("I1", &with(Line::Live(event(FIRST, "failed")), &took(worth(3))));
    refuses("I1", &with(Line::Kept(event(FIRST, "completed")), &took(worth(3))));
    let again = Line::Enters { who: FIRST, call: None, allowed: 2, holds: [0, 0] };
    refuses("I1", &with(again, &took(worth(3))));
    let in_another_run = Who { run: 1, task_run: 1 };
    let again = Line::Enters { who: in_another_run, call: Some(1), allowed: 2, holds: [0, 0] };
    refuses("I1", &with(again, &took(worth(3))));
}

#[test]
fn i1_refuses_what_goes_on_in_a_later_process_although_it_has_ended() {
    let later = [Line::Process { wall_us: 1 }, Line::Kept(event(FIRST, "reopened"))];
    refuses("I1", &[honest(), later.to_vec()].concat());
}

#[test]
fn i2_refuses_a_start_after_the_end_of_the_flow_or_of_the_node() {
    let late = Line::Live(event(Who { run: 0, task_run: 3 }, "started"));
    refuses("I2", &[honest(), vec![late]].concat());
    let inside = Happened { node: Some(FIRST), ..event(Who { run: 1, task_run: 1 }, "started") };
    refuses("I2", &with(Line::Live(inside), &took(worth(3))));
}

#[test]
fn i3_refuses_a_result_that_is_used_before_it_is_kept() {
    refuses("I3", &without(&Line::Acked(FIRST)));
    refuses("I3", &without(&Line::Kept(event(FIRST, "completed"))));
    refuses("I3", &without(&Line::Acked(SECOND)));
}

#[test]
fn i4_refuses_one_body_more_than_there_are_slots() {
    let third = Line::Enters { who: Who { run: 0, task_run: 3 }, call: None, allowed: 1, holds: [1, 0] };
    refuses("I4", &with(third, &Line::Leaves(FIRST)));
}

#[test]
fn i5_refuses_one_attempt_more_than_retries_allow() {
    let again = Line::Enters { who: FIRST, call: Some(1), allowed: 1, holds: [0, 0] };
    refuses("I5", &with(again, &Line::Leaves(FIRST)));
}

#[test]
fn i6_refuses_a_run_that_does_not_end() {
    refuses("I6", &without(&Line::Live(event(SECOND, "completed"))));
    refuses("I6", &with(Line::Hangs, &took(worth(3))));
    refuses("I6", &instead_of(&stands(FLOW, State::Completed), stands(FLOW, State::Crashed)));
}

#[test]
fn i7_refuses_a_store_that_says_something_else_than_its_process() {
    refuses("I7", &without(&Line::Kept(event(SECOND, "started"))));
    refuses("I7", &instead_of(&stands(FIRST, State::Completed), stands(FIRST, State::Running)));
    let other = Line::Stands { who: FIRST, row: State::Failed, replayed: Some(State::Failed) };
    refuses("I7", &instead_of(&stands(FIRST, State::Completed), other));
}

#[test]
fn i8_refuses_a_cached_value_that_is_not_the_computed_one() {
    refuses("I8", &instead_of(&took(worth(3)), took(worth(4))));
}
