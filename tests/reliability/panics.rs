//! A panic in the user's code is a failed task, wherever it happens, and nothing else breaks (R31).
//!
//! Here: what panics carry, and the thousand tasks that run undisturbed after each of them.

mod around;
mod bodies;
mod drops;

use std::any::Any;

use flowkit::prelude::*;
use flowkit::{FlowRun, TaskRun};

/// What a panic may carry.
#[derive(Clone, Copy, Debug)]
pub(super) enum Payload {
    Str,
    Text,
    Number,
}

pub(super) const PAYLOADS: [(Payload, &str); 3] =
    [(Payload::Str, "boom"), (Payload::Text, "boom 42"), (Payload::Number, "a payload that is not text")];

impl Payload {
    pub(super) fn throw(self) -> ! {
        match self {
            Self::Str => panic!("boom"),
            // Through a variable, since the compiler turns a formatted constant into a `&str`.
            Self::Text => std::panic::panic_any(format!("boom {}", std::hint::black_box(42))),
            Self::Number => std::panic::panic_any(42_u64),
        }
    }
}

#[task]
async fn plus_one(number: u64) -> u64 {
    number + 1
}

#[task]
fn double(number: u64) -> u64 {
    number * 2
}

#[flow]
async fn a_thousand() -> Result<u64> {
    let numbers = plus_one::map(0..500);
    let doubled = double::map(&numbers);
    Ok(doubled.await?.iter().sum())
}

/// Runs a thousand tasks, half of them on threads: whatever happened before, they must not notice.
pub(super) async fn a_thousand_tasks_run() {
    let run = a_thousand().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &(500 * 501));
    assert_eq!(run.task_runs().len(), 1000);
    assert!(run.task_runs().iter().all(|task_run| task_run.state == State::Completed));
}

/// Returns the only run of a flow, which has failed with this message.
#[track_caller]
pub(super) fn failed<T, E: flowkit::TaskError>(run: &FlowRun<T, E>, message: &str) -> TaskRun {
    let [task_run] = &run.task_runs()[..] else { panic!("{:?}", run.task_runs()) };
    assert_eq!(task_run.state, State::Failed);
    assert_eq!(task_run.error.as_deref().unwrap().message, message);
    task_run.clone()
}

#[test]
fn the_payloads_are_what_they_are_called() {
    let thrown = |payload: Payload| std::panic::catch_unwind(|| payload.throw()).unwrap_err();
    let (text, string, number): (Box<dyn Any>, Box<dyn Any>, Box<dyn Any>) =
        (thrown(Payload::Str), thrown(Payload::Text), thrown(Payload::Number));
    assert!(text.is::<&'static str>() && string.is::<String>() && number.is::<u64>());
}
