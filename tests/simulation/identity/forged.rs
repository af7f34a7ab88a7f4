//! Each promise refuses a tape that breaks it: the inputs here are made by hand.

use super::plan::{Content, Dress, Kind, Mood, Plan, Planned, Source};
use super::promises::{PROMISES, check};
use super::tape::Line;
use crate::world::{End, Process};

const CALL: Content = Content { kind: Kind::AtMostOnce, dress: Dress::Sets, number: 1, tenant: 0 };
const OTHER: Content = Content { kind: Kind::Plain, dress: Dress::NoSerde, number: 2, tenant: 0 };

/// Two calls; the first process gets a signal to stop, and the second runs a source again.
fn plan() -> Plan {
    let planned = |content, source| Planned { content, source, millis: 0, mood: Mood::Well };
    let stopped = Process { end: Some(End::ShutsDown { after: 10, drain: 0 }), ..Process::default() };
    Plan {
        seed: 0,
        sources: vec![Source { is_persisted: true, changes: true, millis: 0 }],
        calls: vec![planned(CALL, None), planned(OTHER, Some((0, super::plan::Way::Handle)))],
        race: None,
        awkward: true,
        fails_first: 0,
        processes: vec![stopped, Process::default(), Process::default()],
        rerun: Some(1),
    }
}

fn ran(content: Content, input: u64, key: usize) -> Line {
    Line::Ran { content, input, key }
}

fn took(content: Content, source: Option<usize>, value: Option<u64>) -> Line {
    Line::Took { content, source, value, refused: false }
}

fn honest() -> Vec<Line> {
    vec![
        Line::Process { number: 0 },
        Line::Attempt,
        ran(CALL, 0, 1),
        Line::Told,
        Line::Process { number: 1 },
        Line::Attempt,
        Line::Made { source: 0 },
        ran(OTHER, 10, 2),
        Line::Settled,
        Line::Process { number: 2 },
        Line::Attempt,
        ran(OTHER, 10, 3),
        Line::Placed { winner: Some(1) },
        Line::Source { source: 0, value: Some(10) },
        took(CALL, None, Some(CALL.value(0))),
        took(OTHER, Some(0), Some(OTHER.value(10))),
        Line::Awkward { which: 0, equal: true },
        Line::Over { completed: true },
    ]
}

fn before(at: &Line, line: Line) -> Vec<Line> {
    let mut lines = honest();
    let at = lines.iter().position(|known| known == at).unwrap();
    lines.insert(at, line);
    lines
}

fn instead_of(line: &Line, other: &Line) -> Vec<Line> {
    assert!(honest().contains(line));
    honest().into_iter().map(|known| if known == *line { other.clone() } else { known }).collect()
}

fn refuses(promise: &str, lines: &[Line]) {
    let (name, holds) = PROMISES.iter().find(|(name, _)| name.starts_with(promise)).unwrap();
    assert!(holds(&plan(), lines).is_err(), "not noticed: {name}");
}

const LAST: Line = Line::Over { completed: true };

#[test]
fn an_honest_tape_keeps_every_promise() {
    assert_eq!(check(&plan(), &honest()), Ok(()));
}

#[test]
fn v9_refuses_a_value_of_other_arguments_or_of_an_older_input() {
    let of_another = took(OTHER, Some(0), Some(CALL.value(10)));
    refuses("V9", &instead_of(&took(OTHER, Some(0), Some(OTHER.value(10))), &of_another));
    let older = Line::Source { source: 0, value: Some(1010) };
    refuses("V9", &instead_of(&Line::Source { source: 0, value: Some(10) }, &older));
}

#[test]
fn v10_refuses_a_second_beginning_of_what_may_run_once() {
    refuses("V10", &before(&LAST, ran(CALL, 0, 1)));
    refuses("V10", &before(&LAST, Line::Placed { winner: Some(1) }));
}

#[test]
fn v11_refuses_a_key_of_two_calls_and_two_keys_of_one() {
    refuses("V11", &before(&LAST, ran(OTHER, 11, 2)));
    refuses("V11", &before(&LAST, ran(OTHER, 10, 1)));
    refuses("V11", &before(&LAST, ran(CALL, 0, 9)));
}

#[test]
fn v12_refuses_two_winners() {
    refuses("V12", &before(&LAST, Line::Placed { winner: None }));
}

#[test]
fn v13_refuses_a_call_that_came_to_nothing_a_hook_while_stopping_and_a_flow_without_an_end() {
    let nothing = took(OTHER, Some(0), None);
    refuses("V13", &instead_of(&took(OTHER, Some(0), Some(OTHER.value(10))), &nothing));
    refuses("V13", &before(&Line::Process { number: 1 }, Line::Hook { content: OTHER }));
    refuses("V13", &instead_of(&LAST, &Line::Over { completed: false }));
    refuses("V13", &instead_of(&LAST, &Line::Hangs));
}

#[test]
fn v14_refuses_a_value_that_reads_back_as_another() {
    let wrong = Line::Awkward { which: 0, equal: false };
    refuses("V14", &instead_of(&Line::Awkward { which: 0, equal: true }, &wrong));
}

#[test]
fn v15_refuses_a_source_that_is_made_again_after_its_rerun_was_kept() {
    refuses("V15", &before(&LAST, Line::Made { source: 0 }));
}

#[test]
fn v16_refuses_a_body_that_begins_once_the_program_was_told_to_stop() {
    let then = Line::Process { number: 1 };
    refuses("V16", &before(&then, ran(OTHER, 10, 2)));
    refuses("V16", &before(&then, Line::Made { source: 0 }));
    refuses("V16", &before(&then, Line::Placed { winner: None }));
}
