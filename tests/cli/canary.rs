//! A canary for every secret that a program can get, from every source. It appears nowhere: not in an answer, not in a message
//! about bad input, not in a file.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use super::{Answer, Shell};

const CANARY: &str = "canary9f3c";

/// What `open` returns if all of them have arrived: there are eleven in `treasure`.
const BYTES: usize = 11 * CANARY.len();

/// What `open` is given, as each of its types is read.
fn treasure() -> Value {
    json!({
        "plain": CANARY,
        "maybe": CANARY,
        "list": [CANARY, CANARY],
        "map": { "a": CANARY },
        "pair": ["ida", CANARY],
        "login": { "Basic": { "user": "ida", "password": CANARY } },
        "tagged": { "kind": "Token", "token": CANARY },
        "either": { "key": CANARY },
        "flat": { "name": "ida", "key": CANARY, "retries": null },
        "nested": { "name": "ida", "inner": { "key": CANARY, "retries": 3 } },
    })
}

fn members() -> serde_json::Map<String, Value> {
    treasure().as_object().cloned().unwrap()
}

/// The same as TOML, whose inline tables are written as JSON but for the `=`, and which has no word for nothing.
fn toml() -> String {
    fn written(value: &Value) -> String {
        match value {
            Value::Object(members) => {
                let members = members.iter().filter(|(_, member)| !member.is_null());
                let members: Vec<_> =
                    members.map(|(name, member)| format!("{name} = {}", written(member))).collect();
                format!("{{ {} }}", members.join(", "))
            }
            Value::Array(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(", ")),
            other => other.to_string(),
        }
    }
    members().iter().map(|(name, member)| format!("{name} = {}\n", written(member))).collect()
}

fn as_flags() -> String {
    members().iter().map(|(name, value)| format!(" --{name} '{}'", typed(value))).collect()
}

fn as_variables() -> Vec<(String, String)> {
    members()
        .iter()
        .map(|(name, value)| (format!("FLOWKIT_PARAM_{}", name.to_uppercase()), typed(value)))
        .collect()
}

/// A value as it is typed.
fn typed(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Shell {
    /// The program that is given the canary.
    fn of_secrets() -> Self {
        Self { program: env!("CARGO_BIN_EXE_vault"), ..Self::new() }
    }

    fn call_with_all(&self, variables: &[(String, String)], stdin: Option<&str>, typed: &str) -> Answer {
        let mut command = self.command(typed);
        command.envs(variables.iter().map(|(key, value)| (key, value)));
        let Some(stdin) = stdin else { return Answer::of(command.output().unwrap()) };
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        Answer::of(child.wait_with_output().unwrap())
    }
}

impl Answer {
    #[track_caller]
    fn without_canary(self, typed: &str) -> Self {
        for stream in [&self.out, &self.err] {
            assert!(!stream.contains(CANARY), "{typed}: {stream}");
        }
        self
    }
}

/// Searches every file of a folder and its subfolders.
fn assert_not_in(folder: &Path) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files += assert_not_in(&path);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let is_in = bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
            assert!(!is_in, "{}", path.display());
            files += 1;
        }
    }
    files
}

/// Writes the canary into a file of each kind.
fn write_files(shell: &Shell) {
    shell.write("p.json", &treasure().to_string());
    // JSON is YAML.
    shell.write("p.yaml", &treasure().to_string());
    shell.write("p.toml", &toml());
}

/// A name, what is typed, the variables that are set, and what comes in on standard input.
type Source<'a> = (&'a str, String, &'a [(String, String)], Option<&'a str>);

#[test]
fn a_canary_from_any_source_arrives_and_sings_in_no_answer_of_any_verb_and_in_no_file() {
    let shell = Shell::of_secrets();
    write_files(&shell);
    let (flags, variables, stdin) = (as_flags(), as_variables(), treasure().to_string());
    let sources: [Source<'_>; 6] = [
        ("flags", format!("run open{flags}"), &[], None),
        ("variables", "run open".to_owned(), &variables, None),
        ("YAML", "run open --params p.yaml".to_owned(), &[], None),
        ("TOML", "run open --params p.toml".to_owned(), &[], None),
        ("JSON", "run open --params p.json".to_owned(), &[], None),
        ("standard input", "run open --params -".to_owned(), &[], Some(&stdin)),
    ];
    let mut calls = 0;
    let mut call = |variables: &[(String, String)], stdin: Option<&str>, typed: &str| {
        calls += 1;
        shell.call_with_all(variables, stdin, typed).without_canary(typed)
    };
    for (source, typed, variables, stdin) in &sources {
        for how in ["well", "fail", "panic"] {
            let ended = call(variables, *stdin, &format!("{typed} --how {how} --output json"));
            assert_eq!(ended.code, Some(if how == "well" { 0 } else { 1 }), "{source}: {ended:?}");
            if how == "well" {
                assert_eq!(ended.line("run.result")["value"], BYTES, "{source}");
            }
        }
        for more in
            ["", "--show-config", "--show-config --output json", "--dry-run", "--dry-run --output json"]
        {
            call(variables, *stdin, &format!("{typed} {more}")).ok();
        }
    }
    // Incomplete, so that no type can say what of it is secret.
    for typed in ["run open --show-config", "run open --show-config --output json"] {
        for (name, value) in members() {
            call(&[], None, &format!("{typed} --{name} '{}'", self::typed(&value))).ok();
        }
    }
    let unkept = r#"run unkept --account '{"user":"ida","token":"canary9f3c"}' --map '{"a":"canary9f3c"}'"#;
    call(&[], None, unkept).ok();
    call(&[], None, &format!("{unkept} --output json")).ok();
    shell.write("flowkit.toml", &format!("[params.open]\n{}", toml()));
    call(&[], None, "run open --how fail");
    call(&[], None, "run open").ok();
    for verb in VERBS {
        for typed in [(*verb).to_owned(), format!("{verb} --output json")] {
            // With the variables set, as for resuming a run; and without.
            for variables in [&variables[..], &[]] {
                let answer = call(variables, None, &typed);
                assert_eq!(answer.code == Some(2), *verb == "cancel", "{typed}: {answer:?}");
            }
        }
    }
    assert!(calls >= 200, "{calls}");
    assert!(assert_not_in(&shell.path().join(".flowkit")) > 0);
}

const VERBS: &[&str] = &[
    "list",
    "runs",
    "runs state:failed",
    "show",
    "show last-failed",
    "show last count",
    "show last-failed finish",
    "show last --slow",
    "logs",
    "logs last-failed",
    "logs last-failed count",
    "artifacts",
    "artifacts last-failed treasure",
    "watch",
    "watch last-failed",
    "diff",
    "compare last last~1 last-failed",
    "graph",
    "graph last-failed",
    "graph last --format json",
    "graph last --format svg",
    "graph last --format dot",
    "graph last --format mermaid",
    "explain-cache",
    "explain-cache last-failed",
    "explain-cache last-failed count",
    "doctor",
    "db path",
    "db check",
    "db export",
    "resume last-failed --dry-run",
    "retry last-failed --dry-run",
    "rerun last-failed --from count --dry-run",
    "resume last-failed",
    "retry last-failed",
    "rerun last-failed --from count",
    "cancel",
    "run open --like last-failed --show-config",
    "run open --help",
    "--help",
];

/// Of these `{}` is the canary, and nothing is right.
const BAD: &[&str] = &[
    "run open --params p.yaml --rows {}",
    "run open --params p.yaml --how {}",
    "run open --params p.yaml --rows {} --output json",
    "run open --params p.yaml {}",
    "run open {} --params p.yaml",
    "run open --params p.yaml -- {}",
    "run open --params p.yaml --plane {}",
    "run open --params p.yaml --plane={}",
    "run open --params p.yaml --{}",
    "run open --params p.yaml -{}",
    "run open --plain -{}",
    "run open --plain --{}",
    "run open --plain {} {}",
    "run open --plain {}",
    "run open --params p.yaml --map {}",
    "run open --params p.yaml --map '{\"a\":[\"{}\"]}'",
    "run open --params p.yaml --map '{\"{}\":1}'",
    "run open --params p.yaml --map '{\"a\":\"{}\"'",
    "run open --params p.yaml --pair {}",
    "run open --params p.yaml --pair '[\"{}\"]'",
    "run open --params p.yaml --pair '[\"{}\",{\"a\":\"{}\"}]'",
    "run open --params p.yaml --login {}",
    "run open --params p.yaml --login '{\"{}\":1}'",
    "run open --params p.yaml --login '{\"Token\":[\"{}\"]}'",
    "run open --params p.yaml --login '{\"Basic\":{\"user\":[\"{}\"],\"password\":\"{}\"}}'",
    "run open --params p.yaml --tagged {}",
    "run open --params p.yaml --tagged '{\"kind\":\"{}\"}'",
    "run open --params p.yaml --tagged '{\"kind\":\"Token\",\"token\":{\"{}\":\"{}\"}}'",
    "run open --params p.yaml --either {}",
    "run open --params p.yaml --either '{\"key\":[\"{}\"]}'",
    "run open --params p.yaml --flat {}",
    "run open --params p.yaml --flat '{\"name\":\"ida\",\"key\":\"x\",\"retries\":\"{}\"}'",
    "run open --params p.yaml --nested {}",
    "run open --params p.yaml --nested '{\"name\":\"ida\",\"inner\":\"{}\"}'",
    "run open --params p.yaml --nested '{\"name\":[\"{}\"],\"inner\":{\"key\":\"{}\"}}'",
    "run open --params p.yaml --nested.inner.retries {}",
    "run open --params p.yaml --nested.inner.{} {}",
    "run open --params p.yaml --list '[\"{}\",[\"{}\"]]'",
    "run open --params p.yaml --list '[\"{}\"'",
    "run open --params p.yaml --like last --rows {}",
    "run unkept --account '{\"user\":\"ida\",\"token\":\"{}\",\"more\":\"{}\"}' --map '{}'",
    "run unkept --account '{\"user\":[\"{}\"],\"token\":\"{}\"}' --map '{\"a\":\"b\"}'",
];

/// The same of files, each under the names of the kinds that it may be taken for.
const BAD_FILES: &[&str] = &[
    "{}",
    "token {}",
    "plain: {}\nplain: {}\n",
    "plain: [{}\n",
    "plain: \"{}\n",
    "plain: {}\n  rows: {}\n",
    "plain:{}\n",
    "{plain:{}, rows: 1}",
    "- {}\n- {}\n",
    "rows: {}\n",
    "how: {}\n",
    "{}: 1\n",
    "pain: {}\n",
    "plain: 1\nlist: {}\n",
    "plain: {a: {}}\n",
    "plain: *{}\n",
    "plain: !{} {}\n",
    "plain: &{}\n\t{}\n",
    "plain = {}\n",
    "plain = \"{}\n",
    "plain = '{}' '{}'\n",
    "plain \"{}\"\n",
    "[{}\n",
    "[plain]\n{} = \"{}\"\n",
    "plain = \"{}\"\nplain = \"{}\"\n",
    "rows = \"{}\"\n",
    "rows = {}1\n",
    "\"{}\" = 1\n",
    "{\"plain\": \"{}\"",
    "{\"plain\": {}}",
    "{\"plain\": \"{}\\q\"}",
    "{\"rows\": \"{}\"}",
    "{\"{}\": 1}",
    "{\"plain\": \"x\", \"plain\": \"{}\"}",
    "[\"{}\"]",
    "\"{}\"",
    "{\"plain\": [\"{}\"], \"list\": \"{}\"}",
];

#[test]
fn no_message_about_bad_input_repeats_a_canary() {
    let shell = Shell::of_secrets();
    write_files(&shell);
    shell.call_with_all(&as_variables(), None, "run open").ok();
    let refused = |variables: &[(String, String)], stdin: Option<&str>, typed: &str, about: &str| {
        let answer = shell.call_with_all(variables, stdin, typed).without_canary(&format!("{typed} {about}"));
        assert_eq!(answer.code, Some(2), "{typed} {about}: {answer:?}");
        assert!(!answer.err.trim().is_empty(), "{typed} {about}: {answer:?}");
    };
    let with_canary = |text: &str| text.replace("{}", CANARY);
    for typed in BAD {
        refused(&[], None, &with_canary(typed), "");
    }
    for text in BAD_FILES {
        let text = with_canary(text);
        refused(&[], Some(&text), "run open --params -", &text);
        for name in ["bad.yaml", "bad.toml", "bad.json"] {
            shell.write(name, &text);
            refused(&[], None, &format!("run open --params {name}"), &text);
        }
    }
    for (name, value) in [
        ("ROWS", CANARY),
        ("HOW", CANARY),
        ("MAP", CANARY),
        ("PAIR", r#"["canary9f3c"]"#),
        ("LOGIN", r#"{"canary9f3c":1}"#),
        ("NESTED__INNER__RETRIES", CANARY),
        ("NESTED__INNER", CANARY),
        ("PLAIN__TOKEN", CANARY),
        ("PLANE", CANARY),
    ] {
        let variable = [(format!("FLOWKIT_PARAM_{name}"), value.to_owned())];
        refused(&variable, None, "run open --params p.yaml", name);
    }
    // The names of tables are not values.
    for text in BAD_FILES.iter().filter(|text| **text != "[\"{}\"]") {
        shell.write("flowkit.toml", &format!("[params.open]\n{}", with_canary(text)));
        refused(&[], None, "run open --params p.yaml", text);
        shell.call("doctor").without_canary("doctor");
    }
    assert_not_in(&shell.path().join(".flowkit"));
}

#[test]
fn text_under_the_name_of_a_secret_is_shown_like_one_and_recorded_as_it_is() {
    let shell = Shell::of_secrets();
    let typed = format!("run named --password {CANARY} --api_keys {CANARY},{CANARY} --user ida");
    for more in ["", "--output json", "--show-config", "--dry-run", "--show-config --output json"] {
        shell.call(&format!("{typed} {more}")).without_canary(more).ok();
    }
    let verbs = [
        "show",
        "show --output json",
        "runs --output json",
        "watch --output json",
        "compare last last~1",
        "db export",
    ];
    for verb in verbs {
        shell.call(verb).without_canary(verb).ok();
    }
    assert!(shell.call("show").ok().out.contains("password  ***"));
    let doctor = shell.call("doctor").ok().out;
    assert!(doctor.contains("named: its parameter `password` has the name of a secret"), "{doctor}");
    assert!(!doctor.contains("parameter `user`") && !doctor.contains("parameter `plain`"), "{doctor}");
    // It need not be given again.
    let again = shell.call("run named --like last --output json").without_canary("--like").ok();
    assert_eq!(again.line("run.result")["value"], CANARY.len() + 2 + 3);
}
