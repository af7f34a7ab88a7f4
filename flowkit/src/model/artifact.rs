//! What a task reports beside its result: artifacts for people, metrics to compare runs by, and the files that it made and used.
//!
//! The result itself goes to the next task; where the content of artifacts is stored is up to the store.

use serde::{Deserialize, Serialize};

use super::{Digest, FlowRunId, TaskRunId, WallTime};

/// The kind of an artifact, which decides how it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ArtifactKind {
    /// Text in Markdown.
    Markdown,
    /// Rows, as a JSON list.
    Table,
    /// An address.
    Link,
    /// A picture.
    Image,
    /// A copy of a file.
    File,
    /// A file with data, described as JSON. The file itself is not copied.
    Dataset,
    /// A file with a trained model, described as JSON. The file itself is not copied.
    Model,
}

impl ArtifactKind {
    /// Returns the name of the kind, the same in every output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Table => "table",
            Self::Link => "link",
            Self::Image => "image",
            Self::File => "file",
            Self::Dataset => "dataset",
            Self::Model => "model",
        }
    }
}

/// A new artifact.
#[derive(Clone, Debug, PartialEq)]
pub struct Artifact {
    /// The name of the artifact in its run. A later artifact with the same key is a new version of it.
    pub key: String,
    /// The kind of the artifact.
    pub kind: ArtifactKind,
    /// The media type of the content, such as `text/markdown`.
    pub media_type: String,
    /// The name of the copied file, if it is a copy of one.
    pub file_name: Option<String>,
    /// The content.
    pub content: Vec<u8>,
    /// The digest of the content of the file that it describes, if it describes one.
    pub describes: Option<Digest>,
}

/// A new measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The name of the metric, such as `accuracy`.
    pub name: String,
    /// The position in a series, such as the epoch.
    pub step: Option<u64>,
    /// The value. May be NaN, for instance when a training diverges.
    pub value: f64,
}

/// A stored artifact, without its content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StoredArtifact {
    /// The number of the artifact in its flow run, counting from 1 in the order in which artifacts were made.
    pub sequence: u64,
    /// The task run that made it; [`TaskRunId::FLOW`] is the flow itself.
    pub task_run: TaskRunId,
    /// When it was made.
    pub at: WallTime,
    /// The name of the artifact in its run.
    pub key: String,
    /// The version number of this key in this run, counting from 1. The last version is the current one.
    pub version: u32,
    /// The kind of the artifact.
    pub kind: ArtifactKind,
    /// The media type of the content, such as `text/markdown`.
    pub media_type: String,
    /// The name of the copied file, if it is a copy of one.
    pub file_name: Option<String>,
    /// The length of the content, in bytes.
    pub bytes: u64,
    /// The digest of the content of the file that it describes, if it describes one.
    pub describes: Option<Digest>,
}

/// A stored measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StoredMetric {
    /// The number of the measurement in its flow run, counting from 1 in the order in which they were reported.
    pub sequence: u64,
    /// The task run that reported it; [`TaskRunId::FLOW`] is the flow itself.
    pub task_run: TaskRunId,
    /// When it was reported.
    pub at: WallTime,
    /// The name of the metric.
    pub name: String,
    /// The position in a series, such as the epoch.
    pub step: Option<u64>,
    /// The value; may be NaN.
    pub value: f64,
}

/// The task runs that made or used a file, across all runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Lineage {
    /// The task runs that registered a file with this content, in the order of their runs.
    pub made_by: Vec<(FlowRunId, TaskRunId)>,
    /// The task runs that took it as an input.
    pub used_by: Vec<(FlowRunId, TaskRunId)>,
}
