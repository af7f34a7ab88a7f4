//! Scripted events in, lines out.
#![allow(clippy::unwrap_used, reason = "for tests only")]

use std::sync::Arc;

use super::*;
use crate::model::TaskRunId;
use crate::terminal::script::{REGION, Script, failed, report, retry, started, task};

/// Returns the lines of a run of `etl` in which `story` happens.
fn lines_of(story: impl FnOnce(&mut Script<'_>)) -> Vec<String> {
    lines_by(&mut Lines::default(), story)
}

fn lines_by(renderer: &mut Lines, story: impl FnOnce(&mut Script<'_>)) -> Vec<String> {
    let mut lines = Vec::new();
    story(&mut Script::new(&mut |notice| lines.extend(renderer.of(notice))));
    lines
}

/// Lets a task run start and end.
fn happens(script: &mut Script<'_>, name: &str, index: u32, end: EventKind) {
    let id = script.create(task(name), Some(index), None, &[]);
    // A result that is known already needs no attempt.
    if !matches!(end, EventKind::Cached) {
        script.happens(id, started(1));
    }
    script.later(1);
    script.happens(id, end);
}

fn load_fails(script: &mut Script<'_>, index: u32, message: &str, causes: &[&str]) {
    happens(script, "load", index, failed(&format!("load[{index}]"), message, causes));
}

#[test]
fn a_run_has_a_line_at_its_start_at_each_end_and_a_summary() {
    let lines = lines_of(|script| {
        happens(script, "fetch", 0, EventKind::Completed);
        happens(script, "fetch", 1, EventKind::Cached);
        script.happens(TaskRunId::FLOW, EventKind::Completed);
    });
    insta::assert_snapshot!(lines.join("\n"), @r#"
    start   etl                  run=kf6r4nw
    ok      fetch[0]             0.001s
    cached  fetch[1]
    OK  etl  0.002s  2 tasks: 1 ran 1 cached
    "#);
}

#[test]
fn a_retry_says_why_and_when() {
    let lines = lines_of(|script| {
        let id = script.call("fetch", &[]);
        script.happens(id, started(1));
        script.at(700).happens(id, retry(1, "connection reset", 1000));
        script.at(1700).happens(id, started(2));
        script.at(1800).happens(id, EventKind::Completed);
        script.happens(TaskRunId::FLOW, EventKind::Completed);
    });
    insta::assert_snapshot!(lines.join("\n"), @r#"
    start   etl                  run=kf6r4nw
    retry   fetch                attempt=1/3 after=0.700s in=1.000s error="connection reset"
    ok      fetch                1.800s attempt=2
    OK  etl  1.800s  1 task: 1 ran 1 retry
    "#);
}

#[test]
fn a_failed_run_ends_with_its_root_cause_and_then_the_summary() {
    let lines = lines_of(|script| {
        let causes = ["constraint `rows_total <= 80` violated", "table `staging.pages` row 81"];
        let load = script.call("load", &[]);
        let fetch = script.call("fetch", &[load]);
        script.happens(load, started(1));
        script.at(5).happens(load, failed("load", "refusing to load 84 rows", &causes));
        let words = "task `fetch` did not run: its input task `load` has no result";
        let error = report("fetch", words, &["refusing to load 84 rows"]);
        script.happens(fetch, EventKind::UpstreamFailed { error });
        load_fails(script, 1, "no space", &[]);
        let causes = ["task `load` failed", "refusing to load 84 rows"];
        script.happens(TaskRunId::FLOW, failed("etl", "task `fetch` did not run", &causes));
    });
    insta::assert_snapshot!(lines.join("\n"), @r#"
    start   etl                  run=kf6r4nw
    FAIL    load                 0.005s error="refusing to load 84 rows: constraint `rows_total <= 80` violated: table `staging.pages` row 81" at=src/etl.rs:61
    skip    fetch                because=load
    FAIL    load[1]              0.001s error="no space" at=src/etl.rs:61
    cause   load                 error="refusing to load 84 rows: constraint `rows_total <= 80` violated: table `staging.pages` row 81" at=src/etl.rs:61
    failure load[1]              error="no space" at=src/etl.rs:61
    FAILED  etl  0.006s  3 tasks: 2 failed 1 skipped
    "#);
}

#[test]
fn a_failure_that_the_flow_has_dealt_with_is_not_its_root_cause() {
    let lines = lines_of(|script| {
        happens(script, "fetch", 0, failed("fetch[0]", "mirror is down", &[]));
        load_fails(script, 0, "disk full", &[]);
        let end = failed("etl", "the nightly load broke", &["task `load[0]` failed", "disk full"]);
        script.happens(TaskRunId::FLOW, end);
    });
    insta::assert_snapshot!(lines[3..].join("\n"), @r#"
    cause   load[0]              error="disk full" at=src/etl.rs:61 flow="the nightly load broke"
    failure fetch[0]             error="mirror is down" at=src/etl.rs:61
    FAILED  etl  0.002s  2 tasks: 2 failed
    "#);
}

#[test]
fn a_flow_that_completes_after_failures_says_so() {
    let lines = lines_of(|script| {
        load_fails(script, 0, "disk full", &[]);
        script.happens(TaskRunId::FLOW, EventKind::Completed);
    });
    let [.., failure, end] = &lines[..] else { panic!("{lines:#?}") };
    assert!(failure.starts_with("failure load[0] "), "{lines:#?}");
    assert_eq!(end, "FINISHED  etl  0.001s  1 failure  1 task: 1 failed");
}

#[test]
fn of_two_failures_with_the_same_words_the_one_that_is_named_is_the_root_cause() {
    let lines = lines_of(|script| {
        happens(script, "fetch", 0, failed("fetch[0]", "connection reset", &[]));
        load_fails(script, 0, "connection reset", &[]);
        let end = failed("etl", "task `load[0]` failed", &["connection reset"]);
        script.happens(TaskRunId::FLOW, end);
    });
    assert!(lines[3].starts_with("cause   load[0] "), "{lines:#?}");
}

#[test]
fn an_error_of_the_flow_itself_is_told_in_its_own_words() {
    let lines = lines_of(|script| {
        script.happens(TaskRunId::FLOW, failed("etl", "no rows\n  in 3 files\n", &["all were empty"]));
    });
    insta::assert_snapshot!(lines.join("\n"), @r#"
    start   etl                  run=kf6r4nw
    cause   etl                  error="no rows in 3 files : all were empty" at=src/etl.rs:61
    FAILED  etl  0.000s  0 tasks
    "#);
}

#[test]
fn flowkits_own_errors_do_not_name_the_run_twice() {
    let lines = lines_of(|script| {
        let error = report("load[0]", "task `load[0]` timed out: it was still running after 1s", &[]);
        happens(script, "load", 0, EventKind::TimedOut { error, orphaned: false });
        load_fails(script, 1, "task `load[1]` panicked: index out of bounds", &[]);
    });
    insta::assert_snapshot!(lines[1..].join("\n"), @r#"
    TIMEOUT load[0]              0.001s error="timed out: it was still running after 1s" at=src/etl.rs:61
    FAIL    load[1]              0.001s error="panicked: index out of bounds" at=src/etl.rs:61
    "#);
}

#[test]
fn the_lines_of_a_sub_flow_carry_its_path_and_count_for_the_outermost_flow() {
    let lines = lines_of(|script| {
        let error = failed("load[0]", "task `load[0]` failed", &["disk full"]);
        script.sub_flow(1, error, |inner| load_fails(inner, 0, "disk full", &[]));
        let causes = ["task `load[0]` failed", "disk full"];
        script.happens(TaskRunId::FLOW, failed("etl", "flow `region` failed", &causes));
    });
    insta::assert_snapshot!(lines.join("\n"), @r#"
    start   etl                  run=kf6r4nw
    start   region[1]            run=9z00000
    FAIL    region[1] › load[0]  0.001s error="disk full" at=src/etl.rs:61
    FAIL    region[1]            0.001s error="task `load[0]` failed: disk full" at=src/etl.rs:61
    cause   region[1] › load[0]  error="disk full" at=src/etl.rs:61
    FAILED  etl  0.001s  1 task: 1 failed
    "#);
}

#[test]
fn a_sub_flow_that_never_ran_has_a_line_of_its_own() {
    let lines = lines_of(|script| {
        let node = script.create(&REGION, Some(0), None, &[]);
        script.happens(node, EventKind::Skipped { reason: Arc::new("no rows".into()) });
        script.happens(TaskRunId::FLOW, EventKind::Completed);
    });
    assert_eq!(lines[1], "skip    region[0]            because=\"no rows\"");
    assert!(lines[2].ends_with("1 task: 1 skipped"), "{lines:#?}");
}

#[test]
fn control_characters_in_names_and_messages_cannot_act() {
    let hostile = "x\u{1b}[2J\r\n::error::pwned\u{202e}\u{7}";
    let lines = lines_of(|script| {
        let id = script.create(task("fetch"), None, Some(hostile), &[]);
        script.happens(id, started(1));
        script.happens(id, retry(1, hostile, 0));
        script.happens(id, started(2));
        script.happens(id, failed(hostile, hostile, &[hostile]));
        let skipped = script.call("load", &[]);
        script.happens(skipped, EventKind::Skipped { reason: Arc::new(hostile.into()) });
        script.happens(TaskRunId::FLOW, failed(hostile, hostile, &[hostile]));
    });
    assert!(lines.len() >= 5, "{lines:#?}");
    for line in lines {
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line:?}");
        assert!(!line.trim_start().starts_with("::"), "{line:?}");
    }
}

#[test]
fn japanese_names_stand_in_the_same_column() {
    assert_eq!(line("ok", "データ取得", "0.4s"), "ok      データ取得           0.4s");
    assert_eq!(line("ok", "load", "0.4s"), "ok      load                 0.4s");
}

#[test]
fn lines_for_a_log_begin_with_the_time_and_a_counter() {
    let lines = lines_by(&mut Lines::default().with_time(), |script| {
        happens(script, "fetch", 0, EventKind::Completed);
        let second = script.call("load", &[]);
        script.happens(second, started(1));
        happens(script, "fetch", 1, EventKind::Completed);
        script.happens(TaskRunId::FLOW, EventKind::Cancelled { orphaned: false });
    });
    insta::assert_snapshot!(lines.join("\n"), @r#"
    09:02:53.389Z [ 0/ -] start   etl                  run=kf6r4nw
    09:02:53.390Z [ 1/ 1] ok      fetch[0]             0.001s
    09:02:53.391Z [ 2/ 3] ok      fetch[1]             0.001s
    09:02:53.391Z CANCELLED  etl  0.002s  3 tasks: 2 ran
    "#);
}

#[test]
fn nothing_is_remembered_of_a_run_that_has_ended() {
    let renderer = &mut Lines::default();
    let lines = lines_by(renderer, |script| {
        script.happens(TaskRunId::FLOW, EventKind::Completed);
        // Later events have lines, too.
        script.region(0, |inner| happens(inner, "load", 0, EventKind::Completed));
    });
    assert_eq!(lines.len(), 5, "{lines:#?}");
    assert!(renderer.runs.is_empty());
}

#[test]
fn a_thousand_failures_are_counted_and_few_are_told() {
    let lines = lines_of(|script| {
        (0..1000).for_each(|index| load_fails(script, index, "disk full", &[]));
        script.happens(TaskRunId::FLOW, failed("etl", "task `load[0]` failed", &["disk full"]));
    });
    insta::assert_snapshot!(lines[1001..].join("\n"), @r#"
    cause   load[0]              error="disk full" at=src/etl.rs:61
    failure load                 count=999 error="disk full" at=src/etl.rs:61
    FAILED  etl  1.000s  1000 tasks: 1000 failed
    "#);
}

#[test]
fn durations_have_one_unit_and_short_ones_more_digits() {
    let written = [61_500_000, 1_000, 241, 0].map(|micros| seconds(Duration::from_micros(micros)));
    assert_eq!(written, ["61.500s", "0.001s", "0.000241s", "0.000s"]);
}
