//! Artifacts can be listed and read.

use serde_json::json;

use super::Shell;

fn with_a_report() -> Shell {
    let shell = Shell::new();
    shell.call("run reporting").ok();
    shell
}

#[test]
fn artifacts_are_listed_with_who_made_them() {
    let shell = with_a_report();
    let list = shell.call("artifacts").ok();
    assert_eq!(list.out.lines().count(), 5, "the last version of each: {list:?}");
    for expected in
        ["notes    markdown  4 bytes ", "https://example.org/report", "version 2  by report", "by reporting"]
    {
        assert!(list.out.contains(expected), "{expected}\n{list:?}");
    }
    assert!(list.err.contains("`pipeline artifacts ") && list.err.contains(" summary` prints"), "{list:?}");
    assert_eq!(shell.call("artifacts --output json").ok().lines().len(), 6, "all versions");
    shell.call("run etl").ok();
    let none = shell.call("artifacts").ok();
    assert!(none.out.is_empty() && none.err.contains("has left no artifacts"), "{none:?}");
}

#[test]
fn one_artifact_is_printed_whole_as_what_it_is() {
    let shell = with_a_report();
    for (typed, expected) in [
        ("artifacts last summary", "# 4 rows\n"),
        ("artifacts last summary --version 1", "# 3 rows\n\nAll of them.\n"),
        ("artifacts last models", "name    accuracy\nforest  0.5\ntree    0.25\n"),
        ("artifacts last page", "https://example.org/report\n"),
    ] {
        assert_eq!(shell.call(typed).ok().out, expected, "{typed}");
    }
    let table = shell.call("artifacts last models --output json").ok().line("artifact");
    assert_eq!(table["content"][1], json!({ "name": "tree", "accuracy": 0.25 }));
    assert_eq!(
        shell.call("artifacts last page --output json").ok().line("artifact")["content"],
        "https://example.org/report"
    );
    let picture = shell.command("artifacts last plot").output().unwrap();
    assert_eq!(picture.stdout, b"\x89PNG\r\n\x1a\n\0\xff", "not a byte more");
}

#[test]
fn what_is_not_there_or_has_no_form_is_said() {
    let shell = with_a_report();
    for (typed, expected) in [
        ("artifacts last sumary", "has no artifact `sumary`; did you mean `summary`?"),
        ("artifacts last summary --version 3", "has 2 versions of the artifact `summary`"),
        ("artifacts summary", "`summary` is an artifact of the last run, no run; write `last summary`"),
        ("artifacts last plot --output json", "plot > plot`"),
    ] {
        let answer = shell.call(typed);
        assert!(answer.code == Some(2) && answer.out.is_empty(), "{typed}: {answer:?}");
        assert!(answer.err.contains(expected), "{typed}: {answer:?}");
    }
}

#[test]
fn a_task_is_shown_with_what_it_has_left() {
    let shell = with_a_report();
    let shown = shell.call("show last report").ok().out;
    assert!(shown.contains("artifact  summary  markdown  8 bytes") && !shown.contains("notes"), "{shown}");
    let lines = shell.call("show last report --output json").ok().lines();
    assert_eq!(lines.iter().filter(|line| line["t"] == "artifact").count(), 5, "{lines:?}");
}

#[test]
fn those_of_sub_flows_are_there_too() {
    let shell = Shell::new();
    shell.call("run around").ok();
    let list = shell.call("artifacts").ok().out;
    assert!(list.contains("by report, in run ") && list.contains(" of reporting"), "{list}");
    assert_eq!(shell.call("artifacts last page").ok().out, "https://example.org/report\n");
    assert_eq!(shell.call("artifacts last notes").ok().out, "outer\n", "its own comes first");
}
