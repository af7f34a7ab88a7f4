//! Owners of runs: an open store is distinguished from a dead one by a lock that the system releases when its process ends.
//!
//! A lock that is held proves that its store is alive. A lock that is free proves that its store is dead only within
//! one boot of one machine: another kernel (another machine or virtual machine, a sandbox with its own kernel even
//! under the same host name, and the same machine before a restart) may write the same files without sharing their
//! locks. In that case, and where the lock file is gone or cannot be opened and the process cannot be looked up either,
//! the lock is not visible, and the store counts as alive until its lease expires.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::stop_reason;
use super::stop_reason::StopReason;
use super::{clock, failure, files, system};
use crate::store::{OwnedRun, OwnerName, StoreError};

/// How long a store counts as alive for processes that cannot see its lock.
pub(super) const LEASE: Duration = Duration::from_secs(30);

/// The identity of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProcessIdentity {
    pub(super) uuid: Uuid,
    boot_id: String,
    pid: u32,
    pid_started: i64,
    /// The namespace in which process ids are unique: each container of a machine may have its own.
    pid_space: String,
    host: String,
}

impl ProcessIdentity {
    fn of_this_process() -> Self {
        let pid = std::process::id();
        Self {
            uuid: Uuid::now_v7(),
            boot_id: system::boot_id(),
            pid,
            pid_started: system::started(pid).unwrap_or(0),
            pid_space: system::pid_space(),
            host: system::host(),
        }
    }

    pub(super) fn name(&self) -> OwnerName {
        OwnerName::new(self.pid, self.host.clone())
    }

    /// Whether both run under the same kernel, in the same boot: then they see each other's locks. On a system without
    /// boot ids no lock outlives a boot, and the name of the machine has to do.
    fn shares_locks_with(&self, me: &Self) -> bool {
        self.boot_id == me.boot_id && (!me.boot_id.is_empty() || self.host == me.host)
    }

    /// Whether the process exists; `None` if that cannot be found out from here.
    fn is_running(&self, me: &Self) -> Option<bool> {
        let is_in_sight = self.shares_locks_with(me) && self.pid_space == me.pid_space;
        if is_in_sight { system::is_running(self.pid, self.pid_started) } else { None }
    }

    /// Whether the machine may have been restarted since.
    fn may_be_of_earlier_boot(&self, me: &Self) -> bool {
        self.host == me.host && self.boot_id != me.boot_id
    }
}

/// This store as an owner of runs, for as long as it lives.
#[derive(Debug)]
pub(super) struct Owner {
    pub(super) no: i64,
    pub(super) identity: ProcessIdentity,
    locks: Locks,
    /// Held for as long as the store is in the table, or about to be. It may contain stop reasons.
    lock: Option<File>,
}

/// Another store, alive or dead.
#[derive(Debug)]
pub(super) struct Other {
    pub(super) no: i64,
    pub(super) identity: ProcessIdentity,
    lease_until: i64,
}

/// The folder of the locks.
#[derive(Clone, Debug)]
pub(super) struct Locks(PathBuf);

impl Locks {
    pub(super) fn of(database: &Path) -> Self {
        Self(files::beside(database, "owners"))
    }

    fn file(&self, uuid: Uuid) -> PathBuf {
        self.0.join(format!("{uuid}.lock"))
    }

    /// Takes the lock of a new owner. Before the owner is in the table, no process looks for it.
    pub(super) fn take(&self, uuid: Uuid) -> io::Result<File> {
        files::private_folder(&self.0)?;
        system::take_lock(&self.file(uuid))
    }

    /// Removes the lock file of an owner that is no longer in the table.
    pub(super) fn remove(&self, uuid: Uuid) {
        let _ = fs::remove_file(self.file(uuid));
    }

    /// Whether a lock is held; `None` if that cannot be seen.
    pub(super) fn is_held(&self, uuid: Uuid) -> Option<bool> {
        system::is_locked(&self.file(uuid))
    }

    /// Returns all lock files, held or not.
    pub(super) fn all(&self) -> Vec<(Uuid, PathBuf)> {
        let paths = fs::read_dir(&self.0).into_iter().flatten().flatten().map(|entry| entry.path());
        let uuid = |path: &Path| Uuid::try_parse(path.file_stem()?.to_str()?).ok();
        paths.filter_map(|path| Some((uuid(&path)?, path))).collect()
    }

    /// Returns the stop reasons that a dead owner has left.
    pub(super) fn stop_reasons(&self, dead: &Other) -> Vec<StopReason> {
        stop_reason::read(&self.file(dead.identity.uuid))
    }

    /// Whether the process of an owner is alive.
    pub(super) fn is_alive(&self, other: &Other, me: &ProcessIdentity) -> bool {
        let them = &other.identity;
        let signs = Signs {
            lock: self.is_held(them.uuid),
            shares_locks: them.shares_locks_with(me),
            process: them.is_running(me),
            lease_runs: other.lease_until > clock::wall().as_micros(),
        };
        signs.is_alive()
    }

    /// Whether a dead owner may have died of a power cut.
    pub(super) fn may_have_lost_power(&self, dead: &Other, me: &ProcessIdentity) -> bool {
        dead.identity.may_be_of_earlier_boot(me) || system::reveals_power_cut(&self.file(dead.identity.uuid))
    }
}

/// What can be found out about an owner.
#[derive(Clone, Copy, Debug)]
struct Signs {
    /// Whether its lock is held; `None` if that cannot be found out.
    lock: Option<bool>,
    /// Whether a held lock of it would be visible.
    shares_locks: bool,
    /// Whether its process exists; `None` if that cannot be found out.
    process: Option<bool>,
    lease_runs: bool,
}

impl Signs {
    fn is_alive(self) -> bool {
        match (self.lock, self.process) {
            (Some(true), _) => true,
            (Some(false), _) if self.shares_locks => false,
            // The lock file may have been removed while the process lives; its start time tells it from another process
            // that has the same id now.
            (None, Some(is_running)) => is_running,
            _ => self.lease_runs,
        }
    }
}

impl Owner {
    /// No process knows of this store before its first transaction.
    pub(super) fn of(database: &Path) -> Self {
        Self { no: 0, identity: ProcessIdentity::of_this_process(), locks: Locks::of(database), lock: None }
    }

    /// Takes the lock first, then a row.
    pub(super) fn take_lock(&mut self) -> io::Result<()> {
        if self.lock.is_none() {
            let lock = self.locks.take(self.identity.uuid)?;
            stop_reason::reserve(&lock);
            self.lock = Some(lock);
        }
        Ok(())
    }

    /// Whether this store may be in the table.
    pub(super) fn has_entered(&self) -> bool {
        self.lock.is_some()
    }

    pub(super) fn locks(&self) -> &Locks {
        &self.locks
    }

    /// Numbers a transaction of this store, and renews its lease. A store that is not in the table, or not any more
    /// because its lease expired, enters under a new number: it does not own what it owned before.
    pub(super) fn stamp(&mut self, connection: &Connection, transaction: i64) -> rusqlite::Result<()> {
        self.take_lock().map_err(failure::as_sqlite)?;
        let ProcessIdentity { uuid, boot_id, pid, pid_started, pid_space, host } = &self.identity;
        let known: Option<i64> = connection
            .prepare_cached(
                "UPDATE owners SET last_transaction = ?2, lease_until = ?3 WHERE uuid = ?1 RETURNING no",
            )?
            .query_row(params![uuid.as_bytes(), transaction, lease_until()], |row| row.get(0))
            .optional()?;
        if let Some(no) = known {
            self.no = no;
            return Ok(());
        }
        connection.execute(
            "INSERT INTO owners (uuid, boot_id, pid, pid_started, pid_space, host, lease_until, last_transaction)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![uuid.as_bytes(), boot_id, pid, pid_started, pid_space, host, lease_until(), transaction],
        )?;
        self.no = connection.last_insert_rowid();
        Ok(())
    }

    /// Leaves the stop reasons of runs that can no longer be written.
    pub(super) fn leave_stop_reasons(&self, abandoned: &[(OwnedRun, StoreError)]) -> io::Result<()> {
        self.lock.as_ref().map_or(Ok(()), |lock| stop_reason::write(lock, abandoned))
    }

    /// Removes the lock file, if the system does not do so itself. The lock is released with the process or with this
    /// value.
    pub(super) fn remove_lock(&mut self) {
        if self.lock.take().is_some() {
            self.locks.remove(self.identity.uuid);
        }
    }
}

/// Returns the end of the lease of a store that writes now.
pub(super) fn lease_until() -> i64 {
    let lease = i64::try_from(LEASE.as_micros()).unwrap_or(i64::MAX);
    clock::wall().as_micros().saturating_add(lease)
}

const OTHERS: &str = "SELECT no, uuid, boot_id, pid, pid_started, pid_space, host, lease_until FROM owners";

fn other(row: &Row<'_>) -> rusqlite::Result<Other> {
    Ok(Other {
        no: row.get(0)?,
        identity: ProcessIdentity {
            uuid: Uuid::from_bytes(row.get(1)?),
            boot_id: row.get(2)?,
            pid: row.get(3)?,
            pid_started: row.get(4)?,
            pid_space: row.get(5)?,
            host: row.get(6)?,
        },
        lease_until: row.get(7)?,
    })
}

/// Returns all stores but this one.
pub(super) fn others(connection: &Connection, me: i64) -> rusqlite::Result<Vec<Other>> {
    let mut statement = connection.prepare_cached(&format!("{OTHERS} WHERE no <> ?1"))?;
    let rows = statement.query_map([me], other)?;
    rows.collect()
}

pub(super) fn find(connection: &Connection, no: i64) -> rusqlite::Result<Option<Other>> {
    let mut statement = connection.prepare_cached(&format!("{OTHERS} WHERE no = ?1"))?;
    statement.query_row([no], other).optional()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Option<bool>; 3] = [None, Some(false), Some(true)];

    #[test]
    fn a_store_is_dead_only_if_its_lock_says_so_or_its_process_or_else_its_lease() {
        let mut looked_at = 0;
        for (lock, process) in ALL.into_iter().flat_map(|lock| ALL.map(|process| (lock, process))) {
            for (shares_locks, lease_runs) in [(false, false), (false, true), (true, false), (true, true)] {
                let signs = Signs { lock, shares_locks, process, lease_runs };
                let alive = signs.is_alive();
                match (lock, shares_locks, process) {
                    (Some(true), ..) => assert!(alive, "a lock that is held proves life: {signs:?}"),
                    (Some(false), true, _) => {
                        assert!(!alive, "a lock that is free here proves death: {signs:?}")
                    }
                    (None, _, Some(is_running)) => assert_eq!(alive, is_running, "{signs:?}"),
                    _ => assert_eq!(alive, lease_runs, "the lease decides: {signs:?}"),
                }
                looked_at += 1;
            }
        }
        assert_eq!(looked_at, 36);
    }

    fn identity(boot_id: &str, pid_space: &str, host: &str) -> ProcessIdentity {
        let (boot_id, pid_space, host) = (boot_id.to_owned(), pid_space.to_owned(), host.to_owned());
        let pid = std::process::id();
        let pid_started = system::started(pid).unwrap_or(0);
        ProcessIdentity { uuid: Uuid::nil(), boot_id, pid, pid_started, pid_space, host }
    }

    #[test]
    fn locks_are_shared_within_one_start_of_one_machine() {
        let me = identity("boot", "pid", "host");
        assert!(identity("boot", "other", "container").shares_locks_with(&me));
        assert!(!identity("another", "pid", "host").shares_locks_with(&me), "one name, two machines");
        assert!(!identity("", "pid", "host").shares_locks_with(&me));
        let unknown = identity("", "", "host");
        assert!(identity("", "", "host").shares_locks_with(&unknown));
        assert!(!identity("", "", "another").shares_locks_with(&unknown));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_is_asked_for_only_among_those_that_are_numbered_together() {
        let me = identity("boot", "pid", "host");
        assert_eq!(identity("boot", "pid", "host").is_running(&me), Some(true));
        assert_eq!(identity("boot", "another", "host").is_running(&me), None);
        assert_eq!(identity("another", "pid", "host").is_running(&me), None);
    }
}
