//! Values that begin with a hyphen, which clap takes for flags. No flag of a flow begins with a digit, so `--lr -1e-5` and
//! `--bbox -74.1,40.7` are read as they are meant; for others, the message says what to write: `--name=-x`.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{Arg, Command};

use super::secrets::Quoting;
use super::usage::Usage;

/// Joins negative numbers with their flags: `--lr=-1e-5`.
pub(super) fn joined(grammar: &Command, arguments: Vec<OsString>) -> Vec<OsString> {
    let Some(flow) = flow(grammar, &arguments) else { return arguments };
    let mut joined: Vec<OsString> = Vec::with_capacity(arguments.len());
    for argument in arguments {
        match joined.last_mut() {
            Some(flag) if is_negative(&argument) && takes_value(flow, &flag.to_string_lossy()) => {
                flag.push("=");
                flag.push(argument);
            }
            _ => joined.push(argument),
        }
    }
    joined
}

/// Whether a word is a negative number, or begins with one.
fn is_negative(word: &OsString) -> bool {
    let Some(rest) = word.to_str().and_then(|word| word.strip_prefix('-')) else { return false };
    let begins = rest.trim_start_matches('.').starts_with(|first: char| first.is_ascii_digit());
    begins || (!rest.starts_with('-') && rest.parse::<f64>().is_ok())
}

/// The flow that a command line runs.
fn flow<'g>(grammar: &'g Command, arguments: &[OsString]) -> Option<&'g Command> {
    let run = arguments.iter().position(|word| word == "run")?;
    grammar.find_subcommand("run")?.find_subcommand(arguments.get(run + 1)?)
}

/// Returns the remedy, if a value that begins with a hyphen stands behind a flag of a flow that takes one.
pub(super) fn remedy(
    grammar: &Command,
    arguments: &[OsString],
    error: &clap::Error,
    quoting: Quoting,
) -> Option<Usage> {
    if !matches!(error.kind(), ErrorKind::UnknownArgument | ErrorKind::InvalidValue) {
        return None;
    }
    let flow = flow(grammar, arguments)?;
    let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
    let (flag, value) = words.windows(2).map(|two| (&two[0], &two[1])).find(|(flag, value)| {
        value.starts_with('-') && value.len() > 1 && !value.starts_with("--") && takes_value(flow, flag)
    })?;
    Some(Usage::new(match quoting {
        Quoting::Values => {
            format!("`{value}` reads like a flag; as the value of `{flag}`, write it so: `{flag}={value}`")
        }
        Quoting::Nothing => {
            format!("the value of `{flag}` reads like a flag; write it behind an equals sign: `{flag}=-…`")
        }
    }))
}

fn takes_value(flow: &Command, flag: &str) -> bool {
    let Some(name) = flag.strip_prefix("--") else { return false };
    let is_named = |arg: &&Arg| {
        arg.get_long() == Some(name) || arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&name))
    };
    let takes = |arg: &Arg| {
        arg.get_action().takes_values() && arg.get_num_args().is_none_or(|count| count.min_values() > 0)
    };
    flow.get_arguments().find(is_named).is_some_and(takes)
}
