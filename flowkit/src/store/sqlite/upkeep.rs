//! What the writing thread does between transactions: heartbeat, wishes of other processes, the length of the log.

use std::time::{Duration, Instant};

use super::writer::{Writer, truncate_log};
use super::{clock, connection, owner, ownership};

/// How often others are listened to while runs are owned.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long the thread sleeps while there is nothing to look after.
const SLEEP: Duration = Duration::from_secs(60);
/// A checkpoint by SQLite itself keeps the log near 4 MB; beyond twice that something is in the way.
const LONG_LOG_BYTES: u64 = 8 << 20;
/// Beyond this, somebody should know.
const ALARM_BYTES: u64 = 64 << 20;

#[derive(Debug)]
pub(super) struct Upkeep {
    looked: Instant,
    checkpointed: Instant,
    /// Something was written since the log was emptied.
    log_is_dirty: bool,
    alarmed: bool,
}

impl Upkeep {
    /// `has_written` tells whether the opening has: it does, unless somebody only looks back.
    pub(super) fn new(has_written: bool) -> Self {
        let now = clock::now();
        Self { looked: now, checkpointed: now, log_is_dirty: has_written, alarmed: false }
    }
}

impl Writer {
    /// Returns how long the thread may sleep.
    pub(super) fn patience(&self) -> Duration {
        let has_to_do = self.is_busy || self.upkeep.log_is_dirty || self.outage.has_left();
        if has_to_do { LOOK_EVERY } else { SLEEP }
    }

    /// Does what is due. What fails is tried again the next time.
    pub(super) fn look_after(&mut self, is_idle: bool) {
        self.upkeep.log_is_dirty |= !is_idle;
        let is_due = self.upkeep.looked.elapsed() >= LOOK_EVERY;
        if is_due {
            self.upkeep.looked = clock::now();
            if self.is_busy {
                self.listen();
                self.beat();
            }
        }
        // While nothing can be written, this finds out whether it can be again.
        if self.outage.has_left() && (is_due || !self.shared.is_degraded()) {
            self.suspend_all();
        }
        // Between two commits that somebody waits for, even a look at the length of the log takes its time.
        if is_due || is_idle {
            self.shorten_log(is_idle);
        }
    }

    /// Passes on whom others want cancelled.
    pub(super) fn listen(&mut self) {
        let Some(connection) = &self.connection else { return };
        match ownership::cancel_requests(connection, self.owner.no) {
            Ok(wanted) => {
                for id in wanted {
                    if self.told.insert(id) {
                        self.shared.cancel_requests.tell(id);
                    }
                }
            }
            Err(error) => tracing::debug!(%error, "could not look for requests to cancel"),
        }
    }

    /// Prolongs the lease, if nothing was written for some time; every transaction does too.
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
        let Some(connection) = &self.connection else { return };
        // Who reads is not waited for: there is another time.
        let done = connection.busy_timeout(Duration::ZERO).and_then(|()| truncate_log(connection));
        let _ = connection.busy_timeout(connection::BUSY_WAIT);
        self.upkeep.log_is_dirty = !matches!(done, Ok(true)) && bytes > 0;
    }
}
