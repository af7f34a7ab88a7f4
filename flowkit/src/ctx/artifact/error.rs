//! Why an artifact could not be made, or a tracked file not be used.

use std::io;
use std::path::PathBuf;

use crate::model::BoxError;

/// Why an artifact could not be made, or a tracked file not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArtifactError {
    /// The file cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The file is too large to be copied.
    #[error(
        "`{}` has {bytes} bytes, and an artifact may have 64 MiB; register it as a `Dataset`, which leaves the file where it is",
        path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
    },
    /// A row of a table cannot be written as JSON.
    #[error("the rows of the table `{key}` cannot be written as JSON")]
    Table {
        /// The key of the artifact.
        key: String,
        /// The error of serde.
        source: BoxError,
    },
    /// The file is not the one that was described.
    #[error("`{}` has changed since it was described; run the task again that makes it", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
}
