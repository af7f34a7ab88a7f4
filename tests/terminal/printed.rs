//! What a program prints while it is drawn: nothing of it is lost or mangled, and nothing of what is drawn stays.

use std::fs;
use std::process::Command;

use crate::emulator::{Shown, Terminal};
use crate::words;
use proptest::prelude::*;

pub(crate) struct Chat {
    pub(crate) seed: u64,
    pub(crate) talkers: u64,
    pub(crate) lines: u64,
}

impl Chat {
    pub(crate) fn command(&self, folder: &tempfile::TempDir, how: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatty"));
        let numbers = [self.seed, self.talkers, self.lines].map(|number| number.to_string());
        command.args(numbers).arg(folder.path().join("caught")).arg(how);
        command
    }

    pub(crate) fn run(&self, columns: u16, rows: u16, how: &str) -> (Shown, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let shown = Terminal::run(self.command(&folder, how), columns, rows).end();
        let caught = fs::read_to_string(folder.path().join("caught")).unwrap();
        (shown, caught.lines().map(str::to_owned).collect())
    }

    /// The lines that talker `k` prints, as they read.
    pub(crate) fn of(&self, k: u64) -> Vec<String> {
        (0..self.lines).map(|n| words::line(self.seed, k, n).1).collect()
    }
}

/// Returns the lines of talker `k` in the order in which they appear.
pub(crate) fn of_talker(lines: &[String], k: u64) -> Vec<String> {
    let start = format!("<{k}.");
    lines.iter().filter(|line| line.starts_with(&start)).cloned().collect()
}

pub(crate) fn assert_clean(shown: &Shown) {
    let text = shown.lines.join("\n");
    assert!(!text.contains("ctrl-c ") && !text.contains("───"), "a frame was left:\n{text}");
    let bytes = String::from_utf8_lossy(&shown.bytes);
    assert!(!bytes.contains("\u{1b}[?25l"), "the cursor was hidden");
    assert_eq!(bytes.matches("\u{1b}[?2026h").count(), bytes.matches("\u{1b}[?2026l").count());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) })]

    #[test]
    fn no_line_of_the_program_is_lost_or_mangled_and_no_frame_stays(
        seed in any::<u32>(),
        talkers in 1u64..7,
        lines in 0u64..40,
        columns in 20u16..130,
        rows in 3u16..40,
    ) {
        let chat = Chat { seed: seed.into(), talkers, lines };
        let (shown, caught) = chat.run(columns, rows, "");
        assert_clean(&shown);
        prop_assert!(shown.status.success());
        let mut count = 0;
        for k in 0..talkers {
            let seen = of_talker(&shown.lines, k);
            prop_assert_eq!(&seen, &chat.of(k), "{}", shown.lines.join("\n"));
            count += seen.len();
        }
        // No other line has anything of theirs in it.
        prop_assert_eq!(shown.lines.iter().filter(|line| line.contains(['<', '>', '|'])).count(), count);
        // What was caught went to the log as well; what was written to `flowkit::stderr` did not go through the terminal.
        let logged = caught.iter().filter(|line| line.starts_with('<')).count();
        prop_assert!(logged <= count && logged + usize::try_from(talkers).unwrap() >= count);
        for line in caught.iter().filter(|line| line.starts_with('<')) {
            prop_assert!(shown.lines.contains(line), "{}", line);
        }
        prop_assert_eq!(shown.lines.last().map(String::as_str), Some("after the end"));
        let at = |text: &str| shown.lines.iter().position(|line| line.contains(text));
        prop_assert!(at("no line break here").unwrap() < at("Finished in").unwrap());
    }
}

pub(crate) const CHAT: Chat = Chat { seed: 7, talkers: 4, lines: 30 };

#[test]
fn the_program_still_sees_a_terminal_and_is_drawn_while_it_runs() {
    let (shown, caught) = CHAT.run(100, 30, "");
    assert_eq!(caught[0], "stdout is a terminal: true");
    assert!(caught.contains(&"sum: 120".to_owned()), "{caught:#?}");
    assert_eq!(caught.last().map(String::as_str), Some("no line break here"));
    let bytes = String::from_utf8_lossy(&shown.bytes);
    assert!(bytes.contains("ctrl-c to stop") && bytes.contains("◐"), "it was never drawn: {bytes}");
    let text = shown.lines.join("\n");
    assert!(text.contains("↻ talk[1]") && text.contains("attempt 1/2 failed"), "{text}");
    let tree = shown.lines.iter().find(|line| line.contains("✓ talk ×4"));
    assert!(tree.is_some_and(|line| line.ends_with("   → talk (markdown)")), "{text}");
}

#[test]
fn a_program_that_prints_without_end_has_to_wait_and_loses_nothing() {
    let chat = Chat { seed: 3, talkers: 3, lines: 3000 };
    let (shown, caught) = chat.run(100, 30, "flood");
    assert_clean(&shown);
    for k in 0..3 {
        assert!(of_talker(&shown.lines, k) == chat.of(k), "lines of {k} are lost or mangled");
        assert!(of_talker(&caught, k) == chat.of(k), "lines of {k} did not reach the log");
    }
}

#[test]
fn with_plain_progress_nothing_is_drawn_and_nothing_is_caught() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = CHAT.command(&folder, "");
    command.env("FLOWKIT_PROGRESS", "plain");
    let mut terminal = Terminal::run(command, 80, 24);
    terminal.wait_for("after the end");
    let shown = terminal.end();
    assert_eq!(fs::read_to_string(folder.path().join("caught")).unwrap(), "");
    assert!(!String::from_utf8_lossy(&shown.bytes).contains("?2026"));
    assert!(shown.lines.iter().any(|line| line.contains(" OK  talks  ")), "{:#?}", shown.lines);
}

#[test]
fn nothing_is_drawn_on_a_terminal_to_which_the_reader_of_a_pipe_writes() {
    for (typed, is_drawn) in [("\"$0\" run etl | cat", false), ("\"$0\" run etl > out", true)] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", typed, env!("CARGO_BIN_EXE_pipeline")]).current_dir(&folder);
        let shown = Terminal::run(command, 80, 24).end();
        assert!(shown.status.success());
        assert_eq!(String::from_utf8_lossy(&shown.bytes).contains("?2026"), is_drawn, "{typed}");
        let text = shown.lines.join("\n");
        assert_eq!(text.contains(" OK  etl  "), !is_drawn, "{text}");
    }
}

#[test]
fn a_reader_of_json_lines_gets_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let output = CHAT.command(&folder, "json").output().unwrap();
    let (stdout, stderr) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let (lines, after) = stdout.split_once("after the end").unwrap();
    assert_eq!(after, "\n", "the program has its output back");
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.first().unwrap()["t"], "run.created");
    assert_eq!(lines.last().unwrap()["t"], "run.finished");
    assert_eq!(lines.last().unwrap()["counts"]["tasks"], 4);
    let printed: Vec<String> = stderr.lines().map(str::to_owned).collect();
    assert!((0..4).all(|k| printed.iter().filter(|line| line.starts_with(&format!("<{k}."))).count() == 30));
}
