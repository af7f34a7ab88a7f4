//! Who owns the files: those that another user could have planted or could change are refused before anything is read
//! or written. Also makes a program's folder so that this cannot happen.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{failure, files, preflight, system};
use crate::store::StoreError;

/// What keeps a program's runs out of its repository.
const IGNORE_ALL: &[u8] = b"*\n";

/// Makes the folder in which a program keeps its database, private to this user whatever the umask, and with a
/// `.gitignore`. An existing one must be a folder that this user owns.
///
/// # Errors
///
/// [`StoreError::Open`] with the reason and what to do.
pub(crate) fn make(path: &Path, database: &Path) -> Result<(), StoreError> {
    let refused = |error| failure::open_io(path, "make the folder", error);
    if !preflight::is_taken(path).map_err(refused)? {
        files::private_folder(path).map_err(refused)?;
    }
    check(path)?;
    // As long as there is no database, the process that made the folder may have died before the folder was durable or
    // had a `.gitignore`. Later on, that file is the user's to change or remove.
    if !preflight::is_taken(database).map_err(refused)? {
        files::sync_folder(files::folder_of(path)).map_err(refused)?;
        ignore_all(&path.join(".gitignore")).map_err(refused)?;
    }
    Ok(())
}

fn ignore_all(path: &Path) -> io::Result<()> {
    match files::private_file(path) {
        // Another process was faster, or the user has written one.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made?.write_all(IGNORE_ALL),
    }
}

/// Refuses a database that another user could have planted or could change, including the files beside it.
pub(super) fn check_all(database: &Path) -> Result<(), StoreError> {
    let folder = files::folder_of(database);
    if fs::metadata(folder).is_ok_and(|metadata| system::lets_others_replace(&metadata)) {
        return Err(failure::open(
            database,
            format!(
                "every user may put another file in its place; run `chmod o-w {0}`, or choose a folder of your own",
                folder.display()
            ),
        ));
    }
    for path in parts(database) {
        check(&path)?;
    }
    Ok(())
}

/// The files and folders of a database: itself, those of SQLite, and those of flowkit.
fn parts(database: &Path) -> [PathBuf; 6] {
    let [owners, values, key] = ["owners", "values", "key"].map(|suffix| files::beside(database, suffix));
    let [wal, shared] = ["-wal", "-shm"].map(|suffix| {
        let mut name = database.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    });
    [database.to_owned(), wal, shared, owners, values, key]
}

/// Refuses an existing file or folder that this user does not own.
fn check(path: &Path) -> Result<(), StoreError> {
    // What cannot be inspected cannot be opened either, and opening it gives the reason.
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(()) };
    let shown = path.display();
    // What is neither file nor folder is refused as such.
    if !metadata.is_symlink() && !metadata.is_file() && !metadata.is_dir() {
        return Ok(());
    }
    if metadata.is_symlink() {
        return Err(failure::open(
            path,
            "it is a symbolic link, which may lead to files of somebody else; remove the link, or name the place that it \
             leads to",
        ));
    }
    if let Some(user) = system::other_owner(&metadata) {
        return Err(failure::open(
            path,
            format!(
                "it belongs to another user ({user}), who can read and change what is kept there; run \
                 `chown -R $(id -u) {shown}` if it is yours, or choose another path"
            ),
        ));
    }
    if system::is_writable_by_all(&metadata) {
        return Err(failure::open(
            path,
            format!("every user may change it; run `chmod -R go-rwx {shown}`, or choose another path"),
        ));
    }
    Ok(())
}
