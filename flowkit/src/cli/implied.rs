//! What may be left out where there is one flow: `mybin --rows 3` is `mybin run etl --rows 3`.

use std::ffi::OsString;

use super::grammar::verb_names;
use super::program::Program;

/// Options that stand before the verb, and take a value.
const BEFORE: [&str; 2] = ["--db", "--output"];
const HELP: [&str; 3] = ["--help", "-h", "help"];

/// Puts in `run` and the name of the only flow where they are left out.
pub(super) fn with_flow(program: &Program, mut arguments: Vec<OsString>) -> Vec<OsString> {
    let Some(flow) = program.only_flow() else { return arguments };
    let text = |at: usize, arguments: &[OsString]| {
        arguments.get(at).map(|argument| argument.to_string_lossy().into_owned())
    };
    let mut at = 1;
    while let Some(option) = text(at, &arguments) {
        match option.as_str() {
            option if BEFORE.contains(&option) => at += 2,
            option if BEFORE.iter().any(|name| option.starts_with(&format!("{name}="))) => at += 1,
            _ => break,
        }
    }
    let at = at.min(arguments.len()).max(1);
    match text(at, &arguments).as_deref() {
        Some("run") => {
            let is_given = text(at + 1, &arguments).is_some_and(|next| !next.starts_with('-'));
            let asks = text(at + 1, &arguments).is_some_and(|next| HELP.contains(&next.as_str()));
            if !is_given && !asks {
                arguments.insert(at + 1, flow.ident().into());
            }
        }
        Some(word) if HELP.contains(&word) || verb_names(program).iter().any(|verb| verb == word) => {}
        Some(word) if !word.starts_with('-') => {}
        _ if arguments.is_empty() => {}
        _ => {
            arguments.insert(at, "run".into());
            arguments.insert(at + 1, flow.ident().into());
        }
    }
    arguments
}

#[cfg(test)]
#[cfg(feature = "macros")]
mod tests {
    use super::*;
    use crate::prelude::*;

    #[flow]
    async fn etl(rows: u32) -> u32 {
        rows
    }

    #[test]
    fn the_only_flow_may_be_left_out() {
        let cases = [
            ("", "run etl"),
            ("--rows 3", "run etl --rows 3"),
            ("run --rows 3", "run etl --rows 3"),
            ("run", "run etl"),
            ("run etl --rows 3", "run etl --rows 3"),
            ("--db a.db --rows 3", "--db a.db run etl --rows 3"),
            ("--db=a.db runs", "--db=a.db runs"),
            ("runs --limit 3", "runs --limit 3"),
            ("--help", "--help"),
            ("run --help", "run --help"),
            ("rums", "rums"),
        ];
        let program = Program::new(Some("folder/mybin"), vec![etl::spec()]);
        assert_eq!(program.name, "mybin");
        for (typed, read) in cases {
            let typed = std::iter::once("mybin").chain(typed.split_whitespace()).map(OsString::from);
            let read: Vec<OsString> =
                std::iter::once("mybin").chain(read.split_whitespace()).map(OsString::from).collect();
            assert_eq!(with_flow(&program, typed.collect()), read);
        }
    }
}
