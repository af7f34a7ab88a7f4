//! `flowkit::main!` as seen from a shell: what is typed, what is printed, and the code at the end.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "the names of tests are sentences")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod artifacts;
mod bad_input;
mod by_key;
mod canary;
mod cron;
mod damaged;
mod dry_run;
mod going_on;
mod looking_back;
mod not_kept;
mod odd_places;
mod outage;
mod parameters;
mod printed;
mod private;
mod results;
mod resumed;
mod secrets;
mod single;
mod stopping;
mod sub_flows;
mod table;
mod watching;
mod with_failures;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A new folder, in which the program is called.
struct Shell {
    folder: TempDir,
    program: &'static str,
}

impl Shell {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), program: env!("CARGO_BIN_EXE_pipeline") }
    }

    /// The same with the program that has one flow.
    fn of_one_flow() -> Self {
        Self { program: env!("CARGO_BIN_EXE_single"), ..Self::new() }
    }

    /// The same with the program that has a flow for each type of parameter.
    fn of_types() -> Self {
        Self { program: env!("CARGO_BIN_EXE_typed"), ..Self::new() }
    }

    /// The same with the program whose arguments cannot be persisted.
    fn of_odd_types() -> Self {
        Self { program: env!("CARGO_BIN_EXE_shop"), ..Self::new() }
    }

    /// The same with the program that prints as cron jobs do.
    fn of_a_cron_job() -> Self {
        Self { program: env!("CARGO_BIN_EXE_cron"), ..Self::new() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    /// The program with these words, which may be quoted with `'`.
    fn command(&self, typed: &str) -> Command {
        let mut command = Command::new(self.program);
        command.args(words(typed)).current_dir(self.path()).stdin(Stdio::null());
        for (key, _) in std::env::vars_os() {
            if key.to_string_lossy().starts_with("FLOWKIT_") {
                command.env_remove(key);
            }
        }
        command
    }

    fn call(&self, typed: &str) -> Answer {
        Answer::of(self.command(typed).output().unwrap())
    }

    /// The same with variables.
    fn call_with(&self, variables: &[(&str, &str)], typed: &str) -> Answer {
        Answer::of(self.command(typed).envs(variables.iter().copied()).output().unwrap())
    }
}

/// Parts what was typed as a shell does.
fn words(typed: &str) -> Vec<String> {
    let parts = typed.split('\'').enumerate();
    let words = parts.flat_map(|(index, part)| match index % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    words.collect()
}

/// What came back.
#[derive(Debug)]
struct Answer {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Answer {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    #[track_caller]
    fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// What was printed, a value per line.
    #[track_caller]
    fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The labels of the task runs that were started, in order of the alphabet: those of a list start in any order.
    #[track_caller]
    fn started(&self) -> Vec<String> {
        let started = self.lines().into_iter().filter(|line| line["t"] == "task.started");
        let mut labels: Vec<_> = started.map(|line| line["label"].as_str().unwrap().to_owned()).collect();
        labels.sort();
        labels
    }

    /// The line of a kind.
    #[track_caller]
    fn line(&self, kind: &str) -> Value {
        let lines = self.lines();
        lines.into_iter().find(|line| line["t"] == kind).unwrap_or_else(|| panic!("no `{kind}` in {self:?}"))
    }
}
