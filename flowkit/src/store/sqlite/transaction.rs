//! The one transaction that the writing thread has at a time: begun, committed, and tried again during an outage until it is
//! there or given up. What giving up means for runs is in [`outage`](super::outage).

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::failure::{self, Remedy};
use super::outage::{DatabaseFiles, GivenUp};
use super::write::Tools;
use super::writer::{Writer, truncate_log};
use super::{Synchronous, clock, connection};
use crate::failpoint;

/// The waits between attempts of a failed transaction.
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(1);
/// How long closing a store on a full disk waits at most.
const CLOSING_RETRY: Duration = Duration::from_secs(2);
/// How long a retry waits for the lock of another process that has held it for long.
const BUSY_WAIT_AGAIN: Duration = Duration::from_millis(250);

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

impl Writer {
    /// Runs `body` in a transaction, as often as it takes. All questions of one outage have the same deadline, so that
    /// their waits do not add up.
    pub(super) fn try_transact<R>(
        &mut self,
        mut body: impl FnMut(&Connection, &mut Tools<'_>) -> rusqlite::Result<R>,
    ) -> Result<R, GivenUp> {
        self.transaction += 1;
        let mut wait = BACKOFF_MIN;
        loop {
            let error = match self.attempt(self.settings.synchronous, &mut body)? {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let tried_for = self.outage.since.map_or(Duration::ZERO, |since| since.elapsed());
            let is_closed = self.shared.queue.is_closed();
            let retry_for_at_most = self.settings.retry_for;
            if tried_for >= if is_closed { retry_for_at_most.min(CLOSING_RETRY) } else { retry_for_at_most } {
                return Err(GivenUp::Failed { source: Arc::new(error), tried_for, is_hopeless: false });
            }
            std::thread::sleep(wait.min(retry_for_at_most));
            wait = (2 * wait).min(BACKOFF_MAX);
        }
    }

    /// Runs `body` in a transaction that does not wait for the disk, and that is attempted once.
    pub(super) fn try_once<R>(
        &mut self,
        mut body: impl FnMut(&Connection, &mut Tools<'_>) -> rusqlite::Result<R>,
    ) -> Result<R, GivenUp> {
        self.transaction += 1;
        self.attempt(Synchronous::Normal, &mut body)?.map_err(|error| GivenUp::Failed {
            source: Arc::new(error),
            tried_for: Duration::ZERO,
            is_hopeless: false,
        })
    }

    /// Attempts the transaction; the inner error may be over soon, and is the beginning of an outage or a part of it.
    fn attempt<R>(
        &mut self,
        synchronous: Synchronous,
        body: &mut impl FnMut(&Connection, &mut Tools<'_>) -> rusqlite::Result<R>,
    ) -> Result<rusqlite::Result<R>, GivenUp> {
        if self.outage.is_removed {
            return Err(GivenUp::Removed);
        }
        let began = clock::now();
        let FailedCommit { error, answer } = match self.once(synchronous, body) {
            Ok(answer) => return self.succeeded(answer).map(Ok),
            Err(failed) => failed,
        };
        // Names that the transaction wrote are rolled back with it.
        self.interned.forget();
        let remedy = failure::remedy(&error);
        if remedy == Remedy::Reopen
            && self.reopen_finds_it()
            && let Some(answer) = answer
        {
            return self.succeeded(answer).map(Ok);
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
            self.outage.since = Some(began);
            self.shared.set_degraded();
        }
        Ok(Err(error))
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
        synchronous: Synchronous,
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
        if self.synchronous != synchronous {
            connection::set_synchronous(connection, synchronous)?;
            self.synchronous = synchronous;
        }
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
        self.synchronous = self.settings.synchronous;
        is_there
    }
}
