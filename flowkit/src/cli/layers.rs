//! The sources of a flow's parameters, one layer each: flags, variables, a file, an earlier run, `flowkit.toml`. Which
//! of them counts is decided in `resolve`.

use std::path::PathBuf;

use clap::ArgMatches;

use super::flags;
use super::resolve::{Layer, layer};
use super::secrets::{holds_secret, without_masks};
use super::session::Session;
use super::settings::SettingSource;
use super::usage::{Usage, UsageResult};
use super::{environment, file, run_ref, unsupported_types};
use crate::engine::spec::FlowSpec;
use crate::store::Store;
use crate::value::json::Json;
use crate::value::not_persisted::not_persisted;
use crate::value::parameters::Parameter;

/// Collects the layers for a run that is to begin, in order of precedence.
pub(super) fn of_run(
    session: &Session,
    flow: &FlowSpec,
    parameters: &[Parameter],
    matches: &ArgMatches,
) -> UsageResult<Vec<Layer>> {
    let mut layers: Vec<Layer> = Vec::new();
    for parameter in parameters {
        layers.extend(
            flags::values_of(parameter, matches)
                .into_iter()
                .map(|(flag, value)| Layer::of_one(SettingSource::Flag(flag), parameter.name, value)),
        );
    }
    layers.extend(beside_flags(session, flow, parameters, matches.get_one::<PathBuf>("params"))?);
    if let Some(typed) = matches.get_one::<String>("like") {
        let store = session.settings.look_back()?;
        layers.insert(above_config(&layers), like(session, &store, flow, parameters, typed)?);
    }
    Ok(layers)
}

/// Collects the layers besides the command line: variables, a file, and `flowkit.toml`.
pub(super) fn beside_flags(
    session: &Session,
    flow: &FlowSpec,
    parameters: &[Parameter],
    path: Option<&PathBuf>,
) -> UsageResult<Vec<Layer>> {
    let mut layers = Vec::new();
    let variables = environment::variables();
    session.note_foreign(&environment::foreign(&session.program.parameters(), &variables)?);
    for (name, key, value) in environment::values(parameters, &variables)? {
        layers.push(Layer::of_one(SettingSource::Variable(key), name, value));
    }
    if let Some(path) = path {
        layers.push(layer(parameters, SettingSource::File(path.clone()), file::read(path)?)?);
    }
    let configured = session.settings.params_of(flow.ident())?;
    layers.push(layer(parameters, SettingSource::Config, configured)?);
    Ok(layers)
}

fn above_config(layers: &[Layer]) -> usize {
    layers.iter().position(|layer| layer.source == SettingSource::Config).unwrap_or(layers.len())
}

/// Reads the parameters of an earlier run, without secrets, which are never persisted.
fn like(
    session: &Session,
    store: &dyn Store,
    flow: &FlowSpec,
    parameters: &[Parameter],
    typed: &str,
) -> UsageResult<Layer> {
    let run = run_ref::run(store, &session.program, Some(typed))?;
    let short = run.id.short();
    if run.path != flow.declaration.path {
        let ident = flow.ident();
        let message = format!(
            "run `{short}` is a run of `{}`, not of `{ident}`; write `--like last:{ident}`",
            run.flow
        );
        return Err(Usage::new(message));
    }
    let persisted = run.parameters.as_deref().and_then(Json::recorded);
    let Some(Json::Object(values)) = persisted else {
        let why = unsupported_types::unpersisted(flow).map(|why| format!(" ({why})")).unwrap_or_default();
        return Err(Usage::new(format!(
            "the parameters of run `{short}` are not persisted{why}; give them again"
        )));
    };
    let holds = |name: &str| parameters.iter().any(|known| known.name == name && holds_secret(known));
    let left = values.into_iter().filter_map(|(name, value)| {
        if not_persisted(&value).is_some() {
            return None;
        }
        let value = if holds(&name) { without_masks(value)? } else { value };
        Some((name, value))
    });
    let values = left.collect();
    layer(parameters, SettingSource::Run(short), values)
}
