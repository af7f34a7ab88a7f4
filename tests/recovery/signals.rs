//! R44: a program that gets a signal to stop suspends its runs, exits with the code that says so, and resumes later.

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use flowkit::State;
use flowkit::store::{FlowRunFilter, History, SqliteStore};

struct Program {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Program {
    fn start(folder: &Path, tasks: u64, milliseconds: u64, rest: &[&str]) -> Self {
        Self::of(Self::command(folder, tasks, milliseconds, rest))
    }

    fn command(folder: &Path, tasks: u64, milliseconds: u64, rest: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_signalled"));
        command.arg(folder).args([tasks, milliseconds].map(|number| number.to_string())).args(rest);
        command
    }

    fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut program = Self { child, output };
        program.wait_for("ready");
        program
    }

    fn wait_for(&mut self, line: &str) {
        let mut read = String::new();
        while read.trim_end() != line {
            read.clear();
            assert_ne!(self.output.read_line(&mut read).unwrap(), 0, "the program ended before `{line}`");
        }
    }

    fn tell(&self, signal: &str) {
        let status = Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end; returns the code and what was printed.
    fn ended(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }
}

/// The state of the run; `None` if none has begun.
fn state(folder: &Path) -> Option<State> {
    let store = SqliteStore::open(folder.join("runs.db")).unwrap();
    store.flow_runs(&FlowRunFilter::default(), None, 1).unwrap().runs.first().map(|run| run.state)
}

fn notes(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("notes")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn r44_sigterm_at_fifty_moments_puts_the_run_aside_and_nothing_that_ran_to_its_end_is_done_again() {
    const TASKS: u64 = 60;
    let mut states = HashSet::new();
    for moment in 0..50 {
        let folder = tempfile::tempdir().unwrap();
        let program = Program::start(folder.path(), TASKS, 2, &[]);
        std::thread::sleep(Duration::from_micros(moment * 900));
        program.tell("TERM");
        let (code, said) = program.ended();
        let state_then = state(folder.path());
        match state_then {
            // At the very beginning there is no run yet, and none begins any more.
            None | Some(State::Suspended) => assert_eq!(code, Some(143), "{said}"),
            Some(State::Completed) => assert_eq!(code, Some(0), "{said}"),
            other => panic!("the run is {other:?} after the signal at moment {moment}: {said}"),
        }
        states.insert(state_then);
        // What ran when the signal came had time to end, and its result was persisted.
        let (code, said) = Program::start(folder.path(), TASKS, 2, &[]).ended();
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(&format!("sum {}", TASKS * (TASKS - 1) / 2)), "{said}");
        assert_eq!(state(folder.path()), Some(State::Completed));
        let done = notes(folder.path());
        let different: HashSet<_> = done.iter().collect();
        assert_eq!((done.len(), different.len()), (TASKS as usize, TASKS as usize), "moment {moment}");
    }
    assert!(states.contains(&Some(State::Suspended)), "some signal came in time");
}

#[test]
fn a_second_signal_does_not_wait_for_what_runs() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), 8, 3_600_000, &[]);
    wait_until(|| has_begun(folder.path()));
    program.tell("TERM");
    // Signals that come together have no order.
    program.wait_for("heard");
    program.tell("INT");
    let (code, said) = program.ended();
    assert_eq!(code, Some(143), "{said}");
    assert!(said.contains("stopped by SIGTERM; run"), "{said}");
    assert_eq!(state(folder.path()), Some(State::Suspended));
}

#[test]
fn a_flow_that_begins_when_the_program_has_all_but_ended_is_refused_and_the_code_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Program::command(folder.path(), 1, 1, &["late"]);
    command.env("FLOWKIT_FAILPOINT", "before-last-words:stop");
    let program = Program::of(command);
    program.tell("TERM");
    // It stops itself when nothing is left to suspend, and has a moment to end by itself after that.
    wait_until(|| is_stopped(&program.child));
    fs::write(folder.path().join("go"), "").unwrap();
    program.tell("CONT");
    let (code, said) = program.ended();
    assert_eq!(code, Some(143), "{said}");
    assert!(said.contains("stopped by SIGTERM") && !said.contains("sum"), "{said}");
    assert_eq!(state(folder.path()), None, "no run has begun");
}

/// Whether the shell would show the process as stopped.
fn is_stopped(child: &Child) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    status.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))
}

#[test]
fn sighup_and_ctrl_c_are_heard_too_and_sigpipe_is_not() {
    for (signal, code) in [("HUP", 129), ("INT", 130)] {
        let folder = tempfile::tempdir().unwrap();
        let program = Program::start(folder.path(), 200, 20, &[]);
        wait_until(|| !notes(folder.path()).is_empty());
        program.tell("PIPE");
        program.tell(signal);
        let (exited, said) = program.ended();
        assert_eq!(exited, Some(code), "{said}");
        assert_eq!(state(folder.path()), Some(State::Suspended));
    }
}

#[test]
fn a_signal_after_the_end_of_the_run_changes_nothing_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), 4, 1, &["linger"]);
    program.wait_for("lingers");
    program.tell("TERM");
    let (code, said) = program.ended();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(state(folder.path()), Some(State::Completed));
}

/// Whether tasks run: looked at from outside, as the program has the file open.
fn has_begun(folder: &Path) -> bool {
    let store = SqliteStore::open(folder.join("runs.db")).unwrap();
    let runs = store.flow_runs(&FlowRunFilter::default(), None, 1).unwrap().runs;
    runs.first().is_some_and(|run| {
        store.counts(run.id).unwrap().iter().any(|(state, count)| *state == State::Running && *count == 4)
    })
}

fn wait_until(mut ready: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if ready() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it does not come");
}

/// Runs the program whose tasks have child processes, as the leader of a process group; returns its code and what it printed.
fn struck(folder: &Path, by: Option<&str>) -> (Option<i32>, String) {
    let child = Command::new(env!("CARGO_BIN_EXE_struck"))
        .arg(folder)
        .process_group(0)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    if let Some(signal) = by {
        wait_until(|| notes(folder).len() == 4);
        let group = format!("-{}", child.id());
        assert!(Command::new("kill").args(["-s", signal, "--", &group]).status().unwrap().success());
    }
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_child_process_that_dies_of_the_same_signal_is_no_failure_of_its_task() {
    // Not SIGINT nor SIGHUP: where the tests run in the background, `sleep` ignores them and is not struck.
    for (signal, code) in [("TERM", 143); 5] {
        let folder = tempfile::tempdir().unwrap();
        let (exited, said) = struck(folder.path(), Some(signal));
        assert_eq!(exited, Some(code), "{said}");
        assert!(!said.starts_with("sum"), "what rests on the failures is no result: {said}");
        assert_eq!(state(folder.path()), Some(State::Suspended));

        fs::write(folder.path().join("resumed"), "").unwrap();
        let (exited, said) = struck(folder.path(), None);
        assert_eq!((exited, said.as_str()), (Some(0), "sum 6\n"), "{signal}");
        assert_eq!(state(folder.path()), Some(State::Completed));
        let notes = notes(folder.path());
        assert_eq!(notes.iter().filter(|note| note.starts_with("begun")).count(), 8, "{notes:?}");
        assert!(notes.len() == 8, "no failure was told, and no try was spent on it: {notes:?}");
    }
}

/// Starts the program whose task has a process in its own group; returns it with the id of that process.
fn with_a_command(folder: &Path) -> (Child, String) {
    let child = Command::new(env!("CARGO_BIN_EXE_struck"))
        .arg(folder)
        .arg("command")
        .process_group(0)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until(|| folder.join("process").exists());
    let process = fs::read_to_string(folder.join("process")).unwrap().trim().to_owned();
    (child, process)
}

/// Whether a process exists and is not a zombie: in a container, zombies may never be reaped.
fn is_alive(process: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['Z', 'X']))
}

#[test]
fn a_process_of_a_command_does_not_hear_the_signal_and_has_the_time_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let (child, process) = with_a_command(folder.path());
    let group = format!("-{}", child.id());
    assert!(Command::new("kill").args(["-s", "INT", "--", &group]).status().unwrap().success());
    assert!(is_alive(&process));
    fs::write(folder.path().join("go"), "").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b"went\n"[..]));
}

#[test]
fn the_processes_of_a_program_that_is_killed_or_does_not_wait_are_killed() {
    for signal in ["KILL", "TERM"] {
        let folder = tempfile::tempdir().unwrap();
        let (mut child, process) = with_a_command(folder.path());
        // The second one does not wait, and the third ends the program on the spot.
        wait_until(|| {
            let told = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
            assert!(told.unwrap().success());
            child.try_wait().unwrap().is_some()
        });
        wait_until(|| !is_alive(&process));
    }
}
