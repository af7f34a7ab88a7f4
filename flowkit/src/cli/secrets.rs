//! Secrets on the command line: whether a message may repeat a value, and how the arguments of earlier runs, which are
//! persisted without secrets, are shown and completed. Whether a type contains secrets is in its `ParamType`.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::environment;
use super::program::CliProgram;
use super::resolve::Resolved;
use super::usage::{Usage, meant_or_known};
use crate::engine::spec::FlowSpec;
use crate::flow::arguments::ArgumentsError;
use crate::value::json::{Json, Members};
use crate::value::not_persisted::not_persisted;
use crate::value::parameters::Parameter;
use crate::value::secret::{MASK, is_masked};
use crate::value::shape::ParamType;

/// Whether messages about arguments repeat their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quoting {
    /// They show the value.
    Values,
    /// They name the position and what is expected, and repeat no value: it may be a secret, even one in the wrong
    /// position.
    Nothing,
}

/// Decides for all messages about a flow with these parameters: no value is repeated if one of them may contain a
/// secret.
pub(super) fn quoting<'p>(parameters: impl IntoIterator<Item = &'p Parameter>) -> Quoting {
    if parameters.into_iter().any(holds_secret) { Quoting::Nothing } else { Quoting::Values }
}

impl Quoting {
    /// The message for an unknown name, with the nearest one: ``unknown parameter `rowz`; did you mean `rows`?``
    pub(super) fn unknown(self, what: &str, name: &str, names: &[&str]) -> String {
        let known = meant_or_known(name, names);
        match self {
            Self::Values => format!("unknown {what} `{name}`; {known}"),
            Self::Nothing => format!("unknown {what}; {known}"),
        }
    }
}

/// Decides for the flows that a command line may mean: the one whose name is in it, or else all.
pub(super) fn quoting_of_line(program: &CliProgram, arguments: &[OsString]) -> Quoting {
    let is_named = |flow: &&FlowSpec| {
        arguments
            .iter()
            .any(|word| word.to_str().is_some_and(|word| [flow.ident(), flow.name()].contains(&word)))
    };
    let named: Vec<&FlowSpec> = program.flows.iter().filter(is_named).collect();
    let flows = if named.is_empty() { program.flows.iter().collect() } else { named };
    quoting(&flows.iter().flat_map(|flow| flow.all_parameters()).collect::<Vec<_>>())
}

/// Removes typed values from an error of clap.
pub(super) fn without_what_was_typed(mut error: clap::Error) -> clap::Error {
    let hidden = || ContextValue::String(MASK.to_owned());
    if error.get(ContextKind::InvalidValue).is_some() {
        error.insert(ContextKind::InvalidValue, hidden());
    }
    if error.kind() == ErrorKind::UnknownArgument {
        error.insert(ContextKind::InvalidArg, hidden());
        // Advice on how to pass it as a value.
        error.insert(ContextKind::Suggested, ContextValue::None);
    }
    error
}

/// The errors of the parameters' types about their values, which they may repeat.
pub(super) fn refused(error: &ArgumentsError, resolved: &[Resolved]) -> Usage {
    fn repeats(message: &str, value: &Json) -> bool {
        match value {
            Json::Null | Json::Bool(_) => false,
            Json::Number(number) => message.contains(number.as_str()),
            Json::Text(text) => !text.is_empty() && message.contains(text.as_str()),
            Json::List(items) => items.iter().any(|item| repeats(message, item)),
            Json::Object(members) => {
                members.iter().any(|(name, value)| message.contains(name.as_str()) || repeats(message, value))
            }
        }
    }
    let message = error.to_string();
    let provided =
        || resolved.iter().filter(|one| !holds_secret(&one.parameter)).filter_map(|one| one.value.as_ref());
    match quoting(resolved.iter().map(|one| &one.parameter)) {
        Quoting::Nothing if provided().any(|value| repeats(&message, value)) => Usage::new(
            "the parameters do not fit their types; what these say is not shown, as it repeats a value, \
             and this flow takes a secret",
        ),
        _ => Usage::new(message),
    }
}

/// Whether a parameter may contain a secret.
pub(super) fn holds_secret(parameter: &Parameter) -> bool {
    parameter.param_type.may_hold_secret()
}

/// Whether only the name of a parameter suggests a secret: its type lets it be persisted.
pub(super) fn is_secret_by_name(parameter: &Parameter) -> bool {
    fn is_text(param_type: &ParamType) -> bool {
        match param_type {
            ParamType::Secret => true,
            ParamType::Optional(inner) | ParamType::List(inner) => is_text(inner),
            _ => false,
        }
    }
    is_text(&parameter.param_type) && !parameter.type_name.contains("Secret")
}

/// Masks text under names of secrets: it is persisted unmasked, since its type is no `Secret`.
pub(super) fn masked(param_type: &ParamType, value: Json) -> Json {
    match (param_type, value) {
        (ParamType::Secret, Json::Text(_)) => MASK.into(),
        (ParamType::Optional(inner), value) => masked(inner, value),
        (ParamType::List(item), Json::List(items)) => {
            Json::List(items.into_iter().map(|value| masked(item, value)).collect())
        }
        (ParamType::Record(fields), Json::Object(members)) => {
            let field = |name: &str| fields.iter().find(|(known, _)| *known == name).map(|field| &field.1);
            let members = members.into_iter().map(|(name, value)| {
                let value = field(&name).map_or(value.clone(), |field| masked(field, value));
                (name, value)
            });
            Json::Object(members.collect())
        }
        (_, value) => value,
    }
}

/// Returns the persisted arguments of a run as programs may see them.
pub(super) fn recorded(parameters: &[Parameter], persisted: &str) -> Option<Members> {
    let members = Json::recorded(persisted)?.into_object()?;
    let known = |name: &str| parameters.iter().find(|parameter| parameter.name == name);
    let members = members.into_iter().map(|(name, value)| match known(&name) {
        Some(parameter) => (name, masked(&parameter.param_type, value)),
        None => (name, value),
    });
    Some(members.collect())
}

/// The same as text, which stays as it was written if nothing in it is masked.
pub(super) fn recorded_text(parameters: &[Parameter], persisted: &str) -> String {
    match (recorded(parameters, persisted).map(Json::Object), Json::recorded(persisted)) {
        (Some(shown), Some(all)) if shown != all => shown.to_string(),
        _ => persisted.to_owned(),
    }
}

/// Returns the variables for passing again what these arguments lack: a whole parameter that could not be persisted, or
/// the secrets in it.
pub(super) fn variables(parameter: &Parameter, arguments: &Members) -> Vec<String> {
    fn add(variable: String, value: &Json, found: &mut Vec<String>) {
        match value {
            Json::Object(members) => {
                for (name, member) in members {
                    add(environment::field(&variable, name), member, found);
                }
            }
            value if is_masked(value) => found.push(variable),
            _ => {}
        }
    }
    let mut found = Vec::new();
    if arguments.get(parameter.name).and_then(not_persisted).is_some() {
        found.push(environment::name(parameter.name));
    } else if let Some(value) = arguments.get(parameter.name).filter(|_| holds_secret(parameter)) {
        add(environment::name(parameter.name), value, &mut found);
    }
    found
}

/// Removes the masks of secrets; `None` if nothing is left.
pub(super) fn without_masks(value: Json) -> Option<Json> {
    match value {
        Json::Object(members) => {
            let left = members.into_iter().filter_map(|(name, value)| Some((name, without_masks(value)?)));
            Some(Json::Object(left.collect()))
        }
        value => (!is_masked(&value)).then_some(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::json::tree;
    use crate::value::secret::Secret;
    use crate::value::shape::param_type_of;

    #[derive(serde::Deserialize)]
    #[expect(dead_code, reason = "only its form is looked at")]
    struct Account {
        user: String,
        token: Secret,
    }

    #[test]
    fn a_secret_is_given_again_in_the_variable_of_its_field() {
        let parameter = |name, param_type: fn() -> ParamType| {
            Parameter::__new(name, "", "", Some(param_type), true, None)
        };
        let parameters = [
            parameter("user", param_type_of::<String>),
            parameter("token", param_type_of::<Secret>),
            parameter("keys", param_type_of::<Vec<Secret>>),
            parameter("account", param_type_of::<Account>),
        ];
        let arguments = tree!({
            "user": "***", "token": "***", "keys": ["***"], "account": { "user": "ida", "token": "***" }
        });
        let Json::Object(arguments) = arguments else { unreachable!() };
        assert_eq!(
            parameters.iter().flat_map(|parameter| variables(parameter, &arguments)).collect::<Vec<_>>(),
            ["FLOWKIT_PARAM_TOKEN", "FLOWKIT_PARAM_KEYS", "FLOWKIT_PARAM_ACCOUNT__TOKEN"]
        );
    }

    #[test]
    fn what_stands_for_a_secret_is_taken_out_of_what_is_around_it() {
        assert_eq!(without_masks(tree!("***")), None);
        assert_eq!(without_masks(tree!(["***"])), None);
        assert_eq!(without_masks(tree!({ "url": "a", "token": "***" })), Some(tree!({ "url": "a" })));
        assert!(is_masked(&tree!({ "a": [{ "b": "***" }] })) && !is_masked(&tree!({ "a": [null, 1, "**"] })));
    }
}
