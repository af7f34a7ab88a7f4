//! Why an await gave no value. The task's own error stays typed inside.

use std::error::Error as StdError;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::deep::Deep;
use super::{ErrorReport, Refusal, RunLabel};

/// Any error: the default of [`flowkit::prelude::Result`](crate::prelude::Result).
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// What a task may fail with: every error type, `anyhow::Error` and its kin, `Box<dyn Error + Send + Sync>`, `String`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a task",
    label = "flowkit shows this error and shares it between tasks",
    note = "it needs `Debug + Display + Send + Sync + 'static`; derive them (the crate `thiserror` helps), or use `flowkit::BoxError`"
)]
pub trait TaskError: fmt::Debug + fmt::Display + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<E: fmt::Debug + fmt::Display + Send + Sync + 'static> TaskError for E {}

/// Why a task or a flow gave no value.
///
/// It is cheap to clone, so that everyone who awaits a handle gets it. `?` turns it into `anyhow::Error`,
/// `Box<dyn Error + Send + Sync>` and whatever has a `From` for it; [`source`](StdError::source) leads to
/// the root cause.
#[non_exhaustive]
pub enum Error<E = std::convert::Infallible> {
    /// The last allowed attempt returned an error, and here it is.
    Task(Failure<E>),
    /// The last allowed attempt was still running when its time was up.
    #[non_exhaustive]
    TimedOut {
        /// Whose attempt.
        run: RunLabel,
        /// How long one attempt may take.
        limit: Duration,
        /// How many attempts were made.
        attempts: u32,
        /// Whether the body could not be stopped and still occupies its thread.
        orphaned: bool,
    },
    /// The body panicked.
    #[non_exhaustive]
    Panicked {
        /// Whose body.
        run: RunLabel,
        /// What the panic said.
        message: Arc<str>,
    },
    /// The run was cancelled, or its flow was cancelled, timed out or dropped.
    #[non_exhaustive]
    Cancelled {
        /// Which run.
        run: RunLabel,
        /// Whether the body could not be stopped and still occupies its thread.
        orphaned: bool,
    },
    /// The program was shut down in order while the run was under way; it can be resumed.
    #[non_exhaustive]
    Suspended {
        /// Which run.
        run: RunLabel,
    },
    /// An input has no value, so the task never ran.
    #[non_exhaustive]
    Upstream {
        /// The task that did not run.
        run: RunLabel,
        /// The input that has no value.
        input: RunLabel,
        /// The root: why that input, or what it waited for, failed.
        cause: Arc<dyn StdError + Send + Sync>,
    },
    /// The flow or a trigger rule decided that the task does not run.
    #[non_exhaustive]
    Skipped {
        /// The task that did not run.
        run: RunLabel,
        /// Why.
        reason: Arc<String>,
    },
    /// A flow returned, and task runs that count for it had failed.
    #[non_exhaustive]
    TasksFailed {
        /// The flow.
        run: RunLabel,
        /// How many of them failed.
        failed: usize,
        /// How many counted.
        total: usize,
        /// Why the first of them failed.
        cause: Option<Arc<dyn StdError + Send + Sync>>,
    },
    /// It ended so in an earlier process, and the run that was resumed takes that over.
    #[non_exhaustive]
    Recorded {
        /// Which run.
        run: RunLabel,
        /// Why it gave no value, as it was recorded.
        report: Arc<ErrorReport>,
    },
    /// Its result could not be kept, so that nobody may rely on it.
    #[non_exhaustive]
    Store {
        /// Which run.
        run: RunLabel,
        /// What the store said.
        source: Arc<dyn StdError + Send + Sync>,
    },
    /// flowkit refused to run it.
    #[non_exhaustive]
    Refused {
        /// What was refused.
        run: RunLabel,
        /// Why, and what to do instead.
        refusal: Refusal,
    },
}

impl<E> Error<E> {
    /// Returns the task's own error, if that is why there is no value.
    pub fn task_error(&self) -> Option<&E> {
        match self {
            Self::Task(failure) => Some(failure),
            _ => None,
        }
    }

    /// Returns the run that gave no value.
    pub fn run(&self) -> &RunLabel {
        match self {
            Self::Task(failure) => &failure.0.run,
            Self::TimedOut { run, .. }
            | Self::Panicked { run, .. }
            | Self::Cancelled { run, .. }
            | Self::Suspended { run }
            | Self::Upstream { run, .. }
            | Self::Skipped { run, .. }
            | Self::TasksFailed { run, .. }
            | Self::Recorded { run, .. }
            | Self::Store { run, .. }
            | Self::Refused { run, .. } => run,
        }
    }

    /// Whether the attempt's time was up.
    pub fn is_timed_out(&self) -> bool {
        matches!(self, Self::TimedOut { .. })
    }

    /// Whether the run was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled { .. })
    }

    /// Whether the run was put aside by a shut-down.
    pub fn is_suspended(&self) -> bool {
        matches!(self, Self::Suspended { .. })
    }

    /// Whether the body panicked.
    pub fn is_panicked(&self) -> bool {
        matches!(self, Self::Panicked { .. })
    }

    /// Whether an input had no value.
    pub fn is_upstream(&self) -> bool {
        matches!(self, Self::Upstream { .. })
    }

    /// Whether the task was skipped.
    pub fn is_skipped(&self) -> bool {
        matches!(self, Self::Skipped { .. })
    }
}

impl<E> Error<E> {
    /// Names the kind of failure for logs: the type of the task's own error, or what happened instead.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Task(_) => std::any::type_name::<E>(),
            Self::TimedOut { .. } => "TimedOut",
            Self::Panicked { .. } => "Panicked",
            Self::Cancelled { .. } => "Cancelled",
            Self::Suspended { .. } => "Suspended",
            Self::Upstream { .. } => "Upstream",
            Self::Skipped { .. } => "Skipped",
            Self::TasksFailed { .. } => "TasksFailed",
            Self::Recorded { .. } => "Recorded",
            Self::Store { .. } => "Store",
            Self::Refused { .. } => "Refused",
        }
    }
}

impl<E: TaskError> Error<E> {
    fn nearest_cause(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Task(failure) => (failure.0.as_error)(&failure.0.error),
            Self::Upstream { cause, .. } => Some(&**cause),
            Self::TasksFailed { cause, .. } => cause.as_deref().map(|cause| cause as _),
            Self::Recorded { report, .. } => Some(&**report),
            Self::Store { source, .. } => Some(&**source),
            Self::Refused { refusal, .. } => Some(refusal),
            _ => None,
        }
    }
}

impl<E: TaskError> Error<E> {
    /// Writes the error down for the record: the task's own words first, then the chain of causes.
    pub(crate) fn report(&self, location: &'static std::panic::Location<'static>) -> super::ErrorReport {
        let (message, source) = match self {
            Self::Task(failure) => {
                let message = format!("{failure}{}", failure.doubt());
                (message, self.nearest_cause().and_then(StdError::source))
            }
            // It was written down before.
            Self::Recorded { report, .. } => return (**report).clone(),
            _ => (self.to_string(), self.nearest_cause()),
        };
        super::ErrorReport::new(self.run().as_str().to_owned(), message, source, super::place(location))
    }
}

impl<E> Clone for Error<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Task(failure) => Self::Task(failure.clone()),
            Self::TimedOut { run, limit, attempts, orphaned } => {
                Self::TimedOut { run: run.clone(), limit: *limit, attempts: *attempts, orphaned: *orphaned }
            }
            Self::Panicked { run, message } => Self::Panicked { run: run.clone(), message: message.clone() },
            Self::Cancelled { run, orphaned } => Self::Cancelled { run: run.clone(), orphaned: *orphaned },
            Self::Suspended { run } => Self::Suspended { run: run.clone() },
            Self::Upstream { run, input, cause } => {
                Self::Upstream { run: run.clone(), input: input.clone(), cause: cause.clone() }
            }
            Self::Skipped { run, reason } => Self::Skipped { run: run.clone(), reason: reason.clone() },
            Self::TasksFailed { run, failed, total, cause } => {
                Self::TasksFailed { run: run.clone(), failed: *failed, total: *total, cause: cause.clone() }
            }
            Self::Recorded { run, report } => Self::Recorded { run: run.clone(), report: report.clone() },
            Self::Store { run, source } => Self::Store { run: run.clone(), source: source.clone() },
            Self::Refused { run, refusal } => Self::Refused { run: run.clone(), refusal: refusal.clone() },
        }
    }
}

impl<E: TaskError> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(failure) => failure.fmt_headline(f),
            Self::TimedOut { run, limit, attempts, orphaned } => {
                write!(f, "{run} timed out: {} still running after {limit:?}", Attempt(*attempts))?;
                if *orphaned {
                    f.write_str(", and its thread cannot be stopped")?;
                }
                Ok(())
            }
            Self::Panicked { run, message } => write!(f, "{run} panicked: {message}"),
            Self::Cancelled { run, .. } => write!(f, "{run} was cancelled"),
            Self::Suspended { run } => {
                write!(f, "{run} was put aside when the program was told to stop; it can be resumed")
            }
            Self::Upstream { run, input, .. } => {
                write!(f, "{run} did not run: its input {input} has no result")
            }
            Self::Skipped { run, reason } => write!(f, "{run} was skipped: {reason}"),
            Self::TasksFailed { run, failed, total, .. } => {
                write!(f, "{run} failed: {failed}/{total} states failed")
            }
            Self::Recorded { run, .. } => write!(f, "{run} failed before the run was resumed"),
            Self::Store { run, .. } => write!(f, "the result of {run} could not be kept"),
            Self::Refused { run, .. } => write!(f, "{run} cannot run"),
        }
    }
}

/// "its only attempt was", "attempt 3 was".
struct Attempt(u32);

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 | 1 => f.write_str("it was"),
            n => write!(f, "attempt {n} was"),
        }
    }
}

/// Prints the whole chain of causes, as `fn main() -> Result<…>` shows it to people.
impl<E: TaskError> fmt::Debug for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        for cause in std::iter::successors(self.nearest_cause(), |cause| (*cause).source()) {
            write!(f, "\n  caused by: {cause}")?;
        }
        Ok(())
    }
}

impl<E: TaskError> StdError for Error<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.nearest_cause()
    }
}

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
    error: Deep<E>,
    as_error: fn(&E) -> Option<&(dyn StdError + 'static)>,
    /// What the panic of `retry_if` said, if it panicked when it was asked about this error.
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
        Self(Arc::new(FailureInner { run, attempts, error: Deep::new(error), as_error, doubt }))
    }
}

impl<E> Failure<E> {
    /// Says why nobody knows whether another attempt would have been worth it; empty if that is known.
    fn doubt(&self) -> String {
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
    /// Gives `self` back if somebody else holds it too: a clone of this error, or a handle of the task.
    pub fn into_inner(self) -> Result<E, Self> {
        Arc::try_unwrap(self.0).map(|inner| inner.error.into_inner()).map_err(Self)
    }
}

impl<E: fmt::Display> Failure<E> {
    fn fmt_headline(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed", self.0.run)?;
        if self.0.attempts > 1 {
            write!(f, " after {} attempts", self.0.attempts)?;
        }
        // An error that cannot be shown as a cause, such as a `String`, would be lost otherwise.
        if (self.0.as_error)(&self.0.error).is_none() {
            write!(f, ": {}", *self.0.error)?;
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

#[cfg(test)]
mod tests;
