//! Who writes: a store that is open, told from a dead one by a lock that the system takes back when its process ends.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::word::{self, Word};
use super::{clock, files, system};
use crate::store::{OwnedRun, OwnerName, StoreError};

/// For so long a store counts as alive for those who cannot see its lock.
pub(super) const LEASE: Duration = Duration::from_secs(30);

/// A process, as it can be told from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    uuid: Uuid,
    boot_id: String,
    pid: u32,
    pid_started: i64,
    host: String,
}

impl Identity {
    fn of_this_process() -> Self {
        let pid = std::process::id();
        Self {
            uuid: Uuid::now_v7(),
            boot_id: system::boot_id(),
            pid,
            pid_started: system::started(pid).unwrap_or(0),
            host: system::host(),
        }
    }

    pub(super) fn name(&self) -> OwnerName {
        OwnerName::new(self.pid, self.host.clone())
    }

    /// Whether the machine has been started anew since.
    fn is_of_earlier_boot(&self, me: &Self) -> bool {
        self.host == me.host && self.boot_id != me.boot_id
    }
}

/// This store as an owner of runs, for as long as it lives.
#[derive(Debug)]
pub(super) struct Owner {
    pub(super) no: i64,
    pub(super) identity: Identity,
    locks: Locks,
    /// Its lock is what counts. A last word may stand in it.
    lock: File,
}

/// Another store, alive or dead.
#[derive(Debug)]
pub(super) struct Other {
    pub(super) no: i64,
    pub(super) identity: Identity,
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

    /// Takes the lock of a new owner. Before it is in the table, nobody looks for it.
    fn take(&self, uuid: Uuid) -> io::Result<File> {
        files::private_folder(&self.0)?;
        system::take_lock(&self.file(uuid))
    }

    /// Removes the lock file of an owner that is no more in the table.
    pub(super) fn remove(&self, identity: &Identity) {
        let _ = fs::remove_file(self.file(identity.uuid));
    }

    /// Returns the word that a dead owner has left.
    pub(super) fn word(&self, dead: &Other) -> Vec<Word> {
        word::read(&self.file(dead.identity.uuid))
    }

    /// Whether the process of an owner is at work.
    pub(super) fn is_alive(&self, other: &Other, me: &Identity) -> bool {
        let them = &other.identity;
        if them.boot_id != me.boot_id {
            // On this host it ended with the last boot. On another one, only its lease tells.
            return them.host != me.host && other.lease_until > clock::wall().as_micros();
        }
        // Where no lock can be seen, somebody may have removed the file. The process may be there all the same; its start
        // time tells it from another one that has the same number now. Where that cannot be seen either, there is its lease.
        system::is_locked(&self.file(them.uuid))
            .or_else(|| system::is_running(them.pid, them.pid_started))
            .unwrap_or(other.lease_until > clock::wall().as_micros())
    }

    /// Whether an owner that is dead may have died of a power cut.
    pub(super) fn may_have_lost_power(&self, dead: &Other, me: &Identity) -> bool {
        dead.identity.is_of_earlier_boot(me) || system::tells_of_power_cut(&self.file(dead.identity.uuid))
    }
}

impl Owner {
    /// Takes a lock, and only then a row.
    pub(super) fn enter(database: &Path) -> io::Result<Self> {
        let identity = Identity::of_this_process();
        let locks = Locks::of(database);
        let lock = locks.take(identity.uuid)?;
        word::reserve(&lock);
        Ok(Self { no: 0, identity, locks, lock })
    }

    pub(super) fn locks(&self) -> &Locks {
        &self.locks
    }

    /// Writes the row, and takes its number.
    pub(super) fn register(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let Identity { uuid, boot_id, pid, pid_started, host } = &self.identity;
        connection.execute(
            "INSERT INTO owners (uuid, boot_id, pid, pid_started, host, lease_until)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![uuid.as_bytes(), boot_id, pid, pid_started, host, lease_until()],
        )?;
        self.no = connection.last_insert_rowid();
        Ok(())
    }

    /// Leaves word of runs of which nothing more can be written.
    pub(super) fn leave_word(&self, left: &[(OwnedRun, StoreError)]) -> io::Result<()> {
        word::leave(&self.lock, left)
    }

    /// Removes the lock file, if the system does not do so itself. The lock goes with the process or with this value.
    pub(super) fn leave(&self) {
        self.locks.remove(&self.identity);
    }
}

/// Returns until when a store that writes now counts as alive.
pub(super) fn lease_until() -> i64 {
    let lease = i64::try_from(LEASE.as_micros()).unwrap_or(i64::MAX);
    clock::wall().as_micros().saturating_add(lease)
}

const OTHERS: &str = "SELECT no, uuid, boot_id, pid, pid_started, host, lease_until FROM owners";

fn other(row: &Row<'_>) -> rusqlite::Result<Other> {
    Ok(Other {
        no: row.get(0)?,
        identity: Identity {
            uuid: Uuid::from_bytes(row.get(1)?),
            boot_id: row.get(2)?,
            pid: row.get(3)?,
            pid_started: row.get(4)?,
            host: row.get(5)?,
        },
        lease_until: row.get(6)?,
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
