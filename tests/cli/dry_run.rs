//! A dry run says what would be done, and changes nothing.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Answer, Shell};

/// How often each task would run, as the preview says.
fn announced(answer: &Answer) -> BTreeMap<String, u64> {
    let mut runs = BTreeMap::new();
    for line in answer.lines().iter().filter(|line| line["t"] == "preview.task" && line["runs"] != 0) {
        *runs.entry(line["task"].as_str().unwrap().to_owned()).or_default() += line["runs"].as_u64().unwrap();
    }
    runs
}

/// How often each task ran. The run behind the node of a sub-flow is its run 0.
fn done(answer: &Answer) -> BTreeMap<String, u64> {
    let mut runs = BTreeMap::new();
    for line in answer.lines().iter().filter(|line| line["t"] == "task.started" && line["task_run"] != 0) {
        *runs.entry(line["task"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    runs
}

/// The runs and everything in them.
fn recorded(shell: &Shell) -> Vec<Value> {
    shell.call("db export").ok().lines()
}

#[test]
fn what_is_announced_is_what_is_done() {
    let cases = [
        ("run fragile --file data.txt", "resume", 1),
        ("run fragile --file data.txt", "retry", 1),
        ("run fragile --file data.txt", "rerun --from extract", 1),
        ("run nested --file data.txt", "resume", 1),
        ("run nested --file data.txt", "retry", 1),
        ("run nested --file data.txt", "rerun --from quadruple", 1),
        ("run nested --file data.txt", "rerun --from etl", 1),
        ("run etl --rows 3", "rerun --from double", 0),
        ("run etl --rows 3", "resume", 0),
    ];
    for (first, then, code) in cases {
        let shell = Shell::new();
        assert_eq!(shell.call(first).code, Some(code), "{first}");
        let before = recorded(&shell);
        let preview = shell.call(&format!("{then} --dry-run --output json")).ok();
        assert_eq!(recorded(&shell), before, "{then}: nothing is changed");
        shell.write("data.txt", "");
        let gone_on = shell.call(&format!("{then} --no-cache --output json"));
        assert_eq!(announced(&preview), done(&gone_on), "{first}, {then}: {preview:?}\n{gone_on:?}");
    }
}

#[test]
fn a_preview_reads_like_the_tree_of_the_run() {
    let shell = Shell::new();
    shell.call("run nested --file data.txt");
    let preview = shell.call("resume --dry-run").ok().out;
    for expected in [
        "of `nested` is Failed; `resume` would run its body again, and of what it calls:",
        "\n  ✓ etl        kept\n",
        "\n  ✓ quadruple  kept\n",
        "\n  ↻ fragile    runs  was Failed\n",
        "\n    ✓ extract  kept\n",
        "\n    ↻ load     runs  was Failed\n",
        "3 kept, 2 to run",
        "nothing was changed",
    ] {
        assert!(preview.contains(expected), "{expected}\n{preview}");
    }
    shell.call("run etl --rows 2").ok();
    let resumed = shell.call("resume --dry-run").ok().out;
    assert!(resumed.contains("is Completed: `resume` would give its result, and run nothing"), "{resumed}");
    let rerun = shell.call("rerun --from double --dry-run").ok().out;
    assert!(rerun.contains("↻ double ×2  run   was Completed"), "{rerun}");
}

#[test]
fn results_of_other_code_than_ran_last_are_counted() {
    let shell = Shell::new();
    shell.call("run nested --file data.txt");
    let nested = shell.call("show --output json").ok().line("run")["run"].as_str().unwrap().to_owned();
    shell.call("run fragile --file data.txt");
    let fragile = shell.call("show --output json").ok().line("run")["run"].as_str().unwrap().to_owned();
    // So far it was another program.
    let database = rusqlite::Connection::open(shell.path().join(".flowkit/runs.db")).unwrap();
    let change =
        "UPDATE tasks SET source_hash = 1 WHERE name = 'extract'; UPDATE page_digest SET digest = NULL";
    database.execute_batch(change).unwrap();
    drop(database);
    let before = shell.call(&format!("resume {fragile} --dry-run")).ok().out;
    assert!(!before.contains("older source"), "the changed code has not run yet: {before}");

    shell.call("run fragile --file data.txt");
    for (run, from) in [(fragile, "extract"), (nested, "fragile")] {
        let preview = shell.call(&format!("resume {run} --dry-run")).ok().out;
        let expected = format!(
            "  1 recorded result of `extract` comes from an older source; `rerun --from {from}` replaces it\n"
        );
        assert!(preview.contains(&expected), "{preview}");
        let lines = shell.call(&format!("resume {run} --dry-run --output json")).ok().lines();
        let older: Vec<_> = lines.iter().filter(|line| line["older_source"] == 1).collect();
        assert!(older.len() == 1 && older[0]["task"] == "extract", "{lines:?}");
    }
    let newest = shell.call("resume --dry-run").ok().out;
    assert!(!newest.contains("older source"), "{newest}");
}

#[test]
fn what_cannot_be_gone_on_with_cannot_be_previewed() {
    let shell = Shell::new();
    let none = shell.call("resume --dry-run");
    assert!(none.code == Some(2) && none.err.contains("there is no database"), "{none:?}");
    shell.call("run fragile --file data.txt");
    let typo = shell.call("rerun --from laod --dry-run");
    assert!(typo.code == Some(2) && typo.err.contains("did you mean `load`?"), "{typo:?}");
}

#[test]
fn a_flow_shows_its_values_and_what_its_last_run_called() {
    let shell = Shell::new();
    let first = shell.call("run etl --rows 5 --dry-run").ok().out;
    assert!(first.contains("rows  5  --rows") && first.contains("no run of it is recorded"), "{first}");
    assert!(!shell.path().join(".flowkit").exists(), "no database is made");
    shell.call("run etl --rows 4").ok();
    let before = recorded(&shell);
    let shown = shell.call("run etl --dry-run").ok().out;
    for expected in
        ["rows  3  default", "(Completed in ", "\n  extract ", "\n  double ×4  usually ", "nothing was run"]
    {
        assert!(shown.contains(expected), "{expected}\n{shown}");
    }
    let lines = shell.call("run etl --dry-run --output json").ok();
    assert_eq!(lines.line("parameter")["value"], "3");
    let double = lines.lines().into_iter().find(|line| line["task"] == "double").unwrap();
    assert_eq!((&double["t"], &double["count"]), (&"recorded.task".into(), &4.into()));
    assert_eq!(lines.line("recorded")["state"], "completed");
    assert_eq!(recorded(&shell), before, "nothing ran");
    // The run that completed says more than a later one that failed.
    shell.call("run fragile --file data.txt");
    let failed = shell.call("run fragile --file data.txt --dry-run").ok().out;
    assert!(failed.contains("(Failed in ") && failed.contains("\n  load"), "{failed}");
}

#[test]
fn wrong_values_are_refused_before_anything_runs() {
    let shell = Shell::new();
    let refused = shell.call("run echo --flowkit-dry-run --mode full --db.pool 3");
    assert!(refused.code == Some(2) && refused.err.contains("missing field `url`"), "{refused:?}");
    let missing = shell.call("run echo --flowkit-dry-run");
    assert!(
        missing.code == Some(2) && missing.err.contains("`echo` needs `--mode <full|incremental>`"),
        "{missing:?}"
    );
}

#[test]
fn a_parameter_called_dry_run_comes_first() {
    let shell = Shell::new();
    let ran = shell.call("run echo --mode full --dry-run --output json").ok();
    assert!(ran.line("run.result")["value"].as_str().unwrap().contains("true"), "{ran:?}");
    let shown = shell.call("run echo --mode full --dry-run --flowkit-dry-run").ok().out;
    assert!(shown.contains("true     --dry-run\n") && shown.contains("nothing was run"), "{shown}");
    let runs = recorded(&shell).iter().filter(|line| line["t"] == "run").count();
    assert_eq!(runs, 1, "only the first one ran");
}
