//! What a seed makes: a flow, the limits that it runs under, and the fate of the processes that execute it.
//!
//! Pure data, made by one generator: the same seed makes the same world. `expected` computes what its flow
//! must return.

use std::time::Duration;

use fastrand::Rng;
use flowkit::policy::trigger::Trigger;
use serde::{Deserialize, Serialize};

pub(crate) const LIMITS: [&str; 2] = ["left", "right"];

/// The cached tasks have so many distinct inputs.
pub(crate) const CACHED_INPUTS: u8 = 6;

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    /// In the order in which the flow calls them.
    pub(crate) nodes: Vec<Node>,
    /// How many slots each of [`LIMITS`] has.
    pub(crate) slots: [u32; 2],
    /// So many attempts of the flow fail before one may succeed.
    pub(crate) fails_first: u32,
    /// Whether waiters for a result are woken only when it is persisted.
    pub(crate) full: bool,
    /// The last of them does not end by itself.
    pub(crate) processes: Vec<Process>,
}

/// One call of the flow, or several of a kind.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) index: usize,
    pub(crate) call: Call,
    pub(crate) script: Script,
    /// The nodes whose values it adds up.
    pub(crate) inputs: Vec<usize>,
    /// The nodes it only runs after.
    pub(crate) after: Vec<usize>,
    pub(crate) trigger: Trigger,
    /// How long the flow waits before it makes the call.
    pub(crate) pause: u64,
    /// The flow awaits the result before it continues.
    pub(crate) awaited: bool,
    pub(crate) grouped: bool,
    /// The handle is cancelled after so many milliseconds.
    pub(crate) cancelled_after: Option<u64>,
}

#[derive(Clone, Debug)]
pub(crate) enum Call {
    /// A task.
    Work,
    /// A task that is mapped over so many items, and their sum.
    Map(u64),
    /// A task whose body calls others.
    Nest(Vec<Script>),
    /// A sub-flow with these tasks.
    SubFlow(Vec<Script>),
    /// A cached task, with an input of so few that others ask for the same.
    Cached(u8),
    /// A task that is awaited in place, and dropped after so many milliseconds.
    InPlace { patience: Option<u64> },
}

/// What a body does. An argument of its task, so that a call is found again by it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Script {
    /// The number that it adds to its inputs. No two scripts of a world have the same.
    pub(crate) own: u64,
    /// It is called only once, unless the flow itself begins anew.
    pub(crate) is_called_once: bool,
    pub(crate) millis: u64,
    pub(crate) ending: Ending,
    pub(crate) retries: u32,
    pub(crate) delay: u64,
    pub(crate) jitter: f64,
    pub(crate) timeout: Option<u64>,
    /// Slots of [`LIMITS`] that an attempt takes, in this order.
    pub(crate) holds: Vec<(usize, u32)>,
    /// It listens for cancellation, and ends by itself so many milliseconds after it.
    pub(crate) listens: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ending {
    Well,
    Badly,
    /// Not worth another attempt.
    Fatally,
    InPanic,
    /// After its time is up.
    TooLate,
    /// Well, after so many attempts that ended badly.
    WellAfter(u32),
    /// Well, after so many attempts that were too late.
    InTimeAfter(u32),
}

/// How long one process lives, and how badly its store works.
#[derive(Clone, Debug, Default)]
pub(crate) struct Process {
    /// One in so many awaited entries cannot be persisted; 0 for none.
    pub(crate) refuses_one_in: u64,
    /// So many entries are persisted before that.
    pub(crate) refuses_after: u64,
    /// No result of a task can be persisted.
    pub(crate) loses_results: bool,
    /// Of so many answers, one is late; 0 for none.
    pub(crate) slow_one_in: u64,
    pub(crate) end: Option<End>,
    /// From this entry on, and for so many milliseconds, the disk takes nothing: entries wait, and come in their order after
    /// it.
    pub(crate) outage: Option<(u64, u64)>,
    /// How far the wall clock has moved when the next process begins. It may have been set back.
    pub(crate) then: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It dies with this entry, which was persisted or not, and never answered.
    Dies { entry: u64, kept: bool },
    /// Others take it for dead at this entry: it lives on and may write nothing more.
    Fenced { entry: u64 },
    /// It is shut down after so many milliseconds, and what then runs has so many more to end.
    ShutsDown { after: u64, drain: u64 },
    /// The run is cancelled after so many milliseconds.
    Stops { after: u64 },
    /// Who waits for the run goes away after so many milliseconds.
    Drops { after: u64 },
}

impl World {
    pub(crate) fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let slots = [rng.u32(1..4), rng.u32(1..4)];
        let count = rng.usize(2..12);
        let nodes = (0..count).map(|index| node(&mut rng, index, slots)).collect();
        let fails_first = if rng.u8(..8) == 0 { rng.u32(1..3) } else { 0 };
        let full = rng.u8(..8) != 0;
        Self { seed, nodes, slots, fails_first, full, processes: processes(&mut rng) }
    }

    /// Whether the flow alone decides the result: nothing is stopped, and nothing is lost for good.
    pub(crate) fn is_left_alone(&self) -> bool {
        let stopped = |process: &Process| {
            process.refuses_one_in > 0
                || matches!(process.end, Some(End::Stops { .. } | End::Drops { .. } | End::Fenced { .. }))
        };
        let may_be_cut_short = |node: &Node| {
            node.cancelled_after.is_some() || matches!(node.call, Call::InPlace { patience: Some(_) })
        };
        !self.processes.iter().any(stopped) && !self.nodes.iter().any(may_be_cut_short)
    }
}

/// One in `n`, so many times out of ten thousand seeds that every pair of oddities meets.
fn one_in(rng: &mut Rng, n: u8) -> bool {
    rng.u8(..n) == 0
}

fn node(rng: &mut Rng, index: usize, slots: [u32; 2]) -> Node {
    let own = 1 << index;
    let script = script(rng, own, slots);
    let few = |rng: &mut Rng, max: usize| {
        let count = rng.usize(..=max.min(index));
        let mut picked = rng.choose_multiple(0..index, count);
        picked.sort_unstable();
        picked
    };
    let first_part = 10_000 * (index as u64 + 1);
    let parts = |rng: &mut Rng| first_part..first_part + rng.u64(1..4);
    let call = match rng.u8(..12) {
        0 => Call::Map(rng.u64(1..4)),
        1 | 2 => {
            let parts = parts(rng);
            Call::Nest(parts.map(|own| Script { is_called_once: false, ..calm(rng, own, slots) }).collect())
        }
        3 | 4 => {
            let parts = parts(rng);
            // Most are reliable, or hardly any sub-flow would succeed.
            let part =
                |own| if one_in(rng, 4) { self::script(rng, own, slots) } else { calm(rng, own, slots) };
            Call::SubFlow(parts.map(part).collect())
        }
        5 | 6 => Call::Cached(rng.u8(..CACHED_INPUTS)),
        7 => Call::InPlace { patience: one_in(rng, 2).then(|| rng.u64(1..40)) },
        _ => Call::Work,
    };
    let takes_inputs = !matches!(call, Call::Cached(_));
    Node {
        index,
        inputs: if takes_inputs && one_in(rng, 2) { few(rng, 3) } else { Vec::new() },
        after: if one_in(rng, 3) { few(rng, 3) } else { Vec::new() },
        trigger: if one_in(rng, 3) { trigger(rng) } else { Trigger::AllSuccess },
        pause: if one_in(rng, 3) { rng.u64(1..30) } else { 0 },
        awaited: one_in(rng, 4),
        grouped: one_in(rng, 6),
        cancelled_after: one_in(rng, 16).then(|| rng.u64(..60)),
        call,
        script,
    }
}

fn trigger(rng: &mut Rng) -> Trigger {
    use Trigger::*;
    let all = [
        AllFailed,
        AllDone,
        OneSuccess,
        OneFailed,
        OneDone,
        NoneFailed,
        NoneSkipped,
        NoneFailedMinOneSuccess,
        Always,
    ];
    rng.choice(all).unwrap_or_default()
}

fn script(rng: &mut Rng, own: u64, slots: [u32; 2]) -> Script {
    let retries = rng.u32(..4);
    let ending = match rng.u8(..16) {
        0 => Ending::Badly,
        1 => Ending::Fatally,
        2 => Ending::InPanic,
        3 => Ending::TooLate,
        4 | 5 => Ending::WellAfter(rng.u32(..=retries)),
        6 => Ending::InTimeAfter(rng.u32(..=retries)),
        _ => Ending::Well,
    };
    let is_late = matches!(ending, Ending::TooLate | Ending::InTimeAfter(_));
    let mut holds = Vec::new();
    if one_in(rng, 2) {
        holds.extend([0, 1].map(|limit| (limit, rng.u32(1..=slots[limit]))));
        rng.shuffle(&mut holds);
        holds.truncate(rng.usize(1..=2));
    }
    Script {
        own,
        is_called_once: true,
        // Some do not wait at all, so that ends race for the same moment.
        millis: if one_in(rng, 3) { 0 } else { rng.u64(1..40) },
        ending,
        retries,
        delay: if one_in(rng, 3) { 0 } else { rng.u64(1..200) },
        jitter: if one_in(rng, 2) { rng.f64() } else { 0.0 },
        timeout: (is_late || one_in(rng, 4)).then(|| rng.u64(100..200)),
        holds,
        listens: one_in(rng, 8).then(|| rng.u64(..50)),
    }
}

/// A script that its caller can rely on.
fn calm(rng: &mut Rng, own: u64, slots: [u32; 2]) -> Script {
    let script = script(rng, own, slots);
    let ending = match script.ending {
        Ending::WellAfter(_) | Ending::InTimeAfter(_) => script.ending,
        _ => Ending::Well,
    };
    Script { ending, ..script }
}

fn processes(rng: &mut Rng) -> Vec<Process> {
    let deaths = rng.usize(..4);
    let mut processes: Vec<_> = (0..deaths)
        .map(|_| {
            let entry = rng.u64(..80);
            Process {
                end: Some(match rng.u8(..6) {
                    0 => End::Fenced { entry },
                    1 => End::ShutsDown { after: rng.u64(..150), drain: rng.u64(..40) },
                    _ => End::Dies { entry, kept: rng.bool() },
                }),
                then: if one_in(rng, 4) { -rng.i64(0..100) } else { rng.i64(0..400) },
                ..process(rng)
            }
        })
        .collect();
    let last = process(rng);
    let after = rng.u64(..150);
    let end = match rng.u8(..8) {
        0 => Some(End::Stops { after }),
        1 => Some(End::Drops { after }),
        _ => None,
    };
    processes.push(Process { end, ..last });
    // However it ends, a later process can complete it.
    processes.push(Process::default());
    processes
}

fn process(rng: &mut Rng) -> Process {
    Process {
        refuses_one_in: if one_in(rng, 6) { rng.u64(2..20) } else { 0 },
        refuses_after: 0,
        slow_one_in: if one_in(rng, 2) { rng.u64(1..5) } else { 0 },
        ..Process::default()
    }
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
