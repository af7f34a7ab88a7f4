//! What is looked at before SQLite is let near a file: its place, its first bytes, its size. Changes nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use super::{failure, files, schema};
use crate::store::StoreError;

/// The first SQLite in which a reset of the write-ahead log cannot damage the database.
const SQLITE_MIN: i32 = 3_051_003;
// At compile time for what is bundled; `sqlite_version` looks again, since another crate may link another SQLite.
const _: () = assert!(rusqlite::ffi::SQLITE_VERSION_NUMBER >= SQLITE_MIN);

const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const HEADER_LEN: usize = 100;

/// Below this, writing is likely to fail soon.
const FREE_MIN_BYTES: u64 = 64 << 20;

/// Refuses a SQLite that may damage the file.
pub(super) fn sqlite_version(path: &Path, version: i32) -> Result<(), StoreError> {
    if version >= SQLITE_MIN {
        return Ok(());
    }
    Err(failure::open(
        path,
        format!(
            "this program is linked with SQLite {}, and before 3.51.3 its write-ahead log can damage a database; let \
             no other crate link a system's SQLite",
            rusqlite::version()
        ),
    ))
}

/// Warns of a network file system, and of a disk that is nearly full.
pub(super) fn warn_of_file_system(path: &Path) {
    let folder = files::folder_of(path);
    if let Some(name) = network_file_system(folder) {
        tracing::warn!(
            path = %path.display(),
            "the database lies on {name}: locks may not hold there, and two processes may damage it; use a local disk"
        );
    }
    if let Ok(disk) = rustix::fs::statvfs(folder) {
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free < FREE_MIN_BYTES {
            tracing::warn!(path = %path.display(), free_mb = free >> 20, "there is little room for the database");
        }
    }
}

#[cfg(target_os = "linux")]
fn network_file_system(folder: &Path) -> Option<&'static str> {
    // The numbers are those of statfs(2). Its field has another width on other machines, but never less than these.
    match rustix::fs::statfs(folder).ok()?.f_type as u32 {
        0x6969 => Some("NFS"),
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => Some("SMB"),
        0x0102_1997 => Some("9p"),
        _ => None,
    }
}

#[cfg(not(target_os = "linux"))]
fn network_file_system(_folder: &Path) -> Option<&'static str> {
    None
}

/// Looks at a file that is there: whether it is ours and whole, as far as its first bytes tell.
pub(super) fn look_at(path: &Path) -> Result<(), StoreError> {
    let metadata = fs::metadata(path).map_err(|error| failure::open_io(path, "look at it", error))?;
    if metadata.is_dir() {
        return Err(failure::open(path, "it is a directory; name a file in it"));
    }
    if !metadata.is_file() {
        return Err(failure::open(path, "it is not a file; choose another path"));
    }
    // A database that may not be written would be found out only at the first write.
    let file = OpenOptions::new().read(true).write(true).open(path);
    let mut file = file.map_err(|error| failure::open_io(path, "write it", error))?;
    let mut header = Vec::with_capacity(HEADER_LEN);
    let read = (&mut file).take(HEADER_LEN as u64).read_to_end(&mut header);
    read.map_err(|error| failure::open_io(path, "read it", error))?;
    judge(path, &header, &file)
}

fn judge(path: &Path, header: &[u8], file: &File) -> Result<(), StoreError> {
    let log = files::wal(path);
    if header.is_empty() {
        return Err(failure::open(
            path,
            "it is empty, so it was cut off or made by something else; delete it if nobody needs it",
        ));
    }
    if !header.starts_with(MAGIC) {
        return Err(failure::open(path, failure::NOT_A_DATABASE));
    }
    let Some(header) = header.first_chunk::<HEADER_LEN>() else {
        return Err(failure::open(path, failure::DAMAGED));
    };
    let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    if word(68) != schema::APPLICATION_ID {
        return Err(failure::open(path, "it is a SQLite database of another program; choose another path"));
    }
    // Page sizes are powers of two up to 65536, which is written as 1.
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    let said = page * u64::from(word(28));
    let len = file.metadata().map_err(|error| failure::open_io(path, "look at it", error))?.len();
    // What is missing may still be in the log, if a process died while it moved pages from there.
    let log_is_empty = fs::metadata(log).map_or(true, |metadata| metadata.len() == 0);
    if len < said && log_is_empty {
        return Err(failure::open(
            path,
            format!("it was cut off after {len} of {said} bytes; restore a backup"),
        ));
    }
    Ok(())
}

/// Whether there is something at `path`, if only a link that leads nowhere.
pub(super) fn is_taken(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
