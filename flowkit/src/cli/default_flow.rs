//! What may be left out in a program with one flow: `mybin --rows 3` is `mybin run etl --rows 3`. The first word
//! decides, and the value of an option is no first word: `mybin --only show` runs the flow, `mybin show` looks back.

use std::ffi::OsString;

use super::program::CliProgram;
use crate::engine::spec::FlowSpec;
use crate::value::parameters::Parameter;

/// Options that may stand before the verb, and take a value.
const BEFORE: [&str; 2] = ["--db", "--output"];
const OF_PROGRAM: [&str; 4] = ["--help", "-h", "--version", "-V"];

/// Inserts `run` and the name of the only flow where they are left out.
pub(super) fn with_flow(program: &CliProgram, mut arguments: Vec<OsString>) -> Vec<OsString> {
    let Some(flow) = program.only_flow() else { return arguments };
    if arguments.is_empty() {
        return arguments;
    }
    let text = |at: usize| arguments.get(at).map(|argument| argument.to_string_lossy());
    let mut at = 1;
    while let Some(option) = text(at) {
        match &*option {
            option if BEFORE.contains(&option) => at += 2,
            option if BEFORE.iter().any(|name| option.starts_with(&format!("{name}="))) => at += 1,
            _ => break,
        }
    }
    let is_word = |at: usize| text(at).is_some_and(|argument| !argument.starts_with('-'));
    let (place, missing) = match text(at).as_deref() {
        Some("run") if is_word(at + 1) => return arguments,
        Some("run") => (at + 1, vec![flow.ident()]),
        Some(word) if is_of_program(word, flow) || is_word(at) => return arguments,
        // Before all options: a parameter of the flow may have the name of one.
        _ => (1, vec!["run", flow.ident()]),
    };
    arguments.splice(place..place, missing.into_iter().map(OsString::from));
    arguments
}

/// Whether an option is one of the program: a parameter of the flow takes precedence.
fn is_of_program(option: &str, flow: &FlowSpec) -> bool {
    let is_parameter = |parameter: &Parameter| option.strip_prefix("--") == Some(parameter.name);
    OF_PROGRAM.contains(&option) && !flow.all_parameters().iter().any(is_parameter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    #[flow]
    async fn etl(rows: u32) -> u32 {
        rows
    }

    #[flow]
    async fn release(version: u32, help: String) -> String {
        format!("{version} {help}")
    }

    fn words(typed: &str) -> Vec<OsString> {
        std::iter::once("mybin").chain(typed.split_whitespace()).map(OsString::from).collect()
    }

    #[test]
    fn the_only_flow_may_be_left_out() {
        let cases = [
            ("", "run etl"),
            ("--rows 3", "run etl --rows 3"),
            ("run --rows 3", "run etl --rows 3"),
            ("run", "run etl"),
            ("run etl --rows 3", "run etl --rows 3"),
            ("--db a.db --rows 3", "run etl --db a.db --rows 3"),
            ("--db runs", "run etl --db runs"),
            ("--db", "run etl --db"),
            ("--rows runs", "run etl --rows runs"),
            ("--db a.db run --rows 3", "--db a.db run etl --rows 3"),
            ("--db=a.db runs", "--db=a.db runs"),
            ("runs --limit 3", "runs --limit 3"),
            ("--help", "--help"),
            ("-h", "-h"),
            ("help", "help"),
            ("run --help", "run etl --help"),
            ("run help", "run help"),
            ("flows", "flows"),
            ("rums", "rums"),
            ("--version", "--version"),
            ("-V", "-V"),
        ];
        let program = CliProgram::new(Some("folder/mybin"), vec![etl::spec()]);
        assert_eq!(program.name, "mybin");
        for (typed, read) in cases {
            assert_eq!(with_flow(&program, words(typed)), words(read));
        }
    }

    #[test]
    fn a_parameter_of_the_only_flow_comes_before_an_option_of_the_program() {
        let program = CliProgram::new(Some("mybin"), vec![release::spec()]);
        for (typed, read) in [
            ("--version 2", "run release --version 2"),
            ("--help me", "run release --help me"),
            ("-V", "-V"),
            ("-h", "-h"),
        ] {
            assert_eq!(with_flow(&program, words(typed)), words(read));
        }
    }
}
