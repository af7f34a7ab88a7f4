//! The placeholder of an argument that cannot be persisted.

use super::json::{Json, Members};

/// The placeholder is an object with this one member, whose value is the reason.
pub(crate) const NOT_PERSISTED: &str = "flowkit::not_persisted";

/// Returns why an argument could not be persisted, if `value` is its placeholder.
pub(crate) fn not_persisted(value: &Json) -> Option<&str> {
    value.as_object().filter(|members| members.len() == 1)?.get(NOT_PERSISTED)?.as_str()
}

/// Returns the arguments of a call that could not be persisted, each with the reason: to resume its run, they must be passed again.
pub(crate) fn all_not_persisted(arguments: &str) -> Vec<(String, String)> {
    // Almost always none.
    let arguments = if arguments.contains(NOT_PERSISTED) { Json::recorded(arguments) } else { None };
    let members: Members = arguments.and_then(Json::into_object).unwrap_or_default();
    let left_out = |(name, value): (String, Json)| Some((name, not_persisted(&value)?.to_owned()));
    members.into_iter().filter_map(left_out).collect()
}
