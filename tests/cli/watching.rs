//! `watch` prints what `run` prints: there is one form for an event, of any process.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::{Answer, Shell};

/// The events that were printed, as text and in order.
fn events(out: &str) -> Vec<&str> {
    out.lines().filter(|line| !line.contains("\"t\":\"run.result\"")).collect()
}

/// The same if several runs report at the same time: each of them in order, but not relative to each other.
fn sorted(mut events: Vec<&str>) -> Vec<&str> {
    events.sort_unstable();
    events
}

#[test]
fn the_lines_of_watch_are_those_of_run() {
    for typed in ["run etl --rows 3", "run etl --rows 0", "run fragile --file nope.txt", "run colourful"] {
        let shell = Shell::new();
        let ran = shell.call(&format!("{typed} --output json"));
        let watched = shell.call("watch --output json");
        assert_eq!(events(&watched.out), events(&ran.out), "{typed}");
        assert!(!watched.out.is_empty() && watched.err.is_empty(), "{typed}: {watched:?}");
        assert_eq!(watched.code, ran.code, "{typed}");
    }
}

#[test]
fn the_lines_of_sub_flows_are_there_too_and_those_of_every_process_that_went_on() {
    let shell = Shell::new();
    let mut ran = shell.call("run nested --file data.txt --output json").out;
    ran += &shell.call("retry --output json").out;
    shell.write("data.txt", "");
    ran += &shell.call("resume --output json").ok().out;
    ran += &shell.call("rerun --from quadruple --output json").ok().out;
    let watched = shell.call("watch --output json").ok();
    assert_eq!(sorted(events(&watched.out)), sorted(events(&ran)));
    assert!(watched.out.contains(r#""path":"fragile","task":"load""#), "{watched:?}");
    assert_eq!(watched.out.matches("run.finished").count(), 4);
    let text = shell.call("watch").ok().out;
    assert!(text.contains("fragile › load"), "{text}");
}

#[test]
fn of_a_secret_the_lines_say_that_there_is_one() {
    let shell = Shell::new();
    shell.write("data.txt", "");
    let typed = "run enter --account '{\"user\":\"ida\",\"token\":\"horse\"}' --file data.txt --output json";
    let ran = shell.call(typed).ok();
    let watched = shell.call("watch --output json").ok();
    assert_eq!(events(&watched.out), events(&ran.out));
    assert_eq!(
        ran.line("run.started")["params"]["account"],
        serde_json::json!({ "user": "ida", "token": "***" })
    );
}

#[test]
fn a_run_that_is_watched_while_it_goes_on_is_told_the_same() {
    let shell = Shell::new();
    let program = shell
        .command("run endless --output json")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // The database exists, with the run in it.
    while shell.call("show").code != Some(0) {}
    let watching = shell.command("watch --output json").stdout(std::process::Stdio::piped()).spawn().unwrap();
    shell.call("cancel").ok();
    let ran = String::from_utf8(program.wait_with_output().unwrap().stdout).unwrap();
    let watched = String::from_utf8(watching.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(events(&watched), events(&ran));
    assert!(ran.contains("run.cancelling") && ran.contains("\"state\":\"cancelled\""), "{ran}");
}

/// A program that is called with these words and keeps running. Its output is read line by line.
fn begun(shell: &Shell, typed: &str) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut command = shell.command(typed);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

fn tell(child: &Child, signal: &str) {
    assert!(Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap().success());
}

/// A follower that is stopped while its run ends and is removed, and what it prints when it continues.
fn outlived(typed: &str) -> (Shell, Answer) {
    let shell = Shell::new();
    let (mut program, _) = begun(&shell, "run staged --first 1 --second 2");
    // It has logged something, and waits.
    while !shell.call("logs").out.contains("early it is") {}
    let (follower, mut lines) = begun(&shell, typed);
    let first = lines.next().unwrap().unwrap();
    assert!(!first.is_empty());
    tell(&follower, "STOP");
    shell.call("cancel").ok();
    program.wait().unwrap();
    let removed = shell.call("db gc --older-than 0s").ok();
    assert!(removed.out.starts_with("removed 1 run"), "{removed:?}");
    tell(&follower, "CONT");
    let rest: Vec<_> = lines.map(Result::unwrap).collect();
    let ended = follower.wait_with_output().unwrap();
    let err = String::from_utf8(ended.stderr).unwrap();
    (shell, Answer { code: ended.status.code(), out: rest.join("\n"), err })
}

#[test]
fn a_follower_ends_with_a_line_when_its_run_is_removed() {
    for typed in ["watch", "logs last -f", "logs last early -f"] {
        let (_, said) = outlived(typed);
        assert_eq!(said.code, Some(1), "{typed}: {said:?}");
        assert!(said.err.contains("was removed from the database"), "{typed}: {said:?}");
    }
    for typed in ["watch --output json", "logs last -f --output json"] {
        let (_, said) = outlived(typed);
        assert_eq!(said.code, Some(1), "{typed}: {said:?}");
        assert_eq!(said.lines().last().unwrap()["t"], "run.removed", "{typed}: {said:?}");
    }
}

#[test]
fn logs_follow_the_task_runs_of_a_task_that_begin_later() {
    let shell = Shell::new();
    let (mut program, _) = begun(&shell, "run staged --first 1 --second 2");
    while !shell.call("logs").out.contains("early it is") {}
    // None of its task runs has begun.
    let (mut follower, mut lines) = begun(&shell, "logs last late -f");
    for file in ["1", "2"] {
        shell.write(file, "");
        let line = lines.next().unwrap().unwrap();
        assert!(line.contains("late: late it is"), "{line}");
    }
    assert!(lines.next().is_none(), "nothing of other tasks");
    assert!(program.wait().unwrap().success() && follower.wait().unwrap().success());
    let all = shell.call("logs last late").ok();
    assert_eq!(all.out.lines().count(), 2, "{all:?}");
    assert_eq!(shell.call("logs last").ok().out.lines().count(), 3);
}

#[test]
fn logs_of_a_task_that_never_comes_say_so_when_the_run_is_over() {
    let shell = Shell::new();
    let (mut program, _) = begun(&shell, "run staged --first 1 --second 2");
    while !shell.call("logs").out.contains("early it is") {}
    let (follower, _) = begun(&shell, "logs last lade -f");
    shell.call("cancel").ok();
    program.wait().unwrap();
    let ended = Answer::of(follower.wait_with_output().unwrap());
    assert!(ended.code == Some(2) && ended.err.contains("has no task `lade`"), "{ended:?}");
}

#[test]
fn a_follower_hears_of_the_death_of_the_process() {
    for typed in ["watch", "logs last -f"] {
        let shell = Shell::new();
        let (mut program, _) = begun(&shell, "run staged --first 1 --second 2");
        while !shell.call("logs").out.contains("early it is") {}
        let (mut follower, mut lines) = begun(&shell, typed);
        lines.next().unwrap().unwrap();
        program.kill().unwrap();
        program.wait().unwrap();
        // It would wait for ever.
        let code = follower.wait().unwrap().code();
        assert_eq!(code, Some(if typed == "watch" { 1 } else { 0 }), "{typed}");
    }
}
