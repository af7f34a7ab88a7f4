//! A run is stopped: by a signal, or from another process.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::Shell;

struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    /// Waits until the first task has ended, so that the run is known to whoever looks.
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
    assert_eq!(rest.last().map(String::as_str), Some("told to stop by SIGINT"), "{rest:?}");
    assert_eq!(rest.iter().filter(|line| line.contains("pipeline resume ")).count(), 1, "{rest:?}");
}

#[test]
fn a_run_is_cancelled_from_another_process() {
    let shell = Shell::new();
    let running = Running::start(&shell);
    let preview = shell.call("resume --dry-run");
    assert!(preview.code == Some(2) && preview.err.contains("somebody runs it"), "{preview:?}");
    let told = shell.call("cancel").ok();
    assert!(told.out.contains("was told to stop"), "{told:?}");
    let watched = shell.call("watch");
    assert_eq!(watched.code, Some(1), "{watched:?}");
    assert!(watched.out.contains("cancelled"), "{watched:?}");
    assert_eq!(running.code(), Some(1));
}
