//! What the store needs of the system, on Windows. `unix.rs` has the same functions.
//!
//! Here a lock is an open file without sharing: while it is open, no other process can open, rename or remove it, and
//! when its process ends, for whatever reason, the system closes and removes it. So the lock alone tells living owners
//! from dead ones, and processes need not be looked up.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Component, Path, Prefix};

/// `FILE_FLAG_DELETE_ON_CLOSE`
const DELETE_ON_CLOSE: u32 = 0x0400_0000;
/// `ERROR_SHARING_VIOLATION`
const IS_NOT_SHARED: i32 = 32;

/// Creates a folder; an existing one stays as it is. Its permissions are those of its parent: below a user's profile,
/// for that user only.
pub(super) fn private_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        done => done,
    }
}

/// Returns the owner of a file or folder, unless it is this user: not checked, since a folder below a user's profile
/// lets in no other user.
pub(super) fn other_owner(_metadata: &Metadata) -> Option<String> {
    None
}

/// Whether every user may change a file, or the content of a folder: not checked, its parent decides.
pub(super) fn is_writable_by_all(_metadata: &Metadata) -> bool {
    false
}

/// Whether every user may replace a file in this folder: not checked, its parent decides.
pub(super) fn lets_others_replace(_folder: &Metadata) -> bool {
    false
}

/// Creates a new file, with the permissions of its folder. There is no flag against links, and none is needed: for a
/// file that has to be new, the standard library follows none.
pub(super) fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Whether this user may write an existing file. Only trying tells; here closing a file releases no lock that was taken
/// through another handle.
pub(super) fn may_write(path: &Path) -> io::Result<()> {
    OpenOptions::new().read(true).write(true).open(path).map(drop)
}

/// Returns the file system of a folder, if locks may not work there. A share with a drive letter cannot be told from a
/// disk.
pub(super) fn network_file_system(folder: &Path) -> Option<&'static str> {
    let Some(Component::Prefix(prefix)) = folder.components().next() else { return None };
    match prefix.kind() {
        Prefix::UNC(..) | Prefix::VerbatimUNC(..) => Some("a network share"),
        _ => None,
    }
}

/// Returns the free space. Not known: the call is not in the standard library, and not worth a crate.
pub(super) fn free_bytes(_folder: &Path) -> Option<u64> {
    None
}

/// Creates a file, and locks it for as long as it is open. It is removed when it is closed.
pub(super) fn take_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).share_mode(0).custom_flags(DELETE_ON_CLOSE).open(path)
}

/// Whether the lock is held; `None` if that cannot be seen.
pub(super) fn is_locked(path: &Path) -> Option<bool> {
    match File::open(path) {
        Ok(_) => Some(false),
        Err(error) if error.raw_os_error() == Some(IS_NOT_SHARED) => Some(true),
        // No process can have removed it while it was held.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(false),
        Err(_) => None,
    }
}

/// Whether a free lock is a sign of a power cut. It is, if the file exists: the system had no time to remove it.
pub(super) fn reveals_power_cut(free: &Path) -> bool {
    free.exists()
}

/// Whether the process with this id started at that time: not known here, and callers go by the lease.
pub(super) fn is_running(_pid: u32, _since: i64) -> Option<bool> {
    None
}

/// Returns the namespace in which process ids are unique: not used here.
pub(super) fn pid_space() -> String {
    String::new()
}

/// Returns when a process started: not used here.
pub(super) fn started(_pid: u32) -> Option<i64> {
    None
}

/// Returns the same in each boot of the machine: no lock outlives one.
pub(super) fn boot_id() -> String {
    String::new()
}

/// Returns the name of the machine. Linux in Windows (WSL) has the same name and does not see these locks, so each
/// counts as another machine for the other.
pub(super) fn host() -> String {
    let name = std::env::var("COMPUTERNAME").unwrap_or_default();
    format!("{name} (Windows)").trim_start().to_owned()
}

/// Returns the identity of a file, which tells it from another one at the same path: not needed, since none can be
/// removed while it is open.
pub(super) fn file_id(_path: &Path) -> io::Result<(u64, u64)> {
    Ok((0, 0))
}
