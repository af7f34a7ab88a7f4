//! Section C of the faults: each type of parameter × each source × a value that is easily changed on the way. Either exactly this
//! value is received, and given back by `resume`, `show` and `--params`, or the message says what is wrong and what to write.
//!
//! The rows are in `table/`, by source. They all run, and all that fail are reported at once.

mod files;
mod flags;
mod others;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::process::Stdio;

use super::{Answer, Shell};

/// Where a value comes from.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// What is typed behind `run <flow>`.
    Flags(&'static str),
    /// Of `FLOWKIT_PARAM_V`.
    Variable(&'static [u8]),
    /// Of another variable.
    Named(&'static str, &'static str),
    /// A file of this name, with this content.
    File(&'static str, &'static str),
    Stdin(&'static str),
    /// The lines below `[params.<flow>]` in `flowkit.toml`.
    Config(&'static str),
    /// The flags of an earlier run, of which `--like` takes the value.
    Like(&'static str),
    /// JSON in code.
    Code(&'static str),
}

use Source::{Code, Config, File, Flags, Like, Named, Stdin, Variable};

/// What comes of it.
#[derive(Clone, Copy, Debug)]
enum Comes {
    /// The flow receives this value, as Rust writes it.
    Gets(&'static str),
    /// Nothing runs, and the message has these words.
    Says(&'static [&'static str]),
}

use Comes::{Gets, Says};

/// The flow, which has the name of a type in `programs/typed.rs`, where its value comes from, and what comes of it.
type Row = (&'static str, Source, Comes);

#[test]
fn a_value_is_received_as_it_was_entered_and_given_back_so_or_refused_with_what_to_write() {
    let rows: Vec<Row> = [flags::ROWS, files::ROWS, others::ROWS].concat();
    assert!(rows.len() >= 100, "{}", rows.len());
    let failing: Vec<String> = std::thread::scope(|scope| {
        let parts = rows.chunks(rows.len().div_ceil(4));
        let parts: Vec<_> = parts.map(|rows| scope.spawn(|| failing(rows))).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    assert!(failing.is_empty(), "{} of {} rows:\n{}", failing.len(), rows.len(), failing.join("\n"));
}

fn failing(rows: &[Row]) -> Vec<String> {
    let outcome = |row: &Row| fault(*row).map(|fault| format!("{row:?}\n    {fault}"));
    rows.iter().filter_map(outcome).collect()
}

/// What is wrong with a row.
fn fault((flow, source, comes): Row) -> Option<String> {
    let shell = Shell::of_types();
    let entered = enter(&shell, flow, source);
    match comes {
        Says(words) => {
            let missing = words.iter().find(|words| !entered.err.contains(**words));
            let is_refused = entered.code == Some(2) && !entered.err.contains("started, run");
            (missing.is_some() || !is_refused).then(|| format!("no {missing:?} in {entered:?}"))
        }
        Gets(value) if matches!(source, Code(_)) => {
            let said = serde_json::to_string(value).unwrap();
            (entered.out.trim() != said).then(|| format!("called in code: {entered:?}"))
        }
        Gets(value) => {
            let said = entered.lines().iter().find(|line| line["t"] == "run.finished").cloned();
            let said = said.map(|line| line["error"]["msg"].as_str().unwrap_or_default().to_owned());
            if said.as_deref().is_none_or(|said| !said.ends_with(value)) {
                return Some(format!("received {said:?}: {entered:?}"));
            }
            // A secret is nowhere to be given back from.
            let is_shown = matches!(source, Like(_)) && value != "None";
            (flow != "secret")
                .then(|| given_back(&shell, flow, value))
                .flatten()
                .or_else(|| if is_shown { typed_again(&shell, flow, value) } else { None })
        }
    }
}

fn enter(shell: &Shell, flow: &str, source: Source) -> Answer {
    let run = format!("run {flow} --output json");
    let call = |typed: &str, variables: &[(&str, OsString)]| {
        let mut command = shell.command(typed);
        command.env("FAIL", "1").envs(variables.iter().cloned());
        Answer::of(command.output().unwrap())
    };
    match source {
        Flags(typed) => call(&format!("{run} {typed}"), &[]),
        Variable(bytes) => call(&run, &[("FLOWKIT_PARAM_V", OsString::from_vec(bytes.to_vec()))]),
        Named(name, value) => call(&format!("{run} --v 1"), &[(name, value.into())]),
        File(name, content) => {
            shell.write(name, content);
            call(&format!("{run} --params {name}"), &[])
        }
        Stdin(content) => {
            shell.write("input", content);
            let input = std::fs::File::open(shell.path().join("input")).unwrap();
            let mut command = shell.command(&format!("{run} --params -"));
            Answer::of(command.env("FAIL", "1").stdin(Stdio::from(input)).output().unwrap())
        }
        Config(lines) => {
            shell.write("flowkit.toml", &format!("[params.{flow}]\n{lines}\n"));
            call(&run, &[])
        }
        Like(typed) => {
            call(&format!("{run} {typed}"), &[]);
            call(&format!("{run} --like last"), &[])
        }
        Code(json) => Answer::of(shell.command("").args(["--start", flow, json]).output().unwrap()),
    }
}

fn is_result(answer: &Answer, value: &str) -> bool {
    answer.lines().iter().any(|line| line["t"] == "run.result" && line["value"] == value)
}

/// What is wrong with the value that a resumed run has, or with the one that `show` prints, entered again.
fn given_back(shell: &Shell, flow: &str, value: &str) -> Option<String> {
    let resumed = shell.call("resume last --output json");
    if !is_result(&resumed, value) {
        return Some(format!("resumed: {resumed:?}"));
    }
    let shown = shell.call("show last --output json");
    // As text: reading it would change a number.
    let Some(params) = shown.out.split("\"params\":").nth(1) else {
        return Some(format!("shown: {shown:?}"));
    };
    let depth = params.char_indices().scan(0_i32, |depth, (at, letter)| {
        *depth += i32::from(letter == '{') - i32::from(letter == '}');
        Some((at, *depth))
    });
    let end = depth.skip(1).find(|(_, depth)| *depth == 0)?.0;
    shell.write("shown.json", &params[..=end]);
    let again = shell.call(&format!("run {flow} --output json --params shown.json"));
    (!is_result(&again, value)).then(|| format!("shown as {}: {again:?}", &params[..=end]))
}

/// What is wrong with the value that `--show-config` prints, typed again.
fn typed_again(shell: &Shell, flow: &str, value: &str) -> Option<String> {
    let shown = shell.call(&format!("run {flow} --like last --show-config --output json"));
    let text = shown.line("parameter")["value"].as_str()?.to_owned();
    let mut again = shell.command(&format!("run {flow} --output json"));
    let again = Answer::of(again.arg(format!("--v={text}")).output().unwrap());
    (!is_result(&again, value)).then(|| format!("--show-config printed {text}: {again:?}"))
}

#[test]
fn the_exit_codes_have_one_meaning_in_the_docs_and_in_the_type() {
    let table = |text: &str, before: &str| {
        let lines = text.split(before).nth(1).unwrap().lines().map(|line| line.trim_start_matches("/// "));
        let lines = lines.skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let docs = table(&read("docs/cli.md"), "## Exit codes");
    assert_eq!(table(&read("flowkit/src/cli/mod.rs"), "The exit code of the program"), docs);
    assert_eq!(docs.len(), 7);
}
