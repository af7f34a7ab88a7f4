//! Leases of cache keys: all requests that wait share one transaction. It does not wait for the disk, since a lease that a
//! power cut takes was held by a process that is gone, too.
//!
//! Not retried, in contrast to entries: while nothing can be written, tasks run without a lease.

use rusqlite::{Connection, OptionalExtension, params};

use super::owner::Owner;
use super::reap;
use super::writer::Writer;
use crate::model::WallTime;
use crate::policy::cache::CacheKey;
use crate::store::{LeaseAnswer, Leased, StoreError};

/// A caller that waits for a lease.
#[derive(Debug)]
pub(super) struct LeaseRequest {
    pub(super) key: CacheKey,
    pub(super) answer: LeaseAnswer,
}

impl LeaseRequest {
    pub(super) fn refuse(self, error: StoreError) {
        // The caller may be gone.
        let _ = self.answer.send(Err(error));
    }
}

impl Writer {
    /// Decides on requests in the order in which they came.
    pub(super) fn lease_all(&mut self, requests: Vec<LeaseRequest>) {
        if requests.is_empty() {
            return;
        }
        let unreleased = std::mem::take(&mut self.unreleased);
        let leased = self.try_once(|connection, tools| {
            release_all(connection, tools.owner, &unreleased)?;
            requests.iter().map(|request| take(connection, tools.owner, request.key)).collect()
        });
        let leased: Vec<Leased> = match leased {
            Ok(leased) => leased,
            Err(why) => {
                self.unreleased = unreleased;
                // It may be there, although the commit has failed.
                self.unreleased.extend(requests.iter().map(|request| request.key));
                let error = why.of_question(&self.shared.path);
                requests.into_iter().for_each(|request| request.refuse(error.clone()));
                return;
            }
        };
        for (LeaseRequest { key, answer }, leased) in requests.into_iter().zip(leased) {
            let is_granted = leased != Leased::Held;
            if answer.send(Ok(leased)).is_err() && is_granted {
                self.unreleased.push(key);
            }
        }
    }
}

/// Takes the lease of a cache key, unless a living store has it, this one included.
fn take(connection: &Connection, me: &Owner, key: CacheKey) -> rusqlite::Result<Leased> {
    let digest = key.digest();
    let inserted = connection
        .prepare_cached("INSERT INTO cache_leases (key, owner) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute(params![digest.as_bytes(), me.no])?;
    if inserted == 0 {
        let holder = connection
            .prepare_cached("SELECT owner FROM cache_leases WHERE key = ?1")?
            .query_row([digest.as_bytes()], |row| row.get(0))?;
        if reap::living(connection, me, holder)?.is_some() {
            return Ok(Leased::Held);
        }
        connection
            .prepare_cached("UPDATE cache_leases SET owner = ?2 WHERE key = ?1")?
            .execute(params![digest.as_bytes(), me.no])?;
    }
    let stored_at = connection
        .prepare_cached("SELECT stored_at FROM cache WHERE key = ?1")?
        .query_row([digest.as_bytes()], |row| row.get(0).map(WallTime::from_micros))
        .optional()?;
    Ok(Leased::Granted { stored_at })
}

/// Releases leases of this store.
pub(super) fn release_all(connection: &Connection, me: &Owner, keys: &[CacheKey]) -> rusqlite::Result<()> {
    for key in keys {
        connection
            .prepare_cached("DELETE FROM cache_leases WHERE key = ?1 AND owner = ?2")?
            .execute(params![key.digest().as_bytes(), me.no])?;
    }
    Ok(())
}
