//! The command line for clap: the verbs, and for `run` one command per flow with its flags.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, Command, value_parser};

use super::flags;
use super::foreign_verbs;
use super::help;
use super::options::{
    again, count, count_of_slowest, fail_on_any_task, no_cache, number, of_run, own, prefixed, printing,
    refresh_cache, run, switch, task,
};
use super::program::CliProgram;
use super::secrets::{Quoting, quoting, quoting_of_line};
use super::usage::{Usage, meant_or_known};
use crate::engine::spec::FlowSpec;
use crate::model::LogLevel;

/// Builds the whole grammar.
pub(super) fn grammar(program: &CliProgram) -> Command {
    let command = Command::new(program.name.clone())
        .term_width(help::width())
        .subcommand_required(true)
        .arg_required_else_help(true)
        .args(own(&[]))
        .subcommands(verbs(program));
    let command = match &program.version {
        Some(version) => command.version(format!("{version} (flowkit {})", env!("CARGO_PKG_VERSION"))),
        None => command,
    };
    match program.only_flow() {
        Some(flow) => help::of_only_flow(command, run_flow(flow, program), &program.name),
        None => command.about("Runs the flows of this program, and looks back at their runs"),
    }
}

/// Returns the names of the verbs.
pub(super) fn verb_names(program: &CliProgram) -> Vec<String> {
    verbs(program).iter().map(|verb| verb.get_name().to_owned()).collect()
}

/// The message for an unknown verb or flow: clap finds the nearest one less often.
pub(super) fn unknown(program: &CliProgram, arguments: &[OsString], error: &clap::Error) -> Usage {
    let typed = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(typed)) => typed.clone(),
        _ => return Usage::new("there is nothing of that name; `--help` tells what there is"),
    };
    let before = arguments.iter().rev().skip_while(|argument| argument.to_string_lossy() != typed).nth(1);
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
    let known = match foreign_verbs::here(&typed) {
        Some(here) if within.is_none() => here.to_owned(),
        _ => meant_or_known(&typed, &names),
    };
    // In a program with one flow, a stray value is taken for a command.
    let typed = match program.only_flow().map(|_| quoting_of_line(program, arguments)) {
        Some(Quoting::Nothing) => String::new(),
        _ => format!(" `{typed}`"),
    };
    Usage::new(format!(
        "there is no {what}{typed}; {known}",
        what = if typed.is_empty() { "such command" } else { what }
    ))
}

/// Returns the verbs.
pub(super) fn verbs(program: &CliProgram) -> Vec<Command> {
    let all = [run_verb(program), looking_back(), going_on(), comparing(), setting_up(program)];
    all.into_iter().flatten().collect()
}

fn plain(name: &'static str, about: &'static str) -> Command {
    Command::new(name).about(about).args(own(&[]))
}

fn run_verb(program: &CliProgram) -> Vec<Command> {
    vec![
        Command::new("run")
            .about("Run a flow")
            .after_help(format!("`{} run <FLOW> --help` lists the parameters of a flow", program.name))
            .subcommand_required(true)
            .arg_required_else_help(true)
            .disable_help_subcommand(true)
            .subcommand_value_name("FLOW")
            .subcommand_help_heading("Flows")
            .args(own(&[]))
            .subcommands(program.flows.iter().map(|flow| run_flow(flow, program))),
    ]
}

/// The verbs that read one run, or list runs.
fn looking_back() -> Vec<Command> {
    vec![
        plain("list", "List the flows with their parameters, and how the last run of each ended")
            .visible_alias("flows"),
        plain("runs", "List runs, the newest first")
            .arg(Arg::new("filter").num_args(0..).value_name("FILTER").help(
                "Which runs: `state:failed flow:etl since:2d until:2026-01-31 tag:nightly failures:>0 text`",
            ))
            .arg(switch("sub-flows", "Also the runs of sub-flows, each with the run that started it"))
            .arg(number("limit", "20", "How many").value_parser(count)),
        plain("show", "Show a run: its parameters, its task runs, why it failed").arg(run()).arg(task()).arg(
            Arg::new("slow")
                .long("slow")
                .value_name("COUNT")
                .num_args(0..=1)
                .default_missing_value("10")
                .conflicts_with("task")
                .value_parser(count_of_slowest)
                .help("The task runs that took longest instead, with their share of the whole [default: 10]"),
        )
        .arg(
            switch("result", "The result of the task instead, or without a task that of the flow, as JSON")
                .conflicts_with("slow"),
        ),
        plain("artifacts", "List the artifacts of a run, or print one of them")
            .arg(run())
            .arg(Arg::new("key").value_name("KEY").help("Print the content of this one"))
            .arg(
                Arg::new("version")
                    .long("version")
                    .value_name("NUMBER")
                    .requires("key")
                    .value_parser(value_parser!(u32).range(1..))
                    .help("Not its last version, but this one"),
            ),
        plain("logs", "Show the log of a run")
            .arg(run())
            .arg(task())
            .arg(switch("follow", "Go on until the run has ended").short('f'))
            .arg(
                Arg::new("level")
                    .long("level")
                    .value_name("LEVEL")
                    .value_parser(LogLevel::ALL.map(LogLevel::name))
                    .help("Only lines of this level, or of one that matters more"),
            )
            .arg(
                Arg::new("text").long("grep").value_name("WORDS").help("Only lines with all of these words"),
            ),
        plain("watch", "Print what happens to a run, from its beginning to its end, also in another process")
            .arg(run()),
    ]
}

/// The verbs that change existing runs.
fn going_on() -> Vec<Command> {
    let resuming = |name: &'static str, about: &'static str| {
        plain(name, about)
            .arg(run())
            .args(again())
            .arg(no_cache().long("no-cache"))
            .arg(fail_on_any_task().long("fail-on-any-task"))
            .arg(refresh_cache().long("refresh-cache"))
            .args(printing().map(|arg| prefixed(arg, &[])))
            .arg(switch("dry-run", "Show what would be kept and what would run again, and change nothing"))
    };
    vec![
        resuming("resume", "Continue a run: reuse what has succeeded, and run the rest")
            .arg(switch("strict", "Refuse calls that are not recorded: the code has changed")),
        resuming("retry", "Continue a run, and retry what failed for good"),
        resuming("rerun", "Continue a run, and rerun a task with everything that used its results").arg(
            Arg::new("from")
                .long("from")
                .value_name("TASK")
                .required(true)
                .help("The name of the task to do again, or of one of its runs: `fetch[3]`"),
        ),
        plain("cancel", "Cancel a run, also in another process").arg(run()),
    ]
}

/// A verb whose answer is a table with a column for each run.
fn side_by_side(name: &'static str, about: &'static str) -> Command {
    let better = |id: &'static str, help: &'static str| {
        Arg::new(id).long(id).value_name("METRIC").action(ArgAction::Append).help(help)
    };
    plain(name, about)
        .mut_arg("output", |output| {
            output.value_parser(["text", "json", "csv"]).help(
                "`text` for people, `json` for programs: an object per line, or `csv`: a column per run",
            )
        })
        .arg(better(
            "lower",
            "Of this metric, the lowest value is the best, as of those named like a loss or an error",
        ))
        .arg(better("higher", "Of this metric, the highest value is the best, whatever its name"))
}

fn comparing() -> Vec<Command> {
    vec![
        side_by_side(
            "diff",
            "Show what differs between two runs: parameters, metrics, and how each task fared",
        )
        .arg(
            of_run("left")
                .default_value("last~1")
                .hide_default_value(true)
                .help("A run, as for `show` [default: last~1]"),
        )
        .arg(of_run("right").help("Another one [default: last]")),
        side_by_side("compare", "Show parameters, metrics and times of several runs side by side").arg(
            of_run("runs").num_args(1..).required(true).help("Runs, as for `show`: `last last~1 last~2`"),
        ),
        plain("graph", "Draw the recorded graph of a run, or of the last run of a flow")
            .arg(
                Arg::new("run").value_name("FLOW|RUN").help("A flow, or a run as for `show` [default: last]"),
            )
            .arg(
                Arg::new("format")
                    .long("format")
                    .value_name("FORM")
                    .value_parser(["text", "mermaid", "dot", "svg", "json"])
                    .default_value("text")
                    .help("How to draw it"),
            )
            .arg(switch("all", "A node for each task run, also if there are more than 200"))
            .arg(switch("fold-sub-flows", "Each sub-flow as one node, without what it calls")),
        plain("explain-cache", "Say why the tasks of a run that are cached ran, or did not")
            .arg(run())
            .arg(task()),
    ]
}

fn setting_up(program: &CliProgram) -> Vec<Command> {
    vec![
        db(),
        plain("doctor", "Check the set-up, and print the parameters of all flows with their sources"),
        Command::new("completions")
            .about("Print completions for a shell")
            .after_help(format!(
                "For bash, write into ~/.bashrc: source <({} completions bash)",
                program.name
            ))
            .arg(
                Arg::new("shell")
                    .value_name("SHELL")
                    .required(true)
                    .value_parser(value_parser!(clap_complete::Shell)),
            ),
    ]
}

fn db() -> Command {
    Command::new("db")
        .about("Look after the database")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .args(own(&[]))
        .subcommands([
            plain("path", "Print where the database is"),
            plain("gc", "Remove old runs, and results that only they had")
                .arg(
                    Arg::new("older")
                        .long("older-than")
                        .value_name("TIME")
                        .help("Those that ended longer ago than that: `30d`"),
                )
                .arg(number("keep", "0", "Keep at least this many of the newest")),
            plain("export", "Print every run with its task runs as JSON Lines"),
            plain("check", "Look through the database for damage"),
            plain("new-key", "Make another key for secrets, where the one beside the database is gone"),
        ])
}

fn run_flow(flow: &FlowSpec, program: &CliProgram) -> Command {
    let parameters = flow.all_parameters();
    let quoting = quoting(&parameters);
    let taken: Vec<String> = parameters.iter().map(|parameter| flags::flag(parameter.name)).collect();
    let params = "A file with values: YAML, TOML or JSON; `-` is standard input";
    let ours = [
        Arg::new("params").value_name("FILE").help(params).value_parser(value_parser!(PathBuf)),
        Arg::new("like")
            .value_name("RUN")
            .help("Take the parameters of an earlier run of this flow, as for `show`: `last`"),
        Arg::new("name")
            .value_name("NAME")
            .value_parser(NonEmptyStringValueParser::new())
            .help("Name this run"),
        Arg::new("tag")
            .value_name("TAG")
            .value_parser(NonEmptyStringValueParser::new())
            .action(ArgAction::Append)
            .help("Tag this run; may be given several times"),
        Arg::new("idempotency-key").value_name("KEY").value_parser(NonEmptyStringValueParser::new()).help(
            "Run the flow once for this key: a second run with it returns the first one, or resumes it",
        ),
        no_cache(),
        fail_on_any_task(),
        refresh_cache(),
        Arg::new("dry-run").action(ArgAction::SetTrue).help(
            "Print each value with its source and what the last run of the flow called, and run nothing",
        ),
        Arg::new("show-config")
            .action(ArgAction::SetTrue)
            .help("Print each value with its source, and run nothing"),
    ];
    let ours = ours.into_iter().chain(printing()).map(|arg| prefixed(arg, &taken)).chain(own(&taken));
    let mut command = Command::new(flow.ident())
        .about(first_line(flow.description()).to_owned())
        .long_about(flow.description())
        .allow_negative_numbers(true)
        .next_help_heading("Parameters")
        .args(parameters.iter().flat_map(|parameter| flags::flags(parameter, quoting)))
        .next_help_heading("How to run it")
        .args(ours);
    if let Some(words) = help::after_run(program, flow) {
        command = command.after_help(words);
    }
    if taken.iter().any(|name| name == "help") {
        let help = Arg::new("help").short('h').action(ArgAction::Help).help("Print help");
        command = command.disable_help_flag(true).arg(prefixed(help, &taken));
    }
    if flow.name() != flow.ident() {
        command = command.alias(flow.name());
    }
    command.override_usage(help::usage_of_run(program, flow, &parameters))
}

pub(super) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
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
        let program = CliProgram::new(Some("mybin"), vec![taken::spec()]);
        grammar(&program).debug_assert();
        let typed = ["mybin", "run", "taken", "--help", "me", "--db", "d", "--flowkit-db", "runs.db"];
        let matches = grammar(&program).try_get_matches_from(typed).unwrap();
        let matches = matches.subcommand().and_then(|(_, run)| run.subcommand()).unwrap().1;
        assert_eq!(matches.get_one::<PathBuf>("db"), Some(&PathBuf::from("runs.db")));
    }

    #[test]
    fn every_verb_and_all_that_it_takes_is_said_in_words() {
        fn look(command: &Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for arg in command.get_arguments().filter(|arg| arg.get_id() != "help") {
                let (verb, name) = (command.get_name(), arg.get_id());
                let says = arg.get_help().is_some_and(|help| !help.to_string().is_empty());
                assert!(says || verb == "completions", "`{verb}` does not say what `{name}` is");
                let value = arg.get_value_names().into_iter().flatten().next();
                assert!(value.is_none_or(|value| *value == *value.to_uppercase()), "`{verb}`: {value:?}");
            }
            command.get_subcommands().for_each(look);
        }
        // The description of a parameter is its author's.
        verbs(&CliProgram::new(Some("mybin"), Vec::new())).iter().for_each(look);
    }
}
