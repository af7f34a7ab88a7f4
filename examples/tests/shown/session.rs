//! The session of the README: several commands, one after the other, on a terminal in a new folder.
//!
//! A line `…` there stands for any number of omitted lines. All other lines must be what the program leaves on a terminal
//! of 100 columns; times, ids and blanks are not compared.

use std::path::Path;
use std::process::Command;

use super::{example_of, fences, masked, program};
use crate::emulator::Terminal;

const COLUMNS: u16 = 100;

/// Returns the blocks that show more than one command.
pub(crate) fn sessions(text: &str) -> Vec<String> {
    fences(text, "console").filter(|block| block.contains("\n$ ")).collect()
}

/// Runs each command of a session, and compares what it leaves on the terminal with what is shown.
pub(crate) fn check(session: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    for step in format!("\n{session}").split("\n$ ").skip(1) {
        let (command, shown) = step.split_once('\n').unwrap_or((step, ""));
        let printed = perform(command, folder.path());
        let (printed, shown) = (comparable(&printed.join("\n")), comparable(shown));
        assert!(fits(&shown, &printed), "{command}\nshown:\n{shown:#?}\nprinted:\n{printed:#?}");
    }
}

/// Executes a typed command: makes a folder, or runs an example. Returns what is left on the terminal.
fn perform(command: &str, folder: &Path) -> Vec<String> {
    if let Some(name) = command.strip_prefix("mkdir ") {
        std::fs::create_dir(folder.join(name)).expect("a new folder");
        return Vec::new();
    }
    let (name, arguments) = example_of(command);
    let mut run = Command::new(program(name));
    run.args(arguments).current_dir(folder).env("TMPDIR", folder);
    for name in ["CI", "FLOWKIT_DB", "FLOWKIT_PROGRESS"] {
        run.env_remove(name);
    }
    Terminal::run(run, COLUMNS, 50).end().lines
}

/// Returns the lines that are not empty, without times and ids, with one blank between two words.
fn comparable(text: &str) -> Vec<String> {
    let lines = masked(text).into_iter().map(|line| {
        let is_heading = line.starts_with("run ");
        let mut words: Vec<&str> = line.split_whitespace().collect();
        for at in 1..words.len() {
            let names_a_run =
                ["run", "Run", "resume", "retry", "show", "logs", "--like"].contains(&words[at - 1]);
            if is_heading || (names_a_run && is_short_id(words[at])) {
                words[at] = "<id>";
            }
        }
        words.join(" ").replace("<time>-<time>", "<time>")
    });
    lines.filter(|line| !line.is_empty()).collect()
}

fn is_short_id(word: &str) -> bool {
    word.len() == 7 && word.chars().all(|c| c.is_ascii_digit() || c.is_ascii_lowercase())
}

/// Whether the lines are those that are shown, in their order, with others only where `…` stands.
fn fits(shown: &[String], printed: &[String]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((line, rest)) if line == "…" => {
            (0..=printed.len()).any(|skipped| fits(rest, &printed[skipped..]))
        }
        Some((line, rest)) => {
            printed.split_first().is_some_and(|(first, after)| first == line && fits(rest, after))
        }
    }
}

#[test]
fn only_omitted_lines_may_differ() {
    let lines = |text: &str| comparable(text);
    let printed = lines("a\n\nb  12ms\nc\nd run k7m2npq");
    assert!(fits(&lines("a\nb 3s\nc\nd run 0000000"), &printed));
    assert!(fits(&lines("…\nb 3s\n…"), &printed));
    assert!(!fits(&lines("a\nc\nd run k7m2npq"), &printed));
    assert!(!fits(&lines("…\nb 3s"), &printed));
}
