//! The flow that executes a world, and its tasks. They follow their script and record each step.
//!
//! The flow makes the same calls in every process: it derives the world from its seed, and uses a clock only to wait.

use std::time::Duration;

use flowkit::Body;
use flowkit::policy::retry::Backoff;
use flowkit::prelude::*;

use crate::trace::{self, Line, Who};
use crate::world::{Call, Ending, LIMITS, Node, Script, World, millis};

/// Longer than anything that ends by itself.
const HOUR_MILLIS: u64 = 3_600_000;

type Called<B> = flowkit::Call<'static, u64, Trouble, B>;
type Made = Option<Handle<u64, Trouble>>;

pub(crate) type Result<T> = std::result::Result<T, Trouble>;

#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Trouble(String);

impl Trouble {
    pub(crate) fn new(why: &str) -> Self {
        Self(why.to_owned())
    }
}

impl From<Error<Trouble>> for Trouble {
    fn from(error: Error<Trouble>) -> Self {
        Self(error.to_string())
    }
}

/// A body that is running; over when it is dropped.
struct Inside(Option<Who>);

impl Inside {
    fn with(script: &Script) -> Self {
        let mut holds = [0; 2];
        script.holds.iter().for_each(|(limit, weight)| holds[*limit] += weight);
        Self::enter(script.is_called_once.then_some(script.own), script.retries + 1, holds)
    }

    fn unheld(attempts: u32) -> Self {
        Self::enter(None, attempts, [0; 2])
    }

    fn enter(call: Option<u64>, allowed: u32, holds: [u32; 2]) -> Self {
        let who = here();
        who.into_iter().for_each(|who| trace::write(Line::Enters { who, call, allowed, holds }));
        Self(who)
    }

    /// Waits for others, holding nothing meanwhile.
    async fn outside<F: Future>(&self, wait: F) -> F::Output {
        self.0.into_iter().for_each(|who| trace::write(Line::StepsOut(who)));
        let ended = wait.await;
        self.0.into_iter().for_each(|who| trace::write(Line::StepsIn(who)));
        ended
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.into_iter().for_each(|who| trace::write(Line::Leaves(who)));
    }
}

fn here() -> Option<Who> {
    Some(trace::who(ctx().flow_run_id()?, ctx().task_run_id()?))
}

/// Waits and ends as its script says.
async fn act(script: &Script, value: u64) -> Result<u64> {
    let listening = script.listens.map(|patience| (ctx().cancellation_token(), patience));
    let work = async {
        if script.millis > 0 {
            tokio::time::sleep(millis(script.millis)).await;
        }
        let attempt = ctx().attempt();
        match script.ending {
            Ending::WellAfter(bad) if attempt <= bad => {
                Err(Trouble(format!("attempt {attempt} is a bad one")))
            }
            Ending::Badly => Err(Trouble(format!("{} ends badly", script.own))),
            Ending::Fatally => Err(fatal(Trouble(format!("{} ends for good", script.own)))),
            // No panic hook: a thousand seeds would fill the terminal.
            Ending::InPanic => std::panic::resume_unwind(Box::new("as it was told")),
            Ending::TooLate => {
                tokio::time::sleep(millis(3 * HOUR_MILLIS)).await;
                Ok(value)
            }
            Ending::InTimeAfter(late) if attempt <= late => {
                tokio::time::sleep(millis(3 * HOUR_MILLIS)).await;
                Ok(value)
            }
            Ending::Well | Ending::WellAfter(_) | Ending::InTimeAfter(_) => Ok(value),
        }
    };
    let Some((token, patience)) = listening else { return work.await };
    tokio::select! {
        biased;
        ended = work => ended,
        () = token.cancelled() => {
            tokio::time::sleep(millis(patience)).await;
            Err(Trouble("told to stop".into()))
        }
    }
}

/// Adds its own number to its inputs.
#[task]
async fn work(inputs: Vec<u64>, script: Script) -> Result<u64> {
    let _inside = Inside::with(&script);
    act(&script, script.own + inputs.iter().sum::<u64>()).await
}

/// One item of a list.
#[task]
async fn item(number: u64, script: Script) -> u64 {
    let _inside = Inside::unheld(1);
    tokio::time::sleep(millis(script.millis * number)).await;
    number
}

/// Adds what others give that its body calls.
#[task]
async fn nest(inputs: Vec<u64>, script: Script, parts: Vec<Script>) -> Result<u64> {
    let inside = Inside::with(&script);
    let parts = inside.outside(settle_all(parts.into_iter().map(part))).await;
    let mut sum = script.own + inputs.iter().sum::<u64>();
    for part in parts {
        sum += part?;
    }
    act(&script, sum).await
}

/// What the cached tasks give for an input: one of them is for those that are even, the other for those that are odd.
pub(crate) fn worth(input: u8) -> u64 {
    1_000_000 + 7 * u64::from(input)
}

/// Adds up a list.
#[task]
async fn total(inputs: Vec<u64>, items: Vec<u64>, script: Script) -> Result<u64> {
    let _inside = Inside::unheld(1);
    Ok(script.own + inputs.iter().chain(&items).sum::<u64>())
}

/// What is the same for everyone who asks with the same input.
#[task(cache = "inputs", retries = 2, retry_delay = "5ms")]
async fn shared(half: u8) -> Result<u64> {
    let _inside = Inside::unheld(3);
    tokio::time::sleep(millis(11 * u64::from(half))).await;
    // One of the inputs takes two attempts, so that others wait for longer.
    if half == 1 && ctx().attempt() == 1 { Err(Trouble("not yet".into())) } else { Ok(worth(2 * half)) }
}

/// Another task of the same inputs, whose results are not those of the first.
#[task(cache = "inputs")]
async fn shared_too(half: u8) -> Result<u64> {
    let _inside = Inside::unheld(1);
    tokio::time::sleep(millis(3)).await;
    Ok(worth(2 * half + 1))
}

/// A sub-flow.
#[flow]
async fn part_of(inputs: Vec<u64>, script: Script, parts: Vec<Script>) -> Result<u64> {
    let _inside = Inside::unheld(script.retries + 1);
    let mut sum = script.own + inputs.iter().sum::<u64>();
    // Without any of its parts it fails; some end it at once, with the others in the middle of their work.
    let part = |script: Script| {
        let is_critical = script.own.is_multiple_of(3);
        told(work(Vec::new(), script.clone()), &script).critical(is_critical).submit()
    };
    for part in settle_all(parts.into_iter().map(part)).await {
        sum += part?;
    }
    act(&script, sum).await
}

/// Sets the options of a call from its script.
fn told<B: Body<Output = u64, Error = Trouble> + Clone + 'static>(
    call: Called<B>,
    script: &Script,
) -> Called<B> {
    let mut call = call
        .retries(script.retries)
        .retry_delay(millis(script.delay))
        .backoff(Backoff::Exponential)
        .jitter(script.jitter);
    if let Some(timeout) = script.timeout {
        call = call.timeout(millis(timeout));
    }
    for (limit, weight) in &script.holds {
        call = call.concurrency(LIMITS[*limit], *weight);
    }
    call
}

fn part(script: Script) -> Handle<u64, Trouble> {
    told(work(Vec::new(), script.clone()), &script).submit()
}

/// A body is not to blame for how long others hold the slots it waits for: it times out only if it never ends.
fn unhurried(script: Script) -> Script {
    let (timeout, ending) = match script.ending {
        Ending::TooLate => (Some(HOUR_MILLIS), Ending::TooLate),
        Ending::InTimeAfter(late) => (None, Ending::WellAfter(late)),
        ending => (None, ending),
    };
    Script { timeout, ending, ..script }
}

/// Makes the call of a node; one that is awaited in place returns no handle.
async fn make(node: &Node, earlier: &[Made]) -> Made {
    let handles =
        |nodes: &[usize]| nodes.iter().filter_map(|node| earlier[*node].clone()).collect::<Vec<_>>();
    let (inputs, after) = (Handles::from(handles(&node.inputs)), handles(&node.after));
    let script = node.script.clone();
    let Node { trigger, .. } = *node;
    Some(match &node.call {
        Call::Work => {
            told(work::of(inputs, script), &node.script).trigger(trigger).after(&after[..]).submit()
        }
        Call::Map(items) => {
            let items = item::map(0..*items, script.clone());
            total::of(inputs, items, script).trigger(trigger).after(&after[..]).submit()
        }
        Call::Nest(parts) => {
            let script = unhurried(script);
            told(nest::of(inputs, script.clone(), parts.clone()), &script)
                .trigger(trigger)
                .after(&after[..])
                .submit()
        }
        Call::SubFlow(parts) => {
            let script = Script { holds: Vec::new(), ..unhurried(script) };
            told(part_of::of(inputs, script.clone(), parts.clone()), &script)
                .trigger(trigger)
                .after(&after[..])
                .submit()
        }
        Call::Cached(input) if input % 2 == 0 => {
            shared(input / 2).trigger(trigger).after(&after[..]).submit()
        }
        Call::Cached(input) => shared_too(input / 2).trigger(trigger).after(&after[..]).submit(),
        Call::InPlace { patience } => {
            let call = told(work::of(inputs, script), &node.script).trigger(trigger).after(&after[..]);
            let patience = patience.map_or(Duration::MAX, millis);
            // Its time being up, the call is dropped.
            tokio::time::timeout(patience, call.into_future()).await.ok();
            return None;
        }
    })
}

/// Awaits a result, and writes down what it was.
async fn take(handle: &Handle<u64, Trouble>, node: &Node) -> Option<u64> {
    let value = handle.clone().await.ok();
    let state = handle.state();
    if let Some(run) = ctx().flow_run_id() {
        let cached = match node.call {
            Call::Cached(input) => Some(input),
            _ => None,
        };
        trace::write(Line::Took {
            who: trace::who(run, handle.id()),
            node: node.index,
            value,
            state,
            cached,
        });
    }
    value
}

/// Executes the world of a seed, and returns the sum of what its calls returned.
#[flow(retries = 2, retry_delay = "10ms")]
pub(crate) async fn simulated(seed: u64) -> Result<u64> {
    let _inside = Inside::unheld(3);
    let world = World::of(seed);
    let mut handles: Vec<Made> = Vec::new();
    let mut sum = 0;
    for node in &world.nodes {
        if node.pause > 0 {
            sleep(millis(node.pause)).await;
        }
        let handle = match node.grouped {
            true => group("together", make(node, &handles)).await,
            false => make(node, &handles).await,
        };
        if let Some(handle) = &handle {
            if let Some(wait) = node.cancelled_after {
                let handle = handle.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(millis(wait)).await;
                    handle.cancel();
                });
            }
            if node.awaited {
                take(handle, node).await;
            }
        }
        handles.push(handle);
    }
    for (handle, node) in handles.iter().zip(&world.nodes) {
        if let Some(handle) = handle {
            sum += take(handle, node).await.unwrap_or_default();
        }
    }
    if ctx().attempt() <= world.fails_first { Err(Trouble("not yet".into())) } else { Ok(sum) }
}
