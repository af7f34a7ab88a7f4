//! In a program with one flow, its name may be omitted, and all verbs still work.

use super::Shell;

#[test]
fn the_name_of_the_only_flow_may_be_left_out() {
    let shell = Shell::of_one_flow();
    for (typed, value) in [
        ("", "2 all None"),
        ("--rows 3", "3 all None"),
        ("run --rows 3", "3 all None"),
        ("run report --rows 3", "3 all None"),
        ("--rows=3 --only x", "3 x None"),
        // A value that looks like a verb is still a value.
        ("--only show", "2 show None"),
        ("--only run --rows 3", "3 run None"),
        // The parameter comes first, as it does behind `run report`.
        ("--db cancel", "2 all Some(\"cancel\")"),
        ("--db x --rows 3", "3 all Some(\"x\")"),
    ] {
        let ran = shell.call(&format!("{typed} --output json")).ok();
        assert_eq!(ran.line("run.result")["value"], value, "{typed}");
    }
    let before = shell.call("runs --output json").ok().lines().len();
    assert_eq!(before, 9, "all of them are in the usual database");
    shell.call("--flowkit-db other.db").ok();
    assert_eq!(shell.call("runs --db other.db").ok().out.lines().count(), 1);
}

#[test]
fn verbs_are_still_verbs() {
    let shell = Shell::of_one_flow();
    shell.call("--rows 5").ok();
    for (typed, expected) in [
        ("show", "rows  5"),
        ("runs", "Completed"),
        ("list", "last run "),
        ("flows", "How many rows to take"),
        ("--db .flowkit/runs.db runs", "Completed"),
        ("resume --dry-run", "would give its result"),
        ("--help", "--rows <INT>   How many rows to take"),
        ("--help", "  resume   "),
        ("--help", "Usage: single [OPTIONS]\n       single run report [OPTIONS]\n       single <COMMAND>\n"),
        ("help show", "The task runs that took longest"),
        ("run --help", "--rows <INT>"),
        ("run --help", "Usage: single [OPTIONS]\n       single run report [OPTIONS]\n"),
        ("run --help", "`report` is the only flow of this program, so `run report` may be left out"),
        ("--dry-run", "its run "),
        ("--version", concat!("single ", env!("CARGO_PKG_VERSION"), " (flowkit 0.1.0)\n")),
    ] {
        let answer = shell.call(typed).ok();
        assert!(answer.out.contains(expected), "{typed}: {answer:?}");
    }
    assert_eq!(shell.call("runs").ok().out.lines().count(), 1, "none of them has run it");
}

#[test]
fn what_is_no_verb_and_no_flag_is_refused_and_nothing_runs() {
    let shell = Shell::of_one_flow();
    for (typed, expected) in [
        ("rums", "did you mean `runs`?"),
        ("report", "`report` is a flow; write `run report`"),
        ("--rowz 3", "'--rows'"),
        ("--rows show", "a whole number"),
        ("run show", "there is no flow `show`"),
        ("--rows 3 show", "unexpected argument 'show'"),
    ] {
        let answer = shell.call(typed);
        assert_eq!(answer.code, Some(2), "{typed}: {answer:?}");
        assert!(answer.err.contains(expected), "{typed}: {answer:?}");
    }
    assert!(!shell.path().join(".flowkit").exists());
}
