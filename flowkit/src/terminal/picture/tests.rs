//! The mock-ups, drawn from scripted runs, and what must hold for any run.

use proptest::prelude::*;

use super::*;
use crate::model::{EventKind, TaskRunId, WallTime};
use crate::terminal::fact::Fact;
use crate::terminal::paint::StyleSupport;
use crate::terminal::script::{
    Script, any_task, at, badly, failed, half_way, report, retry, started, ten_thousand, well,
};
use crate::terminal::stopping::StopNotice;

pub(super) fn program() -> Program {
    Program::new("mybin").with_ui().with_like()
}

/// Returns the view of a run, and what it left in the scroll-back of a terminal as wide as `width`.
fn watched(width: usize, story: impl FnOnce(&mut Script<'_>)) -> (RunView, Vec<Line>) {
    let mut view: Option<RunView> = None;
    let mut facts = Vec::new();
    story(&mut Script::new(&mut |notice| {
        let parameters = r#"{"urls":["a","b","c","d"],"dry_run":false}"#;
        if view.is_none() {
            view = RunView::begin(notice).map(|view| view.with_parameters(parameters));
        }
        if let Some(view) = &mut view {
            let event = Fact::taken(notice, view);
            facts.extend(fact::fact(&event, false, width));
        }
    }));
    (view.unwrap(), facts)
}

pub(super) fn view(story: impl FnOnce(&mut Script<'_>)) -> RunView {
    watched(100, story).0
}

pub(super) fn text(lines: &[Line]) -> String {
    lines.iter().map(|line| StyleSupport::default().line(line)).collect::<Vec<_>>().join("\n")
}

fn running(width: usize, story: impl FnOnce(&mut Script<'_>), now: WallTime) -> String {
    let (view, facts) = watched(width, story);
    let program = program().at("http://127.0.0.1:4780");
    let mut lines = title(&view, width, &program);
    lines.extend(facts);
    lines.extend(live(&view, width, 12, now));
    text(&lines)
}

fn ended(width: usize, story: impl FnOnce(&mut Script<'_>)) -> String {
    text(&finished(&view(story), width, &program()))
}

fn ten_thousand_to_the_end(script: &mut Script<'_>) {
    let all = ten_thousand(script);
    let (merge, fetches) = all.split_last().unwrap();
    script.at(63_100).happens(fetches[7_500], started(2));
    script.at(63_400).happens(fetches[7_500], EventKind::Completed);
    for fetch in &fetches[7_501..7_521] {
        script.at(63_500).happens(*fetch, EventKind::Completed);
    }
    for fetch in &fetches[7_521..9_990] {
        script.run(*fetch, 63_500, 63_800);
    }
    for (place, fetch) in fetches[9_990..].iter().enumerate() {
        script.at(63_900).happens(*fetch, started(1));
        let message = format!("no such page: {place}");
        script.at(64_000).happens(*fetch, failed(&format!("fetch[{}]", 9_990 + place), &message, &[]));
    }
    let error = report("merge", "task `merge` did not run", &["no such page: 0"]);
    script.at(64_100).happens(*merge, EventKind::UpstreamFailed { error });
    let end = failed("etl", "task `merge` did not run", &["task `fetch[9990]` failed", "no such page: 0"]);
    script.at(64_200).happens(TaskRunId::FLOW, end);
}

/// Snapshots at the three widths that are promised.
macro_rules! at_three_widths {
    ($name:literal, $draw:expr) => {
        for width in [60, 80, 120] {
            insta::assert_snapshot!(format!("{}_{width}", $name), $draw(width));
        }
    };
}

#[test]
fn runs_of_a_task_with_hidden_characters_in_its_name_are_one_line() {
    let view = view(|script| drop(script.map("evil\u{1b}[2J\u{202e}name", 3, &[])));
    assert_eq!(view.groups.len(), 1);
}

#[test]
fn a_running_flow_is_drawn_as_in_the_mock_up() {
    at_three_widths!("running", |width| running(width, |script| drop(half_way(script)), at(1900)));
}

#[test]
fn a_flow_that_ended_well_is_a_tree_a_summary_and_a_command() {
    at_three_widths!("finished", |width| ended(width, well));
}

#[test]
fn a_flow_that_failed_ends_with_its_cause_its_numbers_and_the_commands_to_go_on() {
    at_three_widths!("failed", |width| ended(width, badly));
}

#[test]
fn ten_thousand_task_runs_take_as_little_room_as_twelve() {
    at_three_widths!("running_10000", |width| running(
        width,
        |script| drop(ten_thousand(script)),
        at(60_000)
    ));
    at_three_widths!("failed_10000", |width| ended(width, ten_thousand_to_the_end));
}

#[test]
fn sub_flows_fold_with_the_tasks_in_them() {
    let view = view(|script| {
        for index in 0..3 {
            script.region(index, |inner| {
                let fetches = inner.map("fetch", 2, &[]);
                fetches.into_iter().for_each(|fetch| inner.run(fetch, 100, 400));
            });
        }
        script.at(900).happens(TaskRunId::FLOW, EventKind::Completed);
    });
    insta::assert_snapshot!("sub_flows", text(&finished(&view, 80, &Program::new("mybin"))));
}

#[test]
fn a_run_that_is_slower_than_usual_says_so_while_it_runs_and_afterwards() {
    let (view, facts) = watched(80, |script| {
        let fetches = script.map("fetch", 6, &[]);
        fetches[..4].iter().for_each(|fetch| script.run(*fetch, 0, 400));
        script.run(fetches[4], 0, 1500);
        script.at(1500).happens(fetches[5], started(1));
    });
    let mut lines = facts;
    lines.extend(live(&view, 80, 12, at(4000)));
    insta::assert_snapshot!("slow", text(&lines));
}

#[test]
fn progress_is_a_bar_beside_the_run() {
    let mut view = view(|script| {
        let load = script.call("load", &[]);
        script.at(100).happens(load, started(1));
    });
    view.progress((view.flow_run(), TaskRunId::new(1)), 35, 100);
    insta::assert_snapshot!("progress", text(&live(&view, 80, 6, at(3000))));
}

#[test]
fn after_a_signal_the_last_line_says_who_may_still_run_and_for_how_long() {
    let mut view = view(|script| drop(ten_thousand(script)));
    let grace = std::time::Duration::from_secs(30);
    let mut footers = Vec::new();
    for grace in [grace, std::time::Duration::ZERO] {
        view.stopping = Some(StopNotice { signal: "SIGINT", at: at(60_000), grace });
        footers.extend([20, 60, 80, 120].map(|width| text(&live(&view, width, 1, at(64_500)))));
    }
    insta::assert_snapshot!("stopping", footers.join("\n"));
}

#[test]
fn where_there_are_more_tasks_than_lines_what_is_under_way_is_shown() {
    let view = view(|script| {
        for number in 0..12 {
            let id = script.create(any_task(number), None, None, &[]);
            match number {
                0..5 => script.run(id, 0, 100),
                8 => script.at(100).happens(id, started(1)),
                _ => {}
            }
        }
    });
    insta::assert_snapshot!("crowded", text(&live(&view, 60, 7, at(1000))));
    insta::assert_snapshot!("in_one_line", text(&live(&view, 60, 1, at(1000))));
}

#[test]
fn a_long_chain_of_causes_and_a_long_message_leave_room_for_the_commands() {
    let causes: Vec<String> =
        (0..40).map(|number| format!("cause {number} {}", "because ".repeat(30))).collect();
    let causes: Vec<&str> = causes.iter().map(String::as_str).collect();
    let message = "a line of a long message\n".repeat(200);
    let view = view(|script| {
        for number in 0..12 {
            let id = script.create(any_task(number), None, None, &[]);
            script.run(id, 0, 100);
        }
        let load = script.create(any_task(4), Some(7), None, &[]);
        script.happens(load, started(1));
        script.happens(load, failed("load[7]", &message, &causes));
        script.happens(TaskRunId::FLOW, failed("etl", &message, &causes));
    });
    for width in [60, 80, 120] {
        let lines = finished(&view, width, &program());
        assert!(lines.len() <= 30, "{} lines at {width}:\n{}", lines.len(), text(&lines));
        assert!(text(&lines).contains("mybin resume"), "{}", text(&lines));
    }
}

#[test]
fn no_command_is_offered_for_a_run_that_nobody_keeps() {
    let text = text(&finished(&view(badly), 80, &program().without_store()));
    assert!(!text.contains("mybin"), "{text}");
    assert!(text.ends_with("3 retries"), "{text}");
}

#[test]
fn twenty_columns_are_enough_to_see_what_failed() {
    insta::assert_snapshot!("failed_20", ended(20, badly));
    insta::assert_snapshot!("running_20", running(20, |script| drop(half_way(script)), at(1900)));
}

#[test]
fn ascii_and_no_colour_say_the_same() {
    let lines = finished(&view(badly), 80, &program());
    let plain = StyleSupport { ascii: true, ..StyleSupport::default() };
    let shown: Vec<String> = lines.iter().map(|line| plain.line(line)).collect();
    assert!(shown.iter().all(|line| line.is_ascii()), "{shown:#?}");
    insta::assert_snapshot!("ascii", shown.join("\n"));
}

/// What happens to one of the task runs of a random run.
fn happens(script: &mut Script<'_>, ids: &[TaskRunId], which: usize, what: u8) {
    if ids.is_empty() {
        return;
    }
    let id = ids[which % ids.len()];
    let kinds = [
        started(1),
        retry(1, "line one\nline two \u{1b}[31mred", 700),
        EventKind::Completed,
        EventKind::Cached,
        failed("x", "データ \u{202e} \u{1b}]0;title\u{7}", &["why\r\nnot"]),
        EventKind::Skipped { reason: std::sync::Arc::new("not today".repeat(9)) },
        EventKind::Cancelled { orphaned: false },
        EventKind::Queued,
    ];
    script.try_happens(id, kinds[usize::from(what) % kinds.len()].clone());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn no_line_is_wider_and_no_picture_higher_than_it_may_be(
        steps in prop::collection::vec((0u8..10, any::<usize>(), any::<u8>()), 0..80),
        width in 1usize..140,
        height in 0usize..14,
        now in 0u64..100_000,
        end in any::<bool>(),
    ) {
        let (mut view, facts) = watched(width, |script| {
            let mut ids = Vec::new();
            for (step, which, what) in &steps {
                script.later(37);
                match step {
                    0..3 => {
                        let index = (what % 2 == 0).then_some(u32::from(*what));
                        let inputs: Vec<_> = ids.iter().copied().take(which % 3).collect();
                        let name = (what % 7 == 0).then_some("a\tname\u{200b}\nof its own");
                        ids.push(script.create(any_task(*which), index, name, &inputs));
                    }
                    3 => script.region(u32::from(*what), |inner| {
                        let id = inner.create(any_task(*which), None, None, &[]);
                        happens(inner, &[id], 0, *what);
                    }),
                    _ => happens(script, &ids, *which, *what),
                }
            }
            if end {
                script.happens(TaskRunId::FLOW, failed("etl", "it broke", &["データ".repeat(40).as_str(), "x"]));
            }
        });
        view.progress((view.flow_run(), TaskRunId::new(1)), now, 1000);
        let area = live(&view, width, height, at(now));
        prop_assert!(area.len() <= height);
        prop_assert!(height == 0 || !area.is_empty());
        let program = program().at("http://127.0.0.1:4780");
        let all = [area, facts, title(&view, width, &program), finished(&view, width, &program)].concat();
        for line in all {
            let shown = line.plain();
            prop_assert!(line.columns() <= width, "{} columns at {width}: {shown:?}", line.columns());
            // Counted once more over the whole line, as a terminal does it.
            prop_assert!(columns(&shown) <= width, "{shown:?}");
            prop_assert!(!shown.contains(|c: char| c.is_control() || c == '\u{202e}'), "{shown:?}");
        }
    }
}

#[test]
fn what_failed_before_the_flow_was_tried_again_is_no_failure_of_it() {
    let again = |script: &mut Script<'_>| {
        let first = script.call("load", &[]);
        script.at(100).happens(first, started(1));
        script.at(200).happens(first, failed("load", "the disk is full", &[]));
        script.at(210).happens(TaskRunId::FLOW, retry(1, "the disk is full", 0));
        script.at(210).happens(TaskRunId::FLOW, started(2));
        let second = script.call("load", &[]);
        script.run(second, 220, 300);
        script.at(310).happens(TaskRunId::FLOW, EventKind::Completed);
    };
    let shown = text(&finished(&view(again), 80, &program()));
    assert!(!shown.contains("fail"), "{shown}");
    assert!(shown.contains("Finished in 0.3s: 1 task, 1 ran, 1 retry"), "{shown}");
}
