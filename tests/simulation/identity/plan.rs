//! What a seed makes: the calls of a flow, the sources that they use, one race, and the fate of the processes.
//!
//! Pure data: the same seed makes the same plan. Bodies look themselves up in it by their content, so that only the arguments
//! under test distinguish two calls.

use fastrand::Rng;

use crate::world::{End, Process};

/// How an argument carries its number (G2). The order is that of [`Dress::KNOWN`] followed by what cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Dress {
    /// A struct with a float.
    Plain,
    /// Sets within a list within a struct.
    Sets,
    /// A hashed map that its type writes as a list of pairs.
    Pairs,
    /// An `Arc<str>`.
    Shared,
    /// A path that is not UTF-8.
    RawPath,
    /// A client that is ignored, beside the number.
    Ignored,
    /// A secret, beside the number.
    Secret,
    /// A type without serde.
    NoSerde,
    /// A closure.
    Closure,
    /// A value that is nested deeper than a digest goes.
    Deep,
}

impl Dress {
    pub(crate) const KNOWN: [Self; 7] =
        [Self::Plain, Self::Sets, Self::Pairs, Self::Shared, Self::RawPath, Self::Ignored, Self::Secret];
    pub(crate) const UNKNOWN: [Self; 3] = [Self::NoSerde, Self::Closure, Self::Deep];

    /// Whether this argument distinguishes two calls.
    pub(crate) fn is_known(self) -> bool {
        Self::KNOWN.contains(&self)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Plain,
    AtMostOnce,
    Cached,
    /// Mapped over the list of its source.
    Mapped,
    /// Takes the outcome of its source, also a failure.
    Tolerant,
}

/// What a call is given beside its input, and all that makes it different from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Content {
    pub(crate) kind: Kind,
    pub(crate) dress: Dress,
    pub(crate) number: u64,
    /// Which of two secrets; 0 without one.
    pub(crate) tenant: u64,
}

impl Content {
    /// What its body must give for an input. No two contents give the same.
    pub(crate) fn value(self, input: u64) -> u64 {
        1_000_000 * self.number + 100_000 * self.tenant + input
    }
}

/// How a call gets the value of its source (G3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Handle,
    /// The flow awaits the source, and passes its value.
    Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    /// It fails as soon as the program gets the signal to stop (G6).
    FailsWhenStopping,
    /// It fails so many milliseconds before the program gets the signal, like a child process that receives it first.
    FailsBefore(u64),
}

#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) content: Content,
    pub(crate) source: Option<(usize, Way)>,
    pub(crate) millis: u64,
    pub(crate) mood: Mood,
}

/// A task whose value others use (G3).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub(crate) is_persisted: bool,
    /// Each process makes another value of it.
    pub(crate) changes: bool,
    pub(crate) millis: u64,
}

impl Source {
    /// The value that a process makes of the source number `index`.
    pub(crate) fn value(self, index: usize, process: u64) -> u64 {
        10 * (index as u64 + 1) + if self.changes { 1_000 * process } else { 0 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Combinator {
    AsCompleted,
    FirstSuccess,
    NextWithin(u64),
    WaitWithin(u64),
    FirstEnded,
}

/// Tasks, the first of which to end decides what is ordered, at most once (G4). How long they take is drawn anew for each
/// process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Race {
    pub(crate) combinator: Combinator,
    pub(crate) racers: u64,
    pub(crate) are_persisted: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) sources: Vec<Source>,
    pub(crate) calls: Vec<Planned>,
    pub(crate) race: Option<Race>,
    /// Whether values of awkward types are made (G5).
    pub(crate) awkward: bool,
    pub(crate) fails_first: u32,
    pub(crate) processes: Vec<Process>,
    /// The number of the process that runs the first source of a completed run again (G7).
    pub(crate) rerun: Option<u64>,
}

/// So long after the source of a call the flow waits before it ends an attempt that fails.
pub(crate) const PACE: u64 = 40;

impl Plan {
    pub(crate) fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed ^ 0x1de7);
        let reruns = rng.u8(..6) == 0;
        let mut sources: Vec<_> = (0..rng.usize(1..4)).map(|_| source(&mut rng)).collect();
        // There is one to run again.
        sources[0].is_persisted |= reruns;
        let mut calls: Vec<Planned> =
            (0..rng.usize(2..10)).map(|_| planned(&mut rng, sources.len(), reruns)).collect();
        distinct(&mut calls);
        let race = (!reruns && rng.u8(..3) == 0).then(|| race(&mut rng));
        let (processes, rerun) = if reruns { rerun_processes(&mut rng) } else { (processes(&mut rng), None) };
        let mut plan = Self {
            seed,
            sources,
            calls,
            race,
            awkward: rng.u8(..4) == 0,
            fails_first: if rng.u8(..4) == 0 { rng.u32(1..3) } else { 0 },
            processes,
            rerun,
        };
        if !plan.is_shut_down() {
            plan.calls.iter_mut().for_each(|call| call.mood = Mood::Well);
        }
        plan
    }

    fn is_shut_down(&self) -> bool {
        self.processes.iter().any(|process| matches!(process.end, Some(End::ShutsDown { .. })))
    }

    /// When the process number `process` gets the signal to stop, in milliseconds.
    pub(crate) fn told_to_stop_at(&self, process: u64) -> Option<u64> {
        let process = self.processes.get(usize::try_from(process).ok()?)?;
        match process.end {
            Some(End::ShutsDown { after, .. }) => Some(after),
            _ => None,
        }
    }

    /// The order in which an attempt makes `count` calls (G1).
    pub(crate) fn order(&self, process: u64, attempt: u32, count: usize) -> Vec<usize> {
        let mut rng = Rng::with_seed(self.seed ^ (process << 32) ^ (u64::from(attempt) << 16) ^ 0x0d3);
        let mut order: Vec<_> = (0..count).collect();
        rng.shuffle(&mut order);
        order
    }

    /// How long a racer takes in a process (G4).
    pub(crate) fn pace(&self, process: u64, racer: u64) -> u64 {
        Rng::with_seed(self.seed ^ (process << 24) ^ (racer << 8) ^ 0x9ace).u64(1..PACE)
    }

    pub(crate) fn find(&self, content: Content) -> Option<&Planned> {
        self.calls.iter().find(|call| call.content == content)
    }
}

fn source(rng: &mut Rng) -> Source {
    Source { is_persisted: rng.bool(), changes: rng.bool(), millis: rng.u64(..20) }
}

fn planned(rng: &mut Rng, sources: usize, reruns: bool) -> Planned {
    let kind = match rng.u8(..10) {
        0..=2 if !reruns => Kind::AtMostOnce,
        3 | 4 => Kind::Cached,
        5 => Kind::Mapped,
        6 => Kind::Tolerant,
        _ => Kind::Plain,
    };
    let dress = match kind {
        Kind::Mapped | Kind::Tolerant => Dress::Plain,
        Kind::Plain if rng.u8(..3) == 0 => Dress::UNKNOWN[rng.usize(..Dress::UNKNOWN.len())],
        _ => Dress::KNOWN[rng.usize(..Dress::KNOWN.len())],
    };
    let needs_source = matches!(kind, Kind::Mapped | Kind::Tolerant);
    let way = if rng.bool() { Way::Handle } else { Way::Value };
    let mood = match (kind, rng.u8(..4)) {
        (Kind::Plain, 0) => Mood::FailsWhenStopping,
        (Kind::Plain, 1) => Mood::FailsBefore(rng.u64(1..6)),
        _ => Mood::Well,
    };
    Planned {
        content: Content {
            kind,
            dress,
            number: rng.u64(1..4),
            tenant: if dress == Dress::Secret { rng.u64(1..3) } else { 0 },
        },
        source: (needs_source || rng.u8(..3) == 0).then(|| (rng.usize(..sources), way)),
        millis: rng.u64(..60),
        mood,
    }
}

/// What may run once must be one call; others may be made twice, and each is then the same as the other.
fn distinct(calls: &mut Vec<Planned>) {
    let mut seen: Vec<(Content, Option<usize>)> = Vec::new();
    calls.retain(|call| {
        let known = seen.iter().find(|(content, _)| *content == call.content);
        let source = call.source.map(|(source, _)| source);
        // A body finds itself in the plan by its content alone.
        let is_new = match known {
            None => true,
            Some((content, other)) => content.kind == Kind::Plain && *other == source,
        };
        if is_new {
            seen.push((call.content, source));
        }
        is_new
    });
    // Two of one content are one in every respect.
    for at in 0..calls.len() {
        let first = calls.iter().position(|call| call.content == calls[at].content).unwrap_or(at);
        calls[at] = calls[first].clone();
    }
}

fn race(rng: &mut Rng) -> Race {
    let combinator = match rng.u8(..5) {
        0 => Combinator::AsCompleted,
        1 => Combinator::FirstSuccess,
        2 => Combinator::NextWithin(rng.u64(1..PACE)),
        3 => Combinator::WaitWithin(rng.u64(1..PACE)),
        _ => Combinator::FirstEnded,
    };
    Race { combinator, racers: rng.u64(2..5), are_persisted: rng.bool() }
}

fn processes(rng: &mut Rng) -> Vec<Process> {
    let mut processes: Vec<_> = (0..rng.usize(1..5)).map(|_| interrupted(rng)).collect();
    processes.push(Process { slow_one_in: rng.u64(..4), ..Process::default() });
    processes
}

/// One that does not come to the end of the flow.
fn interrupted(rng: &mut Rng) -> Process {
    let entry = rng.u64(1..90);
    let end = match rng.u8(..6) {
        0 => End::Fenced { entry },
        1 | 2 => End::ShutsDown { after: rng.u64(..120), drain: rng.u64(..40) },
        _ => End::Dies { entry, kept: rng.bool() },
    };
    let outage = (rng.u8(..4) == 0).then(|| (rng.u64(1..60), rng.u64(1..100_000)));
    Process {
        slow_one_in: if rng.bool() { rng.u64(1..5) } else { 0 },
        end: Some(end),
        outage,
        then: if rng.bool() { -rng.i64(0..5_000_000) } else { rng.i64(0..5_000_000) },
        ..Process::default()
    }
}

/// A run that is completed, then run again from its first source, with deaths in the middle of that, by clocks that may have
/// been set back.
fn rerun_processes(rng: &mut Rng) -> (Vec<Process>, Option<u64>) {
    let then = |rng: &mut Rng| if rng.bool() { -rng.i64(0..5_000_000) } else { rng.i64(0..5_000_000) };
    let whole = Process { then: then(rng), ..Process::default() };
    let mut processes = vec![whole];
    for _ in 0..rng.usize(1..4) {
        let end = Some(End::Dies { entry: rng.u64(..60), kept: rng.bool() });
        processes.push(Process { end, then: then(rng), ..Process::default() });
    }
    processes.push(Process::default());
    (processes, Some(1))
}
