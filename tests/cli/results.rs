//! The results of tasks can be looked at.

use super::Shell;

#[test]
fn the_result_of_a_task_is_printed_as_json_and_that_of_the_flow_without_a_task() {
    let shell = Shell::new();
    shell.call("run etl --rows 2").ok();
    assert_eq!(shell.call("show last extract --result").ok().out, "[1,2]\n");
    assert_eq!(shell.call("show last 'double[1]' --result").ok().out, "4\n");
    assert_eq!(shell.call("show last double --result").ok().out, "double[0]:\n2\ndouble[1]:\n4\n");
    assert_eq!(shell.call("show --result").ok().out, "6\n");
    let line = shell.call("show last total --result --output json").ok().line("result");
    assert_eq!((&line["label"], &line["value"]), (&"total".into(), &6.into()));
}

#[test]
fn a_result_shows_no_text_that_is_named_like_a_secret_and_is_found_in_sub_flows() {
    let shell = Shell::new();
    shell.call("run season").ok();
    let score = shell.call("show last 'scoring › score of forest' --result").ok().out;
    assert_eq!(score, "{\"model\":\"forest\",\"password\":\"***\",\"bytes\":[1,2]}\n");
    assert_eq!(shell.call("show last scoring --result").ok().out, "0.5\n");
}

#[test]
fn where_there_is_no_result_the_reason_is_said() {
    let shell = Shell::new();
    shell.call("run season").ok();
    let never = shell.call("show last passing --result");
    assert!(
        never.code == Some(2) && never.err.contains("no result of `passing`; it is not persisted"),
        "{never:?}"
    );
    shell.call("run fragile --file none.txt");
    let failed = shell.call("show last load --result");
    assert!(failed.code == Some(2) && failed.err.contains("no result of `load`; it is Failed"), "{failed:?}");
    let flow = shell.call("show --result");
    assert!(flow.code == Some(2) && flow.err.contains("no result of `fragile`; it is Failed"), "{flow:?}");
}
