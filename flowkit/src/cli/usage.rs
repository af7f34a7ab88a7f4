//! A wrong request: one message with the remedy, and exit code 2. Not for flows that failed.

use std::error::Error;
use std::ffi::OsString;
use std::fmt;

use clap::error::ContextValue;

use super::Exit;
use super::out::note;
use super::secrets::Quoting;
use crate::store::StoreError;
use crate::store::filter::FilterError;
use crate::text::columns;
use crate::text::wording::{list, nearest};

/// A request that cannot be fulfilled.
#[derive(Debug)]
pub(super) struct Usage(String);

pub(super) type UsageResult<T> = Result<T, Usage>;

impl Usage {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// Prints the message, and returns the exit code.
    pub(super) fn report(&self) -> Exit {
        note(format!("error: {self}"));
        Exit::USAGE
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<StoreError> for Usage {
    fn from(error: StoreError) -> Self {
        let what = with_causes(&error);
        match error {
            StoreError::Damaged { .. } | StoreError::Read { .. } => {
                Self(format!("{what}; `db check` says whether the rest is whole, and a backup has it all"))
            }
            _ => Self(what),
        }
    }
}

impl From<FilterError> for Usage {
    fn from(error: FilterError) -> Self {
        Self(error.to_string())
    }
}

/// Escapes typed text in an error of clap, whose messages have several lines: the text must not add one.
pub(super) fn on_one_line(mut error: clap::Error) -> clap::Error {
    let typed: Vec<_> = error.context().map(|(kind, value)| (kind, value.clone())).collect();
    for (kind, value) in typed {
        let shown = match value {
            ContextValue::String(text) => ContextValue::String(columns::escaped(&text).into_owned()),
            ContextValue::Strings(texts) => {
                ContextValue::Strings(texts.iter().map(|text| columns::escaped(text).into_owned()).collect())
            }
            // A tip that repeats it.
            ContextValue::StyledStrs(lines)
                if lines.iter().any(|line| line.to_string().chars().any(columns::is_hidden)) =>
            {
                ContextValue::None
            }
            _ => continue,
        };
        error.insert(kind, shown);
    }
    error
}

/// The message for an argument that is not UTF-8.
pub(super) fn no_text(arguments: &[OsString], quoting: Quoting) -> Usage {
    let strange = arguments.iter().skip(1).find(|argument| argument.to_str().is_none());
    let strange = strange.filter(|_| quoting == Quoting::Values);
    let strange = strange.map(|strange| format!(" `{}`", strange.display())).unwrap_or_default();
    Usage::new(format!(
        "the argument{strange} is not valid UTF-8; only `--db` and `--params` take names of files in other encodings"
    ))
}

/// An error with its causes, in one line.
pub(super) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        next = cause.source();
    }
    line
}

/// Suggests the nearest name, or lists all.
pub(super) fn meant_or_known(written: &str, names: &[&str]) -> String {
    match nearest(written, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => match names {
            [] => "there is none".to_owned(),
            [only] => format!("there is `{only}`"),
            names => format!("there are {}", list(names)),
        },
    }
}
