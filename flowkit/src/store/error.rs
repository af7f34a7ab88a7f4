//! Why something could not be kept or read: what failed, where, and what to do about it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::model::{DigestError, FlowRunId, State, TaskRunId};

/// Why a store could not do what it was asked. Cheap to clone: everyone who waited for a commit gets it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file could not be opened.
    #[error("cannot open the database `{}`: {reason}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
        /// What the system said.
        #[source]
        source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    },
    /// There is no run of this id.
    #[error("there is no flow run `{id}`")]
    UnknownRun {
        /// The id.
        id: String,
    },
    /// A living process owns the run.
    #[error("flow run `{}` is being run by {owner}; wait for it, or cancel it there", id.short())]
    Owned {
        /// The run.
        id: FlowRunId,
        /// Who runs it.
        owner: OwnerName,
    },
    /// Another process has taken the run over, so this one may write nothing of it.
    #[error("flow run `{}` was taken over by another process; this one stops writing of it", id.short())]
    LostOwnership {
        /// The run.
        id: FlowRunId,
    },
    /// A run that has ended is only left by being reopened. Seen only if flowkit has a bug.
    #[error("run {task_run} of flow run `{}` has ended and cannot be {event}", id.short())]
    Ended {
        /// The flow run.
        id: FlowRunId,
        /// Which of its runs.
        task_run: TaskRunId,
        /// The name of the event that was refused.
        event: &'static str,
    },
    /// The run cannot go on from where it stands.
    #[error("flow run `{}` is {}; only a run that ended, crashed or was suspended can be taken over", id.short(), state.name())]
    NotResumable {
        /// The run.
        id: FlowRunId,
        /// Where it stands.
        state: State,
    },
    /// Something could not be written, also not when it was tried again.
    #[error("cannot write to the database `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// Something could not be read.
    #[error("cannot read the database `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// What was read is not what was written: its checksum differs, or it makes no sense.
    #[error("what is kept of {what} is damaged: {reason}")]
    Damaged {
        /// Of what.
        what: String,
        /// In what way.
        reason: String,
    },
    /// The run has calls with secrets, and the key is missing that tells them apart.
    #[error("{}", DigestError::NoSealKey { file: file.clone() })]
    NoSealKey {
        /// The file in which it should be.
        file: PathBuf,
    },
    /// The store was closed, or its writing thread has ended.
    #[error("the store is closed")]
    Closed,
}

/// The process that owns a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnerName {
    /// Its process id.
    pub pid: u32,
    /// The host on which it runs.
    pub host: String,
}

impl OwnerName {
    /// Names a process.
    pub fn new(pid: u32, host: impl Into<String>) -> Self {
        Self { pid, host: host.into() }
    }
}

impl std::fmt::Display for OwnerName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {} on {}", self.pid, self.host)
    }
}
