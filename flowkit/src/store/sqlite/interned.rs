//! Names that many rows share: written once, and known here by where they stand in the program.

use std::collections::HashMap;
use std::panic::Location;

use rusqlite::{Connection, OptionalExtension, params};

use super::codes;
use crate::model::{Declaration, place};

/// The numbers of tasks and places. To be forgotten when a transaction fails: its rows are gone.
#[derive(Debug, Default)]
pub(super) struct Interned {
    // By address: both live as long as the program.
    tasks: HashMap<usize, i64>,
    places: HashMap<usize, i64>,
}

impl Interned {
    pub(super) fn forget(&mut self) {
        self.tasks.clear();
        self.places.clear();
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
        let tags = codes::json(task.tags)?;
        let mut find = connection.prepare_cached(
            "SELECT no FROM tasks WHERE path = ?1 AND name = ?2 AND kind = ?3 AND version IS ?4 AND tags = ?5",
        )?;
        let known =
            find.query_row(params![task.path, name, kind, version, tags], |row| row.get(0)).optional()?;
        let no = match known {
            Some(no) => no,
            None => {
                connection
                    .prepare_cached(
                        "INSERT INTO tasks (path, name, kind, version, tags) VALUES (?1, ?2, ?3, ?4, ?5)",
                    )?
                    .execute(params![task.path, name, kind, version, tags])?;
                connection.last_insert_rowid()
            }
        };
        self.tasks.insert(address, no);
        Ok(no)
    }

    pub(super) fn place(
        &mut self,
        connection: &Connection,
        location: &'static Location<'static>,
    ) -> rusqlite::Result<i64> {
        let address = std::ptr::from_ref(location) as usize;
        if let Some(no) = self.places.get(&address) {
            return Ok(*no);
        }
        let text = place(location);
        let mut find = connection.prepare_cached("SELECT no FROM places WHERE text = ?1")?;
        let no = match find.query_row([&text], |row| row.get(0)).optional()? {
            Some(no) => no,
            None => {
                connection.prepare_cached("INSERT INTO places (text) VALUES (?1)")?.execute([&text])?;
                connection.last_insert_rowid()
            }
        };
        self.places.insert(address, no);
        Ok(no)
    }
}
