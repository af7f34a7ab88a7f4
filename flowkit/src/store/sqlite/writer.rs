//! The one thread that writes. It takes what waits, writes it in one transaction, and only then answers.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};

use super::batch::{Batch, RunPart};
use super::failure::{self, Remedy};
use super::interned::Interned;
use super::options::Settings;
use super::owner::Owner;
use super::queue::Item;
use super::shared::Shared;
use super::values::Values;
use super::write::{self, Tools, Verdict};
use super::{Synchronous, clock, connection, ownership, reap};
use crate::failpoint;
use crate::model::FlowRunId;
use crate::store::{OwnedRun, StoreError};

/// The waits between tries of a transaction that failed.
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(1);
/// Whoever closes a store on a full disk waits no longer than this.
const CLOSING_RETRY: Duration = Duration::from_secs(2);

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) owner: Owner,
    pub(super) values: Values,
    pub(super) settings: Settings,
    /// `None` after it could not be opened again.
    pub(super) connection: Option<Connection>,
    interned: Interned,
    /// The number of the last transaction.
    transaction: i64,
    pub(super) last_commit: Instant,
    /// Why something could not be kept of which nobody was told. `flush` tells it.
    lost: Option<StoreError>,
    /// Runs of this store that are over, although their end could not be written.
    pub(super) unended: Vec<OwnedRun>,
    /// The runs whose cancelling was passed on.
    pub(super) told: HashSet<FlowRunId>,
    /// Whether this store may own a run, so that others may have something to say about it.
    pub(super) is_busy: bool,
    pub(super) upkeep: super::upkeep::Upkeep,
}

/// A transaction that failed, with what it answered if only its commit did.
struct Failed<R> {
    error: rusqlite::Error,
    answer: Option<R>,
}

impl<R> From<rusqlite::Error> for Failed<R> {
    fn from(error: rusqlite::Error) -> Self {
        Self { error, answer: None }
    }
}

/// Why a transaction was given up, and whether it was tried again.
struct GivenUp {
    error: StoreError,
    is_hopeless: bool,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        owner: Owner,
        values: Values,
        settings: Settings,
        connection: Connection,
    ) -> Self {
        Self {
            shared,
            owner,
            values,
            settings,
            connection: Some(connection),
            interned: Interned::default(),
            transaction: 0,
            last_commit: clock::now(),
            lost: None,
            unended: Vec::new(),
            told: HashSet::new(),
            is_busy: false,
            upkeep: super::upkeep::Upkeep::new(),
        }
    }

    /// Writes until the store is closed and nothing waits any more.
    pub(super) fn run(mut self) {
        loop {
            let taken = self.shared.queue.take(self.patience(), self.settings.gather);
            let is_idle = taken.items.is_empty();
            self.write_all(taken.items);
            if taken.is_last {
                break;
            }
            self.look_after(is_idle);
        }
        self.close();
    }

    fn write_all(&mut self, items: VecDeque<Item>) {
        let mut batch = Batch::default();
        for item in items {
            match item {
                Item::Begin(new) => batch.begin(new),
                Item::Record(entry, pledge) => batch.record(*entry, pledge),
                Item::Suspend(run, pledge) => batch.suspend(run, pledge),
                Item::Keep(fact) => batch.keep(*fact),
                Item::Log(line) => batch.logs.push(*line),
                Item::Release(key) => batch.released.push(key),
                Item::Ask(question) => {
                    self.commit(std::mem::take(&mut batch));
                    question(self);
                }
            }
        }
        self.commit(batch);
    }

    fn commit(&mut self, mut batch: Batch) {
        batch.dropped = self.shared.quotas.take_dropped();
        if !batch.is_empty() {
            self.is_busy |= !batch.runs.is_empty();
            self.commit_or_split(batch);
        }
    }

    fn commit_or_split(&mut self, batch: Batch) {
        self.keep_large_contents(&batch);
        match self.try_transact(|connection, tools| write::batch(connection, tools, &batch)) {
            Ok(verdicts) => {
                self.shared.count(&batch);
                // A failpoint that fails here stands for a process that forgets to answer.
                if failpoint::hit("after-commit-before-ack").is_ok() {
                    self.answer(batch, verdicts);
                }
                let _ = failpoint::hit("after-ack");
            }
            // Something in it cannot be written, however often. The others shall not suffer for it.
            Err(GivenUp { is_hopeless: true, .. }) if batch.runs.len() > 1 => {
                for part in batch.one_by_one() {
                    self.commit_or_split(part);
                }
            }
            Err(GivenUp { error, .. }) => {
                tracing::error!(%error, cause = ?std::error::Error::source(&error), "could not write");
                self.lost.get_or_insert_with(|| error.clone());
                self.unended.extend(batch.runs.iter().filter(|part| part.has_ended()).map(|part| part.owned));
                batch.answer_all(&error);
            }
        }
    }

    /// Writes files before the transaction that points to them, so that other processes do not wait meanwhile.
    fn keep_large_contents(&self, batch: &Batch) {
        for content in batch.contents().filter(|content| content.len() > self.settings.inline_max) {
            // What fails here fails again in the transaction, which knows what to do about it.
            let _ = self.values.keep(content);
        }
    }

    fn answer(&mut self, batch: Batch, verdicts: Vec<Verdict>) {
        for (part, verdict) in batch.runs.into_iter().zip(verdicts) {
            if part.has_ended() {
                self.told.remove(&part.owned.id);
                self.shared.quotas.forget(part.owned.id);
            }
            match verdict {
                Verdict::Written { refused } if refused.is_empty() => part.answer_all(&Ok(())),
                Verdict::Written { refused } => answer_some(part, &refused),
                Verdict::Refused(error) => {
                    tracing::warn!(%error, "entries were refused");
                    part.answer_all(&Err(error));
                }
            }
        }
    }

    /// Returns why something was lost since this was asked before.
    pub(super) fn take_lost(&mut self) -> Option<StoreError> {
        self.lost.take()
    }

    /// Runs `body` in a transaction that is on the disk when this returns. It may run several times.
    pub(super) fn transact<R>(
        &mut self,
        body: impl FnMut(&Connection, &mut Tools<'_>) -> rusqlite::Result<R>,
    ) -> Result<R, StoreError> {
        self.try_transact(body).map_err(|given_up| given_up.error)
    }

    /// The same for what asks who owns what.
    pub(super) fn with_owner<R>(
        &mut self,
        mut body: impl FnMut(&Connection, &Owner) -> rusqlite::Result<R>,
    ) -> Result<R, StoreError> {
        self.transact(|connection, tools| body(connection, tools.owner))
    }

    /// Buries dead owners, then makes this store the owner of a run.
    pub(super) fn take_over(&mut self, id: FlowRunId) -> Result<OwnedRun, StoreError> {
        let unended = std::mem::take(&mut self.unended);
        let taken = self.with_owner(|connection, owner| {
            ownership::put_aside(connection, owner, &unended)?;
            Ok((reap::reap(connection, owner)?, ownership::take_over(connection, owner, id)?))
        });
        if taken.is_err() {
            self.unended = unended;
        }
        let (dead, owned) = taken?;
        self.forget_dead(&dead);
        let owned = owned?;
        self.is_busy = true;
        self.told.remove(&id);
        Ok(owned)
    }

    fn try_transact<R>(
        &mut self,
        mut body: impl FnMut(&Connection, &mut Tools<'_>) -> rusqlite::Result<R>,
    ) -> Result<R, GivenUp> {
        self.transaction += 1;
        let began = clock::now();
        let mut wait = BACKOFF_MIN;
        loop {
            let Failed { error, answer } = match self.once(&mut body) {
                Ok(answer) => {
                    self.last_commit = clock::now();
                    self.shared.set_degraded(false);
                    return Ok(answer);
                }
                Err(failed) => failed,
            };
            // Names that were written in the transaction are gone with it.
            self.interned.forget();
            let remedy = failure::remedy(&error);
            if remedy == Remedy::Reopen
                && self.reopen_finds_it()
                && let Some(answer) = answer
            {
                return Ok(answer);
            }
            let mut patience = self.settings.retry_for;
            if self.shared.queue.is_closed() {
                patience = patience.min(CLOSING_RETRY);
            }
            if remedy == Remedy::GiveUp || began.elapsed() >= patience {
                self.shared.set_degraded(remedy != Remedy::GiveUp);
                let error = failure::write(&self.shared.path, error);
                return Err(GivenUp { error, is_hopeless: remedy == Remedy::GiveUp });
            }
            tracing::warn!(%error, "could not write; trying again");
            std::thread::sleep(wait);
            wait = (2 * wait).min(BACKOFF_MAX);
        }
    }

    fn once<R>(
        &mut self,
        body: &mut impl FnMut(&Connection, &mut Tools<'_>) -> rusqlite::Result<R>,
    ) -> Result<R, Failed<R>> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            // The reopening that failed before is part of this try.
            None => return Err(failure::as_sqlite(std::io::Error::other("the database is not open")).into()),
        };
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut tools = Tools {
            interned: &mut self.interned,
            values: &self.values,
            inline_max: self.settings.inline_max,
            owner: &self.owner,
        };
        let answer = body(&transaction, &mut tools)?;
        write::stamp(&transaction, self.owner.no, self.transaction)?;
        failpoint::hit("before-commit").map_err(failure::as_sqlite)?;
        match transaction.commit() {
            Ok(()) => Ok(answer),
            Err(error) => Err(Failed { error, answer: Some(answer) }),
        }
    }

    /// Opens the database again after an I/O error; whether the last transaction is found there, and safe.
    ///
    /// After a failed fsync the system may call pages clean that never reached the disk, so that a second fsync says
    /// nothing. A checkpoint writes them once more, into the database itself.
    fn reopen_finds_it(&mut self) -> bool {
        // Its files are closed first: to close them later would drop the locks of the new ones.
        self.connection = None;
        let Ok(connection) = connection::to_write(&self.shared.path, self.settings.synchronous) else {
            return false;
        };
        let found = connection.query_row(
            "SELECT last_transaction FROM owners WHERE no = ?1",
            [self.owner.no],
            |row| row.get::<_, i64>(0),
        );
        let is_there =
            found.is_ok_and(|found| found == self.transaction) && truncate_log(&connection).is_ok();
        self.connection = Some(connection);
        is_there
    }

    /// Leaves in order: the log is emptied, and the owner goes out of the table, unless runs are left for a reaper.
    fn close(mut self) {
        let me = self.owner.no;
        if let Some(connection) = &self.connection {
            // Nobody waits for this: a power cut would end this store as well. The log is brought to the disk below.
            let _ = connection.pragma_update(None, "synchronous", Synchronous::Normal.code());
        }
        let left = self.transact(|connection, _| {
            connection.execute(
                "DELETE FROM owners WHERE no = ?1 AND NOT EXISTS (SELECT 1 FROM flow_runs WHERE owner = ?1)",
                [me],
            )
        });
        if left.is_ok_and(|removed| removed > 0) {
            self.owner.leave();
        }
        if let Some(connection) = self.connection.take() {
            let _ = connection.busy_timeout(Duration::ZERO);
            let _ = truncate_log(&connection);
        }
    }
}

/// Moves the log into the database and cuts it to nothing. Whether it could: a reader may be in the way.
pub(super) fn truncate_log(connection: &Connection) -> rusqlite::Result<bool> {
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0).map(|busy| busy == 0))
}

/// Answers a run of which something had ended before.
fn answer_some(part: RunPart, refused: &[usize]) {
    let id = part.owned.id;
    let last_event = |index: usize| {
        let last = part.events.iter().rev().find(|(slot, _)| *slot == index);
        last.map_or("changed", |(_, event)| event.kind.name())
    };
    let names: Vec<_> = refused.iter().map(|index| (*index, last_event(*index))).collect();
    for (index, slot) in part.slots.into_iter().enumerate() {
        let refusal = names.iter().find(|(refused, _)| *refused == index);
        for pledge in slot.pledges {
            pledge.answer(match refusal {
                None => Ok(()),
                Some((_, event)) => Err(StoreError::Ended { id, task_run: slot.task_run.id(), event }),
            });
        }
    }
    // These wait for the run to be put aside.
    for pledge in part.pledges {
        pledge.answer(Ok(()));
    }
}
