//! The help of a flow besides its flags: how it is called, and why it may not run. In a program with one flow, its help
//! is also that of the program. The flags themselves come from `flags` and `grammar`.

use clap::Command;

use super::flags::typed;
use super::out;
use super::program::CliProgram;
use super::unsupported_types;
use crate::engine::spec::FlowSpec;
use crate::value::parameters::Parameter;

/// Longer lines are hard to read.
const COLUMNS_MAX: usize = 100;

/// The usage line of a flow, with its required parameters: `mybin run etl --file <PATH> [OPTIONS]`.
pub(super) fn usage_of_run(program: &CliProgram, flow: &FlowSpec, parameters: &[Parameter]) -> String {
    let needed = parameters.iter().filter(|parameter| !parameter.is_optional);
    let needed: String = needed.map(|parameter| format!("{} ", typed(parameter))).collect();
    let (name, ident) = (&program.name, flow.ident());
    match program.only_flow() {
        // The flow may have the name of the program: the long form is unambiguous.
        Some(_) => format!("{name} {needed}[OPTIONS]\n       {name} run {ident} {needed}[OPTIONS]"),
        None => format!("{name} run {ident} {needed}[OPTIONS]"),
    }
}

/// What to know about a flow before it is run.
pub(super) fn after_run(program: &CliProgram, flow: &FlowSpec) -> Option<String> {
    let only = program.only_flow().map(|flow| {
        format!("`{}` is the only flow of this program, so `run {0}` may be left out", flow.ident())
    });
    let fault = unsupported_types::fault(flow).map(|fault| format!("Note: {fault}"));
    let words: Vec<String> = only.into_iter().chain(fault).collect();
    (!words.is_empty()).then(|| words.join("\n\n"))
}

/// Returns the column at which help is wrapped; 0, for no wrapping, where it does not go to a terminal.
pub(super) fn width() -> usize {
    out::columns().map_or(0, |columns| columns.min(COLUMNS_MAX))
}

/// The help of a program with one flow: first its parameters, then the verbs.
pub(super) fn of_only_flow(program: Command, flow: Command, name: &str) -> Command {
    let about = flow.get_about().cloned().unwrap_or_default();
    let flow = flow.term_width(width());
    let mut bare = flow.clone().help_template("{usage}");
    let usage = bare.render_help().to_string();
    let arguments = flow.help_template("{all-args}").disable_help_flag(true).render_help().to_string();
    program
        .about(about)
        .override_usage(format!("{}\n       {name} <COMMAND>", usage.trim_end()))
        .before_help(arguments.trim_end().to_owned())
        .help_template("{about-with-newline}\n{usage-heading} {usage}\n\n{before-help}Commands:\n{subcommands}{after-help}")
}
