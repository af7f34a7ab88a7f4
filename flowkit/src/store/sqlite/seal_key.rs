//! The key that seals secrets: a file beside the database. Not in it, so that a copy of the database does not let its
//! holder try out secrets; the database has the key's id.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};

use super::drafts::Draft;
use super::files;
use super::schema::publish;
use crate::model::SealKey;
use crate::store::seals;

/// Returns the path of a database's key.
pub(super) fn file(database: &Path) -> PathBuf {
    files::beside(database, "key")
}

/// Creates the key of a database that is about to be created, unless it has one. The key is durable when this returns.
pub(super) fn make(database: &Path) -> io::Result<SealKey> {
    let path = file(database);
    if let Some(key) = read(&path)? {
        return Ok(key);
    }
    let draft = Draft::begin(database, "key")?;
    write(&draft.path, &seals::random())?;
    publish(&draft.path, &path)?;
    files::sync_folder(files::folder_of(&path))?;
    read(&path)?.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it holds no key"))
}

fn write(path: &Path, key: &SealKey) -> io::Result<()> {
    let mut file = files::private_file(path)?;
    file.write_all(key.as_bytes())?;
    file.sync_all()
}

/// Reads a key; `None` if there is none.
fn read(path: &Path) -> io::Result<Option<SealKey>> {
    match fs::read(path) {
        Ok(bytes) => Ok(bytes.try_into().ok().map(SealKey::from_bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Records the id of the database's key.
pub(super) fn note(connection: &Connection, key: &SealKey) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM seal_key", [])?;
    connection.execute("INSERT INTO seal_key (id) VALUES (?1)", [key.id()]).map(drop)
}

/// Returns the key of an open database; `None` if it is missing. If nothing was sealed with the missing one, a new one
/// does as well.
pub(super) fn find(database: &Path, connection: &Connection) -> io::Result<Option<SealKey>> {
    let noted: Option<[u8; 8]> = connection
        .query_row("SELECT id FROM seal_key", [], |row| row.get(0))
        .optional()
        .map_err(io::Error::other)?;
    match read(&file(database))?.filter(|key| Some(key.id()) == noted) {
        Some(key) => Ok(Some(key)),
        None if is_used(connection).map_err(io::Error::other)? => Ok(None),
        None => renew(database, connection).map(Some),
    }
}

/// Creates a new key in place of a missing one. Seals made with that one match no secret any more.
pub(super) fn renew(database: &Path, connection: &Connection) -> io::Result<SealKey> {
    let path = file(database);
    match read(&path)? {
        Some(_) => {}
        // It is no key: a truncated file, for example.
        None => fs::remove_file(&path).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?,
    }
    let key = make(database)?;
    note(connection, &key).map_err(io::Error::other)?;
    Ok(key)
}

fn is_used(connection: &Connection) -> rusqlite::Result<bool> {
    connection
        .query_row("SELECT EXISTS (SELECT 1 FROM task_runs WHERE seal IS NOT NULL)", [], |row| row.get(0))
}
