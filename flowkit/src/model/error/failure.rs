//! An error of the task's own type, with what is known about it. The other ways in which a task fails are in [`Error`](super::Error).

use std::error::Error as StdError;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::TaskError;
use crate::model::RunLabel;

/// The error that a task's last attempt returned. Dereferences to it.
///
/// ```
/// # use flowkit::prelude::*;
/// #[task]
/// async fn parse(text: String) -> Result<u32, std::num::ParseIntError> {
///     text.parse()
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let error = parse("seven".into()).await.unwrap_err();
/// let Error::Task(failure) = error else { panic!() };
/// assert_eq!(failure.kind(), &std::num::IntErrorKind::InvalidDigit);
/// assert_eq!(failure.attempts(), 1);
/// # }
/// ```
pub struct Failure<E>(Arc<FailureInner<E>>);

struct FailureInner<E> {
    run: RunLabel,
    attempts: u32,
    error: E,
    as_error: fn(&E) -> Option<&(dyn StdError + 'static)>,
    /// The message of the panic of `retry_if`, if it panicked on this error.
    doubt: Option<Arc<str>>,
}

impl<E: TaskError> Failure<E> {
    pub(crate) fn new(
        run: RunLabel,
        attempts: u32,
        error: E,
        as_error: fn(&E) -> Option<&(dyn StdError + 'static)>,
        doubt: Option<Arc<str>>,
    ) -> Self {
        Self(Arc::new(FailureInner { run, attempts, error, as_error, doubt }))
    }
}

impl<E> Failure<E> {
    pub(super) fn run(&self) -> &RunLabel {
        &self.0.run
    }

    /// Returns the error as an [`StdError`], if it is one.
    pub(super) fn as_error(&self) -> Option<&(dyn StdError + 'static)> {
        (self.0.as_error)(&self.0.error)
    }

    /// Returns a note that `retry_if` panicked, so that it is unknown whether a retry would have made sense; otherwise an empty text.
    pub(super) fn doubt(&self) -> String {
        let doubt = self.0.doubt.as_ref();
        doubt.map_or_else(String::new, |why| format!(" (not retried: `retry_if` panicked: {why})"))
    }

    /// Returns the number of attempts that were made.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Returns the error itself.
    ///
    /// # Errors
    ///
    /// Returns `self` if there is another reference to the error: a clone of it, or a handle of the task.
    pub fn into_inner(self) -> Result<E, Self> {
        Arc::try_unwrap(self.0).map(|inner| inner.error).map_err(Self)
    }
}

impl<E: fmt::Display> Failure<E> {
    pub(super) fn fmt_headline(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed", self.0.run)?;
        if self.0.attempts > 1 {
            write!(f, " after {} attempts", self.0.attempts)?;
        }
        // An error that cannot be shown as a cause, such as a `String`, would be lost otherwise.
        if self.as_error().is_none() {
            write!(f, ": {}", self.0.error)?;
        }
        f.write_str(&self.doubt())
    }
}

impl<E> Clone for Failure<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E> Deref for Failure<E> {
    type Target = E;

    fn deref(&self) -> &E {
        &self.0.error
    }
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.error.fmt(f)
    }
}

impl<E: fmt::Debug> fmt::Debug for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.error.fmt(f)
    }
}
