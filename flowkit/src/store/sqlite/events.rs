//! Events: many in one row, numbered without gaps, with a checksum over them.

use rusqlite::{Connection, OptionalExtension, params};

use super::write::checksum;
use crate::model::{EventKind, FlowRunId, StoredEvent, TaskRunId, WallTime};
use crate::store::StoreError;

/// How many events share a row: few enough that reading a page does not read all of a long run.
pub(super) const PER_ROW: i64 = 256;

/// An event in a row: its sequence number follows from its position.
pub(super) struct NewEvent<'a> {
    task_run: TaskRunId,
    at: WallTime,
    kind: &'a EventKind,
}

impl<'a> NewEvent<'a> {
    pub(super) fn new(task_run: TaskRunId, at: WallTime, kind: &'a EventKind) -> Self {
        Self { task_run, at, kind }
    }
}

/// Numbers the events of one run, and writes a row when it is full.
pub(super) struct EventsOut {
    run: i64,
    /// The last number written.
    written: i64,
    /// How many events are in `body`.
    pending: i64,
    body: Vec<u8>,
}

impl EventsOut {
    /// Continues after the last event of a run.
    pub(super) fn of(connection: &Connection, run: i64) -> rusqlite::Result<Self> {
        Ok(Self { run, written: last(connection, run)?, pending: 0, body: Vec::new() })
    }

    pub(super) fn push(&mut self, connection: &Connection, event: &NewEvent<'_>) -> rusqlite::Result<()> {
        self.body.push(if self.pending == 0 { b'[' } else { b',' });
        let fields = (event.task_run.get(), event.at.as_micros(), event.kind);
        serde_json::to_writer(&mut self.body, &fields)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        self.pending += 1;
        if self.pending == PER_ROW { self.write(connection) } else { Ok(()) }
    }

    fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.body.push(b']');
        let body = str::from_utf8(&self.body)?;
        connection
            .prepare_cached(
                "INSERT INTO events (run, first_seq, last_seq, body, checksum) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                self.run,
                self.written + 1,
                self.written + self.pending,
                body,
                checksum(&self.body)
            ])?;
        self.written += self.pending;
        self.pending = 0;
        self.body.clear();
        Ok(())
    }

    /// Writes the rest.
    pub(super) fn finish(mut self, connection: &Connection) -> rusqlite::Result<()> {
        if self.pending > 0 { self.write(connection) } else { Ok(()) }
    }
}

/// A row of events.
pub(super) struct EventRow {
    pub(super) first_seq: i64,
    pub(super) body: String,
    pub(super) checksum: [u8; 16],
}

/// Reads the events of a row.
pub(super) fn unpack(run: FlowRunId, row: &EventRow) -> Result<Vec<StoredEvent>, StoreError> {
    let damaged =
        |reason: String| StoreError::Damaged { what: format!("the events of run {}", run.short()), reason };
    if checksum(row.body.as_bytes()) != row.checksum {
        return Err(damaged("a checksum differs".to_owned()));
    }
    let events: Vec<(u64, i64, EventKind)> =
        serde_json::from_str(&row.body).map_err(|error| damaged(error.to_string()))?;
    let numbered = events.into_iter().zip(row.first_seq.cast_unsigned()..);
    Ok(numbered
        .map(|((task_run, at, kind), sequence)| StoredEvent {
            sequence,
            task_run: TaskRunId::new(task_run),
            at: WallTime::from_micros(at),
            kind,
        })
        .collect())
}

/// Returns the number of a run's last event, or 0. It is read from the events: in the row of the run, it would be one
/// more page to write with every commit.
fn last(connection: &Connection, run: i64) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("SELECT last_seq FROM events WHERE run = ?1 ORDER BY first_seq DESC LIMIT 1")?
        .query_row([run], |row| row.get(0))
        .optional()
        .map(Option::unwrap_or_default)
}
