//! Scripted runs for tests, which say what happens and when: each event becomes a notice for observers. No engine, no clock.
#![allow(clippy::unwrap_used, reason = "for tests only")]

use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use crate::engine::flow_run::observer::Notice;
use crate::model::{
    AttemptFailure, Declaration, Edge, EdgeKind, ErrorReport, Event, EventKind, Extras, FlowRunId, Kind,
    NewTaskRun, Origin, RunRecord, TaskRunId, Timestamp, WallTime,
};

const fn declaration(kind: Kind, name: &'static str) -> Declaration {
    Declaration::__new(kind, name, name, "", None, &[], 0, "src/etl.rs", 1)
}

static ETL: Declaration = declaration(Kind::Flow, "etl");
pub(super) static REGION: Declaration = declaration(Kind::Flow, "region");
static TASKS: [Declaration; 12] = [
    declaration(Kind::Task, "list_urls"),
    declaration(Kind::Task, "fetch"),
    declaration(Kind::Task, "parse"),
    declaration(Kind::Task, "merge"),
    declaration(Kind::Task, "load"),
    declaration(Kind::Task, "report"),
    declaration(Kind::Task, "データ取得"),
    declaration(Kind::Task, "a_task_whose_name_is_much_longer_than_anybody_would_like_it_to_be"),
    declaration(Kind::Task, "evil\u{1b}[2J\u{202e}name"),
    declaration(Kind::Task, "x"),
    declaration(Kind::Task, "validate_schema"),
    declaration(Kind::Task, "emoji👩\u{200d}🔬❤\u{fe0f}"),
];

/// When the runs of scripts begin: 09:02:53.389 of some day.
pub(super) fn beginning() -> WallTime {
    WallTime::from(SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_424_573_389))
}

/// The moment `millis` after the beginning.
pub(super) fn at(millis: u64) -> WallTime {
    beginning().plus(Timestamp::new(Duration::from_millis(millis)))
}

/// Returns the declaration of a task, by its name.
pub(super) fn task(name: &str) -> &'static Declaration {
    TASKS.iter().find(|task| task.name == name).unwrap()
}

/// Returns the n-th declaration of a task, whatever the number.
pub(super) fn any_task(number: usize) -> &'static Declaration {
    &TASKS[number % TASKS.len()]
}

/// A flow run in which a test lets things happen.
pub(super) struct Script<'a> {
    flow_run: FlowRunId,
    origin: Option<Origin>,
    record: RunRecord,
    millis: u64,
    listener: &'a mut dyn FnMut(&Notice<'_>),
}

impl<'a> Script<'a> {
    /// Begins a run of `etl`; `listener` gets every notice.
    pub(super) fn new(listener: &'a mut dyn FnMut(&Notice<'_>)) -> Self {
        let mut script = Self {
            flow_run: FlowRunId::new(Uuid::from_u128(0x7_2a4c_19f3)),
            origin: None,
            record: RunRecord::default(),
            millis: 0,
            listener,
        };
        script.create(&ETL, None, None, &[]);
        script.happens(TaskRunId::FLOW, started(1));
        script
    }

    pub(super) fn at(&mut self, millis: u64) -> &mut Self {
        self.millis = millis;
        self
    }

    pub(super) fn create(
        &mut self,
        task: &'static Declaration,
        index: Option<u32>,
        name: Option<&str>,
        inputs: &[TaskRunId],
    ) -> TaskRunId {
        let extras = name.map(|name| Box::new(Extras { name: Some(name.to_owned()), ..Extras::default() }));
        let edges = inputs.iter().map(|input| Edge::new(*input, EdgeKind::Data)).collect();
        let parent = TaskRunId::FLOW;
        let new = NewTaskRun { task, parent, index, edges, location: Location::caller(), extras };
        let id = self.record.create(new, self.now());
        self.notify();
        id
    }

    pub(super) fn call(&mut self, name: &str, inputs: &[TaskRunId]) -> TaskRunId {
        self.create(task(name), None, None, inputs)
    }

    pub(super) fn map(&mut self, name: &str, count: u32, inputs: &[TaskRunId]) -> Vec<TaskRunId> {
        (0..count).map(|index| self.create(task(name), Some(index), None, inputs)).collect()
    }

    pub(super) fn happens(&mut self, to: TaskRunId, kind: EventKind) {
        let event = Event { task_run: to, at: self.now(), kind };
        self.record.apply(event).unwrap();
        self.notify();
    }

    /// Lets time pass.
    pub(super) fn later(&mut self, millis: u64) {
        self.millis += millis;
    }

    /// Lets something happen, if it can happen in the state of the task run.
    pub(super) fn try_happens(&mut self, to: TaskRunId, kind: EventKind) {
        if self.record.task_run(to).is_some_and(|task_run| task_run.state().after(&kind).is_ok()) {
            self.happens(to, kind);
        }
    }

    /// Lets a task run start at `from` and end with a result at `to`.
    pub(super) fn run(&mut self, id: TaskRunId, from: u64, to: u64) {
        self.at(from).happens(id, started(1));
        self.at(to).happens(id, EventKind::Completed);
    }

    /// Lets another run of `etl` begin, and things happen in it.
    pub(super) fn another(&mut self, inside: impl FnOnce(&mut Script<'_>)) {
        let mut other = Script {
            flow_run: FlowRunId::new(Uuid::from_u128(99)),
            origin: None,
            record: RunRecord::default(),
            millis: 0,
            listener: &mut *self.listener,
        };
        other.create(&ETL, None, None, &[]);
        other.happens(TaskRunId::FLOW, started(1));
        inside(&mut other);
    }

    /// Begins a sub-flow `region[index]`, lets `inside` happen in it, and completes it.
    pub(super) fn region(&mut self, index: u32, inside: impl FnOnce(&mut Script<'_>)) {
        self.sub_flow(index, EventKind::Completed, inside);
    }

    /// Begins a sub-flow `region[index]`, lets `inside` happen in it, and ends it.
    pub(super) fn sub_flow(&mut self, index: u32, end: EventKind, inside: impl FnOnce(&mut Script<'_>)) {
        let node = self.create(&REGION, Some(index), None, &[]);
        self.happens(node, started(1));
        let flow_run = FlowRunId::new(Uuid::from_u128(1000 + u128::from(index)));
        self.record.task_run_mut(node).unwrap().set_flow_run(flow_run);
        let origin = Origin {
            root: self.flow_run,
            flow_run: self.flow_run,
            task_run: node,
            path: format!("region[{index}]").into(),
        };
        let mut inner = Script {
            flow_run,
            origin: Some(origin),
            record: RunRecord::default(),
            millis: self.millis,
            listener: &mut *self.listener,
        };
        inner.create(&REGION, None, None, &[]);
        inner.happens(TaskRunId::FLOW, started(1));
        inside(&mut inner);
        inner.happens(TaskRunId::FLOW, end.clone());
        self.millis = inner.millis;
        self.happens(node, end);
    }

    fn now(&self) -> Timestamp {
        Timestamp::new(Duration::from_millis(self.millis))
    }

    fn notify(&mut self) {
        let event = self.record.events().last().unwrap();
        (self.listener)(&Notice {
            flow_run: self.flow_run,
            origin: self.origin.as_ref(),
            event,
            task_run: &self.record.task_run(event.task_run).unwrap().row(at(0)),
            at: at(self.millis).into(),
        });
    }
}

pub(super) fn started(attempt: u32) -> EventKind {
    EventKind::Started { attempt }
}

pub(super) fn failed(task: &str, message: &str, causes: &[&str]) -> EventKind {
    EventKind::Failed { error: report(task, message, causes) }
}

pub(super) fn report(task: &str, message: &str, causes: &[&str]) -> Arc<ErrorReport> {
    let mut report = ErrorReport::new(task.into(), message.into(), None, "src/etl.rs:61".into());
    report.causes = causes.iter().map(|cause| (*cause).to_owned()).collect();
    Arc::new(report)
}

pub(super) fn retry(attempt: u32, message: &str, millis: u64) -> EventKind {
    let failure = AttemptFailure::new(report("task", message, &[]), Duration::from_millis(millis)).of(3);
    EventKind::AttemptFailed { attempt, failure: Arc::new(failure) }
}

/// The run of the mock-ups up to its 1.9th second: `fetch[3]` waits for its second attempt, `parse[1]` is running.
pub(super) fn half_way(script: &mut Script<'_>) -> HalfWay {
    let list = script.call("list_urls", &[]);
    script.run(list, 10, 410);
    let fetches = script.map("fetch", 4, &[list]);
    for (place, fetch) in fetches.iter().enumerate() {
        script.at(420 + place as u64).happens(*fetch, started(1));
    }
    let parses: Vec<_> = fetches
        .iter()
        .enumerate()
        .map(|(place, fetch)| {
            script.create(task("parse"), Some(u32::try_from(place).unwrap()), None, &[*fetch])
        })
        .collect();
    let merge = script.create(task("merge"), None, None, &[fetches[0], fetches[3], parses[0], parses[3]]);
    script.at(820).happens(fetches[0], EventKind::Completed);
    script.at(830).happens(parses[0], EventKind::Cached);
    script.at(1100).happens(fetches[2], EventKind::Completed);
    script.at(1110).happens(parses[2], started(1));
    script.at(1150).happens(fetches[3], retry(1, "connection reset by peer", 1350));
    script.at(1680).happens(fetches[1], EventKind::Completed);
    script.at(1700).happens(parses[1], started(1));
    script.at(1810).happens(parses[2], EventKind::Completed);
    HalfWay { fetches, parses, merge }
}

pub(super) struct HalfWay {
    pub(super) fetches: Vec<TaskRunId>,
    pub(super) parses: Vec<TaskRunId>,
    pub(super) merge: TaskRunId,
}

/// The rest of that run up to the end of `merge`.
pub(super) fn merged(script: &mut Script<'_>) -> TaskRunId {
    let HalfWay { fetches, parses, merge } = half_way(script);
    script.at(2400).happens(parses[1], EventKind::Completed);
    script.at(2500).happens(fetches[3], started(2));
    script.at(2520).happens(fetches[3], EventKind::Completed);
    script.at(2530).happens(parses[3], EventKind::Cached);
    script.run(merge, 2540, 2940);
    merge
}

/// A run that ends well.
pub(super) fn well(script: &mut Script<'_>) {
    let merge = merged(script);
    let load = script.call("load", &[merge]);
    script.run(load, 2950, 3260);
    let report = script.call("report", &[load]);
    script.run(report, 3270, 3310);
    script.at(3900).happens(TaskRunId::FLOW, EventKind::Completed);
}

/// A run whose `load` fails at its third attempt.
pub(super) fn badly(script: &mut Script<'_>) {
    let merge = merged(script);
    let load = script.call("load", &[merge]);
    let after = script.call("report", &[load]);
    for attempt in 1..=2 {
        script.at(2950 + u64::from(attempt) * 1100).happens(load, started(attempt));
        script
            .at(3250 + u64::from(attempt) * 1100)
            .happens(load, retry(attempt, "refusing to load 84 rows", 800));
    }
    let causes = ["constraint `rows_total <= 80` violated", "table `staging.pages` row 81"];
    script.at(6100).happens(load, started(3));
    script.at(6400).happens(load, failed("load", "refusing to load 84 rows", &causes));
    let words = "task `report` did not run: its input task `load` has no result";
    let error = report("report", words, &["refusing to load 84 rows"]);
    script.at(6410).happens(after, EventKind::UpstreamFailed { error });
    let end = ["refusing to load 84 rows", causes[0], causes[1]];
    script.at(6500).happens(TaskRunId::FLOW, failed("etl", "task `load` failed", &end));
}

/// A run that completes after two failures.
pub(super) fn went_on(script: &mut Script<'_>) {
    let list = script.call("list_urls", &[]);
    script.run(list, 10, 410);
    let fetches = script.map("fetch", 4, &[list]);
    let validate = script.create(task("validate_schema"), None, None, &[list]);
    let merge = script.create(task("merge"), None, None, &[fetches[0], fetches[3]]);
    script.run(fetches[0], 420, 820);
    script.run(fetches[1], 420, 1680);
    script.run(fetches[2], 420, 1100);
    script.at(420).happens(fetches[3], started(1));
    script.at(1150).happens(fetches[3], failed("fetch[3]", "connection reset by peer", &["os error 104"]));
    let error = report("merge", "task `merge` did not run", &["connection reset by peer"]);
    script.at(1160).happens(merge, EventKind::UpstreamFailed { error });
    script.at(1170).happens(validate, started(1));
    let words = "task `validate_schema` panicked: no column `price`";
    script.at(1400).happens(validate, failed("validate_schema", words, &[]));
    script.at(3900).happens(TaskRunId::FLOW, EventKind::Completed);
}

/// A run in which a critical task fails: active task runs are cancelled, and later ones do not start.
pub(super) fn critically(script: &mut Script<'_>) {
    let list = script.call("list_urls", &[]);
    script.run(list, 10, 410);
    let fetches = script.map("fetch", 4, &[list]);
    let merge = script.create(task("merge"), None, None, &fetches);
    let validate = script.create(task("validate_schema"), None, None, &[list]);
    script.run(fetches[0], 420, 820);
    script.at(830).happens(fetches[1], started(1));
    script.at(900).happens(fetches[1], failed("fetch[1]", "connection reset by peer", &[]));
    script.at(910).happens(fetches[2], started(1));
    script.at(920).happens(validate, started(1));
    script.at(1000).happens(validate, failed("validate_schema", "no column `price`", &[]));
    for stopped in [fetches[2], fetches[3], merge] {
        script.at(1010).happens(stopped, EventKind::Cancelled { orphaned: false });
    }
    let causes = ["task `validate_schema` failed", "no column `price`"];
    let end = failed("etl", "flow `etl` failed: 2 of 7 task runs failed", &causes);
    script.at(1020).happens(TaskRunId::FLOW, end);
}

/// A run of 10,000 task runs and a few, up to its 60th second.
pub(super) fn ten_thousand(script: &mut Script<'_>) -> Vec<TaskRunId> {
    let list = script.call("list_urls", &[]);
    script.run(list, 10, 410);
    let fetches = script.map("fetch", 10_000, &[list]);
    let merge = script.call("merge", &fetches);
    for (place, fetch) in fetches[..7_500].iter().enumerate() {
        let from = 420 + place as u64 * 7;
        match place % 100 {
            13 => script.at(from).happens(*fetch, EventKind::Cached),
            _ => script.run(*fetch, from, from + 300 + place as u64 % 90),
        }
    }
    script.at(54_000).happens(fetches[7_500], started(1));
    script.at(54_100).happens(fetches[7_500], retry(1, "connection reset by peer", 9_000));
    for (place, fetch) in fetches[7_501..7_521].iter().enumerate() {
        script.at(54_200 + 250 * place as u64).happens(*fetch, started(1));
    }
    let mut all = fetches;
    all.push(merge);
    all
}
