//! Connections for reading. Each statement is finished before its rows are returned: an open one would keep the log
//! from being truncated.

use std::path::PathBuf;

use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, Row};

use super::values::{Hash, Values};
use super::write::checksum;
use super::{connection, failure};
use crate::store::StoreError;
use crate::value::envelope;

/// How many idle connections stay open: as many as the engine asks from at a time, since opening one takes as long as fifty
/// look-ups.
const IDLE_MAX: usize = 32;

#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::default() }
    }

    /// Reads with a connection of its own.
    pub(super) fn read<R>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<R>,
    ) -> Result<R, StoreError> {
        let idle = self.idle.lock().pop();
        let answer = idle.map_or_else(|| connection::to_read(&self.path), Ok).and_then(|connection| {
            let answer = query(&connection)?;
            // One that failed is not used again.
            let mut idle = self.idle.lock();
            if idle.len() < IDLE_MAX {
                idle.push(connection);
            }
            Ok(answer)
        });
        answer.map_err(|error| failure::read(&self.path, error))
    }

    /// Reads at most one row.
    pub(super) fn read_one<R>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        map: impl FnOnce(&Row<'_>) -> rusqlite::Result<R>,
    ) -> Result<Option<R>, StoreError> {
        self.read(|connection| connection.prepare_cached(sql)?.query_row(params, map).optional())
    }

    /// Reads all rows that there are.
    pub(super) fn read_all<R>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        map: impl FnMut(&Row<'_>) -> rusqlite::Result<R>,
    ) -> Result<Vec<R>, StoreError> {
        self.read(|connection| connection.prepare_cached(sql)?.query_map(params, map)?.collect())
    }
}

/// What a row of `results` or `artifacts` holds: bytes, or the name of a file, which is the hash of what is in it.
pub(super) struct ContentRow {
    body: Option<Vec<u8>>,
    file: Option<Hash>,
    is_whole: bool,
}

impl ContentRow {
    /// Reads the columns `body` and `file` of a result, which come first.
    pub(super) fn result(row: &Row<'_>) -> rusqlite::Result<Self> {
        let body: Option<Vec<u8>> = row.get(0)?;
        Ok(Self { is_whole: body.as_deref().is_none_or(envelope::is_whole), body, file: row.get(1)? })
    }

    /// Reads the columns `body`, `file` and `checksum` of an artifact.
    pub(super) fn artifact(row: &Row<'_>) -> rusqlite::Result<Self> {
        let (body, sum): (Option<Vec<u8>>, Option<[u8; 16]>) = (row.get(0)?, row.get(2)?);
        Ok(Self { is_whole: body.as_deref().map(checksum) == sum, body, file: row.get(1)? })
    }

    /// Returns the content as it was written; `what` names it in an error.
    pub(super) fn read(self, what: &str, values: &Values) -> Result<Vec<u8>, StoreError> {
        let damaged = |reason: &str| StoreError::Damaged { what: what.to_owned(), reason: reason.to_owned() };
        match (self.body, self.file) {
            (None, Some(hash)) => values.read(&hash),
            (Some(body), _) if self.is_whole => Ok(body),
            (Some(_), _) => Err(damaged("its checksum differs")),
            (None, None) => Err(damaged("there is nothing in its row")),
        }
    }
}
