//! R44: a program that is told to stop puts its runs aside, exits with the code that says so, and goes on later.

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
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
        let mut child = Command::new(env!("CARGO_BIN_EXE_signalled"))
            .arg(folder)
            .args([tasks, milliseconds].map(|number| number.to_string()))
            .args(rest)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
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

    /// Waits for the end; gives the code and what was printed.
    fn ended(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }
}

/// Where the run stands; `None` if none has begun.
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
            // At the very beginning there is no run yet, and none is begun any more.
            None | Some(State::Suspended) => assert_eq!(code, Some(143), "{said}"),
            Some(State::Completed) => assert_eq!(code, Some(0), "{said}"),
            other => panic!("the run is {other:?} after the signal at moment {moment}: {said}"),
        }
        states.insert(state_then);
        // What ran when the signal came had time to end, and its result was kept.
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
    assert!(said.contains("told to stop by SIGTERM; run"), "{said}");
    assert_eq!(state(folder.path()), Some(State::Suspended));
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
