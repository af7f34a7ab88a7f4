//! The terminal after a program is stopped, gets a signal, dies, or is resized while it runs: it can be used, and shows what the
//! program had printed.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use rustix::process::Signal;

use crate::emulator::{Shown, Terminal};
use crate::printed::{CHAT, assert_clean, of_talker};

/// A program that waits in a task, and the folder in which it waits for a file.
struct Waiting {
    folder: tempfile::TempDir,
    terminal: Terminal,
}

impl Waiting {
    /// Begins `chatty`, and waits until it is drawn and has printed.
    fn begin(how: &str, columns: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = CHAT.command(&folder, how);
        // Colours would separate the words that are waited for.
        command.env("NO_COLOR", "1");
        let mut terminal = Terminal::run(command, columns, 24);
        terminal.wait_for("ready");
        terminal.wait_for("tasks · ");
        Self { folder, terminal }
    }

    fn go_on(&self) {
        fs::write(self.folder.path().join("caught.go"), "").unwrap();
    }

    /// Continues it, makes it suspend its run, and waits for the end.
    fn end(self) -> Shown {
        self.terminal.tell(Signal::TERM);
        self.go_on();
        self.terminal.end()
    }
}

/// Counts the lines that have `text` in them.
fn count(lines: &[String], text: &str) -> usize {
    lines.iter().filter(|line| line.contains(text)).count()
}

fn assert_printed(shown: &Shown) {
    let text = shown.lines.join("\n");
    let places: Vec<_> = ["line 1", "line 2", "line 3", "ready"]
        .iter()
        .map(|line| shown.lines.iter().position(|one| one == line))
        .collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{text}");
}

#[test]
fn a_program_that_a_shell_stops_erases_what_it_drew_and_draws_it_again_when_it_goes_on() {
    let mut waiting = Waiting::begin("linger", 80);
    for round in 1..=2 {
        let terminal = &mut waiting.terminal;
        let before = terminal.len();
        terminal.tell(Signal::TSTP);
        terminal.wait_for_stop();
        // A frame of nothing.
        terminal.wait_for_after(before, "\u{1b}[2K\u{1b}[?2026l");
        assert_eq!(count(&terminal.lines(), "tasks · "), 0, "{:#?}", terminal.lines());
        terminal.write(&format!("the shell is here, {round}\r\n"));
        let before = terminal.len();
        terminal.tell(Signal::CONT);
        // Two frames, so that a second signal is heard of as well.
        terminal.wait_for_after(before, "tasks · ");
        let before = terminal.len();
        terminal.wait_for_after(before, "tasks · ");
        assert_eq!(count(&terminal.lines(), "tasks · "), 1, "{:#?}", terminal.lines());
    }
    let shown = waiting.end();
    assert_clean(&shown);
    assert_printed(&shown);
    assert_eq!(count(&shown.lines, "the shell is here"), 2, "{:#?}", shown.lines);
}

#[test]
fn a_terminal_that_changes_its_size_has_one_picture_and_all_lines() {
    let shown = (0..20).find_map(|_| resized()).expect("there is a moment without a frame on its way");
    assert_clean(&shown);
    assert_printed(&shown);
}

/// `None`: a frame for the old size was on its way when the size changed, which no program can know.
fn resized() -> Option<Shown> {
    const END_OF_FRAME: &str = "\u{1b}[?2026l";
    let rule = |columns: u16| format!(" {}\r\n", "─".repeat(usize::from(columns.min(100)) - 1));
    let mut waiting = Waiting::begin("linger", 80);
    let before = waiting.terminal.len();
    waiting.terminal.wait_for_after(before, END_OF_FRAME);
    let mut old = 80;
    for columns in [60, 120, 40, 100] {
        let terminal = &mut waiting.terminal;
        let before = terminal.len();
        terminal.resize(columns, 30);
        terminal.wait_for_after(before, &rule(columns));
        if terminal.since(before).contains(&rule(old)) {
            waiting.end();
            return None;
        }
        let before = terminal.len();
        terminal.wait_for_after(before, &rule(columns));
        terminal.wait_for_after(before, END_OF_FRAME);
        let lines = terminal.lines();
        assert_eq!((count(&lines, "──"), count(&lines, "tasks · ")), (1, 1), "{columns}: {lines:#?}");
        old = columns;
    }
    Some(waiting.end())
}

#[test]
fn a_program_that_is_told_to_stop_says_how_its_run_ended_and_leaves_the_terminal_clean() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let waiting = Waiting::begin("linger", 80);
        let modes = waiting.terminal.modes();
        waiting.terminal.tell(signal);
        waiting.go_on();
        let Waiting { terminal, folder: _folder } = waiting;
        assert_eq!(terminal.modes(), modes);
        let shown = terminal.end();
        assert_clean(&shown);
        assert_printed(&shown);
        let text = shown.lines.join("\n");
        assert_eq!(shown.status.code(), Some(code), "{text}");
        assert!(text.contains("Suspended after") && text.contains("after the end"), "{text}");
    }
}

#[test]
fn the_picture_of_a_program_that_is_told_to_stop_says_who_may_still_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pipeline"));
    command.args(["run", "patient", "--file", "go"]).current_dir(&folder).env("NO_COLOR", "1");
    let mut terminal = Terminal::run(command, 80, 24);
    terminal.wait_for("1 running");
    terminal.tell(Signal::INT);
    terminal.wait_for("stopping: 1 task has up to 30 s to end · ctrl-c again to abort");
    terminal.tell(Signal::INT);
    let shown = terminal.end();
    assert_clean(&shown);
    let text = shown.lines.join("\n");
    assert_eq!(shown.status.code(), Some(130), "{text}");
    assert!(text.contains("Suspended after") && text.contains("stopped by SIGINT"), "{text}");
}

#[test]
fn a_panic_is_told_and_leaves_the_terminal_clean() {
    let (shown, _) = CHAT.run(80, 24, "panic");
    assert_clean(&shown);
    assert_eq!(shown.status.code(), Some(101));
    let text = shown.lines.join("\n");
    assert!(text.contains("chatty was told to panic"), "{text}");
    assert!((0..4).all(|k| of_talker(&shown.lines, k).len() == 30), "{text}");
}

#[test]
fn a_panic_in_a_task_is_told_above_what_is_drawn_and_again_at_the_end() {
    let (shown, caught) = CHAT.run(80, 24, "task-panic");
    assert_clean(&shown);
    let text = shown.lines.join("\n");
    assert!(caught.iter().any(|line| line.contains("talker 0 was told to panic")), "{caught:#?}");
    let told = shown.lines.iter().filter(|line| line.contains("talker 0 was told to panic"));
    assert!(told.count() >= 2, "{text}");
    assert!(text.contains("✗ talk[0] failed") && text.contains("Failed in"), "{text}");
}

/// Nothing runs any more in such a process, so its picture stays; and what it prints in the last moment may be lost.
#[test]
fn a_process_that_ends_in_a_task_leaves_a_terminal_that_works_and_what_it_had_printed() {
    for how in ["exit", "abort", "kill"] {
        let waiting = Waiting::begin(if how == "kill" { "linger" } else { how }, 80);
        match how {
            "kill" => waiting.terminal.tell(Signal::KILL),
            _ => waiting.go_on(),
        }
        let Waiting { terminal, folder: _folder } = waiting;
        let shown = terminal.end();
        let bytes = String::from_utf8_lossy(&shown.bytes);
        assert!(!bytes.contains("\u{1b}[?25l"), "the cursor was hidden");
        assert_eq!(bytes.matches("\u{1b}[?2026h").count(), bytes.matches("\u{1b}[?2026l").count(), "{how}");
        assert_printed(&shown);
        assert!(
            shown.lines.last().is_some_and(|line| line.contains("tasks · ")),
            "{how}: {:#?}",
            shown.lines
        );
        match how {
            "exit" => assert_eq!(shown.status.code(), Some(3)),
            "abort" => assert_eq!(shown.status.signal(), Some(Signal::ABORT.as_raw())),
            _ => assert_eq!(shown.status.signal(), Some(Signal::KILL.as_raw())),
        }
    }
}
