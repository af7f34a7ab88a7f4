//! JSON as a tree that changes nothing: a number keeps all its digits, and of two equal keys none is lost in silence.
//!
//! `serde_json::Value` has numbers of 64 bits, writes NaN as `null`, and takes the last of two equal keys. So what users enter, and
//! what is recorded of it, goes through this tree. Not for values whose type is known: those are read and written by serde.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object, by name.
pub(crate) type Members = BTreeMap<String, Json>;

/// How deep lists and objects may be nested: as deep as serde_json reads them into a type.
pub(crate) const NESTED_MAX: usize = 127;

/// A value in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Json {
    #[default]
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Json>),
    Object(Members),
}

/// A number, as it is written in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Number(Box<str>);

impl Number {
    /// Reads a number in the grammar of JSON; `None` if it is something else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_number = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
        let is_whole = |raw: &&RawValue| raw.get().len() == text.len();
        let raw: &RawValue = serde_json::from_str(text).ok().filter(is_whole).filter(|_| is_number)?;
        Some(Self(raw.get().into()))
    }

    /// Returns the number, unless it is NaN or infinite: JSON has no form for those.
    pub(crate) fn of(float: f64) -> Option<Self> {
        serde_json::Number::from_f64(float).map(|number| Self(number.to_string().into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! whole {
    ($($type:ty)+) => { $(
        impl From<$type> for Json {
            fn from(number: $type) -> Self {
                Self::Number(Number(number.to_string().into()))
            }
        }
    )+ };
}

whole! { u32 i64 u64 i128 u128 }

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// What flowkit itself has put together. Not for what a user entered: its numbers have lost their digits by then.
impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        use serde_json::Value;

        match value {
            Value::Null => Self::Null,
            Value::Bool(is) => Self::Bool(is),
            Value::Number(number) => Self::Number(Number(number.to_string().into())),
            Value::String(text) => Self::Text(text),
            Value::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Value::Object(members) => {
                Self::Object(members.into_iter().map(|(name, value)| (name, value.into())).collect())
            }
        }
    }
}

impl Json {
    /// Reads what a user entered.
    ///
    /// # Errors
    ///
    /// Where it is no JSON, where a key is given twice, and where it is nested too deep to be read into a type.
    pub(crate) fn parse(text: &str) -> Result<Self, JsonError> {
        let raw: &RawValue = serde_json::from_str(text).map_err(JsonError::Syntax)?;
        Reader { whole: text, is_recorded: false }.value(raw, 0, "")
    }

    /// Reads what was recorded: of equal keys, which a type of the user may write, the last is taken. `None` if it is no JSON.
    pub(crate) fn recorded(text: &str) -> Option<Self> {
        let raw: &RawValue = serde_json::from_str(text).ok()?;
        Reader { whole: text, is_recorded: true }.value(raw, 0, "").ok()
    }

    /// Adds a member to an object, if there is one to add.
    #[cfg(feature = "cli")]
    pub(crate) fn with(mut self, name: &str, value: Option<Json>) -> Self {
        if let (Self::Object(members), Some(value)) = (&mut self, value) {
            members.insert(name.to_owned(), value);
        }
        self
    }

    pub(crate) fn as_object(&self) -> Option<&Members> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    pub(crate) fn into_object(self) -> Option<Members> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a whole number that is not negative.
    pub(crate) fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(number) => number.as_str().parse().ok(),
            _ => None,
        }
    }
}

/// As text in JSON, without spaces.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(is) => is.fmt(f),
            Self::Number(number) => f.write_str(number.as_str()),
            Self::Text(text) => write_text(f, text),
            Self::List(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (index, (name, value)) in members.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "," })?;
                    write_text(f, name)?;
                    write!(f, ":{value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?)
}

/// Why a text is not taken as JSON.
#[derive(Debug)]
pub(crate) enum JsonError {
    /// serde_json's message has the position, and repeats nothing.
    Syntax(serde_json::Error),
    /// A key is given twice.
    Twice {
        /// The names on the way to it, and its own.
        path: String,
        line: usize,
        column: usize,
    },
    TooDeep,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(error) => error.fmt(f),
            Self::Twice { path, line, column } => {
                write!(f, "`{path}` is given twice, at line {line} column {column}; leave out one")
            }
            Self::TooDeep => write!(f, "it is nested deeper than {NESTED_MAX} levels"),
        }
    }
}

impl JsonError {
    /// The same without the key: where secrets are entered, it may be one.
    pub(crate) fn without_key(&self) -> String {
        match self {
            Self::Twice { line, column, .. } => {
                format!("a name is given twice, at line {line} column {column}; leave out one")
            }
            other => other.to_string(),
        }
    }
}

/// Writes the path of a value in an object.
pub(crate) fn path_to(above: &str, name: &str) -> String {
    if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") }
}

/// Returns the line and the column of a byte of a text, both from 1.
pub(crate) fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

struct Reader<'json> {
    whole: &'json str,
    is_recorded: bool,
}

impl<'json> Reader<'json> {
    fn value(&self, raw: &'json RawValue, depth: usize, path: &str) -> Result<Json, JsonError> {
        let text = raw.get();
        let is_nested = text.starts_with(['{', '[']);
        if is_nested && depth >= NESTED_MAX {
            return Err(JsonError::TooDeep);
        }
        Ok(match text.as_bytes().first() {
            Some(b'{') => {
                let mut object = Members::new();
                for (name, value) in members(text).map_err(JsonError::Syntax)? {
                    let path = path_to(path, &name);
                    let value_in = self.value(value, depth + 1, &path)?;
                    if object.insert(name, value_in).is_some() && !self.is_recorded {
                        let at = value.get().as_ptr() as usize - self.whole.as_ptr() as usize;
                        let (line, column) = position(self.whole, at);
                        return Err(JsonError::Twice { path, line, column });
                    }
                }
                Json::Object(object)
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text).map_err(JsonError::Syntax)?;
                let items = items.into_iter().map(|item| self.value(item, depth + 1, path));
                Json::List(items.collect::<Result<_, _>>()?)
            }
            Some(b'"') => Json::Text(serde_json::from_str(text).map_err(JsonError::Syntax)?),
            Some(b't') => Json::Bool(true),
            Some(b'f') => Json::Bool(false),
            Some(b'n') | None => Json::Null,
            Some(_) => Json::Number(Number(text.into())),
        })
    }
}

/// Returns the members of a JSON object, in their order, including those with equal names.
pub(crate) fn members(json: &str) -> Result<Vec<(String, &RawValue)>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let members = reader.deserialize_map(InOrder)?;
    reader.end().map(|()| members)
}

/// Collects the members of an object.
struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a value for each parameter")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

/// A tree in tests, written as for `serde_json::json!`.
#[cfg(test)]
macro_rules! tree {
    ($($json:tt)*) => { $crate::value::json::Json::from(::serde_json::json!($($json)*)) };
}

#[cfg(test)]
pub(crate) use tree;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_with_every_digit() {
        for json in [
            "340282366920938463463374607431768211455",
            "-170141183460469231731687303715884105728",
            "0.1000000000000000055511151231257827021181583404541015625",
            "-0.0",
            "1e400",
            r#"{"a":[1,{"b":"\u0000\"é"},null,true,[]],"c":{}}"#,
        ] {
            let read = Json::parse(json).unwrap();
            assert_eq!(read.to_string(), json);
            assert_eq!(Json::recorded(&format!(" {json} ")), Some(read));
        }
    }

    #[test]
    fn a_number_is_one_in_the_grammar_of_json() {
        for (text, is_one) in [
            ("1", true),
            ("-1e-5", true),
            ("+1", false),
            ("01", false),
            (" 1", false),
            ("\"1\"", false),
            ("", false),
        ] {
            assert_eq!(Number::parse(text).is_some(), is_one, "{text}");
        }
        assert_eq!(Number::of(f64::NAN), None);
        assert_eq!(Number::of(-0.0).unwrap().as_str(), "-0.0");
    }

    #[test]
    fn a_key_that_is_given_twice_is_named_with_its_position() {
        let json = "{\"a\": [{\"b\": 1},\n  {\"c\": {\"d\": 1, \"d\": 2}}]}";
        let twice = Json::parse(json).unwrap_err();
        assert_eq!(twice.to_string(), "`a.c.d` is given twice, at line 2 column 23; leave out one");
        assert!(!twice.without_key().contains("`a"), "{}", twice.without_key());
        // A type of the user may write such an object, and read it again.
        assert_eq!(Json::recorded(r#"{"a":1,"a":2}"#).unwrap().to_string(), r#"{"a":2}"#);
    }

    #[test]
    fn what_is_nested_deeper_than_a_type_reads_is_refused() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Json::parse(&nested(NESTED_MAX)).is_ok());
        assert!(matches!(Json::parse(&nested(NESTED_MAX + 1)), Err(JsonError::TooDeep)));
        assert!(Json::parse(&nested(100_000)).is_err());
    }
}
