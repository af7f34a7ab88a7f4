//! Converts values as people write them to the JSON that a parameter takes: from text, and from the types of a file.
//!
//! Reports mistakes early and in plain words. The final check is the type's own `Deserialize`, when the flow is called.

use super::secrets::Quoting;
use super::usage::meant_or_known;
use crate::flow::arguments;
use crate::text::duration;
use crate::value::json::{Json, JsonError, Members, Number};
use crate::value::shape::ParamType;

/// Returns the placeholder of a value in a usage line: `INT`.
pub(super) fn value_name(param_type: &ParamType) -> String {
    let name = match param_type {
        ParamType::Bool => "BOOL",
        ParamType::Integer { .. } => "INT",
        ParamType::Float => "NUMBER",
        ParamType::Text | ParamType::Secret => "TEXT",
        ParamType::Path => "PATH",
        ParamType::Choice(_) => "CHOICE",
        ParamType::Duration => "DURATION",
        ParamType::Record(_) | ParamType::Anything | ParamType::Hidden => "JSON",
        ParamType::Optional(inner) => return value_name(inner),
        ParamType::List(item) => return format!("{},…", value_name(item)),
    };
    name.to_owned()
}

/// Describes what is expected, for messages.
fn expected(param_type: &ParamType) -> String {
    let words = match param_type {
        ParamType::Bool => "`true` or `false`",
        ParamType::Integer { min, max } => return format!("a whole number from {min} to {max}"),
        ParamType::Float => "a number",
        ParamType::Text | ParamType::Secret => "text",
        ParamType::Path => "a path",
        ParamType::Choice(texts) => return format!("one of `{}`", texts.join("`, `")),
        ParamType::Duration => "a length of time, such as `30s` or `1h 30m`",
        ParamType::Optional(inner) => return expected(inner),
        ParamType::List(item) => return format!("a list, each of which is {}", expected(item)),
        ParamType::Record(_) => "an object with its fields",
        ParamType::Anything | ParamType::Hidden => "JSON",
    };
    words.to_owned()
}

/// What is wrong with a value: a message with the value, and one without.
#[derive(Debug)]
pub(super) struct Misfit {
    in_full: String,
    without_value: String,
}

impl Misfit {
    /// A misfit whose messages never repeat the value.
    pub(super) fn new(words: impl Into<String>) -> Self {
        let words = words.into();
        Self { in_full: words.clone(), without_value: words }
    }

    /// Returns the message.
    pub(super) fn message(self, quoting: Quoting) -> String {
        match quoting {
            Quoting::Values => self.in_full,
            Quoting::Nothing => self.without_value,
        }
    }

    /// The same for a value that contains this one.
    pub(super) fn inside(self, place: &str) -> Self {
        Self {
            in_full: format!("{place}: {}", self.in_full),
            without_value: format!("{place}: {}", self.without_value),
        }
    }

    pub(super) fn unknown(what: &str, name: &str, names: &[&str]) -> Self {
        let [in_full, without_value] =
            [Quoting::Values, Quoting::Nothing].map(|quoting| quoting.unknown(what, name, names));
        Self { in_full, without_value }
    }
}

/// Parses text: of a flag, or of an environment variable.
pub(super) fn parse(param_type: &ParamType, text: &str) -> Result<Json, Misfit> {
    let refused = || Misfit::new(format!("expected {}", expected(param_type)));
    match param_type {
        ParamType::Bool => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(Json::Bool(true)),
            "false" | "no" | "off" | "0" => Ok(Json::Bool(false)),
            _ => Err(refused()),
        },
        ParamType::Integer { .. } => {
            let text = text.trim();
            let number = Number::parse(text.strip_prefix('+').unwrap_or(text)).ok_or_else(refused)?;
            fit(param_type, Json::Number(number))
        }
        ParamType::Float => {
            let text = text.trim();
            let float: f64 = text.parse().map_err(|_| refused())?;
            let number = Number::of(float).ok_or_else(|| Misfit::new(NOT_FINITE))?;
            // As it was written, where JSON can write it so: a type may take more digits than a float has.
            Ok(Json::Number(Number::parse(text).unwrap_or(number)))
        }
        ParamType::Optional(inner) if text == "null" && !is_text(inner) => Ok(Json::Null),
        ParamType::Optional(inner) => parse(inner, text),
        ParamType::Text
        | ParamType::Path
        | ParamType::Secret
        | ParamType::Choice(_)
        | ParamType::Duration => fit(param_type, text.into()),
        ParamType::List(_) if text.trim_start().starts_with('[') => fit(param_type, json_of(text)?),
        ParamType::List(_) if text.is_empty() => Ok(Json::List(Vec::new())),
        // Commas separate values of types that contain none themselves.
        ParamType::List(item) if is_one_word(item) => {
            text.split(',').map(|part| parse(item, part.trim())).collect::<Result<_, _>>().map(Json::List)
        }
        ParamType::List(item) => parse(item, text).map(|value| Json::List(vec![value])),
        ParamType::Record(_) => fit(param_type, json_of(text)?),
        ParamType::Anything | ParamType::Hidden => match Json::parse(text) {
            // Invalid JSON can only be meant as text.
            Err(JsonError::Syntax(_)) => Ok(text.into()),
            parsed => parsed.map_err(not_json),
        },
    }
}

/// Why a float is refused that Rust has, and JSON does not.
const NOT_FINITE: &str =
    "expected a finite number: arguments are persisted as JSON, which has no infinity and no NaN";

fn json_of(text: &str) -> Result<Json, Misfit> {
    Json::parse(text).map_err(not_json)
}

fn not_json(error: JsonError) -> Misfit {
    let [in_full, without_value] =
        [error.to_string(), error.without_key()].map(|reason| format!("expected JSON: {reason}"));
    Misfit { in_full, without_value }
}

fn is_text(param_type: &ParamType) -> bool {
    matches!(param_type, ParamType::Text | ParamType::Path | ParamType::Secret)
}

pub(super) fn is_one_word(param_type: &ParamType) -> bool {
    match param_type {
        ParamType::Record(_) | ParamType::Anything | ParamType::Hidden | ParamType::List(_) => false,
        ParamType::Optional(inner) => is_one_word(inner),
        _ => true,
    }
}

/// Checks a value from a file, and converts it: `"30s"` becomes the serialized form of a length of time.
pub(super) fn fit(param_type: &ParamType, value: Json) -> Result<Json, Misfit> {
    let refuse = |value: &Json| {
        let expected = expected(param_type);
        let misfit = |got: String| format!("expected {expected}, got {got}");
        Err(Misfit { in_full: misfit(shown(value)), without_value: misfit(kind(value).to_owned()) })
    };
    match (param_type, value) {
        (ParamType::Anything | ParamType::Hidden, value)
        | (ParamType::Bool, value @ Json::Bool(_))
        | (ParamType::Text | ParamType::Path | ParamType::Secret, value @ Json::Text(_))
        | (ParamType::Optional(_), value @ Json::Null) => Ok(value),
        (ParamType::Optional(inner), value) => fit(inner, value),
        (ParamType::Float, Json::Number(number)) => match number.as_str().parse::<f64>() {
            Ok(float) if float.is_finite() => Ok(Json::Number(number)),
            _ => Err(Misfit::new(NOT_FINITE)),
        },
        (ParamType::Integer { min, max }, Json::Number(number)) => {
            whole(&number, *min, *max).ok_or(()).or_else(|()| refuse(&Json::Number(number)))
        }
        (ParamType::Choice(texts), Json::Text(text)) if texts.contains(&text.as_str()) => Ok(text.into()),
        (ParamType::Choice(texts), Json::Text(text)) => {
            let in_full = format!("there is no `{text}`; {}", meant_or_known(&text, texts));
            Err(Misfit { in_full, without_value: format!("expected {}", expected(param_type)) })
        }
        (ParamType::Duration, Json::Text(text)) => match duration::read(&text) {
            Some(duration) => Ok(Json::Object(Members::from([
                ("secs".to_owned(), duration.as_secs().into()),
                ("nanos".to_owned(), duration.subsec_nanos().into()),
            ]))),
            None => refuse(&text.into()),
        },
        (ParamType::Duration, value) if arguments::duration(&value).is_some() => Ok(value),
        (ParamType::List(item), Json::List(items)) => {
            let fitted = items.into_iter().enumerate().map(|(index, value)| {
                fit(item, value).map_err(|misfit| misfit.inside(&format!("item {}", index + 1)))
            });
            fitted.collect::<Result<_, _>>().map(Json::List)
        }
        (ParamType::Record(fields), Json::Object(members)) => record(fields, members),
        (_, value) => refuse(&value),
    }
}

/// Returns a whole number within the bounds, as every type of integers reads it: `-0` is a float to serde_json.
fn whole(number: &Number, min: i128, max: u128) -> Option<Json> {
    match (number.as_str().parse::<i128>(), number.as_str().parse::<u128>()) {
        (_, Ok(number)) if number <= max => Some(number.into()),
        (Ok(number), Err(_)) if number >= min => Some(number.into()),
        (Ok(0), _) => Some(0_u32.into()),
        _ => None,
    }
}

fn record(fields: &[(&'static str, ParamType)], members: Members) -> Result<Json, Misfit> {
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let fitted = members.into_iter().map(|(name, value)| {
        let Some((_, field)) = fields.iter().find(|(known, _)| *known == name) else {
            return Err(Misfit::unknown("field", &name, &names));
        };
        fit(field, value)
            .map(|value| (name.clone(), value))
            .map_err(|misfit| misfit.inside(&format!("`{name}`")))
    });
    fitted.collect::<Result<Members, _>>().map(Json::Object)
}

fn shown(value: &Json) -> String {
    match value {
        Json::Null => "nothing".to_owned(),
        Json::Text(text) => format!("the text `{text}`"),
        Json::List(_) => "a list".to_owned(),
        Json::Object(_) => "an object".to_owned(),
        value => format!("`{value}`"),
    }
}

/// The kind of a value, without repeating it.
fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "nothing",
        Json::Bool(_) => "a truth value",
        Json::Number(_) => "a number",
        Json::Text(_) => "other text",
        Json::List(_) => "a list",
        Json::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::json::tree;

    fn optional(inner: ParamType) -> ParamType {
        ParamType::Optional(Box::new(inner))
    }

    fn list(inner: ParamType) -> ParamType {
        ParamType::List(Box::new(inner))
    }

    fn byte() -> ParamType {
        ParamType::Integer { min: 0, max: 255 }
    }

    #[test]
    fn text_becomes_what_the_parameter_takes() {
        let cases = [
            (ParamType::Bool, "yes", tree!(true)),
            (byte(), "7", tree!(7)),
            (ParamType::Float, "-1.5", tree!(-1.5)),
            (ParamType::Text, "7", tree!("7")),
            (ParamType::Duration, "1m 1s", tree!({ "secs": 61, "nanos": 0 })),
            (optional(byte()), "null", tree!(null)),
            (optional(ParamType::Text), "null", tree!("null")),
            (list(byte()), "1, 2", tree!([1, 2])),
            (list(byte()), "[1,2]", tree!([1, 2])),
            (list(ParamType::Text), "", tree!([])),
            (ParamType::Anything, "{\"a\":1}", tree!({ "a": 1 })),
            (ParamType::Anything, "abc", tree!("abc")),
            (
                ParamType::Record(vec![("wait", ParamType::Duration)]),
                r#"{"wait":"1s"}"#,
                tree!({ "wait": { "secs": 1, "nanos": 0 } }),
            ),
        ];
        for (param_type, text, value) in cases {
            assert_eq!(parse(&param_type, text).unwrap(), value, "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_is_expected() {
        let choice = || ParamType::Choice(vec!["full", "incremental"]);
        let cases = [
            (byte(), "300", "a whole number from 0 to 255"),
            (byte(), "-1", "a whole number from 0 to 255"),
            (byte(), "1.5", "a whole number"),
            (byte(), "many", "a whole number"),
            (ParamType::Float, "inf", "a finite number"),
            (ParamType::Float, "1e400", "a finite number"),
            (ParamType::Float, "much", "a number"),
            (ParamType::Bool, "perhaps", "`true` or `false`"),
            (choice(), "fulll", "did you mean `full`?"),
            (ParamType::Duration, "30", "such as `30s`"),
            (list(choice()), "full,half", "there is no `half`"),
            (ParamType::Record(vec![("url", ParamType::Text)]), r#"{"ulr":"a"}"#, "did you mean `url`?"),
            (ParamType::Record(vec![("url", ParamType::Text)]), "a", "expected JSON"),
        ];
        for (param_type, text, expected) in cases {
            let error = parse(&param_type, text).unwrap_err().message(Quoting::Values);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_length_of_time_with_more_than_a_second_of_nanoseconds_is_none() {
        let value = tree!({ "secs": u64::MAX, "nanos": 1_000_000_000 });
        assert!(fit(&ParamType::Duration, value.clone()).is_err());
        assert_eq!(
            crate::cli::shown_values::show(
                &ParamType::Duration,
                &value,
                crate::cli::shown_values::Of::Provided
            ),
            value.to_string()
        );
    }

    #[test]
    fn a_flow_that_takes_a_secret_hears_where_something_is_wrong_and_nothing_is_repeated() {
        let record =
            ParamType::Record(vec![("wait", ParamType::Duration), ("mode", ParamType::Choice(vec!["full"]))]);
        for (param_type, text) in [
            (byte(), "271828"),
            (record.clone(), r#"{"wait":"271828"}"#),
            (record.clone(), r#"{"mode":"271828"}"#),
            (record.clone(), r#"{"271828":1}"#),
            (record.clone(), r#"{"mode":{"271828":["271828"]}}"#),
            (record, r#"{"mode":271828"#),
            (list(byte()), "[1,271828]"),
            (list(byte()), "1,271828"),
            (ParamType::Bool, "271828"),
            (ParamType::Float, "271828x"),
        ] {
            let error = parse(&param_type, text).unwrap_err().message(Quoting::Nothing);
            assert!(!error.contains("271828") && error.contains("e"), "{text}: {error}");
        }
    }
}
