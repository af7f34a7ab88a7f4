//! Values as people write them, made into the JSON that a parameter takes: from text, and from a file's own types.
//!
//! Says early and in plain words what is wrong. The last word is the type's own `Deserialize`, when the flow is called.

use serde_json::{Map, Value, json};

use super::duration;
use super::usage::meant_or_known;
use crate::given;
use crate::model::shape::Outline;
use crate::parameters::Parameter;
use crate::secret::MASK;

/// Returns the name of a value in a usage line: `INT`.
pub(super) fn value_name(outline: &Outline) -> String {
    let name = match outline {
        Outline::Bool => "BOOL",
        Outline::Integer { .. } => "INT",
        Outline::Float => "NUMBER",
        Outline::Text | Outline::Secret => "TEXT",
        Outline::Path => "PATH",
        Outline::Choice(_) => "CHOICE",
        Outline::Duration => "DURATION",
        Outline::Record(_) | Outline::Anything => "JSON",
        Outline::Optional(inner) => return value_name(inner),
        Outline::List(item) => return format!("{},…", value_name(item)),
    };
    name.to_owned()
}

/// Says what is expected, for messages.
fn expected(outline: &Outline) -> String {
    let words = match outline {
        Outline::Bool => "`true` or `false`",
        Outline::Integer { min, max } => return format!("a whole number from {min} to {max}"),
        Outline::Float => "a number",
        Outline::Text | Outline::Secret => "text",
        Outline::Path => "a path",
        Outline::Choice(texts) => return format!("one of `{}`", texts.join("`, `")),
        Outline::Duration => "a length of time, such as `30s` or `1h 30m`",
        Outline::Optional(inner) => return expected(inner),
        Outline::List(item) => return format!("a list, each of which is {}", expected(item)),
        Outline::Record(_) => "an object with its fields",
        Outline::Anything => "JSON",
    };
    words.to_owned()
}

/// Makes a value of text: a flag's, or that of an environment variable.
pub(super) fn parse(outline: &Outline, text: &str) -> Result<Value, String> {
    let refused = || format!("expected {}", expected(outline));
    match outline {
        Outline::Bool => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(true.into()),
            "false" | "no" | "off" | "0" => Ok(false.into()),
            _ => Err(refused()),
        },
        Outline::Integer { .. } => {
            let number: Value =
                serde_json::from_str(text.trim().trim_start_matches('+')).map_err(|_| refused())?;
            fit(outline, number)
        }
        Outline::Float => {
            let number: f64 = text.trim().parse().map_err(|_| refused())?;
            // JSON has no word for what is not finite.
            serde_json::Number::from_f64(number).map(Value::Number).ok_or_else(refused)
        }
        Outline::Optional(inner) if text == "null" && !is_text(inner) => Ok(Value::Null),
        Outline::Optional(inner) => parse(inner, text),
        Outline::Text | Outline::Path | Outline::Secret | Outline::Choice(_) | Outline::Duration => {
            fit(outline, text.into())
        }
        Outline::List(_) if text.trim_start().starts_with('[') => fit(outline, json_of(text)?),
        Outline::List(_) if text.is_empty() => Ok(Value::Array(Vec::new())),
        // A comma parts values that have none in them by themselves.
        Outline::List(item) if is_one_word(item) => {
            text.split(',').map(|part| parse(item, part.trim())).collect::<Result<_, _>>().map(Value::Array)
        }
        Outline::List(item) => parse(item, text).map(|value| Value::Array(vec![value])),
        Outline::Record(_) => fit(outline, json_of(text)?),
        // What is no JSON can only be meant as text.
        Outline::Anything => Ok(serde_json::from_str(text).unwrap_or_else(|_| text.into())),
    }
}

fn json_of(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("expected JSON: {error}"))
}

fn is_text(outline: &Outline) -> bool {
    matches!(outline, Outline::Text | Outline::Path | Outline::Secret)
}

fn is_one_word(outline: &Outline) -> bool {
    match outline {
        Outline::Record(_) | Outline::Anything | Outline::List(_) => false,
        Outline::Optional(inner) => is_one_word(inner),
        _ => true,
    }
}

/// Makes a value of a file fit: checks it, and turns `"30s"` into what is kept of a length of time.
pub(super) fn fit(outline: &Outline, value: Value) -> Result<Value, String> {
    let refuse = |value: &Value| Err(format!("expected {}, got {}", expected(outline), shown(value)));
    match (outline, value) {
        (Outline::Anything, value)
        | (Outline::Bool, value @ Value::Bool(_))
        | (Outline::Float, value @ Value::Number(_))
        | (Outline::Text | Outline::Path | Outline::Secret, value @ Value::String(_))
        | (Outline::Optional(_), value @ Value::Null) => Ok(value),
        (Outline::Optional(inner), value) => fit(inner, value),
        (Outline::Integer { min, max }, Value::Number(number)) => {
            let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
            match whole {
                Some(whole) if (*min..=*max).contains(&whole) => Ok(Value::Number(number)),
                _ => refuse(&Value::Number(number)),
            }
        }
        (Outline::Choice(texts), Value::String(text)) if texts.contains(&text.as_str()) => Ok(text.into()),
        (Outline::Choice(texts), Value::String(text)) => {
            Err(format!("there is no `{text}`; {}", meant_or_known(&text, texts)))
        }
        (Outline::Duration, Value::String(text)) => match duration::read(&text) {
            Some(duration) => Ok(json!({ "secs": duration.as_secs(), "nanos": duration.subsec_nanos() })),
            None => refuse(&text.into()),
        },
        (Outline::Duration, value) if given::duration(&value).is_some() => Ok(value),
        (Outline::List(item), Value::Array(items)) => {
            let fitted = items.into_iter().enumerate().map(|(index, value)| {
                fit(item, value).map_err(|error| format!("item {}: {error}", index + 1))
            });
            fitted.collect::<Result<_, _>>().map(Value::Array)
        }
        (Outline::Record(fields), Value::Object(members)) => record(fields, members),
        (_, value) => refuse(&value),
    }
}

fn record(fields: &[(&'static str, Outline)], members: Map<String, Value>) -> Result<Value, String> {
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let fitted = members.into_iter().map(|(name, value)| {
        let Some((_, field)) = fields.iter().find(|(known, _)| *known == name) else {
            return Err(format!("unknown field `{name}`; {}", meant_or_known(&name, &names)));
        };
        fit(field, value).map(|value| (name.clone(), value)).map_err(|error| format!("`{name}`: {error}"))
    });
    fitted.collect::<Result<Map<_, _>, _>>().map(Value::Object)
}

/// Shows a value as people would write it: text without quotation marks, lengths of time with units, secrets not at all.
pub(super) fn show(outline: &Outline, value: &Value) -> String {
    match (outline, value) {
        (Outline::Secret, _) => MASK.to_owned(),
        (Outline::Optional(inner), value) => show(inner, value),
        (Outline::Duration, value) if given::duration(value).is_some() => {
            given::duration(value).map(duration::write).unwrap_or_default()
        }
        (_, Value::Null) => "(none)".to_owned(),
        (_, Value::String(text)) => text.clone(),
        (Outline::List(_), Value::Array(items)) if items.is_empty() => "(empty)".to_owned(),
        (Outline::List(item), Value::Array(items)) if is_one_word(item) => {
            items.iter().map(|value| show(item, value)).collect::<Vec<_>>().join(",")
        }
        (Outline::Record(fields), Value::Object(members)) => {
            let hidden = members.iter().map(|(name, value)| {
                let field = fields
                    .iter()
                    .find(|(known, _)| known == name)
                    .map_or(&Outline::Anything, |field| &field.1);
                format!("{name}={}", show(field, value))
            });
            format!("{{{}}}", hidden.collect::<Vec<_>>().join(", "))
        }
        (_, value) => value.to_string(),
    }
}

/// Writes arguments as an object, in the order of the signature, whose values read as people would write them: lengths of
/// time are text, and of a secret there is nothing.
pub(super) fn in_words<'p>(
    parameters: impl Iterator<Item = &'p Parameter>,
    values: &Map<String, Value>,
) -> String {
    let members = parameters.filter_map(|parameter| {
        let value = legible(&parameter.outline, values.get(parameter.name)?);
        Some(format!("{}:{value}", Value::from(parameter.name)))
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

fn legible(outline: &Outline, value: &Value) -> Value {
    match (outline, value) {
        (Outline::Optional(inner), value) => legible(inner, value),
        (Outline::Secret | Outline::Duration, value) if !value.is_null() => show(outline, value).into(),
        (_, value) => value.clone(),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => format!("the text `{text}`"),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        value => format!("`{value}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn optional(inner: Outline) -> Outline {
        Outline::Optional(Box::new(inner))
    }

    fn list(inner: Outline) -> Outline {
        Outline::List(Box::new(inner))
    }

    fn byte() -> Outline {
        Outline::Integer { min: 0, max: 255 }
    }

    #[test]
    fn text_becomes_what_the_parameter_takes() {
        let cases = [
            (Outline::Bool, "yes", json!(true)),
            (byte(), "7", json!(7)),
            (Outline::Float, "-1.5", json!(-1.5)),
            (Outline::Text, "7", json!("7")),
            (Outline::Duration, "1m 1s", json!({ "secs": 61, "nanos": 0 })),
            (optional(byte()), "null", json!(null)),
            (optional(Outline::Text), "null", json!("null")),
            (list(byte()), "1, 2", json!([1, 2])),
            (list(byte()), "[1,2]", json!([1, 2])),
            (list(Outline::Text), "", json!([])),
            (Outline::Anything, "{\"a\":1}", json!({ "a": 1 })),
            (Outline::Anything, "abc", json!("abc")),
            (
                Outline::Record(vec![("wait", Outline::Duration)]),
                r#"{"wait":"1s"}"#,
                json!({ "wait": { "secs": 1, "nanos": 0 } }),
            ),
        ];
        for (outline, text, value) in cases {
            assert_eq!(parse(&outline, text), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_is_expected() {
        let choice = || Outline::Choice(vec!["full", "incremental"]);
        let cases = [
            (byte(), "300", "a whole number from 0 to 255"),
            (byte(), "-1", "a whole number from 0 to 255"),
            (byte(), "1.5", "a whole number"),
            (byte(), "many", "a whole number"),
            (Outline::Float, "inf", "a number"),
            (Outline::Bool, "perhaps", "`true` or `false`"),
            (choice(), "fulll", "did you mean `full`?"),
            (Outline::Duration, "30", "such as `30s`"),
            (list(choice()), "full,half", "there is no `half`"),
            (Outline::Record(vec![("url", Outline::Text)]), r#"{"ulr":"a"}"#, "did you mean `url`?"),
            (Outline::Record(vec![("url", Outline::Text)]), "a", "expected JSON"),
        ];
        for (outline, text, expected) in cases {
            let error = parse(&outline, text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_length_of_time_with_more_than_a_second_of_nanoseconds_is_none() {
        let value = json!({ "secs": u64::MAX, "nanos": 1_000_000_000 });
        assert!(fit(&Outline::Duration, value.clone()).is_err());
        assert_eq!(show(&Outline::Duration, &value), value.to_string());
    }

    #[test]
    fn a_secret_is_not_shown_wherever_it_stands() {
        assert_eq!(show(&Outline::Secret, &json!("abc")), "***");
        assert_eq!(show(&list(Outline::Secret), &json!(["abc"])), "***");
        let record = Outline::Record(vec![("url", Outline::Text), ("token", Outline::Secret)]);
        assert_eq!(show(&record, &json!({ "url": "a", "token": "abc" })), "{token=***, url=a}");
        assert_eq!(show(&Outline::Duration, &json!({ "secs": 61, "nanos": 0 })), "1m 1s");
    }
}
