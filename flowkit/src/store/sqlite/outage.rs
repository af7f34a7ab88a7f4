//! What the writing thread does during an outage, while nothing can be written: it retries, lets everything else wait,
//! and at last gives up runs. It never drops a batch and continues after it: what is durable of a run is a prefix of
//! its record.

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};

use super::batch::Batch;
use super::failure::{self, Remedy};
use super::write::Tools;
use super::writer::{Writer, truncate_log};
use super::{clock, connection, files, ownership, system};
use crate::failpoint;
use crate::model::FlowRunId;
use crate::store::{Lost, OwnedRun, StoreError};

/// The waits between attempts of a failed transaction.
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(1);
/// How long closing a store on a full disk waits at most.
const CLOSING_RETRY: Duration = Duration::from_secs(2);
/// How long a retry waits for the lock of another process that has held it for long.
const BUSY_WAIT_AGAIN: Duration = Duration::from_millis(250);

/// The state of an outage, and the runs that were given up because of it.
pub(super) struct Outage {
    files: DatabaseFiles,
    is_removed: bool,
    /// When the first transaction of the outage began.
    since: Option<Instant>,
    /// Why the database could not be reopened.
    unopened: String,
    /// The runs that are no longer persisted, up to which epoch, and why.
    lost: HashMap<FlowRunId, (u64, StoreError)>,
    /// The epochs of runs that this store has taken over: earlier losses do not concern them.
    taken: HashMap<FlowRunId, u64>,
    /// Runs that this store still owns but no longer writes.
    abandoned: Vec<(OwnedRun, StoreError)>,
}

/// The identity of the database's files.
struct DatabaseFiles {
    files: [PathBuf; 2],
    ids: [Option<(u64, u64)>; 2],
}

impl DatabaseFiles {
    fn of(database: &Path) -> Self {
        let files = [database.to_owned(), files::wal(database)];
        let ids = files.each_ref().map(|file| system::file_id(file).ok());
        Self { files, ids }
    }

    /// Whether the path still leads to the files that this process writes to.
    fn holds(&self) -> bool {
        self.files.iter().zip(self.ids).all(|(file, known)| match system::file_id(file) {
            Ok(found) => known.is_none_or(|known| known == found),
            // What cannot be inspected may be there.
            Err(error) => error.kind() != std::io::ErrorKind::NotFound,
        })
    }

    fn database_holds(&self) -> bool {
        match (system::file_id(&self.files[0]), self.ids[0]) {
            (Ok(found), Some(known)) => found == known,
            (Err(error), _) => error.kind() != std::io::ErrorKind::NotFound,
            (Ok(_), None) => true,
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

/// A failed transaction, with its answer if only the commit failed.
struct FailedCommit<R> {
    error: rusqlite::Error,
    answer: Option<R>,
}

impl<R> From<rusqlite::Error> for FailedCommit<R> {
    fn from(error: rusqlite::Error) -> Self {
        Self { error, answer: None }
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

    /// Runs `body` in a transaction, as often as it takes. All questions of one outage have the same deadline, so that
    /// their waits do not add up.
    pub(super) fn try_transact<R>(
        &mut self,
        mut body: impl FnMut(&Connection, &mut Tools<'_>) -> rusqlite::Result<R>,
    ) -> Result<R, GivenUp> {
        self.transaction += 1;
        let mut wait = BACKOFF_MIN;
        loop {
            if self.outage.is_removed {
                return Err(GivenUp::Removed);
            }
            let began = clock::now();
            let FailedCommit { error, answer } = match self.once(&mut body) {
                Ok(answer) => return self.succeeded(answer),
                Err(failed) => failed,
            };
            // Names that the transaction wrote are rolled back with it.
            self.interned.forget();
            let remedy = failure::remedy(&error);
            if remedy == Remedy::Reopen
                && self.reopen_finds_it()
                && let Some(answer) = answer
            {
                return self.succeeded(answer);
            }
            if remedy == Remedy::GiveUp {
                return Err(GivenUp::Failed {
                    source: Arc::new(error),
                    tried_for: Duration::ZERO,
                    is_hopeless: true,
                });
            }
            if self.outage.since.is_none() {
                tracing::warn!(%error, path = %self.shared.path.display(), "the database cannot be written; trying again");
                self.shared.set_degraded();
            }
            let tried_for = self.outage.since.get_or_insert(began).elapsed();
            let is_closed = self.shared.queue.is_closed();
            let retry_for_at_most = self.settings.retry_for;
            if tried_for >= if is_closed { retry_for_at_most.min(CLOSING_RETRY) } else { retry_for_at_most } {
                return Err(GivenUp::Failed { source: Arc::new(error), tried_for, is_hopeless: false });
            }
            std::thread::sleep(wait.min(retry_for_at_most));
            wait = (2 * wait).min(BACKOFF_MAX);
        }
    }

    /// A transaction is on the disk; whether others find it there shows only now.
    fn succeeded<R>(&mut self, answer: R) -> Result<R, GivenUp> {
        if !self.outage.files.holds() {
            self.outage.is_removed = true;
            return Err(GivenUp::Removed);
        }
        if let Some(since) = self.outage.since.take() {
            tracing::info!(after = ?since.elapsed(), "the database can be written again");
        }
        self.last_commit = clock::now();
        self.shared.has_committed(self.last_commit);
        Ok(answer)
    }

    fn once<R>(
        &mut self,
        body: &mut impl FnMut(&Connection, &mut Tools<'_>) -> rusqlite::Result<R>,
    ) -> Result<R, FailedCommit<R>> {
        let busy_wait = match self.outage.since {
            None => self.settings.busy_wait.min(self.settings.retry_for.max(BACKOFF_MAX)),
            Some(_) => BUSY_WAIT_AGAIN,
        };
        let Some(connection) = &mut self.connection else {
            // The reopening that failed before is part of this attempt.
            return Err(failure::as_sqlite(std::io::Error::other(self.outage.unopened.clone())).into());
        };
        connection.busy_timeout(busy_wait)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // First, so that what follows may refer to this store.
        self.owner.stamp(&transaction, self.transaction)?;
        let mut tools = Tools {
            interned: &mut self.interned,
            values: &self.values,
            inline_max: self.settings.inline_max,
            owner: &self.owner,
        };
        let answer = body(&transaction, &mut tools)?;
        failpoint::hit("before-commit").map_err(failure::as_sqlite)?;
        match transaction.commit() {
            Ok(()) => Ok(answer),
            Err(error) => Err(FailedCommit { error, answer: Some(answer) }),
        }
    }

    /// Reopens the database after an I/O error; returns whether the last transaction is there, and durable.
    ///
    /// After a failed fsync the system may consider pages clean that never reached the disk, so a second fsync proves
    /// nothing. A checkpoint writes them once more, into the database itself.
    fn reopen_finds_it(&mut self) -> bool {
        // Its files are closed first: closing them later would release the locks of the new ones.
        self.connection = None;
        if !self.outage.files.database_holds() {
            self.outage.is_removed = true;
            return false;
        }
        let connection = match connection::to_write(&self.shared.path, self.settings.synchronous) {
            Ok(connection) => connection,
            Err(error) => {
                self.outage.unopened = error.source().map_or_else(|| error.to_string(), ToString::to_string);
                return false;
            }
        };
        let found = connection.query_row(
            "SELECT last_transaction FROM owners WHERE no = ?1",
            [self.owner.no],
            |row| row.get::<_, i64>(0),
        );
        let is_there =
            found.is_ok_and(|found| found == self.transaction) && truncate_log(&connection).is_ok();
        // The log may be a new file.
        self.outage.files = DatabaseFiles::of(&self.shared.path);
        self.connection = Some(connection);
        is_there
    }
}
