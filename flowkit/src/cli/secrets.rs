//! Secrets of earlier runs: no record keeps them, so that they are given again. What stands in their place is taken out.

use serde_json::{Map, Value};

use super::environment;
use crate::model::shape::Outline;
use crate::parameters::Parameter;
use crate::secret::MASK;

/// Whether there is a secret somewhere in a parameter.
pub(super) fn holds_secret(parameter: &Parameter) -> bool {
    fn holds(outline: &Outline) -> bool {
        match outline {
            Outline::Secret => true,
            Outline::Optional(inner) | Outline::List(inner) => holds(inner),
            Outline::Record(fields) => fields.iter().any(|(_, field)| holds(field)),
            _ => false,
        }
    }
    holds(&parameter.outline)
}

/// Whether something was left out of a value because it is secret.
pub(super) fn is_masked(value: &Value) -> bool {
    match value {
        Value::String(text) => text == MASK,
        Value::Array(items) => items.iter().any(is_masked),
        Value::Object(members) => members.values().any(is_masked),
        _ => false,
    }
}

/// Returns the variables in which the secrets of a parameter can be given again that were left out of these arguments; none if
/// none was.
pub(super) fn variables(parameter: &Parameter, arguments: &Map<String, Value>) -> Vec<String> {
    fn add(variable: String, value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    add(environment::field(&variable, name), member, found);
                }
            }
            value if is_masked(value) => found.push(variable),
            _ => {}
        }
    }
    let mut found = Vec::new();
    if let Some(value) = arguments.get(parameter.name).filter(|_| holds_secret(parameter)) {
        add(environment::name(parameter.name), value, &mut found);
    }
    found
}

/// Takes out what stands in the place of secrets; `None` if nothing is left.
pub(super) fn without_masks(value: Value) -> Option<Value> {
    match value {
        Value::Object(members) => {
            let left = members.into_iter().filter_map(|(name, value)| Some((name, without_masks(value)?)));
            Some(Value::Object(left.collect()))
        }
        value => (!is_masked(&value)).then_some(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::shape::outline_of;
    use crate::secret::Secret;

    #[derive(serde::Deserialize)]
    #[expect(dead_code, reason = "only its form is looked at")]
    struct Account {
        user: String,
        token: Secret,
    }

    #[test]
    fn a_secret_is_given_again_in_the_variable_of_its_field() {
        let parameter =
            |name, outline: fn() -> Outline| Parameter::__new(name, "", "", Some(outline), true, None);
        let parameters = [
            parameter("user", outline_of::<String>),
            parameter("token", outline_of::<Secret>),
            parameter("keys", outline_of::<Vec<Secret>>),
            parameter("account", outline_of::<Account>),
        ];
        let arguments = json!({
            "user": "***", "token": "***", "keys": ["***"], "account": { "user": "ida", "token": "***" }
        });
        let Value::Object(arguments) = arguments else { unreachable!() };
        assert_eq!(
            parameters.iter().flat_map(|parameter| variables(parameter, &arguments)).collect::<Vec<_>>(),
            ["FLOWKIT_PARAM_TOKEN", "FLOWKIT_PARAM_KEYS", "FLOWKIT_PARAM_ACCOUNT__TOKEN"]
        );
    }

    #[test]
    fn what_stands_for_a_secret_is_taken_out_of_what_is_around_it() {
        assert_eq!(without_masks(json!("***")), None);
        assert_eq!(without_masks(json!(["***"])), None);
        assert_eq!(without_masks(json!({ "url": "a", "token": "***" })), Some(json!({ "url": "a" })));
        assert!(is_masked(&json!({ "a": [{ "b": "***" }] })) && !is_masked(&json!({ "a": [null, 1, "**"] })));
    }
}
