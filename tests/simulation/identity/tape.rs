//! What bodies do and which results the flow gets, in the order in which it happens, over all processes of one plan.
//!
//! One thread, one tape, as `trace` has it; a process that is dead writes nothing.

use std::cell::RefCell;

use super::plan::Content;
use crate::trace;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Line {
    Process {
        number: u64,
    },
    /// The program has just got the signal to stop.
    Told,
    /// An attempt of the flow begins.
    Attempt,
    /// The body of a call begins, with this input and idempotency key. Keys are numbered as they come.
    Ran {
        content: Content,
        input: u64,
        key: usize,
    },
    /// The body of a source begins.
    Made {
        source: usize,
    },
    /// The flow knows the value of a source.
    Source {
        source: usize,
        value: Option<u64>,
    },
    /// The flow knows how a call ended. `refused` is the reason of one that may run at most once.
    Took {
        content: Content,
        source: Option<usize>,
        value: Option<u64>,
        refused: bool,
    },
    /// The order that depends on the race is being placed: the body runs.
    Placed {
        winner: Option<u64>,
    },
    /// A hook for failures runs.
    Hook {
        content: Content,
    },
    /// A value of an awkward type, after its way through the store or without one.
    Awkward {
        which: usize,
        equal: bool,
    },
    /// A first source that the store has, after a process that ran it again or came later.
    Settled,
    /// The flow ended by itself.
    Over {
        completed: bool,
    },
    Hangs,
}

#[derive(Default)]
struct Tape {
    lines: Vec<Line>,
    keys: Vec<String>,
    process: u64,
}

thread_local! {
    static TAPE: RefCell<Tape> = RefCell::default();
}

pub(crate) fn write(line: Line) {
    if trace::is_dead() {
        return;
    }
    TAPE.with_borrow_mut(|tape| {
        if let Line::Process { number } = line {
            tape.process = number;
        }
        tape.lines.push(line);
    });
}

/// The number of the process that is alive.
pub(crate) fn process() -> u64 {
    TAPE.with_borrow(|tape| tape.process)
}

/// Ids of runs are random, so a key counts by when it was first seen.
pub(crate) fn key(key: &str) -> usize {
    TAPE.with_borrow_mut(|tape| {
        tape.keys.iter().position(|known| known == key).unwrap_or_else(|| {
            tape.keys.push(key.to_owned());
            tape.keys.len() - 1
        })
    })
}

pub(crate) fn take() -> Vec<Line> {
    TAPE.take().lines
}
