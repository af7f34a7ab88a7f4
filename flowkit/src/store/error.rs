//! Why something could not be persisted or read: what failed, where, and what to do about it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::model::{DigestError, FlowRunId, OwnerName, State, TaskRunId};
use crate::text::wording::counted;

/// Why a store could not do what it was asked. Cheap to clone: every caller that waited for a commit gets it. Displayed on one
/// line; `{error:#}` appends the causes, each behind a colon.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file could not be opened.
    #[error(fmt = fmt_open)]
    Open {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
        /// The error of the system.
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
        /// The process that runs it.
        owner: OwnerName,
    },
    /// Another process has taken over the run, so this one may not write to it any more.
    #[error("flow run `{}` was taken over by another process; this one stops writing of it", id.short())]
    LostOwnership {
        /// The run.
        id: FlowRunId,
    },
    /// The run has ended, which only reopening changes. Seen only if flowkit has a bug.
    #[error("run {task_run} of flow run `{}` has ended and cannot be {event}", id.short())]
    Ended {
        /// The flow run.
        id: FlowRunId,
        /// Which of its runs.
        task_run: TaskRunId,
        /// The name of the event that was refused.
        event: &'static str,
    },
    /// The run cannot be resumed in its present state.
    #[error("flow run `{}` is {}; only a run that ended, crashed or was suspended can be taken over", id.short(), state.name())]
    NotResumable {
        /// The run.
        id: FlowRunId,
        /// Its state.
        state: State,
    },
    /// Something could not be written, even when it was tried again.
    #[error(fmt = fmt_write)]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The store gave up writing a run, so the run is persisted up to here only: it ends as failed, and can be resumed
    /// from what is persisted.
    #[error(fmt = fmt_gave_up)]
    GaveUp {
        /// The run.
        id: FlowRunId,
        /// The file.
        path: PathBuf,
        /// For how long writing had failed.
        tried_for: Duration,
        /// What of the run was waiting to be written.
        missing: Missing,
        /// What the system said.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The database was removed, renamed or replaced while this process wrote to it, so what it wrote is not there.
    #[error(
        "the database `{}` was removed or replaced while this process wrote to it; leave it in its place until its runs \
         have ended, and run again what is missing there",
        path.display()
    )]
    Removed {
        /// Where the file was.
        path: PathBuf,
    },
    /// Something could not be read.
    #[error(fmt = fmt_read)]
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
    /// The run has calls with secrets, and the key that tells them apart is missing.
    #[error("{}", DigestError::NoSealKey { file: file.clone() })]
    NoSealKey {
        /// The file that should have it.
        file: PathBuf,
    },
    /// The store was closed, or its writing thread has ended.
    #[error("the store is closed")]
    Closed,
}

/// How much of a run waited to be written when its store gave up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Missing {
    /// Events, with the results that came with them.
    pub events: usize,
    /// Artifacts, metrics, and files that were used.
    pub facts: usize,
    /// Log lines.
    pub lines: usize,
}

impl std::ops::Add for Missing {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self {
            events: self.events + more.events,
            facts: self.facts + more.facts,
            lines: self.lines + more.lines,
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { events, facts, lines } = *self;
        let parts = [
            (events, counted(events, "event", "events")),
            (facts, counted(facts, "artifact or metric", "artifacts and metrics")),
            (lines, counted(lines, "log line", "log lines")),
        ];
        let parts: Vec<_> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(_, words)| words.as_str()).collect();
        if parts.is_empty() { f.write_str("what happened last") } else { f.write_str(&parts.join(", ")) }
    }
}

type Source = Arc<dyn std::error::Error + Send + Sync>;

fn fmt_open(path: &Path, reason: &str, source: &Option<Source>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "cannot open the database `{}`: {reason}", path.display())?;
    source.as_ref().map_or(Ok(()), |source| fmt_causes(source, f))
}

fn fmt_write(path: &Path, source: &Source, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "cannot write to the database `{}`", path.display())?;
    fmt_causes(source, f)
}

fn fmt_read(path: &Path, source: &Source, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "cannot read the database `{}`", path.display())?;
    fmt_causes(source, f)
}

fn fmt_gave_up(
    id: &FlowRunId,
    path: &Path,
    tried_for: &Duration,
    missing: &Missing,
    source: &Source,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let tried = if tried_for.is_zero() { String::new() } else { format!(" for {tried_for:.0?}") };
    write!(
        f,
        "the database `{}` could not be written{tried}, so {missing} of flow run `{}` are not persisted; it can be resumed \
         once the database can be written again",
        path.display(),
        id.short()
    )?;
    fmt_causes(source, f)
}

/// Appends the chain of causes, if the caller wants it.
fn fmt_causes(source: &Source, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let nearest: &(dyn std::error::Error + 'static) = &**source;
    let causes = std::iter::successors(Some(nearest), |cause| (*cause).source());
    for cause in causes.take_while(|_| f.alternate()).collect::<Vec<_>>() {
        write!(f, ": {cause}")?;
    }
    Ok(())
}
