//! A resumed run: everything that counts its task runs counts alike.

use serde_json::Value;

use super::{Answer, Shell};

/// The numbers of kept and of executed task runs in a summary: `9 tasks: 6 kept 3 ran`, `9 tasks, 6 kept, 3 ran`.
fn counts(text: &str) -> (u64, u64, u64) {
    let line = text.lines().rfind(|line| line.contains(" tasks") && line.contains(" ran")).unwrap_or(text);
    let words: Vec<&str> = line.split([' ', ',', ':']).filter(|word| !word.is_empty()).collect();
    let number = |name: &str| {
        let at = words.iter().position(|word| *word == name).unwrap_or_else(|| panic!("no `{name}`: {text}"));
        words[at - 1].parse().unwrap()
    };
    (number("tasks"), number("kept"), number("ran"))
}

fn of_json(answer: &Answer) -> (u64, u64, u64) {
    let finished = answer.lines().into_iter().rfind(|line| line["t"] == "run.finished").unwrap();
    let number = |name: &str| finished["counts"][name].as_u64().unwrap();
    (number("tasks"), number("kept"), number("ran"))
}

/// A run with sub-flows and a task that calls others, which failed and is resumed.
fn resumed(options: &str) -> (Shell, Answer) {
    let shell = Shell::new();
    assert_eq!(shell.call("run nested --file rows").code, Some(1));
    shell.write("rows", "");
    let answer = shell.call(&format!("resume {options}")).ok();
    (shell, answer)
}

#[test]
fn lines_json_watch_and_show_count_the_same_task_runs_as_kept_and_as_run() {
    let (shell, lines) = resumed("");
    let counted = counts(&lines.err);
    assert!(counted.1 > 0 && counted.2 > 0 && counted.1 + counted.2 == counted.0, "{lines:?}");
    assert_eq!(counts(&shell.call("watch").ok().out), counted);
    assert_eq!(of_json(&shell.call("watch --output json").ok()), counted);
    let shown = shell.call("show").ok().out;
    assert_eq!(counts(&shown), counted, "{shown}");
    assert_eq!(of_json(&resumed("--output json").1), counted);
}

#[test]
fn the_counter_of_a_resumed_run_begins_with_what_is_kept_and_never_goes_back() {
    let (_, lines) = resumed("");
    let ended = lines.err.lines().filter_map(|line| {
        let (_, counter) = line.split_once('[')?;
        counter.split_once('/')?.0.trim().parse::<u64>().ok()
    });
    let ended: Vec<u64> = ended.collect();
    assert!(ended.len() > 2 && ended.is_sorted(), "{lines:?}");
}

#[test]
fn a_summary_has_the_time_of_this_execution_and_show_says_that_its_time_is_the_total() {
    let (shell, _) = resumed("");
    let run = shell.call("show --output json").ok().line("run");
    let finished: Vec<Value> = shell
        .call("watch --output json")
        .ok()
        .lines()
        .into_iter()
        .filter(|line| line["t"] == "run.finished")
        .collect();
    let ms = |line: &Value| line["ms"].as_u64().unwrap();
    // Each is cut to milliseconds.
    let sum: u64 = finished.iter().map(ms).sum();
    assert_eq!(finished.len(), 2);
    assert!((sum..=sum + 2).contains(&ms(&run)), "{finished:?} {run}");
    assert!(shell.call("show").ok().out.contains(" in total: "));
}
