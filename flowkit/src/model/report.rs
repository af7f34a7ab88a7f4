//! An error as text, for records and for those who only read. The typed error stays with its task.

use std::error::Error as StdError;
use std::fmt;
use std::panic::Location;

use crate::text::wording::{TEXT_MAX, bounded, bounded_to};

/// What went wrong, as text: the message and the chain of its causes.
///
/// It is an error itself, so that a chain of reports can be walked like any other.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct ErrorReport {
    /// The task or the flow whose error this is, with its index or name.
    pub task: String,
    /// The message of the error.
    pub message: String,
    /// The messages of its causes, the nearest first.
    pub causes: Vec<String>,
    /// Where in the user's code the failed call was made, as `file:line`.
    pub location: String,
}

impl ErrorReport {
    /// Writes down `message` and the causes of `source`: of the message, and of all causes together, 64 KiB.
    pub(crate) fn new(
        task: String,
        message: String,
        source: Option<&(dyn StdError + 'static)>,
        location: String,
    ) -> Self {
        // A chain longer than this is a loop or tells nobody anything.
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

/// Whether a message is flowkit's own, which passes on what failed in a task or a flow.
pub(crate) fn is_passed_on(message: &str) -> bool {
    message.starts_with("task `") || message.starts_with("flow `")
}

/// Writes a place in the user's code as `file:line`.
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
