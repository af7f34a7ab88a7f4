//! Everything that happens in one simulation, line by line, in order.
//!
//! One thread, one tape: bodies, stores and observers write to that of their thread. A dead process writes nothing: what its last
//! tasks still do is invisible.

use std::cell::RefCell;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use flowkit::model::{Event, EventKind, TaskRunId};
use flowkit::{FlowRunId, State, TaskRun};

/// A task run: its flow run, counted in the order of their beginnings, and its number there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Who {
    pub(crate) run: usize,
    pub(crate) task_run: u64,
}

impl Who {
    pub(crate) fn flow(self) -> Self {
        Self { task_run: 0, ..self }
    }
}

impl fmt::Debug for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.run, self.task_run)
    }
}

/// An event, as a process or its store saw it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Happened {
    pub(crate) who: Who,
    pub(crate) name: &'static str,
    /// The state of the run after it.
    pub(crate) state: State,
    /// Which attempt, and how long until the next, where the event says so.
    pub(crate) detail: String,
    /// Since the run was created.
    pub(crate) at_us: u128,
    /// The node in another run behind which this one is.
    pub(crate) node: Option<Who>,
    /// The task runs whose values it takes.
    pub(crate) inputs: Vec<Who>,
}

impl Happened {
    pub(crate) fn begins(&self) -> bool {
        matches!(self.name, "created" | "reopened")
    }

    pub(crate) fn starts(&self) -> bool {
        self.name == "started"
    }

    pub(crate) fn succeeds(&self) -> bool {
        matches!(self.name, "completed" | "cached")
    }

    pub(crate) fn ends(&self) -> bool {
        self.succeeds() || self.fails() || matches!(self.name, "cancelled" | "upstream_failed" | "skipped")
    }

    /// A failure is revoked, since the program got the signal to stop at that moment.
    pub(crate) fn takes_back(&self) -> bool {
        self.name == "interrupted"
    }

    /// Nothing more happens to it in this process.
    pub(crate) fn is_over(&self) -> bool {
        self.ends() || self.takes_back() || self.name == "suspended"
    }

    /// It ends for good, also for later processes.
    pub(crate) fn fails(&self) -> bool {
        matches!(self.name, "failed" | "timed_out")
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Line {
    /// A process begins when the wall clock shows this.
    Process {
        wall_us: i64,
    },
    /// The process knows it.
    Live(Happened),
    /// The store has it.
    Kept(Happened),
    /// The store could not keep it.
    Refused(Happened),
    /// Waiters learn that it is persisted.
    Acked(Who),
    /// A body begins, with the number of allowed attempts, its slots of each limit, and the number of its call, if that is not
    /// made twice.
    Enters {
        who: Who,
        call: Option<u64>,
        allowed: u32,
        holds: [u32; 2],
    },
    /// A body waits for others, or continues.
    StepsOut(Who),
    StepsIn(Who),
    /// A body is over, or dropped.
    Leaves(Who),
    /// The flow knows how the call of a node ended. It may be a cached task with this input.
    Took {
        who: Who,
        node: usize,
        state: State,
        value: Option<u64>,
        cached: Option<u8>,
    },
    /// The process is dead.
    Died,
    /// The process no longer has a listener.
    Fenced,
    /// The store hears no more of a run, which may be resumed.
    PutAside(Who),
    /// Nothing happens any more, although the flow has not ended.
    Hangs,
    /// A living process has nothing left to do. With the end of the flow, if it was awaited, and the calls of earlier processes
    /// that it did not make.
    Over {
        state: Option<State>,
        value: Option<u64>,
        missing: Vec<String>,
    },
    /// The state of a run after the end of a process, by its row in the store and by its events there.
    Stands {
        who: Who,
        row: State,
        replayed: Option<State>,
    },
}

#[derive(Default)]
struct Tape {
    lines: Vec<Line>,
    runs: Vec<FlowRunId>,
    is_dead: bool,
}

thread_local! {
    static TAPE: RefCell<Tape> = RefCell::default();
}

/// Writes a line, unless the process is dead.
pub(crate) fn write(line: Line) {
    TAPE.with_borrow_mut(|tape| {
        if !tape.is_dead {
            tape.is_dead = matches!(line, Line::Died | Line::Hangs);
            tape.lines.push(line);
        }
    });
}

/// Begins a process.
pub(crate) fn begin(wall_us: i64) {
    write(Line::Process { wall_us });
}

/// What follows is written after the end of a process, be it dead.
pub(crate) fn look_back() {
    TAPE.with_borrow_mut(|tape| tape.is_dead = false);
}

pub(crate) fn is_dead() -> bool {
    TAPE.with_borrow(|tape| tape.is_dead)
}

/// Takes the lines out, for the next simulation to begin.
pub(crate) fn take() -> Vec<Line> {
    TAPE.take().lines
}

/// The number of a run that has no number yet is the next.
pub(crate) fn who(run: FlowRunId, task_run: TaskRunId) -> Who {
    TAPE.with_borrow_mut(|tape| {
        let known = tape.runs.iter().position(|known| *known == run);
        let run = known.unwrap_or_else(|| {
            tape.runs.push(run);
            tape.runs.len() - 1
        });
        Who { run, task_run: task_run.get() }
    })
}

/// Every run that was seen, in the order of their numbers.
pub(crate) fn runs() -> Vec<FlowRunId> {
    TAPE.with_borrow(|tape| tape.runs.clone())
}

pub(crate) fn happened(run: FlowRunId, event: &Event, task_run: &TaskRun, node: Option<Who>) -> Happened {
    let who = who(run, event.task_run);
    let data = task_run.edges.iter().filter(|edge| edge.kind() == flowkit::model::EdgeKind::Data);
    Happened {
        who,
        name: event.kind.name(),
        state: task_run.state,
        detail: match &event.kind {
            EventKind::Started { attempt } => format!("{attempt}"),
            EventKind::AttemptFailed { attempt, failure } => format!("{attempt}, {:?}", failure.retry_in),
            _ => String::new(),
        },
        at_us: event.at.since_creation().as_micros(),
        node,
        inputs: data.map(|edge| Who { task_run: edge.from().get(), ..who }).collect(),
    }
}

pub(crate) fn hash(lines: &[Line]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for line in lines {
        format!("{line:?}").hash(&mut hasher);
    }
    hasher.finish()
}

/// Says where two traces part.
pub(crate) fn first_difference(one: &[Line], other: &[Line]) -> Option<String> {
    let at = (0..one.len().max(other.len())).find(|at| one.get(*at) != other.get(*at))?;
    Some(format!("line {at}: first {:?}, then {:?}", one.get(at), other.get(at)))
}
