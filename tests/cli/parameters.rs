//! S93 to S96: values from flags, variables, files and defaults, and where each comes from.

use serde_json::Value;

use super::Shell;

/// Returns the value and the source of a parameter.
fn of(lines: &[Value], name: &str) -> (String, String) {
    let line = lines.iter().find(|line| line["name"] == name).unwrap();
    let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
    (text("value"), text("source"))
}

#[test]
fn of_all_sixteen_combinations_of_places_the_highest_counts() {
    for present in 0..16_u8 {
        let shell = Shell::new();
        let has = |bit: u8| present & (1 << bit) != 0;
        let mut typed = "run etl --show-config --output json".to_owned();
        let mut variables = Vec::new();
        if has(0) {
            typed.push_str(" --rows 10");
        }
        if has(1) {
            variables.push(("FLOWKIT_PARAM_ROWS", "11"));
        }
        if has(2) {
            shell.write("p.yaml", "rows: 12\n");
            typed.push_str(" --params p.yaml");
        }
        if has(3) {
            shell.write("flowkit.toml", "[params.etl]\nrows = 13\n");
        }
        let places = ["--rows", "FLOWKIT_PARAM_ROWS", "p.yaml", "flowkit.toml"];
        let highest = (0..4).find(|bit| has(*bit));
        let expected = highest.map_or(("3".to_owned(), "default".to_owned()), |bit| {
            ((10 + bit).to_string(), places[usize::from(bit)].to_owned())
        });
        let answer = shell.call_with(&variables, &typed).ok();
        assert_eq!(of(&answer.lines(), "rows"), expected, "{present:04b}");
    }
}

#[test]
fn every_form_of_parameter_is_read_from_flags() {
    let shell = Shell::new();
    let typed = "run echo --batch 7 --mode incremental --urls a,b --urls c --dry-run --wait '1m 30s' --rate -0.5 \
                 --folder '/a b' --db.url x --db '{\"url\":\"y\",\"pool\":2}' --name Ida --output json";
    let answer = shell.call(typed).ok();
    let expected = r#"7 Incremental ["a", "b", "c"] true 90s Some(-0.5) "/a b" Some(Database { url: "x", pool: 2 }) Some("Ida")"#;
    assert_eq!(answer.line("run.result")["value"], expected);
}

#[test]
fn the_same_is_read_from_a_file_of_each_kind_and_from_variables() {
    let shell = Shell::new();
    shell.write(
        "p.yaml",
        "mode: full\nurls: [a]\ndry-run: true\nwait: 2h\nrate: 1\ndb: {url: x}\nname: '7'\n",
    );
    shell.write(
        "p.json",
        r#"{"mode":"full","urls":["a"],"dry_run":true,"wait":"2h","rate":1,"db":{"url":"x"},"name":"7"}"#,
    );
    shell.write(
        "p.toml",
        "mode = 'full'\nurls = ['a']\ndry_run = true\nwait = '2h'\nrate = 1\nname = '7'\n[db]\nurl = 'x'\n",
    );
    let expected =
        r#"100 Full ["a"] true 7200s Some(1.0) "out" Some(Database { url: "x", pool: 0 }) Some("7")"#;
    for file in ["p.yaml", "p.json", "p.toml"] {
        let answer = shell.call(&format!("run echo --output json --params {file}")).ok();
        assert_eq!(answer.line("run.result")["value"], expected, "{file}");
    }
    let variables = [
        ("FLOWKIT_PARAM_MODE", "full"),
        ("FLOWKIT_PARAM_URLS", "a"),
        ("FLOWKIT_PARAM_DRY_RUN", "yes"),
        ("FLOWKIT_PARAM_WAIT", "2h"),
        ("FLOWKIT_PARAM_RATE", "1"),
        ("FLOWKIT_PARAM_DB__URL", "x"),
        ("FLOWKIT_PARAM_NAME", "7"),
    ];
    let answer = shell.call_with(&variables, "run echo --output json").ok();
    assert_eq!(answer.line("run.result")["value"], expected);
}

#[test]
fn a_switch_of_a_file_can_be_switched_off_and_a_field_of_a_file_changed() {
    let shell = Shell::new();
    shell.write(
        "flowkit.toml",
        "[params.echo]\nmode = 'full'\ndry_run = true\ndb = { url = 'x', pool = 3 }\n",
    );
    let answer = shell.call("run echo --dry-run=false --db.url y --show-config --output json").ok();
    let lines = answer.lines();
    assert_eq!(of(&lines, "dry_run"), ("false".to_owned(), "--dry-run".to_owned()));
    assert_eq!(of(&lines, "db"), ("{pool=3, url=y}".to_owned(), "--db.url, flowkit.toml".to_owned()));
    let db = lines.iter().find(|line| line["name"] == "db").unwrap();
    let source =
        |index: usize| (db["fields"][index]["name"].as_str(), db["fields"][index]["source"].as_str());
    assert_eq!(source(0), (Some("db.url"), Some("--db.url")));
    assert_eq!(source(1), (Some("db.pool"), Some("flowkit.toml")));
    let text =
        shell.call_with(&[("FLOWKIT_PARAM_DB__POOL", "4")], "run echo --db.url y --show-config").ok().out;
    assert!(text.contains("    db.url   y") && text.contains("  --db.url\n"), "{text}");
    assert!(text.contains("    db.pool  4") && text.contains("  FLOWKIT_PARAM_DB__POOL\n"), "{text}");
}

#[test]
fn a_parameter_with_the_name_of_an_option_comes_first() {
    let shell = Shell::new();
    let answer =
        shell.call("run echo --mode full --name Ida --flowkit-name 'the run' --flowkit-db a.db").ok();
    assert!(answer.err.contains(r#"Some(\"Ida\")"#), "{answer:?}");
    let run = shell.call("show --db a.db --output json").ok().line("run");
    assert_eq!((&run["name"], &run["params"]["name"]), (&"the run".into(), &"Ida".into()));
}

#[test]
fn help_is_made_of_the_signature() {
    let help = Shell::new().call("run echo --help").ok().out;
    for expected in [
        "Rows per batch [env: FLOWKIT_PARAM_BATCH] [default: 100]",
        "--mode <MODE>",
        "[possible values: full, incremental]",
        "--dry-run",
        "--folder <PATH>",
        "[default: 30s]",
        "--db.url",
    ] {
        assert!(help.contains(expected), "{expected}\n{help}");
    }
    assert!(help.contains("Usage: pipeline run echo --mode <full|incremental> [OPTIONS]"), "{help}");
    let list = Shell::new().call("list").ok().out;
    let etl = list.lines().find(|line| line.starts_with("etl ")).unwrap_or_default();
    assert!(etl.ends_with(" Doubles some rows and adds them up."), "{list}");
    let flows = Shell::new().call("list --output json").ok().lines();
    assert_eq!(flows[1]["schema"]["properties"]["batch"]["default"], 100);
    assert_eq!(flows[1]["schema"]["required"], serde_json::json!(["mode"]));
}

#[test]
fn the_line_with_which_a_run_begins_has_its_arguments_as_people_write_them() {
    let shell = Shell::new();
    let begun = shell.call("run echo --mode full --wait '1m 30s' --db.url x").ok().err;
    assert!(begun.contains(r#"mode=full urls=0 dry_run=false wait="1m 30s" rate=none"#), "{begun}");
    // What is persisted is what programs read.
    let lines = shell.call("run echo --mode full --wait 5ms --output json").ok();
    assert_eq!(
        lines.line("run.started")["params"]["wait"],
        serde_json::json!({ "secs": 0, "nanos": 5_000_000 })
    );
    let compared = shell.call("compare last").ok().out;
    assert!(compared.contains("  5ms\n") && !compared.contains("nanos"), "{compared}");
}

#[test]
fn a_run_like_another_takes_its_parameters() {
    let shell = Shell::new();
    shell.call("run echo --mode full --batch 7").ok();
    let answer = shell.call("run echo --like last --batch 8 --show-config --output json").ok();
    let lines = answer.lines();
    assert_eq!(of(&lines, "batch"), ("8".to_owned(), "--batch".to_owned()));
    let (mode, source) = of(&lines, "mode");
    assert!(mode == "full" && source.starts_with("run "), "{lines:?}");
}
