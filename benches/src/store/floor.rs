//! The floor: the rows that flowkit left, written once more with rusqlite and nothing else.
//!
//! The tables, indexes and pragmas are those of the store, and so is every byte of every row. What the floor leaves out
//! is everything that makes the rows: the engine, the queue, encoding, checksums, who owns what. It writes each row
//! once, where the store may write the row of a task run when it is created and again when it ends.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::types::Value;
use rusqlite::{Connection, TransactionBehavior, params_from_iter};

use super::kept::Kept;

/// The tables whose rows a task run adds to, in the order in which their rows are written.
const TABLES: [&str; 3] = ["task_runs", "results", "events"];

type Rows = Vec<Vec<Value>>;

/// Rows to write, and the database that lacks only them.
#[derive(Debug)]
pub struct Floor {
    /// The bytes of that database.
    empty: Vec<u8>,
    rows: [Rows; 3],
    /// So many transactions the store took for them.
    transactions: usize,
}

impl Floor {
    /// Takes the rows out of a copy of a database that flowkit has left at `database`.
    ///
    /// # Errors
    /// If SQLite or the disk fails.
    pub fn of(database: &Path, kept: &Kept) -> Result<Self, Box<dyn std::error::Error>> {
        let empty = database.with_extension("empty");
        fs::copy(database, &empty)?;
        let connection = Connection::open(&empty)?;
        let mut rows = [Rows::new(), Rows::new(), Rows::new()];
        for (table, rows) in TABLES.iter().zip(&mut rows) {
            let mut select = connection.prepare(&format!("SELECT * FROM {table}"))?;
            let columns = select.column_count();
            let values = select.query_map([], |row| (0..columns).map(|column| row.get(column)).collect())?;
            *rows = values.collect::<rusqlite::Result<_>>()?;
        }
        for table in TABLES {
            connection.execute(&format!("DELETE FROM {table}"), [])?;
        }
        connection.execute_batch("VACUUM")?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        drop(connection);
        Ok(Self { empty: fs::read(empty)?, rows, transactions: usize::try_from(kept.transactions)?.max(1) })
    }

    /// The task runs whose rows it has.
    #[must_use]
    pub fn task_runs(&self) -> usize {
        self.rows[0].len()
    }

    /// Task runs in one transaction, as the store had them on average.
    #[must_use]
    pub fn group(&self) -> usize {
        self.task_runs().div_ceil(self.transactions)
    }

    /// Writes all rows to a new database at `path`, in as many transactions as the store took.
    ///
    /// # Errors
    /// If SQLite or the disk fails.
    pub fn in_groups(&self, path: &Path) -> Result<Duration, Box<dyn std::error::Error>> {
        let mut connection = self.fresh(path)?;
        let started = Instant::now();
        for group in 0..self.transactions {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for (table, rows) in TABLES.iter().zip(&self.rows) {
                let place = |group: usize| group * rows.len() / self.transactions;
                insert(&transaction, table, &rows[place(group)..place(group + 1)])?;
            }
            transaction.commit()?;
        }
        Ok(started.elapsed())
    }

    /// Writes only the rows of the task runs to a new database at `path`, each in its own transaction. With `grown`, the log
    /// first gets the length that it has in a long run: on some disks, overwriting costs far less than appending.
    ///
    /// # Errors
    /// If SQLite or the disk fails.
    pub fn one_by_one(&self, path: &Path, grown: bool) -> Result<Duration, Box<dyn std::error::Error>> {
        let mut connection = self.fresh(path)?;
        if grown {
            connection
                .execute_batch("CREATE TABLE grown (bytes); INSERT INTO grown VALUES (zeroblob(6000000))")?;
            connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))?;
        }
        let [task_runs, ..] = &self.rows;
        let started = Instant::now();
        for row in task_runs {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            insert(&transaction, TABLES[0], std::slice::from_ref(row))?;
            transaction.commit()?;
        }
        Ok(started.elapsed())
    }

    fn fresh(&self, path: &Path) -> Result<Connection, Box<dyn std::error::Error>> {
        fs::write(path, &self.empty)?;
        fs::File::open(path)?.sync_all()?;
        let connection = Connection::open(path)?;
        connection.query_row("PRAGMA journal_mode = wal", [], |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.pragma_update(None, "mmap_size", 0)?;
        Ok(connection)
    }
}

fn insert(connection: &Connection, table: &str, rows: &[Vec<Value>]) -> rusqlite::Result<()> {
    let Some(columns) = rows.first().map(Vec::len) else { return Ok(()) };
    let marks = vec!["?"; columns].join(", ");
    let mut insert = connection.prepare_cached(&format!("INSERT INTO {table} VALUES ({marks})"))?;
    for row in rows {
        insert.execute(params_from_iter(row))?;
    }
    Ok(())
}
