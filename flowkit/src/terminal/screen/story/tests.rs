//! Scripted runs in, bytes and areas out.

use super::*;
use crate::model::EventKind;
use crate::terminal::picture::Program;
use crate::terminal::script::{
    Script, at, badly, failed, half_way, report, retry, started, ten_thousand, well, went_on,
};

fn story(mode: Mode) -> Story {
    let parameters = r#"{"urls":["a","b"],"dry_run":false}"#;
    let options = Options::new(Program::new("mybin")).parameters(parameters);
    Story::new(mode, options, StyleSupport::default(), 100, false)
}

fn told(story: &mut Story, what: impl FnOnce(&mut Script<'_>)) -> String {
    what(&mut Script::new(&mut |notice| story.take(notice)));
    ready(story)
}

fn ready(story: &mut Story) -> String {
    String::from_utf8(std::mem::take(&mut story.ready)).unwrap()
}

fn area(story: &Story, rows: usize) -> Vec<String> {
    story.area(rows, at(1900)).iter().map(Line::plain).collect()
}

#[test]
fn without_a_terminal_each_fact_is_a_line() {
    let lines = told(&mut story(Mode::Lines), badly);
    insta::assert_snapshot!("lines", lines);
}

#[test]
fn the_end_of_a_flow_that_went_on_after_failures_lists_them_once_more() {
    let mut story = Story { on_github: true, ..story(Mode::Lines) };
    let lines = told(&mut story, went_on);
    let end: Vec<&str> = lines.lines().filter(|line| line.contains("ailure")).collect();
    insta::assert_snapshot!("went_on", format!("{}\n\n{}", end.join("\n"), story.tables));
}

#[test]
fn each_event_is_a_line_of_json() {
    let lines = told(&mut story(Mode::Json), badly);
    for line in lines.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["v"], 1, "{line}");
        assert!(line.starts_with(r#"{"v":1,"t":""#), "{line}");
    }
    let first_word =
        |line: &&str| ["run.", "task.attempt_failed", "task.failed"].iter().any(|t| line.contains(t));
    let told: Vec<&str> = lines.lines().filter(first_word).collect();
    insta::assert_snapshot!("json", told.join("\n"));
}

#[test]
fn a_run_on_a_terminal_leaves_its_title_its_facts_and_its_end() {
    let mut story = story(Mode::Live);
    told(&mut story, well);
    story.report_ends();
    // The title and the retry were taken out above; what is left is the end.
    let end = ready(&mut story);
    assert!(end.starts_with("\n   ✓ etl "), "{end}");
    assert!(end.ends_with("mybin show kf6r4nw\n"), "{end}");
    story.report_ends();
    assert_eq!(ready(&mut story), "", "the end is told once");
}

#[test]
fn the_area_is_at_most_half_of_the_terminal_and_at_most_twelve_lines() {
    let mut story = story(Mode::Live);
    told(&mut story, |script| drop(ten_thousand(script)));
    told(&mut story, |script| drop(half_way(script)));
    for rows in 0..60 {
        let lines = area(&story, rows);
        assert!(lines.len() <= (rows / 2).min(12), "{} lines in {rows} rows", lines.len());
        assert_eq!(lines.is_empty(), rows < 2);
    }
}

#[test]
fn a_second_run_at_the_same_time_is_counted() {
    let mut story = story(Mode::Live);
    told(&mut story, |script| drop(half_way(script)));
    told(&mut story, |script| script.another(|other| drop(half_way(other))));
    assert_eq!(area(&story, 24).last().map(String::as_str), Some("   and 1 more run"));
}

#[test]
fn a_signal_is_answered_at_once_in_each_form() {
    let told_to_stop = |mode| {
        let mut story = story(mode);
        told(&mut story, |script| drop(half_way(script)));
        let moment = SystemTime::UNIX_EPOCH + Duration::from_micros(at(1900).as_micros().unsigned_abs());
        story.stopping("SIGTERM", Duration::from_secs(30), moment);
        story
    };
    let mut live = told_to_stop(Mode::Live);
    assert_eq!(ready(&mut live), "", "it is in the picture");
    let footer = area(&live, 24).pop();
    assert_eq!(footer.as_deref(), Some("   stopping: 1 task has up to 30 s to end · ctrl-c again to abort"));
    let lines = ready(&mut told_to_stop(Mode::Lines)) + &ready(&mut told_to_stop(Mode::Json));
    insta::assert_snapshot!("stopping", lines);
}

#[test]
fn a_signal_after_the_end_of_all_runs_has_nothing_to_say() {
    for mode in [Mode::Live, Mode::Lines, Mode::Json] {
        let mut story = story(mode);
        told(&mut story, well);
        story.report_ends();
        ready(&mut story);
        story.stopping("SIGTERM", Duration::from_secs(30), SystemTime::UNIX_EPOCH);
        assert!(ready(&mut story).is_empty() && area(&story, 24).is_empty());
    }
}

#[test]
fn what_the_program_has_not_ended_with_a_line_break_is_shown_for_the_time_being() {
    let mut story = story(Mode::Live);
    told(&mut story, |script| drop(half_way(script)));
    assert_eq!(story.print(b"first\nGo on? \x1b[31m[y/n] "), ["first"]);
    assert_eq!(ready(&mut story), "first\n");
    assert_eq!(area(&story, 24)[0], "Go on? [y/n]");
    assert_eq!(story.end_line().as_deref(), Some("Go on? [y/n] "));
    assert!(area(&story, 24)[0].starts_with(" ───"));
}

#[test]
fn a_thousand_failures_do_not_push_everything_else_out_of_the_scroll_back() {
    let mut story = story(Mode::Live);
    let lines = told(&mut story, |script| {
        for fetch in script.map("fetch", 1000, &[]) {
            script.happens(fetch, started(1));
            script.happens(fetch, failed("fetch", "no route", &[]));
        }
    });
    assert_eq!(lines.lines().count(), 1 + 20, "{lines}");
    assert!(lines.ends_with("  … further events of `fetch` are only counted\n"), "{lines}");
}

#[test]
fn names_and_messages_cannot_act_in_any_form() {
    let hostile = "x\u{1b}[2J\r\n::error::pwned\u{202e}\u{7}\"}";
    for mode in [Mode::Live, Mode::Lines, Mode::Json] {
        let mut story = story(mode);
        let mut lines = told(&mut story, |script| {
            let id = script.create(crate::terminal::script::any_task(8), None, Some(hostile), &[]);
            script.happens(id, started(1));
            script.happens(id, retry(1, hostile, 0));
            script.happens(id, started(2));
            script.happens(id, failed(hostile, hostile, &[hostile]));
            let end = EventKind::Failed { error: report("etl", hostile, &[hostile]) };
            script.happens(TaskRunId::FLOW, end);
        });
        story.report_ends();
        lines.push_str(&ready(&mut story));
        for line in lines.lines() {
            assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
            assert!(!line.starts_with("::"), "{line:?}");
            assert!(mode == Mode::Json || !line.contains('\u{202e}'), "{line:?}");
        }
    }
}

#[test]
fn github_gets_an_annotation_for_a_failure() {
    let mut story = Story { on_github: true, ..story(Mode::Lines) };
    let lines = told(&mut story, badly);
    insta::assert_snapshot!("github", story.tables);
    let annotations: Vec<&str> = lines.lines().filter(|line| line.starts_with("::")).collect();
    let [only] = annotations[..] else { panic!("{annotations:#?}") };
    assert!(
        only.starts_with("::error file=src/etl.rs,line=61,title=load::refusing to load 84 rows: "),
        "{only}"
    );
}
