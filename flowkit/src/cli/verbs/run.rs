//! `run`: collects the arguments from all sources, then runs the flow. Also shows the values with their sources,
//! without running it.

use clap::ArgMatches;
use serde_json::json;

use super::running::{self, Seen};
use super::shape;
use crate::cli::out::{print_line, table};
use crate::cli::resolve::{DEFAULT, Field, Resolved, arguments, check_complete, resolve};
use crate::cli::secrets::refused;
use crate::cli::session::Session;
use crate::cli::shown_values::{self, Of};
use crate::cli::usage::{Usage, UsageResult};
use crate::cli::{Exit, json as lines, layers, unsupported_types};
use crate::engine::spec::{FlowSpec, RunOptions};
use crate::value::json::{Json, Members};
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
        show_config(session, &resolved, recorded(flow, &resolved).as_ref());
        return Ok(Exit::SUCCESS);
    }
    check_complete(flow.ident(), &resolved)?;
    // The types make the final check of the arguments. A call does not begin before it has a runtime.
    let call = flow.call(&arguments(&resolved)).map_err(|error| refused(&error, &resolved))?;
    if matches.get_flag("dry-run") {
        let recorded = call.arguments.as_deref().and_then(Json::recorded).and_then(Json::into_object);
        shape::show(session, flow, &resolved, recorded.as_ref())?;
        return Ok(Exit::SUCCESS);
    }
    let runtime = running::runtime(session, matches)?;
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
    let options = RunOptions {
        runtime: Some(runtime.clone()),
        name: matches.get_one::<String>("name").cloned(),
        tags: matches.get_many::<String>("tag").unwrap_or_default().cloned().collect(),
        key: matches.get_one::<String>("idempotency-key").cloned(),
        location: session.location,
    };
    let ended = running::until_over(&runtime, screen, (call.begin)(options)).await;
    running::finish(session, &runtime, matches, ended).await
}

/// Writes the arguments of a call as people would: the persisted ones, or else those that were passed. The latter may
/// contain secrets in unexpected positions, so only values of a known form are shown.
fn in_words(resolved: &[Resolved], persisted: Option<&str>) -> String {
    let parameters = || resolved.iter().map(|one| &one.parameter);
    if let Some(persisted) = persisted.and_then(Json::recorded).and_then(Json::into_object) {
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
pub(super) fn recorded(flow: &FlowSpec, resolved: &[Resolved]) -> Option<Members> {
    // A call does not begin by itself.
    let call = flow.call(&arguments(resolved)).ok()?;
    Json::recorded(&call.arguments?).and_then(Json::into_object)
}

/// Prints each value with its source.
pub(super) fn show_config(session: &Session, resolved: &[Resolved], recorded: Option<&Members>) {
    if session.is_json() {
        for one in resolved {
            let fields = one.fields.iter().map(|field| {
                let (name, value) = one.shown_field(field, recorded);
                json!({ "name": name, "value": value, "source": field.source.to_string() })
            });
            let fields: Vec<_> = fields.collect();
            let fields = json!({
                "name": one.parameter.name, "value": one.shown(recorded), "source": one.source(),
                "fields": (!fields.is_empty()).then_some(fields),
            });
            print_line(lines::line("parameter", None, fields));
        }
        return;
    }
    let row = |one: &Resolved| match one.shown(recorded) {
        Some(value) => vec![format!("  {}", one.parameter.name), value, one.source()],
        None => vec![format!("  {}", one.parameter.name), "(missing)".to_owned()],
    };
    let field = |one: &Resolved, field: &Field| {
        let (name, value) = one.shown_field(field, recorded);
        vec![format!("    {name}"), value, field.source.to_string()]
    };
    let rows = resolved.iter().flat_map(|one| {
        std::iter::once(row(one)).chain(one.fields.iter().map(|at| field(one, at))).collect::<Vec<_>>()
    });
    table(&rows.collect::<Vec<_>>()).iter().for_each(print_line);
}
