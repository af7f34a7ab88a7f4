//! Names that many rows share: written once, and cached here by their address in the program.

use std::collections::HashMap;
use std::panic::Location;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::{codes, program};
use crate::model::{Declaration, place};

/// The version of a task's code that ran last.
pub(super) const LAST_SOURCE: &str =
    "SELECT source_hash FROM tasks WHERE path = ?1 ORDER BY last_no DESC LIMIT 1";

/// The numbers of tasks and locations. Cleared when a transaction fails: its rows are gone.
#[derive(Debug, Default)]
pub(super) struct Interned {
    // By address: both live as long as the program.
    tasks: HashMap<usize, i64>,
    locations: HashMap<usize, i64>,
    /// By revision.
    programs: HashMap<Option<Arc<str>>, Option<i64>>,
    /// Whether this program has a row without a digest.
    pub(super) needs_program_digest: bool,
}

impl Interned {
    pub(super) fn forget(&mut self) {
        self.tasks.clear();
        self.locations.clear();
        self.programs.clear();
    }

    pub(super) fn task(
        &mut self,
        connection: &Connection,
        task: &'static Declaration,
    ) -> rusqlite::Result<i64> {
        let address = std::ptr::from_ref(task) as usize;
        if let Some(no) = self.tasks.get(&address) {
            return Ok(*no);
        }
        let kind = codes::kind_code(task.kind);
        let (name, version) = (codes::text(task.name), task.version.map(codes::text));
        let (tags, source_hash) = (codes::json(task.tags)?, task.source_hash.cast_signed());
        let mut find = connection.prepare_cached(
            "SELECT no, last_no = (SELECT max(last_no) FROM tasks WHERE path = ?1) FROM tasks
             WHERE path = ?1 AND name = ?2 AND kind = ?3 AND version IS ?4 AND tags = ?5 AND source_hash = ?6 AND owner IS ?7",
        )?;
        let owner = task.owner.map(codes::text);
        let wording = params![task.path, name, kind, version, tags, source_hash, owner];
        let known = find.query_row(wording, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let no = match known {
            Some((no, true)) => no,
            // The code was changed back.
            Some((no, false)) => {
                connection
                    .prepare_cached(
                        "UPDATE tasks SET last_no = (SELECT max(last_no) + 1 FROM tasks WHERE path = ?1) WHERE no = ?2",
                    )?
                    .execute(params![task.path, no])?;
                no
            }
            None => {
                connection
                    .prepare_cached(
                        "INSERT INTO tasks (path, name, kind, version, tags, source_hash, owner, last_no)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, (SELECT coalesce(max(last_no), 0) + 1 FROM tasks WHERE path = ?1))",
                    )?
                    .execute(wording)?;
                connection.last_insert_rowid()
            }
        };
        self.tasks.insert(address, no);
        Ok(no)
    }

    pub(super) fn location(
        &mut self,
        connection: &Connection,
        location: &'static Location<'static>,
    ) -> rusqlite::Result<i64> {
        let address = std::ptr::from_ref(location) as usize;
        if let Some(no) = self.locations.get(&address) {
            return Ok(*no);
        }
        let text = place(location);
        let mut find = connection.prepare_cached("SELECT no FROM locations WHERE text = ?1")?;
        let no = match find.query_row([&text], |row| row.get(0)).optional()? {
            Some(no) => no,
            None => {
                connection.prepare_cached("INSERT INTO locations (text) VALUES (?1)")?.execute([&text])?;
                connection.last_insert_rowid()
            }
        };
        self.locations.insert(address, no);
        Ok(no)
    }
}

impl Interned {
    /// Returns the number of this program, unless its file is unknown.
    pub(super) fn program(
        &mut self,
        connection: &Connection,
        revision: Option<&Arc<str>>,
    ) -> rusqlite::Result<Option<i64>> {
        let revision = revision.cloned();
        if let Some(no) = self.programs.get(&revision) {
            return Ok(*no);
        }
        let found = program::row(connection, revision.as_deref())?;
        self.needs_program_digest |= found.is_some_and(|(_, is_needed)| is_needed);
        let no = found.map(|(no, _)| no);
        self.programs.insert(revision, no);
        Ok(no)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;

    const fn load(source_hash: u64) -> Declaration {
        Declaration::__new(Kind::Task, "load", "etl::load", "", None, &[], source_hash, file!(), line!())
    }

    #[test]
    fn the_source_that_was_run_last_is_known_also_after_the_code_was_changed_back() {
        static OLD: Declaration = load(1);
        static NEW: Declaration = load(u64::MAX);

        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("schema/0001.sql")).unwrap();
        let mut numbers = Vec::new();
        for task in [&OLD, &OLD, &NEW, &OLD, &NEW] {
            // Each time another process.
            numbers.push(Interned::default().task(&connection, task).unwrap());
            let last: i64 = connection.query_row(LAST_SOURCE, ["etl::load"], |row| row.get(0)).unwrap();
            assert_eq!(last.cast_unsigned(), task.source_hash);
        }
        assert_eq!(numbers, [1, 1, 2, 1, 2]);
    }
}
