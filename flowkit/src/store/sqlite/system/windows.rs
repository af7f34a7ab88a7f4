//! What the store wants of the system, as Windows gives it. `unix.rs` has the same functions.
//!
//! Here a lock is a file that is open and not shared: while it is open, nobody else can open, rename or remove it, and
//! when its process ends, however that comes about, the system closes it and takes it away. So the lock alone tells the
//! living from the dead, and nothing is asked of processes.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Component, Path, Prefix};

/// `FILE_FLAG_DELETE_ON_CLOSE`
const DELETE_ON_CLOSE: u32 = 0x0400_0000;
/// `ERROR_SHARING_VIOLATION`
const IS_NOT_SHARED: i32 = 32;

/// Makes a folder; one that is there stays as it is. Who may enter it is what its parent says: below a user's profile,
/// that user.
pub(super) fn private_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        done => done,
    }
}

/// Returns whose a file or folder is, if not this user's: nobody asks, since a folder below a user's profile lets in no other.
pub(super) fn other_owner(_metadata: &Metadata) -> Option<String> {
    None
}

/// Whether every user may change a file, or what is in a folder: what its parent says.
pub(super) fn is_writable_by_all(_metadata: &Metadata) -> bool {
    false
}

/// Whether every user may put another file in the place of one in this folder: what its parent says.
pub(super) fn lets_others_replace(_folder: &Metadata) -> bool {
    false
}

/// Makes a new file. Who may read it is what its folder says. There is no flag against links, and none is needed: for a file
/// that has to be new, the standard library follows none.
pub(super) fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Whether this user may write a file that is there. Only trying tells; here locks belong to who has taken them, and stay
/// when somebody else closes the file.
pub(super) fn may_write(path: &Path) -> io::Result<()> {
    OpenOptions::new().read(true).write(true).open(path).map(drop)
}

/// Returns what a folder lies on, if locks may not hold there. A share with a drive letter cannot be told from a disk.
pub(super) fn network_file_system(folder: &Path) -> Option<&'static str> {
    let Some(Component::Prefix(prefix)) = folder.components().next() else { return None };
    match prefix.kind() {
        Prefix::UNC(..) | Prefix::VerbatimUNC(..) => Some("a network share"),
        _ => None,
    }
}

/// Returns how much may still be written. Nobody knows: the call is not in the standard library, and not worth a crate.
pub(super) fn free_bytes(_folder: &Path) -> Option<u64> {
    None
}

/// Makes a file, and locks it for as long as it is open. It goes away when it is closed.
pub(super) fn take_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).share_mode(0).custom_flags(DELETE_ON_CLOSE).open(path)
}

/// Whether somebody holds the lock; `None` if that cannot be seen.
pub(super) fn is_locked(path: &Path) -> Option<bool> {
    match File::open(path) {
        Ok(_) => Some(false),
        Err(error) if error.raw_os_error() == Some(IS_NOT_SHARED) => Some(true),
        // Nobody can have removed it while it was held.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(false),
        Err(_) => None,
    }
}

/// Whether a lock that is free tells of a power cut. It does, if the file is there: the system had no time to remove it.
pub(super) fn tells_of_power_cut(free: &Path) -> bool {
    free.exists()
}

/// Whether a process is the one that started at that time: unknown here, and callers go by the lease.
pub(super) fn is_running(_pid: u32, _since: i64) -> Option<bool> {
    None
}

/// Returns what the processes have in common whose numbers are unique among each other: nobody asks.
pub(super) fn pid_space() -> String {
    String::new()
}

/// Returns when a process started: nobody needs to know.
pub(super) fn started(_pid: u32) -> Option<i64> {
    None
}

/// Returns the same after each start of the machine: no lock outlives one.
pub(super) fn boot_id() -> String {
    String::new()
}

/// Returns the name of the machine. Linux in Windows (WSL) has the same name and sees no lock of ours: to it, and to us, the
/// other one is another machine.
pub(super) fn host() -> String {
    let name = std::env::var("COMPUTERNAME").unwrap_or_default();
    format!("{name} (Windows)").trim_start().to_owned()
}

/// Returns what tells a file from another one at the same path: nothing, since none can be removed while it is open.
pub(super) fn file_id(_path: &Path) -> io::Result<(u64, u64)> {
    Ok((0, 0))
}
