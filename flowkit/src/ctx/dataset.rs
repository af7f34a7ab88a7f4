//! Files that tasks make for each other: [`Dataset`] and [`Model`], small values with the path and the content hash of a
//! file.
//!
//! The file stays where its task has written it: nothing here copies, moves or removes it.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use crate::ctx::artifact::ArtifactError;
use crate::engine::{context, described};
use crate::model::{Artifact, ArtifactKind, Digest};
use crate::store::FactKind;
use crate::value::shape::TRACKED;

/// A file with data.
///
/// ```
/// # use flowkit::prelude::*;
/// use flowkit::{Dataset, Output};
/// use std::io::Write;
///
/// #[task]
/// fn extract(path: String) -> Result<Dataset> {
///     let mut file = Output::atomic(path)?;
///     writeln!(file, "a,b\n1,2")?;
///     Ok(Dataset::at(file.commit()?)?.with("rows", 1).register("raw"))
/// }
///
/// #[task]
/// fn count(data: Dataset) -> Result<usize> {
///     Ok(std::fs::read_to_string(data.input()?)?.lines().count() - 1)
/// }
///
/// #[flow]
/// async fn etl(path: String) -> Result<usize> {
///     let raw = extract::submit(path);
///     Ok(count::of(&raw).await?)
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("raw.csv").display().to_string();
/// assert_eq!(etl(path).await.unwrap(), 1);
/// # }
/// ```
pub type Dataset = Tracked<DatasetKind>;

/// A file with a trained model. It is used like a [`Dataset`], but has another type: one cannot be passed for the other.
///
/// ```compile_fail,E0308
/// # use flowkit::{Dataset, Model};
/// fn serve(model: Model) {}
/// fn wrong(data: Dataset) {
///     serve(data)
/// }
/// ```
pub type Model = Tracked<ModelKind>;

/// Marks a file with data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatasetKind {}

/// Marks a file with a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelKind {}

/// The kinds of tracked files.
pub trait TrackedKind: sealed::Sealed {
    #[doc(hidden)]
    const KIND: ArtifactKind;
}

impl TrackedKind for DatasetKind {
    const KIND: ArtifactKind = ArtifactKind::Dataset;
}

impl TrackedKind for ModelKind {
    const KIND: ArtifactKind = ArtifactKind::Model;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::DatasetKind {}
    impl Sealed for super::ModelKind {}
}

/// A file by its path and its content, for users [`Dataset`] or [`Model`].
///
/// Its content decides: a task that is cached by its inputs runs again when the file has other bytes, also under the same
/// name, and the task runs that made and used a file are found by its hash.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(bound = "")]
pub struct Tracked<K> {
    path: PathBuf,
    hash: Digest,
    bytes: u64,
    metadata: BTreeMap<String, String>,
    #[serde(skip)]
    kind: PhantomData<fn() -> K>,
}

impl<K> Serialize for Tracked<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        described::note(&self.path, self.hash, self.bytes);
        let mut fields = serializer.serialize_struct(TRACKED, 4)?;
        fields.serialize_field("path", &self.path)?;
        fields.serialize_field("hash", &self.hash)?;
        fields.serialize_field("bytes", &self.bytes)?;
        fields.serialize_field("metadata", &self.metadata)?;
        fields.end()
    }
}

impl<K: TrackedKind> Tracked<K> {
    /// Describes the file at `path`, and reads it for that, which blocks.
    ///
    /// It stores a description, not the file: a power cut may lose a file that was not synced to disk;
    /// [`Output`](crate::Output) syncs it.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn at(path: impl AsRef<Path>) -> Result<Self, ArtifactError> {
        let relative = path.as_ref();
        let unreadable = |source| ArtifactError::Unreadable { path: relative.to_owned(), source };
        // The process that resumes the run may have another working directory.
        let path = std::path::absolute(relative).map_err(unreadable)?;
        let (hash, bytes) = described::digest_of(&path).map_err(unreadable)?;
        Ok(Self { path, hash, bytes, metadata: BTreeMap::new(), kind: PhantomData })
    }

    /// Adds metadata, such as the number of rows.
    #[must_use = "returns the changed description; the original is untouched"]
    pub fn with(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.metadata.insert(name.into(), value.to_string());
        self
    }

    /// Registers the description as an artifact, which records the task run as the one that made the file.
    #[must_use = "the next task needs it to find the file"]
    #[track_caller]
    pub fn register(self, key: impl Into<String>) -> Self {
        let made = Artifact {
            key: key.into(),
            kind: K::KIND,
            media_type: "application/json".to_owned(),
            file_name: self.path.file_name().map(|name| name.to_string_lossy().into_owned()),
            // Only a path that is not Unicode cannot be serialized; the hash is what counts.
            content: serde_json::to_vec(&self).unwrap_or_default(),
            describes: Some(self.hash),
        };
        context::made(made, Some(&self.path));
        self
    }

    /// Returns the path for reading the file in a task, and records the task run as one that used it. Checks first that the
    /// file has the described content; it is read for that, which blocks.
    ///
    /// # Errors
    ///
    /// If it has other content now, or cannot be read.
    pub fn input(&self) -> Result<&Path, ArtifactError> {
        let unreadable = |source| ArtifactError::Unreadable { path: self.path.clone(), source };
        let found = described::digest_of(&self.path).map_err(unreadable)?;
        if found != (self.hash, self.bytes) {
            return Err(ArtifactError::Changed { path: self.path.clone() });
        }
        // A file may be read outside a flow as well.
        context::report_quietly(FactKind::Used(self.hash));
        Ok(&self.path)
    }

    /// Returns the path of the file. To read it, use [`input`](Self::input).
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the hash of the content, by which [`History::lineage`](crate::store::History::lineage) finds the task runs
    /// that made and used it.
    pub fn hash(&self) -> Digest {
        self.hash
    }

    /// Returns the length of the content, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns metadata by its name.
    pub fn metadata(&self, name: &str) -> Option<&str> {
        self.metadata.get(name).map(String::as_str)
    }
}
