//! Values in files: YAML, TOML and JSON, told apart by the name; `-` is standard input.

use std::io::Read as _;
use std::path::Path;

use serde_json::{Map, Value};

use super::usage::{Outcome, Usage};

/// Reads the values of a file.
pub(super) fn read(path: &Path) -> Outcome<Map<String, Value>> {
    let refuse = |reason: String| Usage::new(format!("cannot read `{}`: {reason}", path.display()));
    let text = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    let text = text.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => refuse("there is no such file; `--params` takes its path".to_owned()),
        _ => refuse(error.to_string()),
    })?;
    let kind = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let value = match kind.to_ascii_lowercase().as_str() {
        "json" => serde_json::from_str(&text).map_err(|error| error.to_string()),
        "toml" => toml(&text),
        // JSON is YAML too.
        "yaml" | "yml" | "" => serde_norway::from_str(&text).map_err(|error| error.to_string()),
        other => Err(format!("`.{other}` is none of `.yaml`, `.yml`, `.toml` and `.json`")),
    };
    match value.map_err(refuse)? {
        Value::Object(members) => Ok(members),
        // An empty file says nothing.
        Value::Null => Ok(Map::new()),
        _ => Err(refuse("it is no list of names and values, such as `rows: 3`".to_owned())),
    }
}

/// Reads TOML. Its dates become text, as everywhere else.
pub(super) fn toml(text: &str) -> Result<Value, String> {
    let table: toml::Table = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    Ok(json(toml::Value::Table(table)))
}

fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(is) => is.into(),
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(json).collect(),
        toml::Value::Table(table) => {
            Value::Object(table.into_iter().map(|(key, value)| (key, json(value))).collect())
        }
    }
}
