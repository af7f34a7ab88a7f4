//! The one thread that writes. It takes what is queued, writes it in one transaction, and only then answers. What it
//! does during an outage is in `outage`.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::batch::{Batch, RunPart};
use super::interned::Interned;
use super::options::StoreSettings;
use super::outage::{GivenUp, Outage};
use super::owner::Owner;
use super::program::ProgramDigest;
use super::queue::WriteJob;
use super::retention::RetentionUpkeep;
use super::shared::Shared;
use super::values::Values;
use super::write::{self, PartVerdict, Tools};
use super::{Synchronous, clock, ownership, pages, reap};
use crate::failpoint;
use crate::model::FlowRunId;
use crate::policy::cache::CacheKey;
use crate::store::{OwnedRun, StoreError};

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) owner: Owner,
    pub(super) values: Values,
    pub(super) settings: StoreSettings,
    /// `None` after it could not be reopened.
    pub(super) connection: Option<Connection>,
    /// What a commit of that connection waits for.
    pub(super) synchronous: Synchronous,
    pub(super) interned: Interned,
    /// The number of the last transaction.
    pub(super) transaction: i64,
    pub(super) last_commit: Instant,
    pub(super) outage: Outage,
    /// Why something could not be persisted, for `flush`.
    pub(super) unkept: Option<StoreError>,
    /// Leases that could not be released yet.
    pub(super) unreleased: Vec<CacheKey>,
    /// The runs whose cancel request was passed on.
    pub(super) notified: HashSet<FlowRunId>,
    /// Whether this store may own a run, which other processes may ask to cancel.
    pub(super) is_busy: bool,
    pub(super) upkeep: super::upkeep::Upkeep,
    pub(super) program_digest: ProgramDigest,
    pub(super) retention: RetentionUpkeep,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        owner: Owner,
        values: Values,
        settings: StoreSettings,
        connection: Connection,
    ) -> Self {
        let is_owner = owner.has_entered();
        Self {
            outage: Outage::new(&shared.path),
            shared,
            owner,
            values,
            synchronous: settings.synchronous,
            settings,
            connection: Some(connection),
            interned: Interned::default(),
            transaction: 0,
            last_commit: clock::now(),
            unkept: None,
            unreleased: Vec::new(),
            notified: HashSet::new(),
            is_busy: false,
            upkeep: super::upkeep::Upkeep::new(is_owner),
            program_digest: ProgramDigest::default(),
            retention: RetentionUpkeep::default(),
        }
    }

    /// Writes until the store is closed and the queue is empty.
    pub(super) fn run(mut self) {
        self.shared.queue.is_taken_by_this_thread();
        loop {
            let taken = self.shared.queue.take(self.idle_timeout(), self.settings.gather);
            let is_idle = taken.items.is_empty() && taken.leases.is_empty();
            // First, since their commit does not wait for the disk.
            self.lease_all(taken.leases);
            self.write_all(taken.items);
            if taken.is_last {
                break;
            }
            self.look_after(is_idle);
        }
        self.close();
    }

    fn write_all(&mut self, items: VecDeque<WriteJob>) {
        let mut batch = Batch::default();
        for item in items {
            match item {
                WriteJob::Begin(new) => batch.begin(new),
                WriteJob::Record(entry, ack) => match self.outage.loss(entry.run) {
                    None => batch.record(*entry, ack),
                    Some(error) => ack.answer(Err(error)),
                },
                WriteJob::Suspend(run, ack) => match self.outage.loss(run) {
                    None => batch.suspend(run, ack),
                    Some(error) => {
                        self.outage.abandon(run, error.clone());
                        ack.answer(Err(error));
                    }
                },
                WriteJob::Report(fact) if self.outage.loss(fact.run).is_some() => {}
                WriteJob::Report(fact) => batch.report(*fact),
                WriteJob::Log(line) if self.outage.has_lost(line.run) => {}
                WriteJob::Log(line) => batch.logs.push(*line),
                WriteJob::Release(key) => batch.released.push(key),
                WriteJob::Ask(question) => {
                    self.commit(std::mem::take(&mut batch));
                    question(self);
                }
            }
        }
        self.commit(batch);
    }

    fn commit(&mut self, mut batch: Batch) {
        batch.dropped = self.shared.quotas.take_dropped();
        batch.released.append(&mut self.unreleased);
        if !batch.is_empty() {
            self.is_busy |= !batch.runs.is_empty();
            self.commit_or_split(batch);
        }
    }

    fn commit_or_split(&mut self, batch: Batch) {
        self.write_large_contents(&batch);
        match self.try_transact(|connection, tools| write::batch(connection, tools, &batch)) {
            Ok(verdicts) => {
                self.shared.count(&batch);
                // A failpoint that fails here simulates a process that does not answer.
                if failpoint::hit("after-commit-before-ack").is_ok() {
                    self.answer(batch, verdicts);
                }
                let _ = failpoint::hit("after-ack");
            }
            // Something in it can never be written, and must not cost the other runs.
            Err(GivenUp::Failed { is_hopeless: true, .. }) if batch.runs.len() > 1 => {
                for part in batch.one_by_one() {
                    self.commit_or_split(part);
                }
            }
            Err(why) => self.give_up(batch, &why),
        }
    }

    /// Writes files before the transaction that refers to them, so that other processes do not wait meanwhile.
    fn write_large_contents(&self, batch: &Batch) {
        for content in batch.contents().filter(|content| content.len() > self.settings.inline_max) {
            // What fails here fails again in the transaction, which handles it.
            let _ = self.values.persist(content);
        }
    }

    fn answer(&mut self, batch: Batch, verdicts: Vec<PartVerdict>) {
        for (part, verdict) in batch.runs.into_iter().zip(verdicts) {
            if part.has_ended() {
                self.retention.a_run_has_ended();
                self.notified.remove(&part.owned.id);
                self.outage.has_ended(part.owned.id);
                self.shared.quotas.forget(part.owned.id);
            }
            match verdict {
                PartVerdict::Written { refused } if refused.is_empty() => part.answer_all(&Ok(())),
                PartVerdict::Written { refused } => answer_some(part, &refused),
                PartVerdict::Refused(error) => {
                    self.lose(part.owned.id, part.owned.epoch, &error);
                    part.answer_all(&Err(error));
                }
            }
        }
    }

    /// Returns why something was lost since the last call.
    pub(super) fn take_unpersisted(&mut self) -> Option<StoreError> {
        self.unkept.take()
    }

    /// Runs `body` in a transaction that is durable when this returns. It may run several times.
    pub(super) fn transact<R>(
        &mut self,
        body: impl FnMut(&Connection, &mut Tools<'_>) -> rusqlite::Result<R>,
    ) -> Result<R, StoreError> {
        self.try_transact(body).map_err(|why| why.of_question(&self.shared.path))
    }

    /// The same for questions about ownership.
    pub(super) fn with_owner<R>(
        &mut self,
        mut body: impl FnMut(&Connection, &Owner) -> rusqlite::Result<R>,
    ) -> Result<R, StoreError> {
        self.transact(|connection, tools| body(connection, tools.owner))
    }

    /// Reaps dead owners, then makes this store the owner of a run.
    pub(super) fn take_over(&mut self, id: FlowRunId) -> Result<OwnedRun, StoreError> {
        let left = self.outage.take_abandoned();
        let taken = self.with_owner(|connection, owner| {
            ownership::suspend_all(connection, owner, &left)?;
            Ok((reap::reap(connection, owner)?, ownership::take_over(connection, owner, id)?))
        });
        if taken.is_err() {
            self.outage.abandon_again(left);
        }
        let (dead, owned) = taken?;
        self.forget_dead(&dead);
        let owned = owned?;
        self.is_busy = true;
        self.notified.remove(&id);
        self.outage.took_over(owned);
        Ok(owned)
    }

    /// Closes in order: truncates the log, and removes the owner from the table, unless runs are left for a reaper.
    fn close(mut self) {
        self.finish_program_digest();
        self.prune_before_closing();
        self.suspend_all();
        if let Err(error) = self.leave_stop_reasons() {
            tracing::warn!(%error, "no reason could be left for runs that are no longer persisted: they will look crashed");
        }
        if !self.owner.has_entered() {
            // It has only looked back, and leaves everything as it is.
            return;
        }
        // This does not wait for the disk: a power cut would end this store as well. The log is synced below.
        self.settings.synchronous = Synchronous::Normal;
        let left = self.transact(|connection, tools| {
            let removed = connection.execute(
                "DELETE FROM owners WHERE no = ?1 AND NOT EXISTS (SELECT 1 FROM flow_runs WHERE owner = ?1)",
                [tools.owner.no],
            )?;
            if removed > 0 {
                pages::set(connection)?;
            }
            Ok(removed)
        });
        if left.is_ok_and(|removed| removed > 0) {
            self.owner.remove_lock();
        }
        if let Some(connection) = self.connection.take() {
            let _ = connection.busy_timeout(Duration::ZERO);
            let _ = truncate_log(&connection);
        }
    }
}

/// Moves the log into the database and truncates it; returns whether that succeeded: a reader may prevent it.
pub(super) fn truncate_log(connection: &Connection) -> rusqlite::Result<bool> {
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0).map(|busy| busy == 0))
}

/// Answers the callers of a run in which something had ended before.
fn answer_some(part: RunPart, refused: &[usize]) {
    let id = part.owned.id;
    let last_event = |index: usize| {
        let last = part.events.iter().rev().find(|(slot, _)| *slot == index);
        last.map_or("changed", |(_, event)| event.kind.name())
    };
    let names: Vec<_> = refused.iter().map(|index| (*index, last_event(*index))).collect();
    for (index, slot) in part.slots.into_iter().enumerate() {
        let refusal = names.iter().find(|(refused, _)| *refused == index);
        for ack in slot.acks {
            ack.answer(match refusal {
                None => Ok(()),
                Some((_, event)) => Err(StoreError::Ended { id, task_run: slot.task_run.id(), event }),
            });
        }
    }
    // Callers that wait for the run to be suspended.
    for ack in part.acks {
        ack.answer(Ok(()));
    }
}
