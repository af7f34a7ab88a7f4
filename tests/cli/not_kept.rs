//! Flows whose arguments cannot be persisted run all the same, and the program offers nothing that it would refuse.

use super::Shell;

const WHY: &str = "`basket` (`Basket`) is not `Serialize`; derive `serde::Serialize` for `Basket`";

#[test]
fn a_run_of_which_the_arguments_are_not_kept_says_so_when_it_begins_and_offers_no_way_on() {
    let shell = Shell::of_odd_types();
    let failed = shell.call("run buy --file data.txt");
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.err.starts_with("note: ") && failed.err.matches(WHY).count() == 1, "{failed:?}");
    let begun = failed.err.lines().nth(1).unwrap();
    assert!(begun.ends_with(r#"file=data.txt basket=(default) patience="1m 30s""#), "{begun}");
    let shown = shell.call("show").ok().out;
    for command in ["shop resume", "run buy --like"] {
        assert!(!failed.err.contains(command) && !shown.contains(command), "{failed:?}\n{shown}");
    }
    assert!(shown.contains("shop logs "), "{shown}");
    let lines = shell.call("run buy --file data.txt --output json");
    assert!(lines.line("run.finished").get("resume").is_none(), "{lines:?}");
    assert!(shell.call("watch --output json").line("run.finished").get("resume").is_none());
    for typed in ["resume", "retry", "rerun --from load", "resume --dry-run", "run buy --file x --like last"]
    {
        let refused = shell.call(typed);
        assert_eq!(refused.code, Some(2), "{typed}: {refused:?}");
        assert!(refused.err.contains("not persisted") && refused.err.contains(WHY), "{typed}: {refused:?}");
    }
    shell.write("data.txt", "");
    shell.call("run buy --file data.txt").ok();
}

#[test]
fn flows_say_beforehand_that_their_runs_are_not_kept_or_that_they_cannot_be_run() {
    let shell = Shell::of_odd_types();
    let unread = "`tills` (`Vec<Till>`) is not `Deserialize`; derive `serde::Deserialize` for `Till`";
    for typed in ["list", "doctor"] {
        let told = shell.call(typed).out;
        assert!(
            told.contains(&format!("its runs cannot be resumed: its parameter {WHY}")),
            "{typed}: {told}"
        );
        assert!(
            told.contains(&format!("it cannot be run from here: its parameter {unread}")),
            "{typed}: {told}"
        );
    }
    assert!(shell.call("run buy --help").ok().out.contains(WHY));
    let refused = shell.call("run pay --tills 1");
    assert!(refused.code == Some(2) && refused.err.contains(unread), "{refused:?}");
    assert_eq!(shell.call("doctor").code, Some(2), "nobody can run it");
    assert!(shell.call("run pay --help").ok().out.contains(unread));
    let flows = shell.call("list --output json").ok().lines();
    let buy = flows.iter().find(|flow| flow["flow"] == "buy").unwrap();
    assert!(buy["fault"].as_str().unwrap().contains(WHY), "{buy}");
}

#[test]
fn a_flow_says_which_tasks_of_its_last_run_a_resumed_one_would_do_again() {
    const WHICH: &str = "the results of `open` are not kept: a resumed run makes them again";
    let shell = Shell::of_odd_types();
    assert!(!shell.call("list").ok().out.contains("are not kept: a resumed run"));
    shell.call("run restock --tills 2").ok();
    let told = shell.call("list").ok().out;
    assert!(told.contains(WHICH), "{told}");
    let flows = shell.call("list --output json").ok().lines();
    let restock = flows.iter().find(|flow| flow["flow"] == "restock").unwrap();
    assert_eq!(restock["last_run"]["not_kept"], serde_json::json!(["open"]), "{restock}");
}

#[test]
fn of_a_result_that_cannot_be_persisted_everything_says_that_it_is_made_again_and_why() {
    const WHY: &str = "a float in it is NaN or infinite, which JSON has no form for";
    let shell = Shell::of_odd_types();
    assert_eq!(shell.call("run appraise --file data.txt").code, Some(1));
    let told = shell.call("list").ok().out;
    assert!(
        told.contains(&format!("results of `rate` are not kept, so a resumed run makes them again: {WHY}")),
        "{told}"
    );
    let shown = shell.call("show last rate").ok().out;
    assert!(
        shown.contains(&format!("its result is not persisted, so a resumed run makes it again: {WHY}")),
        "{shown}"
    );
    let shown = shell.call("show --output json").ok().lines();
    let rate = shown.iter().find(|line| line["task"] == "rate").unwrap();
    assert_eq!(rate["not_persisted"], WHY, "{rate}");
    let dry = shell.call("resume --dry-run").ok().out;
    let rate = dry.lines().find(|line| line.contains("rate")).unwrap();
    assert!(
        rate.contains("runs") && rate.ends_with(&format!("was Completed; not persisted: {WHY}")),
        "{dry}"
    );
    let dry = shell.call("resume --dry-run --output json").ok().lines();
    let rate = dry.iter().find(|line| line["task"] == "rate").unwrap();
    assert_eq!((&rate["runs"], &rate["not_persisted"]), (&1.into(), &serde_json::json!([WHY])), "{rate}");
    shell.write("data.txt", "");
    assert_eq!(shell.call("resume --output json").ok().started(), ["load", "rate"]);
}

#[test]
fn an_argument_that_would_not_be_read_back_is_said_at_the_start_and_given_again_to_resume() {
    let shell = Shell::of_odd_types();
    let failed = shell.call("run enter --login.user ida --login.password secret --rows 3 --file data.txt");
    assert_eq!(failed.code, Some(1), "{failed:?}");
    let note = "note: this run cannot be resumed without giving `login` again: what is written cannot be read: missing field `password`";
    assert!(failed.err.lines().any(|line| line.starts_with(note)), "{failed:?}");
    assert!(failed.err.contains("FLOWKIT_PARAM_LOGIN=… shop resume"), "{failed:?}");
    let shown = shell.call("show").ok().out;
    assert!(shown.contains("login  (not persisted)"), "{shown}");
    for typed in ["run enter --like last", "run enter --like last --login.user ida"] {
        let refused = shell.call(typed);
        assert_eq!(refused.code, Some(2), "{typed}: {refused:?}");
    }

    shell.write("data.txt", "");
    let refused = shell.call("resume");
    assert_eq!(refused.code, Some(2), "{refused:?}");
    for expected in
        ["without giving `login` again", "--param login=…", "FLOWKIT_PARAM_LOGIN", "missing field `password`"]
    {
        assert!(refused.err.contains(expected), "{expected}: {refused:?}");
    }
    for (typed, why) in [
        ("resume --param rows=4", "`--param rows=…`"),
        ("resume --param logon=4", "did you mean `login`?"),
        ("resume --param login", "has no value"),
    ] {
        let refused = shell.call(typed);
        assert!(refused.code == Some(2) && refused.err.contains(why), "{typed}: {refused:?}");
    }
    let given = r#"resume --output json --param 'login={"user":"eve","password":"other"}'"#;
    assert_eq!(shell.call(given).ok().line("run.result")["value"], "eve:other");
}

#[test]
fn a_default_that_cannot_be_written_is_called_so() {
    let shell = Shell::of_odd_types();
    let config = shell.call("run buy --file x --show-config").ok().out;
    assert!(config.contains("basket    (default)  default"), "{config}");
    let given = shell.call("run buy --file x --basket.items a,b --show-config").ok().out;
    assert!(given.contains("basket    {items=a,b}  --basket"), "{given}");
}

#[test]
fn a_run_with_a_name_of_its_own_is_started_over_by_the_name_of_its_flow() {
    let shell = Shell::new();
    shell.call("run fragile --name 'my run' --file data.txt");
    let shown = shell.call("show").ok().out;
    let id = shell.call("show --output json").ok().line("run")["run"].as_str().unwrap().to_owned();
    assert!(shown.contains(&format!("pipeline run fragile --like {id}")), "{shown}");
}

#[cfg(unix)]
#[test]
fn the_name_of_a_program_is_quoted_where_a_shell_would_part_it() {
    let shell = Shell::new();
    let path = shell.path().join("my pipeline");
    std::os::unix::fs::symlink(shell.program, &path).unwrap();
    let mut command = std::process::Command::new(&path);
    let output =
        command.args(["run", "fragile", "--file", "nope"]).current_dir(shell.path()).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("'my pipeline' resume "), "{err}");
}
