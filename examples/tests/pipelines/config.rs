//! `config`: which source of a value overrides the others.

use std::fs;

use super::Example;

/// The sources, strongest first, each with its value and what `--show-config` calls it.
const PLACES: [(&str, &str); 4] = [
    ("1", "--n-estimators"),
    ("2", "FLOWKIT_PARAM_N_ESTIMATORS"),
    ("3", "given.yaml"),
    ("4", "flowkit.toml"),
];

#[test]
fn of_all_sixteen_combinations_the_strongest_place_wins() {
    for present in 0..16_u8 {
        let has = |place: usize| present & (1 << place) != 0;
        let example = Example::new("config");
        let mut arguments = vec!["--show-config"];
        let mut variables = Vec::new();
        if has(0) {
            arguments.extend(["--n-estimators", "1"]);
        }
        if has(1) {
            variables.push(("FLOWKIT_PARAM_N_ESTIMATORS", "2"));
        }
        if has(2) {
            fs::write(example.path("given.yaml"), "n_estimators: 3\n").unwrap();
            arguments.extend(["--params", "given.yaml"]);
        }
        if has(3) {
            fs::write(example.path("flowkit.toml"), "[params.training]\nn_estimators = 4\n").unwrap();
        }
        let shown = example.run_with(&arguments, &variables).well().stdout;
        let row = shown.lines().find(|row| row.contains("n_estimators")).expect("a row of the parameter");
        let (value, source) =
            (0..4).find(|place| has(*place)).map_or(("100", "default"), |place| PLACES[place]);
        let words: Vec<_> = row.split_whitespace().collect();
        assert_eq!(words, ["n_estimators", value, source], "combination {present:04b}");
    }
}

#[test]
fn the_original_s_mistake_is_not_repeated_a_default_never_wins_over_the_file() {
    let example = Example::new("config");
    fs::write(example.path("given.yaml"), "data_source: table.csv\nn_estimators: 7\n").unwrap();
    let ended = example.run(&["--params", "given.yaml"]).well();
    assert!(ended.stdout.contains("of 7 trees on table.csv"), "{}", ended.stdout);
}

#[test]
fn an_unknown_key_is_refused_with_a_suggestion_before_anything_runs() {
    for (text, suggestion) in [
        ("data_source: x\nn_estimator: 7\n", "`n_estimator`; did you mean `n_estimators`?"),
        ("data_source: x\nhyperparameters: { max_dept: 3 }\n", "`max_dept`; did you mean `max_depth`?"),
    ] {
        let example = Example::new("config");
        fs::write(example.path("given.yaml"), text).unwrap();
        let ended = example.run(&["--params", "given.yaml"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.stderr.contains(suggestion), "{}", ended.stderr);
    }
}

#[test]
fn a_parameter_without_a_default_must_be_given() {
    let ended = Example::new("config").run(&[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("data_source") || ended.stderr.contains("--data-source"),
        "{}",
        ended.stderr
    );
}
