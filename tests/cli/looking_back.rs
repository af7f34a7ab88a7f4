//! What the other verbs print.

use super::Shell;

fn with_two_runs() -> Shell {
    let shell = Shell::new();
    shell.call("run etl --rows 2 --tag nightly").ok();
    shell.call("run etl --rows 3 --name second").ok();
    shell
}

#[test]
fn runs_are_found_by_filter_and_by_name() {
    let shell = with_two_runs();
    let rows = |typed: &str| {
        let run = shell.call(&format!("{typed} --output json")).ok().line("run");
        run["params"]["rows"].as_u64().unwrap()
    };
    for (typed, expected) in [
        ("show", 3),
        ("show last", 3),
        ("show last~1", 2),
        ("show last:etl~1", 2),
        ("runs tag:nightly", 2),
        ("runs second", 3),
    ] {
        assert_eq!(rows(typed), expected, "{typed}");
    }
    let id = shell.call("show last~1 --output json").ok().line("run")["id"].as_str().unwrap().to_owned();
    assert_eq!(rows(&format!("show {id}")), 2);
    let all = shell.call("runs state:completed flow:etl since:1d").ok();
    assert_eq!(all.out.lines().count(), 2, "{all:?}");
    assert_eq!(shell.call("runs --limit 1").ok().out.lines().count(), 1);
    assert!(shell.call("runs state:failed").ok().out.is_empty());
    assert!(shell.call("runs failed").ok().err.contains("did you mean `state:failed`?"));
    assert!(shell.call("runs echo").ok().err.contains("did you mean `flow:echo`?"));
}

#[test]
fn the_flows_are_listed_with_their_last_runs_where_there_are_some() {
    let shell = Shell::new();
    let none = shell.call("list").ok();
    assert!(!none.out.contains("last run") && none.err.is_empty(), "{none:?}");
    assert!(!shell.path().join(".flowkit").exists(), "no database is made");
    shell.call("run etl").ok();
    shell.call("run fragile --file data.txt");
    let list = shell.call("flows").ok().out;
    let id =
        shell.call("show last:fragile --output json").ok().line("run")["run"].as_str().unwrap().to_owned();
    assert!(list.contains(&format!("    last run {id}  ✗ Failed, ")), "{list}");
    assert_eq!(list.matches("last run").count(), 2, "{list}");
    let lines = shell.call("list --output json").ok().lines();
    assert_eq!(lines[0]["last_run"]["state"], "completed");
    assert_eq!(lines[2]["last_run"]["run"], *id);
    assert!(lines[1].get("last_run").is_none(), "{lines:?}");
    shell.write(".flowkit/runs.db", "this is no database at all, but a text of some length");
    let broken = shell.call("list").ok();
    assert!(broken.out.contains("etl ") && broken.err.contains("not a SQLite database"), "{broken:?}");
}

#[test]
fn a_run_is_shown_with_its_task_runs() {
    let shell = with_two_runs();
    let shown = shell.call("show").ok().out;
    for expected in ["✓ etl (second)", "rows  3", "✓ extract", "✓ double ×3", "✓ total"] {
        assert!(shown.contains(expected), "{expected}\n{shown}");
    }
    assert!(!shown.contains("pipeline show"), "nobody needs to be told who has just typed it: {shown}");
    let task = shell.call("show last 'double[1]'").ok().out;
    assert!(task.starts_with("✓ double[1]  Completed\n  started 20") && task.contains("Z, took "), "{task}");
    let kinds: Vec<_> = shell
        .call("show --output json")
        .ok()
        .lines()
        .iter()
        .map(|line| line["t"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["run", "task_run", "task_run", "task_run", "task_run", "task_run"]);
}

#[test]
fn where_nothing_was_logged_that_is_said() {
    let shell = with_two_runs();
    let logs = shell.call("logs").ok();
    assert!(logs.out.is_empty() && logs.err.contains("has logged nothing of that kind"), "{logs:?}");
    assert!(shell.call("logs --output json").ok().err.is_empty());
}

#[test]
fn the_slowest_task_runs_are_shown_with_their_share_also_those_of_sub_flows() {
    let shell = with_two_runs();
    let shown = shell.call("show --slow").ok().out;
    assert!(shown.starts_with("the slowest 5 of 5 task runs in run "), "{shown}");
    assert!(shown.contains(" %") && shown.contains("✓ double[2]"), "{shown}");
    let two = shell.call("show last --slow 2").ok().out;
    assert!(two.starts_with("the slowest 2 of 5") && two.lines().count() == 3, "{two}");
    let lines = shell.call("show last~1 --slow 3 --output json").ok().lines();
    let took = |line: &serde_json::Value| line["ms"].as_u64().unwrap();
    assert!(lines.len() == 3 && lines.is_sorted_by_key(|line| std::cmp::Reverse(took(line))), "{lines:?}");
    assert!(lines.iter().all(|line| line["share"].as_f64().unwrap() <= 1.0), "{lines:?}");

    shell.write("data.txt", "");
    shell.call("run nested --file data.txt").ok();
    let nested = shell.call("show --slow 100").ok().out;
    assert!(nested.contains("✓ load") && nested.contains("in fragile"), "{nested}");
    assert!(!nested.contains("✓ fragile"), "a sub-flow is no task run: {nested}");
}

#[test]
fn the_lines_of_a_run_are_objects_of_one_form() {
    let shell = Shell::new();
    let answer = shell.call("run etl --rows 1 --output json").ok();
    assert!(answer.err.is_empty(), "{answer:?}");
    let lines = answer.lines();
    assert!(lines.iter().all(|line| line["v"] == 1 && line["run"] == lines[0]["run"]), "{answer:?}");
    let kinds: Vec<_> = lines.iter().map(|line| line["t"].as_str().unwrap()).collect();
    assert_eq!(kinds.first(), Some(&"run.created"));
    assert_eq!(kinds[kinds.len() - 2..], ["run.finished", "run.result"]);
}

#[test]
fn two_runs_are_laid_side_by_side() {
    let shell = with_two_runs();
    let diff = shell.call("diff last~1 last").ok().out;
    assert!(diff.contains("≠ param rows") && diff.contains("≠ task double"), "{diff}");
    assert!(!diff.contains("state") && !diff.contains("task extract"), "only what differs: {diff}");
    assert_eq!(shell.call("diff").ok().out, diff, "the last two");
    let compared = shell.call("compare last~1 last").ok().out;
    assert!(compared.contains("  state") && compared.contains("≠ param rows  2"), "{compared}");
}

#[test]
fn a_recorded_graph_is_drawn_in_each_form() {
    let shell = with_two_runs();
    for (format, begin) in [
        ("text", "✓ extract"),
        ("mermaid", "flowchart LR"),
        ("dot", "digraph"),
        ("svg", "<svg"),
        ("json", "{"),
    ] {
        for which in ["etl", "last"] {
            let drawn = shell.call(&format!("graph {which} --format {format}")).ok().out;
            assert!(drawn.starts_with(begin) && drawn.contains("double"), "{format}: {drawn}");
        }
    }
}

#[test]
fn a_cached_task_says_why_it_ran() {
    let shell = with_two_runs();
    let first = shell.call("explain-cache last~1 total").ok().out;
    assert!(first.contains("total: no earlier result"), "{first}");
    let second = shell.call("explain-cache last total").ok().out;
    assert!(
        second.contains("the nearest earlier result is that of run") && second.contains("rows"),
        "{second}"
    );
}

#[test]
fn tasks_that_are_not_cached_are_told_in_one_line() {
    let shell = with_two_runs();
    let all = shell.call("explain-cache last~1").ok().out;
    assert!(all.ends_with("\n3 task runs of 2 tasks are not cached: extract, double\n"), "{all}");
    assert!(all.starts_with("total: no earlier result") && all.lines().count() == 2, "{all}");
    let one = shell.call("explain-cache last~1 extract").ok().out;
    assert!(one.contains("extract: it has no place in the cache"), "{one}");
    assert_eq!(shell.call("explain-cache last~1 --output json").ok().lines().len(), 4);
}

#[test]
fn the_database_is_found_exported_checked_and_cleaned() {
    let shell = with_two_runs();
    assert_eq!(shell.call("db path").ok().out, ".flowkit/runs.db\n");
    assert_eq!(shell.call_with(&[("FLOWKIT_DB", "b.db")], "db path").ok().out, "b.db\n");
    assert_eq!(shell.call_with(&[("FLOWKIT_DB", "b.db")], "db path --db c.db").ok().out, "c.db\n");
    shell.write("flowkit.toml", "db = 'a.db'\n");
    assert_eq!(shell.call("db path").ok().out, "a.db\n");
    shell.write("flowkit.toml", "");
    assert!(shell.call("db check").ok().out.contains("is whole"));
    let exported = shell.call("db export").ok().lines();
    assert_eq!(exported.iter().filter(|line| line["t"] == "run").count(), 2);
    assert_eq!(exported.iter().filter(|line| line["t"] == "task_run").count(), 9);
    assert_eq!(shell.call("db gc --keep 1").ok().out, "removed 1 run and 0 files of results\n");
    assert_eq!(shell.call("runs").ok().out.lines().count(), 1);
}

#[test]
fn doctor_says_where_each_value_comes_from() {
    let shell = Shell::new();
    shell.write("flowkit.toml", "[params.etl]\nrows = 5\n[params.other]\n");
    let found = shell.call("doctor").ok().out;
    for expected in
        ["rows  5  flowkit.toml", "runs.db (default): not made yet", "`[params.other]` is for a flow"]
    {
        assert!(found.contains(expected), "{expected}\n{found}");
    }
    shell.write("flowkit.toml", "[params.etl]\nrows = 'five'\n");
    let found = shell.call("doctor");
    assert_eq!(found.code, Some(2));
    assert!(found.out.contains("✗ flowkit.toml: parameter `rows`"), "{found:?}");
}

#[test]
fn completions_know_the_flags_of_flows() {
    for shell in ["bash", "zsh", "fish"] {
        let script = Shell::new().call(&format!("completions {shell}")).ok().out;
        assert!(script.contains("dry-run") && script.contains("explain-cache"), "{shell}");
    }
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    use std::process::Stdio;
    let shell = with_two_runs();
    let mut child = shell.command("db export").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn a_run_tells_whose_it_is_and_from_which_code_it_came() {
    let shell = Shell::new();
    let revision = "0123456789abcdef0123456789abcdef01234567";
    shell.call_with(&[("FLOWKIT_GIT_REVISION", revision)], "run etl").ok();
    shell.call_with(&[("FLOWKIT_GIT_REVISION", "")], "run reporting").ok();
    let told = shell.call("show last:etl --output json").ok();
    assert_eq!(
        (&told.line("run")["owner"], &told.line("run")["revision"]),
        (&"data-team".into(), &revision.into())
    );
    let shown = shell.call("show last:etl").ok().out;
    assert!(shown.contains("\n  owner data-team · revision 0123456789ab"), "{shown}");
    let told = shell.call("show last --output json").ok();
    assert!(
        told.line("run").get("owner").is_none() && told.line("run").get("revision").is_none(),
        "{told:?}"
    );
    assert_eq!(shell.call("runs owner:data-team").ok().out.lines().count(), 1);
    assert!(shell.call("list").ok().out.contains("\n    owner data-team\n"));
    let flows = shell.call("list --output json").ok().lines();
    assert!(flows.iter().any(|flow| flow["flow"] == "etl" && flow["owner"] == "data-team"), "{flows:?}");
}

#[test]
fn old_runs_are_removed_by_themselves_where_that_is_configured() {
    let shell = with_two_runs();
    assert_eq!(shell.call("runs").ok().out.lines().count(), 2);
    shell.write("flowkit.toml", "keep = 1\n");
    assert!(shell.call("doctor").ok().out.contains("the newest 1 runs (flowkit.toml)"));
    // The two have results that the cache offers.
    shell.call("run etl").ok();
    assert_eq!(shell.call("runs").ok().out.lines().count(), 3);
    for _ in 0..2 {
        shell.call("run reporting").ok();
    }
    assert_eq!(shell.call("runs flow:reporting").ok().out.lines().count(), 1);
    for (file, variable, message) in [
        ("retention = 90", "", "write `retention = \"90d\"`"),
        ("keep = '5'", "", "write `keep = 1000`"),
        ("keep = 0", "", "1 or more"),
        ("", "soon", "write `FLOWKIT_RETENTION=90d`"),
    ] {
        shell.write("flowkit.toml", file);
        let refused = shell.call_with(&[("FLOWKIT_RETENTION", variable)], "runs");
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.err.contains(message), "{refused:?}");
    }
}
