//! What the writing thread does between transactions: heartbeat, cancel requests of other processes, the length of the
//! log.

use std::time::{Duration, Instant};

use super::writer::{Writer, truncate_log};
use super::{clock, connection, owner, ownership};

/// How often requests of other processes are read while runs are owned.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long the thread sleeps while there is nothing to do.
const SLEEP: Duration = Duration::from_secs(60);
/// Checkpoints of SQLite itself keep the log near 4 MB; beyond twice that, something prevents them.
const LONG_LOG_BYTES: u64 = 8 << 20;
/// Beyond this, a warning is due.
const ALARM_BYTES: u64 = 64 << 20;

#[derive(Debug)]
pub(super) struct Upkeep {
    looked: Instant,
    checkpointed: Instant,
    /// Whether anything was written since the log was truncated.
    log_is_dirty: bool,
    alarmed: bool,
}

impl Upkeep {
    /// `has_written` tells whether opening has written: it has, unless the store only looks back.
    pub(super) fn new(has_written: bool) -> Self {
        let now = clock::now();
        Self { looked: now, checkpointed: now, log_is_dirty: has_written, alarmed: false }
    }
}

impl Writer {
    /// Returns how long the thread may sleep.
    pub(super) fn idle_timeout(&self) -> Duration {
        let has_to_do = self.is_busy
            || self.upkeep.log_is_dirty
            || self.outage.has_abandoned()
            || self.program_digest.is_pending()
            || self.retention.is_due();
        if has_to_do { LOOK_EVERY } else { SLEEP }
    }

    /// Does what is due. What fails is retried the next time.
    pub(super) fn look_after(&mut self, is_idle: bool) {
        self.upkeep.log_is_dirty |= !is_idle;
        let is_due = self.upkeep.looked.elapsed() >= LOOK_EVERY;
        if is_due {
            self.upkeep.looked = clock::now();
            if self.is_busy {
                self.listen();
                self.beat();
            }
            self.proceed_with_program_digest(Duration::ZERO);
        }
        if std::mem::take(&mut self.interned.needs_program_digest) {
            self.need_program_digest();
        }
        // During an outage, this finds out whether it is over.
        if self.outage.has_abandoned() && (is_due || !self.shared.is_degraded()) {
            self.suspend_all();
        }
        if is_due || is_idle {
            self.prune_a_little();
        }
        // Between two commits that callers wait for, even a look at the length of the log costs time.
        if is_due || is_idle {
            self.shorten_log(is_idle);
        }
    }

    /// Passes on cancel requests of other processes.
    pub(super) fn listen(&mut self) {
        let Some(connection) = &self.connection else { return };
        match ownership::cancel_requests(connection, self.owner.no) {
            Ok(wanted) => {
                for id in wanted {
                    if self.notified.insert(id) {
                        self.shared.cancel_requests.notify(id);
                    }
                }
            }
            Err(error) => tracing::debug!(%error, "could not look for requests to cancel"),
        }
    }

    /// Renews the lease if nothing was written for some time; every transaction does so, too.
    fn beat(&mut self) {
        if self.last_commit.elapsed() < owner::LEASE / 3 {
            return;
        }
        let owned = self.connection.as_ref().map(|connection| ownership::owns_any(connection, self.owner.no));
        if let Some(Ok(false)) = owned {
            self.is_busy = false;
        } else if let Err(error) = self.transact(|_, _| Ok(())) {
            tracing::debug!(%error, "could not prolong the lease");
        }
    }

    /// Moves the log into the database, which becomes as short as its pages allow; a reader may prevent that until later.
    pub(super) fn shorten_file(&mut self) {
        self.upkeep.log_is_dirty = true;
        self.upkeep.checkpointed = clock::now();
        self.truncate();
    }

    fn truncate(&mut self) {
        let Some(connection) = &self.connection else { return };
        // Does not wait for readers: it can be done later.
        let done = connection.busy_timeout(Duration::ZERO).and_then(|()| truncate_log(connection));
        let _ = connection.busy_timeout(connection::BUSY_WAIT);
        self.upkeep.log_is_dirty = !matches!(done, Ok(true)) && self.shared.log_bytes() > 0;
    }

    fn shorten_log(&mut self, is_idle: bool) {
        let bytes = self.shared.log_bytes();
        if bytes <= ALARM_BYTES {
            self.upkeep.alarmed = false;
        } else if !std::mem::replace(&mut self.upkeep.alarmed, true) {
            self.shared.count_log_alarm();
            tracing::warn!(
                path = %self.shared.path.display(),
                mb = bytes >> 20,
                "the write-ahead log is long: a reader keeps an old state of the database open"
            );
        }
        let is_due = self.upkeep.checkpointed.elapsed() >= 2 * LOOK_EVERY;
        if !((is_idle && self.upkeep.log_is_dirty) || (bytes > LONG_LOG_BYTES && is_due)) {
            return;
        }
        self.upkeep.checkpointed = clock::now();
        self.truncate();
    }
}
