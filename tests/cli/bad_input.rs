//! Every mistake gives one clear message with the remedy, and the code 2; nothing runs.

use rusqlite::Connection;

use super::Shell;

/// What is typed, what is in the folder, and what the message must say.
struct Case {
    typed: &'static str,
    files: &'static [(&'static str, &'static str)],
    variables: &'static [(&'static str, &'static str)],
    says: &'static [&'static str],
}

const fn case(typed: &'static str, says: &'static [&'static str]) -> Case {
    Case { typed, files: &[], variables: &[], says }
}

const fn with_file(
    typed: &'static str,
    files: &'static [(&'static str, &'static str)],
    says: &'static [&'static str],
) -> Case {
    Case { typed, files, variables: &[], says }
}

const CASES: &[Case] = &[
    case("", &["Usage: pipeline"]),
    case("rums", &["there is no command `rums`", "did you mean `runs`?"]),
    case("inspect last", &["there is no command `inspect`; here that is `show`"]),
    case("serve", &["there is no command `serve`; not there yet", "cron or a systemd timer", "docs/cron.md"]),
    case("schedule list", &["there is no command `schedule`; not there yet", "cron or a systemd timer"]),
    case("flow-run ls", &["`runs`, `show`, `logs`, `cancel` and `retry` do without"]),
    case("stop", &["here that is `cancel`"]),
    case("etl", &["`etl` is a flow; write `run etl`"]),
    case("run", &["Usage: pipeline run", "etl"]),
    case("run elt", &["there is no flow `elt`", "did you mean `etl`?"]),
    case("run nightly", &["there is no flow `nightly`", "there are `etl`, `echo`"]),
    case("db clean", &["there is no command `clean`", "there are `path`, `gc`"]),
    case("run etl --rowz 3", &["'--rowz'", "'--rows'"]),
    case("run etl --rows many", &["'many'", "--rows <INT>", "a whole number from 0 to 4294967295"]),
    case("run etl --rows -3", &["'-3'", "a whole number from 0"]),
    case("run etl --rows", &["--rows <INT>"]),
    case("run echo", &["`echo` needs `--mode <full|incremental>`", "FLOWKIT_PARAM_MODE", "--params"]),
    case("run echo --mode fulll", &["'fulll'", "'full'"]),
    case("run echo --mode full --wait 30", &["a length of time, such as `30s`"]),
    case("run echo --mode full --db x", &["expected JSON"]),
    case("run echo --mode full --db '{\"ulr\":\"x\"}'", &["unknown field `ulr`", "did you mean `url`?"]),
    case("run echo --mode full --db.pool 3", &["parameter `db`", "missing field `url`"]),
    case("run etl --params nope.yaml", &["`nope.yaml`", "there is no such file"]),
    with_file("run etl --params p.yaml", &[("p.yaml", "rows: [1\n")], &["`p.yaml`", "line"]),
    with_file("run etl --params p.toml", &[("p.toml", "rows = \n")], &["`p.toml`", "line 1"]),
    with_file("run etl --params p.json", &[("p.json", "{\"rows\":")], &["`p.json`", "line 1"]),
    with_file("run etl --params p.ini", &[("p.ini", "rows=1")], &["`.ini`", "`.yaml`"]),
    with_file("run etl --params p.yaml", &[("p.yaml", "- 1\n")], &["`p.yaml`", "such as `rows: 3`"]),
    with_file(
        "run etl --params p.yaml",
        &[("p.yaml", "rowz: 1\n")],
        &["unknown parameter `rowz`", "`rows`?"],
    ),
    with_file(
        "run etl --params p.yaml",
        &[("p.yaml", "rows: many\n")],
        &["p.yaml: parameter `rows`", "a whole number", "the text `many`"],
    ),
    with_file(
        "run etl",
        &[("flowkit.toml", "[params.etl]\nrowz = 1\n")],
        &["flowkit.toml: unknown parameter `rowz`", "`rows`?"],
    ),
    with_file(
        "runs",
        &[("flowkit.toml", "databse = 'x'\n")],
        &["`flowkit.toml`", "unknown key `databse`", "`db`"],
    ),
    with_file("runs", &[("flowkit.toml", "db = 3\n")], &["`db` is a path"]),
    with_file("runs", &[("flowkit.toml", "db = \n")], &["`flowkit.toml`", "line 1"]),
    Case {
        typed: "run etl",
        files: &[],
        variables: &[("FLOWKIT_PARAM_ROWZ", "3")],
        says: &["FLOWKIT_PARAM_ROWZ belongs to no parameter", "did you mean `FLOWKIT_PARAM_ROWS`?"],
    },
    Case {
        typed: "run etl",
        files: &[],
        variables: &[("FLOWKIT_PARAM_ROWS", "many")],
        says: &["FLOWKIT_PARAM_ROWS: expected a whole number"],
    },
    Case {
        typed: "run echo --mode full",
        files: &[],
        variables: &[("FLOWKIT_PARAM_DB__ULR", "x")],
        says: &["FLOWKIT_PARAM_DB__ULR: unknown field", "did you mean `url`?"],
    },
    case("runs", &["there is no database `.flowkit/runs.db`", "run a flow first", "--db"]),
    case("resume", &["there is no database", "--db"]),
    case("show --db nope/runs.db", &["there is no database `nope/runs.db`"]),
    case("run etl --db nope/runs.db", &["`", "nope/runs.db`", "make the directory or choose another path"]),
    with_file(
        "runs --db text.db",
        &[("text.db", "this is no database at all, but a text of some length")],
        &["it is not a SQLite database", "choose another path"],
    ),
    case("show --slow last", &["'last'", "1 or more", "`show last --slow`"]),
    case("show --slow 0", &["'0'", "1 or more"]),
    case("''", &["there is no command ``", "there are `run`"]),
    case("run ''", &["there is no flow ``", "there are `etl`"]),
    case("run etl ''", &["unexpected argument ''", "Usage: pipeline run etl"]),
    case("run etl --rows ''", &["''", "a whole number from 0"]),
    case("run etl --rows 99999999999999999999999", &["--rows <INT>", "a whole number from 0 to 4294967295"]),
    case("run etl --name ''", &["a value is required for '--name <NAME>'"]),
    case("run etl --tag ''", &["a value is required for '--tag <TAG>'"]),
    case("run etl --db ''", &["a value is required for '--db <FILE>'"]),
    case("runs --limit 0", &["'0'", "1 or more"]),
    case("runs --limit 99999999999999999999", &["--limit <COUNT>", "1 or more"]),
    case("run etl --db .", &["it is a directory", "name a file in it"]),
    case("runs --db /dev/null", &["it is not a file", "choose another path"]),
    case("run etl --params .", &["`.`", "it is a folder"]),
    with_file("run etl --params p.yaml", &[("p.yaml", "rows: 1\nrows: 2\n")], &["`rows` is given twice"]),
    with_file(
        "run etl --params p.json",
        &[("p.json", "{\"rows\":1,\"rows\":2}")],
        &["`rows` is given twice"],
    ),
    with_file(
        "run etl --params p.json",
        &[("p.json", "{\"rows\":1e99}")],
        &["parameter `rows`", "a whole number"],
    ),
    with_file("run etl", &[("flowkit.toml", "db = ''\n")], &["`db` is a path", "`db = \"runs.db\"`"]),
    with_file("run etl", &[("flowkit.toml", "db = ['a']\n")], &["`db` is a path"]),
    with_file("run etl", &[("flowkit.toml", "params = 3\n")], &["`params` is a table", "[params.<flow>]"]),
    with_file("run etl", &[("flowkit.toml", "params.etl = 3\n")], &["`params.etl` is a table"]),
    with_file(
        "run etl",
        &[("flowkit.toml", "[params.etl]\nrows = 2026-01-31\n")],
        &["flowkit.toml: parameter `rows`", "the text `2026-01-31`"],
    ),
    // A program that reads JSON reads the code and, for people, the words.
    case("runs --output json", &["there is no database"]),
    case("run elt --output json", &["there is no flow `elt`"]),
    case("graph --format png", &["'png'", "mermaid"]),
    case("completions tcl", &["'tcl'", "bash"]),
    case("runs --output xml", &["'xml'", "json"]),
];

#[test]
fn what_cannot_be_done_is_said_with_the_remedy_and_code_2() {
    for Case { typed, files, variables, says } in CASES {
        let shell = Shell::new();
        files.iter().for_each(|(name, text)| shell.write(name, text));
        let answer = shell.call_with(variables, typed);
        assert_eq!(answer.code, Some(2), "{typed}: {answer:?}");
        assert!(answer.out.is_empty(), "{typed}: nothing but the message: {answer:?}");
        for expected in *says {
            assert!(answer.err.contains(expected), "{typed}: no {expected:?} in {}", answer.err);
        }
        assert!(!answer.err.contains("started, run"), "{typed}: {answer:?}");
        assert!(answer.err.lines().count() <= 40, "{typed}: {answer:?}");
    }
}

#[test]
fn a_run_that_is_not_there_or_not_meant_clearly_is_said_with_the_remedy() {
    let shell = Shell::new();
    shell.call("run etl --rows 1").ok();
    shell.call("run etl --rows 1").ok();
    let ids: Vec<String> = shell
        .call("runs --output json")
        .ok()
        .lines()
        .iter()
        .map(|run| run["run"].as_str().unwrap().to_owned())
        .collect();
    let cases = [
        ("show xyz", vec!["there is no run `xyz`", "`runs` lists"]),
        // Every id of these years begins so.
        ("show 01", vec!["`01` could mean", &ids[0], &ids[1], "type more"]),
        ("show last~5", vec!["`last~5` goes back too far", "2 such runs"]),
        ("show last:etl~2", vec!["there are 2 such runs"]),
        ("show extract", vec!["`extract` is a task of the last run", "write `last extract`"]),
        ("logs extract", vec!["write `last extract`"]),
        ("artifacts extract", vec!["there is no run `extract`"]),
        ("artifacts last nope", vec!["has no artifact `nope`", "there is none"]),
        ("show last~x", vec!["as in `last~1`"]),
        ("show last~99999999999", vec!["goes back too far", "2 such runs"]),
        ("show last~99999999999999999999999", vec!["as in `last~1`"]),
        ("show ilo!", vec!["there is no run `ilo!`", "`runs` lists"]),
        // As it comes from a variable that is not set: with one run, every id of it would begin so.
        ("show ''", vec!["the run is an empty word", "write `last`"]),
        ("cancel ''", vec!["the run is an empty word"]),
        ("resume ' '", vec!["the run is an empty word"]),
        ("run etl --like ''", vec!["the run is an empty word"]),
        ("rerun last --from ''", vec!["has no task ``", "`extract`"]),
        ("show last-failed", vec!["there is no run that `last-failed` could mean"]),
        ("show last:echo", vec!["there is no run that `last:echo` could mean"]),
        ("show last nope", vec!["has no task `nope`", "`extract`"]),
        ("rerun last --from doubel", vec!["has no task `doubel`", "did you mean `double`?"]),
        ("rerun last", vec!["--from <TASK>"]),
        ("cancel", vec!["is Completed", "nothing to cancel"]),
        ("run echo --like last", vec!["is a run of `etl`, not of `echo`", "`--like last:echo`"]),
        ("runs stat:failed", vec!["unknown filter `stat`", "did you mean `state`?"]),
        ("runs state:faild", vec!["unknown state `faild`"]),
        ("runs --limit few", vec!["'few'", "--limit"]),
        ("db gc", vec!["say what may go", "--older-than"]),
        ("db gc --older-than soon", vec!["`--older-than soon` is not a duration", "`30d`"]),
    ];
    for (typed, says) in cases {
        let answer = shell.call(typed);
        assert_eq!(answer.code, Some(2), "{typed}: {answer:?}");
        for expected in says {
            assert!(answer.err.contains(expected), "{typed}: no {expected:?} in {}", answer.err);
        }
    }
    assert_eq!(shell.call("runs --output json").lines().len(), 2, "nothing of it ran");
}

#[test]
fn a_database_of_a_newer_flowkit_or_one_that_is_locked_is_left_alone() {
    let shell = Shell::new();
    shell.call("run etl --rows 1 --db runs.db").ok();
    let path = shell.path().join("runs.db");
    let other = Connection::open(&path).unwrap();
    other.pragma_update(None, "locking_mode", "EXCLUSIVE").unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let locked = shell.call("runs --db runs.db");
    assert_eq!(locked.code, Some(2), "{locked:?}");
    assert!(locked.err.contains("locked") && locked.err.contains("end that process"), "{locked:?}");
    other.execute_batch("ROLLBACK").unwrap();
    other.pragma_update(None, "user_version", 9_999).unwrap();
    drop(other);
    let newer = shell.call("runs --db runs.db");
    assert_eq!(newer.code, Some(2), "{newer:?}");
    assert!(newer.err.contains("update flowkit"), "{newer:?}");
}
