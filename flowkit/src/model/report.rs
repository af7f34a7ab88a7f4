//! An error as text, for records and for those who only read. The typed error stays with its task.

use std::error::Error as StdError;
use std::fmt;
use std::panic::Location;

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
    /// Writes down `message` and the causes of `source`.
    pub(crate) fn new(
        task: String,
        message: String,
        source: Option<&(dyn StdError + 'static)>,
        location: String,
    ) -> Self {
        // A chain longer than this is a loop or tells nobody anything.
        const CAUSES_MAX: usize = 64;
        let causes = std::iter::successors(source, |error| (*error).source())
            .take(CAUSES_MAX)
            .map(ToString::to_string)
            .collect();
        Self { task, message, causes, location }
    }

    /// Says in one line what failed first: `fetch[3]: 404 not found`. How flowkit passed it on is left out.
    pub(crate) fn in_short(&self) -> String {
        let chain: Vec<&str> =
            std::iter::once(&self.message).chain(&self.causes).map(String::as_str).collect();
        let is_passed_on = |message: &&&str| message.starts_with("task `") || message.starts_with("flow `");
        let (passed_on, own) = chain.split_at(chain.iter().take_while(is_passed_on).count());
        match (passed_on.last(), own) {
            // Flowkit itself ended it, as after a timeout.
            (Some(last), []) => (*last).to_owned(),
            (Some(last), own) => {
                let name = last.split('`').nth(1).unwrap_or(&self.task);
                format!("{name}: {}", own.join(": "))
            }
            (None, own) => own.join(": "),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_short_it_says_what_failed_first_and_not_who_passed_it_on() {
        let report = |messages: &[&str]| ErrorReport {
            task: "etl".into(),
            message: messages[0].into(),
            causes: messages[1..].iter().map(|cause| (*cause).to_owned()).collect(),
            location: "src/main.rs:7".into(),
        };
        let (upstream, failed) = ("task `load` did not run: …", "task `fetch[3]` failed after 3 attempts");
        for (messages, short) in [
            (&[upstream, failed, "no answer", "404"][..], "fetch[3]: no answer: 404"),
            (&["no rows", "the file is empty"], "no rows: the file is empty"),
            (&[upstream, "task `fetch[3]` took longer than 3s"], "task `fetch[3]` took longer than 3s"),
        ] {
            assert_eq!(report(messages).in_short(), short);
        }
    }
}
