//! Artifacts: what a task makes for people to look at.
//!
//! Call these in the body of a task or a flow. An artifact belongs to the task run that makes it, and is persisted before
//! the result of that task is; another one with the same key in the same run is a new version. Outside a flow they do
//! nothing, which is logged once.
//!
//! ```
//! # use flowkit::prelude::*;
//! use flowkit::artifact;
//!
//! #[task]
//! async fn report(rows: Vec<(String, u32)>) -> usize {
//!     artifact::markdown("summary", format!("# {} rows", rows.len()));
//!     rows.len()
//! }
//!
//! #[flow]
//! async fn nightly() -> Result<usize> {
//!     Ok(report(vec![("a".into(), 1)]).await?)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let run = nightly().run().await;
//! assert_eq!(run.artifact("summary").unwrap().unwrap(), b"# 1 rows");
//! # }
//! ```
//!
//! What the next task needs is the task's result, not an artifact. A file too large to be copied is a
//! [`Dataset`](crate::Dataset) or a [`Model`](crate::Model).

mod error;
mod media;

use std::path::Path;

pub use self::error::ArtifactError;
use crate::engine::context;
use crate::model::{Artifact, ArtifactKind};

/// The largest copy of a file, in bytes: so much may be queued in memory to be written.
const FILE_MAX: u64 = 64 << 20;

/// Makes an artifact of a text in Markdown.
#[track_caller]
pub fn markdown(key: impl Into<String>, text: impl Into<String>) {
    make(key, ArtifactKind::Markdown, "text/markdown", text.into().into_bytes());
}

/// Makes a table: one row per item, with the fields of the item as columns.
///
/// ```
/// # use flowkit::artifact;
/// # fn rows() -> Result<(), artifact::ArtifactError> {
/// #[derive(serde::Serialize)]
/// struct Row { name: &'static str, accuracy: f64 }
///
/// artifact::table("models", [Row { name: "forest", accuracy: 0.93 }, Row { name: "tree", accuracy: 0.88 }])
/// # }
/// ```
///
/// # Errors
///
/// If a row cannot be serialized as JSON.
#[cfg(feature = "store")]
#[track_caller]
pub fn table<R>(key: impl Into<String>, rows: R) -> Result<(), ArtifactError>
where
    R: IntoIterator<Item: serde::Serialize>,
{
    let (key, rows) = (key.into(), rows.into_iter().collect::<Vec<_>>());
    match serde_json::to_vec(&rows) {
        Ok(json) => {
            make(key, ArtifactKind::Table, "application/json", json);
            Ok(())
        }
        Err(error) => Err(ArtifactError::Table { key, source: error.into() }),
    }
}

/// Makes a link to something elsewhere.
#[track_caller]
pub fn link(key: impl Into<String>, address: impl Into<String>) {
    make(key, ArtifactKind::Link, "text/uri-list", address.into().into_bytes());
}

/// Makes a picture from the bytes of a PNG, JPEG, GIF, WebP or SVG file. Other formats are persisted too, but may not be
/// shown.
#[track_caller]
pub fn image(key: impl Into<String>, bytes: impl Into<Vec<u8>>) {
    let bytes = bytes.into();
    make(key, ArtifactKind::Image, media::of_image(&bytes), bytes);
}

/// Makes a copy of a file in its current state. It is read here, which blocks: in an `async` task keep it small.
///
/// # Errors
///
/// If the file cannot be read, or has more than 64 MiB.
#[track_caller]
pub fn file(key: impl Into<String>, path: impl AsRef<Path>) -> Result<(), ArtifactError> {
    let path = path.as_ref();
    let unreadable = |source| ArtifactError::Unreadable { path: path.to_owned(), source };
    let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
    if bytes > FILE_MAX {
        return Err(ArtifactError::TooLarge { path: path.to_owned(), bytes });
    }
    let content = std::fs::read(path).map_err(unreadable)?;
    // Only for observers: the copy does not change with the file.
    let source = std::path::absolute(path).ok();
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let made = Artifact {
        key: key.into(),
        kind: ArtifactKind::File,
        media_type: name.as_deref().map_or(media::UNKNOWN, media::of_name).to_owned(),
        file_name: name,
        content,
        describes: None,
    };
    context::made(made, source.as_deref());
    Ok(())
}

#[track_caller]
fn make(key: impl Into<String>, kind: ArtifactKind, media_type: &str, content: Vec<u8>) {
    let made = Artifact {
        key: key.into(),
        kind,
        media_type: media_type.to_owned(),
        file_name: None,
        content,
        describes: None,
    };
    context::made(made, None);
}
