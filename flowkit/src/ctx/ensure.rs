//! Post-conditions: what must hold when a task has done its work, checked where it is done.
//!
//! They are errors of the task like any other: it fails with their message, and is retried if it has retries.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Checks a condition: `ensure(rows > 0, "the report has no rows")?`.
///
/// ```
/// # use flowkit::prelude::*;
/// use flowkit::ensure;
///
/// #[task]
/// async fn clean(rows: Vec<f64>) -> Result<Vec<f64>> {
///     let rows: Vec<f64> = rows.into_iter().filter(|value| value.is_finite()).collect();
///     ensure(!rows.is_empty(), "no row is left")?;
///     Ok(rows)
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let error = clean(vec![f64::NAN]).await.unwrap_err();
/// assert!(format!("{error:?}").contains("no row is left"));
/// # }
/// ```
///
/// # Errors
///
/// With `what` as the message, if it does not hold.
pub fn ensure(holds: bool, what: impl fmt::Display) -> Result<(), EnsureError> {
    if holds { Ok(()) } else { Err(EnsureError::Failed(what.to_string())) }
}

/// Checks that a file exists and is not empty.
///
/// # Errors
///
/// If it does not exist, or is empty.
pub fn ensure_file(path: impl AsRef<Path>) -> Result<(), EnsureError> {
    let path = path.as_ref();
    match std::fs::metadata(path) {
        Ok(found) if !found.is_file() => Err(EnsureError::NotAFile { path: path.to_owned() }),
        Ok(found) if found.len() == 0 => Err(EnsureError::Empty { path: path.to_owned() }),
        Ok(_) => Ok(()),
        Err(source) => Err(EnsureError::Missing { path: path.to_owned(), source }),
    }
}

/// A condition that does not hold.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnsureError {
    /// A condition of [`ensure`], with its message.
    #[error("{0}")]
    Failed(String),
    /// There is no such file.
    #[error("the output `{}` is not there", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// There is something else at this path.
    #[error("the output `{}` is not a file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file is empty.
    #[error("the output `{}` is empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}
