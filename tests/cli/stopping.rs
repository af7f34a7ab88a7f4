//! A run is stopped: by a signal, or from another process.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::Shell;

struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    /// Waits until the first task has ended, so that readers of the store see the run.
    fn start(shell: &Shell) -> Self {
        let mut child = shell
            .command("run endless --output json")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut started = 0;
        while started < 2 {
            let mut line = String::new();
            assert_ne!(out.read_line(&mut line).unwrap(), 0, "the program ended");
            started += usize::from(line.contains("\"task.started\""));
        }
        Self { child, out }
    }

    fn tell(&self, signal: &str) {
        let status = Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    fn code(mut self) -> Option<i32> {
        // Read to the end, so that nothing blocks.
        assert!(self.out.lines().all(|line| line.is_ok()));
        self.child.wait().unwrap().code()
    }
}

#[test]
fn a_signal_puts_the_run_aside_with_a_code_of_its_own() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let shell = Shell::new();
        let running = Running::start(&shell);
        running.tell(signal);
        assert_eq!(running.code(), Some(code), "{signal}");
        let run = shell.call("show --output json").ok().line("run");
        assert_eq!(run["state"], "suspended", "{signal}");
    }
}

/// A run whose only task waits for a file, and what is printed about it.
struct Patient<'s> {
    shell: &'s Shell,
    child: Child,
    lines: Box<dyn Iterator<Item = String>>,
}

impl<'s> Patient<'s> {
    fn start(shell: &'s Shell, options: &str, begun: &str) -> Self {
        Self::start_with(shell, &[], options, begun)
    }

    fn start_with(shell: &'s Shell, variables: &[(&str, &str)], options: &str, begun: &str) -> Self {
        let mut child = shell
            .command(&format!("run patient --file go {options}"))
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let told: Box<dyn Read> = if options.contains("json") { Box::new(out) } else { Box::new(err) };
        let mut lines = BufReader::new(told).lines().map(Result::unwrap);
        assert!(lines.any(|line| line.contains(begun)), "the task runs");
        Self { shell, child, lines: Box::new(lines) }
    }

    fn tell(&self, signal: &str) {
        let status = Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// The next line, which comes while the task still waits.
    fn line(&mut self) -> String {
        self.lines.next().unwrap()
    }

    fn go(&self) {
        self.shell.write("go", "");
    }

    fn code(mut self) -> Option<i32> {
        self.lines.for_each(drop);
        self.child.wait().unwrap().code()
    }
}

#[test]
fn a_signal_is_answered_before_what_runs_has_ended_and_a_run_that_ends_in_time_is_done() {
    let shell = Shell::new();
    let mut patient = Patient::start(&shell, "", " start   patient");
    wait_until_it_runs(&shell);
    patient.tell("TERM");
    let line = patient.line();
    let words = "Z stopping by SIGTERM: 1 task has up to 30 s to end; once more to abort";
    assert!(line.ends_with(words), "{line}");
    patient.go();
    assert_eq!(patient.code(), Some(0));
}

#[test]
fn a_signal_is_a_line_of_json_and_a_second_one_does_not_wait() {
    let shell = Shell::new();
    let mut patient = Patient::start(&shell, "--output json", "\"task.started\"");
    patient.tell("INT");
    let line: serde_json::Value = serde_json::from_str(&patient.line()).unwrap();
    assert_eq!(line["t"], "run.stopping", "{line}");
    assert_eq!((&line["flow"], &line["signal"]), (&"patient".into(), &"SIGINT".into()), "{line}");
    assert_eq!((&line["running"], &line["within_ms"]), (&1.into(), &30_000.into()), "{line}");
    patient.tell("INT");
    let line: serde_json::Value = serde_json::from_str(&patient.line()).unwrap();
    assert_eq!((&line["t"], &line["within_ms"]), (&"run.stopping".into(), &0.into()), "{line}");
    assert_eq!(patient.code(), Some(130));
    assert_eq!(shell.call("show --output json").ok().line("run")["state"], "suspended");
}

#[test]
fn how_long_what_runs_may_take_to_end_is_said_by_a_variable_or_else_by_the_file() {
    let shell = Shell::new();
    shell.write("flowkit.toml", "stop_grace = \"90s\"");
    let stopping = |variables: &[(&str, &str)]| {
        let mut patient = Patient::start_with(&shell, variables, "--output json", "\"task.started\"");
        patient.tell("TERM");
        let line: serde_json::Value = serde_json::from_str(&patient.line()).unwrap();
        patient.tell("TERM");
        assert_eq!(patient.code(), Some(143));
        line["within_ms"].clone()
    };
    assert_eq!(stopping(&[]), 90_000);
    assert_eq!(stopping(&[("FLOWKIT_STOP_GRACE", "1m 5s")]), 65_000);
    let refused = shell.call_with(&[("FLOWKIT_STOP_GRACE", "soon")], "run patient --file go");
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.err.contains("`FLOWKIT_STOP_GRACE` is a length of time"), "{refused:?}");
    let told = shell.call_with(&[("FLOWKIT_STOP_GRACE", "5s")], "doctor").ok();
    assert!(told.out.contains("stop_grace: 5s (FLOWKIT_STOP_GRACE)"), "{told:?}");
}

/// Line output does not report that a task has started.
fn wait_until_it_runs(shell: &Shell) {
    let runs = || {
        let shown = shell.call("show --output json");
        // The run may not be in the database yet.
        shown.code == Some(0)
            && shown.lines().iter().any(|line| line["t"] == "task_run" && line["state"] == "running")
    };
    while !runs() {
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn how_to_go_on_is_told_once() {
    let shell = Shell::new();
    let mut child = shell.command("run endless").stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains(" ok ")), "a task has ended");
    let status = Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status();
    assert!(status.unwrap().success());
    let rest: Vec<String> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(rest.last().map(String::as_str), Some("stopped by SIGINT"), "{rest:?}");
    assert_eq!(rest.iter().filter(|line| line.contains("pipeline resume ")).count(), 1, "{rest:?}");
}

#[test]
fn a_run_is_cancelled_from_another_process() {
    let shell = Shell::new();
    let running = Running::start(&shell);
    let preview = shell.call("resume --dry-run");
    assert!(preview.code == Some(2) && preview.err.contains("a process is running it"), "{preview:?}");
    let told = shell.call("cancel").ok();
    assert!(told.out.contains("is being cancelled"), "{told:?}");
    let watched = shell.call("watch");
    assert_eq!(watched.code, Some(1), "{watched:?}");
    // The flow, or also the task that was running.
    assert!(watched.out.to_lowercase().contains("cancelled"), "{watched:?}");
    assert_eq!(running.code(), Some(1));
}
