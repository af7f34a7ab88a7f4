//! What a program prints without a terminal: it arrives as without flowkit, and is in the log. And which events of `tracing` are
//! printed.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use super::{Answer, Shell};

/// The lines that the program itself has printed, in order.
fn own_lines(text: &str) -> Vec<&str> {
    let starts = ["out ", "err ", "child "];
    text.lines().filter(|line| starts.iter().any(|start| line.starts_with(start))).collect()
}

#[test]
fn both_streams_get_what_was_printed_to_them_unchanged_and_in_order_and_the_log_has_a_copy() {
    let shell = Shell::of_a_cron_job();
    let answer = shell.call("run nightly").ok();
    assert_eq!(answer.out, "out 0\nout 1\nout 2\nchild out\n\u{1b}[1mno line break\u{1b}[0m");
    assert_eq!(own_lines(&answer.err), ["err 0", "err 1", "err 2", "child err"]);
    // A line of flowkit is below what was printed before its event.
    let at = |words: &str| answer.err.find(words).unwrap_or_else(|| panic!("{words}: {}", answer.err));
    assert!(at("err 2") < at("ok      announce") + answer.err.len() && at("child err") < at("OK  nightly"));
    let log = shell.call("logs").ok().out;
    for printed in ["out 0", "err 0", "out 2", "err 2", "child out", "child err", "no line break"] {
        assert_eq!(log.matches(printed).count(), 1, "{printed}: {log}");
    }
    assert!(!log.contains("OK  nightly") && !log.contains('\u{1b}'), "{log}");
}

#[test]
fn if_both_streams_have_one_target_the_order_of_what_was_printed_stays() {
    let shell = Shell::of_a_cron_job();
    let mut command = Command::new("sh");
    command.args(["-c", "\"$0\" run nightly > all 2>&1", shell.program]).current_dir(shell.path());
    assert!(command.status().unwrap().success());
    let all = std::fs::read_to_string(shell.path().join("all")).unwrap();
    let expected = ["out 0", "err 0", "out 1", "err 1", "out 2", "err 2", "child out", "child err"];
    assert_eq!(own_lines(&all), expected);
    for (printed, event) in [("err 0\n", " ok      announce "), ("child err\n", " ok      by_a_child ")] {
        let (before, after) = (all.find(printed).unwrap(), all.find(event).unwrap());
        assert!(before < after, "{all}");
    }
}

#[test]
fn the_output_of_the_program_is_no_json_and_not_among_it() {
    let shell = Shell::of_a_cron_job();
    let answer = shell.call("run nightly --output json").ok();
    assert_eq!(answer.line("run.result")["value"], 1);
    let expected = ["out 0", "err 0", "out 1", "err 1", "out 2", "err 2", "child out", "child err"];
    assert_eq!(own_lines(&answer.err), expected);
    assert!(shell.call("logs").ok().out.contains("child out"));
    let answer = shell.call("run nightly --output json --log-level info").ok();
    assert!(answer.lines().len() > 5 && answer.err.contains("cron: rows are loaded"), "{answer:?}");
}

#[test]
fn bytes_that_are_no_text_are_passed_on_at_once_so_a_process_that_is_killed_loses_none_of_them() {
    let shell = Shell::of_a_cron_job();
    let mut child =
        shell.command("run patient --file go").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut printed = [0; 19];
    child.stdout.as_mut().unwrap().read_exact(&mut printed).unwrap();
    assert_eq!(&printed, b"\xff\x00binary\nlast line\n");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_reader_that_goes_away_ends_the_program_as_without_a_log() {
    let shell = Shell::of_a_cron_job();
    let code = |variables: &[(&str, &str)]| {
        let mut command = shell.command("run flood --lines 100000");
        command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert_eq!(line, "line 0 of the flood\n");
        drop(out);
        let answer = Answer::of(child.wait_with_output().unwrap());
        assert!(answer.err.contains("Broken pipe"), "{answer:?}");
        answer.code
    };
    assert_eq!(code(&[]), code(&[("FLOWKIT_PROGRESS", "plain")]));
}

#[test]
fn a_slow_reader_gets_all_of_a_flood() {
    let shell = Shell::of_a_cron_job();
    let answer = shell.call("run flood --lines 20000").ok();
    assert_eq!(answer.out.lines().count(), 20_000);
    assert!(answer.out.ends_with("line 19999 of the flood\n"));
}

#[test]
fn with_plain_progress_the_output_is_left_alone() {
    let shell = Shell::of_a_cron_job();
    let answer = shell.call_with(&[("FLOWKIT_PROGRESS", "plain")], "run nightly").ok();
    assert!(answer.out.contains("child out"), "{answer:?}");
    let log = shell.call("logs").ok().out;
    assert!(!log.contains("child out") && log.contains("rows are loaded"), "{log}");
}

#[test]
fn which_events_are_printed_the_flag_says_or_else_the_variable_and_the_database_keeps_its_own() {
    let shell = Shell::of_a_cron_job();
    let has = |answer: &Answer| ["INFO", "DEBUG"].map(|level| answer.err.matches(level).count());
    assert_eq!(has(&shell.call("run nightly").ok()), [0, 0], "by default none is");
    let told = shell.call("run nightly --log-level info").ok();
    assert_eq!(told.err.matches("cron: rows are loaded").count(), 1, "{told:?}");
    let line = told.err.lines().find(|line| line.contains("rows are loaded")).unwrap();
    let run = shell.call("show --output json").ok().line("run")["run"].clone();
    assert!(
        line.ends_with(&format!("INFO    nightly run={} cron: rows are loaded", run.as_str().unwrap())),
        "{line}"
    );
    let log = shell.call("logs").ok().out;
    assert_eq!(log.matches("rows are loaded").count(), 1, "what is printed is not captured: {log}");
    assert!(!log.contains("in detail"), "{log}");

    assert_eq!(log.matches("WARN  nightly: of the crate log").count(), 1, "{log}");
    assert!(told.err.contains(" cron: of the crate log\n"), "{told:?}");

    let told = shell.call_with(&[("RUST_LOG", "cron=debug,flowkit=off")], "run nightly").ok();
    assert_eq!(has(&told), [1, 1], "{told:?}");
    let told = shell.call_with(&[("RUST_LOG", "cron=debug")], "run nightly --log-level off").ok();
    assert_eq!(has(&told), [0, 0], "{told:?}");
    let told = shell.call_with(&[("RUST_LOG", "cron[span]=debug")], "run nightly").ok();
    assert!(told.err.contains("note: `RUST_LOG` is ignored"), "{told:?}");
    let told = shell.call_with(&[("RUST_LOG", "debug")], "run nightly --quiet").ok();
    assert_eq!(told.err, "", "a variable of the whole system makes no run loud");
}
