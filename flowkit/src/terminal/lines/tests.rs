//! Scripted events in, lines out.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::model::{
    Declaration, Edges, ErrorReport, Event, Extras, NewTaskRun, Origin, RunRecord, Timestamp,
};

static ETL: Declaration = declaration(Kind::Flow, "etl");
static REGION: Declaration = declaration(Kind::Flow, "region");
static FETCH: Declaration = declaration(Kind::Task, "fetch");
static LOAD: Declaration = declaration(Kind::Task, "load");

const fn declaration(kind: Kind, name: &'static str) -> Declaration {
    Declaration::__new(kind, name, name, "", None, &[], 0, "src/etl.rs", 1)
}

/// A flow run of which a test says what happens, one millisecond after the other.
struct Script {
    flow_run: FlowRunId,
    origin: Option<Origin>,
    record: RunRecord,
    at: Duration,
}

impl Script {
    fn new(lines: &mut Lines, number: u128, flow: &'static Declaration, origin: Option<Origin>) -> Self {
        let flow_run = FlowRunId::new(Uuid::from_u128(number));
        let mut script = Self { flow_run, origin, record: RunRecord::default(), at: Duration::ZERO };
        script.create(lines, flow, None, None);
        script
    }

    fn root(lines: &mut Lines) -> Self {
        Self::new(lines, 0, &ETL, None)
    }

    fn create(
        &mut self,
        lines: &mut Lines,
        task: &'static Declaration,
        index: Option<u32>,
        name: Option<&str>,
    ) -> TaskRunId {
        let extras = name.map(|name| Box::new(Extras { name: Some(name.to_owned()), ..Extras::default() }));
        let parent = TaskRunId::FLOW;
        let new =
            NewTaskRun { task, parent, index, edges: Edges::new(), location: Location::caller(), extras };
        let id = self.record.create(new, Timestamp::new(self.at));
        self.tell(lines);
        id
    }

    /// Lets something happen, and returns the lines it is worth.
    fn happens(&mut self, lines: &mut Lines, to: TaskRunId, kind: EventKind) -> Vec<String> {
        self.at += Duration::from_millis(1);
        let event = Event { task_run: to, at: Timestamp::new(self.at), kind };
        self.record.apply(event).unwrap();
        self.tell(lines)
    }

    fn tell(&self, lines: &mut Lines) -> Vec<String> {
        let event = self.record.events().last().unwrap();
        let created_at = SystemTime::UNIX_EPOCH + Duration::from_secs(32_573);
        lines.of(&Notice {
            flow_run: self.flow_run,
            origin: self.origin.as_ref(),
            event,
            task_run: &self.record.task_run(event.task_run).unwrap().row(created_at.into()),
            at: created_at + self.at,
        })
    }

    /// Runs a task that ends with `end`, and returns its lines.
    fn task(
        &mut self,
        lines: &mut Lines,
        task: &'static Declaration,
        index: u32,
        end: EventKind,
    ) -> Vec<String> {
        let id = self.create(lines, task, Some(index), None);
        // A result that is known already needs no attempt.
        let attempt = (!matches!(end, EventKind::Cached)).then(|| self.happens(lines, id, started(1)));
        let mut told = attempt.unwrap_or_default();
        told.extend(self.happens(lines, id, end));
        told
    }
}

fn started(attempt: u32) -> EventKind {
    EventKind::Started { attempt }
}

fn failed(message: &str, causes: &[&str]) -> EventKind {
    EventKind::Failed { error: report("load[0]", message, causes) }
}

fn report(task: &str, message: &str, causes: &[&str]) -> Arc<ErrorReport> {
    let mut report = ErrorReport::new(task.into(), message.into(), None, "src/etl.rs:61".into());
    report.causes = causes.iter().map(|cause| (*cause).to_owned()).collect();
    Arc::new(report)
}

#[test]
fn a_run_has_a_line_at_its_start_at_each_end_and_a_summary() {
    let lines = &mut Lines::default();
    let mut run = Script::root(lines);
    let mut told = run.happens(lines, TaskRunId::FLOW, started(1));
    told.extend(run.task(lines, &FETCH, 0, EventKind::Completed));
    told.extend(run.task(lines, &FETCH, 1, EventKind::Cached));
    told.extend(run.happens(lines, TaskRunId::FLOW, EventKind::Completed));
    insta::assert_snapshot!(told.join("\n"), @r#"
    ▶ etl                   started, run 0000000
    ✓ fetch[0]              completed in 1ms
    ≡ fetch[1]              cached
    ✓ etl                   completed in 4ms: 2 tasks (1 completed, 1 cached)
    "#);
}

#[test]
fn a_retry_says_why_and_when() {
    let lines = &mut Lines::default();
    let mut run = Script::root(lines);
    run.happens(lines, TaskRunId::FLOW, started(1));
    let id = run.create(lines, &FETCH, None, None);
    run.happens(lines, id, started(1));
    let error = report("fetch", "connection reset", &["os error 104"]);
    let failure = Arc::new(AttemptFailure::new(error, Duration::from_secs(1)));
    let retry = EventKind::AttemptFailed { attempt: 1, failure };
    let mut told = run.happens(lines, id, retry);
    told.extend(run.happens(lines, id, started(2)));
    told.extend(run.happens(lines, id, EventKind::Completed));
    told.extend(run.happens(lines, TaskRunId::FLOW, EventKind::Completed));
    insta::assert_snapshot!(told.join("\n"), @r#"
    ↻ fetch                 attempt 1 failed after 1ms: connection reset: os error 104; retrying in 1.0s
    ✓ fetch                 completed in 3ms, attempt 2
    ✓ etl                   completed in 5ms: 1 task, 1 retry
    "#);
}

#[test]
fn a_failed_run_ends_with_its_root_cause_and_then_the_summary() {
    let lines = &mut Lines::default();
    let mut run = Script::root(lines);
    run.happens(lines, TaskRunId::FLOW, started(1));
    let causes = ["constraint `rows_total <= 80` violated", "table `staging.pages` row 81"];
    run.task(lines, &LOAD, 0, failed("refusing to load 84 rows", &causes));
    let waiting = run.create(lines, &FETCH, None, None);
    let words = "task `fetch` did not run: its input task `load[0]` has no result";
    let error = report("fetch", words, &["refusing to load 84 rows"]);
    let mut told = run.happens(lines, waiting, EventKind::UpstreamFailed { error });
    run.task(lines, &LOAD, 1, failed("no space", &[]));
    let end = EventKind::Failed {
        error: report(
            "etl",
            "task `fetch` did not run",
            &["task `load[0]` failed", "refusing to load 84 rows"],
        ),
    };
    told.extend(run.happens(lines, TaskRunId::FLOW, end));
    insta::assert_snapshot!(told.join("\n"), @r#"
    ⊘ fetch                 did not run: its input task `load[0]` has no result
    root cause: load[0] failed: refusing to load 84 rows
      ├ caused by: constraint `rows_total <= 80` violated
      └ caused by: table `staging.pages` row 81
      at src/etl.rs:61
      failed too: load[1]
    ✗ etl                   failed after 6ms: 3 tasks (2 failed, 1 skipped)
    "#);
}

#[test]
fn a_failure_that_the_flow_has_dealt_with_is_not_its_root_cause() {
    let lines = &mut Lines::default();
    let mut run = Script::root(lines);
    run.happens(lines, TaskRunId::FLOW, started(1));
    run.task(lines, &FETCH, 0, failed("mirror is down", &[]));
    run.task(lines, &LOAD, 0, failed("disk full", &[]));
    let end = EventKind::Failed {
        error: report("etl", "the nightly load broke", &["task `load[0]` failed", "disk full"]),
    };
    let told = run.happens(lines, TaskRunId::FLOW, end);
    insta::assert_snapshot!(told.join("\n"), @r#"
    root cause: load[0] failed: disk full
      the flow says: the nightly load broke
      at src/etl.rs:61
      failed too: fetch[0]
    ✗ etl                   failed after 5ms: 2 tasks (2 failed)
    "#);
}

#[test]
fn a_flow_that_completes_after_failures_says_so() {
    let lines = &mut Lines::default();
    let mut run = Script::root(lines);
    run.happens(lines, TaskRunId::FLOW, started(1));
    run.task(lines, &LOAD, 0, failed("disk full", &[]));
    let end = run.happens(lines, TaskRunId::FLOW, EventKind::Completed);
    assert!(end[0].ends_with(" with 1 failure: 1 task (1 failed)"), "{end:?}");
}

#[test]
fn of_two_failures_with_the_same_words_the_one_that_is_named_is_the_root_cause() {
    let lines = &mut Lines::default();
    let mut run = Script::root(lines);
    run.happens(lines, TaskRunId::FLOW, started(1));
    let error = report("fetch[0]", "connection reset", &[]);
    run.task(lines, &FETCH, 0, EventKind::Failed { error });
    run.task(lines, &LOAD, 0, failed("connection reset", &[]));
    let end = failed("task `load[0]` failed", &["connection reset"]);
    let told = run.happens(lines, TaskRunId::FLOW, end);
    assert_eq!(told[0], "root cause: load[0] failed: connection reset");
}

#[test]
fn an_error_of_the_flow_itself_is_told_in_its_own_words() {
    let lines = &mut Lines::default();
    let mut run = Script::root(lines);
    run.happens(lines, TaskRunId::FLOW, started(1));
    let end = EventKind::Failed { error: report("etl", "no rows\n  in 3 files\n", &["all were empty"]) };
    let told = run.happens(lines, TaskRunId::FLOW, end);
    insta::assert_snapshot!(told.join("\n"), @r#"
    root cause: etl failed: no rows
      │ in 3 files
      └ caused by: all were empty
      at src/etl.rs:61
    ✗ etl                   failed after 1ms: 0 tasks
    "#);
}

#[test]
fn flowkits_own_errors_do_not_name_the_run_twice() {
    let lines = &mut Lines::default();
    let mut run = Script::root(lines);
    run.happens(lines, TaskRunId::FLOW, started(1));
    let error = report("load", "task `load[0]` timed out: it was still running after 1s", &[]);
    let mut told = run.task(lines, &LOAD, 0, EventKind::TimedOut { error, orphaned: false });
    told.extend(run.task(lines, &LOAD, 1, failed("task `load[1]` panicked: index out of bounds", &[])));
    insta::assert_snapshot!(told.join("\n"), @r#"
    ◔ load[0]               timed out: it was still running after 1s
    ✗ load[1]               panicked: index out of bounds
    "#);
}

#[test]
fn the_lines_of_a_sub_flow_carry_its_path_and_count_for_the_outermost_flow() {
    let lines = &mut Lines::default();
    let mut run = Script::root(lines);
    run.happens(lines, TaskRunId::FLOW, started(1));
    let node = run.create(lines, &REGION, Some(1), None);
    let origin =
        Origin { root: run.flow_run, flow_run: run.flow_run, task_run: node, path: "region[1]".into() };
    let mut inner = Script::new(lines, 7, &REGION, Some(origin));
    run.record.task_run_mut(node).unwrap().set_flow_run(inner.flow_run);
    let mut told = run.happens(lines, node, started(1));
    told.extend(inner.happens(lines, TaskRunId::FLOW, started(1)));
    told.extend(inner.task(lines, &LOAD, 0, failed("disk full", &[])));
    told.extend(inner.happens(lines, TaskRunId::FLOW, failed("task `load[0]` failed", &["disk full"])));
    let error = failed("task `load[0]` failed", &["disk full"]);
    told.extend(run.happens(lines, node, error.clone()));
    told.extend(run.happens(
        lines,
        TaskRunId::FLOW,
        failed("flow `region` failed", &["task `load[0]` failed", "disk full"]),
    ));
    insta::assert_snapshot!(told.join("\n"), @r#"
    ▶ region[1]             started, run 7000000
    ✗ region[1] › load[0]   failed after 1ms: disk full
    ✗ region[1]             failed after 3ms: task `load[0]` failed: disk full
    root cause: region[1] › load[0] failed: disk full
      at src/etl.rs:61
    ✗ etl                   failed after 3ms: 1 task (1 failed)
    "#);
}

#[test]
fn a_sub_flow_that_never_ran_has_a_line_of_its_own() {
    let lines = &mut Lines::default();
    let mut run = Script::root(lines);
    run.happens(lines, TaskRunId::FLOW, started(1));
    let node = run.create(lines, &REGION, Some(0), None);
    let told = run.happens(lines, node, EventKind::Skipped { reason: Arc::new("no rows".into()) });
    assert_eq!(told, ["⊘ region[0]             skipped: no rows"]);
    let told = run.happens(lines, TaskRunId::FLOW, EventKind::Completed);
    assert_eq!(told, ["✓ etl                   completed in 2ms: 1 task (1 skipped)"]);
}

#[test]
fn control_characters_in_names_and_messages_cannot_act() {
    let lines = &mut Lines::default();
    let mut run = Script::root(lines);
    run.happens(lines, TaskRunId::FLOW, started(1));
    let hostile = "x\u{1b}[2J\r\n::error::pwned\u{202e}\u{7}";
    let id = run.create(lines, &FETCH, None, Some(hostile));
    run.happens(lines, id, started(1));
    let mut told = run.happens(lines, id, failed(hostile, &[hostile]));
    let skipped = run.create(lines, &LOAD, None, None);
    told.extend(run.happens(lines, skipped, EventKind::Skipped { reason: Arc::new(hostile.into()) }));
    told.extend(run.happens(lines, TaskRunId::FLOW, failed(hostile, &[hostile])));
    assert!(told.len() >= 5, "{told:#?}");
    for line in told {
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line:?}");
        assert!(!line.trim_start().starts_with("::"), "{line:?}");
    }
}

#[test]
fn japanese_names_stand_in_the_same_column() {
    assert_eq!(line("✓", "データ取得", "completed"), "✓ データ取得            completed");
    assert_eq!(line("✓", "load", "completed"), "✓ load                  completed");
}

#[test]
fn lines_for_a_log_begin_with_the_time_and_a_counter() {
    let lines = &mut Lines::default().with_time();
    let mut run = Script::root(lines);
    let mut told = run.happens(lines, TaskRunId::FLOW, started(1));
    told.extend(run.task(lines, &FETCH, 0, EventKind::Completed));
    let second = run.create(lines, &LOAD, None, None);
    run.happens(lines, second, started(1));
    told.extend(run.task(lines, &FETCH, 1, EventKind::Completed));
    told.extend(run.happens(lines, TaskRunId::FLOW, EventKind::Cancelled { orphaned: false }));
    insta::assert_snapshot!(told.join("\n"), @r#"
    09:02:53.001Z [0/0] ▶ etl                   started, run 0000000
    09:02:53.003Z [1/1] ✓ fetch[0]              completed in 1ms
    09:02:53.006Z [2/3] ✓ fetch[1]              completed in 1ms
    09:02:53.007Z [2/3] ⊖ etl                   cancelled after 6ms: 2 tasks
    "#);
}

#[test]
fn nothing_is_remembered_of_a_run_that_has_ended() {
    let lines = &mut Lines::default();
    let mut run = Script::root(lines);
    run.happens(lines, TaskRunId::FLOW, started(1));
    run.happens(lines, TaskRunId::FLOW, EventKind::Completed);
    assert!(lines.tallies.is_empty());
}

#[test]
fn a_thousand_failures_are_counted_and_few_are_named() {
    let lines = &mut Lines::default();
    let mut run = Script::root(lines);
    run.happens(lines, TaskRunId::FLOW, started(1));
    for index in 0..1000 {
        run.task(lines, &LOAD, index, failed("disk full", &[]));
    }
    let told = run.happens(lines, TaskRunId::FLOW, failed("task `load[0]` failed", &["disk full"]));
    insta::assert_snapshot!(told.join("\n"), @r#"
    root cause: load[0] failed: disk full
      at src/etl.rs:61
      failed too: load[1], load[2], load[3], load[4], load[5] and 994 more
    ✗ etl                   failed after 2.0s: 1000 tasks (1000 failed)
    "#);
}
