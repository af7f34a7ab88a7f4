//! Examples with arguments: what they leave behind, how they fail, and how they resume.
//!
//! `outputs.rs` compares what they print.

mod complete_ml;
mod config;
mod error_handling;
mod exercise4;
mod idempotency;
mod kubeflow_tuning;
mod prefect_pipeline;
mod seed_dag;
mod workflow_file;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::shown;

/// An example with its own folder for its runs and its files.
struct Example {
    program: PathBuf,
    folder: TempDir,
}

/// How a program ended.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Example {
    fn new(name: &str) -> Self {
        Self { program: shown::program(name), folder: tempfile::tempdir().expect("a folder") }
    }

    /// Runs it in its folder.
    fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, &[])
    }

    fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        let output = self.command(arguments).envs(variables.iter().copied()).output();
        let Output { status, stdout, stderr } = output.expect("the example starts");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Ended { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.folder.path());
        command.env("TMPDIR", self.folder.path()).env_remove("FLOWKIT_DB");
        command
    }

    /// Returns what `show` prints about the runs of one task; nothing if there is no run yet.
    fn task_runs(&self, task: &str) -> Vec<Value> {
        let lines = self.run(&["show", "--output", "json"]).stdout;
        let rows = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("a JSON line"));
        rows.filter(|row| row["task"] == task).collect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Ended {
    #[track_caller]
    fn well(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    #[track_caller]
    fn badly(self) -> Self {
        assert_eq!(self.code, Some(1), "{self:?}");
        self
    }
}

/// Returns the content of a folder, sorted; nothing if there is no such folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .map(|entries| entries.map(|entry| entry.expect("an entry").path()).collect())
        .unwrap_or_default();
    files.sort();
    files
}
