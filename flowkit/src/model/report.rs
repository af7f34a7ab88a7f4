//! An error as text, for the record and for observers. The typed error goes to the callers of the task.

use std::error::Error as StdError;
use std::fmt;
use std::panic::Location;

use crate::text::wording::{TEXT_MAX, bounded, bounded_to};

/// An error as text: its message and the chain of its causes.
///
/// A report is an error itself, so that a chain of reports can be followed like any other.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct ErrorReport {
    /// The task or the flow whose error this is, with its index or name.
    pub task: String,
    /// The message of the error.
    pub message: String,
    /// The messages of its causes, the nearest first.
    pub causes: Vec<String>,
    /// The location of the failed call in the user's code, as `file:line`.
    pub location: String,
}

impl ErrorReport {
    /// Makes a report of `message` and the causes of `source`. The message, and all causes together, are limited to 64 KiB.
    pub(crate) fn new(
        task: String,
        message: String,
        source: Option<&(dyn StdError + 'static)>,
        location: String,
    ) -> Self {
        // A longer chain is a loop, or of no help to anybody.
        const CAUSES_MAX: usize = 64;
        let mut room = TEXT_MAX;
        let causes = std::iter::successors(source, |error| (*error).source())
            .take(CAUSES_MAX)
            .map(|cause| {
                let text = bounded_to(room, cause.to_string());
                room = room.saturating_sub(text.len());
                text
            })
            .collect();
        Self { task, message: bounded(message), causes, location }
    }
}

/// Whether a message is one of flowkit's own that passes on the failure of a task or a flow.
pub(crate) fn is_passed_on(message: &str) -> bool {
    message.starts_with("task `") || message.starts_with("flow `")
}

/// Formats a location in the user's code as `file:line`.
pub(crate) fn place(location: &Location<'_>) -> String {
    format!("{}:{}", location.file(), location.line())
}

impl fmt::Display for ErrorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for cause in &self.causes {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl StdError for ErrorReport {}
