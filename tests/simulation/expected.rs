//! What the flow of a world must return if nothing stops it: a plain evaluation, without time, processes or stores.

use flowkit::State;
use flowkit::policy::trigger::{InputCounts, TriggerVerdict};

use crate::flows::worth;
use crate::trace::Line;
use crate::world::{Call, Ending, Node, Script, World};

/// How a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    To(u64),
    Failed,
    LeftWithout,
    Skipped,
}

/// Compares what the flow has seen with what it must see.
pub(crate) fn check(world: &World, lines: &[Line]) -> Result<(), String> {
    let expected = outcomes(world);
    let mut sum = 0;
    for (node, came) in expected.iter().enumerate() {
        let took = lines.iter().filter_map(|line| match line {
            Line::Took { node: index, state, value, .. } if *index == node => Some(seen(*state, *value)),
            _ => None,
        });
        for seen in took {
            if Some(seen) != *came {
                return Err(format!("node {node} came to {seen:?}, and must come to {came:?}"));
            }
        }
        if let Some(Came::To(value)) = came {
            sum += value;
        }
    }
    let last = lines.rsplit(|line| matches!(line, Line::Process { .. })).next().unwrap_or_default();
    let over = last.iter().find_map(|line| match line {
        Line::Over { state, value, missing } => Some((*state, *value, missing.clone())),
        _ => None,
    });
    match over {
        Some((Some(State::Completed), Some(value), missing)) if value == sum && missing.is_empty() => Ok(()),
        // It died with the last entry, and was not asked again.
        None => Ok(()),
        over => Err(format!("the flow came to {over:?}, and must come to {sum}")),
    }
}

fn seen(state: State, value: Option<u64>) -> Came {
    match (state, value) {
        (_, Some(value)) => Came::To(value),
        (State::UpstreamFailed, None) => Came::LeftWithout,
        (State::Skipped, None) => Came::Skipped,
        _ => Came::Failed,
    }
}

/// A call that is awaited in place returns no handle, so no other call can use it.
fn outcomes(world: &World) -> Vec<Option<Came>> {
    let mut outcomes: Vec<Option<Came>> = Vec::new();
    for node in &world.nodes {
        let came = match node.call {
            Call::InPlace { .. } => None,
            _ => Some(outcome(node, &outcomes)),
        };
        outcomes.push(came);
    }
    outcomes
}

fn outcome(node: &Node, earlier: &[Option<Came>]) -> Came {
    let of = |nodes: &[usize]| nodes.iter().filter_map(|node| earlier[*node]).collect::<Vec<_>>();
    let (data, order) = (of(&node.inputs), of(&node.after));
    let items = match node.call {
        Call::Map(items) => items,
        _ => 0,
    };
    let mut counts = InputCounts { total: items as u32, succeeded: items as u32, ..InputCounts::default() };
    for came in data.iter().chain(&order) {
        counts.total += 1;
        match came {
            Came::To(_) => counts.succeeded += 1,
            Came::Failed => counts.failed += 1,
            Came::LeftWithout => counts.upstream_failed += 1,
            Came::Skipped => counts.skipped += 1,
        }
    }
    let missing = |came: &Came| data.contains(came);
    match node.trigger.verdict(&counts) {
        TriggerVerdict::Skip => Came::Skipped,
        TriggerVerdict::UpstreamFailed => Came::LeftWithout,
        // The rule is met, and yet there is a value that it cannot do without.
        TriggerVerdict::Run | TriggerVerdict::Wait
            if missing(&Came::Failed) || missing(&Came::LeftWithout) =>
        {
            Came::LeftWithout
        }
        TriggerVerdict::Run | TriggerVerdict::Wait if missing(&Came::Skipped) => Came::Skipped,
        TriggerVerdict::Run | TriggerVerdict::Wait => {
            let inputs = data.iter().map(|came| if let Came::To(value) = came { *value } else { 0 }).sum();
            performed(node, inputs)
        }
    }
}

/// How a call ends that runs.
fn performed(node: &Node, inputs: u64) -> Came {
    let sum = inputs + node.script.own;
    let own = |parts: &[Script]| parts.iter().map(|part| part.own).sum::<u64>();
    match &node.call {
        Call::Cached(input) => Came::To(worth(*input)),
        Call::Map(items) => Came::To(sum + (0..*items).sum::<u64>()),
        Call::Nest(parts) | Call::SubFlow(parts) if !parts.iter().all(ends_well) => Came::Failed,
        _ if !ends_well(&node.script) => Came::Failed,
        Call::Nest(parts) | Call::SubFlow(parts) => Came::To(sum + own(parts)),
        Call::Work | Call::InPlace { .. } => Came::To(sum),
    }
}

/// Attempts that end badly are never more than the retries.
fn ends_well(script: &Script) -> bool {
    matches!(script.ending, Ending::Well | Ending::WellAfter(_) | Ending::InTimeAfter(_))
}
