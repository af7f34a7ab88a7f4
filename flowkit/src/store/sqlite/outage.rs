//! What the writing thread does during an outage, while nothing can be written: everything else waits for the transaction
//! that is [retried](super::transaction), and at last runs are given up. It never drops a batch and continues after it: what
//! is durable of a run is a prefix of its record.

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch::Batch;
use super::writer::Writer;
use super::{files, ownership, system};
use crate::model::FlowRunId;
use crate::store::{Lost, OwnedRun, StoreError};

/// The state of an outage, and the runs that were given up because of it.
pub(super) struct Outage {
    pub(super) files: DatabaseFiles,
    pub(super) is_removed: bool,
    /// When the first transaction of the outage began.
    pub(super) since: Option<Instant>,
    /// Why the database could not be reopened.
    pub(super) unopened: String,
    /// The runs that are no longer persisted, up to which epoch, and why.
    lost: HashMap<FlowRunId, (u64, StoreError)>,
    /// The epochs of runs that this store has taken over: earlier losses do not concern them.
    taken: HashMap<FlowRunId, u64>,
    /// Runs that this store still owns but no longer writes.
    abandoned: Vec<(OwnedRun, StoreError)>,
}

/// The identity of the database's files.
pub(super) struct DatabaseFiles {
    files: [PathBuf; 2],
    ids: [Option<(u64, u64)>; 2],
}

impl DatabaseFiles {
    pub(super) fn of(database: &Path) -> Self {
        let files = [database.to_owned(), files::wal(database)];
        let ids = files.each_ref().map(|file| system::file_id(file).ok());
        Self { files, ids }
    }

    /// Whether the path still leads to the files that this process writes to.
    pub(super) fn holds(&self) -> bool {
        self.database_holds() && self.holds_file(1)
    }

    /// The same of the database alone, without its log.
    pub(super) fn database_holds(&self) -> bool {
        self.holds_file(0)
    }

    fn holds_file(&self, index: usize) -> bool {
        match system::file_id(&self.files[index]) {
            Ok(found) => self.ids[index].is_none_or(|known| known == found),
            // What cannot be inspected may be there.
            Err(error) => error.kind() != std::io::ErrorKind::NotFound,
        }
    }
}

impl Outage {
    pub(super) fn new(database: &Path) -> Self {
        Self {
            files: DatabaseFiles::of(database),
            is_removed: false,
            since: None,
            unopened: String::new(),
            lost: HashMap::new(),
            taken: HashMap::new(),
            abandoned: Vec::new(),
        }
    }

    /// Returns why a run is no longer written, if it is not.
    pub(super) fn loss(&self, run: OwnedRun) -> Option<StoreError> {
        self.lost.get(&run.id).filter(|(epoch, _)| run.epoch <= *epoch).map(|(_, error)| error.clone())
    }

    pub(super) fn has_lost(&self, id: FlowRunId) -> bool {
        self.lost.contains_key(&id)
    }

    /// Resumes writing a run, under a new epoch.
    pub(super) fn took_over(&mut self, run: OwnedRun) {
        self.lost.remove(&run.id);
        self.taken.insert(run.id, run.epoch);
    }

    pub(super) fn has_ended(&mut self, id: FlowRunId) {
        self.taken.remove(&id);
    }

    /// Notes a run that is no longer written, to suspend it once that is possible.
    pub(super) fn abandon(&mut self, run: OwnedRun, why: StoreError) {
        if !self.abandoned.iter().any(|(known, _)| *known == run) {
            self.abandoned.push((run, why));
        }
    }

    pub(super) fn has_abandoned(&self) -> bool {
        !self.abandoned.is_empty()
    }

    pub(super) fn take_abandoned(&mut self) -> Vec<(OwnedRun, StoreError)> {
        std::mem::take(&mut self.abandoned)
    }

    pub(super) fn abandon_again(&mut self, abandoned: Vec<(OwnedRun, StoreError)>) {
        self.abandoned.extend(abandoned);
    }
}

/// Why a transaction was given up.
pub(super) enum GivenUp {
    Failed {
        source: Arc<dyn Error + Send + Sync>,
        tried_for: Duration,
        /// It would fail again, however often it is retried.
        is_hopeless: bool,
    },
    Removed,
}

impl GivenUp {
    /// The error for the caller.
    pub(super) fn of_question(self, path: &Path) -> StoreError {
        let path = path.to_owned();
        match self {
            Self::Failed { source, .. } => StoreError::Write { path, source },
            Self::Removed => StoreError::Removed { path },
        }
    }
}

impl Writer {
    /// Gives up the runs of a batch, with everything queued after it.
    pub(super) fn give_up(&mut self, batch: Batch, why: &GivenUp) {
        let path = self.shared.path.clone();
        for id in batch.concerns() {
            let error = match why {
                GivenUp::Removed => StoreError::Removed { path: path.clone() },
                GivenUp::Failed { source, tried_for, .. } => {
                    let missing = batch.missing(id) + self.shared.queue.missing(id);
                    let (path, source) = (path.clone(), Arc::clone(source));
                    StoreError::GaveUp { id, path, tried_for: *tried_for, missing, source }
                }
            };
            // A log line has no epoch: it belongs to the present one.
            let epoch =
                batch.runs.iter().filter(|part| part.owned.id == id).map(|part| part.owned.epoch).max();
            self.unkept.get_or_insert_with(|| error.clone());
            self.outage.lost.remove(&id);
            self.lose(id, epoch.unwrap_or(u64::MAX), &error);
        }
        self.unreleased.extend(batch.released);
        for part in batch.runs {
            if let Some(error) = self.outage.loss(part.owned) {
                self.outage.abandon(part.owned, error.clone());
                part.answer_all(&Err(error));
            }
        }
    }

    /// Stops writing a run, and notifies it.
    pub(super) fn lose(&mut self, run: FlowRunId, epoch: u64, error: &StoreError) {
        // Entries of an earlier owner in this process are no loss.
        let is_earlier = self.outage.taken.get(&run).is_some_and(|taken| *taken > epoch);
        if is_earlier || self.outage.lost.get(&run).is_some_and(|(known, _)| *known >= epoch) {
            return;
        }
        tracing::error!(flow_run = %run, %error, cause = ?error.source(), "the run is kept no further");
        self.outage.lost.insert(run, (epoch, error.clone()));
        let lost = Lost { run, epoch, error: error.clone() };
        self.shared.notify(move |shared| shared.losses.notify(lost));
    }

    /// Suspends the runs that are no longer written, for the process that resumes them.
    pub(super) fn suspend_all(&mut self) {
        if !self.outage.has_abandoned() {
            return;
        }
        let left = self.outage.take_abandoned();
        if self.with_owner(|connection, owner| ownership::suspend_all(connection, owner, &left)).is_err() {
            self.outage.abandon_again(left);
        }
    }

    /// Leaves the stop reasons of runs that could not be suspended, for the process that finds this store gone.
    pub(super) fn leave_stop_reasons(&self) -> std::io::Result<()> {
        if self.outage.abandoned.is_empty() {
            Ok(())
        } else {
            self.owner.leave_stop_reasons(&self.outage.abandoned)
        }
    }
}
