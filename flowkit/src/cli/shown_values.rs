//! How values of parameters are shown: as people would write them, and secrets not at all. For parsing, see `values`.

use super::values::is_one_word;
use crate::flow::arguments;
use crate::text::duration;
use crate::value::json::{Json, Members};
use crate::value::parameters::Parameter;
use crate::value::secret::MASK;
use crate::value::shape::ParamType;

/// The origin of a value that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// A user passed it, secrets included.
    Provided,
    /// A persisted value, or the type's own `Serialize`: it has no secrets.
    Recorded,
}

/// Shows a value as people would write it: text without quotation marks, lengths of time with units, secrets not at all.
pub(super) fn show(param_type: &ParamType, value: &Json, of: Of) -> String {
    let show = |param_type: &ParamType, value: &Json| self::show(param_type, value, of);
    match (param_type, value) {
        _ if crate::value::not_persisted::not_persisted(value).is_some() => "(not persisted)".to_owned(),
        (ParamType::Optional(_), Json::Null) => "(none)".to_owned(),
        (ParamType::Optional(inner), value) => show(inner, value),
        (ParamType::Secret, _) => MASK.to_owned(),
        (ParamType::Hidden, _) if of == Of::Provided => MASK.to_owned(),
        (ParamType::Duration, value) if arguments::duration(value).is_some() => {
            arguments::duration(value).map(duration::write).unwrap_or_default()
        }
        (_, Json::Null) => "(none)".to_owned(),
        (_, Json::Text(text)) => text.clone(),
        (ParamType::List(_), Json::List(items)) if items.is_empty() => "(empty)".to_owned(),
        (ParamType::List(item), Json::List(items)) if is_one_word(item) => {
            let words: Vec<String> = items.iter().map(|value| show(item, value)).collect();
            // As JSON where the words would be read as others.
            let is_plain = |word: &String| !word.is_empty() && !word.contains(',') && word.trim() == word;
            if words.iter().all(is_plain) && !words[0].starts_with('[') {
                return words.join(",");
            }
            legible(param_type, value, of).to_string()
        }
        (ParamType::Record(fields), Json::Object(members)) => {
            let hidden = members.iter().map(|(name, value)| {
                let field = fields
                    .iter()
                    .find(|(known, _)| known == name)
                    .map_or(&ParamType::Anything, |field| &field.1);
                format!("{name}={}", show(field, value))
            });
            format!("{{{}}}", hidden.collect::<Vec<_>>().join(", "))
        }
        (_, value) => value.to_string(),
    }
}

/// Writes arguments as an object, in the order of the signature, with values as people would write them: lengths of
/// time are text, and secrets are masked.
pub(super) fn in_words<'p>(
    parameters: impl Iterator<Item = &'p Parameter>,
    values: &Members,
    of: Of,
) -> String {
    let members = parameters.filter_map(|parameter| {
        let value = legible(&parameter.param_type, values.get(parameter.name)?, of);
        Some(format!("{}:{value}", Json::from(parameter.name)))
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

fn legible(param_type: &ParamType, value: &Json, of: Of) -> Json {
    match (param_type, value) {
        (_, Json::Null) => Json::Null,
        (_, value) if crate::value::not_persisted::not_persisted(value).is_some() => {
            show(param_type, value, of).into()
        }
        (ParamType::Optional(inner), value) => legible(inner, value, of),
        (ParamType::Secret | ParamType::Duration, value) => show(param_type, value, of).into(),
        (ParamType::Hidden, _) if of == Of::Provided => MASK.into(),
        (ParamType::List(item), Json::List(items)) => {
            Json::List(items.iter().map(|value| legible(item, value, of)).collect())
        }
        (ParamType::Record(fields), Json::Object(members)) => {
            let members = members.iter().map(|(name, value)| {
                let field = fields.iter().find(|(known, _)| known == name);
                let value = field.map_or_else(|| value.clone(), |field| legible(&field.1, value, of));
                (name.clone(), value)
            });
            Json::Object(members.collect())
        }
        (_, value) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::json::tree;

    fn list(inner: ParamType) -> ParamType {
        ParamType::List(Box::new(inner))
    }

    #[test]
    fn a_secret_is_not_shown_wherever_it_stands() {
        let show = |param_type: &ParamType, value: &Json| show(param_type, value, Of::Provided);
        assert_eq!(show(&ParamType::Secret, &tree!("abc")), "***");
        assert_eq!(show(&list(ParamType::Secret), &tree!(["abc"])), "***");
        assert_eq!(show(&ParamType::Hidden, &tree!({ "a": ["abc"] })), "***");
        assert_eq!(show(&ParamType::Optional(Box::new(ParamType::Secret)), &tree!(null)), "(none)");
        let record = ParamType::Record(vec![("url", ParamType::Text), ("token", ParamType::Secret)]);
        assert_eq!(show(&record, &tree!({ "url": "a", "token": "abc" })), "{token=***, url=a}");
        assert_eq!(show(&list(ParamType::Text), &tree!(["a", "b"])), "a,b");
        assert_eq!(show(&list(ParamType::Text), &tree!(["a,b", ""])), r#"["a,b",""]"#);
        assert_eq!(show(&ParamType::Duration, &tree!({ "secs": 61, "nanos": 0 })), "1m 1s");
    }

    #[test]
    fn what_is_said_of_arguments_has_no_secret_at_any_depth() {
        let account = ParamType::Record(vec![("user", ParamType::Text), ("token", ParamType::Secret)]);
        let parameter = |name, param_type| {
            let mut parameter = Parameter::__new(name, "", "", None, true, None);
            parameter.param_type = param_type;
            parameter
        };
        let parameters = [parameter("account", list(account)), parameter("headers", ParamType::Hidden)];
        let values = tree!({ "account": [{ "user": "ida", "token": "abc" }], "headers": { "x": "abc" } });
        let Json::Object(values) = values else { unreachable!() };
        assert_eq!(
            in_words(parameters.iter(), &values, Of::Provided),
            r#"{"account":[{"token":"***","user":"ida"}],"headers":"***"}"#
        );
    }
}
