//! Values in files: YAML, TOML and JSON, told apart by the file extension, and by the content where there is none, as in `-`
//! for standard input. Each is read into the same tree, so that a value is the same whichever format it comes from.

mod toml;
mod yaml;

use std::io::{ErrorKind, Read as _};
use std::path::Path;

pub(super) use self::toml::read as toml;
use super::usage::{Usage, UsageResult};
use crate::value::json::{Json, JsonError, Members};

/// Reads the values of a file.
pub(super) fn read(path: &Path) -> UsageResult<Members> {
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
    let text = without_bom(&text);
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let format = match extension.to_ascii_lowercase().as_str() {
        "json" => Format::Json,
        "toml" => Format::Toml,
        "yaml" | "yml" => Format::Yaml,
        "" => Format::of(text),
        other => return Err(refuse(format!("`.{other}` is none of `.yaml`, `.yml`, `.toml` and `.json`"))),
    };
    let values = match format {
        Format::Json => json(text),
        Format::Toml => toml(text),
        Format::Yaml => yaml::read(text),
    };
    values.map_err(refuse)
}

/// Leaves out the mark with which some editors begin a file.
fn without_bom(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Toml,
    Yaml,
}

impl Format {
    /// Tells a text without an extension by its first line that is no comment. A text that is YAML and JSON is YAML.
    fn of(text: &str) -> Self {
        let Some(line) = significant(text) else { return Self::Yaml };
        let is_assignment = line.find('=').is_some_and(|at| !line[..at].contains([':', '"', '\'']));
        match line.as_bytes().first() {
            // YAML may begin so, too, with keys that are not in quotation marks.
            Some(b'{') if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => Self::Json,
            Some(b'[') => Self::Toml,
            _ if is_assignment => Self::Toml,
            _ => Self::Yaml,
        }
    }
}

/// Returns the first line of YAML or TOML that is neither empty nor a comment.
fn significant(text: &str) -> Option<&str> {
    text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))
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

fn json(text: &str) -> Result<Members, String> {
    match Json::parse(text) {
        Ok(value) => value.into_object().ok_or_else(|| format!("expected {WANTED}")),
        Err(JsonError::Syntax(error)) => {
            Err(without_values(&error.to_string(), Some((error.line(), error.column()))))
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Returns what is wrong with a file, without its values, since one may be a secret. Where serde repeats a value, it is
/// in quotation marks; messages about the syntax have none.
fn without_values(error: &str, place: Option<(usize, usize)>) -> String {
    if error.contains(['"', '`']) { format!("expected {WANTED}{}", at(place)) } else { error.to_owned() }
}

/// Writes where something is in a file.
fn at(place: Option<(usize, usize)>) -> String {
    place.map(|(line, column)| format!(" at line {line} column {column}")).unwrap_or_default()
}

/// The message for a float that cannot be passed on.
fn not_finite(path: &str, place: Option<(usize, usize)>) -> String {
    format!(
        "`{path}`{} is NaN or infinite; arguments are persisted as JSON, which has no such number: leave it out, or take \
         an `Option`",
        at(place)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_extension_the_first_line_tells_the_format() {
        for (text, format) in [
            ("", Format::Yaml),
            ("# rows = 3\n\nrows: 3", Format::Yaml),
            ("url: http://x?a=b", Format::Yaml),
            ("{rows: 3}", Format::Yaml),
            (" {\"rows\": 3}", Format::Json),
            ("# one\nrows = 3", Format::Toml),
            ("url = \"a: b\"", Format::Toml),
            ("[db]\nurl = 'x'", Format::Toml),
            ("\"a=b\": 3", Format::Yaml),
        ] {
            assert_eq!(Format::of(text), format, "{text}");
        }
    }
}
