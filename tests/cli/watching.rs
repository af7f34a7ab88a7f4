//! `watch` prints what `run` prints: there is one form for an event, whoever saw it.

use super::Shell;

/// The events that were printed, as text and in order.
fn events(out: &str) -> Vec<&str> {
    out.lines().filter(|line| !line.contains("\"t\":\"run.result\"")).collect()
}

/// The same where several runs tell at the same time: each of them in order, but not one against the other.
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
    // The database is there, and the run in it.
    while shell.call("show").code != Some(0) {}
    let watching = shell.command("watch --output json").stdout(std::process::Stdio::piped()).spawn().unwrap();
    shell.call("cancel").ok();
    let ran = String::from_utf8(program.wait_with_output().unwrap().stdout).unwrap();
    let watched = String::from_utf8(watching.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(events(&watched), events(&ran));
    assert!(ran.contains("run.cancelling") && ran.contains("\"state\":\"cancelled\""), "{ran}");
}
