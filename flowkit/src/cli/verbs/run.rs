//! `run`: the arguments from all places, then the flow.

use std::path::PathBuf;

use clap::ArgMatches;
use serde_json::{Map, Value, json};

use super::finish::{self, Ended, Seen};
use super::shape;
use crate::any_flow::FlowSpec;
use crate::cli::begin::Said;
use crate::cli::file;
use crate::cli::flags::{self, flag};
use crate::cli::out::{note, say, table};
use crate::cli::resolve::{self, DEFAULT, Layer, Resolved, arguments, check_complete, layer};
use crate::cli::secrets::{holds_secret, without_masks};
use crate::cli::session::Session;
use crate::cli::settings::Source;
use crate::cli::usage::{Outcome, Usage};
use crate::cli::{Exit, environment, json as lines, types, values, which};
use crate::engine::runtime::Runtime;
use crate::model::shape::Outline;
use crate::parameters::Parameter;
use crate::store::Store;

pub(super) async fn run(session: &Session, matches: &ArgMatches) -> Outcome<Exit> {
    let Some((name, matches)) = matches.subcommand() else {
        return Err(Usage::new("say which flow to run; `list` tells which there are"));
    };
    let flow = session.program.flow(name)?;
    let resolved = resolved(session, flow, matches)?;
    if matches.get_flag("show-config") {
        show_config(session, &resolved);
        return Ok(Exit::SUCCESS);
    }
    check_complete(flow.ident(), &resolved)?;
    let call = |runtime: &Runtime| {
        let said = Said {
            runtime: runtime.clone(),
            name: matches.get_one::<String>("name").cloned(),
            tags: matches.get_many::<String>("tag").unwrap_or_default().cloned().collect(),
            location: session.location,
        };
        flow.begin(&arguments(&resolved), said).map_err(|error| Usage::new(error.to_string()))
    };
    if matches.get_flag("dry-run") {
        // The types have the last word on the arguments. A call that is not polled does not begin.
        drop(call(&Runtime::builder().build())?);
        shape::show(session, flow, &resolved)?;
        return Ok(Exit::SUCCESS);
    }
    let runtime = finish::runtime(session, matches)?;
    let call = call(&runtime)?;
    if call.arguments.is_none() {
        let why = types::unkept(flow).unwrap_or_else(|| "one of them cannot be written as JSON".to_owned());
        note(format!(
            "note: the arguments of this run are not kept, so it cannot be resumed, or run again with `--like`: {why}"
        ));
    }
    let words = in_words(&resolved, call.arguments.as_deref());
    let screen = finish::screen(session, &runtime, flow, Seen { kept: call.arguments, words });
    let ended: Ended = runtime.until_signal(call.run).await;
    screen.finish();
    finish::finish(session, ended)
}

/// Finds the value of each parameter of a flow.
fn resolved(session: &Session, flow: &FlowSpec, matches: &ArgMatches) -> Outcome<Vec<Resolved>> {
    let parameters = parameters(flow)?;
    let mut layers: Vec<Layer> = Vec::new();
    for parameter in &parameters {
        if let Some(value) = flags::given(parameter, matches) {
            let source = Source::Flag(flag(parameter.name));
            layers.push(Layer { source, values: Map::from_iter([(parameter.name.to_owned(), value)]) });
        }
    }
    layers.extend(around(session, flow, &parameters, matches.get_one::<PathBuf>("params"))?);
    if let Some(typed) = matches.get_one::<String>("like") {
        let store = session.settings.look_back()?;
        layers.insert(above_config(&layers), like(session, &store, flow, &parameters, typed)?);
    }
    Ok(resolve::resolve(parameters, &layers))
}

fn parameters(flow: &FlowSpec) -> Outcome<Vec<Parameter>> {
    match types::unread(flow) {
        None => Ok(flow.all_parameters()),
        Some(why) => Err(Usage::new(format!("`{}` cannot be run from here: {why}", flow.ident()))),
    }
}

/// Writes the arguments of a call as people would: those that are kept, or else what was given. In that there may be
/// secrets in places that nobody knows of, so only what has a known form is shown.
fn in_words(resolved: &[Resolved], kept: Option<&str>) -> String {
    let given = || {
        let known = resolved.iter().map(|one| {
            let value = match one.parameter.outline {
                Outline::Anything => "…".into(),
                _ => one.known().unwrap_or_else(|| DEFAULT.into()),
            };
            (one.parameter.name.to_owned(), value)
        });
        known.collect::<Map<_, _>>()
    };
    let values = kept.and_then(|kept| serde_json::from_str(kept).ok()).unwrap_or_else(given);
    values::in_words(resolved.iter().map(|one| &one.parameter), &values)
}

/// Finds what is given beside the command line: variables, a file, and `flowkit.toml`.
pub(super) fn around(
    session: &Session,
    flow: &FlowSpec,
    parameters: &[Parameter],
    path: Option<&PathBuf>,
) -> Outcome<Vec<Layer>> {
    let mut layers = Vec::new();
    let variables: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let all = session.program.parameters();
    environment::check(&all.iter().collect::<Vec<_>>(), &variables)?;
    for (name, key, value) in environment::given(parameters, &variables)? {
        let values = Map::from_iter([(name.to_owned(), value)]);
        layers.push(Layer { source: Source::Variable(key), values });
    }
    if let Some(path) = path {
        layers.push(layer(parameters, Source::File(path.clone()), file::read(path)?)?);
    }
    let configured = session.settings.params_of(flow.ident())?;
    layers.push(layer(parameters, Source::Config, configured)?);
    Ok(layers)
}

fn above_config(layers: &[Layer]) -> usize {
    layers.iter().position(|layer| layer.source == Source::Config).unwrap_or(layers.len())
}

/// Takes the parameters of an earlier run; not its secrets, which no record keeps.
fn like(
    session: &Session,
    store: &dyn Store,
    flow: &FlowSpec,
    parameters: &[Parameter],
    typed: &str,
) -> Outcome<Layer> {
    let run = which::run(store, &session.program, Some(typed))?;
    let short = run.id.short();
    if run.path != flow.declaration.path {
        let ident = flow.ident();
        let message = format!(
            "run `{short}` is a run of `{}`, not of `{ident}`; write `--like last:{ident}`",
            run.flow
        );
        return Err(Usage::new(message));
    }
    let kept = run.parameters.as_deref().and_then(|json| serde_json::from_str(json).ok());
    let Some(Value::Object(values)) = kept else {
        let why = types::unkept(flow).map(|why| format!(" ({why})")).unwrap_or_default();
        return Err(Usage::new(format!(
            "the parameters of run `{short}` are not kept{why}; give them again"
        )));
    };
    let holds = |name: &str| parameters.iter().any(|known| known.name == name && holds_secret(known));
    let left = values.into_iter().filter_map(|(name, value)| {
        let value = if holds(&name) { without_masks(value)? } else { value };
        Some((name, value))
    });
    let values = left.collect();
    layer(parameters, Source::Run(short), values)
}

/// Prints each value with its source.
pub(super) fn show_config(session: &Session, resolved: &[Resolved]) {
    if session.is_json() {
        for one in resolved {
            let fields = json!({ "name": one.parameter.name, "value": one.shown(), "source": one.source() });
            say(lines::line("parameter", None, fields));
        }
        return;
    }
    let row = |one: &Resolved| match one.shown() {
        Some(value) => vec![format!("  {}", one.parameter.name), value, one.source()],
        None => vec![format!("  {}", one.parameter.name), "(missing)".to_owned()],
    };
    table(&resolved.iter().map(row).collect::<Vec<_>>()).iter().for_each(say);
}
