//! The command line as clap knows it: the verbs, and for `run` a command per flow with its flags.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, Command, value_parser};

use super::flags;
use super::program::Program;
use super::usage::{Usage, did_you_mean};
use crate::any_flow::FlowSpec;

/// How an option of ours is called where a flow has a parameter of its name.
const ASIDE: &str = "flowkit-";

/// Makes the whole grammar.
pub(super) fn grammar(program: &Program) -> Command {
    let only = program.only_flow();
    let about = match only {
        Some(flow) => first_line(flow.description()).to_owned(),
        None => "Runs the flows of this program, and looks back at their runs".to_owned(),
    };
    let mut command = Command::new(program.name.clone())
        .about(about)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .args(own(&[]))
        .subcommands(verbs(program));
    if let Some(flow) = only {
        let name = &program.name;
        command = command.after_help(format!(
            "There is one flow, so that its name may be left out: `{name} …` is `{name} run {} …`, and `{name} run --help` \
             tells what it wants to be given",
            flow.ident()
        ));
    }
    command
}

/// Returns the names of the verbs.
pub(super) fn verb_names(program: &Program) -> Vec<String> {
    verbs(program).iter().map(|verb| verb.get_name().to_owned()).collect()
}

/// Says in our words that there is no such verb, or flow: clap finds what is near less often.
pub(super) fn unknown(program: &Program, arguments: &[OsString], error: &clap::Error) -> Usage {
    let typed = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(typed)) => typed.clone(),
        _ => return Usage::new("there is nothing of that name; `--help` tells what there is"),
    };
    let before = arguments.iter().rev().skip_while(|argument| **argument != *typed).nth(1);
    let before = before.and_then(|before| before.to_str()).unwrap_or_default();
    let verbs = verbs(program);
    let within = verbs.iter().find(|verb| verb.get_name() == before && verb.has_subcommands());
    let names: Vec<&str> = match within {
        Some(verb) => verb.get_subcommands().map(Command::get_name).collect(),
        None => verbs.iter().map(Command::get_name).collect(),
    };
    let what = match within {
        Some(verb) if verb.get_name() == "run" => "flow",
        _ => "command",
    };
    if within.is_none() && program.flow(&typed).is_ok() {
        return Usage::new(format!("`{typed}` is a flow; write `run {typed}`"));
    }
    Usage::new(format!("there is no {what} `{typed}`; {}", did_you_mean(&typed, &names)))
}

/// Returns the verbs.
pub(super) fn verbs(program: &Program) -> Vec<Command> {
    let run = || {
        Arg::new("run")
            .value_name("RUN")
            .help("Beginning of an id, `last`, `last~1`, `last-failed`, `last:<flow>`")
    };
    let task =
        || Arg::new("task").value_name("TASK").help("Name of a task, or of one of its runs: `fetch[3]`");
    let params = || {
        let help = "Values of secrets, which no record keeps: YAML, TOML or JSON";
        Arg::new("params").long("params").value_name("FILE").help(help).value_parser(value_parser!(PathBuf))
    };
    let plain = |name: &'static str, about: &'static str| Command::new(name).about(about).args(own(&[]));
    let going_on = |name: &'static str, about: &'static str| {
        plain(name, about)
            .arg(run())
            .arg(params())
            .arg(no_cache().long("no-cache"))
            .arg(switch("dry-run", "Show what would be kept and what would run again, and change nothing"))
    };
    vec![
        Command::new("run")
            .about("Run a flow")
            .subcommand_required(true)
            .arg_required_else_help(true)
            .disable_help_subcommand(true)
            .subcommand_value_name("FLOW")
            .subcommand_help_heading("Flows")
            .args(own(&[]))
            .subcommands(program.flows.iter().map(|flow| run_flow(flow, program))),
        plain("list", "List the flows with their parameters, and how the last run of each ended")
            .visible_alias("flows"),
        plain("runs", "List runs, the newest first")
            .arg(
                Arg::new("filter")
                    .num_args(0..)
                    .value_name("FILTER")
                    .help("Which runs: `state:failed flow:etl since:2d until:2026-01-31 tag:nightly text`"),
            )
            .arg(number("limit", "20", "How many")),
        plain("show", "Show a run: its parameters, its task runs, why it failed").arg(run()).arg(task()).arg(
            Arg::new("slow")
                .long("slow")
                .value_name("COUNT")
                .num_args(0..=1)
                .default_missing_value("10")
                .conflicts_with("task")
                .value_parser(slow)
                .help("The task runs that took longest instead, with their share of the whole [default: 10]"),
        ),
        plain("logs", "Show the log of a run")
            .arg(run())
            .arg(task())
            .arg(switch("follow", "Go on until the run ends").short('f'))
            .arg(
                Arg::new("level")
                    .long("level")
                    .value_parser(["trace", "debug", "info", "warn", "error"])
                    .help("The least level"),
            )
            .arg(Arg::new("text").long("grep").value_name("WORDS").help("Only lines with these words")),
        plain("watch", "Follow a run that is under way, also in another process").arg(run()),
        going_on("resume", "Go on with a run: what has succeeded is kept, the rest runs")
            .arg(switch("strict", "Refuse calls that are not recorded")),
        going_on("retry", "Do again what failed in a run"),
        going_on("rerun", "Do a task of a run again, and everything that used its results").arg(
            Arg::new("from").long("from").value_name("TASK").required(true).help("The task to begin with"),
        ),
        plain("cancel", "Cancel a run, also in another process").arg(run()),
        plain("diff", "Show what differs between two runs")
            .arg(Arg::new("left").value_name("RUN").required(true))
            .arg(Arg::new("right").value_name("RUN").help("`last`, if it is left out")),
        plain("compare", "Show parameters and times of several runs side by side")
            .arg(Arg::new("runs").value_name("RUN").num_args(1..).required(true)),
        plain("graph", "Draw the recorded graph of a run, or of the last run of a flow")
            .arg(Arg::new("run").value_name("FLOW|RUN"))
            .arg(
                Arg::new("format")
                    .long("format")
                    .value_parser(["text", "mermaid", "dot", "svg", "json"])
                    .default_value("text")
                    .help("How to draw it"),
            ),
        plain("explain-cache", "Say why a cached task ran, or did not").arg(run()).arg(task()),
        db(),
        plain("doctor", "Check the set-up, and print each value with its source"),
        Command::new("completions")
            .about("Print completions for a shell")
            .arg(Arg::new("shell").required(true).value_parser(value_parser!(clap_complete::Shell))),
    ]
}

fn db() -> Command {
    let plain = |name: &'static str, about: &'static str| Command::new(name).about(about).args(own(&[]));
    Command::new("db")
        .about("Look after the database")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .args(own(&[]))
        .subcommands([
            plain("path", "Print where it is"),
            plain("gc", "Remove old runs")
                .arg(
                    Arg::new("older")
                        .long("older-than")
                        .value_name("TIME")
                        .help("Those that ended before that: `30d`"),
                )
                .arg(number("keep", "0", "At least so many of the newest stay")),
            plain("export", "Print every run with its task runs as JSON Lines"),
            plain("check", "Look through it for damage"),
        ])
}

fn run_flow(flow: &FlowSpec, program: &Program) -> Command {
    let parameters = flow.parameters().unwrap_or_default();
    let taken: Vec<String> = parameters.iter().map(|parameter| flags::flag(parameter.name)).collect();
    let params = "A file with values: YAML, TOML or JSON; `-` is standard input";
    let ours = [
        Arg::new("params").value_name("FILE").help(params).value_parser(value_parser!(PathBuf)),
        Arg::new("like").value_name("RUN").help("Take the parameters of an earlier run"),
        Arg::new("name").value_name("NAME").help("Name this run"),
        Arg::new("tag").value_name("TAG").action(ArgAction::Append).help("Tag this run"),
        no_cache(),
        Arg::new("dry-run").action(ArgAction::SetTrue).help(
            "Print each value with its source and what the last run of the flow called, and run nothing",
        ),
        Arg::new("show-config")
            .action(ArgAction::SetTrue)
            .help("Print each value with its source, and run nothing"),
    ];
    let ours = ours.into_iter().map(|arg| aside(arg, &taken)).chain(own(&taken));
    let mut command = Command::new(flow.ident())
        .about(first_line(flow.description()).to_owned())
        .long_about(flow.description())
        .allow_negative_numbers(true)
        .next_help_heading("Parameters")
        .args(parameters.iter().flat_map(flags::flags))
        .next_help_heading("How to run it")
        .args(ours);
    if taken.iter().any(|name| name == "help") {
        let help = Arg::new("help").short('h').action(ArgAction::Help).help("Print help");
        command = command.disable_help_flag(true).arg(aside(help, &taken));
    }
    if flow.name() != flow.ident() {
        command = command.alias(flow.name());
    }
    if program.only_flow().is_some() {
        command = command.override_usage(format!("{} [OPTIONS]", program.name));
    }
    command
}

/// The options of every verb. A parameter of a flow comes first: then ours is `--flowkit-<name>`.
fn own(taken: &[String]) -> Vec<Arg> {
    let database = Arg::new("db").value_name("FILE").value_parser(value_parser!(PathBuf));
    let output = Arg::new("output").value_name("FORMAT").value_parser(["text", "json"]);
    vec![
        aside(database.help("The database with the runs [env: FLOWKIT_DB]"), taken),
        aside(output.help("`text` for people, `json` for programs: an object per line"), taken),
    ]
}

fn aside(arg: Arg, taken: &[String]) -> Arg {
    let name = arg.get_id().to_string();
    let is_taken = taken.contains(&name);
    arg.long(if is_taken { format!("{ASIDE}{name}") } else { name })
}

/// Of verbs that run something.
fn no_cache() -> Arg {
    let help = "Run every task: none takes its result from the cache, or puts it there";
    Arg::new("no-cache").action(ArgAction::SetTrue).help(help)
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn number(name: &'static str, default: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name("COUNT")
        .default_value(default)
        .value_parser(value_parser!(u64))
        .help(help)
}

/// Reads how many of the slowest are wanted.
fn slow(typed: &str) -> Result<u64, String> {
    let wanted = typed.parse().ok().filter(|count| *count > 0);
    wanted.ok_or_else(|| "expected how many to show; the run stands before it: `show last --slow`".to_owned())
}

pub(super) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
#[cfg(feature = "macros")]
mod tests {
    use super::*;
    use crate::prelude::*;

    #[flow]
    async fn taken(
        help: String,
        db: String,
        output: String,
        params: String,
        name: u8,
        tag: u8,
        like: u8,
    ) -> String {
        format!("{help} {db} {output} {params} {name} {tag} {like}")
    }

    #[test]
    fn a_parameter_may_have_the_name_of_any_option() {
        let program = Program::new(Some("mybin"), vec![taken::spec()]);
        grammar(&program).debug_assert();
        let typed = ["mybin", "run", "taken", "--help", "me", "--db", "d", "--flowkit-db", "runs.db"];
        let matches = grammar(&program).try_get_matches_from(typed).unwrap();
        let matches = matches.subcommand().and_then(|(_, run)| run.subcommand()).unwrap().1;
        assert_eq!(matches.get_one::<PathBuf>("db"), Some(&PathBuf::from("runs.db")));
    }
}
