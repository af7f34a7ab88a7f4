//! The arguments of a flow as a JSON object: how they are serialized, and deserialized with all errors at once.

use std::time::Duration;

use serde::de::{Deserializer, Error as _, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::value::RawValue;

use crate::model::BoxError;
use crate::task::args::Arg;
use crate::text::wording::{list, nearest};
use crate::value::envelope::from_json;
use crate::value::json::{Json, members};
use crate::value::not_persisted::{NOT_PERSISTED, not_persisted};
use crate::value::secret::repeats_no_value;
use crate::value::shape::{ParamType, param_type_of};

/// The arguments of a call, serialized as a JSON object.
#[derive(Debug, Default)]
pub struct Arguments(String);

impl Arguments {
    /// Adds an argument as JSON, or the reason why it cannot be persisted.
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

/// The arguments that a caller provides as a JSON object, while they are deserialized.
#[derive(Debug)]
pub struct ProvidedArguments<'json> {
    /// The arguments that were not read so far; `None` if the JSON is not an object, which is among the mistakes.
    values: Option<Vec<(String, &'json RawValue)>>,
    mistakes: Vec<ArgumentMistake>,
}

/// Reads the argument of this name; `None` after an error, which is added to the mistakes.
pub(crate) type Reader<T> = fn(&mut ProvidedArguments<'_>, &'static str) -> Option<Arg<T>>;

impl<'json> ProvidedArguments<'json> {
    /// Parses the object, without its values.
    pub fn parse(json: &'json str) -> Self {
        match members(json) {
            Ok(values) => Self { values: Some(values), mistakes: Vec::new() },
            Err(error) => {
                // The message of the error may repeat a value, which may be a secret.
                let mistake = ArgumentMistake::NotAnObject { line: error.line(), column: error.column() };
                Self { values: None, mistakes: vec![mistake] }
            }
        }
    }

    /// Returns the body that was made of the arguments.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the arguments, including those whose names are not among the `names` of the parameters.
    pub fn finish<B>(mut self, names: &[&'static str], body: Option<B>) -> Result<B, BoxError> {
        for (name, _) in self.values.unwrap_or_default() {
            let known = match nearest(&name, names.iter().copied()) {
                _ if names.is_empty() => "it takes none".to_owned(),
                _ if names.contains(&name.as_str()) => {
                    self.mistakes.push(ArgumentMistake::Twice { parameter: name });
                    continue;
                }
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it takes {}", list(names)),
            };
            self.mistakes.push(ArgumentMistake::Unknown { name, known });
        }
        match body {
            Some(body) if self.mistakes.is_empty() => Ok(body),
            _ => Err(ArgumentsError { mistakes: self.mistakes }.into()),
        }
    }

    /// Whether the object lacks an argument of this name; `false` if the JSON is not an object.
    pub fn lacks(&self, name: &str) -> bool {
        self.values.as_ref().is_some_and(|values| !values.iter().any(|(known, _)| known == name))
    }

    fn take(&mut self, name: &str) -> Option<&'json RawValue> {
        let values = self.values.as_mut()?;
        let position = values.iter().position(|(known, _)| known == name)?;
        Some(values.remove(position).1)
    }
}

/// Reads the argument of a parameter.
pub(crate) fn read<T: Deserialize<'static>>(
    arguments: &mut ProvidedArguments<'_>,
    name: &'static str,
) -> Option<Arg<T>> {
    let parameter = || name.to_owned();
    let read = match arguments.take(name) {
        Some(value) => match reason_in(value) {
            None => from_json(value.get().as_bytes()).map_err(|error| ArgumentMistake::Invalid {
                parameter: parameter(),
                reason: words::<T>(name, &error),
            }),
            Some(reason) => Err(ArgumentMistake::NotPersisted { parameter: parameter(), reason }),
        },
        // It is known already that the JSON is not an object.
        None if arguments.values.is_none() => return None,
        None => {
            T::deserialize(MissingArgument).map_err(|_| ArgumentMistake::Missing { parameter: parameter() })
        }
    };
    read.map_err(|mistake| arguments.mistakes.push(mistake)).ok().map(Arg::Value)
}

/// Words the error with which a type refused a value. If the value may contain a secret, a message that may repeat it is replaced.
pub(crate) fn words<T: Deserialize<'static>>(name: &str, error: &serde_json::Error) -> String {
    let words = without_position(error);
    let param_type = std::panic::catch_unwind(param_type_of::<T>).unwrap_or(ParamType::Hidden);
    if repeats_no_value(&words) || !param_type.under(name).may_hold_secret() {
        return words;
    }
    format!(
        "it does not fit `{}`; what is wrong with it is not shown, as there may be a secret in it",
        std::any::type_name::<T>()
    )
}

/// Returns the reason why an argument could not be persisted, if `value` is such a reason.
fn reason_in(value: &RawValue) -> Option<String> {
    let value = value.get().contains(NOT_PERSISTED).then(|| Json::recorded(value.get()))??;
    not_persisted(&value).map(str::to_owned)
}

/// Returns the message of an error without its position: that is relative to the value, not to the user's input.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&position).map(str::to_owned).unwrap_or(text)
}

/// Deserializes a missing argument: an `Option` becomes `None`, every other type is an error.
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

/// Returns a `Duration` in the form in which serde serializes it; `None` if the value is something else.
pub(crate) fn duration(value: &Json) -> Option<Duration> {
    let fields = value.as_object().filter(|fields| fields.len() == 2)?;
    let (secs, nanos) = (fields.get("secs")?.as_u64()?, fields.get("nanos")?.as_u64()?);
    let nanos = u32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    Some(Duration::new(secs, nanos))
}

/// Why a flow does not take some arguments: everything that is wrong with them, at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct ArgumentsError {
    mistakes: Vec<ArgumentMistake>,
}

impl ArgumentsError {
    /// Returns what is wrong, at least one thing.
    pub fn mistakes(&self) -> &[ArgumentMistake] {
        &self.mistakes
    }

    /// Finds the type that an error of generated code has lost.
    pub(crate) fn of(error: BoxError) -> Self {
        error.downcast::<Self>().map_or_else(
            |error| ArgumentMistake::Invalid { parameter: String::new(), reason: error.to_string() }.into(),
            |error| *error,
        )
    }
}

impl From<ArgumentMistake> for ArgumentsError {
    fn from(mistake: ArgumentMistake) -> Self {
        Self { mistakes: vec![mistake] }
    }
}

/// One thing that is wrong with the arguments of a flow. No message repeats a value that may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentMistake {
    /// The arguments are no JSON object.
    #[error("the arguments are not a JSON object: line {line} column {column}")]
    NotAnObject {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// A parameter without a default is missing.
    #[error("parameter `{parameter}` is missing")]
    Missing {
        /// Its name.
        parameter: String,
    },
    /// There is no such parameter.
    #[error("unknown parameter `{name}`; {known}")]
    Unknown {
        /// The name that was given.
        name: String,
        /// The nearest one, or all.
        known: String,
    },
    /// A parameter has two values.
    #[error("parameter `{parameter}` is given twice")]
    Twice {
        /// Its name.
        parameter: String,
    },
    /// The type of a parameter refuses the value.
    #[error("parameter `{parameter}`: {reason}")]
    Invalid {
        /// Its name.
        parameter: String,
        /// What the type says.
        reason: String,
    },
    /// The arguments are those of a recorded run, in which this one is missing.
    #[error("parameter `{parameter}` could not be persisted, so it has to be given again: {reason}")]
    NotPersisted {
        /// Its name.
        parameter: String,
        /// Why it could not be persisted.
        reason: String,
    },
    /// The type of a parameter is not `Deserialize`, so the flow cannot be called with JSON.
    #[error("parameter `{parameter}` cannot be given as JSON: derive `serde::Deserialize` for its type")]
    NotDeserialize {
        /// Its name.
        parameter: String,
    },
}

impl ArgumentMistake {
    /// Returns the name of the parameter, or the unknown name.
    pub fn parameter(&self) -> Option<&str> {
        match self {
            Self::NotAnObject { .. } => None,
            Self::Missing { parameter }
            | Self::Twice { parameter }
            | Self::Invalid { parameter, .. }
            | Self::NotPersisted { parameter, .. }
            | Self::NotDeserialize { parameter } => Some(parameter),
            Self::Unknown { name, .. } => Some(name),
        }
    }
}
