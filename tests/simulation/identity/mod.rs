//! R34, second part: which call is which, and which value is whose, for every value, order and stop.
//!
//! `plan` draws the arguments of calls, in which order each attempt makes them, whose values change between two processes, and
//! how the processes end. `flow` makes the calls and records what their bodies do (`tape`). `promises` checks the tape
//! against V9 to V16. The generators are named G1 to G7; `docs/testing.md` says what each of them would have found.
//!
//! Does not check states, events or rows: the first part does, with `trace` and `invariants`.

mod argument;
mod awkward;
mod flow;
mod forged;
mod lives;
mod plan;
mod promises;
mod seeds;
mod tape;
