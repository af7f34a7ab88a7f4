//! Parameters in environment variables: `FLOWKIT_PARAM_ROWS=5`, and `FLOWKIT_PARAM_DB__URL` for a field of a struct.

use serde_json::{Map, Value};

use super::flags::merged;
use super::secrets::quoting;
use super::usage::{Usage, UsageResult, meant_or_known};
use super::values::{Misfit, parse};
use crate::value::parameters::Parameter;
use crate::value::shape::ParamType;

const PREFIX: &str = "FLOWKIT_PARAM_";

/// Returns the variable of a parameter.
pub(super) fn name(parameter: &str) -> String {
    format!("{PREFIX}{}", parameter.to_ascii_uppercase())
}

/// Returns the variable of a field, from the variable of its struct.
pub(super) fn field(variable: &str, name: &str) -> String {
    format!("{variable}__{}", name.to_ascii_uppercase())
}

/// Reads the values of these parameters from the variables.
pub(super) fn values(
    parameters: &[Parameter],
    variables: &[(String, String)],
) -> UsageResult<Vec<(&'static str, String, Value)>> {
    let quoting = quoting(parameters);
    let mut found = Vec::new();
    for parameter in parameters {
        let prefix = field(&name(parameter.name), "");
        let mut value = None;
        // The variable of the whole comes first, so that those of fields override it.
        let mut own: Vec<_> = variables
            .iter()
            .filter(|(key, _)| *key == name(parameter.name) || key.starts_with(&prefix))
            .collect();
        own.sort_by_key(|(key, _)| key.len());
        for (key, text) in &own {
            let path = key.strip_prefix(&prefix).unwrap_or_default();
            let read = at(&parameter.param_type, path, text);
            let read = read.map_err(|misfit| Usage::new(misfit.inside(key).message(quoting)))?;
            value = Some(match value {
                Some(below) => merged(below, read),
                None => read,
            });
        }
        if let (Some(value), Some((key, _))) = (value, own.first()) {
            found.push((parameter.name, key.clone(), value));
        }
    }
    Ok(found)
}

/// Parses the value at a path, and builds the objects around it.
fn at(param_type: &ParamType, path: &str, text: &str) -> Result<Value, Misfit> {
    if path.is_empty() {
        return parse(param_type, text);
    }
    let (first, rest) = path.split_once("__").unwrap_or((path, ""));
    let fields = match param_type {
        ParamType::Record(fields) => fields,
        ParamType::Optional(inner) => return at(inner, path, text),
        _ => return Err(Misfit::new(format!("it has no fields; leave out `__{path}`"))),
    };
    let Some((name, field)) = fields.iter().find(|(name, _)| name.to_ascii_uppercase() == first) else {
        let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
        // Names of variables are no secrets.
        let known = meant_or_known(&first.to_ascii_lowercase(), &names);
        return Err(Misfit::new(format!("unknown field `{first}`; {known}")));
    };
    let value = at(field, rest, text)?;
    Ok(Value::Object(Map::from_iter([((*name).to_owned(), value)])))
}

/// Refuses a variable that belongs to no parameter of any flow: it is a typo.
pub(super) fn check(parameters: &[Parameter], variables: &[(String, String)]) -> UsageResult<()> {
    for (key, _) in variables {
        let Some(written) = key.strip_prefix(PREFIX) else { continue };
        let own = written.split("__").next().unwrap_or(written);
        if !parameters.iter().any(|parameter| parameter.name.to_ascii_uppercase() == own) {
            let names: Vec<String> = parameters.iter().map(|parameter| name(parameter.name)).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            return Err(Usage::new(format!(
                "{key} belongs to no parameter; {}",
                meant_or_known(key, &names)
            )));
        }
    }
    Ok(())
}
