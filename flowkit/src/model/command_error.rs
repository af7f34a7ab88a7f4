//! Why a child process failed, with the end of its output.

use std::error::Error as StdError;
use std::io;
use std::process::ExitStatus;

/// Why a [`Command`](crate::ctx::command::Command) failed.
///
/// The message contains the name of the program and never its arguments, which may be secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The process could not be started.
    #[error("`{program}` could not be started")]
    #[non_exhaustive]
    NotStarted {
        /// The name of the program.
        program: String,
        /// Why not.
        source: io::Error,
    },
    /// The process did not end with exit code 0.
    #[error("`{program}` {}{}", ended(*code, *signal), last_words(stderr))]
    #[non_exhaustive]
    Failed {
        /// The name of the program.
        program: String,
        /// Its exit code; `None` if a signal ended it.
        code: Option<i32>,
        /// The number of the signal that ended it, on Unix.
        signal: Option<i32>,
        /// The end of its standard output, at most 8 KiB.
        stdout: String,
        /// The end of its standard error, at most 8 KiB.
        stderr: String,
    },
    /// The process reported by its exit code that it had nothing to do: 99, or the one set by
    /// [`skip_on`](crate::ctx::command::Command::skip_on). A task that returns this error is skipped.
    #[error("`{program}` had nothing to do (exit code {code})")]
    #[non_exhaustive]
    NothingToDo {
        /// The name of the program.
        program: String,
        /// Its exit code.
        code: i32,
    },
    /// The output of the process could not be read.
    #[error("what `{program}` writes could not be read")]
    #[non_exhaustive]
    Unread {
        /// The name of the program.
        program: String,
        /// Why not.
        source: io::Error,
    },
}

impl CommandError {
    /// Returns the exit code; `None` if the process did not end with one.
    pub fn code(&self) -> Option<i32> {
        match self {
            Self::Failed { code, .. } => *code,
            Self::NothingToDo { code, .. } => Some(*code),
            Self::NotStarted { .. } | Self::Unread { .. } => None,
        }
    }
}

/// Returns why a task that returned `error` is skipped, if so: the error, or one of its causes, is a process that had nothing to do.
pub(crate) fn skip_reason(error: &(dyn StdError + 'static)) -> Option<String> {
    let mut causes = std::iter::successors(Some(error), |error| held_or_source(*error));
    causes.find_map(|error| match error.downcast_ref() {
        Some(nothing @ CommandError::NothingToDo { .. }) => Some(nothing.to_string()),
        _ => None,
    })
}

/// Returns the inner error or else the source: the `source` of an `io::Error` is that of its inner error, which it leaves out.
fn held_or_source<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e (dyn StdError + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(held) => Some(held),
        None => error.source(),
    }
}

fn ended(code: Option<i32>, signal: Option<i32>) -> String {
    match (code, signal) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was ended by {}", signal_name(signal)),
        (None, None) => "was ended".to_owned(),
    }
}

/// Returns the last line of standard error, which mostly says what was wrong.
fn last_words(stderr: &str) -> String {
    match stderr.trim_end().lines().next_back() {
        Some(line) => format!(": {line}"),
        None => String::new(),
    }
}

#[cfg(unix)]
pub(crate) fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
pub(crate) fn signal(_status: ExitStatus) -> Option<i32> {
    None
}

pub(crate) fn signal_name(number: i32) -> String {
    #[cfg(all(unix, feature = "store"))]
    if let Some(name) = signal_hook::low_level::signal_name(number) {
        return name.to_owned();
    }
    format!("signal {number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(code: Option<i32>, signal: Option<i32>, stderr: &str) -> CommandError {
        let (stdout, stderr) = (String::new(), stderr.to_owned());
        CommandError::Failed { program: "etl".to_owned(), code, signal, stdout, stderr }
    }

    #[test]
    fn the_text_says_how_it_ended_and_its_last_words() {
        assert_eq!(failed(Some(3), None, "").to_string(), "`etl` ended with exit code 3");
        let error = failed(Some(1), None, "reading\nno such table: rows\n\n");
        assert_eq!(error.to_string(), "`etl` ended with exit code 1: no such table: rows");
    }

    #[test]
    #[cfg(unix)]
    fn a_signal_is_called_by_its_name() {
        assert_eq!(failed(None, Some(9), "").to_string(), "`etl` was ended by SIGKILL");
    }

    #[test]
    fn nothing_to_do_is_found_among_the_causes_of_an_error() {
        let nothing = || CommandError::NothingToDo { program: "etl".to_owned(), code: 99 };
        let words = "`etl` had nothing to do (exit code 99)";
        assert_eq!(skip_reason(&nothing()).as_deref(), Some(words));
        let wrapped = io::Error::other(nothing());
        assert_eq!(
            skip_reason(&wrapped).as_deref(),
            Some(words),
            "what an error of `io` holds is looked at, too"
        );
        assert_eq!(skip_reason(&failed(Some(99), None, "")), None);
    }
}
