//! Why an await returned no value. The task's own error keeps its type.

mod failure;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::failure::Failure;
use super::{ErrorReport, Refusal, RunLabel};

/// The errors that a task may return: every error type, `anyhow::Error` and the like, `Box<dyn Error + Send + Sync>`, `String`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a task",
    label = "flowkit shows this error and shares it between tasks",
    note = "it needs `Debug + Display + Send + Sync + 'static`; derive them (the crate `thiserror` helps), or use `flowkit::BoxError`"
)]
pub trait TaskError: fmt::Debug + fmt::Display + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<E: fmt::Debug + fmt::Display + Send + Sync + 'static> TaskError for E {}

/// Why a task or a flow returned no value.
///
/// Cheap to clone, so that everything that awaits a handle gets it. `?` converts it to `anyhow::Error`,
/// `Box<dyn Error + Send + Sync>` and any type with a `From` for it; following [`source`](StdError::source) leads to the root
/// cause.
#[non_exhaustive]
pub enum Error<E = std::convert::Infallible> {
    /// The last allowed attempt returned this error.
    Task(Failure<E>),
    /// The last allowed attempt exceeded its timeout.
    #[non_exhaustive]
    TimedOut {
        /// The run that timed out.
        run: RunLabel,
        /// The time limit of one attempt.
        limit: Duration,
        /// The number of attempts.
        attempts: u32,
        /// Whether the body could not be stopped and still occupies its thread.
        orphaned: bool,
    },
    /// The body panicked.
    #[non_exhaustive]
    Panicked {
        /// The run that panicked.
        run: RunLabel,
        /// The message of the panic.
        message: Arc<str>,
    },
    /// The run was cancelled, or its flow was cancelled, timed out or dropped.
    #[non_exhaustive]
    Cancelled {
        /// The run that was cancelled.
        run: RunLabel,
        /// Whether the body could not be stopped and still occupies its thread.
        orphaned: bool,
    },
    /// The program was shut down gracefully during the run, which can be resumed.
    #[non_exhaustive]
    Suspended {
        /// The run that was suspended.
        run: RunLabel,
    },
    /// An input has no value, so the task never ran.
    #[non_exhaustive]
    Upstream {
        /// The task that did not run.
        run: RunLabel,
        /// The input that has no value.
        input: RunLabel,
        /// The root cause: why that input, or one of its own inputs, failed.
        cause: Arc<dyn StdError + Send + Sync>,
        /// The trigger rule of the task, if it was met and only the value of an argument is missing.
        met: Option<&'static str>,
    },
    /// The flow or a trigger rule decided that the task does not run.
    #[non_exhaustive]
    Skipped {
        /// The task that did not run.
        run: RunLabel,
        /// The reason.
        reason: Arc<String>,
    },
    /// A flow returned handles, or has `fail_on_any_task`, and task runs that count for it failed.
    #[non_exhaustive]
    TasksFailed {
        /// The flow.
        run: RunLabel,
        /// The number of task runs that failed.
        failed: usize,
        /// The number of task runs that count.
        total: usize,
        /// Why the first of them failed.
        cause: Option<Arc<dyn StdError + Send + Sync>>,
    },
    /// A flow was ended because one of its critical tasks has no result.
    #[non_exhaustive]
    CriticalFailed {
        /// The flow.
        run: RunLabel,
        /// The task.
        task: RunLabel,
        /// Why the task has no result.
        cause: Arc<dyn StdError + Send + Sync>,
    },
    /// The run failed in an earlier process, and the resumed flow run takes the failure over.
    #[non_exhaustive]
    Recorded {
        /// The run that failed.
        run: RunLabel,
        /// Why it failed, as recorded.
        report: Arc<ErrorReport>,
    },
    /// The store could not be read, or could not persist the result, so that callers may not rely on it.
    #[non_exhaustive]
    Store {
        /// The run that got the error.
        run: RunLabel,
        /// The error of the store.
        source: Arc<dyn StdError + Send + Sync>,
    },
    /// flowkit refused to run it.
    #[non_exhaustive]
    Refused {
        /// The run that was refused.
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

    /// Returns the run that failed.
    pub fn run(&self) -> &RunLabel {
        match self {
            Self::Task(failure) => failure.run(),
            Self::TimedOut { run, .. }
            | Self::Panicked { run, .. }
            | Self::Cancelled { run, .. }
            | Self::Suspended { run }
            | Self::Upstream { run, .. }
            | Self::Skipped { run, .. }
            | Self::TasksFailed { run, .. }
            | Self::CriticalFailed { run, .. }
            | Self::Recorded { run, .. }
            | Self::Store { run, .. }
            | Self::Refused { run, .. } => run,
        }
    }

    /// Whether the run timed out.
    pub fn is_timed_out(&self) -> bool {
        matches!(self, Self::TimedOut { .. })
    }

    /// Whether the run was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled { .. })
    }

    /// Whether a shutdown suspended the run.
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
    /// Returns the kind of failure, for logs, if it says more than that an error was boxed.
    pub(crate) fn logged_kind(&self) -> Option<&'static str> {
        Some(self.kind()).filter(|kind| !kind.starts_with("alloc::boxed::Box<"))
    }

    /// Returns the kind of failure: the type of the task's own error, or the name of the variant.
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
            Self::CriticalFailed { .. } => "CriticalFailed",
            Self::Recorded { .. } => "Recorded",
            Self::Store { .. } => "Store",
            Self::Refused { .. } => "Refused",
        }
    }
}

impl<E: TaskError> Error<E> {
    fn nearest_cause(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Task(failure) => failure.as_error(),
            Self::Upstream { cause, .. } | Self::CriticalFailed { cause, .. } => Some(&**cause),
            Self::TasksFailed { cause, .. } => cause.as_deref().map(|cause| cause as _),
            Self::Recorded { report, .. } => Some(&**report),
            Self::Store { source, .. } => Some(&**source),
            Self::Refused { refusal, .. } => Some(refusal),
            _ => None,
        }
    }
}

impl<E: TaskError> Error<E> {
    /// Returns the error as text for the record: the message of the task's own error first, then the chain of causes.
    pub(crate) fn report(&self, location: &'static std::panic::Location<'static>) -> super::ErrorReport {
        let (message, source) = match self {
            Self::Task(failure) => {
                let message = format!("{failure}{}", failure.doubt());
                (message, self.nearest_cause().and_then(StdError::source))
            }
            // It is a report already.
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
            Self::Upstream { run, input, cause, met } => {
                Self::Upstream { run: run.clone(), input: input.clone(), cause: cause.clone(), met: *met }
            }
            Self::Skipped { run, reason } => Self::Skipped { run: run.clone(), reason: reason.clone() },
            Self::TasksFailed { run, failed, total, cause } => {
                Self::TasksFailed { run: run.clone(), failed: *failed, total: *total, cause: cause.clone() }
            }
            Self::CriticalFailed { run, task, cause } => {
                Self::CriticalFailed { run: run.clone(), task: task.clone(), cause: cause.clone() }
            }
            Self::Recorded { run, report } => Self::Recorded { run: run.clone(), report: report.clone() },
            Self::Store { run, source } => Self::Store { run: run.clone(), source: source.clone() },
            Self::Refused { run, refusal } => Self::Refused { run: run.clone(), refusal: refusal.clone() },
        }
    }
}

/// One line that says what happened. `{error:#}` appends the causes, each behind a colon, as that of `anyhow` does.
impl<E: TaskError> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_headline(f)?;
        if f.alternate() {
            for cause in std::iter::successors(self.nearest_cause(), |cause| (*cause).source()) {
                write!(f, ": {cause}")?;
            }
        }
        Ok(())
    }
}

impl<E: TaskError> Error<E> {
    fn fmt_headline(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(failure) => failure.fmt_headline(f),
            Self::TimedOut { run, limit, attempts: 0, .. } => {
                write!(f, "{run} timed out: it still waited for the result of an equal call after {limit:?}")
            }
            Self::TimedOut { run, limit, attempts, orphaned } => {
                write!(f, "{run} timed out: {} still running after {limit:?}", AttemptPhrase(*attempts))?;
                if *orphaned {
                    f.write_str(", and its thread cannot be stopped")?;
                }
                Ok(())
            }
            Self::Panicked { run, message } => write!(f, "{run} panicked: {message}"),
            Self::Cancelled { run, .. } => write!(f, "{run} was cancelled"),
            Self::Suspended { run } => {
                write!(f, "{run} was suspended because the program stops; it can be resumed")
            }
            Self::Upstream { run, input, met, .. } => {
                write!(f, "{run} did not run: its input {input} has no result")?;
                met.map_or(Ok(()), |rule| write!(f, "; {}", NoValue(rule)))
            }
            Self::Skipped { run, reason } => write!(f, "{run} was skipped: {reason}"),
            Self::TasksFailed { run, failed, total, .. } => {
                write!(f, "{run} failed: {failed} of {total} task runs failed")
            }
            Self::CriticalFailed { run, task, .. } => write!(f, "{run} cannot continue without {task}"),
            Self::Recorded { run, .. } => write!(f, "{run} failed before the run was resumed"),
            Self::Store { run, .. } => write!(f, "{run} got an error from its store"),
            // The task has run.
            Self::Refused { run, refusal: Refusal::NotPersisted { .. } } => write!(f, "{run} failed"),
            Self::Refused { run, .. } => write!(f, "{run} cannot run"),
        }
    }
}

/// What to do if a trigger rule lets a task run although an argument has no value.
pub(crate) struct NoValue(pub(crate) &'static str);

impl fmt::Display for NoValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "its trigger rule `{}` is met, but gives no value for that argument: pass `allow_failure(&handle)`, and let the \
             parameter be a `Result<_, flowkit::Error<_>>`",
            self.0
        )
    }
}

/// "its only attempt was", "attempt 3 was".
struct AttemptPhrase(u32);

impl fmt::Display for AttemptPhrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("it was"),
            n => write!(f, "attempt {n} was"),
        }
    }
}

/// Prints the whole chain of causes, since this is what `fn main() -> Result<…>` shows.
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

#[cfg(test)]
mod tests;
