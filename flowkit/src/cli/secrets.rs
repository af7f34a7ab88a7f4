//! Secrets of earlier runs: no record keeps them, so that they are given again. What stands in their place is taken out.

use serde_json::Value;

use crate::model::shape::Outline;
use crate::parameters::Parameter;
use crate::secret::MASK;

/// Whether there is a secret somewhere in a parameter.
pub(super) fn holds_secret(parameter: &Parameter) -> bool {
    fn holds(outline: &Outline) -> bool {
        match outline {
            Outline::Secret(_) => true,
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

    #[test]
    fn what_stands_for_a_secret_is_taken_out_of_what_is_around_it() {
        assert_eq!(without_masks(json!("***")), None);
        assert_eq!(without_masks(json!(["***"])), None);
        assert_eq!(without_masks(json!({ "url": "a", "token": "***" })), Some(json!({ "url": "a" })));
        assert!(is_masked(&json!({ "a": [{ "b": "***" }] })) && !is_masked(&json!({ "a": [null, 1, "**"] })));
    }
}
