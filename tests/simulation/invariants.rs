//! What holds for every trace, whatever its world: the invariants I1 to I8 of R34.
//!
//! Each reads the lines from the first to the last and stops at the first that breaks it. They know only the limits of
//! the world, so that they can check a forged trace.

use std::collections::{BTreeMap, BTreeSet};

use crate::flows::worth;
use crate::trace::{Happened, Line, Who};

/// What a trace is held against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// How many slots each limit has.
    pub(crate) slots: [u32; 2],
    /// Whether waiters for a result are woken only when it is persisted.
    pub(crate) full: bool,
    /// Whether the flow itself is never tried again, so that its sub-flows begin once.
    pub(crate) is_tried_once: bool,
}

type Invariant = fn(&Rules, &[Line]) -> Result<(), String>;

pub(crate) const INVARIANTS: [(&str, Invariant); 8] = [
    ("I1 one end per run, and it is final", one_end),
    ("I2 nothing starts after the end of what it belongs to", nothing_after_its_parent),
    ("I3 a result is kept before anybody relies on it", kept_before_used),
    ("I4 no limit is exceeded", within_limits),
    ("I5 no more attempts than retries allow", attempts_allowed),
    ("I6 everything that begins ends", everything_ends),
    ("I7 the store has what the process knows", store_agrees),
    ("I8 a cached value is the one that would be computed", cached_as_computed),
];

/// Holds a trace against every invariant.
pub(crate) fn check(rules: &Rules, lines: &[Line]) -> Result<(), String> {
    for (name, invariant) in INVARIANTS {
        invariant(rules, lines).map_err(|why| format!("{name}: {why}"))?;
    }
    Ok(())
}

/// In a process, nothing follows the end of a run. A persisted success and a failure are final for all processes; what did
/// not run because of others, or was stopped, may run in a later one.
fn one_end(rules: &Rules, lines: &[Line]) -> Result<(), String> {
    let (mut live, mut kept) = (BTreeSet::new(), BTreeSet::new());
    let (mut known, mut settled) = (BTreeSet::new(), BTreeSet::new());
    let (mut calls, mut done) = (BTreeMap::new(), BTreeSet::<u64>::new());
    // What failed in this process. It no longer counts if the process gets a signal in the same second: then it may have failed
    // of that, or run only because something else did.
    let mut failed = Vec::new();
    let mut is_fenced = false;
    for line in lines {
        match line {
            Line::Process { .. } => {
                (live, kept, failed) = <_>::default();
                // What the store never heard of has no number that counts.
                calls.retain(|who, _| known.contains(who));
                is_fenced = false;
            }
            // It may still begin runs of sub-flows, which the process that resumes the flow never learns of.
            Line::Fenced => is_fenced = true,
            Line::PutAside(_) => {
                for who in failed.drain(..) {
                    settled.remove(&who);
                }
            }
            Line::Live(event) => follows_no_end(&mut live, event)?,
            Line::Kept(event) => {
                known.insert(event.who);
                follows_no_end(&mut kept, event)?;
                if event.takes_back() {
                    settled.remove(&event.who);
                }
                if settled.contains(&event.who) {
                    return Err(format!("{event:?} although it had ended in an earlier process"));
                }
                if event.succeeds() || event.fails() {
                    settled.insert(event.who);
                }
                if event.fails() {
                    failed.push(event.who);
                }
                if event.succeeds() && rules.is_tried_once && !is_fenced {
                    done.extend(calls.get(&event.who));
                }
            }
            Line::Enters { who, call, .. } => {
                // The same call in another run of its sub-flow is the same work.
                let is_done = call.is_some_and(|call| done.contains(&call));
                if is_done || settled.contains(who) {
                    return Err(format!("the body of {who:?} begins although its end is kept"));
                }
                calls.extend(call.map(|call| (*who, call)));
            }
            _ => {}
        }
    }
    Ok(())
}

fn follows_no_end(ended: &mut BTreeSet<Who>, event: &Happened) -> Result<(), String> {
    if event.takes_back() {
        ended.remove(&event.who);
    }
    if ended.contains(&event.who) {
        return Err(format!("{event:?} after its end"));
    }
    if event.ends() {
        ended.insert(event.who);
    }
    Ok(())
}

/// A task run belongs to its flow run, and the run of a sub-flow to its node. What a task's body has called does not end
/// with that task: it belongs to the flow.
fn nothing_after_its_parent(_: &Rules, lines: &[Line]) -> Result<(), String> {
    let mut ended = BTreeSet::new();
    for line in lines {
        match line {
            Line::Process { .. } => ended.clear(),
            Line::Live(event) if event.starts() => {
                let flow = event.who.flow();
                if let Some(over) = event.node.into_iter().chain([flow]).find(|over| ended.contains(over)) {
                    return Err(format!("{event:?} after the end of {over:?}"));
                }
            }
            Line::Live(event) if event.ends() => {
                ended.insert(event.who);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Also for what a flow awaits by itself. With relaxed durability, nothing is promised.
fn kept_before_used(rules: &Rules, lines: &[Line]) -> Result<(), String> {
    let (mut kept, mut acked) = (BTreeSet::new(), BTreeSet::new());
    for line in lines {
        match line {
            Line::Kept(event) if event.succeeds() => {
                kept.insert(event.who);
            }
            // The dead process did not learn of it; the next one can read it.
            Line::Process { .. } => acked.clone_from(&kept),
            Line::Acked(who) if kept.contains(who) => {
                acked.insert(*who);
            }
            Line::Live(event) if event.starts() && rules.full => {
                if let Some(input) = event.inputs.iter().find(|input| !acked.contains(*input)) {
                    return Err(format!("{event:?} before the result of {input:?} was kept"));
                }
            }
            Line::Took { who, value: Some(_), .. } if rules.full && !acked.contains(who) => {
                return Err(format!("the flow takes the result of {who:?} before it is kept"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn within_limits(rules: &Rules, lines: &[Line]) -> Result<(), String> {
    let mut bodies: BTreeMap<Who, ([u32; 2], bool)> = BTreeMap::new();
    for line in lines {
        match line {
            Line::Process { .. } => bodies.clear(),
            Line::Enters { who, holds, .. } => {
                bodies.insert(*who, (*holds, true));
            }
            Line::StepsOut(who) | Line::StepsIn(who) => {
                if let Some((_, is_inside)) = bodies.get_mut(who) {
                    *is_inside = matches!(line, Line::StepsIn(_));
                }
            }
            Line::Leaves(who) => {
                bodies.remove(who);
            }
            _ => {}
        }
        for limit in [0, 1] {
            let inside = bodies.values().filter(|(_, is_inside)| *is_inside);
            let taken: u32 = inside.map(|(holds, _)| holds[limit]).sum();
            if taken > rules.slots[limit] {
                return Err(format!("{taken} of {} slots of limit {limit} at {line:?}", rules.slots[limit]));
            }
        }
    }
    Ok(())
}

/// `attempts <= retries + 1 + interruptions`: what died with its process, or could not be persisted, runs again.
fn attempts_allowed(_: &Rules, lines: &[Line]) -> Result<(), String> {
    let mut attempts: BTreeMap<Who, u32> = BTreeMap::new();
    let mut refusals: BTreeMap<Who, u32> = BTreeMap::new();
    let mut processes = 0;
    for line in lines {
        match line {
            Line::Process { .. } => processes += 1,
            Line::Refused(event) => *refusals.entry(event.who).or_default() += 1,
            Line::Enters { who, allowed, .. } => {
                let made = attempts.entry(*who).or_default();
                *made += 1;
                let refused = refusals.get(who).copied().unwrap_or(0);
                if *made > allowed + (processes - 1) + refused {
                    return Err(format!("{who:?} is tried for the {made}th time, and {allowed} are allowed"));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Unless its process dies; then the next one brings it to its end.
fn everything_ends(_: &Rules, lines: &[Line]) -> Result<(), String> {
    let mut open = BTreeSet::new();
    for line in lines {
        match line {
            Line::Process { .. } => open.clear(),
            Line::Live(event) if event.begins() => {
                open.insert(event.who);
            }
            Line::Live(event) if event.is_over() => {
                open.remove(&event.who);
            }
            Line::Hangs => {
                return Err(format!("nothing happens any more, and these have not ended: {open:?}"));
            }
            Line::Over { .. } => {
                if let Some(who) = open.first() {
                    return Err(format!("{who:?} has not ended at the end of its process"));
                }
            }
            _ => {}
        }
    }
    // The flow itself is the first that the store knows.
    let last = lines.rsplit(|line| matches!(line, Line::Process { .. })).next().unwrap_or_default();
    match last.iter().find_map(|line| if let Line::Stands { row, .. } = line { Some(row) } else { None }) {
        Some(state) if state.is_terminal() => Ok(()),
        state => Err(format!("the last process left the flow {state:?}")),
    }
}

/// The store heard of what happened in the same order, its rows are what its events lead to, and where nothing was
/// refused they are what the process knew.
fn store_agrees(_: &Rules, lines: &[Line]) -> Result<(), String> {
    let mut told: BTreeMap<usize, Told<'_>> = BTreeMap::new();
    let (mut is_fenced, mut is_dead) = (false, false);
    for line in lines {
        match line {
            Line::Process { .. } => {
                told.clear();
                (is_fenced, is_dead) = (false, false);
            }
            Line::Fenced => is_fenced = true,
            Line::Died => is_dead = true,
            Line::PutAside(who) => told.entry(who.run).or_default().is_aside = true,
            Line::Live(event) => told.entry(event.who.run).or_default().live.push(event),
            Line::Kept(event) => told.entry(event.who.run).or_default().store.push(event),
            Line::Refused(event) => {
                let told = told.entry(event.who.run).or_default();
                told.store.push(event);
                told.refused.insert(event.who);
            }
            Line::Over { .. } if !is_fenced => {
                for told in told.values().filter(|told| !told.is_aside) {
                    told.same_order()?;
                }
            }
            Line::Stands { who, row, replayed } if !is_fenced => {
                let told = told.entry(who.run).or_default();
                let has_gap = told.refused.contains(who);
                if !has_gap && *replayed != Some(*row) {
                    return Err(format!("the row of {who:?} says {row}, and its events {replayed:?}"));
                }
                let last = told.live.iter().rev().find(|event| event.who == *who);
                if let Some(last) =
                    last.filter(|last| !is_dead && !told.is_aside && !has_gap && last.state != *row)
                {
                    return Err(format!("the row of {who:?} says {row}, and its process {}", last.state));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// What a process and its store know of one run.
#[derive(Default)]
struct Told<'a> {
    live: Vec<&'a Happened>,
    store: Vec<&'a Happened>,
    refused: BTreeSet<Who>,
    is_aside: bool,
}

impl Told<'_> {
    fn same_order(&self) -> Result<(), String> {
        let same = |(live, store): (&&Happened, &&Happened)| {
            (live.who, live.name, live.at_us) == (store.who, store.name, store.at_us)
        };
        let differ = self.live.iter().zip(&self.store).find(|pair| !same(*pair));
        match differ {
            Some((live, store)) => Err(format!("the process saw {live:?}, and its store {store:?}")),
            None if self.live.len() != self.store.len() => {
                Err(format!("the process saw {} events, and its store {}", self.live.len(), self.store.len()))
            }
            None => Ok(()),
        }
    }
}

fn cached_as_computed(_: &Rules, lines: &[Line]) -> Result<(), String> {
    for line in lines {
        if let Line::Took { value: Some(value), cached: Some(input), .. } = line
            && *value != worth(*input)
        {
            return Err(format!("{line:?}, and computed anew it is {}", worth(*input)));
        }
    }
    Ok(())
}
