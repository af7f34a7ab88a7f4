//! Parameters in environment variables: `FLOWKIT_PARAM_ROWS=5`, and `FLOWKIT_PARAM_DB__URL` for a field of a struct.

use std::ffi::OsString;

use super::secrets::quoting;
use super::usage::{Usage, UsageResult, meant_or_known};
use super::values::{Misfit, parse};
use crate::text::wording::nearest;
use crate::value::json::{Json, Members};
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

/// Returns the variables of this process that have the prefix.
pub(super) fn variables() -> Vec<(String, OsString)> {
    let all = std::env::vars_os().map(|(key, value)| (key.to_string_lossy().into_owned(), value));
    all.filter(|(key, _)| key.starts_with(PREFIX)).collect()
}

/// Reads the values of these parameters from the variables: those of fields first, which override the whole.
pub(super) fn values(
    parameters: &[Parameter],
    variables: &[(String, OsString)],
) -> UsageResult<Vec<(&'static str, String, Json)>> {
    let quoting = quoting(parameters);
    let mut found = Vec::new();
    for parameter in parameters {
        let prefix = field(&name(parameter.name), "");
        let is_own = |key: &str| key == name(parameter.name) || key.starts_with(&prefix);
        let mut own: Vec<_> = variables.iter().filter(|(key, _)| is_own(key)).collect();
        own.sort_by_key(|(key, _)| std::cmp::Reverse(key.len()));
        for (key, text) in own {
            let path = key.strip_prefix(&prefix).unwrap_or_default();
            let text = text.to_str().ok_or_else(|| {
                Usage::new(format!(
                    "{key} is no text in UTF-8, in which arguments are persisted; write it so"
                ))
            })?;
            let value = at(&parameter.param_type, path, text);
            let value = value.map_err(|misfit| Usage::new(misfit.inside(key).message(quoting)))?;
            found.push((parameter.name, key.clone(), value));
        }
    }
    Ok(found)
}

/// Parses the value at a path, and builds the objects around it.
fn at(param_type: &ParamType, path: &str, text: &str) -> Result<Json, Misfit> {
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
    Ok(Json::Object(Members::from([((*name).to_owned(), value)])))
}

/// Returns the variables that belong to no parameter of any flow, such as those of another program.
///
/// # Errors
///
/// If one is nearly that of a parameter: it is a typo, and the run would take a default in silence.
pub(super) fn foreign<'v>(
    parameters: &[Parameter],
    variables: &'v [(String, OsString)],
) -> UsageResult<Vec<&'v str>> {
    let names: Vec<String> = parameters.iter().map(|known| known.name.to_ascii_uppercase()).collect();
    let mut foreign = Vec::new();
    for (key, _) in variables {
        let own = key.strip_prefix(PREFIX).unwrap_or(key);
        let own = own.split("__").next().unwrap_or(own);
        if names.iter().any(|name| name == own) {
            continue;
        }
        // Without the prefix, which makes all of them look alike.
        match nearest(&own.to_ascii_uppercase(), names.iter().map(String::as_str)) {
            Some(near) => {
                let near = name(near);
                return Err(Usage::new(format!("{key} belongs to no parameter; did you mean `{near}`?")));
            }
            None => foreign.push(key.as_str()),
        }
    }
    Ok(foreign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::shape::param_type_of;

    #[test]
    fn only_what_is_nearly_a_parameter_is_an_error() {
        let parameters = [Parameter::__new("rows", "", "u32", Some(param_type_of::<u32>), true, None)];
        let foreign = |key: &str| {
            let variables = [(key.to_owned(), OsString::from("1"))];
            foreign(&parameters, &variables).map(|foreign| foreign.len()).map_err(|usage| usage.to_string())
        };
        let typo =
            |key: &str| Err(format!("{key} belongs to no parameter; did you mean `FLOWKIT_PARAM_ROWS`?"));
        for (key, expected) in [
            ("FLOWKIT_PARAM_ROWS", Ok(0)),
            ("FLOWKIT_PARAM_ROWS__X", Ok(0)),
            ("FLOWKIT_PARAM_TOKEN", Ok(1)),
            ("FLOWKIT_PARAM_", Ok(1)),
            ("FLOWKIT_PARAM_ROWZ", typo("FLOWKIT_PARAM_ROWZ")),
            ("FLOWKIT_PARAM_rows", typo("FLOWKIT_PARAM_rows")),
            ("FLOWKIT_PARAM_ROW__X", typo("FLOWKIT_PARAM_ROW__X")),
        ] {
            assert_eq!(foreign(key), expected, "{key}");
        }
    }
}
