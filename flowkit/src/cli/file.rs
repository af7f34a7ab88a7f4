//! Values in files: YAML, TOML and JSON, told apart by the file extension; `-` is standard input.

use std::fmt;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::usage::{Usage, UsageResult};

/// Reads the values of a file.
pub(super) fn read(path: &Path) -> UsageResult<Map<String, Value>> {
    let refuse = |reason: String| Usage::new(format!("cannot read `{}`: {reason}", path.display()));
    let text = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    let text = text.map_err(|error| match error.kind() {
        ErrorKind::NotFound => refuse("there is no such file; `--params` takes its path".to_owned()),
        _ => refuse(unreadable(&error)),
    })?;
    let kind = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let members = match kind.to_ascii_lowercase().as_str() {
        "json" => match serde_json::from_str(&text) {
            Ok(members) => once(members),
            Err(error) => Err(without_values(&error.to_string(), Some((error.line(), error.column())))),
        },
        "toml" => toml(&text),
        // JSON is YAML too.
        "yaml" | "yml" | "" => match yaml_serde::from_str(&text) {
            Ok(members) => once(members),
            Err(error) => {
                let place = error.location().map(|place| (place.line(), place.column()));
                Err(without_values(&error.to_string(), place))
            }
        },
        other => Err(format!("`.{other}` is none of `.yaml`, `.yml`, `.toml` and `.json`")),
    };
    members.map_err(refuse)
}

/// The message for a file that cannot be read, with the remedy.
pub(super) fn unreadable(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::InvalidData => "it is not valid UTF-8; save it as UTF-8".to_owned(),
        ErrorKind::IsADirectory => "it is a folder; a file is wanted".to_owned(),
        ErrorKind::PermissionDenied => "this user may not read it; change its permissions".to_owned(),
        _ => error.to_string(),
    }
}

/// The expected content of a file.
const WANTED: &str = "names with values, such as `rows: 3`";

/// Returns what is wrong with a file, without its values, since one may be a secret. Where serde repeats a value, it is
/// in quotation marks; messages about the syntax have none.
fn without_values(error: &str, place: Option<(usize, usize)>) -> String {
    if !error.contains(['"', '`']) {
        return error.to_owned();
    }
    let place = place.map(|(line, column)| format!(" at line {line} column {column}")).unwrap_or_default();
    format!("expected {WANTED}{place}")
}

/// The values of a file, with unique names: of two values for one name, one would be lost.
struct Members {
    values: Map<String, Value>,
    twice: Option<String>,
}

fn once(members: Members) -> Result<Map<String, Value>, String> {
    match members.twice {
        None => Ok(members.values),
        Some(name) => Err(format!("`{name}` is given twice; leave out one")),
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneKey;

        impl<'de> Visitor<'de> for OneKey {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(WANTED)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut given: A) -> Result<Members, A::Error> {
                let mut members = Members { values: Map::new(), twice: None };
                while let Some((name, value)) = given.next_entry::<String, Value>()? {
                    if members.values.contains_key(&name) {
                        members.twice = Some(name);
                    } else {
                        members.values.insert(name, value);
                    }
                }
                Ok(members)
            }

            // An empty file has no values.
            fn visit_unit<E: Error>(self) -> Result<Members, E> {
                Ok(Members { values: Map::new(), twice: None })
            }
        }

        deserializer.deserialize_any(OneKey)
    }
}

/// Reads TOML. Its dates become text, as in the other formats.
pub(super) fn toml(text: &str) -> Result<Map<String, Value>, String> {
    let table: toml::Table = toml::from_str(text).map_err(|error| {
        // The full error repeats the line.
        let before = error.span().and_then(|span| text.get(..span.start));
        let place = before.map(|before| {
            let (line, column) = (
                before.matches('\n').count() + 1,
                before.chars().rev().take_while(|c| *c != '\n').count() + 1,
            );
            format!(" at line {line} column {column}")
        });
        format!("{}{}", error.message(), place.unwrap_or_default())
    })?;
    Ok(members(table))
}

fn members(table: toml::Table) -> Map<String, Value> {
    table.into_iter().map(|(name, value)| (name, json(value))).collect()
}

fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(is) => is.into(),
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(json).collect(),
        toml::Value::Table(table) => Value::Object(members(table)),
    }
}
