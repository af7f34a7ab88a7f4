//! What stands in the place of an argument that cannot be persisted.

use serde_json::{Map, Value};

/// Stands in the place of an argument that cannot be persisted, with the reason: an object with this one member.
pub(crate) const NOT_PERSISTED: &str = "flowkit::not_persisted";

/// Returns why there is no value in this place, if something stands in it for an argument that cannot be persisted.
pub(crate) fn not_persisted(value: &Value) -> Option<&str> {
    value.as_object().filter(|members| members.len() == 1)?.get(NOT_PERSISTED)?.as_str()
}

/// Returns which arguments of a call cannot be persisted, and why: a resume of its run has to give them again.
pub(crate) fn all_not_persisted(arguments: &str) -> Vec<(String, String)> {
    // Almost always none.
    let members = if arguments.contains(NOT_PERSISTED) { serde_json::from_str(arguments).ok() } else { None };
    let members: Map<String, Value> = members.unwrap_or_default();
    let left_out = |(name, value): (String, Value)| Some((name, not_persisted(&value)?.to_owned()));
    members.into_iter().filter_map(left_out).collect()
}
