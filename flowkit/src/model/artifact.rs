//! What a task leaves beside its result: artifacts for people to look at, numbers to compare runs by, and which files it
//! made and used.
//!
//! Not the result itself, which the next task gets; and not where the content is kept, which is a store's business.

use serde::{Deserialize, Serialize};

use super::{Digest, FlowRunId, TaskRunId, WallTime};

/// What an artifact is, and so how it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ArtifactKind {
    /// Text in Markdown.
    Markdown,
    /// Rows, as a JSON list.
    Table,
    /// An address of something elsewhere.
    Link,
    /// A picture.
    Image,
    /// A copy of a file.
    File,
    /// A file with data, described as JSON; the file itself stays where it is.
    Dataset,
    /// A file with a trained model, described in the same way.
    Model,
}

impl ArtifactKind {
    /// Returns the name, as it is written everywhere.
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

/// An artifact as it is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Artifact {
    /// What it is called in its run. A later one of the same key is a new version.
    pub key: String,
    /// What it is.
    pub kind: ArtifactKind,
    /// What the content is, such as `text/markdown`.
    pub media_type: String,
    /// The name of the file of which this is a copy.
    pub file_name: Option<String>,
    /// What there is to see.
    pub content: Vec<u8>,
    /// The file that it describes, by its content.
    pub describes: Option<Digest>,
}

/// A number as it is measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// What it is called, such as `accuracy`.
    pub name: String,
    /// Where it stands in a series, such as the epoch.
    pub step: Option<u64>,
    /// How large it is. May be NaN, which a training that goes wrong gives.
    pub value: f64,
}

/// An artifact as it is kept, without its content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StoredArtifact {
    /// Its number in its flow run, counting from 1 in the order in which artifacts were made.
    pub sequence: u64,
    /// Who made it; [`TaskRunId::FLOW`] is the flow itself.
    pub task_run: TaskRunId,
    /// When.
    pub at: WallTime,
    /// What it is called in its run.
    pub key: String,
    /// The version number within its key in this run, counting from 1. The last one is the one to show.
    pub version: u32,
    /// What it is.
    pub kind: ArtifactKind,
    /// What the content is, such as `text/markdown`.
    pub media_type: String,
    /// The name of the file of which it is a copy.
    pub file_name: Option<String>,
    /// The length of the content, in bytes.
    pub bytes: u64,
    /// The file that it describes, by its content.
    pub describes: Option<Digest>,
}

/// A number as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StoredMetric {
    /// Its number in its flow run, counting from 1 in the order in which they were measured.
    pub sequence: u64,
    /// Who measured it; [`TaskRunId::FLOW`] is the flow itself.
    pub task_run: TaskRunId,
    /// When.
    pub at: WallTime,
    /// What it is called.
    pub name: String,
    /// Where it stands in a series.
    pub step: Option<u64>,
    /// How large it is; may be NaN.
    pub value: f64,
}

/// Who made a file and who used it, over all runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Lineage {
    /// The task runs that registered a file with this content, in order of their runs.
    pub made_by: Vec<(FlowRunId, TaskRunId)>,
    /// The task runs that took it as their input.
    pub used_by: Vec<(FlowRunId, TaskRunId)>,
}
