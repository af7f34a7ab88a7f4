//! The value of each parameter, and where it comes from. Sources in order of precedence:
//!
//! ```text
//! flag  >  FLOWKIT_PARAM_*  >  --params file  >  --like run  >  [params.<flow>] in flowkit.toml  >  default
//! ```

use super::environment;
use super::flags::{flag, merged, typed};
use super::secrets::{holds_secret, quoting};
use super::settings::SettingSource;
use super::shown_values::{Of, show};
use super::usage::{Usage, UsageResult};
use super::values::fit;
use crate::text::wording::list;
use crate::value::json::{Json, Members};
use crate::value::parameters::Parameter;
use crate::value::secret::{MASK, is_masked};
use crate::value::shape::ParamType;

/// Stands for a default that cannot be serialized.
pub(super) const DEFAULT: &str = "(default)";

/// Values from one source.
pub(super) struct Layer {
    pub(super) source: SettingSource,
    pub(super) values: Members,
}

impl Layer {
    pub(super) fn of_one(source: SettingSource, name: &str, value: Json) -> Self {
        Self { source, values: Members::from([(name.to_owned(), value)]) }
    }
}

/// A parameter with its value.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) parameter: Parameter,
    /// `None` if no source has it.
    pub(super) value: Option<Json>,
    /// The source of the value; several for a merged object, in order of precedence.
    pub(super) sources: Vec<SettingSource>,
    /// The fields of a struct, if their values have several sources.
    pub(super) fields: Vec<Field>,
}

impl Resolved {
    /// Whether it is a default that cannot be serialized, and so cannot be shown.
    fn is_unknown(&self) -> bool {
        let is_none = matches!(self.parameter.param_type, ParamType::Optional(_));
        self.sources == [SettingSource::Default] && self.parameter.default.is_none() && !is_none
    }

    /// Returns the value, if it can be serialized.
    pub(super) fn known(&self) -> Option<Json> {
        self.value.clone().filter(|_| !self.is_unknown())
    }

    /// Returns the recorded value, if a secret in it is only masked there.
    fn masked<'r>(&self, recorded: Option<&'r Members>) -> Option<&'r Json> {
        let recorded = recorded.and_then(|recorded| recorded.get(self.parameter.name));
        recorded.filter(|value| holds_secret(&self.parameter) || is_masked(value))
    }

    /// Shows the value of a field, with the path to it: `db.url`.
    pub(super) fn shown_field(&self, field: &Field, recorded: Option<&Members>) -> (String, String) {
        let (value, of) = match self.masked(recorded) {
            Some(recorded) => (field.of(recorded), Of::Recorded),
            None => (self.value.as_ref().and_then(|value| field.of(value)), Of::Provided),
        };
        let shown = value.map_or_else(|| MASK.to_owned(), |value| show(&field.param_type, value, of));
        (format!("{}.{}", self.parameter.name, field.names.join(".")), shown)
    }

    /// Shows the value as people would write it. A secret in it is masked, or the value is not shown at all.
    pub(super) fn shown(&self, recorded: Option<&Members>) -> Option<String> {
        let recorded = self.masked(recorded);
        let shown = |value| match (self.is_unknown(), recorded) {
            (true, _) => DEFAULT.to_owned(),
            (false, Some(recorded)) => show(&self.parameter.param_type, recorded, Of::Recorded),
            (false, None) => show(&self.parameter.param_type, value, Of::Provided),
        };
        self.value.as_ref().map(shown)
    }

    pub(super) fn source(&self) -> String {
        self.sources.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// Checks values from a file, and converts them to the types of the parameters.
pub(super) fn layer(parameters: &[Parameter], source: SettingSource, values: Members) -> UsageResult<Layer> {
    let names: Vec<&str> = parameters.iter().map(|parameter| parameter.name).collect();
    let quoting = quoting(parameters);
    let mut fitted = Members::new();
    for (key, value) in values {
        // In a file, `dry-run` means `dry_run`, too.
        let same = |name: &str| name == key || flag(name) == key;
        let Some(parameter) = parameters.iter().find(|parameter| same(parameter.name)) else {
            return Err(Usage::new(format!("{source}: {}", quoting.unknown("parameter", &key, &names))));
        };
        let value = fit(&parameter.param_type, value).map_err(|misfit| {
            Usage::new(format!("{source}: parameter `{key}`: {}", misfit.message(quoting)))
        })?;
        fitted.insert(parameter.name.to_owned(), value);
    }
    Ok(Layer { source, values: fitted })
}

/// Merges the layers; the first one takes precedence.
pub(super) fn resolve(parameters: Vec<Parameter>, layers: &[Layer]) -> Vec<Resolved> {
    let resolve = |parameter: Parameter| {
        let default = parameter.default_value().or_else(|| parameter.is_optional.then_some(Json::Null));
        let mut value: Option<Json> = None;
        let mut sources = Vec::new();
        for layer in layers {
            let Some(below) = layer.values.get(parameter.name) else { continue };
            sources.push(layer.source.clone());
            match value.take() {
                None => value = Some(below.clone()),
                Some(above) => value = Some(merged(below.clone(), above)),
            }
            // Only objects are merged with lower layers.
            if !value.as_ref().is_some_and(is_object) {
                break;
            }
        }
        let value = match (value, default) {
            (None, Some(default)) => {
                sources.push(SettingSource::Default);
                Some(default)
            }
            (Some(value), Some(default)) if is_object(&value) && is_object(&default) => {
                Some(merged(default, value))
            }
            (value, _) => value,
        };
        let fields = value.as_ref().map(|value| fields(&parameter, value, layers)).unwrap_or_default();
        Resolved { parameter, value, sources, fields }
    };
    parameters.into_iter().map(resolve).collect()
}

/// A field of a struct.
#[derive(Debug)]
pub(super) struct Field {
    /// The names on the way to it, and its own.
    names: Vec<&'static str>,
    param_type: ParamType,
    pub(super) source: SettingSource,
}

impl Field {
    fn of<'v>(&self, value: &'v Json) -> Option<&'v Json> {
        self.names.iter().try_fold(value, |value, name| value.as_object()?.get(*name))
    }
}

/// Returns the fields of a struct with their sources; none if all have the same one.
fn fields(parameter: &Parameter, value: &Json, layers: &[Layer]) -> Vec<Field> {
    fn add(names: &[&'static str], param_type: &ParamType, value: &Json, found: &mut Vec<Field>) {
        match (param_type, value) {
            (ParamType::Optional(inner), value) => add(names, inner, value, found),
            (ParamType::Record(fields), Json::Object(members)) => {
                for (name, field) in fields {
                    if let Some(value) = members.get(*name) {
                        add(&[names, &[*name]].concat(), field, value, found);
                    }
                }
            }
            _ if names.is_empty() => {}
            (param_type, _) => {
                let (names, param_type) = (names.to_vec(), param_type.clone());
                found.push(Field { names, param_type, source: SettingSource::Default });
            }
        }
    }
    let mut found = Vec::new();
    add(&[], &parameter.param_type, value, &mut found);
    for field in &mut found {
        let has =
            |layer: &&Layer| layer.values.get(parameter.name).is_some_and(|value| field.of(value).is_some());
        if let Some(layer) = layers.iter().find(has) {
            field.source = layer.source.clone();
        }
    }
    if found.windows(2).all(|two| two[0].source == two[1].source) {
        found.clear();
    }
    found
}

fn is_object(value: &Json) -> bool {
    value.as_object().is_some()
}

/// Reports all missing parameters at once.
pub(super) fn check_complete(flow: &str, resolved: &[Resolved]) -> UsageResult<()> {
    let missing: Vec<_> = resolved.iter().filter(|resolved| resolved.value.is_none()).collect();
    let Some(first) = missing.first() else { return Ok(()) };
    let flags: Vec<String> = missing.iter().map(|resolved| typed(&resolved.parameter)).collect();
    Err(Usage::new(format!(
        "`{flow}` needs {}; give it so, as {}, or in a file with `--params`",
        list(flags),
        environment::name(first.parameter.name),
    )))
}

/// Writes the arguments as JSON, in the order of the signature. A default that cannot be serialized is left out.
pub(super) fn arguments(resolved: &[Resolved]) -> String {
    let members = resolved.iter().filter_map(|resolved| {
        let is_left_out =
            resolved.sources == [SettingSource::Default] && resolved.parameter.default.is_none();
        let value = resolved.value.as_ref().filter(|_| !is_left_out)?;
        Some(format!("{}:{value}", Json::from(resolved.parameter.name)))
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::json::tree;
    use crate::value::shape::param_type_of;

    fn parameter(default: Option<&str>) -> Parameter {
        let default = default.map(|json| Some(json.to_owned()));
        Parameter::__new("rows", "", "u32", Some(param_type_of::<u32>), true, default)
    }

    fn layer_of(source: SettingSource, value: Json) -> Layer {
        Layer { source, values: Members::from([("rows".to_owned(), value)]) }
    }

    /// All sixteen ways in which the four places beside the default can have a value or not.
    #[test]
    fn of_all_combinations_of_places_the_highest_counts() {
        for present in 0..16_u8 {
            let places = [
                SettingSource::Flag("rows".to_owned()),
                SettingSource::Variable("FLOWKIT_PARAM_ROWS".to_owned()),
                SettingSource::File("p.yaml".into()),
                SettingSource::Config,
            ];
            let provided = places.into_iter().enumerate().filter(|(bit, _)| present & (1 << bit) != 0);
            let layers: Vec<_> = provided.map(|(bit, source)| layer_of(source, tree!(bit))).collect();
            let expected = layers.first().map_or((tree!(9), SettingSource::Default), |layer| {
                (layer.values["rows"].clone(), layer.source.clone())
            });
            let resolved = resolve(vec![parameter(Some("9"))], &layers);
            assert_eq!(resolved[0].value.clone(), Some(expected.0), "{present:04b}");
            assert_eq!(resolved[0].sources, [expected.1], "{present:04b}");
            let without_default = resolve(vec![parameter(None)], &layers);
            assert_eq!(check_complete("etl", &without_default).is_ok(), present != 0, "{present:04b}");
        }
    }

    #[test]
    fn of_a_struct_the_fields_may_come_from_several_places() {
        let mut parameter = parameter(None);
        parameter.param_type = ParamType::Anything;
        let layers = [
            layer_of(SettingSource::Flag("rows".to_owned()), tree!({ "a": 1 })),
            layer_of(SettingSource::Config, tree!({ "a": 2, "b": 3 })),
        ];
        let resolved = resolve(vec![parameter], &layers);
        assert_eq!(resolved[0].value, Some(tree!({ "a": 1, "b": 3 })));
        assert_eq!(resolved[0].source(), "--rows, flowkit.toml");
        assert_eq!(arguments(&resolved), r#"{"rows":{"a":1,"b":3}}"#);
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest() {
        let values = Members::from([("rowz".to_owned(), tree!(1))]);
        let refused = layer(&[parameter(None)], SettingSource::Config, values).err().unwrap();
        assert_eq!(refused.to_string(), "flowkit.toml: unknown parameter `rowz`; did you mean `rows`?");
    }
}
