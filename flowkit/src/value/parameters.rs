//! The parameters of a flow: name, type and default of each, from the flow's signature.
//!
//! One description for everything that asks people for arguments: flags, files, and forms by its JSON schema. Arguments are read
//! in `flow/arguments`.

use serde_json::{Map, Value, json};

use crate::value::json::{Json, Members};
use crate::value::shape::ParamType;

/// A parameter of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameter {
    /// The name in the signature; the position if the parameter is a pattern.
    pub name: &'static str,
    /// Its doc comment.
    pub description: &'static str,
    /// What a value looks like.
    pub param_type: ParamType,
    /// Its type, as in the signature.
    pub type_name: &'static str,
    /// Whether the type is `Deserialize`. If not, the argument cannot be passed as text.
    pub is_read: bool,
    /// Whether the type is `Serialize`. If not, the argument is not persisted, and a run cannot be resumed by its id alone.
    pub is_written: bool,
    /// Whether the argument may be omitted: `#[param(default = …)]`, or an `Option`.
    pub is_optional: bool,
    /// The default as JSON; `None` if there is none, or one that is not serializable.
    pub default: Option<String>,
}

impl Parameter {
    /// For the attribute. `default` is the default, if there is one, as JSON, if it is serializable.
    #[doc(hidden)]
    pub fn __new(
        name: &'static str,
        description: &'static str,
        type_name: &'static str,
        param_type: Option<fn() -> ParamType>,
        is_written: bool,
        default: Option<Option<String>>,
    ) -> Self {
        // An argument of a type whose `Deserialize` panics on a dummy can still be passed as JSON.
        let known = param_type.and_then(|param_type| std::panic::catch_unwind(param_type).ok());
        let known = known
            .unwrap_or(if param_type.is_some() { ParamType::Hidden } else { ParamType::Anything })
            .under(name);
        let is_optional = default.is_some() || matches!(known, ParamType::Optional(_));
        let (is_read, default) = (param_type.is_some(), default.flatten());
        Self { name, description, param_type: known, type_name, is_read, is_written, is_optional, default }
    }

    /// For the attribute: a parameter of a type that borrows.
    #[doc(hidden)]
    pub fn __borrowed(name: &'static str, description: &'static str, type_name: &'static str) -> Self {
        Self::__new(name, description, type_name, None, false, None)
    }

    /// Returns the default as a tree, if it has one that is serializable.
    pub(crate) fn default_value(&self) -> Option<Json> {
        self.default.as_deref().and_then(Json::recorded)
    }

    fn schema(&self) -> Json {
        let mut schema = Json::from(schema_of(&self.param_type));
        if let Json::Object(members) = &mut schema {
            if !self.description.is_empty() {
                members.insert("description".to_owned(), self.description.into());
            }
            if let Some(default) = self.default_value() {
                members.insert("default".to_owned(), default);
            }
        }
        schema
    }
}

/// Returns the JSON schema (draft 2020-12) of an object with a value for each parameter.
pub(crate) fn schema(parameters: &[Parameter]) -> Json {
    let properties: Members =
        parameters.iter().map(|parameter| (parameter.name.to_owned(), parameter.schema())).collect();
    let required: Vec<_> = parameters
        .iter()
        .filter(|parameter| !parameter.is_optional)
        .map(|parameter| parameter.name)
        .collect();
    let mut schema = Json::from(json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": required,
        "additionalProperties": false,
    }));
    if let Json::Object(members) = &mut schema {
        members.insert("properties".to_owned(), Json::Object(properties));
    }
    schema
}

fn schema_of(param_type: &ParamType) -> Value {
    match param_type {
        ParamType::Bool => json!({ "type": "boolean" }),
        ParamType::Integer { min, max } => bounded(*min, *max),
        ParamType::Float => json!({ "type": "number" }),
        ParamType::Text | ParamType::Path => json!({ "type": "string" }),
        ParamType::Choice(texts) => json!({ "enum": texts }),
        // The object is the serialized form; people may write `"30s"`.
        ParamType::Duration => json!({
            "anyOf": [
                { "type": "string", "examples": ["30s"] },
                {
                    "type": "object",
                    "properties": { "secs": { "type": "integer" }, "nanos": { "type": "integer" } },
                    "required": ["secs", "nanos"],
                },
            ],
        }),
        ParamType::Secret => json!({ "type": "string", "writeOnly": true }),
        ParamType::Optional(inner) => json!({ "anyOf": [schema_of(inner), { "type": "null" }] }),
        ParamType::List(item) => json!({ "type": "array", "items": schema_of(item) }),
        ParamType::Record(fields) => {
            // Only the type itself knows which fields may be omitted.
            let properties: Map<String, Value> =
                fields.iter().map(|(name, field)| ((*name).to_owned(), schema_of(field))).collect();
            json!({ "type": "object", "properties": properties })
        }
        ParamType::Anything | ParamType::Hidden => json!({}),
    }
}

/// Leaves out bounds that a reader of JSON with numbers of 64 bits would change.
fn bounded(min: i128, max: u128) -> Value {
    let mut schema = json!({ "type": "integer" });
    if let Value::Object(members) = &mut schema {
        if let Ok(min) = i64::try_from(min) {
            members.insert("minimum".to_owned(), min.into());
        }
        if let Ok(max) = u64::try_from(max) {
            members.insert("maximum".to_owned(), max.into());
        }
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    /// Loads rows.
    #[flow]
    async fn etl(
        /// Where the rows are.
        source: String,
        /// How many to take.
        #[param(default = 100)]
        rows: u32,
        #[param(default = "full")] mode: String,
        label: Option<String>,
    ) -> usize {
        source.len() + rows as usize + mode.len() + label.map_or(0, |label| label.len())
    }

    #[test]
    fn a_signature_becomes_a_schema() {
        let parameters = etl::spec().parameters().unwrap();
        let written: Value = serde_json::from_str(&schema(&parameters).to_string()).unwrap();
        assert_eq!(written["required"], json!(["source"]));
        assert_eq!(
            written["properties"]["rows"],
            json!({ "type": "integer", "minimum": 0, "maximum": 4_294_967_295_u32, "description": "How many to take.",
                    "default": 100 })
        );
        assert_eq!(written["properties"]["mode"]["default"], "full");
        assert_eq!(parameters[0].description, "Where the rows are.");
        assert!(parameters[3].is_optional && parameters[3].default.is_none());
    }
}
