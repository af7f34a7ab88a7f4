//! A program under cron: without a terminal, every line that is printed is a mail.

use super::Shell;

#[test]
fn fifty_quiet_runs_in_a_row_print_nothing_if_they_go_well_and_at_most_15_lines_if_not() {
    let shell = Shell::of_a_cron_job();
    for night in 0..50 {
        let fails = night % 5 == 4;
        let answer = shell.call(&format!("run nightly --quiet --fails={fails} --rows 30"));
        assert_eq!(answer.out, "", "night {night}");
        if !fails {
            assert_eq!((answer.code, answer.err.as_str()), (Some(0), ""), "night {night}");
            continue;
        }
        assert_eq!(answer.code, Some(1), "{answer:?}");
        let lines: Vec<&str> = answer.err.lines().collect();
        assert!((4..=15).contains(&lines.len()), "{}", answer.err);
        // What failed, why, where, and how to continue.
        assert!(answer.err.contains("] failed (attempt 2 of 2)\n"), "{}", answer.err);
        assert!(answer.err.contains(" is refused: the disk is full\n"), "{}", answer.err);
        assert!(answer.err.contains("programs/cron.rs:"), "{}", answer.err);
        let resume = lines.last().and_then(|line| line.split_once("cron resume "));
        let (_, run) = resume.unwrap_or_else(|| panic!("{}", answer.err));
        let log = shell.call(&format!("logs {run}")).ok().out;
        for printed in ["out 0", "err 2", "child out", "child err", "no line break", "rows are loaded"] {
            assert_eq!(log.matches(printed).count(), 1, "{printed}: {log}");
        }
    }
    let log = shell.call("logs last~1").ok().out;
    assert!(log.contains("out 2") && log.contains("no line break"), "of a run that went well: {log}");
}

#[test]
fn a_quiet_flow_that_completes_despite_failures_does_not_keep_them_to_itself() {
    let shell = Shell::new();
    let answer = shell.call("run colourful --quiet").ok();
    assert!(answer.err.contains("Finished in") && answer.err.contains("with 1 failure"), "{answer:?}");
    assert!(answer.err.lines().count() <= 15 && answer.out.is_empty(), "{answer:?}");
}

#[test]
fn quiet_is_for_people_and_json_for_programs() {
    let shell = Shell::new();
    let refused = shell.call("run etl --quiet --output json");
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("leave out one of them"), "{refused:?}");
    assert_eq!(shell.call("run etl --quiet --log-level warn").code, Some(2));
}
