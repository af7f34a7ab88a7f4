//! The arguments of a flow as a JSON object: how they are written down, and read back with everything that is wrong.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::model::BoxError;
use crate::task::args::Arg;
use crate::text::wording::{list, nearest};
use crate::value::envelope::from_json;
use crate::value::not_persisted::{NOT_PERSISTED, not_persisted};
use crate::value::secret::says_nothing;
use crate::value::shape::{ParamType, outline_of};

/// The arguments of a call, written as a JSON object.
#[derive(Debug, Default)]
pub struct Arguments(String);

impl Arguments {
    /// Adds an argument as JSON, or why there is none of it.
    pub(crate) fn add(&mut self, name: &str, json: Result<String, BoxError>) -> Option<()> {
        let json = match json {
            Ok(json) => json,
            Err(reason) => serde_json::json!({ NOT_PERSISTED: reason.to_string() }).to_string(),
        };
        let name = serde_json::to_string(name).ok()?;
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(&name);
        self.0.push(':');
        self.0.push_str(&json);
        Some(())
    }

    /// Returns the JSON.
    pub fn finish(mut self) -> String {
        if self.0.is_empty() {
            self.0.push('{');
        }
        self.0.push('}');
        self.0
    }
}

/// The arguments that are given for a call, as a JSON object, while they are read.
#[derive(Debug)]
pub struct ProvidedArguments<'json> {
    /// What was not read so far; `None` if it is no object at all, which was reported.
    values: Option<Vec<(String, &'json RawValue)>>,
    mistakes: Vec<String>,
}

/// Reads the argument of a name; `None` after a mistake, which is reported.
pub(crate) type Reader<T> = fn(&mut ProvidedArguments<'_>, &'static str) -> Option<Arg<T>>;

impl<'json> ProvidedArguments<'json> {
    /// Takes the object apart.
    pub fn parse(json: &'json str) -> Self {
        match members(json) {
            Ok(values) => Self { values: Some(values), mistakes: Vec::new() },
            Err(error) => {
                // Its words may repeat a value.
                let (line, column) = (error.line(), error.column());
                let mistake = format!("the arguments are not a JSON object: line {line} column {column}");
                Self { values: None, mistakes: vec![mistake] }
            }
        }
    }

    /// Returns what was made of the arguments, or everything that is wrong with them.
    ///
    /// # Errors
    ///
    /// If something was wrong, or something was given that is not among the `names` of the parameters.
    pub fn finish<B>(mut self, names: &[&'static str], body: Option<B>) -> Result<B, BoxError> {
        for (name, _) in self.values.unwrap_or_default() {
            let known = match nearest(&name, names.iter().copied()) {
                _ if names.is_empty() => "it takes none".to_owned(),
                _ if names.contains(&name.as_str()) => {
                    self.mistakes.push(format!("parameter `{name}` is given twice"));
                    continue;
                }
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it takes {}", list(names)),
            };
            self.mistakes.push(format!("unknown parameter `{name}`; {known}"));
        }
        match body {
            Some(body) if self.mistakes.is_empty() => Ok(body),
            _ => Err(Mistakes(self.mistakes).into()),
        }
    }

    /// Whether there are arguments, and this is not among them.
    pub fn lacks(&self, name: &str) -> bool {
        self.values.as_ref().is_some_and(|values| !values.iter().any(|(given, _)| given == name))
    }

    fn take(&mut self, name: &str) -> Option<&'json RawValue> {
        let values = self.values.as_mut()?;
        let position = values.iter().position(|(given, _)| given == name)?;
        Some(values.remove(position).1)
    }
}

/// Reads the argument of a parameter.
pub(crate) fn read<T: Deserialize<'static>>(
    given: &mut ProvidedArguments<'_>,
    name: &'static str,
) -> Option<Arg<T>> {
    let read = match given.take(name) {
        Some(value) => match reason_in(value) {
            None => from_json(value.get().as_bytes())
                .map_err(|error| format!("parameter `{name}`: {}", words::<T>(name, &error))),
            Some(reason) => Err(format!(
                "parameter `{name}` could not be persisted, so it has to be given again: {reason}"
            )),
        },
        // The mistake is that there are no arguments at all.
        None if given.values.is_none() => return None,
        None => T::deserialize(MissingArgument).map_err(|_| format!("parameter `{name}` is missing")),
    };
    read.map_err(|mistake| given.mistakes.push(mistake)).ok().map(Arg::Value)
}

/// Says what a type has against a value. Where there may be a secret in that, its words are not shown if they can repeat it.
pub(crate) fn words<T: Deserialize<'static>>(name: &str, error: &serde_json::Error) -> String {
    let words = bare(error);
    let outline = std::panic::catch_unwind(outline_of::<T>).unwrap_or(ParamType::Hidden);
    if says_nothing(&words) || !outline.under(name).may_hold_secret() {
        return words;
    }
    format!(
        "it does not fit `{}`; what is wrong with it is not shown, as there may be a secret in it",
        std::any::type_name::<T>()
    )
}

/// Returns why an argument could not be persisted, if this stands in its place.
fn reason_in(value: &RawValue) -> Option<String> {
    let value: Value =
        value.get().contains(NOT_PERSISTED).then(|| serde_json::from_str(value.get()).ok())??;
    not_persisted(&value).map(str::to_owned)
}

/// The words of an error, without the place: that is one in the value, not in what the user wrote.
fn bare(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).map(str::to_owned).unwrap_or(text)
}

/// Stands for an argument that is not given: an `Option` is then `None`, and everything else an error.
struct MissingArgument;

impl<'de> Deserializer<'de> for MissingArgument {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Self::Error> {
        Err(Self::Error::custom("it is missing"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Takes an object apart, in the order in which it is written.
pub(crate) fn members(json: &str) -> Result<Vec<(String, &RawValue)>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let members = reader.deserialize_map(InOrder)?;
    reader.end().map(|()| members)
}

/// Returns a `Duration` that serde has written; `None` if it is something else.
pub(crate) fn duration(written: &serde_json::Value) -> Option<Duration> {
    let fields = written.as_object().filter(|fields| fields.len() == 2)?;
    let (secs, nanos) = (fields.get("secs")?.as_u64()?, fields.get("nanos")?.as_u64()?);
    let nanos = u32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    Some(Duration::new(secs, nanos))
}

/// Collects the members of an object as they are written, also those of equal names.
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

/// Everything that is wrong with the arguments.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("; "))]
struct Mistakes(Vec<String>);
