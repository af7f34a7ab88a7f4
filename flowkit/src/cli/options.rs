//! Options and arguments that several verbs share. Which verb takes which is in `grammar`.

use std::path::PathBuf;

use clap::{Arg, ArgAction, value_parser};

/// Prefix of an option of flowkit where a flow has a parameter of its name.
const PREFIX: &str = "flowkit-";

/// The run that is meant; `run_ref.rs` finds it.
pub(super) fn run() -> Arg {
    of_run("run").help(
        "Which run: the beginning of its id, `last`, `last~1`, `last-failed`, `last:<flow>` [default: last]",
    )
}

/// The same under another name, without help.
pub(super) fn of_run(id: &'static str) -> Arg {
    Arg::new(id).value_name("RUN")
}

/// A task run of the run.
pub(super) fn task() -> Arg {
    Arg::new("task").value_name("TASK").help("Name of a task, or of one of its runs: `fetch[3]`")
}

/// Two ways, besides variables, to pass again what is not persisted.
pub(super) fn again() -> [Arg; 2] {
    let help = "An argument that no record has: a secret, or one that could not be persisted; may be given several times";
    let one = Arg::new("param").long("param").value_name("NAME=VALUE").action(ArgAction::Append).help(help);
    [one, secrets()]
}

fn secrets() -> Arg {
    let help = "A file with arguments that no record has: YAML, TOML or JSON";
    Arg::new("params").long("params").value_name("FILE").help(help).value_parser(value_parser!(PathBuf))
}

/// The options of every verb. A parameter of a flow takes precedence: then the option is `--flowkit-<name>`.
pub(super) fn own(taken: &[String]) -> Vec<Arg> {
    let database = Arg::new("db").value_name("FILE").value_parser(value_parser!(PathBuf));
    let output = Arg::new("output").value_name("FORMAT").value_parser(["text", "json"]);
    vec![
        prefixed(
            database.help("The database with the runs [env: FLOWKIT_DB] [default: .flowkit/runs.db]"),
            taken,
        ),
        prefixed(output.help("`text` for people, `json` for programs: an object per line"), taken),
    ]
}

pub(super) fn prefixed(arg: Arg, taken: &[String]) -> Arg {
    let name = arg.get_id().to_string();
    let is_taken = taken.contains(&name);
    arg.long(if is_taken { format!("{PREFIX}{name}") } else { name })
}

/// For verbs that run something.
pub(super) fn no_cache() -> Arg {
    let help = "Run every task: none takes its result from the cache, or puts it there";
    Arg::new("no-cache").action(ArgAction::SetTrue).help(help)
}

/// For verbs that run something.
pub(super) fn fail_on_any_task() -> Arg {
    let help = "Exit with code 1 also if the flow completes, but a task run fails in it";
    Arg::new("fail-on-any-task").action(ArgAction::SetTrue).help(help)
}

/// For verbs that run something.
pub(super) fn refresh_cache() -> Arg {
    let help = "Ignore cached results: each task runs, and its result replaces the cached one";
    Arg::new("refresh-cache").action(ArgAction::SetTrue).conflicts_with("no-cache").help(help)
}

/// For verbs that run something: what is printed while it runs.
pub(super) fn printing() -> [Arg; 2] {
    let quiet = "Print nothing if all goes well, and at most 15 lines if not; what the program prints is in its log only";
    let log_level = "Print events of `tracing` of this level, or of one that matters more, to standard error [env: RUST_LOG]";
    let levels = ["off", "error", "warn", "info", "debug", "trace"];
    [
        Arg::new("quiet").action(ArgAction::SetTrue).conflicts_with("log-level").help(quiet),
        Arg::new("log-level").value_name("LEVEL").value_parser(levels).help(log_level),
    ]
}

pub(super) fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

pub(super) fn number(name: &'static str, default: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name("COUNT")
        .default_value(default)
        .value_parser(value_parser!(u64))
        .help(help)
}

/// Parses a count.
pub(super) fn count(typed: &str) -> Result<u64, String> {
    let wanted = typed.parse().ok().filter(|count| *count > 0);
    wanted.ok_or_else(|| "expected a whole number, 1 or more".to_owned())
}

/// Parses the count of `--slow`, in whose place a run may have been typed.
pub(super) fn count_of_slowest(typed: &str) -> Result<u64, String> {
    count(typed).map_err(|expected| format!("{expected}; the run goes before it: `show last --slow`"))
}
