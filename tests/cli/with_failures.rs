//! A flow that continued after failures, and completed: every output that shows how it ended says so.

use super::Shell;

#[test]
fn a_run_that_completed_with_failures_has_its_own_word_and_glyph_everywhere() {
    let shell = Shell::new();
    let ran = shell.call("run colourful --output json").ok();
    let result = ran.line("run.result");
    assert_eq!(
        (&result["outcome"], &result["failures"]),
        (&"completed_with_failures".into(), &1.into()),
        "{ran:?}"
    );
    assert_eq!(ran.line("run.finished")["outcome"], "completed_with_failures");
    let word = "! Completed with 1 failure";
    let runs = shell.call("runs").ok().out;
    assert!(runs.contains(word), "{runs}");
    let show = shell.call("show").ok().out;
    assert!(
        show.starts_with("! ")
            && show.contains("Completed with 1 failure")
            && !show.contains("\u{2713} colourful"),
        "{show}"
    );
    assert!(show.contains(" with 1 failure: "), "{show}");
    let list = shell.call("list").ok().out;
    assert!(list.contains(word), "{list}");
    let dry = shell.call("run colourful --dry-run").ok().out;
    assert!(dry.contains("(Completed with 1 failure in "), "{dry}");
    for typed in ["show --output json", "runs --output json", "db export"] {
        let run = shell.call(typed).ok().line("run");
        assert_eq!(run["state"], "completed", "{typed}: {run}");
        assert_eq!(
            (&run["outcome"], &run["failures"]),
            (&"completed_with_failures".into(), &1.into()),
            "{typed}: {run}"
        );
    }
    let told = shell.call("run colourful").ok().err;
    assert!(told.contains("FINISHED  colourful") && told.contains("1 failure"), "{told}");
    let watched = shell.call("watch --output json").ok();
    assert_eq!(watched.line("run.finished")["outcome"], "completed_with_failures");
}

#[test]
fn a_run_that_completed_without_failures_says_nothing_of_them() {
    let shell = Shell::new();
    let ran = shell.call("run etl --rows 1 --output json").ok();
    assert_eq!(ran.line("run.result")["outcome"], serde_json::Value::Null);
    assert!(!shell.call("runs").ok().out.contains("failure"));
    let run = shell.call("show --output json").ok().line("run");
    assert_eq!((&run["outcome"], &run["failures"]), (&serde_json::Value::Null, &0.into()));
}

#[test]
fn runs_are_chosen_by_how_many_of_their_task_runs_failed() {
    let shell = Shell::new();
    shell.call("run colourful").ok();
    shell.call("run etl --rows 1").ok();
    shell.call("run fragile --file nope.txt");
    let chosen = |filter: &str| {
        let lines = shell.call(&format!("runs {filter} --output json")).ok().lines();
        lines.iter().map(|run| run["flow"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(chosen("state:completed failures:>0"), ["colourful"]);
    assert_eq!(chosen("failures:0"), ["etl"]);
    assert_eq!(chosen("failures:>=1"), ["fragile", "colourful"]);
    let wrong = shell.call("runs failures:many");
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.err.contains("such as `>0`"), "{wrong:?}");
}

#[test]
fn what_failed_in_a_sub_flow_that_completed_is_a_failure_of_the_run_around_it() {
    let shell = Shell::new();
    shell.call("run outer_colourful").ok();
    let run = shell.call("show --output json").ok().line("run");
    assert_eq!((&run["flow"], &run["failures"]), (&"outer_colourful".into(), &1.into()));
    let show = shell.call("show").ok().out;
    assert!(show.contains("Completed with 1 failure") && show.contains(" with 1 failure: "), "{show}");
    assert_eq!(shell.call("run outer_colourful --fail-on-any-task").code, Some(1));
}

#[test]
fn any_task_run_that_fails_can_be_asked_to_fail_the_program() {
    let shell = Shell::new();
    let failed = shell.call("run colourful --fail-on-any-task");
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(
        failed.err.contains("error: 1 task run failed, and `--fail-on-any-task` asks for none"),
        "{failed:?}"
    );
    assert_eq!(shell.call("resume --fail-on-any-task").code, Some(1));
    assert_eq!(shell.call("resume").code, Some(0));
    assert_eq!(shell.call("run etl --rows 1 --fail-on-any-task").code, Some(0));
    assert_eq!(shell.call("run fragile --file nope.txt --fail-on-any-task").code, Some(1));
}
