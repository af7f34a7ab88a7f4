//! `run`: collects the arguments from all sources, then runs the flow. Also shows the values with their sources,
//! without running it.

use clap::ArgMatches;
use serde_json::{Map, Value, json};

use super::running::{self, Seen};
use super::shape;
use crate::cli::out::{print_line, table};
use crate::cli::resolve::{DEFAULT, Resolved, arguments, check_complete, resolve};
use crate::cli::secrets::refused;
use crate::cli::session::Session;
use crate::cli::shown_values::{self, Of};
use crate::cli::usage::{Usage, UsageResult};
use crate::cli::{Exit, json as lines, layers, unsupported_types};
use crate::engine::runtime::Runtime;
use crate::engine::spec::{FlowSpec, RunOptions};
use crate::value::not_persisted::all_not_persisted;
use crate::value::shape::ParamType;

pub(super) async fn run(session: &Session, matches: &ArgMatches) -> UsageResult<Exit> {
    let Some((name, matches)) = matches.subcommand() else {
        return Err(Usage::new("say which flow to run; `list` tells which there are"));
    };
    let flow = session.program.flow(name)?;
    let parameters = match unsupported_types::unread(flow) {
        None => flow.all_parameters(),
        Some(why) => return Err(Usage::new(format!("`{}` cannot be run from here: {why}", flow.ident()))),
    };
    let layers = layers::of_run(session, flow, &parameters, matches)?;
    let resolved = resolve(parameters, &layers);
    if matches.get_flag("show-config") {
        show_config(session, &resolved, recorded(session, flow, &resolved).as_ref());
        return Ok(Exit::SUCCESS);
    }
    check_complete(flow.ident(), &resolved)?;
    let call = |runtime: &Runtime| {
        let options = RunOptions {
            runtime: runtime.clone(),
            name: matches.get_one::<String>("name").cloned(),
            tags: matches.get_many::<String>("tag").unwrap_or_default().cloned().collect(),
            location: session.location,
        };
        flow.call(&arguments(&resolved), options).map_err(|error| refused(&error, &resolved))
    };
    if matches.get_flag("dry-run") {
        // The types make the final check of the arguments. A call that is not polled does not begin.
        let recorded = call(&Runtime::builder().build())?.arguments;
        let recorded = recorded.and_then(|json| serde_json::from_str(&json).ok());
        shape::show(session, flow, &resolved, recorded.as_ref())?;
        return Ok(Exit::SUCCESS);
    }
    let runtime = running::runtime(session, matches)?;
    let call = call(&runtime)?;
    if call.arguments.is_none() {
        let why = unsupported_types::unpersisted(flow)
            .unwrap_or_else(|| "one of them cannot be written as JSON".to_owned());
        running::advise(
            matches,
            format!(
                "note: the arguments of this run are not persisted, so it cannot be resumed, or run again with `--like`: {why}"
            ),
        );
    }
    for (name, reason) in call.arguments.as_deref().map(all_not_persisted).unwrap_or_default() {
        running::advise(
            matches,
            format!("note: this run cannot be resumed without giving `{name}` again: {reason}"),
        );
    }
    let words = in_words(&resolved, call.arguments.as_deref());
    let screen = running::screen(session, &runtime, matches, flow, Seen { persisted: call.arguments, words });
    let ended = running::until_over(&runtime, screen, call.run).await;
    running::finish(session, &runtime, matches, ended).await
}

/// Writes the arguments of a call as people would: the persisted ones, or else those that were passed. The latter may
/// contain secrets in unexpected positions, so only values of a known form are shown.
fn in_words(resolved: &[Resolved], persisted: Option<&str>) -> String {
    let parameters = || resolved.iter().map(|one| &one.parameter);
    if let Some(persisted) = persisted.and_then(|persisted| serde_json::from_str(persisted).ok()) {
        return shown_values::in_words(parameters(), &persisted, Of::Recorded);
    }
    let provided = resolved.iter().map(|one| {
        let value = match one.parameter.param_type {
            ParamType::Anything | ParamType::Hidden => "…".into(),
            _ => one.known().unwrap_or_else(|| DEFAULT.into()),
        };
        (one.parameter.name.to_owned(), value)
    });
    shown_values::in_words(parameters(), &provided.collect(), Of::Provided)
}

/// Returns the arguments as they would be persisted: the types decide where secrets are. `None` if the flow cannot be
/// called with them, or a part cannot be serialized.
pub(super) fn recorded(
    session: &Session,
    flow: &FlowSpec,
    resolved: &[Resolved],
) -> Option<Map<String, Value>> {
    let runtime = Runtime::builder().build();
    let options = RunOptions { runtime, name: None, tags: Vec::new(), location: session.location };
    // A call that is not polled does not begin.
    let call = flow.call(&arguments(resolved), options).ok()?;
    serde_json::from_str(&call.arguments?).ok()
}

/// Prints each value with its source.
pub(super) fn show_config(session: &Session, resolved: &[Resolved], recorded: Option<&Map<String, Value>>) {
    if session.is_json() {
        for one in resolved {
            let fields =
                json!({ "name": one.parameter.name, "value": one.shown(recorded), "source": one.source() });
            print_line(lines::line("parameter", None, fields));
        }
        return;
    }
    let row = |one: &Resolved| match one.shown(recorded) {
        Some(value) => vec![format!("  {}", one.parameter.name), value, one.source()],
        None => vec![format!("  {}", one.parameter.name), "(missing)".to_owned()],
    };
    table(&resolved.iter().map(row).collect::<Vec<_>>()).iter().for_each(print_line);
}
